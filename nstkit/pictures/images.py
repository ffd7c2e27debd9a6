"""Pictures in and out. An image is a float32 tensor (1, 3, H, W) of sRGB values in [0, 1]."""

from __future__ import annotations

import difflib
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import torch
from PIL import Image, PngImagePlugin
from torch import Tensor

from nstkit.files import replacing
from nstkit.pictures.decode import decode, identify

Source = str | os.PathLike[str] | BinaryIO | Image.Image

KINDS = ("content", "style", "light")  # of bundled pictures, and their folders

_JPEG = {"format": "JPEG", "quality": 95, "subsampling": "4:4:4"}
_TIFF = {"format": "TIFF", "compression": "tiff_lzw"}
_FORMATS = {".png": {"format": "PNG"}, ".jpg": _JPEG, ".jpeg": _JPEG, ".tif": _TIFF, ".tiff": _TIFF}
_FORMATS |= {".webp": {"format": "WEBP", "quality": 95}, ".bmp": {"format": "BMP"}}
JPEG_TEXTS = 60_000  # bytes of metadata that fit into a JPEG: its EXIF block has 64 kB in all
_GROUNDS = ("black", "white")  # what is transparent shows which one is behind it
_TRANSPARENT = (".png", ".webp", ".tif", ".tiff")
_DESCRIPTION = 0x010E  # the EXIF tag that carries metadata where there are no PNG texts


def load_image(
    source: Source, size: int | None = None, device: torch.device | str = "cpu"
) -> Tensor:
    """Load a picture of any common kind as sRGB.

    An embedded color profile is applied, transparency is laid over white with a warning, gray of 16
    bits or floats is scaled to [0, 1], and of several frames the first is used. EXIF orientation is
    applied to files, and to a PIL image as `PIL.Image.open` returned it. One that was made from it,
    by ``rotate``, ``convert`` or else, is taken as it shows itself. A JPEG file of more than 4
    million pixels is decoded at a half, a quarter or an eighth if that is twice ``size`` or more,
    which takes much less time and memory.

    Args:
        source: A path, a binary file object (read from its start, left open), a `PIL.Image.Image`,
            or the name of a bundled picture such as "cat" if there is no such file.
        size: Long side of the result in pixels, at least 32; the aspect is kept, and
            downscaling is antialiased. None keeps the picture's own size.
        device: Where the tensor goes.

    Returns:
        A contiguous float32 tensor (1, 3, H, W) with values in [0, 1].

    Raises:
        FileNotFoundError, IsADirectoryError: No such file or bundled picture; a folder.
        ValueError: Not a picture, damaged, cut off, too large, too small, or a wrong `size`.
        TypeError: The source is none of the accepted kinds.
    """
    return load_at(source, size, device)[0]


def load_at(
    source: Source,
    size: int | None = None,
    device: torch.device | str = "cpu",
    enlarge: bool = True,
    ground: str | None = None,
) -> tuple[Tensor, int]:
    """Load a picture as `load_image` does. Return it, and the long side in px that it had itself.

    Args:
        source: As there.
        size: As there.
        device: As there.
        enlarge: Whether a picture smaller than ``size`` is enlarged, or stays as it is.
        ground: Color behind what is transparent; None is white, with a warning.
    """
    if isinstance(source, Image.Image):
        picture, own = _decoded(source, "the PIL image", size, enlarge, ground)
    else:
        with _opened(source) as (file, name):
            picture, own = _decoded(identify(file, name), name, size, enlarge, ground)
    pixels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).to(device)
    pixels = pixels.view(1, picture.height, picture.width, 3).permute(0, 3, 1, 2)
    return pixels.contiguous().float().div_(255), own


def opacity(source: Source, height: int, width: int) -> Tensor | None:
    """Return how opaque a picture is, (1, 1, height, width) in [0, 1]; None if it is everywhere.

    Raises:
        FileNotFoundError, IsADirectoryError, ValueError, TypeError: As `load_image` does; or the
            picture has other proportions.
    """
    on = {ground: load_at(source, max(height, width), ground=ground)[0] for ground in _GROUNDS}
    apart = on["white"] - on["black"]
    if apart.shape[-2:] != (height, width):
        raise ValueError(
            f"{name_of(source)} becomes {apart.shape[-1]} x {apart.shape[-2]} px at the size of "
            f"the painting, which has {width} x {height}; expected the photograph that was painted"
        )
    return 1 - apart.mean(1, keepdim=True) if apart.any() else None


def own_side(source: Source) -> int:
    """Return the long side in px that a picture has itself. Only its header is read.

    Raises:
        FileNotFoundError, IsADirectoryError, ValueError, TypeError: As `load_image` does.
    """
    if isinstance(source, Image.Image):
        return max(source.size)
    with _opened(source) as (file, name):
        return max(identify(file, name).size)


def _decoded(
    picture: Image.Image, name: str, size: int | None, enlarge: bool, ground: str | None
) -> tuple[Image.Image, int]:
    own = max(picture.size)
    kept = not enlarge and own <= size
    return decode(picture, name, None if kept else size, ground), own


def to_pil(image: Tensor) -> Image.Image:
    """Turn an image into an 8-bit RGB picture, clamped to [0, 1] and rounded.

    Args:
        image: Float tensor (1, 3, H, W) or (3, H, W), of any float dtype and on any device.

    Raises:
        ValueError: Another shape or dtype, or values that are not finite.
    """
    if not (isinstance(image, Tensor) and image.is_floating_point() and _is_one_image(image.shape)):
        kind, shape = getattr(image, "dtype", type(image)), tuple(getattr(image, "shape", ()))
        raise ValueError(f"got {kind} {shape}; expected one float image (1, 3, H, W) or (3, H, W)")
    pixels = image.reshape(image.shape[-3:]).to("cpu", torch.float32)
    if not pixels.isfinite().all():
        raise ValueError(
            "got NaN or infinite values; expected [0, 1]; take an earlier step's image"
        )
    return Image.fromarray(pixels.clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).numpy())


def check_picture(name: str, picture: object) -> None:
    """Raise ValueError unless an object is one picture, (1, 3, H, W) of floats in [0, 1].

    A hundredth beyond that range is allowed, because arithmetic rounds.

    Args:
        name: what the message calls it, such as "content".
        picture: what was given.
    """
    if not isinstance(picture, Tensor):
        raise ValueError(
            f"{name} is a {type(picture).__name__}; expected a tensor (1, 3, height, width). "
            "Load it with nstkit.load_image."
        )
    if picture.dim() != 4 or picture.shape[:2] != (1, 3) or not picture.is_floating_point():
        raise ValueError(
            f"{name} is a tensor {tuple(picture.shape)} of {picture.dtype}; expected one picture, "
            "(1, 3, height, width) of floats. Load it with nstkit.load_image."
        )
    if not picture.numel():
        raise ValueError(f"{name} has no pixels: it is a tensor {tuple(picture.shape)}.")
    low, high = picture.min().item(), picture.max().item()
    if not -0.01 <= low <= high <= 1.01:  # this is true of values that are not a number, too
        raise ValueError(
            f"The values of {name} lie in [{low:g}, {high:g}]; expected [0, 1]. Divide by 255, or "
            "clamp it?"
        )


def _is_one_image(shape: Sequence[int]) -> bool:
    """Return whether a shape is (3, H, W) or (1, 3, H, W), with H and W above 0."""
    batch, image = shape[:-3], shape[-3:]
    return len(image) == 3 and image[0] == 3 and min(image) > 0 and tuple(batch) in ((), (1,))


def save_image(
    image: Tensor,
    path: str | os.PathLike[str],
    metadata: Mapping[str, str] | None = None,
    alpha: Tensor | None = None,
) -> Path:
    """Save an image to a file, completely or not at all, and return the file's path.

    Args:
        image: Float tensor (1, 3, H, W) or (3, H, W) with values in [0, 1].
        path: Where to; its suffix (.png .jpg .jpeg .webp .tif .tiff .bmp) chooses the format.
            JPEG and WebP have quality 95, JPEG keeps its colors at full resolution.
        metadata: Texts that travel in the file (but for BMP); `read_metadata` reads them back.
        alpha: How opaque each pixel is, (1, 1, H, W) in [0, 1]; None is everywhere. PNG, WebP and
            TIFF keep it.

    Raises:
        FileNotFoundError: There is no such folder.
        ValueError: Unknown suffix, unfit image, metadata or alpha.
    """
    path, picture = Path(os.path.expanduser(path)), to_pil(image)
    options = save_options(path, metadata or {})
    if alpha is not None:
        check_transparent(path)
        if alpha.shape != (1, 1, picture.height, picture.width):
            raise ValueError(
                f"alpha is a tensor {tuple(alpha.shape)}; expected (1, 1, {picture.height}, "
                f"{picture.width}), like the image"
            )
        picture.putalpha(to_pil(alpha.expand(-1, 3, -1, -1)).getchannel(0))
    with replacing(path) as draft:
        picture.save(draft, **options)
    return path


def check_transparent(path: str | os.PathLike[str]) -> None:
    """Raise ValueError unless a file of this suffix can be transparent."""
    if Path(path).suffix.lower() not in _TRANSPARENT:
        raise ValueError(f"'{path}' cannot be transparent; use {', '.join(_TRANSPARENT)}")


def read_metadata(path: str | os.PathLike[str] | BinaryIO) -> dict[str, str]:
    """Read the texts that `save_image` put into a file; {} if there are none."""
    with _opened(path) as (file, name):
        picture = identify(file, name)
        with suppress(Exception):  # no metadata, or another program's
            text = picture.info.get("Description") or picture.getexif()[_DESCRIPTION]
            return dict(json.loads(text)["nstkit"])
    return {}


def samples(kind: str | None = None) -> list[str]:
    """Return the sorted names of the bundled pictures.

    Args:
        kind: "content", photographs to paint; "style", artworks; "light", photographs that take
            their light from each other, for `nstkit.PHOTOREAL`; None is all.

    Raises:
        ValueError: Another kind.
    """
    if kind not in (None, *KINDS):
        raise ValueError(f"kind={kind!r}; expected one of {list(KINDS)}, or None")
    return sorted(path.stem for path in _sample_paths() if kind in (None, path.parent.name))


def sample_path(name: str) -> Path:
    """Return the path of the bundled picture `name`, such as "cat"; ValueError if there is none."""
    if name not in samples():
        raise ValueError(f"no bundled picture {name!r}; {_known(name)}")
    return next(path for path in _sample_paths() if path.stem == name)


def _sample_paths() -> list[Path]:
    package = Path(__file__).parents[1]
    root = package / "samples"  # in a wheel; in a clone they lie beside the package
    root = root if root.is_dir() else package.parent / "images"
    return [path for kind in KINDS for path in root.glob(f"{kind}/*.jpg")]


def _known(name: str) -> str:
    close = difflib.get_close_matches(Path(str(name)).stem.lower(), samples(), 1)
    guess = f"; did you mean {close[0]!r}?" if close else ""
    return f"bundled are {', '.join(samples())}{guess}"


def name_of(source: Any) -> str:
    """Return what to call a picture in a file's metadata: never a folder of this machine."""
    name = source if isinstance(source, str | os.PathLike) else getattr(source, "filename", "")
    return Path(name).name or type(source).__name__.lower()


@contextmanager
def _opened(source: Source) -> Iterator[tuple[BinaryIO, str]]:
    """Yield a readable file and its name for messages; close it only if it was opened here."""
    if hasattr(source, "read") and not isinstance(source, io.TextIOBase):
        if getattr(source, "closed", False):
            raise ValueError("the file object is closed; open it again, or pass the path")
        name = getattr(source, "name", None)  # of a file that was opened by its name
        if isinstance(source, io.BytesIO):  # two threads may read it, so each has its own place
            source = io.BytesIO(source.getvalue())
        yield source, f"'{Path(name).name}'" if isinstance(name, str) else "the file object"
    elif not isinstance(source, str | os.PathLike):
        raise TypeError(
            f"got {type(source).__name__}; expected a path, a file opened with 'rb' or a PIL image"
        )
    else:
        path = path_of(source)
        with path.open("rb") as file:
            yield file, f"'{path}'"


def path_of(source: str | os.PathLike[str]) -> Path:
    """Return the path of an existing file, or else that of the bundled picture of this name."""
    path, name = Path(os.path.expanduser(source)), str(source)
    if os.path.exists(path) and not os.path.isdir(path):  # unlike Path's, these never raise
        if not os.access(path, os.R_OK):
            raise ValueError(f"'{path}' must not be read by this user; change its permissions")
        return path
    if name in samples():
        return sample_path(name)
    if os.path.isdir(path):
        raise IsADirectoryError(f"'{path}' is a folder; expected a picture: name a file inside it")
    hint = _known(name) if path.name == name else "check the spelling; download what is on the web"
    raise FileNotFoundError(f"there is no file '{name}' (in {os.getcwd()}); {hint}")


def fits(path: str | os.PathLike[str], metadata: Mapping[str, str]) -> bool:
    """Return whether a file of this suffix can hold metadata: a JPEG holds little."""
    jpeg = _FORMATS.get(Path(path).suffix.lower()) is _JPEG
    return not jpeg or len(_text(metadata)) <= JPEG_TEXTS


def _text(metadata: Mapping[str, str]) -> str:
    return json.dumps({"nstkit": dict(metadata)})


def save_options(path: Path, metadata: Mapping[str, str]) -> dict[str, object]:
    """Return the arguments of Pillow's save, after checking folder, suffix and metadata."""
    if not path.parent.is_dir():
        raise FileNotFoundError(f"no folder '{path.parent}' for '{path.name}'; make it first")
    if path.suffix.lower() not in _FORMATS:
        raise ValueError(f"'{path}' ends in {path.suffix!r}; expected one of {', '.join(_FORMATS)}")
    options = _FORMATS[path.suffix.lower()]
    if not metadata:
        return options
    if options["format"] == "BMP":
        raise ValueError(f"'{path}': BMP carries no metadata; use .png, .jpg, .webp or .tif")
    if not all(isinstance(text, str) for item in metadata.items() for text in item):
        raise ValueError(f"metadata is {metadata!r}; expected texts under texts: use str(value)")
    text = _text(metadata)
    if options["format"] == "PNG":
        texts = PngImagePlugin.PngInfo()
        texts.add_itxt("Description", text)
        return {**options, "pnginfo": texts}
    if not fits(path, metadata):
        raise ValueError(
            f"'{path}': the metadata has {len(text)} bytes, and a JPEG holds {JPEG_TEXTS}; use "
            ".png, .webp or .tif"
        )
    exif = Image.Exif()
    exif[_DESCRIPTION] = text
    return {**options, "exif": exif}
