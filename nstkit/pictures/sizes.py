"""Pictures at other sizes."""

from __future__ import annotations

import re

import torch.nn.functional as F
from torch import Tensor


def resize(picture: Tensor, height: int, width: int) -> Tensor:
    """Scale a picture (B, 3, H, W) in [0, 1] to a size in px, antialiased."""
    return F.interpolate(picture, (height, width), mode="bilinear", antialias=True).clamp(0, 1)


def cover(picture: Tensor, height: int, width: int) -> Tensor:
    """Scale a picture, aspect kept, until it covers height x width, and crop its center."""
    scale = max(height / picture.shape[-2], width / picture.shape[-1])
    size = [
        max(side, round(scale * old))
        for side, old in zip((height, width), picture.shape[-2:], strict=True)
    ]
    scaled = resize(picture, *size)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    return scaled[..., top : top + height, left : left + width].contiguous()


def size_note(height: int, width: int) -> str:
    """Return what the first step of a size says, such as "512 x 341 px"; see `named_side`."""
    return f"{width} x {height} px"


def named_side(note: str) -> int | None:
    """Return the long side that the note of a step names by `size_note`, or None."""
    size = re.fullmatch(r"(\d+) x (\d+) px", note)
    return max(map(int, size.groups())) if size else None
