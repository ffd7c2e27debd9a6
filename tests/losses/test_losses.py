"""Losses against explicit loops in float64, finite differences, and what must not matter."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nstkit import content_loss, gram_matrix, style_loss, total_variation
from nstkit.losses import FORMS, NORMALIZE, REDUCE


def normal(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


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
    artwork = normal(2, 3, 7, 2)  # another size than the features
    got = style_loss(features, artwork, normalize, reduce)
    grams = slow_gram(features.numpy(), normalize), slow_gram(artwork.numpy(), normalize)
    assert got.item() == pytest.approx(slow_distance(*grams, reduce), rel=1e-12)


@pytest.mark.parametrize("reduce", REDUCE)
def test_content_loss_equals_the_explicit_loop(reduce: str, features: Tensor) -> None:
    target = features.flip(3)
    want = slow_distance(features.numpy(), target.numpy(), reduce)
    assert content_loss(features, target, reduce).item() == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("reduce", ["mean", "sum"])
def test_total_variation_equals_the_explicit_loop(form: str, reduce: str, features: Tensor) -> None:
    want = slow_variation(features.numpy(), form, reduce)
    assert total_variation(features, form, reduce).item() == pytest.approx(want, rel=1e-7)


def test_one_artwork_serves_a_batch(features: Tensor) -> None:
    artwork = features[:1]
    want = sum(style_loss(f[None], artwork) for f in features) / 2
    torch.testing.assert_close(style_loss(features, artwork), want)


@pytest.mark.parametrize("normalize", NORMALIZE)
def test_gradients_of_the_style_loss(normalize: str | None, features: Tensor) -> None:
    artwork = features.flip(1).clone()
    for reduce in REDUCE:
        assert torch.autograd.gradcheck(
            lambda f, r=reduce: style_loss(f, artwork, normalize, r), features.requires_grad_()
        )


@pytest.mark.parametrize("form", FORMS)
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


@pytest.mark.parametrize("form", FORMS)
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
    features = normal(*shape, seed=seed)
    gram = gram_matrix(features, normalize)
    order = torch.randperm(shape[2] * shape[3], generator=torch.Generator().manual_seed(seed))
    shuffled = features.flatten(2)[..., order].view(shape)
    torch.testing.assert_close(gram_matrix(shuffled, normalize), gram)
    torch.testing.assert_close(gram, gram.transpose(1, 2))
    assert torch.linalg.eigvalsh(gram).min() > -1e-9
    assert torch.linalg.matrix_rank(gram).max() <= min(shape[1], shape[2] * shape[3])


@settings(max_examples=25, deadline=None)
@given(shapes, st.integers(0, 2**31))
def test_normalizing_by_positions_makes_sizes_comparable(shape: tuple[int, ...], seed: int) -> None:
    features = normal(*shape, seed=seed)
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
        style_loss(features, features.flip(1), None, "mean"),
    ):
        assert loss.dtype == torch.float32 and torch.isfinite(loss)
    exact = content_loss(features.double(), features.flip(2).double(), "sum")
    assert content_loss(features, features.flip(2), "sum").item() == pytest.approx(
        exact.item(), rel=1e-5
    )


def test_float64_stays_float64(features: Tensor) -> None:
    found = gram_matrix(features), content_loss(features, features), style_loss(features, features)
    assert {value.dtype for value in found} == {torch.float64}


def test_the_style_loss_does_not_ask_where_in_the_artwork_something_is(features: Tensor) -> None:
    artwork = normal(1, 3, 6, 4)
    turned = artwork.flip(3).transpose(2, 3)
    torch.testing.assert_close(style_loss(features, turned), style_loss(features, artwork))
    assert style_loss(artwork, turned).item() < 1e-30 < style_loss(features, artwork).item()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: gram_matrix(torch.ones(3, 4, 5)), "expected (B, C, H, W)"),
        (lambda: gram_matrix(torch.ones(1, 3, 4, 5), "mean"), "normalize is 'mean'"),
        (lambda: content_loss(torch.ones(1, 2, 3, 3), torch.ones(1, 2, 3, 4)), "(1, 2, 3, 4)"),
        (lambda: content_loss(torch.ones(1, 2, 3, 3), torch.ones(1, 2, 3, 3), "max"), "reduce is"),
        (lambda: style_loss(torch.ones(1, 2, 3, 3), torch.ones(1, 4, 5, 5)), "(1, 4, 4)"),
        (lambda: style_loss(torch.ones(3, 2, 3, 3), torch.ones(2, 2, 5, 5)), "(2, 2, 2)"),
        (lambda: total_variation(torch.ones(1, 3, 1, 9)), "at least 2 x 2"),
        (lambda: total_variation(torch.ones(3, 9, 9)), "(3, 9, 9)"),
        (lambda: total_variation(torch.ones(1, 3, 9, 9), "l2"), "form is 'l2'"),
        (lambda: total_variation(torch.ones(1, 3, 9, 9), "l1", "rms"), "reduce is 'rms'"),
    ],
)
def test_bad_input_says_what_is_expected(call: Callable[[], Tensor], says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        call()


def test_one_photograph_serves_a_batch(features: Tensor) -> None:
    want = torch.stack([content_loss(f[None], features[:1]) for f in features]).mean()
    torch.testing.assert_close(content_loss(features, features[:1]), want)
