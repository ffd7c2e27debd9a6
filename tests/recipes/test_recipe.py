"""Recipe as data; and the literature's objectives, each said in its vocabulary.

The right-hand sides are literal transcriptions of the published formulas in float64, on real
features; they use nothing of nstkit but the network.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nstkit import DEFAULT, VGG, Objective, Recipe
from nstkit.pretrained import layer_names
from nstkit.recipes import STYLE_LAYERS

CONV_LAYERS = tuple(name.replace("relu", "conv") for name in STYLE_LAYERS)


# ------------------------------------------------------------------ the class
def test_the_default_says_what_the_course_uses() -> None:
    ours = {"alpha": 1.0, "beta": 10.0, "tv": 50.0, "optimizer": "fourier_lbfgs", "steps": 60}
    assert Recipe(**ours) == DEFAULT
    assert sum(DEFAULT.style_layers.values()) == pytest.approx(1)
    assert set(DEFAULT.style_layers) == set(STYLE_LAYERS)


def test_names_alone_share_weight_one() -> None:
    assert Recipe(style_layers=["relu1_1", "relu2_1"]).style_layers == {
        "relu1_1": 0.5,
        "relu2_1": 0.5,
    }
    assert Recipe(content_layers="conv4_2").content_layers == {"conv4_2": 1.0}


def test_repr_is_the_call_that_makes_it() -> None:
    recipe = Recipe(beta=2.5, pooling="avg", style_layers={"relu3_1": 2})
    assert repr(recipe) == (
        "Recipe(alpha=1.0, beta=2.5, tv=0.0, style_layers={'relu3_1': 2.0}, pooling='avg')"
    )
    assert eval(repr(recipe), {"Recipe": Recipe}) == recipe
    assert repr(DEFAULT) == "Recipe(alpha=1.0, beta=10.0, tv=50.0, optimizer='fourier_lbfgs')"


weights = st.floats(0, 1e12, allow_nan=False)
layers = st.dictionaries(st.sampled_from(layer_names()), weights, min_size=1, max_size=6)


@settings(max_examples=50, deadline=None)
@given(weights, weights, layers, layers, st.sampled_from(["positions", "elements", None]))
def test_recipes_round_trip_through_json_and_repr(
    alpha: float, beta: float, content: dict, style: dict, gram: str | None
) -> None:
    recipe = Recipe(alpha, beta, content_layers=content, style_layers=style, gram=gram)
    again = Recipe.from_json(recipe.to_json())
    assert again == recipe and hash(again) == hash(recipe)
    assert eval(repr(recipe), {"Recipe": Recipe}) == recipe
    json.loads(recipe.to_json())


def test_whole_numbers_and_floats_make_one_recipe() -> None:
    assert Recipe(beta=7) == Recipe(beta=7.0) and hash(Recipe(beta=7)) == hash(Recipe(beta=7.0))


def test_replace_changes_a_copy_only() -> None:
    changed = DEFAULT.replace(beta=7)
    assert changed.beta == 7 and changed != DEFAULT and DEFAULT.beta == 10


def test_the_weights_given_are_copied() -> None:
    given_weights = {"relu1_1": 1.0}
    recipe = Recipe(style_layers=given_weights)
    given_weights["relu1_1"] = 5.0
    assert recipe.style_layers == {"relu1_1": 1.0}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"alpha": -1}, "alpha is -1"),
        ({"beta": float("nan")}, "beta is nan"),
        ({"tv": "1"}, "tv is '1'"),
        ({"beta": True}, "beta is True"),
        ({"style_layers": {"relu1_1": -0.1}}, "style_layers['relu1_1'] is -0.1"),
        ({"style_layers": ["relu6_1"]}, "names 'relu6_1', which vgg19 does not have"),
        ({"content_layers": "21"}, "names '21'"),
        ({"network": "vgg16", "content_layers": "relu3_4"}, "which vgg16 does not have"),
        ({"start": "black"}, "start is 'black'"),
        ({"optimizer": "newton"}, "optimizer is 'newton'"),
        ({"gram": "mean"}, "gram is 'mean'"),
        ({"steps": -1}, "steps is -1"),
        ({"steps": 2.5}, "steps is 2.5"),
        ({"learning_rate": 0}, "learning_rate is 0"),
        ({"learning_rate": "fast"}, "learning_rate is 'fast'"),
        ({"learning_rate": True}, "learning_rate is True"),
        ({"weights": 3}, "weights is 3"),
        ({"pooling": "sum"}, "pooling is 'sum'"),
        ({"style_reduce": "max"}, "style_reduce is 'max'"),
    ],
)
def test_bad_fields_say_what_is_expected(fields: dict, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        Recipe(**fields)


def test_unknown_fields_and_other_json_are_refused() -> None:
    with pytest.raises(ValueError, match="no \\['gamma'\\]"):
        DEFAULT.replace(gamma=1)
    with pytest.raises(ValueError, match="no \\['gamma'\\]"):
        Recipe.from_json('{"gamma": 1}')
    with pytest.raises(ValueError, match="JSON object"):
        Recipe.from_json("[1]")


# ------------------------------------------------------------------ the literature's objectives
def half(F_l: Tensor) -> Tensor:
    return F_l[0].double().flatten(1)


def grams(f: dict[str, Tensor], a: dict[str, Tensor], layer: str) -> tuple[Tensor, Tensor]:
    F_l, A_l = half(f[layer]), half(a[layer])
    return F_l @ F_l.T, A_l @ A_l.T


def gatys_paper(f: dict, p: dict, a: dict, x: Tensor) -> Tensor:
    """Eqs. 1, 4, 5, 7 with alpha = 1e-3, beta = 1, for images of one size."""
    loss = 1e-3 * 0.5 * (half(f["conv4_2"]) - half(p["conv4_2"])).pow(2).sum()
    for layer in CONV_LAYERS:
        G, A = grams(f, a, layer)
        N, M = half(f[layer]).shape
        loss = loss + 1 / 5 * (G - A).pow(2).sum() / (4 * N**2 * M**2)
    return loss


def leongatys(f: dict, p: dict, a: dict, x: Tensor) -> Tensor:
    """Mean squares; style weight 1e3 / N^2 in each layer; Grams divided by positions."""
    loss = (half(f["relu4_2"]) - half(p["relu4_2"])).pow(2).mean()
    for layer in STYLE_LAYERS:
        G, A = grams(f, a, layer)
        N, M = half(f[layer]).shape
        loss = loss + 1e3 / N**2 * (G / M - A / M).pow(2).mean()
    return loss


def pytorch_tutorial(f: dict, p: dict, a: dict, x: Tensor) -> Tensor:
    """Grams divided by all elements, an unweighted sum over its five layers, times 1e6."""
    loss = (half(f["conv2_2"]) - half(p["conv2_2"])).pow(2).mean()
    for layer in ("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1"):
        G, A = grams(f, a, layer)
        N, M = half(f[layer]).shape
        loss = loss + 1e6 * ((G - A) / (N * M)).pow(2).mean()
    return loss


def tensorflow_tutorial(f: dict, p: dict, a: dict, x: Tensor) -> Tensor:
    """Second phase: with 30 times tf.image.total_variation."""
    loss = 1e4 * (half(f["conv5_2"]) - half(p["conv5_2"])).pow(2).mean()
    for layer in STYLE_LAYERS:
        G, A = grams(f, a, layer)
        M = half(f[layer]).shape[1]
        loss = loss + 1e-2 / 5 * ((G - A) / M).pow(2).mean()
    x = x.double()
    return loss + 30 * (
        (x[..., 1:] - x[..., :-1]).abs().sum() + (x[..., 1:, :] - x[..., :-1, :]).abs().sum()
    )


def gordicaleksa(f: dict, p: dict, a: dict, x: Tensor) -> Tensor:
    """Its style sum runs over all elements of the Gram, its variation over pixels in [0, 255]."""
    loss = 1e5 * (half(f["relu4_2"]) - half(p["relu4_2"])).pow(2).mean()
    for layer in STYLE_LAYERS:
        G, A = grams(f, a, layer)
        N, M = half(f[layer]).shape
        loss = loss + 3e4 / 5 * ((G - A) / (N * M)).pow(2).sum()
    y = 255 * x.double()
    return (
        loss + (y[..., 1:] - y[..., :-1]).abs().sum() + (y[..., 1:, :] - y[..., :-1, :]).abs().sum()
    )


def keras(f: dict, p: dict, a: dict, x: Tensor) -> Tensor:
    """3 channels and the image's own H * W are its constants in every layer."""
    loss = 2.5e-8 * (half(f["conv5_2"]) - half(p["conv5_2"])).pow(2).sum()
    pixels = x.shape[-2] * x.shape[-1]
    for layer in STYLE_LAYERS:
        G, A = grams(f, a, layer)
        loss = loss + 1e-6 / 5 * (G - A).pow(2).sum() / (4 * 3**2 * pixels**2)
    y = 255 * x.double()
    dx = y[..., :-1, :-1] - y[..., 1:, :-1]
    dy = y[..., :-1, :-1] - y[..., :-1, 1:]
    return loss + 1e-6 * (dx.pow(2) + dy.pow(2)).pow(1.25).sum()


def rms_article(f: dict, p: dict, a: dict, x: Tensor) -> Tensor:
    """Root-mean-square Gram difference with decaying layer weights."""
    loss = (half(f["relu4_2"]) - half(p["relu4_2"])).pow(2).mean()
    for weight, layer in zip((16, 8, 4, 2, 1), STYLE_LAYERS, strict=True):
        G, A = grams(f, a, layer)
        loss = loss + weight * ((G - A) / half(f[layer]).shape[1]).pow(2).mean().sqrt()
    return loss


N = {"relu1_1": 64, "relu2_1": 128, "relu3_1": 256, "relu4_1": 512, "relu5_1": 512}
FIFTH = {layer: 0.2 for layer in STYLE_LAYERS}
PIXELS = 64 * 64
RECIPES: list[tuple[Callable, Recipe]] = [
    (gatys_paper, Recipe(1e-3 * 0.5, 0.25, content_layers="conv4_2", style_layers=CONV_LAYERS,
                         content_reduce="sum", pooling="avg")),
    (leongatys, Recipe(1, 1e3, style_layers={layer: 1 / n**2 for layer, n in N.items()})),
    (pytorch_tutorial, Recipe(1, 1e6, content_layers="conv2_2", gram="elements", style_layers={
        n: 1 for n in ("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1")})),
    (tensorflow_tutorial, Recipe(1e4, 1e-2, 30, content_layers="conv5_2", style_layers=FIFTH,
                                 tv_form="l1", tv_reduce="sum")),
    (gordicaleksa, Recipe(1e5, 3e4, 255, gram="elements", style_reduce="sum", style_layers=FIFTH,
                          tv_form="l1", tv_reduce="sum")),
    (keras, Recipe(2.5e-8, 1e-6, 1e-6 * 255**2.5, content_layers="conv5_2", content_reduce="sum",
                   gram=None, style_reduce="sum", tv_form="power", tv_reduce="sum",
                   style_layers={n: 0.2 / (36 * PIXELS**2) for n in STYLE_LAYERS})),
    (rms_article, Recipe(1, 1, style_reduce="rms", style_layers=dict(
        zip(STYLE_LAYERS, (16, 8, 4, 2, 1), strict=True)))),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "recipe"), RECIPES, ids=[f.__name__ for f, _ in RECIPES])
def test_published_objectives_are_recipes(
    formula: Callable, recipe: Recipe, cat: Tensor, wave: Tensor
) -> None:
    content, style = cat.new_zeros(1, 3, 64, 64), wave.new_zeros(1, 3, 64, 64)
    content[..., : cat.shape[-2], :] = cat
    style[..., : wave.shape[-2], :] = wave[..., :64]
    x = (0.7 * content + 0.3 * style.flip(3)).requires_grad_()
    network = VGG(pooling=recipe.pooling)
    objective = Objective(content, style, network, recipe)
    total = objective(x).total
    (gradient,) = torch.autograd.grad(total, x)
    layers = {*recipe.content_layers, *recipe.style_layers}
    want = formula(network(x, layers), network(content, layers), network(style, layers), x)
    (slope,) = torch.autograd.grad(want, x)
    assert total.item() == pytest.approx(want.item(), rel=1e-4)
    assert torch.cosine_similarity(gradient.flatten(), slope.flatten(), dim=0) > 0.9999
    assert gradient.norm().item() == pytest.approx(slope.norm().item(), rel=1e-3)


@pytest.mark.parametrize("alpha", [0, 2])
def test_a_normalized_recipe_is_a_multiple(alpha: float, cat: Tensor, wave: Tensor, vgg: VGG):
    recipe = Recipe(alpha, 6, 3, {"relu4_2": 0.5, "conv3_1": 2.0}, {"relu1_1": 3.0, "relu2_1": 5})
    ours = recipe.normalized()
    assert (ours.alpha, ours.beta) == ((1, 48 / 5) if alpha else (0, 1))
    assert sum(ours.content_layers.values()) == sum(ours.style_layers.values()) == 1
    x = (0.5 * cat + 0.2).requires_grad_()
    totals = [Objective(cat, wave, vgg, r)(x).total for r in (recipe, ours)]
    assert totals[0].item() == pytest.approx((5 if alpha else 48) * totals[1].item())


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(1, 30),
        Recipe(2, 5, gram="elements", style_reduce="sum"),
        Recipe(0.3, 7, gram=None, content_reduce="sum", content_layers="conv4_2"),
    ],
)
def test_the_papers_alpha_and_beta_give_the_papers_losses(
    recipe: Recipe, cat: Tensor, wave: Tensor, vgg: VGG
) -> None:
    size = cat.shape[-2:]
    style = wave[..., : size[0], : size[1]]
    x = (cat + style) / 2
    losses = Objective(cat, style, vgg, recipe)(x)
    alpha, _ = recipe.paper_alpha_beta(*size)
    (layer,) = recipe.content_layers
    f, p, a = (vgg(i, [layer, *STYLE_LAYERS]) for i in (x, cat, style))
    content = 0.5 * (half(f[layer]) - half(p[layer])).pow(2).sum()
    assert (alpha * content).item() == pytest.approx(losses.terms["content"].item(), rel=1e-4)
    # The style layers' weights on the paper's scale add up to beta; take one layer alone.
    one = recipe.replace(style_layers="relu3_1")
    G, A = grams(f, a, "relu3_1")
    N_l, M_l = half(f["relu3_1"]).shape
    mean_square = (G - A).pow(2).sum() / (4 * N_l**2 * M_l**2)
    term = Objective(cat, style, vgg, one)(x).terms["style"]
    beta = one.paper_alpha_beta(*size)[1]
    assert (beta * mean_square).item() == pytest.approx(term.item(), rel=1e-4)


def test_a_root_has_no_weight_on_the_papers_scale() -> None:
    with pytest.raises(ValueError, match="'rms'"):
        Recipe(style_reduce="rms").paper_alpha_beta(64, 64)
