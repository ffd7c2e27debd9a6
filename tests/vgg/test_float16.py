"""A network in float16: features rounded, gradients scaled so that none is lost."""

from __future__ import annotations

import weakref
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from nstkit import TEXTBOOK, VGG, Gram, Moments, Objective, Recipe, load_image, stylize
from nstkit.descent import evaluate
from nstkit.painting.start import start_image
from nstkit.vgg import fast
from nstkit.vgg.fast import FastVGG, to_paint
from nstkit.vgg.float16 import LARGEST, LOWER, TRIES, widened

Networks = Callable[..., VGG]
RECIPES = {
    "default": TEXTBOOK,
    "moments": TEXTBOOK.replace(statistic=Moments()),
    "much style": TEXTBOOK.replace(beta=1e6),
    "little style": TEXTBOOK.replace(beta=1e-5, tv=0),
    "tiny": TEXTBOOK.replace(alpha=1e-6, beta=1e-6, tv=0),
    "tiny content": TEXTBOOK.replace(alpha=1e-6, beta=0, tv=0),
    "huge sums": TEXTBOOK.replace(alpha=1e6, beta=1e6, statistic=Gram(None, "sum")),
}


@pytest.fixture(scope="module")
def half(embedded: Networks) -> FastVGG:
    return to_paint(embedded(), dtype=torch.float16)


@pytest.fixture(scope="module")
def pair() -> tuple[Tensor, Tensor]:
    return square("cat"), square("great_wave")


def square(name: str) -> Tensor:
    """Return 32 x 32 px: processors without units for float16 take long."""
    return load_image(name, size=48)[..., :32, :32]


def gradient(vgg: VGG, pair: tuple[Tensor, Tensor], recipe: Recipe) -> Tensor:
    """Return the gradient where a painting from noise begins; zeros if it is not finite."""
    x = start_image("noise", *pair).requires_grad_()
    evaluated = evaluate(Objective.of(*pair, vgg, recipe, tile=None), x)
    return torch.zeros_like(x) if evaluated is None else x.grad


def cosine(a: Tensor, b: Tensor) -> float:
    return torch.cosine_similarity(a.flatten().double(), b.flatten().double(), dim=0).item()


# ---------------------------------------------------------------- the network


def test_features_are_float32_ones_within_the_rounding_of_float16(
    half: FastVGG, network: FastVGG, pair: tuple[Tensor, Tensor]
) -> None:
    layers = ["relu3_1", "conv1_2", "relu1_1"]
    got, want = half(pair[0], layers), network(pair[0], layers)
    assert list(got) == list(want) and half(pair[0], []) == {}
    for layer in layers:
        assert got[layer].dtype == torch.float32 and not got[layer].requires_grad
        error = (got[layer] - want[layer]).norm() / want[layer].norm()
        assert 5e-5 < error < 0.002


@pytest.mark.long
@pytest.mark.parametrize("name", RECIPES)
def test_gradients_are_those_of_float32(
    name: str, half: FastVGG, network: FastVGG, pair: tuple[Tensor, Tensor]
) -> None:
    found, exact = (gradient(vgg, pair, RECIPES[name]) for vgg in (half, network))
    assert cosine(found, exact) > 0.999
    assert found.norm() == pytest.approx(exact.norm().item(), rel=0.01)


@pytest.mark.long
@pytest.mark.parametrize("name", ["tiny", "huge sums"])
def test_without_scaling_they_are_lost(
    name: str, half: FastVGG, pair: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fast, "widened", lambda network, image: network(image))
    assert gradient(half, pair, RECIPES[name]).count_nonzero() == 0


def test_tiles_have_the_gradient_of_the_whole(half: FastVGG, cat: Tensor) -> None:
    recipe = TEXTBOOK.replace(content_layers=["relu1_2"], style_layers=["relu1_1", "relu2_1"])
    found = []
    for tile in (32, None):
        x = cat.flip(3).clone().requires_grad_()
        evaluate(Objective.of(cat, cat, half, recipe, tile), x)
        found.append(x.grad)
    assert cosine(*found) > 0.9999 and not torch.equal(*found)


def test_other_dtypes_are_not_scaled(
    embedded: Networks, cat: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fast, "widened", None)
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        features = to_paint(embedded(), dtype=dtype)(cat, ["relu1_1"])
        assert features["relu1_1"].dtype == dtype


@pytest.mark.long
@pytest.mark.parametrize(
    ("photograph", "artwork", "recipe"),
    [("cat", "great_wave", "default"), ("castle", "scream", "moments"),
     ("macaw", "starry_night", "much style"), ("cat", "scream", "little style")],
)  # fmt: skip
def test_paintings_end_within_3_percent_of_fp32(
    photograph: str, artwork: str, recipe: str, network: FastVGG
) -> None:
    """Judged by the fp32 objective on the pictures as they are saved.

    Longer runs measure chance, see test_bf16_features_end_within_3_percent_of_fp32.
    """
    content, style = square(photograph), square(artwork)
    judge = Objective.of(content, style, network, RECIPES[recipe])
    options = {"steps": 3, "start": "noise", "progress": False}
    runs = [
        stylize(content, style, RECIPES[recipe], **options, precision=precision)
        for precision in ("fp16", "fp32")
    ]
    half, exact = (judge(run.image).total.item() for run in runs)
    assert half != exact and half == pytest.approx(exact, rel=0.03)
    assert not any(record.note for record in runs[0].history)  # nothing was restarted
    assert exact < runs[0].history[0].losses.total


# ---------------------------------------------------------------- the scale


def doubled(x: Tensor) -> list[Tensor]:
    return [x.half() * 2]


@pytest.mark.parametrize("size", [1e-37, 1e-20, 1e-9, 0.0, 1.0, 1e5, 1e20, 1e37])
def test_gradients_of_any_size_pass(size: float) -> None:
    image = torch.rand(1, 3, 4, 4).requires_grad_()
    (features,) = widened(doubled, image)
    (found,) = torch.autograd.grad(features, image, torch.full_like(features, size))
    torch.testing.assert_close(found, torch.full_like(found, 2 * size), rtol=1e-3, atol=0)


def test_a_gradient_that_overflows_on_its_way_is_scaled_lower() -> None:
    growth = 2.0**12  # 2^8 in the middle of the range becomes 2^20
    image = torch.full((1, 3, 4, 4), 1e-3).requires_grad_()
    (features,) = widened(lambda x: [x.half() * growth], image)
    (found,) = torch.autograd.grad(features.sum(), image)
    assert torch.equal(found, torch.full_like(found, growth))


def test_what_no_scale_can_hold_is_not_finite_and_the_loop_is_told() -> None:
    def steep(x: Tensor) -> list[Tensor]:
        x = x.half()
        for _ in range(LARGEST + TRIES * LOWER):
            x = x * 2
        return [x]

    image = torch.full((1, 3, 4, 4), 1e-6).requires_grad_()
    (features,) = widened(steep, image)
    (overflows,) = torch.autograd.grad(features, image, torch.ones_like(features), True)
    assert not overflows.isfinite().any()
    (given,) = torch.autograd.grad(features, image, torch.full_like(features, torch.inf))
    assert not given.isfinite().any()


def test_layers_share_one_scale() -> None:
    image = torch.rand(1, 3, 4, 4).requires_grad_()
    first, second = widened(lambda x: [x.half() * 2, x.half() * 4], image)
    (found,) = torch.autograd.grad(1e-9 * first.sum() + 1e-10 * second.sum(), image)
    torch.testing.assert_close(found, torch.full_like(found, 2.4e-9), rtol=1e-3, atol=0)


def test_features_are_freed_with_their_losses() -> None:
    kept = []

    def watched(x: Tensor) -> list[Tensor]:
        features = x.half() * 2
        kept.append(weakref.ref(features))
        return [features]

    image = torch.rand(1, 3, 4, 4).requires_grad_()
    (features,) = widened(watched, image)
    torch.autograd.grad(features.sum(), image)
    assert kept[0]() is not None
    del features
    assert kept[0]() is None
