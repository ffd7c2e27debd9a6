"""How steps of peers are fitted to seconds: `tools/compare_peers.py`."""

from __future__ import annotations

import json
from pathlib import Path

import compare_peers
import pytest
import torch
from compare_peers import fitted, pixels_of

import nstkit
from nstkit import RECIPES, Recipe

PHOTOGRAPH = torch.rand(1, 3, 256, 384)
COARSE_TO_FINE = Recipe(scales=(0.25, 0.5, 1), steps=(40, 20, 10))


@pytest.mark.parametrize(
    "recipe",
    [RECIPES["crowsonkb"].recipe, RECIPES["leongatys"].recipe, COARSE_TO_FINE],
    ids=["crowsonkb", "leongatys", "coarse to fine"],
)
@pytest.mark.parametrize("steps_of_full_size", [40, 400])
def test_a_fitted_recipe_computes_the_pixels_that_it_may(
    recipe: Recipe, steps_of_full_size: int
) -> None:
    allowed = steps_of_full_size * 256 * 384
    found = fitted(recipe, PHOTOGRAPH, allowed)
    assert pixels_of(found, PHOTOGRAPH) == pytest.approx(allowed, rel=0.15)
    assert found.replace(steps=recipe.steps) == recipe


def test_each_scale_keeps_its_share_of_the_steps() -> None:
    found = fitted(COARSE_TO_FINE, PHOTOGRAPH, 3 * pixels_of(COARSE_TO_FINE, PHOTOGRAPH))
    coarse, middle, fine = found.steps
    assert (middle, fine) == (pytest.approx(coarse / 2, abs=1), pytest.approx(coarse / 4, abs=2))
    assert coarse == pytest.approx(120, rel=0.1)


def test_no_scale_is_left_out() -> None:
    assert fitted(COARSE_TO_FINE, PHOTOGRAPH, 1000.0).steps == 1


@pytest.mark.long
def test_a_pair_that_is_kept_is_not_painted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare_peers, "SIZE", 128)
    pair, painting = ("cat", "great_wave"), nstkit.stylize("cat", "great_wave", size=128, steps=1)
    given = {name: painting for name in ("nstkit", *compare_peers.PEERS)}
    monkeypatch.setattr(compare_peers, "paint", lambda *_: given)
    first = compare_peers.painted(pair, tmp_path, {})
    monkeypatch.setattr(compare_peers, "paint", lambda *_: pytest.fail("painted again"))
    paces: dict[str, float] = {}
    again = compare_peers.painted(pair, tmp_path, paces)
    assert paces.keys() == set(compare_peers.PEERS)  # the next pair's first guess
    assert list(again) == list(first) and again["nstkit"]["style"] == first["nstkit"]["style"]
    compare_peers.stored(pair, "nstkit", tmp_path).unlink()
    with pytest.raises(pytest.fail.Exception, match="painted again"):
        compare_peers.painted(pair, tmp_path, {})


def test_the_page_tells_the_stored_numbers() -> None:
    table = json.loads((compare_peers.DOCS / "peers.json").read_text(encoding="utf-8"))
    assert [tuple(pair.split(" x ")) for pair in table] == list(compare_peers.PAIRS)
    page = (compare_peers.DOCS / "peers.md").read_text(encoding="utf-8")
    assert "\n".join(compare_peers.page_rows(table)) in page
    for found in table.values():
        seconds = [row["seconds"] for row in found.values()]
        assert max(seconds) <= (1 + compare_peers.NEAR) * seconds[0]
        assert min(seconds) >= (1 - compare_peers.NEAR) * seconds[0] - 0.1
