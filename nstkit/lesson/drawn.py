"""The course's diagrams, as tools/make_diagrams.py drew them."""

from __future__ import annotations

import json
from pathlib import Path

from nstkit.pictures.plots import Picture

FOLDER = Path(__file__).resolve().parent / "diagrams"
WIDTH = 860  # px at which a diagram is shown; the file holds twice as many


def diagram(name: str) -> Picture:
    """Return a diagram of the course, with its alt text, for a notebook's cell.

    Args:
        name: such as "method", "vgg" or "gram"; "here_04" is the strip that marks lesson 04. The
            same name ending in .svg is the drawing for pages, in ``nstkit/lesson/diagrams``.

    Raises:
        ValueError: No diagram has this name.
    """
    alts = json.loads((FOLDER / "alt.json").read_text(encoding="utf-8"))
    if name not in alts:
        raise ValueError(f"got the name {name!r}; expected one of {', '.join(alts)}")
    return Picture((FOLDER / f"{name}.png").read_bytes(), alts[name], WIDTH)
