"""What is decided before the first step: `Plan`, made of the arguments of `nstkit.stylize`."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nstkit.losses.matting import check_photo
from nstkit.modes import usual_mode
from nstkit.options import check_whole
from nstkit.painting.given import (
    GivenStyle,
    artwork_loader,
    loaded_works,
    photograph,
    scene_of,
)
from nstkit.painting.quality import named
from nstkit.painting.scales import Scale, side_of, work
from nstkit.painting.start import Given, check_start, chosen_device
from nstkit.painting.subject import Subject
from nstkit.pictures.artworks import Artworks
from nstkit.pictures.color import COLORS
from nstkit.pictures.scene import Region, Scene
from nstkit.recipes import DEFAULT, STARTS, Published, Recipe, as_recipe
from nstkit.recipes.fields import GIVEN_START, in_px, rising
from nstkit.recipes.network import naming, network
from nstkit.tiles import Tiling, check_memory, computed_pixels, fitting
from nstkit.vgg import VGG
from nstkit.vgg.devices import Precision, feature_dtype
from nstkit.vgg.fast import to_paint


@dataclass(frozen=True)
class Plan:
    """All that a painting is made of.

    Attributes:
        content: photograph (1, 3, H, W) in [0, 1], on the device that computes.
        works: artworks, the same; None where only regions are painted.
        scene: photograph, artworks and regions, in the colors in which they are painted.
        recipe: what to minimize and how, with the network and the start that will be used.
        vgg: the network.
        start: the picture that was given to begin with; None is the recipe's start.
        seed: of the noise in the start, and of the grain.
        tile: as in `nstkit.Objective.of`.
        subject: what a file can say of the pictures.
    """

    content: Tensor
    works: Artworks | None
    scene: Scene
    recipe: Recipe
    vgg: VGG
    start: Tensor | None
    seed: int
    tile: Tiling
    subject: Subject

    def scales(self) -> list[Scale]:
        """Return the scales that will be painted, from coarse to fine."""

        def _pixels(height: int, width: int) -> int:
            image = self.content.new_empty(1).expand(1, 3, height, width)  # takes no memory
            return computed_pixels(self._tiling, image, self.vgg, self._layers)

        return work(
            self.recipe, *self.content.shape[-2:], side_of(self.scene, self.recipe), pixels=_pixels
        )

    def tile_used(self) -> int | None:
        """Return the side in px of the parts at full size; None if it is painted whole."""
        side = fitting(self._tiling, self.content, self.vgg, self._layers)
        return side if side is not None and side < max(self.content.shape[-2:]) else None

    @property
    def _tiling(self) -> Tiling:
        return self.tile if self.recipe.tiled else None

    @property
    def _layers(self) -> list[str]:
        return [*self.recipe.content_layers, *self.recipe.style_layers]


@usual_mode()
def prepare(
    content: Given,
    style: GivenStyle,
    recipe: Recipe | Published | str = DEFAULT,
    *,
    quality: str | None = None,
    steps: int | Sequence[int] | None = None,
    size: int | None = None,
    scales: int | Sequence[float] | None = None,
    start: Tensor | str | None = None,
    color: str | None = None,
    style_scale: float | None = None,
    regions: Sequence[Region] = (),
    seed: int = 0,
    precision: Precision = "auto",
    device: torch.device | str | None = None,
    tile: Tiling = "auto",
    vgg: VGG | None = None,
) -> Plan:
    """Load all pictures and the network, and settle the recipe. Arguments as in `nstkit.stylize`.

    Raises:
        ValueError: a bad picture, option or number; ``size`` beside scales in px; or the memory is
            too small for a recipe that cannot paint in tiles.
    """
    seed = check_whole("seed", seed, 0)
    device = chosen_device(device, content, vgg)
    recipe, size = settled(recipe, quality, steps, size, scales, color, style_scale)
    most = named(quality or "good").size
    remarks: list[str] = []
    photo, side = photograph(content, size, most, device, remarks)
    load = artwork_loader(side, recipe.style_scale, device, remarks)
    regions = (regions,) if isinstance(regions, Region) else tuple(regions or ())
    works = loaded_works(style, load)
    scene = scene_of(photo, works, regions, recipe.color, load)
    if not scene.parts and (recipe.beta or recipe.palette):
        raise ValueError("style is None; expected an artwork, or regions with artworks.")
    for remark in dict.fromkeys(remarks):
        warnings.warn(remark, UserWarning, stacklevel=4)  # points at the caller of `stylize`
    if recipe.photo:
        check_photo(scene.content)  # told now, not at the last scale
    if recipe.beta and not recipe.tiled:
        _check_whole(tile, photo)  # told now, not at the last scale
    recipe, start = _start(recipe, start, photo)
    if start is not None:
        start = COLORS[recipe.color].content(start)
    if vgg is None:
        vgg = to_paint(network(recipe), device, feature_dtype(precision, device))
    subject = Subject.of(content, style, regions, side)
    return Plan(photo, works, scene, naming(recipe, vgg), vgg, start, seed, tile, subject)


def settled(
    recipe: Recipe | Published | str,
    quality: str | None = None,
    steps: int | Sequence[int] | None = None,
    size: int | None = None,
    scales: int | Sequence[float] | None = None,
    color: str | None = None,
    style_scale: float | None = None,
) -> tuple[Recipe, int | None]:
    """Return a recipe with all changes, and the long side in px that was asked for, or None.

    Arguments as in `nstkit.stylize`.

    Raises:
        ValueError: a bad option or number; or ``size`` beside scales in px.
    """
    recipe, chosen = as_recipe(recipe), named(quality)
    given = recipe.scales if scales is None and chosen is None else scales
    if chosen is not None:
        recipe = chosen.of(recipe)
    changes = {"steps": steps, "scales": scales, "color": color, "style_scale": style_scale}
    recipe = recipe.replace(**{name: value for name, value in changes.items() if value is not None})
    return recipe, _size(size, given)


def _check_whole(tile: Tiling, photo: Tensor) -> None:
    """Raise ValueError unless a recipe that cannot paint in tiles may try the whole picture."""
    if tile == "auto":
        check_memory(*photo.shape[-2:], photo.device)
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
