"""The published recipes in one table, with a mark at every entry that is assumed."""

from __future__ import annotations

from collections.abc import Mapping

from nstkit.lesson.tables import Table, show_table
from nstkit.losses.statistics import Gram
from nstkit.recipes import RECIPES, Published, Recipe

COLUMNS = (
    "year", "network", "content", "style layers: weights", "style", "start", "steps", "α, β, TV",
)  # fmt: skip
DIVISORS = {"positions": "G / M", "elements": "G / (N M)", None: "G"}
AGAIN = {"none": "", "features": ", then / (N M)", "image": ", then / (3 H W)²"}


def reference_table() -> Table:
    """Return what each published recipe says, one row each; "?" follows what is assumed."""
    rows = {published.title: cells(published) for published in RECIPES.values()}
    return show_table(rows, ["recipe", *COLUMNS])


def cells(published: Published) -> list[str]:
    """Return the cells of a recipe, in the order of `COLUMNS`."""
    r = published.recipe

    def told(field: str, text: str) -> str:
        """Mark what is assumed."""
        return text + "?" * (field in published.assumed)

    return [
        told("year", str(published.year)),
        told("weights", _network(r)) + ", average pooling" * (r.pooling == "avg"),
        f"{told('content_layers', ', '.join(r.content_layers))}, "
        + told("content_reduce", r.content_reduce),
        told("style_layers", _layers(r.style_layers)),
        told("statistic", _statistic(r)),
        told("start", r.start),
        f"{told('optimizer', r.optimizer)}, {told('steps', _steps(r))}",
        ", ".join(told(field, f"{getattr(r, field):g}") for field in ("alpha", "beta", "tv")),
    ]


def _network(recipe: Recipe) -> str:
    weights = "normalized" if recipe.weights == "embedded" else recipe.weights
    pixels = ", 0 to 255" if recipe.preprocessing == "torchvision_255" else ""
    return f"{recipe.network.upper().replace('VGG', 'VGG-')} {weights}{pixels}"


def _layers(layers: Mapping[str, float]) -> str:
    names, weights = list(layers), list(layers.values())
    numbers = "equal" if len(set(weights)) == 1 else ", ".join(f"{w:.2g}" for w in weights)
    return f"{names[0]} to {names[-1]}: {numbers}"


def _statistic(recipe: Recipe) -> str:
    gram = recipe.statistic
    if not isinstance(gram, Gram):
        return "means and covariances"
    return f"{DIVISORS[gram.normalize]}, {gram.reduce}{AGAIN[gram.divisor]}"


def _steps(recipe: Recipe) -> str:
    if isinstance(recipe.steps, int):
        return str(recipe.steps)
    return f"{sum(recipe.steps)} at {len(recipe.steps)} sizes"
