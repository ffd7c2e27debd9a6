"""Notebook 11: what it writes out from scratch is what nstkit computes."""

import math

import pytest
import torch

from course.cells import definition
from nstkit import Gram, Recipe
from nstkit.losses import NORMALIZE, style_loss
from nstkit.recipes import RECIPES
from nstkit.recipes.common import to_common
from nstkit.translate import network_scale
from nstkit.vgg.names import channels, positions

STEM = "11_rosetta"


def features(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).relu()


@pytest.mark.parametrize("gram", NORMALIZE)
@pytest.mark.parametrize("reduce", ["mean", "sum"])
def test_style_coefficient_makes_every_form_one_mean(gram, reduce):
    style_coefficient = definition(STEM, "style_coefficient")
    f, a = features(0, 1, 6, 4, 5), features(1, 1, 6, 4, 5)
    theirs = 3 * style_loss(f, a, gram, reduce)
    mean = style_loss(f, a, "positions", "mean")
    coefficient = style_coefficient(3, 6, 20, gram, reduce)
    assert math.isclose(coefficient * mean, theirs, rel_tol=1e-12)


@pytest.mark.parametrize("key", RECIPES)
def test_moved_is_what_to_common_does_with_a_scale(key):
    moved, recipe = definition(STEM, "moved"), RECIPES[key].recipe
    k = network_scale(recipe)
    here, there = to_common(recipe, 64, 96), to_common(recipe, 64, 96, scale=k)
    assert moved(here.content, k, 2) == pytest.approx(there.content)
    assert moved(here.style, k, 4) == pytest.approx(there.style)


@pytest.mark.parametrize(
    "key", ["leongatys", "pytorch_tutorial", "tensorflow_tutorial", "d2l", "gordicaleksa"]
)
def test_style_coefficient_is_that_of_published_recipes(key):
    style_coefficient, recipe = definition(STEM, "style_coefficient"), RECIPES[key].recipe
    for layer, theirs in to_common(recipe, 64, 96).style.items():
        size, gram = (channels(layer), positions(layer, 64, 96)), recipe.statistic
        weight = recipe.beta * recipe.style_layers[layer]
        assert math.isclose(style_coefficient(weight, *size, gram.normalize, gram.reduce), theirs)


@pytest.mark.parametrize(
    ("letter", "gram", "beta_of"),
    [
        ("A", Gram(), lambda n: 1e3 / n**2),
        ("B", Gram("elements"), lambda n: 100.0),
        ("C", Gram("elements", "sum"), lambda n: 1.0),
        ("D", Gram(), lambda n: 0.25),
    ],
)
def test_the_groups_of_exercise_4_are_those_that_the_coefficients_say(letter, gram, beta_of):
    layers = {"relu1_1": beta_of(64), "relu4_1": beta_of(512)}
    style = to_common(Recipe(style_layers=layers, statistic=gram), 64, 96).style
    falls = math.isclose(style["relu1_1"] / style["relu4_1"], 64)
    assert falls == (letter in {"A", "B"})


def test_the_blog_is_gatys_code_with_a_hundred_times_the_style():
    layers = dict(RECIPES["leongatys"].recipe.style_layers)
    blog = Recipe(1e3, 5e8, 0, style_layers=list(layers), statistic=Gram("elements"))
    theirs = to_common(RECIPES["leongatys"].recipe, 64, 96).balance()
    found = to_common(blog, 64, 96).balance()
    assert found == pytest.approx({block: 100 * s for block, s in theirs.items()}, rel=1e-3)
