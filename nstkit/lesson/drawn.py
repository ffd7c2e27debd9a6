"""Pictures of the course that tools made: drawn diagrams, and stills of panels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nstkit.pictures.plots import Picture

FOLDER = Path(__file__).resolve().parent / "diagrams"
STILLS = FOLDER.parent / "stills"
WIDTH = 860  # px at which a diagram is shown; the file holds twice as many


def diagram(name: str) -> Picture:
    """Return a diagram of the course, with its alt text, for a notebook's cell.

    Args:
        name: such as "method", "vgg" or "gram"; "here_04" is the strip that marks lesson 04. The
            same name ending in .svg is the drawing for pages, in ``nstkit/lesson/diagrams``.

    Raises:
        ValueError: No diagram has this name.
    """
    alt = _entry(FOLDER / "alt.json", name)
    return Picture((FOLDER / f"{name}.png").read_bytes(), alt, WIDTH)


def still(name: str) -> Picture:
    """Return what a panel looks like, with its alt text, for people who only read.

    ``tools/make_stills.py`` took them in a real browser.

    Args:
        name: "studio" as it opens, "studio_more" with all controls, "studio_grid" of samples,
            "studio_mixed" with two artworks, "studio_color" to pick a color, "instant" or
            "choice".

    Raises:
        ValueError: No still has this name.
    """
    told = _entry(STILLS / "stills.json", name)
    return Picture((STILLS / f"{name}.jpg").read_bytes(), told["alt"], told["width"])


def _entry(index: Path, name: str) -> Any:
    """Return what an index says of a picture; ValueError if it has none of this name."""
    entries = json.loads(index.read_text(encoding="utf-8"))
    if name not in entries:
        raise ValueError(f"got the name {name!r}; expected one of {', '.join(entries)}")
    return entries[name]
