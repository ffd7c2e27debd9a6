"""A recipe on another network.

Features of two networks differ in size by factors of hundreds, which a style loss takes to the
fourth power. So weights made for one network mean nothing on another until they are translated.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from torch import Tensor

from nstkit.balance import halfway, norms
from nstkit.losses.values import Key
from nstkit.objective import Objective
from nstkit.painting.start import SIZE, Given, as_image, start_image
from nstkit.recipes import Recipe
from nstkit.recipes.network import network
from nstkit.vgg import VGG
from nstkit.vgg.names import block_of
from nstkit.vgg.pretrained import is_present, native_preprocessing

VARIATION = ("variation", "image")


def network_scale(recipe: Recipe, weights: str = "embedded") -> dict[str, float]:
    """Return {layer: how many times larger features are on the recipe's network than on another}.

    From ``scales.json``, measured or estimated as it says for each network.

    Raises:
        ValueError: Nothing is known of one of the networks.
    """
    own, other = _scales(recipe), _scales(_moved(recipe, weights))
    layers = {**recipe.content_layers, **recipe.style_layers}
    return {name: _size(own, name) / _size(other, name) for name in layers}


def for_network(
    recipe: Recipe, weights: str, content: Given, style: Given, *, own: VGG | None = None,
    size: int = SIZE,
) -> Recipe:  # fmt: skip
    """Return the recipe for other weights, where each term keeps its share of the gradient.

    Shares are those at the recipe's start; where that is the photograph or the artwork itself, so
    that one term vanishes, at the mean of both. They are measured on the recipe's own network if
    its weights are at hand (nothing is downloaded), else estimated from `network_scale`. Content
    weights keep their sum.

    Args:
        recipe: any.
        weights: "embedded", "torchvision" or a path.
        content: the photograph, as `nstkit.stylize` takes it.
        style: the artwork, the same.
        own: the recipe's own network, where its weights are elsewhere.
        size: long side in px to which pictures that are not tensors are scaled.

    Raises:
        ValueError: Nothing is known of the recipe's network, or a picture is unfit.
    """
    moved = _moved(recipe, weights)
    pictures = [as_image(picture, size, "cpu") for picture in (content, style)]
    there = gradient_norms(Objective.of(*pictures, network(moved), moved), recipe.start)
    if own is None and is_present(recipe.network, recipe.weights):
        own = network(recipe)
    if own is None:
        here = _estimated(recipe, weights, there, pictures)
    else:
        here = gradient_norms(Objective.of(*pictures, own, recipe), recipe.start)
    factors = {key: here[key] / there[key] if there[key] else 1.0 for key in there}
    content_layers = {
        n: w * factors.get(("content", n), 1.0) for n, w in recipe.content_layers.items()
    }
    style_layers = {n: w * factors.get(("style", n), 1.0) for n, w in recipe.style_layers.items()}
    was, is_now = (sum(layers.values()) for layers in (recipe.content_layers, content_layers))
    keep = was / is_now if recipe.alpha and was else 1.0
    return moved.replace(
        content_layers={n: w * keep for n, w in content_layers.items()},
        style_layers={n: w * keep for n, w in style_layers.items()},
        tv=recipe.tv * factors.get(VARIATION, 1.0) * keep,
    )


def gradient_norms(objective: Objective, start: str) -> dict[Key, float]:
    """Return {(term, layer): norm of the gradient of its distance, without any weight} at a start.

    Keys are those of ``Losses.per_layer``. For the starts "content" and "style", see `for_network`.
    """
    content, style = (objective[name].picture for name in ("content", "style"))
    if start in ("content", "style"):
        x = halfway(content, style)
    else:
        x = start_image(start, content, style)
    return norms(objective(x.requires_grad_()).per_layer, x)


def _estimated(
    recipe: Recipe, weights: str, there: Mapping[Key, float], pictures: list[Tensor]
) -> dict[Key, float]:
    """Estimate gradients on the recipe's network: a term of degree d grows as the features^d."""
    scale = network_scale(recipe, weights)
    degrees = {
        "content": 1 if recipe.content_reduce == "rms" else 2,
        "style": recipe.statistic.degree,
    }
    here = {
        (term, layer): norm * scale[layer] ** degrees[term]
        for (term, layer), norm in there.items()
        if term in degrees
    }
    if recipe.tv:  # needs no weights, only the range of the values that they are given
        alone = recipe.replace(alpha=0, beta=0)
        alike = Objective.of(*pictures, VGG(preprocessing=_preprocessing(recipe)), alone)
        here |= gradient_norms(alike, recipe.start)
    return here


def _moved(recipe: Recipe, weights: str) -> Recipe:
    arch = "vgg19" if weights == "embedded" else recipe.network
    return recipe.replace(network=arch, weights=weights, preprocessing=None)


def _preprocessing(recipe: Recipe) -> str:
    return recipe.preprocessing or native_preprocessing(recipe.weights)


def _size(sizes: Mapping[str, float], layer: str) -> float:
    """Return the size of a layer: its own if it is known, else that of its block's first."""
    return sizes.get(f"relu{layer[4:]}", sizes[f"relu{block_of(layer)}_1"])


def _scales(recipe: Recipe) -> dict[str, float]:
    """Return the typical size of features of a recipe's network in some layers."""
    key = f"{recipe.network} {recipe.weights} {_preprocessing(recipe)}"
    if key not in known_scales():
        raise ValueError(
            f"The size of features of {key!r} is not known; known are {', '.join(known_scales())}. "
            "Pass the network itself: for_network(..., own=VGG(...))."
        )
    return known_scales()[key]["layers"]


@cache
def known_scales() -> dict[str, dict[str, Any]]:
    """Return what ``scales.json`` says: sizes in layers of each network, and their source."""
    return json.loads(
        (Path(__file__).parent / "recipes" / "scales.json").read_text(encoding="utf-8")
    )
