"""Published recipes: each says its source's formula to the letter."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import recipe_table as tool
import torch
from recipes.published_formulas import FORMULAS, features, gatys_2016, gram
from torch import Tensor

import nstkit
from nstkit import RECIPES, VGG, Objective, Recipe, load_image

PACKAGE = Path(nstkit.__file__).parent
README = Path(__file__).parents[2] / "README.md"


# ------------------------------------------------------------------ formulas
def test_every_recipe_has_its_formula() -> None:
    assert set(FORMULAS) == set(RECIPES)


@pytest.mark.parametrize("key", RECIPES)
def test_a_recipe_is_its_sources_formula(
    key: str, evaluated: Callable, theirs: Callable, pictures: tuple[Tensor, ...]
) -> None:
    found, formula, x = evaluated(RECIPES[key].recipe), FORMULAS[key][0], pictures[2]
    want = formula(*theirs(key), x)
    (gradient,) = torch.autograd.grad(want, x, retain_graph=True)
    assert found.losses.total == pytest.approx(want.item(), rel=1e-4)
    assert torch.cosine_similarity(found.gradient.flatten(), gradient.flatten(), 0) > 0.9999
    assert found.gradient.norm().item() == pytest.approx(gradient.norm().item(), rel=1e-3)


@pytest.mark.parametrize("size", [(32, 32), (35, 50)])
def test_the_papers_formula_holds_at_every_size(
    size: tuple[int, int], stand_in: Callable[[Recipe], VGG]
) -> None:
    """Its sums grow with a picture, in the content term alone; both pictures have one size."""
    recipe = RECIPES["gatys_2016"].recipe
    generator = torch.Generator().manual_seed(0)
    content, style, x = (
        torch.rand(1, 3, *size, generator=generator, dtype=torch.float64) for _ in range(3)
    )
    _, preprocess, network = FORMULAS["gatys_2016"]
    want = gatys_2016(*(features(preprocess(p), **network) for p in (x, content, style)), x)
    losses = Objective.of(content, style, stand_in(recipe), recipe)(x)
    assert losses.total.item() == pytest.approx(want.item(), rel=1e-4)


def test_gordicaleksas_style_sum_runs_over_elements_not_over_their_mean(
    evaluated: Callable, theirs: Callable
) -> None:
    found = evaluated(RECIPES["gordicaleksa"].recipe).losses
    f, _, a = theirs("gordicaleksa")
    for (term, layer), distance in found.per_layer.items():
        if term == "style":
            difference = (gram(f[layer]) - gram(a[layer])) / f[layer].numel()
            assert distance == pytest.approx(difference.pow(2).sum().item(), rel=1e-4)


# ------------------------------------------------------------------ data
def test_the_data_is_complete_and_no_code_asks_for_a_recipe_by_name() -> None:
    for key, published in RECIPES.items():
        assert published.title and 2015 <= published.year <= 2026 and published.notes, key
        assert published.source.startswith(("https://", "an article ", "the article ")), key
        assert all(isinstance(recipe, Recipe) for recipe in published.variants().values())
    texts = [path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")]
    assert [key for key in RECIPES if any(f'"{key}"' in text for text in texts)] == []


def test_what_is_assumed_is_named_by_field_and_said_in_the_notes() -> None:
    known = {"size", "year", *(field.name for field in dataclasses.fields(Recipe))}
    for key, published in RECIPES.items():
        assert set(published.assumed) <= known, key
        unread = any("Nobody could read" in note for note in published.notes)
        assert bool(published.assumed) == unread, key
    assert {key for key in RECIPES if RECIPES[key].assumed} == {"alex_2022", "barla", "ching"}


def test_every_recipe_spells_out_every_field_so_that_no_default_changes_it() -> None:
    data = json.loads((PACKAGE / "recipes/published.json").read_text(encoding="utf-8"))
    fields = {field.name for field in dataclasses.fields(Recipe)}
    assert {key: set(facts["recipe"]) for key, facts in data.items()} == dict.fromkeys(data, fields)
    for facts in data.values():
        statistic = RECIPES["gatys_2016"].recipe.from_data(facts["recipe"]).statistic
        options = {field.name for field in dataclasses.fields(statistic)}
        assert set(facts["recipe"]["statistic"]) == {"kind", *options}


def test_an_experiment_changes_the_recipe() -> None:
    variants = RECIPES["barla"].variants()
    assert [recipe.beta for recipe in variants.values()] == [1e3, 1e6, 1e10]
    assert variants["β = 1e10"].steps == 2000


@pytest.mark.long
def test_the_readmes_table_is_what_its_tool_prints() -> None:
    readme = README.read_text(encoding="utf-8")
    assert [key for key in RECIPES if f"| `{key}` |" not in readme] == []
    pictures = [load_image(name, tool.SIZE) for name in ("cat", "great_wave")]
    for key in ("gatys_2016", "alex_2022"):  # one takes seconds
        assert f"| {RECIPES[key].title} | {' | '.join(tool.row(key, *pictures))} |" in readme
