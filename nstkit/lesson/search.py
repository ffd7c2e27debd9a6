"""Search pictures for what excites a channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

BEYOND = 0.9  # gray level of what lies outside a picture


@dataclass(frozen=True)
class Patch:
    """Where a channel answers most in one picture.

    Attributes:
        name: of the picture.
        activation: of the channel there.
        image: what lies in the receptive field, (1, 3, s, s) in [0, 1]; light gray is outside.
    """

    name: str
    activation: float
    image: Tensor


def best_patches(
    maps: Mapping[str, Tensor], pictures: Mapping[str, Tensor], size: int, stride: int,
    count: int = 4,
) -> list[Patch]:  # fmt: skip
    """Return the best place of each of the pictures that excite a channel most.

    Only positions count whose receptive field lies in the picture. If a picture has none, all of
    its positions count.

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
    inside = _inside(*values.shape, size, stride)
    counted = values.masked_fill(~inside, -torch.inf) if inside.any() else values
    row, column = divmod(int(counted.argmax()), values.shape[1])
    larger = max(1.0, picture.shape[-1] / (values.shape[1] * stride))
    side, step = round(size * larger), stride * larger
    framed = F.pad(picture, (side,) * 4, value=BEYOND)
    top, left = (round((place + 0.5) * step + side / 2) for place in (row, column))
    image = framed[..., top : top + side, left : left + side]
    return Patch(name, counted.max().item(), image)


def _inside(high: int, wide: int, size: int, stride: int) -> Tensor:
    """Return for which positions (high, wide) the receptive field lies in the picture."""
    rows, columns = (stride * (torch.arange(count) + 0.5) for count in (high, wide))
    fits = [(at >= size / 2) & (at <= stride * len(at) - size / 2) for at in (rows, columns)]
    return fits[0][:, None] & fits[1]
