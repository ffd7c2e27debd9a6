"""What holds for all lessons: no concept is defined twice, each exercise has its checker."""

from __future__ import annotations

import base64
import io
import re

import make_hero
import nbformat
import numpy as np
import pytest
from PIL import Image

from course.cells import DEFINES, EXERCISE, NOTEBOOKS, tagged
from nstkit.checks.exercises import EXERCISES

LESSONS = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb") if path.stem[:2] != "00")


def test_no_concept_is_defined_twice():
    names = [name for stem in LESSONS for name in tagged(stem, DEFINES)]
    assert sorted(set(names)) == sorted(names)


def test_the_exercises_of_the_notebooks_are_those_that_have_a_checker():
    numbers = [number for stem in LESSONS for number in tagged(stem, EXERCISE)]
    assert numbers == list(EXERCISES)


def stored_picture(path):
    """Return the JPEG of the cell that is tagged "thumbnail"."""
    cells = nbformat.read(path, as_version=4).cells
    (cell,) = [cell for cell in cells if "thumbnail" in cell.metadata.get("tags", [])]
    (stored,) = [o.data["image/jpeg"] for o in cell.outputs if "image/jpeg" in o.get("data", {})]
    return base64.b64decode(stored)


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_the_pictures_beside_the_notebooks_are_the_stored_ones(path):
    """tools/make_hero.py --notebooks copies them after each execution."""
    stored, name = stored_picture(path), f"{path.stem}.jpg"
    figure = NOTEBOOKS / "figures" / name
    assert not figure.exists()  # no first cell shows a result
    small = Image.open(io.BytesIO(stored)).convert("RGB")
    small.thumbnail(make_hero.THUMBNAIL, Image.Resampling.LANCZOS)
    with Image.open(make_hero.DOCS / "thumbnails" / name) as thumbnail:
        assert thumbnail.size == small.size
        assert np.abs(np.subtract(thumbnail, small, dtype=np.int16)).mean() < 10  # JPEG's errors


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_no_cell_after_a_panel_changes_it(path):
    """Run All leaves each panel as its text describes it."""
    nb = nbformat.read(path, as_version=4)
    code = [cell.source for cell in nb.cells if cell.cell_type == "code"]
    for index, name in enumerate(code):
        if name in ("studio", "panel", "choice"):
            after = code[index + 1 :]
            assert not [
                cell for cell in after if re.search(rf"(?<![.\w]){name}\.(?!picture|name)", cell)
            ]
