"""What the studio is told: `Settings`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nstkit.objective import Objective
from nstkit.painting import Given
from nstkit.recipes import DEFAULT, Recipe
from nstkit.start import as_image
from nstkit.tiles import BYTES_A_PIXEL
from nstkit.vgg import free_memory

WEIGHTS = ("alpha", "beta", "tv", "content_layers", "style_layers")
ROUTE = ("start", "optimizer", "learning_rate", "steps")  # of a recipe: how, not what


@dataclass(frozen=True, eq=False)
class Settings:
    """What is to be painted, and how.

    Attributes:
        content: photograph, as `nstkit.stylize` takes it; style: artwork, the same.
        recipe: what to minimize, from where and by which optimizer; its steps are not used.
        size: long side in px of pictures that are not tensors; seed: of the noise in the start.

    Raises:
        ValueError: Nothing to minimize: all weights are 0, or those of a term's layers.
    """

    content: Given
    style: Given
    recipe: Recipe = DEFAULT
    size: int = 192
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what has nothing to minimize, and paint one size at a time."""
        recipe = self.recipe.replace(scales=1)
        object.__setattr__(self, "recipe", recipe)
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
        """Return what `replace` needs to make ``other`` of this."""
        mine, new = (vars(s) | vars(s.recipe) for s in (self, other))
        del new["recipe"]
        return {name: value for name, value in new.items() if not same(value, mine[name])}

    def load(self, name: str, device: torch.device) -> Tensor:
        """Return "content" or "style" at its size, unless painting it would not fit into memory."""
        image = as_image(getattr(self, name), self.size, device)
        height, width = image.shape[-2:]
        needed, free = height * width * BYTES_A_PIXEL / 1e9, free_memory(device) / 1e9
        if needed > free:
            raise ValueError(
                f"A picture of {width} x {height} px needs about {needed:.1f} GB of memory to be "
                f"painted, and {free:.1f} GB are free. Choose a smaller size."
            )
        return image

    def needs(self) -> set[str]:
        """Return the layers that have a weight, as "content relu4_2" and "style relu1_1"."""
        recipe = self.recipe
        content = {f"content {n}" for n, w in recipe.content_layers.items() if w and recipe.alpha}
        return content | {f"style {n}" for n, w in recipe.style_layers.items() if w and recipe.beta}

    def overtake(self, before: Settings) -> bool:
        """Return whether they are other weights of what a pass under ``before`` has asked for."""
        changed = self is not before and set(before.changes(self))
        return bool(changed) and changed <= set(WEIGHTS) and self.needs() <= before.needs()

    def weigh(self, objective: Objective) -> None:
        """Put the weights in force in an objective."""
        for name in WEIGHTS:
            setattr(objective, name, getattr(self.recipe, name))

    def form(self) -> Recipe:
        """Return the recipe without weights and route: what decides how losses are computed."""
        plain = Recipe()
        return self.recipe.replace(**{name: getattr(plain, name) for name in (*WEIGHTS, *ROUTE)})


def same(one: Any, other: Any) -> bool:
    """Return whether two settings are equal; pictures in memory are so only if identical."""
    return one is other or (isinstance(one, str | int | float | dict) and one == other)
