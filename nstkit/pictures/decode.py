"""From any picture that Pillow can open to an upright 8-bit sRGB one, or to a clear error."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

import torch
from PIL import Image, ImageCms, ImageFile, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile
from torch import Tensor

from nstkit.options import check_whole
from nstkit.pictures.foreign import (
    RAW,
    bits_of,
    is_raw,
    kind_of,
    rare_tiff,
    tags_of,
    white_is_zero,
)
from nstkit.pictures.mend import (
    LACKING,
    jpeg_at,
    jpeg_with_end,
    png_without_texts,
    tells_of_texts,
)

MAX_PIXELS = 64_000_000
"""Larger pictures are refused by their header, before anything is decoded."""
MAX_JPEG = 4 * MAX_PIXELS
"""As many pixels may a JPEG have that is decoded smaller."""
SMALL = 4_000_000
"""JPEGs of fewer pixels are decoded as they are: that takes no time."""
MIN_SIDE = 32
"""Shorter sides, in pixels, are refused: they leave the deeper layers of the network nothing."""

TOPS = (1.0, 255.0, 65535.0)  # what white may be, in pictures of floats or of 32 bits

_TURN = Image.Transpose
_TURNS = {2: _TURN.FLIP_LEFT_RIGHT, 3: _TURN.ROTATE_180, 4: _TURN.FLIP_TOP_BOTTOM}
_TURNS |= {5: _TURN.TRANSPOSE, 6: _TURN.ROTATE_270, 7: _TURN.TRANSVERSE, 8: _TURN.ROTATE_90}
_SIDEWAYS = [_TURNS[orientation] for orientation in (5, 6, 7, 8)]
_PROFILE_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}


def identify(file: BinaryIO, name: str) -> Image.Image:
    """Open a picture by its header, without decoding it.

    Args:
        file: A binary file, read from its start. It is not closed.
        name: What messages call it.

    Raises:
        ValueError: Not a picture.
    """
    with _explained(name):
        try:
            file.seek(0)
        except (AttributeError, OSError):  # a download, a pipe
            file = io.BytesIO(file.read())
        head = bytes(file.read(64))
    with _explained(name, file, head):
        picture = _opened(file, head)
        # Texts of a PNG may be named like what Pillow itself stores under these names.
        for key in ("exif", "icc_profile", "transparency"):
            if isinstance(picture.info.get(key), str):
                del picture.info[key]
        # Pillow spreads grays of 2 and 4 bits over 0 to 255, but not the one that is clear.
        clear = picture.info.get("transparency")
        if picture.format == "PNG" and head[24:26] in (b"\2\0", b"\4\0") and clear is not None:
            picture.info["transparency"] = clear * 255 // (2 ** head[24] - 1)
    if picture.format in ("EPS", "WMF"):  # Pillow would run another program on them
        raise ValueError(f"{name} is a drawing ({picture.format}); export it as PNG")
    return picture


def _opened(file: BinaryIO, head: bytes) -> Image.Image:
    try:
        return Image.open(file)
    except Image.DecompressionBombError:
        if not head.startswith(b"\xff\xd8"):
            raise
        return jpeg_at(file, 1)  # which may be decoded smaller
    except ValueError as error:
        if not tells_of_texts(error):
            raise
        return png_without_texts(file)


def decode(
    picture: Image.Image, name: str, size: int | None = None, ground: str | None = None
) -> Image.Image:
    """Decode a picture completely, set it upright, convert it to sRGB over a color, resize it.

    Args:
        picture: Any Pillow image; it is not changed.
        name: What messages call it.
        size: Long side of the result in pixels; None keeps the picture's own.
        ground: Color behind what is transparent; None is white, with a warning.

    Returns:
        A new image of mode RGB.

    Raises:
        ValueError: Damaged, cut off, too large, too small, too elongated, or a wrong `size`.
    """
    if size is not None:
        size = check_whole("size", size, MIN_SIDE)
        if size > MAX_PIXELS:
            raise ValueError(f"size is {size}; expected {MAX_PIXELS} px or less")
    if is_raw(tags_of(picture)):
        raise ValueError(f"{name} is {RAW}.")
    own, scale = picture.size, _scale(picture, size)
    _check_pixels(picture, scale, name)
    with _explained(name, picture=picture):
        # MPO is what many phones write: a JPEG with a depth or brightness map behind it.
        frames = getattr(picture, "is_animated", False) and picture.format != "MPO"
        frames = frames and picture.tell() == 0  # otherwise the caller chose the frame
        loaded, lacking = _loaded(picture, scale)
        turn = _turn(picture if scale > 1 else loaded)
    if lacking:
        _warn(f"{name} is cut off, and its last pixels may be gray; download or export it again")
    if frames:
        _warn(f"{name} has more than one frame; only the first is used")
    if ImageFile.LOAD_TRUNCATED_IMAGES:
        _warn("ImageFile.LOAD_TRUNCATED_IMAGES is on: pictures that are cut off go unnoticed")
    shape = own if scale > 1 else loaded.size  # some TIFFs change theirs when they are loaded
    return _fitted(_over(ground, loaded, name), shape, scale, turn, size, name)


def _fitted(
    picture: Image.Image, own: tuple[int, int], scale: int, turn: Image.Transpose | None,
    size: int | None, name: str,
) -> Image.Image:  # fmt: skip
    """Return a picture upright and resized; ``own`` is its size in px before it was decoded."""
    sideways = turn in _SIDEWAYS
    goal = _goal(own[::-1] if sideways else own, size, name)
    if scale > 1:  # its last row and column reach beyond the picture
        box = 0, 0, own[0] / scale, own[1] / scale
        here = goal[::-1] if sideways else goal
        picture = picture.resize(here, Image.Resampling.LANCZOS, box)
    picture = picture if turn is None else picture.transpose(turn)
    return picture if goal == picture.size else picture.resize(goal, Image.Resampling.LANCZOS)


def _shrinks(picture: Image.Image) -> bool:
    """Tell whether a picture is a large JPEG in a file, which can be decoded smaller."""
    if not isinstance(picture, JpegImageFile) or not picture.tile or picture.decoderconfig:
        return False  # loaded already, or its owner has chosen how to decode it
    first = not getattr(picture, "is_animated", False) or picture.tell() == 0
    return bool(picture.fp) and first and SMALL < math.prod(picture.size) <= MAX_JPEG


def _scale(picture: Image.Image, size: int | None) -> int:
    """Return how many times smaller a picture is decoded: 1, or of a large JPEG 2, 4 or 8.

    At least twice the size is decoded, so that the antialiased resize decides how it looks. A
    picture that is too large otherwise may be decoded at the size itself.
    """
    if size is None or not _shrinks(picture):
        return 1
    least = (2 * size, size) if math.prod(picture.size) > MAX_PIXELS else (2 * size,)
    long = max(picture.size)
    return next((scale for side in least for scale in (8, 4, 2) if long // scale >= side), 1)


def _turn(picture: Image.Image) -> Image.Transpose | None:
    """Return how a picture is set upright; None if it is.

    What Pillow has made of a file, by turning it or else, still has the file's EXIF, so only what
    comes from a file is turned.
    """
    with suppress(Exception):  # a broken EXIF block is no reason to refuse the picture
        if isinstance(picture, ImageFile.ImageFile):
            return _TURNS.get(picture.getexif().get(0x0112))
    return None


def _loaded(picture: Image.Image, scale: int) -> tuple[Image.Image, float]:
    """Load a picture, or one like it if Pillow refuses a sound file; see `nstkit.pictures.mend`.

    Args:
        picture: Any. It keeps its size.
        scale: How many times smaller to decode it, a JPEG from a file.

    Returns:
        The picture, and which share of its pixels lacks.
    """
    file = getattr(picture, "fp", None)
    try:
        if scale > 1:
            info, picture = picture.info, jpeg_at(file, scale)
            picture.info = info
        picture.load()
    except (OSError, ValueError) as error:
        if tells_of_texts(error):
            picture = png_without_texts(file)
            picture.load()
            return picture, 0.0
        if picture.format != "JPEG" or isinstance(error, ValueError):
            raise
        found, lacking = jpeg_with_end(file, scale)
        if lacking > LACKING:
            raise
        return found, lacking
    return picture, 0.0


@contextmanager
def _explained(
    name: str, file: BinaryIO | None = None, head: bytes = b"", picture: Image.Image | None = None
) -> Iterator[None]:
    """Turn whatever Pillow's decoders raise into a ValueError, and silence their remarks.

    Args:
        name: What messages call the picture.
        file: That is opened, and its first bytes.
        head: See there.
        picture: That is decoded.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except UnidentifiedImageError as error:
        raise _foreign(name, kind_of(file, head)) from error
    except Image.DecompressionBombError as error:
        raise ValueError(f"{name} is too large ({error}); scale it down first") from error
    except ValueError as error:
        if "closed" not in str(error):
            raise _damaged(name, error) from error
        raise ValueError(f"{name} is closed; open it again, or pass the path") from error
    except Exception as error:  # decoders of damaged data raise nearly everything
        rare = rare_tiff(picture)
        raise (_foreign(name, rare) if rare else _damaged(name, error)) from error


def _foreign(name: str, kind: str) -> ValueError:
    return ValueError(f"{name} is not a picture that can be read: it is {kind}")


def _damaged(name: str, error: Exception) -> ValueError:
    return ValueError(
        f"{name} cannot be read completely ({error}); expected an undamaged picture; download or "
        "export it again"
    )


def _warn(message: str, stacklevel: int = 6) -> None:
    warnings.warn(message, UserWarning, stacklevel)  # points at the caller of load_image


def _check_pixels(picture: Image.Image, scale: int, name: str) -> None:
    shape = picture.size
    if math.prod(shape) // scale**2 > MAX_PIXELS:
        smaller = f"use size={max(shape) // 2} or less, or " if _shrinks(picture) else ""
        raise ValueError(
            f"{name} has {shape[0]} x {shape[1]} pixels, expected at most {MAX_PIXELS // 10**6} "
            f"million; {smaller}scale it down first"
        )
    if min(shape) < MIN_SIDE:
        raise ValueError(
            f"{name} has {shape[0]} x {shape[1]} pixels, expected at least {MIN_SIDE} on each "
            "side; use a larger picture"
        )


def _goal(shape: tuple[int, int], size: int | None, name: str) -> tuple[int, int]:
    """Return the (width, height) of long side `size`, checked."""
    if size is None:
        return shape
    ratio = min(shape) / max(shape)
    short = max(1, round(size * ratio))
    goal = (size, short) if shape[0] >= shape[1] else (short, size)
    got = f"{name} has {shape[0]} x {shape[1]} pixels; with size={size} it becomes "
    got += "{} x {}".format(*goal)
    if short < MIN_SIDE:
        fit = math.ceil(MIN_SIDE / ratio)
        raise ValueError(f"{got}, expected at least {MIN_SIDE}; use size={fit} or more, or crop it")
    if size * short > MAX_PIXELS:
        fit = int((math.sqrt(0.25 + 4 * ratio * MAX_PIXELS) - 0.5) / (2 * ratio))
        raise ValueError(f"{got}, over {MAX_PIXELS // 10**6} million; use size={fit} or less")
    return goal


def _over(ground: str | None, picture: Image.Image, name: str) -> Image.Image:
    """Return the picture as sRGB, with its alpha channel, if any, laid over a color."""
    profile = picture.info.get("icc_profile")
    if picture.mode.startswith(("I", "F")):
        picture = _to_8_bit(picture, name)
    gray, alpha = picture.mode in ("1", "L", "LA", "La"), None
    if picture.has_transparency_data:
        picture = picture.convert("LA" if gray else "RGBA")
        alpha = picture.getchannel("A")
    if picture.mode not in ("CMYK", "LAB"):
        picture = picture.convert("L" if gray else "RGB")
    picture = _to_srgb(picture, profile, name)
    if alpha is None:
        return picture
    if ground is None and alpha.getextrema()[0] < 255:
        _warn(f"{name} is transparent in parts, and is laid over white", 7)
    return Image.composite(picture, Image.new("RGB", picture.size, ground or "white"), alpha)


def _to_srgb(picture: Image.Image, profile: bytes | None, name: str) -> Image.Image:
    if not profile:
        return picture.convert("RGB")
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = _PROFILE_MODES[source.profile.xcolor_space.strip()]
        if (picture.mode, mode) == ("L", "RGB"):
            picture = picture.convert("RGB")
        if picture.mode != mode:
            raise ValueError(f"it is for {mode}, the picture is {picture.mode}")
        target = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(picture, source, target, outputMode="RGB")
    except Exception as error:
        _warn(f"{name}: its color profile is not usable and was ignored ({error})", 8)
        return picture.convert("RGB")


def _reaches(low: float, high: float, top: float) -> bool:
    """Tell whether values lie between 0 and a number and come near it: half of it, at least."""
    return -0.1 * top <= low and high <= 1.1 * top and (high >= 0.5 * top or top == TOPS[0])


def _to_8_bit(picture: Image.Image, name: str) -> Image.Image:
    """Scale gray of 12, 16 or 32 bits or floats to 8 bits, with alpha where one gray is clear.

    Values that reach from 0 to about 1, 255 or 65535 are taken for shares of that number. Others
    could be anything, so they are refused.
    """
    values = torch.frombuffer(bytearray(picture.convert("F").tobytes()), dtype=torch.float32)
    low, high = values.min().item(), values.max().item()
    if not math.isfinite(low + high):
        raise ValueError(f"{name} contains NaN or infinite values; replace them first")
    top = _top(picture, low, high)
    if top is None:
        raise ValueError(
            f"{name} has values from {low:g} to {high:g}; expected 0 to 1, 0 to 255 or 0 to 65535. "
            "Scale them to 0 to 1 first."
        )
    shares = values / top
    if white_is_zero(picture):  # Pillow heeds it at 8 bits only
        shares = 1 - shares
    gray, clear = _gray(picture, shares), picture.info.get("transparency")
    if isinstance(clear, int):
        gray.putalpha(_gray(picture, (values != clear).float()))
    return gray


def _top(picture: Image.Image, low: float, high: float) -> float | None:
    """Return the value of white; None if it could be any."""
    if picture.mode.startswith("I;16") or picture.format in ("PNG", "PPM"):
        return 4095.0 if bits_of(picture) == 12 else 65535.0
    return next((top for top in TOPS if _reaches(low, high, top)), None)


def _gray(picture: Image.Image, shares: Tensor) -> Image.Image:
    """Return a gray picture of the size of another, of shares of white."""
    values = shares.mul(255).round().clamp(0, 255).byte()
    return Image.frombytes("L", picture.size, values.numpy().tobytes())
