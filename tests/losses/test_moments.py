"""Means and covariances as a style: against closed forms, and other ways to the same distance."""

from __future__ import annotations

import re

import pytest
import torch
from torch import Tensor

from nstkit.moments import RIDGE, moments, moments_loss


def gaussian(mean: list[float], spread: list[float], positions: int = 64) -> Tensor:
    """Features with exactly this mean and, on independent channels, this standard deviation."""
    generator = torch.Generator().manual_seed(0)
    raw = torch.randn(positions, len(mean), generator=generator, dtype=torch.float64)
    whole, _ = torch.linalg.qr(raw - raw.mean(0))  # orthonormal columns of mean 0
    flat = whole * positions**0.5 * torch.tensor(spread) + torch.tensor(mean)
    return flat.T.reshape(1, len(mean), 8, positions // 8)


def test_independent_channels_have_the_textbook_distance() -> None:
    one, other = gaussian([0.0, 1.0, 2.0], [1.0, 2.0, 3.0]), gaussian([1.0, 1.0, 0.0], [1.0, 1, 5])
    roots = [(s**2 + RIDGE) ** 0.5 for s in (1, 2, 3, 1, 1, 5)]
    spread = sum((a - b) ** 2 for a, b in zip(roots[:3], roots[3:], strict=True))
    want = (1 + 0 + 4 + spread) / 3
    assert moments_loss(one, moments(other)).item() == pytest.approx(want, rel=1e-9)


def test_it_is_zero_at_the_target_symmetric_and_blind_to_places(features: Tensor) -> None:
    one, other = features[:1], features[1:] * 2 + 1
    assert moments_loss(one, moments(one)).item() == pytest.approx(0, abs=1e-9)
    there, back = moments_loss(one, moments(other)), moments_loss(other, moments(one))
    assert there.item() == pytest.approx(back.item(), rel=1e-9) and there > 0.1
    assert moments_loss(one.flip(3), moments(other)).item() == pytest.approx(there.item())


def test_correlated_channels_agree_with_the_sum_of_singular_values(features: Tensor) -> None:
    one, other = features[:1], features[1:].roll(1, 1) + 0.5 * features[1:]
    factors, means, traces = [], [], []
    for f in (one, other):
        flat = f[0].flatten(1)
        covariance = torch.cov(flat, correction=0) + RIDGE * torch.eye(3, dtype=torch.float64)
        factors.append(torch.linalg.cholesky(covariance))
        means.append(flat.mean(1))
        traces.append(covariance.trace())
    between = torch.linalg.svdvals(factors[0].T @ factors[1]).sum()
    want = ((means[0] - means[1]).square().sum() + sum(traces) - 2 * between) / 3
    assert moments_loss(one, moments(other)).item() == pytest.approx(want.item(), rel=1e-9)


@pytest.mark.parametrize("channels", [3, 40])  # 40 channels at 20 positions: a singular covariance
def test_its_gradient_is_the_slope(channels: int) -> None:
    generator = torch.Generator().manual_seed(2)
    shape = 1, channels, 4, 5
    x = torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
    target = moments(torch.randn(shape, generator=generator, dtype=torch.float64))
    way = torch.randn(shape, generator=generator, dtype=torch.float64)
    (gradient,) = torch.autograd.grad(moments_loss(x, target), x)
    step = 1e-6
    with torch.no_grad():
        rise = moments_loss(x + step * way, target) - moments_loss(x - step * way, target)
    slope = (gradient * way).sum().item()
    assert rise.item() / (2 * step) == pytest.approx(slope, rel=1e-3)


def test_half_precision_gives_float32(features: Tensor) -> None:
    target = moments(features[:1])
    assert moments_loss(features[:1].bfloat16(), target).dtype == torch.float32
    assert moments_loss(features[:1], target).dtype == torch.float64


def test_wrong_shapes_are_told(features: Tensor) -> None:
    with pytest.raises(ValueError, match=re.escape("(2, 3, 4, 5); expected (1, channels")):
        moments(features)
    with pytest.raises(ValueError, match=re.escape("expected (3, 4), the moments")):
        moments_loss(features[:1], torch.zeros(2, 3))
