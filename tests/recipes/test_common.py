"""Recipes in common coefficients, on the paper's scale, and as multiples of each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from nstkit import DEFAULT, NEIGHBORS, RECIPES, VGG, Gram, Moments, Objective, Recipe
from nstkit.recipes import STYLE_LAYERS
from nstkit.recipes.common import Common, normalized, paper_alpha_beta, to_common

SIZE = 48, 64  # of the pictures
Features = dict[str, Tensor]


def common_value(recipe: Recipe, features: Sequence[Features]) -> float:
    """The content and style terms from coefficients, with the formulas' own network."""
    common, (f, p, a) = to_common(recipe, *SIZE), features
    assert common.unsaid == ()
    total = sum(c * (f[n] - p[n]).square().mean() for n, c in common.content.items())
    for n, s in common.style.items():
        G, A = f[n] @ f[n].T / f[n].shape[1], a[n] @ a[n].T / a[n].shape[1]
        total = total + s * (G - A).square().mean()
    return total.item()


@pytest.mark.parametrize("key", [k for k in RECIPES if k not in ("crowsonkb", "alex_2022")])
def test_common_coefficients_give_the_recipes_value(
    key: str, evaluated: Callable, theirs: Callable
) -> None:
    terms = evaluated(RECIPES[key].recipe).losses.terms
    want = terms["content"] + terms["style"]
    assert common_value(RECIPES[key].recipe, theirs(key)) == pytest.approx(want, rel=1e-6)


def test_a_root_has_a_coefficient_only_where_its_value_is_known(evaluated: Callable) -> None:
    recipe = RECIPES["alex_2022"].recipe
    assert to_common(recipe, *SIZE).unsaid == tuple(("style", layer) for layer in STYLE_LAYERS)
    found = evaluated(recipe)
    common = to_common(recipe, *SIZE, distances=found.losses.per_layer)
    squares = recipe.replace(statistic=Gram(), style_layers=common.style, beta=1)
    torch.testing.assert_close(evaluated(squares).gradient, found.gradient)


def test_moments_have_no_coefficient() -> None:
    recipe = RECIPES["crowsonkb"].recipe
    common = to_common(recipe, *SIZE)
    assert common.style == {} and common.unsaid == tuple(("style", n) for n in STYLE_LAYERS)
    with pytest.raises(ValueError, match="Moments"):
        paper_alpha_beta(recipe, *SIZE)


def test_larger_features_count_squared_and_to_the_fourth_power() -> None:
    recipe = Recipe(beta=3)
    plain, scaled = to_common(recipe, *SIZE), to_common(recipe, *SIZE, scale=2.0)
    assert scaled.content == {n: 4 * c for n, c in plain.content.items()}
    assert scaled.style == {n: 16 * s for n, s in plain.style.items()}
    layers = {**recipe.content_layers, **recipe.style_layers}
    assert to_common(recipe, *SIZE, scale=dict.fromkeys(layers, 2.0)) == scaled


@pytest.mark.parametrize("alpha", [0, 2])
def test_a_normalized_recipe_is_a_multiple(
    alpha: float, cat: Tensor, wave: Tensor, vgg: VGG
) -> None:
    recipe = Recipe(alpha, 6, 3, {"relu4_2": 0.5, "conv3_1": 2.0}, {"relu1_1": 3.0, "relu2_1": 5})
    ours = normalized(recipe)
    assert (ours.alpha, ours.beta) == ((1, 48 / 5) if alpha else (0, 1))
    assert sum(ours.content_layers.values()) == sum(ours.style_layers.values()) == 1
    x = 0.5 * cat + 0.2
    totals = [Objective.of(cat, wave, vgg, r)(x).total for r in (recipe, ours)]
    assert totals[0].item() == pytest.approx((5 if alpha else 48) * totals[1].item())


def flat(F_l: Tensor) -> Tensor:
    return F_l[0].double().flatten(1)


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(1, 30),
        Recipe(2, 5, statistic=Gram("elements", "sum")),
        Recipe(0.3, 7, statistic=Gram(None), content_reduce="sum", content_layers="conv4_2"),
    ],
)
def test_the_papers_alpha_and_beta_give_the_papers_losses(
    recipe: Recipe, cat: Tensor, wave: Tensor, vgg: VGG
) -> None:
    # The style layers' weights on the paper's scale add up to beta; take one layer alone.
    recipe = recipe.replace(style_layers="relu3_1")
    size = cat.shape[-2:]
    style = wave[..., : size[0], : size[1]]
    x = (cat + style) / 2
    terms = Objective.of(cat, style, vgg, recipe)(x).terms
    alpha, beta = paper_alpha_beta(recipe, *size)
    (layer,) = recipe.content_layers
    f, p, a = (vgg(i, [layer, "relu3_1"]) for i in (x, cat, style))
    content = 0.5 * (flat(f[layer]) - flat(p[layer])).pow(2).sum()
    assert (alpha * content).item() == pytest.approx(terms["content"].item(), rel=1e-4)
    F_l, A_l = flat(f["relu3_1"]), flat(a["relu3_1"])
    N_l, M_l = F_l.shape
    squares = (F_l @ F_l.T - A_l @ A_l.T).pow(2).sum() / (4 * N_l**2 * M_l**2)
    assert (beta * squares).item() == pytest.approx(terms["style"].item(), rel=1e-4)


def test_what_is_no_square_of_gram_matrices_has_no_weight_on_the_papers_scale() -> None:
    with pytest.raises(ValueError, match="'rms'"):
        paper_alpha_beta(Recipe(statistic=Gram(reduce="rms")), 64, 64)
    with pytest.raises(ValueError, match="'rms'"):
        paper_alpha_beta(Recipe(content_reduce="rms"), 64, 64)
    with pytest.raises(ValueError, match="Moments"):
        paper_alpha_beta(Recipe(statistic=Moments()), 64, 64)


def test_normalizing_keeps_the_ratio_of_all_terms() -> None:
    for recipe in (DEFAULT.replace(alpha=2, palette=10), NEIGHBORS):
        ours = normalized(recipe)
        unit = recipe.alpha or recipe.beta
        assert ours.palette == pytest.approx(recipe.palette / unit)
        assert ours.tv == pytest.approx(recipe.tv / unit)
    two = NEIGHBORS.replace(style_layers={"relu1_2": 2, "relu3_1": 2})
    assert normalized(two).tv == pytest.approx(two.tv / two.beta)  # cosines ignore the sum


def test_the_balance_is_style_against_all_content_in_the_first_layer_of_each_block() -> None:
    common = Common({"relu4_2": 2.0, "relu3_2": 6.0}, {"relu1_1": 4.0, "relu1_2": 5, "relu3_1": 16})
    assert common.balance() == {1: 0.5, 3: 2.0}
    assert Common({}, {"relu1_1": 4.0}).balance() == {}
