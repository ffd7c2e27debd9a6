"""How steps of peers are fitted to seconds: `tools/compare_peers.py`."""

from __future__ import annotations

import pytest
import torch
from compare_peers import fitted, pixels_of

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
