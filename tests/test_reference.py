"""The table of published recipes: what it tells, and the mark at what is assumed."""

from pathlib import Path

from nstkit.lesson import reference_table
from nstkit.recipes import RECIPES

TABLE = reference_table()
ROWS = {row[0]: dict(zip(TABLE.columns, row, strict=True)) for row in TABLE.rows}


def row(key):
    return ROWS[RECIPES[key].title]


def test_every_recipe_has_a_row():
    assert list(ROWS) == [published.title for published in RECIPES.values()]


def test_each_assumed_number_has_its_own_mark_and_nothing_else_has_one():
    assert row("alex_2022")["α, β, TV"] == "1?, 10?, 1?"
    assert row("alex_2022")["start"] == "noise"
    assert row("alex_2022")["network"] == "VGG-19 torchvision?"
    assert row("ching")["steps"] == "lbfgs, 300?"
    assert row("ching")["content"] == "conv4_2?, mean?"
    assert row("barla")["style layers: weights"].endswith("0.2, 0.2, 0.2?")
    for key, published in RECIPES.items():
        assert ("?" in str(row(key))) == bool(published.assumed), key


def test_the_cells_say_what_the_recipes_hold():
    assert row("gatys_2016")["network"] == "VGG-19 normalized, average pooling"
    assert row("gordicaleksa")["network"] == "VGG-19 torchvision, 0 to 255"
    assert row("gordicaleksa")["style"] == "G / (N M), sum"
    assert row("keras_example")["style"] == "G, sum, then / (3 H W)²"
    assert row("crowsonkb")["style"] == "means and covariances"
    assert row("crowsonkb")["steps"] == "adam, 3000 at 5 sizes"
    assert row("pystiche")["style layers: weights"] == "relu1_1 to relu5_1: equal"


def test_the_page_of_all_recipes_has_the_table_as_it_is():
    page = Path(__file__).parents[1] / "docs/recipes.md"
    assert repr(TABLE) in page.read_text(encoding="utf-8"), "run tools/recipe_table.py --sources"
