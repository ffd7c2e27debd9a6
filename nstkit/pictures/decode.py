"""From any picture that Pillow can open to an upright 8-bit sRGB one, or to a clear error."""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

import torch
from PIL import Image, ImageCms, ImageFile, UnidentifiedImageError

MAX_PIXELS = 64_000_000
"""Larger pictures are refused by their header, before anything is decoded."""
MIN_SIDE = 32
"""Shorter sides, in pixels, are refused: they leave the deeper layers of the network nothing."""

_TURN = Image.Transpose
_TURNS = {2: _TURN.FLIP_LEFT_RIGHT, 3: _TURN.ROTATE_180, 4: _TURN.FLIP_TOP_BOTTOM}
_TURNS |= {5: _TURN.TRANSPOSE, 6: _TURN.ROTATE_270, 7: _TURN.TRANSVERSE, 8: _TURN.ROTATE_90}
_PROFILE_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}
_UNKNOWN = "neither PNG, JPEG, WebP, TIFF, GIF nor BMP, or its beginning is damaged or cut off"
_FOREIGN = {  # how files that are often mistaken for pictures begin
    rb"\Z": "empty (0 bytes); download or export it again",
    rb"\s*%PDF": "a PDF; export the page as PNG",
    rb"\s*<": "a web page or an SVG drawing; download the picture itself, as PNG or JPEG",
    rb"....ftyp(hei|hev|mif|msf)": "an HEIC photo; export it as JPEG",
    rb"version https://git-lfs": "a Git LFS pointer; fetch the picture with `git lfs pull`",
    rb"": f"{_UNKNOWN}; export or download it again",
}


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
    with _explained(name, head):
        picture = Image.open(file)
        # Texts of a PNG may be named like what Pillow itself stores under these names.
        for key in ("exif", "icc_profile", "transparency"):
            if isinstance(picture.info.get(key), str):
                del picture.info[key]
    if picture.format in ("EPS", "WMF"):  # Pillow would run another program on them
        raise ValueError(f"{name} is a drawing ({picture.format}); export it as PNG")
    return picture


def decode(
    picture: Image.Image, name: str, size: int | None = None, ground: str = "white"
) -> Image.Image:
    """Decode a picture completely, set it upright, convert it to sRGB over white, resize it.

    Args:
        picture: Any Pillow image; it is not changed.
        name: What messages call it.
        size: Long side of the result in pixels; None keeps the picture's own.
        ground: Color behind what is transparent.

    Returns:
        A new image of mode RGB.

    Raises:
        ValueError: Damaged, cut off, too large, too small, too elongated, or a wrong `size`.
    """
    if size is not None and (type(size) is not int or not MIN_SIDE <= size <= MAX_PIXELS):
        raise ValueError(f"size={size!r}; expected a whole number of pixels, {MIN_SIDE} or more")
    _check_pixels(picture.size, name)
    with _explained(name):
        # MPO is what many phones write: a JPEG with a depth or brightness map behind it.
        frames = getattr(picture, "is_animated", False) and picture.format != "MPO"
        frames = frames and picture.tell() == 0  # otherwise the caller chose the frame
        picture.load()
        turn = None
        with suppress(Exception):  # a broken EXIF block is no reason to refuse the picture
            turn = _TURNS.get(picture.getexif().get(0x0112))
    if frames:
        _warn(f"{name} has more than one frame; only the first is used")
    if ImageFile.LOAD_TRUNCATED_IMAGES:
        _warn("ImageFile.LOAD_TRUNCATED_IMAGES is on: pictures that are cut off go unnoticed")
    picture = _over(ground, picture, name)
    picture = picture if turn is None else picture.transpose(turn)
    goal = _goal(picture.size, size, name)
    return picture if goal == picture.size else picture.resize(goal, Image.Resampling.LANCZOS)


@contextmanager
def _explained(name: str, head: bytes = b"") -> Iterator[None]:
    """Turn whatever Pillow's decoders raise into a ValueError, and silence their remarks."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except UnidentifiedImageError as error:
        kind = next(kind for start, kind in _FOREIGN.items() if re.match(start, head, re.DOTALL))
        raise ValueError(f"{name} is not a picture that can be read: it is {kind}") from error
    except Image.DecompressionBombError as error:
        raise ValueError(f"{name} is too large ({error}); scale it down first") from error
    except Exception as error:  # decoders of damaged data raise nearly everything
        raise ValueError(
            f"{name} cannot be read completely ({error}); expected an undamaged picture; "
            "download or export it again"
        ) from error


def _warn(message: str, stacklevel: int = 6) -> None:
    warnings.warn(message, UserWarning, stacklevel)  # points at the caller of load_image


def _check_pixels(shape: tuple[int, int], name: str) -> None:
    if math.prod(shape) > MAX_PIXELS:
        raise ValueError(
            f"{name} has {shape[0]} x {shape[1]} pixels, expected at most {MAX_PIXELS // 10**6} "
            "million; scale it down first"
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
    got = f"{name} has {shape[0]} x {shape[1]} pixels; with size={size} it becomes {size} x {short}"
    if short < MIN_SIDE:
        fit = math.ceil(MIN_SIDE / ratio)
        raise ValueError(f"{got}, expected at least {MIN_SIDE}; use size={fit} or more, or crop it")
    if size * short > MAX_PIXELS:
        fit = int((math.sqrt(0.25 + 4 * ratio * MAX_PIXELS) - 0.5) / (2 * ratio))
        raise ValueError(f"{got}, over {MAX_PIXELS // 10**6} million; use size={fit} or less")
    return (size, short) if shape[0] >= shape[1] else (short, size)


def _over(ground: str, picture: Image.Image, name: str) -> Image.Image:
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
    return Image.composite(picture, Image.new("RGB", picture.size, ground), alpha)


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


def _to_8_bit(picture: Image.Image, name: str) -> Image.Image:
    """Scale gray of 16 or 32 bits or floats to 8 bits, by the range that it seems to use."""
    sixteen = picture.mode.startswith("I;16") or picture.format in ("PNG", "PPM")
    values = torch.frombuffer(bytearray(picture.convert("F").tobytes()), dtype=torch.float32)
    low, high = values.min().item(), values.max().item()
    if not math.isfinite(low + high):
        raise ValueError(f"{name} contains NaN or infinite values; replace them first")
    tops = (65535.0,) if sixteen else (1.0, 255.0, 65535.0)
    top = next((top for top in tops if low >= -0.1 * top and high <= 1.1 * top), None)
    low, top = (low, high) if top is None else (0.0, top)
    values = values.sub(low).mul(255 / ((top - low) or 1.0)).round().clamp(0, 255).byte()
    return Image.frombytes("L", picture.size, values.numpy().tobytes())
