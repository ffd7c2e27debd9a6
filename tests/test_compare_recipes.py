"""The search for a default: `tools/compare_recipes.py`, and the sheet of what it painted."""

from __future__ import annotations

import json
from pathlib import Path

import compare_recipes
import contact_sheet
import pytest
import torch

import nstkit
from nstkit import DEFAULT, TEXTBOOK
from nstkit.objective import Objective
from nstkit.recipes.network import network
from nstkit.translate import gradient_norms

TRIED = json.loads((compare_recipes.FOLDER / "recipes.json").read_text(encoding="utf-8"))
RESULTS = json.loads((compare_recipes.FOLDER / "results.json").read_text(encoding="utf-8"))


def numbers(content: float, style: float, patches: float, seconds: float = 10) -> dict:
    return {"seconds": seconds, "content": content, "style": style, "patches": patches}


def test_the_default_that_was_judged_is_the_one_that_paints() -> None:
    assert compare_recipes.recipe_of(TRIED["default"]) == DEFAULT


@pytest.mark.parametrize("name", TRIED)
def test_every_row_is_a_recipe_with_results_and_a_verdict(name: str) -> None:
    compare_recipes.recipe_of(TRIED[name])
    assert RESULTS[name] and TRIED[name]["verdict"].strip("? ")


def test_the_default_was_judged_on_every_pair() -> None:
    keys = {f"{' x '.join(pair)}, {compare_recipes.SIZE} px" for pair in contact_sheet.PAIRS}
    assert keys == RESULTS["default"].keys() == RESULTS["plain"].keys()


def test_the_stored_table_is_that_of_the_stored_results() -> None:
    page = compare_recipes.table(TRIED, RESULTS, compare_recipes.SIZE)
    assert (compare_recipes.FOLDER / "README.md").read_text(encoding="utf-8") == page


def test_a_row_has_means_and_counts_the_pairs_it_wins() -> None:
    facts = {"question": "why", "verdict": "good"}
    plain = {"a": numbers(1, 0.2, 0.5), "b": numbers(1, 0.2, 0.5), "c": numbers(1, 0.2, 0.5)}
    found = {"a": numbers(0.5, 0.1, 0.6, 20), "b": numbers(0.7, 0.3, 0.4, 30)}
    row = compare_recipes.row("x", facts, found, plain)
    assert row == "| `x` | why | 2 | 25 | 0.600 | 0.200 | 0.500 | 1, 1 of 2 | good |"


def test_balanced_layers_pull_alike() -> None:
    content, style = (nstkit.load_image(name, 64) for name in ("cat", "great_wave"))
    recipe = compare_recipes.balanced(TEXTBOOK, content, style)
    objective = Objective.of(content, style, network(recipe), recipe)
    norms = gradient_norms(objective, "blend")
    pulls = torch.tensor(
        [weight * norms["style", name] for name, weight in recipe.style_layers.items()]
    )
    assert sum(recipe.style_layers.values()) == pytest.approx(1)
    torch.testing.assert_close(pulls, pulls.mean().expand(5), rtol=0.02, atol=0)


def test_rows_of_several_processes_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    for name, key in (("a", "1"), ("b", "1"), ("a", "2")):
        compare_recipes.Results(path).add(name, key, numbers(1, 2, 3))
    stored = compare_recipes.Results(path).read()
    assert {name: list(rows) for name, rows in stored.items()} == {"a": ["1", "2"], "b": ["1"]}


def test_the_sheet_takes_the_paintings_that_are_there(tmp_path: Path) -> None:
    picture = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    nstkit.save_image(picture, tmp_path / "default cat x great_wave, 48 px.png")
    shown = contact_sheet.painted(tmp_path, [("cat", "great_wave")], 48)
    assert list(shown) == [nstkit.lesson.titles.pair_title("cat", "great_wave")]
    torch.testing.assert_close(*shown.values(), picture, atol=0.5 / 255, rtol=0)
