"""Painting coarse to fine."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from torch import Tensor

from nstkit.descent import Step, optimize
from nstkit.objective import Objective
from nstkit.painting.start import first_picture, noise_like
from nstkit.pictures.scene import Scene
from nstkit.pictures.sizes import resize, size_note
from nstkit.recipes import Recipe
from nstkit.recipes.fields import in_px
from nstkit.tiles import Tiling
from nstkit.vgg import VGG

SMALLEST = 32  # px of the short side of an artwork at a coarse scale
LEAST = 24  # px of a short side: relu5_1 needs 16, and one position is no texture
# px of the short side of a scale that is worth painting: relu5_1 has 4 x 4 positions there. It sees
# 156 px at once, so in a smaller picture it sees more padding than picture.
COARSEST = 64
MOST = 40  # scales of a number: one more would begin with a pixel, whatever the picture's size
# What a scale costs before its first update, in steps: the targets, and the losses of the start.
BEGINNING = 2


class Scale(NamedTuple):
    """One of the sizes that are painted one after another.

    Attributes:
        height, width: of the painting in px.
        factor: by which all pictures are made smaller; 1 at the finest scale.
        steps: updates of the picture.
        pixels: that all steps together compute, which is the work of this scale.
    """

    height: int
    width: int
    factor: float
    steps: int
    pixels: int

    def done(self, index: int) -> float:
        """Return the pixels computed by the step of an index, which counts from this scale's 0."""
        return self.pixels * (index + BEGINNING) / (self.steps + BEGINNING)


def coarse_to_fine(
    scene: Scene, vgg: VGG, recipe: Recipe, seed: int = 0, start: Tensor | None = None,
    tile: Tiling = "auto",
) -> Iterator[Step]:  # fmt: skip
    """Minimize a recipe's objective at each of its ``scales``, from the start that it names.

    A scale has all pictures smaller by the same factor, targets of its own, and begins with the
    painting of the scale before. relu5_1 sees 156 px at once, so strokes of a small picture,
    enlarged, are larger than any that it would paint in the large one. What the photograph shows
    only at the new size is added in the share that the recipe calls ``detail`` (Kolkin et al. 2019
    add it whole, arXiv 1904.12785, section 2.4). To that comes noise, as strong as the recipe's
    ``grain``. The gradient of a Gram matrix is a product with the features, so texture grows where
    some is already. In a flat sky that makes clusters, and noise makes it even. Yields as
    `nstkit.optimize` does. Indices go on from scale to scale, every image has the content's size,
    and the note of a scale's first step names its size. `work` says which scales there are.

    Args:
        scene: the pictures, at the size of the painting.
        vgg: the network.
        recipe: what to minimize and how.
        seed: of the noise in the start and of the grain.
        start: a picture to begin with in place of the recipe's.
        tile: as in `nstkit.Objective.of`.

    Raises:
        ValueError: The coarsest of scales in px would be smaller than 24 px, or the finest is not
            the content's size.
    """
    full, index, seconds, best, before = scene.content.shape[-2:], 0, 0.0, start, None
    scales = work(recipe, *full, side_of(scene, recipe))
    for number, scale in enumerate(scales):
        small = shrunk(scene, scale.factor)
        content = small.content
        size = content.shape[-2:]
        if before is not None:
            begin = so_far = enlarged(best, before, content, recipe, seed)
        elif best is not None:
            begin, so_far = sized(best, size), None
        else:
            begin, so_far = first_picture(recipe.start, small, recipe.style_layers, seed), None
        before = content
        here = recipe.at_scale(number, len(scales))
        objective = Objective.of_scene(small, vgg, here, tile, so_far)
        run = optimize(objective, begin, here.optimizer, here.learning_rate, scale.steps)
        del begin, so_far  # a poster's memory is needed for the work
        for step in run:
            note = step.note if step.index or len(scales) == 1 else size_note(*size)
            best = step.image if step.is_best else best
            changes = {"index": index + step.index, "seconds": seconds + step.seconds}
            yield dataclasses.replace(step, image=sized(step.image, full), note=note, **changes)
        index, seconds = index + step.index + 1, seconds + step.seconds


def shrunk(
    scene: Scene, factor: float, known: Mapping[Tensor, Tensor] = MappingProxyType({})
) -> Scene:
    """Return a scene smaller by a factor; 1 returns the same pictures.

    Artworks keep a short side of 32 px, so that a small artwork beside others, or one that
    ``style_scale`` has made small, costs no scale.

    Args:
        scene: the pictures at full size.
        factor: in (0, 1].
        known: pictures that are not made again, {full size: smaller by this factor}.

    Raises:
        ValueError: A short side of the photograph would have less than 24 px.
    """

    def _photograph(picture: Tensor) -> Tensor:
        return known[picture] if picture in known else at_scale(factor, picture)

    def _artwork(picture: Tensor) -> Tensor:
        least = min(SMALLEST / min(picture.shape[-2:]), 1)
        return known[picture] if picture in known else at_scale(max(factor, least), picture)

    return scene.mapped(_photograph, _artwork)


def side_of(scene: Scene, recipe: Recipe) -> int | None:
    """Return the short side in px of the largest artwork at the size of the painting; else None."""
    sides = (min(picture.shape[-2:]) for picture in scene.pictures)
    largest = max(sides, default=None)
    return None if largest is None else round(largest / min(recipe.style_scale, 1))


def enlarged(
    painting: Tensor, before: Tensor, content: Tensor, recipe: Recipe, seed: int
) -> Tensor:
    """Return what a larger scale begins with.

    Args:
        painting: (1, 3, h, w) in [0, 1], of the scale before.
        before: the photograph at the scale before, of the same shape.
        content: the photograph at the larger scale, (1, 3, H, W) in [0, 1].
        recipe: says with how much ``detail`` of the photograph, and with how much ``grain``.
        seed: of the grain.

    Returns:
        (1, 3, H, W); detail and grain may lead out of [0, 1].
    """
    size = content.shape[-2:]
    begin = sized(painting, size)
    if recipe.detail:
        begin = begin + recipe.detail * (content - resize(before, *size))
    if recipe.grain:
        begin = begin + recipe.grain * noise_like(begin, seed)
    return begin


def at_scale(factor: float, picture: Tensor) -> Tensor:
    """Return a picture (1, 3, H, W), made smaller by a factor; 1 returns it as it is.

    Raises:
        ValueError: A short side would have less than 24 px.
    """
    if factor == 1:
        return picture
    height, width = (round(side * factor) for side in picture.shape[-2:])
    if min(height, width) < LEAST:
        raise ValueError(
            f"The coarsest scale would be {width} x {height} px; expected {LEAST} px or more. "
            "Paint larger, or with fewer scales."
        )
    return resize(picture, height, width)


def sized(picture: Tensor, size: Sequence[int]) -> Tensor:
    """Return a picture (1, 3, H, W) at a size, height and width in px; itself if it has that."""
    return picture if picture.shape[-2:] == tuple(size) else resize(picture, *size)


def work(
    recipe: Recipe, height: int, width: int, style: int | None = None,
    pixels: Callable[[int, int], int] = operator.mul,
) -> list[Scale]:  # fmt: skip
    """Return the scales at which a picture is painted, with their steps and their work.

    A step's work goes with the number of pixels. Where the recipe's scales are a number or shares,
    those at which a picture would have a short side below ``COARSEST`` px are left out. The
    picture's own size is always painted. The first scale paints from the start and needs the most
    steps, so steps are counted from the coarsest scale that is left.

    Args:
        recipe: its scales and steps count.
        height: of the painting in px.
        width: of the painting in px.
        style: short side of the artwork in px; None is no smaller than the painting's.
        pixels: that a step at some height and width computes; in tiles these are more.

    Raises:
        ValueError: The last of scales in px is not the long side.
    """
    short = min(height, width) if style is None else min(height, width, style)
    factors = scale_factors(recipe.scales, max(height, width), short)
    steps = recipe.steps if isinstance(recipe.steps, tuple) else (recipe.steps,) * len(factors)
    scales = []
    for factor, count in zip(factors, steps[: len(factors)], strict=True):
        size = round(height * factor), round(width * factor)
        scales.append(Scale(*size, factor, count, pixels(*size) * (count + BEGINNING)))
    return scales


def last_index(scales: Sequence[Scale]) -> int:
    """Return the index of the last step that `coarse_to_fine` yields: each scale has a start."""
    return sum(scale.steps + 1 for scale in scales) - 1


def done(scales: Sequence[Scale], index: int) -> float:
    """Return how many pixels are computed when `coarse_to_fine` yields the step of an index."""
    before = 0
    for scale in scales:
        if index <= scale.steps:
            return before + scale.done(index)
        index -= scale.steps + 1
        before += scale.pixels
    return before


def next_scale(scales: Sequence[Scale], factor: float, steps: int) -> Scale | None:
    """Return the scale to go on with after some steps at one; None while that one goes on.

    The finest goes on without an end. A scale that is not in the list has no steps left.

    Args:
        scales: from coarse to fine.
        factor: of the scale that is being painted.
        steps: updates of the picture that it has had.
    """
    larger = next((scale for scale in scales if scale.factor > factor), None)
    return larger if steps >= _steps_at(scales, factor) else None


def steps_left(scales: Sequence[Scale], factor: float, steps: int) -> int:
    """Return how many steps are left to the last index, where each scale has a start.

    Arguments are those of `next_scale`. The result is 0 or more.
    """
    here = max(_steps_at(scales, factor) - steps, 0)
    return here + sum(scale.steps + 1 for scale in scales if scale.factor > factor)


def _steps_at(scales: Sequence[Scale], factor: float) -> int:
    return next((scale.steps for scale in scales if scale.factor == factor), 0)


def scale_factors(scales: int | tuple[float, ...], side: int, short: int) -> list[float]:
    """Return by which factors a picture is made smaller, in turn.

    Args:
        scales: as in a recipe.
        side: long side of the picture in px.
        short: short side in px. Of a number of scales or of shares, those that make it too small
            are left out.

    Raises:
        ValueError: The last of scales in px is not the long side.
    """
    if isinstance(scales, int):
        scales = tuple(2 ** (-scale / 2) for scale in range(min(scales, MOST) - 1, -1, -1))
    if not in_px(scales):
        return [share for share in scales if share == 1 or round(short * share) >= COARSEST]
    if scales[-1] != side:
        raise ValueError(
            f"The last of scales is {scales[-1]} px, and the content's long side has {side} px; "
            "expected the same. Load it at that size, or give its path."
        )
    return [scale / side for scale in scales]
