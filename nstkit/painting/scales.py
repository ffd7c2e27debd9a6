"""Painting coarse to fine."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from torch import Tensor

from nstkit.descent import Step, optimize
from nstkit.objective import Objective
from nstkit.painting.start import start_image
from nstkit.pictures.sizes import resize
from nstkit.recipes import Recipe
from nstkit.tiles import Tiling
from nstkit.vgg import VGG

LEAST = 24  # px of a short side: relu5_1 needs 16, and one position is no texture


def coarse_to_fine(
    content: Tensor, style: Tensor, vgg: VGG, recipe: Recipe, seed: int = 0,
    start: Tensor | None = None, tile: Tiling = "auto",
) -> Iterator[Step]:  # fmt: skip
    """Minimize a recipe's objective at each of its ``scales``, from the start that it names.

    A scale has both pictures smaller by the same factor, targets of its own, and begins with the
    painting of the scale before. relu5_1 sees 156 px at once, so strokes of a small picture,
    enlarged, are larger than any that it would paint in the large one. Yields as
    `nstkit.optimize` does. Indices go on from scale to scale, every image has the content's size,
    and the note of a scale's first step names its size.

    Args:
        content: (1, 3, H, W) in [0, 1].
        style: (1, 3, H', W') in [0, 1].
        vgg: the network.
        recipe: what to minimize and how.
        seed: of the noise in the start.
        start: a picture to begin with in place of the recipe's.
        tile: as in `nstkit.Objective.of`.

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
        objective = Objective.of(*small, vgg, recipe, tile)
        run = optimize(objective, begin, recipe.optimizer, recipe.learning_rate, recipe.steps)
        del begin  # a poster's memory is needed for the work
        for step in run:
            note = step.note if step.index or len(factors) == 1 else f"{size[1]} x {size[0]} px"
            best = step.image if step.is_best else best
            changes = {"index": index + step.index, "seconds": seconds + step.seconds}
            yield dataclasses.replace(step, image=_sized(step.image, full), note=note, **changes)
        index, seconds = index + step.index + 1, seconds + step.seconds


def last_index(recipe: Recipe) -> int:
    """Return the index of the last step that `coarse_to_fine` yields."""
    scales = recipe.scales if isinstance(recipe.scales, int) else len(recipe.scales)
    return scales * (recipe.steps + 1) - 1


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
