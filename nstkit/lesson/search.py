"""Search pictures for what excites a channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

BEYOND = 0.9  # gray level of what lies outside a picture


@dataclass(frozen=True)
class Patch:
    """Where a channel answers most in one picture.

    Attributes:
        name: of the picture.
        activation: of the channel there.
        image: what lies in the receptive field, (1, 3, s, s) in [0, 1]. Light gray is outside of
            a picture that is smaller.
    """

    name: str
    activation: float
    image: Tensor


def best_patches(
    maps: Mapping[str, Tensor], pictures: Mapping[str, Tensor], size: int, stride: int,
    count: int = 4,
) -> list[Patch]:  # fmt: skip
    """Return the best position of each of the pictures that excite a channel most.

    At an edge, where the receptive field sticks out of the picture, the patch is moved inside.

    Args:
        maps: {name: (h, w) activations}.
        pictures: {name: (1, 3, H, W) in [0, 1]}: what to cut from. They may be larger than what
            the network saw, which was about ``stride`` times the size of the maps.
        size: width of the receptive field, in pixels of what the network saw.
        stride: pixels between two positions there.
        count: how many patches; the best first.
    """
    found = [_best(name, values, pictures[name], size, stride) for name, values in maps.items()]
    return sorted(found, key=lambda patch: -patch.activation)[:count]


def _best(name: str, values: Tensor, picture: Tensor, size: int, stride: int) -> Patch:
    """Return the patch around the greatest number of a map."""
    row, column = divmod(int(values.argmax()), values.shape[1])
    larger = max(1.0, picture.shape[-1] / (values.shape[1] * stride))
    side, step = round(size * larger), stride * larger
    framed = F.pad(picture, (side,) * 4, value=BEYOND)
    top, left = (
        side + _moved_inside(round((place + 0.5) * step - side / 2), side, whole)
        for place, whole in zip((row, column), picture.shape[-2:], strict=True)
    )
    image = framed[..., top : top + side, left : left + side]
    return Patch(name, values.max().item(), image)


def _moved_inside(start: int, side: int, whole: int) -> int:
    """Return where a patch begins so that it lies in the picture, if it is not too large."""
    return start if side > whole else min(max(start, 0), whole - side)
