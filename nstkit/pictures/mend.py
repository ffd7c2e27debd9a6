"""Files that every viewer shows and Pillow refuses: a PNG of long texts, a JPEG without its end.

Pillow could be told to take them, but only for the whole program.
"""

from __future__ import annotations

import io
import math
import random
import zlib
from collections.abc import Iterator
from functools import reduce
from typing import BinaryIO

from PIL import Image, ImageChops
from PIL.JpegImagePlugin import JpegImageFile

LACKING = 0.01  # share of the pixels that may lack at the end of a JPEG
_END = b"\xff\xd9"
_RESTARTS = b"\xff\xdd\0\4"  # a JPEG in parts that can be decoded by themselves
_PROFILE_BYTES = 2**24  # larger color profiles are left out


def jpeg_at(file: BinaryIO, scale: int) -> JpegImageFile:
    """Open a JPEG so that it is decoded smaller by a factor, 1, 2, 4 or 8, in less time and memory.

    Args:
        file: stays open; the picture needs it to be loaded.
        scale: the factor.
    """
    file.seek(0)
    picture = JpegImageFile(file)
    if scale > 1:
        picture.draft(picture.mode, tuple(max(side // scale, 1) for side in picture.size))
    return picture


def jpeg_with_end(file: BinaryIO, scale: int) -> tuple[Image.Image, float]:
    """Return a JPEG that is cut off, loaded, and which share of its pixels lacks.

    What lacks comes out gray. It is found by a second try that ends in noise: where both are
    different, pixels depend on what lacks.

    Args:
        file: that was cut off.
        scale: as in `jpeg_at`.
    """
    file.seek(0)
    data = file.read().rstrip(b"\xff")
    noise = random.Random(0).randbytes(len(data) // 8 + 1024).replace(b"\xff", b"\0")
    gray, noisy = (jpeg_at(io.BytesIO(data + tail), scale) for tail in (_END, noise + _END))
    different = ImageChops.difference(gray, noisy).split()  # loads both
    same = reduce(ImageChops.lighter, different).histogram()[0]
    lacking = 1 - same / math.prod(gray.size)
    # Noise does not get beyond a restart marker, so there the first try must tell.
    parted = lacking > 0 and _RESTARTS in data and gray.info.get("progressive")
    return gray, 1.0 if parted or _is_gray_below(gray) else lacking


def _is_gray_below(picture: Image.Image) -> bool:
    """Tell whether the last rows are as gray as what lacks."""
    width, height = picture.size
    ranges = picture.crop((0, height - math.ceil(LACKING * height), width, height)).getextrema()
    ends = ranges if isinstance(ranges[0], tuple) else (ranges,)
    return all(low in (127, 128) and high in (127, 128) for low, high in ends)


def tells_of_texts(error: Exception) -> bool:
    """Tell whether an error of Pillow says that the texts of a PNG are too long."""
    text = str(error).lower()
    return "decompressed data too large" in text or "text chunks" in text


def png_without_texts(file: BinaryIO) -> Image.Image:
    """Open a PNG without the texts that are packed or plain Latin, but with its color profile.

    Texts in UTF-8 that are not packed stay, as `nstkit.save_image` writes them.
    """
    file.seek(0)
    kept, profile = [file.read(8)], None
    for name, body, chunk in _chunks(file):
        if name == b"iCCP":
            profile = zlib.decompressobj().decompress(body.partition(b"\0")[2][1:], _PROFILE_BYTES)
        elif not (name in (b"tEXt", b"zTXt") or _is_packed_text(name, body)):
            kept.append(chunk)
    picture = Image.open(io.BytesIO(b"".join(kept)))
    if profile:
        picture.info["icc_profile"] = profile
    return picture


def _is_packed_text(name: bytes, body: bytes) -> bool:
    return name == b"iTXt" and body.partition(b"\0")[2][:1] == b"\1"


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield the name, the body and all of the bytes of each chunk that follows."""
    while len(head := file.read(8)) == 8:
        body = file.read(int.from_bytes(head[:4], "big"))
        yield head[4:], body, head + body + file.read(4)
