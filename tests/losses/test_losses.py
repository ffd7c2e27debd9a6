"""Losses against explicit loops in float64, finite differences, and what must not matter."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from nstkit import content_loss, gram_matrix, style_loss, total_variation
from nstkit.losses import NORMALIZE, REDUCE, VARIATION, products
from nstkit.losses.products import CACHED, keeps_the_rest


def slow_gram(features: np.ndarray, normalize: str | None) -> np.ndarray:
    """Gatys et al. 2016, eq. 3, position by position."""
    batch, channels, height, width = features.shape
    gram = np.zeros((batch, channels, channels))
    for b, i, j in itertools.product(range(batch), range(channels), range(channels)):
        for y, x in itertools.product(range(height), range(width)):
            gram[b, i, j] += features[b, i, y, x] * features[b, j, y, x]
    positions = height * width
    return gram / {"positions": positions, "elements": channels * positions, None: 1}[normalize]


def slow_distance(a: np.ndarray, b: np.ndarray, reduce: str) -> float:
    total = sum((x - y) ** 2 for x, y in zip(a.ravel(), b.ravel(), strict=True))
    return {"sum": total, "mean": total / a.size, "rms": math.sqrt(total / a.size)}[reduce]


def slow_variation(image: np.ndarray, form: str, reduce: str) -> float:
    horizontal, vertical, both = [], [], []
    for b, c, y, x in itertools.product(*(range(n) for n in image.shape)):
        here = image[b, c, y, x]
        right = image[b, c, y, x + 1] - here if x + 1 < image.shape[3] else None
        below = image[b, c, y + 1, x] - here if y + 1 < image.shape[2] else None
        horizontal += [right] if right is not None else []
        vertical += [below] if below is not None else []
        both += [right**2 + below**2] if right is not None and below is not None else []
    total = sum if reduce == "sum" else lambda values: sum(values) / len(values)
    if form == "nine_point":
        return total(slow_nine_points(image))
    if form == "l1":
        return total([abs(d) for d in horizontal]) + total([abs(d) for d in vertical])
    if form == "squared":
        return total([d * d for d in horizontal]) + total([d * d for d in vertical])
    power = 0.5 if form == "isotropic" else 1.25
    return total([squares**power for squares in both])


def slow_nine_points(image: np.ndarray) -> list[float]:
    """Neighbors to the right, below and on both lower diagonals; the edge's own value outside."""
    found = []
    height, width = image.shape[2:]
    for b, c, y, x in itertools.product(*(range(n) for n in image.shape)):
        below, right, left = min(y + 1, height - 1), min(x + 1, width - 1), max(x - 1, 0)
        straight = [image[b, c, y, right], image[b, c, below, x]]
        diagonal = [image[b, c, below, right], image[b, c, below, left]]
        here = image[b, c, y, x]
        found.append(2 / 3 * sum((v - here) ** 2 for v in straight))
        found[-1] += 1 / 6 * sum((v - here) ** 2 for v in diagonal)
    return found


@pytest.mark.parametrize("normalize", NORMALIZE)
def test_gram_equals_the_explicit_loop(normalize: str | None, features: Tensor) -> None:
    want = slow_gram(features.numpy(), normalize)
    np.testing.assert_allclose(gram_matrix(features, normalize), want, rtol=1e-12)


@pytest.mark.parametrize("normalize", NORMALIZE)
@pytest.mark.parametrize("reduce", REDUCE)
def test_style_loss_equals_the_explicit_loop(
    normalize: str | None, reduce: str, features: Tensor
) -> None:
    artwork = torch.randn(2, 3, 7, 2, dtype=torch.float64)  # another size than the features
    target = gram_matrix(artwork, normalize)
    got = style_loss(features, target, normalize, reduce)
    grams = slow_gram(features.numpy(), normalize), slow_gram(artwork.numpy(), normalize)
    assert got.item() == pytest.approx(slow_distance(*grams, reduce), rel=1e-12)


@pytest.mark.parametrize("reduce", REDUCE)
def test_content_loss_equals_the_explicit_loop(reduce: str, features: Tensor) -> None:
    target = features.flip(3)
    want = slow_distance(features.numpy(), target.numpy(), reduce)
    assert content_loss(features, target, reduce).item() == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize("form", VARIATION)
@pytest.mark.parametrize("reduce", ["mean", "sum"])
def test_total_variation_equals_the_explicit_loop(form: str, reduce: str, features: Tensor) -> None:
    want = slow_variation(features.numpy(), form, reduce)
    assert total_variation(features, form, reduce).item() == pytest.approx(want, rel=1e-7)


def test_one_artwork_serves_a_batch(features: Tensor) -> None:
    target = gram_matrix(features[:1])
    want = sum(style_loss(f[None], target) for f in features) / 2
    torch.testing.assert_close(style_loss(features, target), want)


@pytest.mark.parametrize("normalize", NORMALIZE)
def test_gradients_of_the_style_loss(normalize: str | None, features: Tensor) -> None:
    target = gram_matrix(features.flip(1), normalize)
    for reduce in REDUCE:
        assert torch.autograd.gradcheck(
            lambda f, r=reduce: style_loss(f, target, normalize, r), features.requires_grad_()
        )


LAYOUTS = [torch.contiguous_format, torch.channels_last]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_the_gradient_of_a_gram_matrix_under_any_slope(
    dtype: torch.dtype, layout: torch.memory_format
) -> None:
    features = torch.randn(2, 5, 4, 6, dtype=dtype).contiguous(memory_format=layout)
    slope = torch.randn(2, 5, 5).to(torch.promote_types(dtype, torch.float32))  # not symmetric
    features.requires_grad_()
    (got,) = torch.autograd.grad(gram_matrix(features, None), features, slope)
    exact = features.detach().double().requires_grad_()
    products = torch.einsum("bihw,bjhw->bij", exact, exact)
    (want,) = torch.autograd.grad(products, exact, slope.double())
    assert got.dtype == dtype
    assert got.is_contiguous(memory_format=layout)  # to add gradients of two layouts is slow
    assert (got - want).norm() < (1e-12 if dtype == torch.float64 else 0.005) * want.norm()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_features_are_widened_part_by_part(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(products, "keeps_the_rest", lambda: False)
    features = torch.randn(2, 16, 400, 371, dtype=torch.float32).to(dtype)  # the last part is short
    assert 2 * CACHED > features[0].numel() > CACHED
    got = gram_matrix(features, None)
    want = torch.einsum("bihw,bjhw->bij", features.double(), features.double())
    assert got.dtype == torch.float32
    assert (got - want).abs().max() < 1e-5 * want.abs().max()


@pytest.fixture
def in_two(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two products of bfloat16 on any processor: without a matrix unit they are only slow."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True}, raising=False)
    keeps_the_rest.cache_clear()
    yield
    keeps_the_rest.cache_clear()


@pytest.mark.parametrize("layout", LAYOUTS)
@given(
    batch=st.integers(1, 2), channels=st.integers(1, 70), height=st.integers(1, 30),
    width=st.integers(1, 30), seed=st.integers(0, 99),
)  # fmt: skip
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_two_products_of_bfloat16_have_16_digits(
    in_two: None, layout: torch.memory_format,
    batch: int, channels: int, height: int, width: int, seed: int,
) -> None:  # fmt: skip
    assert keeps_the_rest()
    torch.manual_seed(seed)
    features = torch.randn(batch, channels, height, width).relu().bfloat16()
    got = gram_matrix(features.contiguous(memory_format=layout), None)
    want = torch.einsum("bihw,bjhw->bij", features.double(), features.double())
    assert got.dtype == torch.float32 and got.shape == want.shape
    torch.testing.assert_close(got.double(), want, rtol=2**-16, atol=0)
    products_of_8_digits = features.flatten(2) @ features.flatten(2).mT
    torch.testing.assert_close(products_of_8_digits.double(), want, rtol=2**-8, atol=0)


def test_a_library_that_leaves_no_rest_gets_float32(
    in_two: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rounds_first(a: Tensor, b: Tensor, c: Tensor, beta: float) -> Tensor:
        return beta * a + b @ c

    features = torch.randn(1, 9, 8, 8).bfloat16()
    monkeypatch.setattr(torch, "addmm", rounds_first)
    assert not keeps_the_rest()
    want = gram_matrix(features.double(), None)
    torch.testing.assert_close(gram_matrix(features, None).double(), want, rtol=1e-5, atol=1e-5)


def test_no_matrix_unit_no_two_products(in_two: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True}, raising=False)
    assert not keeps_the_rest()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_other_slopes_are_added_in_the_gram_matrices(layout: torch.memory_format) -> None:
    """Autograd adds in place to what is no view; out of place costs memory, and time with it."""
    features = torch.randn(1, 4, 8, 8).contiguous(memory_format=layout).requires_grad_()
    inner = features * 1
    loss = inner.square().sum() + gram_matrix(inner).sum()
    with torch.profiler.profile(record_shapes=True) as profile:
        loss.backward()
    adds = [e.name for e in profile.events() if e.input_shapes[:2] == [[1, 4, 8, 8]] * 2]
    assert "aten::add_" in adds and "aten::add" not in adds


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_gradient_of_features_in_any_order_in_memory(dtype: torch.dtype) -> None:
    whole = torch.randn(2, 6, 9, 7).to(dtype).contiguous(memory_format=torch.channels_last)
    slope = torch.randn(2, 6, 6)
    for features in (whole.transpose(2, 3), whole[:, :, 1:5, 2:6], whole.flip(3)[..., ::2]):
        leaf = features.detach().requires_grad_()
        (got,) = torch.autograd.grad(gram_matrix(leaf, None), leaf, slope)
        want = (slope + slope.mT).double() @ features.flatten(2).double()
        want = want.unflatten(2, features.shape[2:])
        assert (got - want).norm() < (1e-6 if dtype == torch.float32 else 0.01) * want.norm()


def test_the_gradient_of_a_gram_matrix_of_float16_stays_in_range() -> None:
    features = torch.full((1, 2, 4, 4), 0.01, dtype=torch.float16).requires_grad_()
    (got,) = torch.autograd.grad(gram_matrix(features, None), features, torch.full((1, 2, 2), 1e5))
    torch.testing.assert_close(got, torch.full_like(got, 4000), rtol=0.01, atol=0)


@pytest.mark.parametrize("form", VARIATION)
def test_gradients_of_content_loss_and_variation(form: str, features: Tensor) -> None:
    target = features.flip(2).clone()
    x = features.requires_grad_()
    assert torch.autograd.gradcheck(lambda f: total_variation(f, form), x)
    assert torch.autograd.gradcheck(lambda f: total_variation(f, form, "sum"), x)
    for reduce in REDUCE:
        assert torch.autograd.gradcheck(lambda f, r=reduce: content_loss(f, target, r), x)


@pytest.mark.parametrize("reduce", REDUCE)
def test_the_gradient_is_zero_and_finite_where_nothing_differs(
    reduce: str, features: Tensor
) -> None:
    x = features.clone().requires_grad_()
    content_loss(x, features, reduce).backward()
    assert torch.equal(x.grad, torch.zeros_like(x))


@pytest.mark.parametrize("form", VARIATION)
def test_a_flat_picture_has_no_variation_and_no_gradient(form: str) -> None:
    x = torch.full((1, 3, 5, 4), 0.3, requires_grad=True)
    value = total_variation(x, form)
    value.backward()
    assert value.item() < 1.1e-4 and torch.isfinite(x.grad).all() and x.grad.abs().max() == 0


shapes = st.tuples(*(st.integers(1, n) for n in (3, 5, 6, 6)))


@settings(max_examples=40, deadline=None)
@given(shapes, st.sampled_from(NORMALIZE), st.integers(0, 2**31))
def test_gram_forgets_where_and_is_symmetric_and_positive_semidefinite(
    shape: tuple[int, ...], normalize: str | None, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(shape, generator=generator, dtype=torch.float64)
    gram = gram_matrix(features, normalize)
    order = torch.randperm(shape[2] * shape[3], generator=generator)
    shuffled = features.flatten(2)[..., order].view(shape)
    torch.testing.assert_close(gram_matrix(shuffled, normalize), gram)
    torch.testing.assert_close(gram, gram.transpose(1, 2))
    assert torch.linalg.eigvalsh(gram).min() > -1e-9
    assert torch.linalg.matrix_rank(gram).max() <= min(shape[1], shape[2] * shape[3])


@settings(max_examples=25, deadline=None)
@given(shapes, st.integers(0, 2**31))
def test_normalizing_by_positions_makes_sizes_comparable(shape: tuple[int, ...], seed: int) -> None:
    features = torch.randn(shape, generator=torch.Generator().manual_seed(seed)).double()
    twice = torch.cat([features, features], dim=3)
    torch.testing.assert_close(gram_matrix(twice), gram_matrix(features))
    torch.testing.assert_close(gram_matrix(twice, None), 2 * gram_matrix(features, None))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_inputs_are_summed_in_float32(dtype: torch.dtype) -> None:
    features = (torch.rand(1, 4, 64, 64, generator=torch.Generator().manual_seed(0)) + 3).to(dtype)
    gram = gram_matrix(features, None)
    assert gram.dtype == torch.float32
    want = gram_matrix(features.double(), None)  # up to 65 000: fp16 itself would overflow
    torch.testing.assert_close(gram.double(), want, rtol=1e-5, atol=0)
    for loss in (
        content_loss(features, features.flip(2), "sum"),
        total_variation(features, "squared", "sum"),
        style_loss(features, gram_matrix(features.flip(1), None), None, "mean"),
    ):
        assert loss.dtype == torch.float32 and torch.isfinite(loss)
    exact = content_loss(features.double(), features.flip(2).double(), "sum")
    assert content_loss(features, features.flip(2), "sum").item() == pytest.approx(
        exact.item(), rel=1e-5
    )


def test_float64_stays_float64(features: Tensor) -> None:
    assert gram_matrix(features).dtype == content_loss(features, features).dtype == torch.float64


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: gram_matrix(torch.ones(3, 4, 5)), "expected (B, C, H, W)"),
        (lambda: gram_matrix(torch.ones(1, 3, 4, 5), "mean"), "normalize is 'mean'"),
        (lambda: content_loss(torch.ones(1, 2, 3, 3), torch.ones(1, 2, 3, 4)), "(1, 2, 3, 4)"),
        (lambda: content_loss(torch.ones(1, 2, 3, 3), torch.ones(1, 2, 3, 3), "max"), "reduce is"),
        (lambda: style_loss(torch.ones(1, 2, 3, 3), torch.ones(1, 4, 4)), "(1, 4, 4)"),
        (lambda: style_loss(torch.ones(3, 2, 3, 3), torch.ones(2, 2, 2)), "(2, 2, 2)"),
        (lambda: total_variation(torch.ones(1, 3, 1, 9)), "at least 2 x 2"),
        (lambda: total_variation(torch.ones(3, 9, 9)), "(3, 9, 9)"),
        (lambda: total_variation(torch.ones(1, 3, 9, 9), "l2"), "form is 'l2'"),
        (lambda: total_variation(torch.ones(1, 3, 9, 9), "l1", "rms"), "reduce is 'rms'"),
    ],
)
def test_bad_input_says_what_is_expected(call: object, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        call()
