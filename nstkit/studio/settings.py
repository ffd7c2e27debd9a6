"""What the reader wants of the studio: `Settings`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import torch
from torch import Tensor

from nstkit.objective import Objective
from nstkit.painting.start import SIZE, Given, as_image
from nstkit.recipes import DEFAULT, Recipe

# The fields of a recipe that are weights, each with its term.
TERMS = {"alpha": "content", "beta": "style", "tv": "variation"}
WEIGHTS = (*TERMS, "content_layers", "style_layers")
ROUTE = ("start", "optimizer", "learning_rate", "steps")  # fields that say how, not what


@dataclass(frozen=True, eq=False)
class Settings:
    """What is to be painted, and how.

    Attributes:
        content: photograph, as `nstkit.stylize` takes it; style: artwork, the same.
        recipe: what to minimize, from where and by which optimizer; its steps are not used.
        size: long side in px of pictures that are not tensors; seed: of the noise in the start.

    Raises:
        ValueError: Nothing to minimize: all weights are 0, or those of a term's layers; or a recipe
            of several scales.
    """

    content: Given
    style: Given
    recipe: Recipe = DEFAULT
    size: int = SIZE
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what the studio cannot paint."""
        recipe = self.recipe
        if recipe.scales != 1:
            raise ValueError(
                f"The recipe paints scales={recipe.scales}; the studio paints one size at a time. "
                "Use recipe.replace(scales=1), or paint with nstkit.stylize."
            )
        if recipe.beta and not any(recipe.style_layers.values()):
            raise ValueError("No style layer is on. Switch one on, or switch β off.")
        if recipe.alpha and not any(recipe.content_layers.values()):
            raise ValueError("No content layer has a weight. Choose one, or switch α off.")
        if not (recipe.alpha or recipe.beta or recipe.tv):
            raise ValueError("α, β and smoothing are all off: nothing to minimize. Switch one on.")

    def replace(self, **changes: Any) -> Settings:
        """Return a copy with some settings, or some fields of the recipe, changed."""
        own = {field.name for field in dataclasses.fields(self)}
        of_self = {name: value for name, value in changes.items() if name in own}
        recipe = of_self.pop("recipe", self.recipe)
        recipe = recipe.replace(**{name: changes[name] for name in changes if name not in own})
        return dataclasses.replace(self, recipe=recipe, **of_self)

    def changes(self, other: Settings) -> dict[str, Any]:
        """Return the arguments with which `replace` turns this into ``other``."""
        mine, new = (vars(s) | vars(s.recipe) for s in (self, other))
        del new["recipe"]
        return {name: value for name, value in new.items() if not same(value, mine[name])}

    def load(self, name: str, device: torch.device) -> Tensor:
        """Return "content" or "style" at its size, on a device."""
        return as_image(getattr(self, name), self.size, device)

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
        for field, term in TERMS.items():
            objective[term].weight = getattr(self.recipe, field)
        objective["content"].layers = dict(self.recipe.content_layers)
        objective["style"].layers = dict(self.recipe.style_layers)

    def form(self) -> Recipe:
        """Return the recipe with default weights and route: what else decides the losses."""
        plain = Recipe()
        return self.recipe.replace(**{name: getattr(plain, name) for name in (*WEIGHTS, *ROUTE)})


def same(one: Any, other: Any) -> bool:
    """Return whether two settings are equal; pictures in memory are so only if identical."""
    if isinstance(one, Tensor) or isinstance(other, Tensor):
        return one is other
    plain = isinstance(one, str | int | float | dict | PurePath) or dataclasses.is_dataclass(one)
    return one is other or (plain and one == other)
