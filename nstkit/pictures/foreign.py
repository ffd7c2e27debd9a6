"""What a file is that Pillow cannot read, or reads only in part, and what to do about it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, BinaryIO

from PIL import Image
from PIL.TiffImagePlugin import COMPRESSION_INFO, ImageFileDirectory_v2

RAW = "a camera raw file; export it as JPEG first"
_UNKNOWN = "neither PNG, JPEG, WebP, TIFF, GIF nor BMP, or its beginning is damaged or cut off"
_FILM = "a film; save one of its frames as PNG"
_HIGH_RANGE = "a picture of high dynamic range ({}); export it as PNG"
_BEGINNINGS = {  # how files that are often mistaken for pictures begin
    rb"\Z": "empty (0 bytes); download or export it again",
    rb"\s*%PDF": "a PDF; export the page as PNG",
    rb"\s*<": "a web page or an SVG drawing; download the picture itself, as PNG or JPEG",
    rb"....ftypcrx|FUJIFILMCCD-RAW|II(RO|RS|U\0)|MMOR|FOVb|\0MRM|II\*\0....CR": RAW,
    rb"....ftypavi[fs]": "an AVIF picture, which this Pillow does not read; export it as JPEG",
    rb"....ftyp(hei|hev|mif|msf)": "an HEIC photo; export it as JPEG",
    rb"....ftyp|\x1a\x45\xdf\xa3|RIFF....AVI ": _FILM,
    rb"\xff\x0a|\0\0\0\x0cJXL ": "a JPEG XL picture; export it as PNG or JPEG",
    rb"\xff\xd8\xff\xf7": "a JPEG-LS picture; export it as PNG or JPEG",
    rb"II\xbc\x01": "a JPEG XR picture; export it as PNG or JPEG",
    rb"#\?(RADIANCE|RGBE)": _HIGH_RANGE.format("Radiance HDR"),
    rb"v/1\x01": _HIGH_RANGE.format("OpenEXR"),
    rb"gimp xcf": "a project of GIMP (XCF); export it as PNG",
    rb"PK\x03\x04": "a ZIP archive or a document; unpack it, or export the picture as PNG",
    rb"version https://git-lfs": "a Git LFS pointer; fetch the picture with `git lfs pull`",
    rb"": f"{_UNKNOWN}; export or download it again",
}

# Tags of a TIFF.
_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PARTS, _SAMPLES = 254, 256, 257, 258, 259, 330, 277
_PHOTOMETRIC, _SAMPLE_FORMAT, _DNG_VERSION = 262, 339, 50706
_NUMBERS = {1: "whole numbers", 2: "signed whole numbers", 3: "floats"}
_RARE = {  # compressions that Pillow's TIFF library mostly lacks
    33003: "JPEG 2000", 33005: "JPEG 2000", 34712: "JPEG 2000", 34887: "LERC", 34892: "lossy JPEG",
    34933: "PNG", 34934: "JPEG XR", 50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL",
}  # fmt: skip
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # markers of a JPEG that say its size and bits


def kind_of(file: BinaryIO, head: bytes) -> str:
    """Return what a file is that Pillow does not know, and what to do.

    Args:
        file: can be read and sought.
        head: its first bytes.
    """
    with warnings.catch_warnings(), suppress(Exception):  # a damaged file says nothing of itself
        warnings.simplefilter("ignore")
        if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            tags = _tags(file)
            if is_raw(tags):
                return RAW
            if _WIDTH in tags and _HEIGHT in tags:
                return _tiff(tags)
        if head[:3] == b"\xff\xd8\xff" and (bits := _bits_of_jpeg(file)) > 8:
            return f"a JPEG of {bits} bits a color; export it as PNG, or as a JPEG of 8 bits"
    return next(kind for start, kind in _BEGINNINGS.items() if re.match(start, head, re.DOTALL))


def is_raw(tags: Mapping[int, Any]) -> bool:
    """Tell by the tags of a TIFF's first picture whether it is only the preview of a raw file."""
    return _DNG_VERSION in tags or (_PARTS in tags and bool(tags.get(_SUBFILE, 0) & 1))


def tags_of(picture: Image.Image) -> Mapping[int, Any]:
    """Return the tags of a TIFF; of other pictures, none."""
    return getattr(picture, "tag_v2", {})


def bits_of(picture: Image.Image) -> int | None:
    """Return the bits of a sample of a TIFF; None of other pictures."""
    return tags_of(picture).get(_BITS, (None,))[0]


def white_is_zero(picture: Image.Image) -> bool:
    """Tell whether a picture is a TIFF whose values grow from white to black."""
    return tags_of(picture).get(_PHOTOMETRIC) == 0


def rare_tiff(picture: Image.Image | None) -> str | None:
    """Return what a TIFF is whose compression Pillow mostly lacks, and what to do; else None."""
    tags = tags_of(picture)
    return _tiff(tags) if tags.get(_COMPRESSION) in _RARE else None


def _tags(file: BinaryIO) -> ImageFileDirectory_v2:
    file.seek(0)
    head = file.read(8)
    if head[2] == 43 or head[3] == 43:  # BigTIFF
        head += file.read(8)
    tags = ImageFileDirectory_v2(head)
    file.seek(tags.next)
    tags.load(file)
    return tags


def _tiff(tags: Mapping[int, Any]) -> str:
    bits, formats = tags.get(_BITS, (1,)), tags.get(_SAMPLE_FORMAT, (1,))
    samples = f"{tags.get(_SAMPLES, len(bits))} x {bits[0]} bits a pixel"
    numbers = _NUMBERS.get(formats[0], "of another kind")
    method = tags.get(_COMPRESSION, 1)
    packed = f", compressed with {_RARE.get(method, f'method {method}')}"
    packed = packed if method in _RARE or method not in COMPRESSION_INFO else ""
    return (
        f"a TIFF of a kind that cannot be read here: {samples} ({numbers}){packed}; save it as "
        "PNG, or as a TIFF of 8 bits without compression"
    )


def _bits_of_jpeg(file: BinaryIO) -> int:
    """Return the bits of a color of a JPEG; 0 if it does not say."""
    file.seek(2)
    while len(head := file.read(4)) == 4 and head[0] == 0xFF:
        if head[1] in _FRAMES:
            return file.read(1)[0]
        file.seek(int.from_bytes(head[2:], "big") - 2, 1)
    return 0
