"""Recipes translated to another network: each term keeps its share of the gradient."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from nstkit import (
    RECIPES,
    VGG,
    Gram,
    Moments,
    Objective,
    Recipe,
    gram_matrix,
    load_image,
    samples,
    stylize,
    translate,
)
from nstkit.translate import for_network, gradient_norms, network_scale


@pytest.mark.long
@pytest.mark.parametrize("key", RECIPES)
def test_every_recipe_paints_when_it_is_translated(key: str, embedded: Callable[..., VGG]) -> None:
    recipe = for_network(RECIPES[key].recipe, "embedded", "cat", "great_wave", size=48)
    assert (recipe.weights, recipe.network, recipe.preprocessing) == ("embedded", "vgg19", None)
    plain = recipe.replace(start="content", scales=1, optimizer="lbfgs", learning_rate=None)
    vgg = embedded(pooling=recipe.pooling, padding=recipe.padding)
    run = stylize("cat", "great_wave", plain, size=48, steps=2, progress=False, vgg=vgg)
    totals = [record.losses.total for record in run.history]
    assert all(math.isfinite(total) for total in totals) and min(totals) < totals[0]


def grown(vgg: VGG, k: float) -> VGG:
    """The embedded network with all features k times as large."""
    state = {key: k * v if key.endswith("bias") else v for key, v in vgg.state_dict().items()}
    state["convs.conv1_1.weight"] = k * state["convs.conv1_1.weight"]
    return VGG(weights=state, preprocessing="caffe")


def shares(objective: Objective, start: str) -> Tensor:
    """The parts of a gradient that come from each term."""
    norms = gradient_norms(objective, start)
    terms = objective.terms
    weights = {(n, layer): terms[n].weight * terms[n].layers.get(layer, 1) for n, layer in norms}
    parts = torch.tensor([norms[key] * weights[key] for key in norms])
    return parts / parts.sum()


OWN = [
    Recipe(1, 30, 5, tv_values="input", weights="torchvision"),
    Recipe(2, 5, 0, statistic=Gram("elements", "rms"), weights="torchvision", start="noise"),
    Recipe(1, 3, 1, "relu3_1", ["relu1_1", "relu3_1"], "rms", Moments(), weights="torchvision"),
]


@pytest.mark.long
@pytest.mark.parametrize("recipe", OWN)
def test_each_term_keeps_its_share_of_the_first_gradient(
    recipe: Recipe, vgg: VGG, cat: Tensor, wave: Tensor
) -> None:
    own = grown(vgg, 3.0)
    own.mean, own.std, own.order = (0.5,) * 3, (0.01,) * 3, "rgb"
    ours = for_network(recipe, "embedded", cat, wave, own=own)
    there = shares(Objective.of(cat, wave, own, recipe), recipe.start)
    here = shares(Objective.of(cat, wave, vgg, ours), recipe.start)
    torch.testing.assert_close(here, there, rtol=1e-3, atol=1e-6)
    assert sum(ours.content_layers.values()) == pytest.approx(sum(recipe.content_layers.values()))
    assert (ours.alpha, ours.beta, ours.start) == (recipe.alpha, recipe.beta, recipe.start)


@pytest.mark.long
@pytest.mark.parametrize("recipe", OWN)
def test_the_estimate_is_right_where_features_only_differ_in_size(
    recipe: Recipe, vgg: VGG, cat: Tensor, wave: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipe.replace(weights="caffe")
    measured = for_network(recipe, "embedded", cat, wave, own=grown(vgg, 3.0))
    layers = {f"relu{block}_1": 1.0 for block in range(1, 6)}
    scales = {
        "vgg19 embedded caffe": {"layers": layers},
        "vgg19 caffe caffe": {"layers": dict.fromkeys(layers, 3.0)},
    }
    monkeypatch.setattr(translate, "known_scales", lambda: scales)
    monkeypatch.setattr(translate, "is_present", lambda arch, weights: False)
    estimated = for_network(recipe, "embedded", cat, wave)
    for name in ("content_layers", "style_layers"):
        want = getattr(measured, name)
        assert getattr(estimated, name) == pytest.approx(want, rel=0.02)  # moments have a ridge
    assert estimated.tv == pytest.approx(measured.tv, rel=0.02)


def test_a_recipe_for_the_same_network_stays_as_it_is(cat: Tensor, wave: Tensor) -> None:
    recipe = Recipe(2, 30, 5)
    ours = for_network(recipe, "embedded", cat, wave)
    assert ours.style_layers == pytest.approx(recipe.style_layers)
    assert (ours.content_layers, ours.tv) == (recipe.content_layers, pytest.approx(5))


def test_sizes_are_known_of_every_recipes_network_with_their_source() -> None:
    for published in RECIPES.values():
        scale = network_scale(published.recipe)
        assert all(value > 0 for value in scale.values())
    assert all(entry["source"] for entry in translate.known_scales().values())
    embedded = network_scale(Recipe())
    assert set(embedded.values()) == {1.0}


def test_a_network_of_which_nothing_is_known_is_told(cat: Tensor, wave: Tensor) -> None:
    recipe = Recipe(weights="mine.pth")
    with pytest.raises(ValueError, match="'vgg19 mine.pth torchvision' is not known.*own=VGG"):
        for_network(recipe, "embedded", cat, wave)


@pytest.mark.long
@pytest.mark.parametrize("weights", ["embedded", "caffe"])
def test_the_sizes_of_networks_at_hand_are_those_measured(weights: str) -> None:
    network = VGG(weights=weights)
    known = translate.known_scales()[f"vgg19 {weights} caffe"]["layers"]
    names = samples("content")
    with torch.no_grad():
        found = [network(load_image(name, size=256), known) for name in names]
    for layer, size in known.items():
        roots = [gram_matrix(features[layer]).mean().sqrt().item() for features in found]
        assert sum(roots) / len(names) == pytest.approx(size, rel=0.01)
