"""Parts of pictures, and where they were cut from."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

Box = tuple[float, float, float, float]
COLOR = (1.0, 0.35, 0.1)  # of a frame: it stands out from blue, green and brown
THICKNESS = 0.012  # of a frame, as a share of the picture's width


def part(picture: Tensor, box: Box) -> Tensor:
    """Return a part of a picture (1, 3, H, W).

    Args:
        picture: of any size.
        box: left, top, right and bottom edge, as shares of the sides, as in `nstkit.rectangle`.

    Raises:
        ValueError: The edges leave no pixel.
    """
    left, top, right, bottom = _edges(picture, box)
    return picture[..., top:bottom, left:right]


def framed(picture: Tensor, box: Box, shape: Sequence[int]) -> Tensor:
    """Return a picture (1, 3, H, W) with a frame around a part, on white of another shape.

    So it stands in a row beside pictures of that shape, and nothing of it is cut off.

    Args:
        picture: with values in [0, 1].
        box: the part, as for `part`.
        shape: height and width whose ratio the result has.
    """
    left, top, right, bottom = _edges(picture, box)
    height, width = picture.shape[-2:]
    thick = max(1, round(THICKNESS * width))
    inside = torch.zeros(1, 1, height, width)
    inside[..., top + thick : bottom - thick, left + thick : right - thick] = 1
    around = torch.zeros(1, 1, height, width)
    around[..., top:bottom, left:right] = 1
    color = torch.tensor(COLOR).view(1, 3, 1, 1)
    drawn = torch.where((around - inside).bool(), color, picture.float().cpu())
    across = max(0, round(height * shape[1] / shape[0]) - width)
    down = max(0, round(width * shape[0] / shape[1]) - height)
    sides = across // 2, across - across // 2, down // 2, down - down // 2
    return F.pad(drawn, sides, value=1.0)


def trimmed(picture: Tensor, shape: Sequence[int]) -> Tensor:
    """Return the largest part around the middle of a picture (1, 3, H, W) that has another shape.

    So an artwork fills its position in a sheet of paintings of that shape.

    Args:
        picture: of any size.
        shape: height and width whose ratio the result has.
    """
    height, width = picture.shape[-2:]
    tall = min(height, max(1, round(width * shape[0] / shape[1])))
    wide = min(width, max(1, round(height * shape[1] / shape[0])))
    top, left = (height - tall) // 2, (width - wide) // 2
    return picture[..., top : top + tall, left : left + wide]


def _edges(picture: Tensor, box: Box) -> tuple[int, int, int, int]:
    """Return the edges of a box in pixels; ValueError if there is nothing between them."""
    height, width = picture.shape[-2:]
    left, right = (round(share * width) for share in box[::2])
    top, bottom = (round(share * height) for share in box[1::2])
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        raise ValueError(
            f"got the edges {box}; expected left, top, right and bottom between 0 and 1, with at "
            f"least a pixel of {width} x {height} between them"
        )
    return left, top, right, bottom
