"""The fast products of features: those of one plain product, for all types, sizes and layouts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

import nstkit.losses.products as module
from nstkit import gram_matrix
from nstkit.losses.products import CACHED, keeps_the_rest, products

LAYOUTS = [torch.contiguous_format, torch.channels_last]


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def exact(features: Tensor) -> Tensor:
    """Sum over positions in float64, by another way than a matrix product."""
    return torch.einsum("bihw,bjhw->bij", features.double(), features.double())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_they_are_the_textbooks_in_value_and_gradient(layout: torch.memory_format) -> None:
    features = normal(2, 6, 9, 7).double().contiguous(memory_format=layout).requires_grad_()
    wanted = normal(2, 6, 6, seed=1).double()
    (got,) = torch.autograd.grad(products(features), features, wanted)
    (want,) = torch.autograd.grad(gram_matrix(features, None), features, wanted)
    torch.testing.assert_close(products(features), gram_matrix(features, None))
    torch.testing.assert_close(got, want)
    assert torch.autograd.gradcheck(products, normal(1, 3, 2, 3).double().requires_grad_())


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_the_gradient_is_right_where_that_of_the_products_is_not_symmetric(
    dtype: torch.dtype, layout: torch.memory_format
) -> None:
    features = normal(2, 5, 4, 6).to(dtype).contiguous(memory_format=layout).requires_grad_()
    above = normal(2, 5, 5, seed=1).to(torch.promote_types(dtype, torch.float32))
    (got,) = torch.autograd.grad(products(features), features, above)
    double = features.detach().double().requires_grad_()
    (want,) = torch.autograd.grad(exact(double), double, above.double())
    assert got.dtype == dtype
    assert got.is_contiguous(memory_format=layout)  # to add gradients of two layouts is slow
    assert (got - want).norm() < (1e-12 if dtype == torch.float64 else 0.005) * want.norm()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_other_gradients_of_the_same_features_are_added(layout: torch.memory_format) -> None:
    leaf = normal(1, 4, 8, 8).contiguous(memory_format=layout).requires_grad_()
    inner = leaf * 1
    (both,) = torch.autograd.grad(inner.square().sum() + products(inner).sum(), leaf)
    (first,) = torch.autograd.grad(leaf.square().sum(), leaf)
    (second,) = torch.autograd.grad(products(leaf).sum(), leaf)
    torch.testing.assert_close(both, first + second)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_features_may_lie_in_memory_in_any_order(dtype: torch.dtype) -> None:
    whole = normal(2, 6, 9, 7).to(dtype).contiguous(memory_format=torch.channels_last)
    above = normal(2, 6, 6, seed=1)
    for features in (whole.transpose(2, 3), whole[:, :, 1:5, 2:6], whole.flip(3)[..., ::2]):
        leaf = features.detach().requires_grad_()
        found = products(leaf)
        (got,) = torch.autograd.grad(found, leaf, above)
        want = (above + above.mT).double() @ features.flatten(2).double()
        want = want.unflatten(2, features.shape[2:])
        torch.testing.assert_close(found.double(), exact(features), rtol=1e-4, atol=1e-4)
        assert (got - want).norm() < (1e-6 if dtype == torch.float32 else 0.01) * want.norm()


def test_a_large_gradient_of_float16_features_stays_in_range() -> None:
    features = torch.full((1, 2, 4, 4), 0.01, dtype=torch.float16).requires_grad_()
    (got,) = torch.autograd.grad(products(features), features, torch.full((1, 2, 2), 1e5))
    torch.testing.assert_close(got, torch.full_like(got, 4000), rtol=0.01, atol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_features_are_added_up_in_float32_part_by_part(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "keeps_the_rest", lambda: False)
    features = normal(2, 16, 400, 371).to(dtype)  # the last part is short
    assert 2 * CACHED > features[0].numel() > CACHED
    got, want = products(features), exact(features)
    assert got.dtype == torch.float32
    assert (got - want).abs().max() < 1e-5 * want.abs().max()


def test_what_is_no_batch_of_features_is_told() -> None:
    with pytest.raises(ValueError, match=re.escape("(3, 4, 5); expected (B, C, H, W)")):
        products(torch.ones(3, 4, 5))


# ---------------------------------------------------------------- two products of bfloat16


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
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_two_products_of_bfloat16_have_16_digits(
    in_two: None, layout: torch.memory_format,
    batch: int, channels: int, height: int, width: int, seed: int,
) -> None:  # fmt: skip
    assert keeps_the_rest()
    features = normal(batch, channels, height, width, seed=seed).relu().bfloat16()
    got, want = products(features.contiguous(memory_format=layout)), exact(features)
    assert got.dtype == torch.float32 and got.shape == want.shape
    torch.testing.assert_close(got.double(), want, rtol=2**-16, atol=0)
    of_8_digits = features.flatten(2) @ features.flatten(2).mT
    torch.testing.assert_close(of_8_digits.double(), want, rtol=2**-8, atol=0)


def test_a_library_that_leaves_no_rest_gets_float32(
    in_two: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rounds_first(a: Tensor, b: Tensor, c: Tensor, beta: float) -> Tensor:
        return beta * a + b @ c

    features = normal(1, 9, 8, 8).bfloat16()
    monkeypatch.setattr(torch, "addmm", rounds_first)
    assert not keeps_the_rest()
    torch.testing.assert_close(products(features).double(), exact(features), rtol=1e-5, atol=1e-5)


def test_no_matrix_unit_no_two_products(in_two: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True}, raising=False)
    assert not keeps_the_rest()
