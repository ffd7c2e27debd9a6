"""Notebook 11: what it writes out from scratch is what nstkit computes."""

import math

import pytest
import torch

from course.cells import definition
from nstkit import Gram, Recipe
from nstkit.losses import NORMALIZE, style_loss
from nstkit.recipes import RECIPES
from nstkit.recipes.common import to_common
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


@pytest.mark.parametrize(
    "key", ["leongatys", "pytorch_tutorial", "tensorflow_tutorial", "d2l", "gordicaleksa"]
)
def test_style_coefficient_is_that_of_published_recipes(key):
    style_coefficient, recipe = definition(STEM, "style_coefficient"), RECIPES[key].recipe
    for layer, theirs in to_common(recipe, 64, 96).style.items():
        size, gram = (channels(layer), positions(layer, 64, 96)), recipe.statistic
        weight = recipe.beta * recipe.style_layers[layer]
        assert math.isclose(style_coefficient(weight, *size, gram.normalize, gram.reduce), theirs)


def test_the_blog_is_tensorflows_tutorial_with_a_hundred_times_the_style():
    tutorial = RECIPES["tensorflow_tutorial"].recipe
    gram = Gram("elements", "sum")
    blog = Recipe(1, 1e-4, 0, style_layers=list(tutorial.style_layers), statistic=gram)
    theirs = to_common(tutorial, 64, 96).balance()
    blog = blog.replace(content_layers=dict(tutorial.content_layers))
    found = to_common(blog, 64, 96).balance()
    assert found == pytest.approx({block: 100 * s for block, s in theirs.items()}, rel=1e-3)
