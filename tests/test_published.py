"""Published recipes: each says its source's formula to the letter, and can be translated."""

from __future__ import annotations

import pytest
import torch
from published_formulas import FORMULAS, features
from torch import Tensor

from nstkit import VGG, Objective, Recipe, load_image
from nstkit.pretrained import native_preprocessing
from nstkit.recipes import RECIPES

SIZE = 48, 64


@pytest.fixture(scope="session")
def pictures() -> tuple[Tensor, Tensor, Tensor]:
    """Photograph, artwork and a picture between them, in float64."""
    content = load_image("cat", size=96).double()[..., 4 : 4 + SIZE[0], 16 : 16 + SIZE[1]]
    style = load_image("great_wave", size=96).double()[..., : SIZE[0], : SIZE[1]]
    return content, style, 0.7 * content + 0.3 * style.flip(3)


def stand_in(recipe: Recipe, vgg: VGG) -> VGG:
    """The recipe's own network, but with the embedded values."""
    preprocessing = recipe.preprocessing or native_preprocessing(recipe.weights)
    state = {key.removeprefix("convs."): value for key, value in vgg.state_dict().items()}
    options = {"pooling": recipe.pooling, "padding": recipe.padding}
    return VGG(recipe.network, state, preprocessing=preprocessing, **options)


def test_every_recipe_has_its_formula() -> None:
    assert set(FORMULAS) == set(RECIPES)


@pytest.mark.parametrize("key", RECIPES)
def test_a_recipe_is_its_sources_formula(key: str, vgg: VGG, pictures: tuple) -> None:
    recipe, (formula, preprocess, network) = RECIPES[key].recipe, FORMULAS[key]
    content, style, x = pictures
    x = x.clone().requires_grad_()
    total = Objective(content, style, stand_in(recipe, vgg).double(), recipe)(x).total
    (gradient,) = torch.autograd.grad(total, x)
    f, p, a = (features(preprocess(picture), **network) for picture in (x, content, style))
    want = formula(f, p, a, x)
    (slope,) = torch.autograd.grad(want, x)
    assert total.item() == pytest.approx(want.item(), rel=1e-4)
    assert torch.cosine_similarity(gradient.flatten(), slope.flatten(), dim=0) > 0.9999
    assert gradient.norm().item() == pytest.approx(slope.norm().item(), rel=1e-3)
