"""What the reader wants of the studio: `Settings`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from types import NoneType
from typing import Any

import torch
from torch import Tensor

from nstkit.objective import Objective
from nstkit.painting.given import GivenStyle, Load, artwork_loader, pairs_of
from nstkit.painting.quality import QUALITIES, Quality, named
from nstkit.painting.start import SIZE, Given, as_image
from nstkit.pictures.scene import Region
from nstkit.recipes import DEFAULT, Recipe
from nstkit.recipes.fields import STATISTIC_FIELDS, in_px

# The fields of a recipe that are weights.
WEIGHTS = ("alpha", "beta", "tv", "content_layers", "style_layers")
# Fields that say how, not what.
ROUTE = (
    "start", "scales", "steps", "detail", "grain", "optimizer", "finer_optimizer", "learning_rate",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Settings:
    """What is to be painted, and how.

    Attributes:
        content: photograph, as `nstkit.stylize` takes it; style: artwork, or two with their shares,
            the same.
        recipe: what to minimize and how. Its steps say when each scale hands over to the next; at
            the finest the painting goes on.
        size: long side in px of pictures that are not tensors. None is the last of the recipe's
            scales if they are in px, else 256; the attribute has the number.
        seed: of the noise in the start, and of the grain.
        regions: as `nstkit.stylize` takes them.

    Raises:
        ValueError: No artwork; nothing to minimize: all weights are 0, or those of a term's layers;
            or a size that is not the last of scales in px.
    """

    content: Given
    style: GivenStyle
    recipe: Recipe = DEFAULT
    size: int | None = None
    seed: int = 0
    regions: tuple[Region, ...] = ()

    def __post_init__(self) -> None:
        """Settle the size, and refuse what the studio cannot paint."""
        recipe = self.recipe
        object.__setattr__(self, "regions", tuple(self.regions))
        if self.style is None:
            raise ValueError("The studio needs an artwork; style is None. Choose one.")
        last = recipe.scales[-1] if in_px(recipe.scales) else None
        if self.size is None:
            object.__setattr__(self, "size", last or SIZE)
        elif last not in (None, self.size):
            raise ValueError(
                f"The size is {self.size} px, and the last of scales is {last} px; expected the "
                "same. Leave the size out, or give scales as shares of it, such as (0.5, 1)."
            )
        if recipe.beta and not any(recipe.style_layers.values()):
            raise ValueError("No style layer is on. Switch one on, or switch β off.")
        if recipe.alpha and not any(recipe.content_layers.values()):
            raise ValueError("No content layer has a weight. Choose one, or switch α off.")
        if not (recipe.alpha or recipe.beta or recipe.tv or recipe.palette):
            raise ValueError("α, β and smoothing are all off: nothing to minimize. Switch one on.")

    def replace(self, quality: str | None = None, **changes: Any) -> Settings:
        """Return a copy with some settings, or some fields of the recipe, changed.

        Scales in px bring their size with them. A new size alone turns them into shares of it.

        Args:
            quality: "draft", "good" or "print", which is a size, scales and steps; those that are
                given beside it win.
            changes: new values by name.
        """
        if quality is not None:
            return self._of_quality(named(quality), changes).replace(**changes)
        own = {field.name for field in dataclasses.fields(self)}
        of_self = {name: value for name, value in changes.items() if name in own}
        of_recipe = {name: value for name, value in changes.items() if name not in own}
        recipe = of_self.pop("recipe", self.recipe)
        alone = not {"recipe", "scales"} & set(changes)
        if alone and of_self.get("size", self.size) != self.size:
            of_recipe["scales"] = shares(recipe.scales)
        recipe = recipe.replace(**of_recipe)
        if "size" not in of_self and in_px(recipe.scales):
            of_self["size"] = None  # the last of the scales
        return dataclasses.replace(self, recipe=recipe, **of_self)

    def _of_quality(self, quality: Quality, given: dict[str, Any]) -> Settings:
        """Return settings of a quality; takes what it needs out of the given changes."""
        content = given.pop("content", self.content)
        recipe = given.pop("recipe", self.recipe)
        compared = {name: given.pop(name) for name in STATISTIC_FIELDS if name in given}
        recipe = quality.of(recipe.replace(**compared))  # its scales go with what is compared
        return self.replace(content=content, recipe=recipe, size=quality.side(content))

    def changes(self, other: Settings) -> dict[str, Any]:
        """Return the arguments with which `replace` turns this into ``other``."""
        mine, new = (vars(s) | vars(s.recipe) for s in (self, other))
        del new["recipe"]
        return {name: value for name, value in new.items() if not same(value, mine[name])}

    @property
    def quality(self) -> str | None:
        """The quality that this size, these scales and these steps are; None if they are none."""
        for name, chosen in QUALITIES.items():
            route = chosen.of(self.recipe) == self.recipe  # told first, since a side is read
            if route and chosen.side(self.content) == self.size:
                return name
        return None

    def paints_other(self, before: Settings) -> bool:
        """Return whether these artworks are others than before, in whatever shares."""
        mine, theirs = ([p for p, _ in pairs_of(s.style)] for s in (self, before))
        return not same(mine, theirs)

    def load_content(self, device: torch.device) -> Tensor:
        """Return the photograph at its size, on a device."""
        return as_image(self.content, self.size, device)

    def loader(self, device: torch.device, remarks: list[str]) -> Load:
        """Return a function that loads an artwork; see `artwork_loader`."""
        return artwork_loader(self.size, self.recipe.style_scale, device, remarks)

    def needs(self) -> set[tuple[str, str]]:
        """Return the layers that have a weight, as ("content", "relu4_2") and so on."""
        recipe = self.recipe
        terms = {
            "content": (recipe.alpha, recipe.content_layers),
            "style": (recipe.beta, recipe.style_layers),
        }
        return {
            (term, layer)
            for term, (weight, layers) in terms.items()
            for layer, share in layers.items()
            if weight and share
        }

    def can_follow(self, before: Settings) -> bool:
        """Return whether a forward pass that began under ``before`` serves these settings too.

        It does if only weights differ, and no layer had the weight 0 that has another now.
        """
        changed = self is not before and set(before.changes(self))
        return bool(changed) and changed <= set(WEIGHTS) and self.needs() <= before.needs()

    def weigh(self, objective: Objective) -> None:
        """Put the weights in force in an objective."""
        recipe = self.recipe
        objective["content"].weight, objective["variation"].weight = recipe.alpha, recipe.tv
        objective["content"].layers = dict(recipe.content_layers)
        own = {f"style {n}": region.beta for n, region in enumerate(self.regions, 1)}
        for name, beta in {"style": None, **own}.items():
            if name in objective.terms:
                objective[name].weight = recipe.beta if beta is None else beta
                objective[name].layers = dict(recipe.style_layers)

    def form(self) -> Recipe:
        """Return the recipe with default weights and route: what else decides the losses."""
        plain = Recipe()
        return self.recipe.replace(**{name: getattr(plain, name) for name in (*WEIGHTS, *ROUTE)})


def shares(scales: int | tuple[float, ...]) -> int | tuple[float, ...]:
    """Return scales in px as shares of the last one, and other scales as they are."""
    return tuple(side / scales[-1] for side in scales) if in_px(scales) else scales


def short(number: float) -> str:
    """Return a number to three digits, as people write it: 7000, and not 7e+03."""
    return f"{float(f'{number:.3g}'):g}"


def same(one: Any, other: Any) -> bool:
    """Return whether two settings are equal; pictures in memory are so only if identical."""
    if one is other or isinstance(one, Tensor) or isinstance(other, Tensor):
        return one is other
    if isinstance(one, Region) and isinstance(other, Region):
        return same(list(vars(one).values()), list(vars(other).values()))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    kinds = str | int | float | PurePath | NoneType
    return (isinstance(one, kinds) or dataclasses.is_dataclass(one)) and one == other
