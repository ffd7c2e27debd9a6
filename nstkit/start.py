"""Where a painting begins: the start picture, and painting coarse to fine."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from nstkit.losses import check_choice
from nstkit.objective import Objective
from nstkit.optimize import Step, optimize
from nstkit.recipes import STARTS, Recipe
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
    content: Tensor, style: Tensor, vgg: VGG, recipe: Recipe, seed: int = 0
) -> Iterator[Step]:
    """Minimize a recipe's objective at each of its ``scales``, from the start that it names.

    A scale has both pictures smaller by one more factor of sqrt(2), targets of its own, and begins
    with the painting of the scale before. relu5_1 sees 156 px at once, so strokes of a small
    picture, enlarged, are larger than any that it would paint in the large one. Yields as
    `nstkit.optimize` does; indices go on from scale to scale, every image has the content's size,
    and the note of a scale's first step names its size.

    Raises:
        ValueError: The coarsest scale would be smaller than 24 px.
    """
    full, index, seconds, best = content.shape[-2:], 0, 0.0, None
    for halvings in (scale / 2 for scale in range(recipe.scales - 1, -1, -1)):
        small = [_smaller(picture, 2**-halvings) for picture in (content, style)]
        size = small[0].shape[-2:]
        begin = start_image(recipe.start, *small, seed) if best is None else resize(best, *size)
        objective = Objective(*small, vgg, recipe)
        run = optimize(objective, begin, recipe.optimizer, recipe.learning_rate, recipe.steps)
        for step in run:
            note = step.note if step.index or recipe.scales == 1 else f"{size[1]} x {size[0]} px"
            best = step.image if step.is_best else best
            image = step.image if size == full else resize(step.image, *full)
            changes = {"index": index + step.index, "seconds": seconds + step.seconds}
            yield dataclasses.replace(step, image=image, note=note, **changes)
        index, seconds = index + step.index + 1, seconds + step.seconds


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
