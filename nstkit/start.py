"""Where a painting begins: what it is given, the start picture, and painting coarse to fine."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from nstkit.images import Source, load_image
from nstkit.losses import check_choice
from nstkit.objective import Objective
from nstkit.optimize import Step, optimize
from nstkit.recipes import STARTS, Recipe
from nstkit.tiles import Tiling
from nstkit.vgg import VGG

GRAY = (0.485, 0.456, 0.406)  # the mean color of ImageNet's pictures: zero to most networks
LEAST = 24  # px of a short side: relu5_1 needs 16, and one position is no texture


def start_image(kind: str, content: Tensor, style: Tensor, seed: int = 0) -> Tensor:
    """Return the picture from which an optimization starts, of the content's size and device.

    Args:
        kind: "content"; "noise", uniform in [0, 1]; "white"; "gray", ImageNet's mean color;
            "style", scaled to cover and cropped around the center; "blend", half content and half
            noise.
        content: (1, 3, H, W).
        style: (1, 3, H', W').
        seed: of the noise, drawn on the CPU so that all devices start alike.

    Raises:
        ValueError: kind is unknown.
    """
    check_choice("start", kind, STARTS)
    if kind == "content":
        return content.clone()
    if kind == "white":
        return torch.ones_like(content)
    if kind == "gray":
        return content.new_tensor(GRAY).view(1, 3, 1, 1).expand_as(content).contiguous()
    if kind == "style":
        return cover(style, *content.shape[-2:]).to(content)
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(content.shape, generator=generator).to(content)
    return noise if kind == "noise" else (content + noise) / 2


def as_image(source: Tensor | Source, size: int, device: torch.device | str) -> Tensor:
    """Return a picture on a device: loaded at a size, or a tensor as it is, if it is in [0, 1]."""
    if not isinstance(source, Tensor):
        return load_image(source, size, device)
    low, high = source.min().item(), source.max().item()
    if not -0.01 <= low <= high <= 1.01:
        raise ValueError(f"The values lie in [{low:g}, {high:g}]; expected [0, 1]. Divide by 255?")
    return source.to(device)


def as_start(start: Any, content: Tensor) -> Tensor:
    """Return a picture to start from on the content's device, if it has the content's shape."""
    if isinstance(start, Tensor) and start.shape == content.shape:
        return start.to(content.device)
    got = tuple(start.shape) if isinstance(start, Tensor) else repr(start)
    want = f"expected a picture of shape {tuple(content.shape)}, like the content"
    raise ValueError(f"start is {got}; {want}. For a kind: recipe.replace(start='noise').")


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


def resize(picture: Tensor, height: int, width: int) -> Tensor:
    """Scale a picture (1, 3, H, W) in [0, 1] to a size in px, antialiased."""
    return F.interpolate(picture, (height, width), mode="bilinear", antialias=True).clamp(0, 1)


def coarse_to_fine(
    content: Tensor, style: Tensor, vgg: VGG, recipe: Recipe, seed: int = 0,
    start: Tensor | None = None, tile: Tiling = None,
) -> Iterator[Step]:  # fmt: skip
    """Minimize a recipe's objective at each of its ``scales``, from the start that it names.

    A scale has both pictures smaller by the same factor, targets of its own, and begins with the
    painting of the scale before. relu5_1 sees 156 px at once, so strokes of a small picture,
    enlarged, are larger than any that it would paint in the large one. Yields as
    `nstkit.optimize` does; indices go on from scale to scale, every image has the content's size,
    and the note of a scale's first step names its size.

    Args:
        content: (1, 3, H, W) in [0, 1].
        style: (1, 3, H', W') in [0, 1].
        vgg: the network.
        recipe: what to minimize and how.
        seed: of the noise in the start.
        start: a picture to begin with in place of the recipe's.
        tile: as in `nstkit.Objective`.

    Raises:
        ValueError: The coarsest scale would be smaller than 24 px, or the finest is not the
            content's size.
    """
    full, index, seconds, best = content.shape[-2:], 0, 0.0, start
    factors = scale_factors(recipe.scales, max(full))
    for factor in factors:
        small = [_smaller(picture, factor) for picture in (content, style)]
        size = small[0].shape[-2:]
        begin = start_image(recipe.start, *small, seed) if best is None else _sized(best, size)
        objective = Objective(*small, vgg, recipe, tile)
        run = optimize(objective, begin, recipe.optimizer, recipe.learning_rate, recipe.steps)
        del begin  # of a poster's size, and needed no more
        for step in run:
            note = step.note if step.index or len(factors) == 1 else f"{size[1]} x {size[0]} px"
            best = step.image if step.is_best else best
            changes = {"index": index + step.index, "seconds": seconds + step.seconds}
            yield dataclasses.replace(step, image=_sized(step.image, full), note=note, **changes)
        index, seconds = index + step.index + 1, seconds + step.seconds


def scale_factors(scales: int | tuple[int, ...], side: int) -> list[float]:
    """Return by which factors a picture with this long side in px is made smaller, in turn."""
    if isinstance(scales, int):
        return [2 ** (-scale / 2) for scale in range(scales - 1, -1, -1)]
    if scales[-1] != side:
        raise ValueError(
            f"The last of scales is {scales[-1]} px, and the content's long side has {side} px; "
            "expected the same. Load it at that size, or give its path."
        )
    return [scale / side for scale in scales]


def _sized(picture: Tensor, size: Sequence[int]) -> Tensor:
    return picture if picture.shape[-2:] == tuple(size) else resize(picture, *size)


def _smaller(picture: Tensor, factor: float) -> Tensor:
    height, width = (round(side * factor) for side in picture.shape[-2:])
    if factor == 1:
        return picture
    if min(height, width) < LEAST:
        raise ValueError(
            f"The coarsest scale would be {width} x {height} px; expected {LEAST} px or more. "
            "Paint larger, or with fewer scales."
        )
    return resize(picture, height, width)
