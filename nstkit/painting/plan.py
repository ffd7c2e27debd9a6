"""What is decided before the first step: `Plan`, made of the arguments of `nstkit.stylize`."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nstkit.options import check_whole
from nstkit.painting.quality import Quality, named
from nstkit.painting.result import name_of
from nstkit.painting.scales import Scale, work
from nstkit.painting.start import Given, as_image, check_start, default_device
from nstkit.pictures.images import load_at
from nstkit.recipes import DEFAULT, STARTS, Recipe
from nstkit.recipes.fields import GIVEN_START, in_px, rising
from nstkit.recipes.network import naming, network
from nstkit.tiles import Tiling, check_memory, computed_pixels
from nstkit.vgg import VGG
from nstkit.vgg.devices import Precision, feature_dtype
from nstkit.vgg.fast import to_paint

# A picture may be enlarged this much without a word: a brush stroke of 10 px then gains one.
UNNOTICED = 1.1


@dataclass(frozen=True)
class Plan:
    """All that a painting is made of.

    Attributes:
        content: photograph (1, 3, H, W) in [0, 1], on the device that computes.
        style: artwork (1, 3, H', W'), the same.
        recipe: what to minimize and how, with the network and the start that will be used.
        vgg: the network.
        start: the picture that was given to begin with; None is the recipe's start.
        seed: of the noise in the start, and of the grain.
        tile: as in `nstkit.Objective.of`.
        sources: names of content and style.
    """

    content: Tensor
    style: Tensor
    recipe: Recipe
    vgg: VGG
    start: Tensor | None
    seed: int
    tile: Tiling
    sources: tuple[str, str]

    def scales(self) -> list[Scale]:
        """Return the scales that will be painted, from coarse to fine."""
        tile = self.tile if self.recipe.tiled else None
        layers = [*self.recipe.content_layers, *self.recipe.style_layers]

        def _pixels(height: int, width: int) -> int:
            image = self.content.new_empty(1).expand(1, 3, height, width)  # takes no memory
            return computed_pixels(tile, image, self.vgg, layers)

        return work(
            self.recipe, *self.content.shape[-2:], min(self.style.shape[-2:]), pixels=_pixels
        )


def prepare(
    content: Given,
    style: Given,
    recipe: Recipe = DEFAULT,
    *,
    quality: str | None = None,
    steps: int | Sequence[int] | None = None,
    size: int | None = None,
    scales: int | Sequence[float] | None = None,
    start: Tensor | str | None = None,
    seed: int = 0,
    precision: Precision = "auto",
    device: torch.device | str | None = None,
    tile: Tiling = "auto",
    vgg: VGG | None = None,
) -> Plan:
    """Load both pictures and the network, and settle the recipe. Arguments as in `nstkit.stylize`.

    Raises:
        ValueError: a bad picture, option or number; ``size`` beside scales in px; or the memory is
            too small for a recipe that cannot paint in tiles.
    """
    if not isinstance(recipe, Recipe):
        raise ValueError(
            f"recipe is {recipe!r}; expected a Recipe, such as RECIPES['gatys_2016'].recipe."
        )
    check_whole("seed", seed, 0)
    chosen = named(quality)
    device = default_device(content, vgg) if device is None else device
    given = recipe.scales if scales is None and chosen is None else scales
    photograph, artwork = _pictures(content, style, _size(size, given), chosen, device)
    if chosen is not None:
        recipe = chosen.of(recipe)
    changes = {"steps": steps, "scales": scales}
    recipe = recipe.replace(**{name: value for name, value in changes.items() if value is not None})
    if recipe.beta and not recipe.tiled:
        _check_whole(tile, photograph)  # told now, not at the last scale
    recipe, start = _start(recipe, start, photograph)
    if vgg is None:
        vgg = to_paint(network(recipe), device, feature_dtype(precision, device))
    sources = name_of(content), name_of(style)
    return Plan(photograph, artwork, naming(recipe, vgg), vgg, start, seed, tile, sources)


def _check_whole(tile: Tiling, photograph: Tensor) -> None:
    """Raise ValueError unless a recipe that cannot paint in tiles may try the whole picture."""
    if tile == "auto":
        check_memory(*photograph.shape[-2:], photograph.device)
    elif tile is not None:
        raise ValueError(
            f"tile is {tile!r}, but this recipe compares the whole picture at once, so it cannot "
            "be computed in tiles. Set tile=None, and paint a smaller picture if the memory is too "
            "small."
        )


def _size(size: int | None, scales: int | Sequence[float] | None) -> int | None:
    """Return the long side in px that was asked for, by itself or as the last of the scales."""
    if scales is None or not in_px(rising(scales)):
        return size
    if size is not None:
        raise ValueError(
            f"Got size {size} and scales {list(scales)}, which both say how large to paint. Leave "
            "size out: the last of scales is the size."
        )
    return scales[-1]


# ---------------------------------------------------------------- pictures


def _pictures(
    content: Given, style: Given, size: int | None, quality: Quality | None, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return both pictures on the device, those that are loaded at the size of the painting."""
    if size is not None:
        photograph = _loaded(content, size, device, _ENLARGED)
        return photograph, _loaded(style, size, device, _BLURRED)
    photograph = _at_most(content, (quality or named("good")).size, device)
    return photograph, _loaded(style, max(photograph.shape[-2:]), device, _BLURRED)


def _at_most(source: Given, size: int, device: torch.device) -> Tensor:
    """Return a picture, one that is loaded no larger than it is and no larger than a size in px."""
    if isinstance(source, Tensor):
        return as_image(source, None, device)
    return load_at(source, size, device, enlarge=False)[0]


_ENLARGED = "The photograph {} has {} px and is enlarged to {} px, which adds no detail: leave the "
_ENLARGED += "size out, or take a larger photograph."
_BLURRED = "The artwork {} has {} px and is enlarged to {} px, so its strokes come out blurred: "
_BLURRED += "take a larger scan."


def _loaded(source: Given, size: int, device: torch.device, remark: str) -> Tensor:
    """Return a picture, one that is loaded at a size in px; remark it if that enlarges it."""
    if isinstance(source, Tensor):
        return as_image(source, None, device)
    picture, own = load_at(source, size, device)
    if size > UNNOTICED * own:
        # Points at the caller of `stylize`.
        warnings.warn(remark.format(name_of(source), own, size), UserWarning, stacklevel=5)
    return picture


# ---------------------------------------------------------------- the start


def _start(
    recipe: Recipe, start: Tensor | str | None, content: Tensor
) -> tuple[Recipe, Tensor | None]:
    """Return the recipe with the start that will be used, and that picture if it was given."""
    if start is None and recipe.start == GIVEN_START:
        raise ValueError(
            "This recipe began with a picture that its painter supplied. Pass it, "
            f"stylize(start=...), or the name of a start: {', '.join(STARTS)}."
        )
    if start is None:
        return recipe, None
    if isinstance(start, str) and start in STARTS:
        return recipe.replace(start=start), None
    return recipe.replace(start=GIVEN_START), check_start(start, content)
