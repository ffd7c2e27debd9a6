"""Pictures, and the published objectives by two ways: a recipe's, and its source's formula."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from recipes.published_formulas import FORMULAS, features
from torch import Tensor

from nstkit import VGG, Losses, Objective, Recipe, load_image
from nstkit.vgg.pretrained import native_preprocessing

SIZE = 48, 64


class Pictures(NamedTuple):
    """Photograph, artwork and a picture between them, in float64."""

    content: Tensor
    style: Tensor
    x: Tensor


class Found(NamedTuple):
    """The losses of a picture, and the gradient of their total."""

    losses: Losses
    gradient: Tensor


@pytest.fixture(scope="session")
def pictures() -> Pictures:
    content = load_image("cat", size=96).double()[..., 4 : 4 + SIZE[0], 16 : 16 + SIZE[1]]
    style = load_image("great_wave", size=96).double()[..., : SIZE[0], : SIZE[1]]
    return Pictures(content, style, (0.7 * content + 0.3 * style.flip(3)).requires_grad_())


@pytest.fixture(scope="session")
def stand_in(embedded: Callable[..., VGG]) -> Callable[[Recipe], VGG]:
    """Make a recipe's own network, but with the embedded values, in float64."""

    def make(recipe: Recipe) -> VGG:
        return embedded(
            torch.float64,
            arch=recipe.network,
            pooling=recipe.pooling,
            padding=recipe.padding,
            preprocessing=recipe.preprocessing or native_preprocessing(recipe.weights),
        )

    return make


@pytest.fixture(scope="session")
def evaluated(stand_in: Callable[[Recipe], VGG], pictures: Pictures) -> Callable[[Recipe], Found]:
    """Return what a recipe's objective says of the picture."""

    @functools.cache
    def evaluate(recipe: Recipe) -> Found:
        objective = Objective.of(pictures.content, pictures.style, stand_in(recipe), recipe)
        losses = objective(pictures.x)
        (gradient,) = torch.autograd.grad(losses.total, pictures.x)
        return Found(losses.floats(), gradient)

    return evaluate


@pytest.fixture(scope="session")
def theirs(pictures: Pictures) -> Callable[[str], list[dict[str, Tensor]]]:
    """Return features as a source computes them: of the picture, photograph and artwork.

    Sources that feed the same network share them.
    """
    kept: dict[tuple, list[dict[str, Tensor]]] = {}

    def compute(key: str) -> list[dict[str, Tensor]]:
        _, preprocess, network = FORMULAS[key]
        alike = preprocess, *network.items()
        if alike not in kept:
            content, style, x = pictures
            kept[alike] = [features(preprocess(one), **network) for one in (x, content, style)]
        return kept[alike]

    return compute
