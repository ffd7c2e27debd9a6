#!/usr/bin/env python
"""Print a table of the published recipes, as Markdown: README's, or that of docs/recipes.md.

README's has them translated to the embedded network.

Each is translated for the cat and the Great Wave at 256 px, and written in the terms of
`nstkit.TEXTBOOK`: means of squares, Gram matrices divided by positions. A question mark follows
what the source does not state, or nobody could read.

    python tools/recipe_table.py              for README.md
    python tools/recipe_table.py --sources    what each source says, for docs/recipes.md
"""

from __future__ import annotations

import argparse

from torch import Tensor

import nstkit
from nstkit.lesson import Table, reference_table, show_table
from nstkit.recipes import RECIPES
from nstkit.recipes.common import to_common
from nstkit.translate import for_network

SIZE = 256
FORMULA = "content_reduce", "style_layers", "statistic"  # the weights are those of such terms
COLUMNS = ("you used", "its α, β", "`RECIPES` key", "α = 1, β here", "shares of the style layers")


def row(key: str, content: Tensor, style: Tensor) -> list[str]:
    """Return the cells of a recipe: its own weights, and what they become here."""
    there, assumed = RECIPES[key].recipe, RECIPES[key].assumed
    here = for_network(there, "embedded", content, style)
    common = to_common(here, *content.shape[-2:])
    own = ", ".join(
        number(getattr(there, name)) + "?" * (name in assumed) for name in ("alpha", "beta")
    )
    if common.unsaid:
        what = "moments" if isinstance(here.statistic, nstkit.Moments) else "roots"
        return [own, f"`{key}`", f"has {what}", "only by `for_network`"]
    beta = sum(common.style.values())
    shares = ", ".join(number(s / beta) for s in common.style.values())
    doubt = "?" * any(name in assumed for name in FORMULA)  # then all that follows is a guess
    return [own, f"`{key}`", number(beta / sum(common.content.values())) + doubt, shares + doubt]


def number(value: float) -> str:
    """Return a number with two digits."""
    return format(float(f"{value:.2g}"), "g")


def table() -> Table:
    """Return the table of all recipes."""
    content, style = (nstkit.load_image(name, SIZE) for name in ("cat", "great_wave"))
    return show_table({RECIPES[key].title: row(key, content, style) for key in RECIPES}, COLUMNS)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sources", action="store_true", help="what each source says")
    print(reference_table() if parser.parse_args().sources else table())
