"""The stills of the panels: whole, small enough, described, and those that the command takes."""

from __future__ import annotations

import io
import json

import make_stills
import numpy as np
import pytest
from nbformat.v4 import new_notebook
from PIL import Image

from nstkit import lesson
from nstkit.lesson.drawn import STILLS

INDEX = json.loads((STILLS / "stills.json").read_text(encoding="utf-8"))
each = pytest.mark.parametrize("name", INDEX)


def test_those_that_the_command_takes_are_stored_and_nothing_else():
    stored = {path.name for path in STILLS.iterdir()}
    assert stored == {"stills.json"} | {f"{name}.jpg" for name in make_stills.STILLS_TO_TAKE}
    assert {name: told["alt"] for name, told in INDEX.items()} == {
        name: still.alt for name, still in make_stills.STILLS_TO_TAKE.items()
    }


@each
def test_a_still_is_what_the_index_says(name):
    picture = lesson.still(name)
    assert picture.data == (STILLS / f"{name}.jpg").read_bytes()
    assert (picture.mime, picture.alt) == ("image/jpeg", INDEX[name]["alt"])
    assert picture.width == INDEX[name]["width"]
    assert len(picture.alt) > 40


@each
def test_a_still_is_small_and_not_enlarged(name):
    picture = lesson.still(name)
    assert len(picture.data) <= make_stills.LIMIT == 160_000
    with Image.open(io.BytesIO(picture.data)) as file:
        assert picture.width <= file.width


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"got the name 'atelier'; expected one of studio, .*"):
        lesson.still("atelier")


def grain(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def test_a_shot_is_made_smaller_only_if_its_file_is_too_large():
    for shot, kept in ((grain(300, 200), True), (grain(660, 470), False)):
        data = make_stills.encoded(shot)
        assert len(data) <= make_stills.LIMIT
        with Image.open(io.BytesIO(data)) as file:
            assert (file.size == shot.size) == kept
    with pytest.raises(ValueError, match="show less"):
        make_stills.encoded(grain(2000, 2000))


def test_a_shot_gets_the_same_margin_on_all_sides():
    shot = Image.new("RGB", (90, 80), "white")
    shot.paste("black", (0, 10, 50, 40))
    framed, margin = make_stills.with_margin(shot), make_stills.MARGIN
    assert framed.size == (50 + 2 * margin, 30 + 2 * margin)
    assert framed.getpixel((margin, margin)) == (0, 0, 0)
    assert framed.getpixel((margin - 1, margin)) == (255, 255, 255)


def test_a_panel_is_shown_by_the_last_cell_of_the_notebook_that_is_made():
    nb = new_notebook(metadata={"language_info": {"name": "python"}})
    made = make_stills.STILLS_TO_TAKE["choice"].change(nb)
    assert made.cells[-1].source.splitlines()[-1] == "choice"
    assert made.metadata == nb.metadata


def test_the_command_refuses_an_unknown_name(capsys):
    with pytest.raises(SystemExit):
        make_stills.main(["atelier"])
    known = f"choose from {', '.join(make_stills.STILLS_TO_TAKE)}"
    assert known in capsys.readouterr().err
