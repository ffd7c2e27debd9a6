"""Notebook 11: what it writes out from scratch is what nstkit computes."""

import math

import pytest
import torch

from course.cells import definition
from nstkit import Recipe
from nstkit.losses import NORMALIZE, gram_matrix, style_loss
from nstkit.moments import moments, moments_loss
from nstkit.recipes import RECIPES
from nstkit.recipes.translate import network_scale

STEM = "11_rosetta"


def features(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).relu()


@pytest.mark.parametrize("gram", NORMALIZE)
@pytest.mark.parametrize("reduce", ["mean", "sum"])
def test_style_coefficient_makes_every_form_one_mean(gram, reduce):
    style_coefficient = definition(STEM, "style_coefficient")
    f, a = features(0, 1, 6, 4, 5), features(1, 1, 6, 4, 5)
    theirs = 3 * style_loss(f, gram_matrix(a, gram), gram, reduce)
    mean = style_loss(f, gram_matrix(a), "positions", "mean")
    coefficient = style_coefficient(3, 6, 20, gram, reduce)
    assert math.isclose(coefficient * mean, theirs, rel_tol=1e-12)


@pytest.mark.parametrize("key", RECIPES)
def test_moved_is_what_to_common_does_with_a_scale(key):
    moved, recipe = definition(STEM, "moved"), RECIPES[key].recipe
    k = network_scale(recipe)
    here, there = recipe.to_common(64, 96), recipe.to_common(64, 96, scale=k)
    assert moved(here.content, k, 2) == pytest.approx(there.content)
    assert moved(here.style, k, 4) == pytest.approx(there.style)


def test_wasserstein_is_the_moments_loss_of_pictures_of_any_size():
    wasserstein = definition(STEM, "wasserstein")
    f, a = features(0, 1, 6, 7, 5), features(1, 1, 6, 4, 9)
    assert torch.isclose(wasserstein(f, a), moments_loss(f, moments(a)), rtol=1e-9)
    assert wasserstein(f, f).abs() < 1e-9


@pytest.mark.parametrize(
    ("letter", "options", "beta_of"),
    [
        ("A", {}, lambda n: 1e3 / n**2),
        ("B", {"gram": "elements"}, lambda n: 1.0),
        ("C", {}, lambda n: 1.0),
        ("D", {"gram": "elements", "style_reduce": "sum"}, lambda n: 1.0),
        ("F", {"gram": "elements"}, lambda n: 100.0),
    ],
)
def test_the_families_of_exercise_4_are_those_that_the_coefficients_say(letter, options, beta_of):
    layers = {"relu1_1": beta_of(64), "relu4_1": beta_of(512)}
    style = Recipe(style_layers=layers, **options).to_common(64, 96).style
    falls = math.isclose(style["relu1_1"] / style["relu4_1"], 64)
    assert falls == (letter in {"A", "B", "F"})
