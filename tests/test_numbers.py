"""Numbers of every kind: NumPy's are numbers too, and what is none is told in a sentence."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import Tensor

from nstkit import (
    RECIPES,
    TEXTBOOK,
    VGG,
    Objective,
    Recipe,
    SlicedWasserstein,
    load_image,
    optimize,
    stylize,
    transfer,
)
from nstkit.options import check_share, check_weight, check_whole

PAINT = {"progress": False, "precision": "fp32"}


def test_whole_numbers_of_numpy_are_whole_numbers() -> None:
    for kind in (np.int64, np.int32, np.uint8):
        found = check_whole("n", kind(64), 32)
        assert found == 64 and type(found) is int
    for wrong in (np.float32(64), 64.0, True, np.bool_(True), "64", None):
        with pytest.raises(ValueError, match="expected a whole number, 32 or more"):
            check_whole("n", wrong, 32)


@pytest.mark.long
def test_numbers_of_numpy_paint(cat: Tensor, wave: Tensor) -> None:
    scales, beta = list(np.array([48, 64])), np.float32(5.5)
    recipe = Recipe(beta=beta, scales=scales, steps=list(np.array([1, 2])))
    assert Recipe.from_json(recipe.to_json()) == recipe  # and it can be written
    json.dumps(Recipe(statistic=SlicedWasserstein(np.int64(4))).to_json())
    found = stylize("cat", "great_wave", TEXTBOOK, size=np.int64(64), steps=np.int64(1), **PAINT)
    assert found.image.shape == cat.shape and len(found.history) == 2
    stylize(cat, wave, TEXTBOOK, steps=1, seed=np.int64(3), tile=np.int64(64), **PAINT)
    assert load_image("cat", np.int64(64)).shape == cat.shape
    assert (
        transfer("cat", "scream", strength=np.float64(0.5), size=np.int32(48)).image.shape[3] == 48
    )


@pytest.mark.parametrize("number", [10**400, float("nan"), float("inf"), -1, "1", None, True, 1j])
def test_what_is_no_weight_is_told(number: object) -> None:
    with pytest.raises(ValueError, match="w is .*; expected a finite number, 0 or more"):
        check_weight("w", number)
    with pytest.raises(ValueError, match="w is .*; expected a number from 0 to 1"):
        check_share("w", 2 if number is None else number)


@pytest.mark.parametrize(
    "text, message",
    [
        ('{"style_layers": 5}', "layers is 5; expected names"),
        ('{"beta": ' + 400 * "9" + "}", "beta is 9.*; expected a finite number"),
        (100_000 * "[", "too many brackets"),
        ('{"beta": [1]}', "beta is .1.; expected"),
        ("5", "expected a JSON object"),
    ],
)
def test_a_recipe_of_nonsense_is_told(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Recipe.from_json(text)


@pytest.mark.parametrize("rate", [0, -1, float("nan"), "fast"])
def test_a_learning_rate_that_goes_nowhere_is_refused(rate: object, cat: Tensor) -> None:
    with pytest.raises(ValueError, match="learning_rate is .*; expected a finite number, above 0"):
        optimize(Objective.of(cat, None, None, Recipe(beta=0)), cat, learning_rate=rate)


def test_a_start_of_8_bits_is_refused(cat: Tensor) -> None:
    with pytest.raises(ValueError, match="start is torch.uint8; expected a picture of floats"):
        optimize(Objective.of(cat, None, None, Recipe(beta=0)), (255 * cat).byte())


def test_a_weight_below_0_would_have_no_minimum(vgg: VGG, cat: Tensor, wave: Tensor) -> None:
    objective = Objective.of(cat, wave, vgg, Recipe(style_layers=["relu1_1", "relu2_1"]))
    objective["style"].weight = -10
    with pytest.raises(ValueError, match="The weight of style is -10; expected"):
        objective(cat)
    objective["style"].weight = 1
    objective["style"].layers["relu2_1"] = -1
    with pytest.raises(ValueError, match="The weight of style relu2_1 is -1; expected"):
        objective(cat)


@pytest.mark.long
def test_a_recipe_may_be_named(cat: Tensor, wave: Tensor) -> None:
    name = next(name for name, found in RECIPES.items() if found.recipe.weights == "embedded")
    recipe = RECIPES[name].recipe
    for given in (name, RECIPES[name]):
        assert stylize(cat, wave, given, steps=1, **PAINT).recipe == recipe.replace(steps=1)
    assert stylize(cat, wave, "textbook", steps=1, **PAINT).recipe == TEXTBOOK.replace(steps=1)
    with pytest.raises(ValueError, match="recipe is 'monet'; expected one of .'default'"):
        stylize(cat, wave, "monet")
    with pytest.raises(ValueError, match="recipe is 5; expected a Recipe"):
        stylize(cat, wave, 5)


@pytest.mark.skipif(torch.cuda.is_available(), reason="it has one")
def test_a_gpu_that_is_not_there_is_told(cat: Tensor, wave: Tensor) -> None:
    for paint in (stylize, transfer):
        with pytest.raises(ValueError, match="device is 'cuda', but torch sees no such GPU"):
            paint(cat, wave, device="cuda")
        with pytest.raises(ValueError, match="device is 'gpu'; expected 'cpu', 'cuda'"):
            paint(cat, wave, device="gpu")
