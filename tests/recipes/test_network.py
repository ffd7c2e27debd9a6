"""The network that a recipe names, and the recipe that names a network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from nstkit import TEXTBOOK, VGG, Recipe
from nstkit.recipes.network import naming, network
from nstkit.vgg.fast import to_paint

Networks = Callable[..., VGG]


def test_the_network_is_the_recipes() -> None:
    built = network(TEXTBOOK.replace(pooling="avg", padding="reflect", preprocessing="torchvision"))
    assert (built.arch, built.source, built.preprocessing) == ("vgg19", "embedded", "torchvision")
    assert (built.pooling, built.padding) == ("avg", "reflect")


def test_a_recipe_of_its_own_network_stays_as_it_is(vgg: VGG) -> None:
    for recipe in (TEXTBOOK, TEXTBOOK.replace(preprocessing="caffe", beta=3)):
        assert naming(recipe, vgg) == naming(recipe, to_paint(vgg)) == recipe


def test_naming_says_what_the_network_really_is(embedded: Networks) -> None:
    given = embedded(arch="vgg16", pooling="avg", padding="reflect", preprocessing="caffe")
    recipe = naming(Recipe(beta=3, pooling="avg_scaled"), given)
    assert (recipe.network, recipe.weights, recipe.preprocessing) == ("vgg16", "given", "caffe")
    assert (recipe.pooling, recipe.padding, recipe.beta) == ("avg", "reflect", 3)


def test_preprocessing_is_named_only_where_it_is_not_the_weights_own(embedded: Networks) -> None:
    usual, other = embedded(preprocessing="torchvision"), embedded(preprocessing="torchvision_255")
    assert naming(TEXTBOOK, usual).preprocessing is None  # that of weights from a file
    assert naming(TEXTBOOK, other).preprocessing == "torchvision_255"
    assert naming(TEXTBOOK.replace(preprocessing="caffe"), usual).preprocessing == "torchvision"


def test_a_named_network_can_be_built(vgg: VGG, tmp_path: Path) -> None:
    torch.save(vgg.state_dict(), tmp_path / "mine.pth")
    options = {"weights": tmp_path / "mine.pth", "pooling": "avg", "preprocessing": "caffe"}
    mine = VGG(**options)
    recipe = Recipe.from_json(naming(TEXTBOOK, mine).to_json())
    again = network(recipe)
    assert recipe.weights == str(tmp_path / "mine.pth")
    image = torch.linspace(0, 1, 3 * 16 * 16).view(1, 3, 16, 16)
    assert torch.equal(again(image, ["pool1"])["pool1"], mine(image, ["pool1"])["pool1"])


def test_layers_that_the_network_lacks_are_told(embedded: Networks) -> None:
    with pytest.raises(ValueError, match="'relu3_4', which vgg16 does not have"):
        naming(Recipe(style_layers="relu3_4"), embedded(arch="vgg16"))


def test_a_network_that_was_given_cannot_be_built_from_the_recipe(embedded: Networks) -> None:
    with pytest.raises(ValueError, match="Pass that network"):
        network(naming(TEXTBOOK, embedded()))
