"""Published recipes: each says its source's formula to the letter, and can be translated."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import pytest
import torch
from published_formulas import FORMULAS, features
from torch import Tensor

from nstkit import VGG, Objective, Recipe, gram_matrix, load_image, samples, stylize
from nstkit.pretrained import is_present, native_preprocessing
from nstkit.recipes import RECIPES, translate
from nstkit.recipes.common import Common

SIZE = 48, 64
ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "nstkit"


@pytest.fixture(scope="session")
def pictures() -> tuple[Tensor, Tensor, Tensor]:
    """Photograph, artwork and a picture between them, in float64."""
    content = load_image("cat", size=96).double()[..., 4 : 4 + SIZE[0], 16 : 16 + SIZE[1]]
    style = load_image("great_wave", size=96).double()[..., : SIZE[0], : SIZE[1]]
    return content, style, 0.7 * content + 0.3 * style.flip(3)


def state_of(vgg: VGG) -> dict[str, Tensor]:
    return {key.removeprefix("convs."): value for key, value in vgg.state_dict().items()}


def stand_in(recipe: Recipe, vgg: VGG) -> VGG:
    """The recipe's own network, but with the embedded values."""
    preprocessing = recipe.preprocessing or native_preprocessing(recipe.weights)
    options = {"pooling": recipe.pooling, "padding": recipe.padding}
    return VGG(recipe.network, state_of(vgg), preprocessing=preprocessing, **options)


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


# ------------------------------------------------------------------ data
def test_the_data_is_complete_and_no_code_asks_for_a_recipe_by_name() -> None:
    for key, published in RECIPES.items():
        assert published.title and 2015 <= published.year <= 2026 and published.notes, key
        assert published.source.startswith(("https://", "an article ", "the article ")), key
        assert all(isinstance(recipe, Recipe) for recipe in published.variants().values())
    texts = [path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")]
    assert [key for key in RECIPES if any(f'"{key}"' in text for text in texts)] == []


def test_an_experiment_changes_the_recipe() -> None:
    variants = RECIPES["barla"].variants()
    assert [recipe.beta for recipe in variants.values()] == [1e3, 1e6, 1e10]
    assert variants["β = 1e10"].steps == 2000


@pytest.mark.parametrize("key", RECIPES)
def test_every_recipe_paints_when_it_is_translated(key: str) -> None:
    recipe = RECIPES[key].recipe.for_network("embedded", "cat", "great_wave", size=48)
    assert (recipe.weights, recipe.network, recipe.preprocessing) == ("embedded", "vgg19", None)
    plain = recipe.replace(start="content", scales=1, optimizer="lbfgs", learning_rate=None)
    run = stylize("cat", "great_wave", plain, size=48, steps=4, progress=False)
    totals = [record.losses.total for record in run.history]
    assert all(math.isfinite(total) for total in totals) and min(totals) < totals[0]


# ------------------------------------------------------------------ common coefficients
def common_value(recipe: Recipe, common: Common, pictures: tuple) -> float:
    """The content and style terms from coefficients, with the formulas' own network."""
    _, preprocess, network = next(
        FORMULAS[key] for key, published in RECIPES.items() if published.recipe == recipe
    )
    content, style, x = pictures
    f, p, a = (features(preprocess(picture), **network) for picture in (x, content, style))
    total = sum(c * (f[n] - p[n]).square().mean() for n, c in common.content.items())
    for n, s in common.style.items():
        G, A = f[n] @ f[n].T / f[n].shape[1], a[n] @ a[n].T / a[n].shape[1]
        total = total + s * (G - A).square().mean()
    return total.item()


@pytest.mark.parametrize("key", [k for k in RECIPES if k not in ("crowsonkb", "alex_2022")])
def test_common_coefficients_give_the_recipes_value(key: str, vgg: VGG, pictures: tuple) -> None:
    recipe = RECIPES[key].recipe
    content, style, x = pictures
    terms = Objective(content, style, stand_in(recipe, vgg).double(), recipe)(x).terms
    common = recipe.to_common(*SIZE)
    assert common.unsaid == ()
    want = (terms["content"] + terms["style"]).item()
    assert common_value(recipe, common, pictures) == pytest.approx(want, rel=1e-6)


def test_a_root_has_a_coefficient_only_where_its_value_is_known(vgg: VGG, pictures: tuple) -> None:
    recipe = RECIPES["alex_2022"].recipe
    content, style, x = pictures
    unsaid = recipe.to_common(*SIZE).unsaid
    assert unsaid == tuple(f"style relu{block}_1" for block in range(1, 6))
    network = stand_in(recipe, vgg).double()
    x = x.clone().requires_grad_()
    losses = Objective(content, style, network, recipe)(x)
    common = recipe.to_common(*SIZE, distances=losses.floats().per_layer)
    squares = recipe.replace(style_reduce="mean", style_layers=common.style, beta=1)
    (gradient,) = torch.autograd.grad(losses.total, x)
    (same,) = torch.autograd.grad(Objective(content, style, network, squares)(x).total, x)
    torch.testing.assert_close(same, gradient)


def test_moments_have_no_coefficient() -> None:
    common = RECIPES["crowsonkb"].recipe.to_common(*SIZE)
    assert common.style == {} and len(common.unsaid) == 5
    with pytest.raises(ValueError, match="moments"):
        RECIPES["crowsonkb"].recipe.paper_alpha_beta(*SIZE)


def test_larger_features_count_squared_and_to_the_fourth_power() -> None:
    recipe = Recipe(beta=3)
    plain = recipe.to_common(*SIZE)
    scaled = recipe.to_common(*SIZE, scale=2.0)
    assert scaled.content == {n: 4 * c for n, c in plain.content.items()}
    assert scaled.style == {n: 16 * s for n, s in plain.style.items()}
    layers = {**recipe.content_layers, **recipe.style_layers}
    assert recipe.to_common(*SIZE, scale=dict.fromkeys(layers, 2.0)) == scaled


# ------------------------------------------------------------------ other networks
def grown(vgg: VGG, k: float) -> VGG:
    """The embedded network with all features k times as large."""
    state = {key: k * v if key.endswith("bias") else v for key, v in state_of(vgg).items()}
    state["conv1_1.weight"] = k * state["conv1_1.weight"]
    return VGG(weights=state, preprocessing="caffe")


def shares(objective: Objective, start: str) -> torch.Tensor:
    """The parts of a gradient that come from each term."""
    recipe = objective.recipe
    weights = {f"content {n}": recipe.alpha * w for n, w in recipe.content_layers.items()}
    weights |= {f"style {n}": recipe.beta * w for n, w in recipe.style_layers.items()}
    weights["tv"] = recipe.tv
    norms = translate.gradient_norms(objective, start)
    parts = torch.tensor([norms[n] * weights[n] for n in norms])
    return parts / parts.sum()


OWN = [
    Recipe(1, 30, 5, tv_values="input", weights="torchvision"),
    Recipe(2, 5, gram="elements", style_reduce="rms", weights="torchvision", start="noise"),
    Recipe(1, 3, 1, statistic="moments", weights="torchvision", content_reduce="rms"),
]


@pytest.mark.parametrize("recipe", OWN)
def test_each_term_keeps_its_share_of_the_first_gradient(
    recipe: Recipe, vgg: VGG, cat: Tensor, wave: Tensor
) -> None:
    own = grown(vgg, 3.0)
    own.mean, own.std, own.order = (0.5,) * 3, (0.01,) * 3, "rgb"
    ours = recipe.for_network("embedded", cat, wave, own=own)
    there = shares(Objective(cat, wave, own, recipe), recipe.start)
    here = shares(Objective(cat, wave, vgg, ours), recipe.start)
    torch.testing.assert_close(here, there, rtol=1e-3, atol=1e-6)
    assert sum(ours.content_layers.values()) == pytest.approx(sum(recipe.content_layers.values()))
    assert (ours.alpha, ours.beta, ours.start) == (recipe.alpha, recipe.beta, recipe.start)


@pytest.mark.parametrize("recipe", OWN)
def test_the_estimate_is_right_where_features_only_differ_in_size(
    recipe: Recipe, vgg: VGG, cat: Tensor, wave: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipe.replace(tv=0, weights="caffe")
    measured = recipe.for_network("embedded", cat, wave, own=grown(vgg, 3.0))
    layers = {f"relu{block}_1": 1.0 for block in range(1, 6)}
    scales = {
        "vgg19 embedded caffe": {"layers": layers},
        "vgg19 caffe caffe": {"layers": dict.fromkeys(layers, 3.0)},
    }
    monkeypatch.setattr(translate, "known_scales", lambda: scales)
    estimated = recipe.for_network("embedded", cat, wave)
    for name in ("content_layers", "style_layers"):
        want = getattr(measured, name)
        assert getattr(estimated, name) == pytest.approx(want, rel=0.02)  # moments have a ridge


def test_a_recipe_for_the_same_network_stays_as_it_is(cat: Tensor, wave: Tensor) -> None:
    recipe = Recipe(2, 30, 5)
    ours = recipe.for_network("embedded", cat, wave)
    assert ours.style_layers == pytest.approx(recipe.style_layers)
    assert (ours.content_layers, ours.tv) == (recipe.content_layers, pytest.approx(5))


def test_sizes_are_known_of_every_recipes_network_with_their_source() -> None:
    for published in RECIPES.values():
        scale = translate.network_scale(published.recipe)
        assert all(value > 0 for value in scale.values())
    assert all(entry["source"] for entry in translate.known_scales().values())
    embedded = translate.network_scale(Recipe())
    assert set(embedded.values()) == {1.0}


def test_a_network_of_which_nothing_is_known_is_told(cat: Tensor, wave: Tensor) -> None:
    recipe = Recipe(weights="mine.pth")
    with pytest.raises(ValueError, match="'vgg19 mine.pth torchvision' is not known.*own=VGG"):
        recipe.for_network("embedded", cat, wave)


def test_the_embedded_networks_sizes_are_those_measured(vgg: VGG) -> None:
    known = translate.known_scales()["vgg19 embedded caffe"]["layers"]
    names = samples("content")
    with torch.no_grad():
        found = [vgg(load_image(name, size=256), known) for name in names]
    for layer, size in known.items():
        roots = [gram_matrix(features[layer]).mean().sqrt().item() for features in found]
        assert sum(roots) / len(names) == pytest.approx(size, rel=0.01)


def test_the_readmes_table_is_what_its_tool_prints() -> None:
    specification = importlib.util.spec_from_file_location("tool", ROOT / "tools/recipe_table.py")
    tool = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(tool)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [key for key in RECIPES if f"| `{key}` |" not in readme] == []
    pictures = [load_image(name, tool.SIZE) for name in ("cat", "great_wave")]
    for key in ("gatys_2016", "pystiche", "crowsonkb"):  # all would take five times as long
        assert f"| {RECIPES[key].title} | {' | '.join(tool.row(key, *pictures))} |" in readme
