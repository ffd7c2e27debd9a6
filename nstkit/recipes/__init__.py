"""Recipes: the class, the course's own, and what others published, as data with its source."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from nstkit.losses.statistics import GramMeans, Hypercolumns, Neighbors
from nstkit.options import check_choice
from nstkit.recipes.fields import STARTS, STYLE_LAYERS
from nstkit.recipes.recipe import Recipe
from nstkit.vgg.names import equal_weights

__all__ = [
    "DEFAULT",
    "FITS",
    "HOUSE",
    "NEIGHBORS",
    "PHOTOREAL",
    "PORTRAIT",
    "RECIPES",
    "STARTS",
    "STYLE_LAYERS",
    "TEXTBOOK",
    "Published",
    "Recipe",
    "as_recipe",
    "equal_weights",
]

# What the lessons explain: Gram matrices, one scale, and the photograph as the start.
TEXTBOOK = Recipe()

# How nstkit paints. docs/search/README.md says what was tried, and what each part does. Means
# and deviations bring the palette across. Coarse scales bring large forms. The photograph's detail
# keeps faces. The start in the artwork's colors saves steps. At the coarsest scale, L-BFGS over
# frequencies paints large forms first. At the others it would leave many specks of color. Grain and
# clipped moves let texture grow all over a flat sky. Without them, texture grows in clusters. The
# deep layers weigh little: with equal weights relu5_1 copies whole objects, such as the painted eye
# onto the kitten's.
DEFAULT = Recipe(
    style_layers=dict(zip(STYLE_LAYERS, (0.27, 0.27, 0.26, 0.16, 0.04), strict=True)),
    beta=5,
    tv=150,
    statistic=GramMeans(2),
    start="recolored",
    scales=(0.4, 0.632, 1),
    steps=(40, 24, 16),
    detail=1,
    grain=0.02,
    finer_optimizer="clipped_lbfgs",
)

# For faces. Style layers as deep as relu5_1 paint rings around eyes, so it is left out and relu4_1
# weighs less. relu3_2 holds the photograph's eyes and teeth, which relu4_2 alone lets go.
PORTRAIT = DEFAULT.replace(
    beta=2,
    content_layers=("relu3_2", "relu4_2"),
    style_layers={"relu1_1": 0.3, "relu2_1": 0.3, "relu3_1": 0.3, "relu4_1": 0.1},
)

# A photograph in the light of another one. Luan et al. 2017 (arXiv 1703.07511) add the matting
# Laplacian to the losses: what is painted must be a recoloring of the photograph. Their lambda is
# 1e4, for pixels from 0 to 255 and a sum over pixels, so the numbers do not compare.
PHOTOREAL = DEFAULT.replace(photo=1e5)

# Neural neighbors: every patch is compared with the most similar one of the artwork (Kolkin et al.
# 2022, arXiv 2203.13215). Whole hypercolumns draw the forms, each layer alone the strokes. What
# the photograph shows comes through the choice of neighbors, so there is no content loss. The
# authors take ten layers of VGG-16. Five looked as good on two pairs, in two thirds of the
# seconds. The authors weigh all layers alike, and mix a quarter of the painting so far into the
# guide. More weight on relu4_2, more of the painting, and scales that begin at a quarter bring
# large forms: without them the sky after The Starry Night had strokes but no swirls. Still more
# weight there, 0.5, and the cat's nose was gone. A little total variation takes some harshness
# out. The authors make the colors those of the artwork after painting, and here a palette term
# does.
NEIGHBORS = Recipe(
    alpha=0,
    beta=100,
    tv=20,
    palette=100,
    style_layers={
        "relu1_2": 0.1,
        "relu2_2": 0.1,
        "relu3_1": 0.175,
        "relu3_3": 0.175,
        "relu4_2": 0.45,
    },
    statistic=Hypercolumns(0.4),
    finest_statistic=Neighbors(),
    start="recolored",
    scales=(0.25, 0.5, 0.9, 1),
    steps=(DEFAULT.steps[0], *DEFAULT.steps),
    detail=1,
)

HOUSE: Mapping[str, Recipe] = MappingProxyType(
    {
        "default": DEFAULT,
        "portrait": PORTRAIT,
        "neighbors": NEIGHBORS,
        "photoreal": PHOTOREAL,
        "textbook": TEXTBOOK,
    }
)

# When to choose which recipe of the house.
FITS: Mapping[str, str] = MappingProxyType(
    {
        "default": "for most pictures",
        "portrait": "for faces",
        "neighbors": "to draw with the artwork's own lines and strokes, though small features such "
        "as eyes may get lost",
        "photoreal": "to give a photograph the light and the colors of another one",
        "textbook": "to see what the lessons explain",
    }
)


@dataclass(frozen=True)
class Published:
    """A recipe that somebody published.

    Attributes:
        title: whose it is, in a few words.
        year: of the version described here.
        source: where to read it.
        size: in px, as the original's default; its own rule (long or short side) in ``notes``.
        recipe: the objective to the letter, start and optimizer as near as `Recipe` can say.
        notes: what the recipe cannot say, or what to know of it.
        experiments: {label: changes of fields}: variations that the source itself shows.
        assumed: what the source does not state, or nobody could read: names of fields of the
            recipe, "size" and "year". What stands there is our guess.
    """

    title: str
    year: int
    source: str
    size: int
    recipe: Recipe
    notes: tuple[str, ...]
    experiments: Mapping[str, Mapping[str, Any]]
    assumed: tuple[str, ...] = ()

    def variants(self) -> dict[str, Recipe]:
        """Return {label: recipe} of the source's own experiments."""
        return {
            label: self.recipe.replace(**changes) for label, changes in self.experiments.items()
        }


def as_recipe(given: Recipe | Published | str) -> Recipe:
    """Return a recipe, also of one that somebody published, or of a name.

    Raises:
        ValueError: It is none, or no recipe has this name.
    """
    if isinstance(given, Recipe):
        return given
    if isinstance(given, Published):
        return given.recipe
    if isinstance(given, str):
        check_choice("recipe", given, [*HOUSE, *RECIPES])
        return HOUSE[given] if given in HOUSE else RECIPES[given].recipe
    raise ValueError(
        f"recipe is {given!r}; expected a Recipe, one of RECIPES, or a name such as 'neighbors'."
    )


def _load() -> dict[str, Published]:
    data = json.loads((Path(__file__).parent / "published.json").read_text(encoding="utf-8"))
    published = {}
    for key, facts in data.items():
        recipe, experiments = Recipe.from_data(facts.pop("recipe")), facts.pop("experiments", {})
        notes, assumed = tuple(facts.pop("notes")), tuple(facts.pop("assumed", ()))
        published[key] = Published(
            recipe=recipe, experiments=experiments, notes=notes, assumed=assumed, **facts
        )
    return published


RECIPES: Mapping[str, Published] = MappingProxyType(_load())
