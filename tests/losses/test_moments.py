"""Means and covariances as a style: against closed forms, and other ways to the same distance."""

from __future__ import annotations

import itertools
import re

import pytest
import torch
from torch import Tensor

from nstkit.losses.moments import (
    RIDGE,
    moment_sums,
    moments,
    moments_distance,
    moments_loss,
)


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
    assert moments_loss(one, other).item() == pytest.approx(want, rel=1e-9)


def test_it_is_zero_at_the_target_symmetric_and_blind_to_places(features: Tensor) -> None:
    one, other = features[:1], features[1:] * 2 + 1
    assert moments_loss(one, one).item() == pytest.approx(0, abs=1e-9)
    there, back = moments_loss(one, other), moments_loss(other, one)
    assert there.item() == pytest.approx(back.item(), rel=1e-9) and there > 0.1
    assert moments_loss(one.flip(3), other).item() == pytest.approx(there.item())


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
    assert moments_loss(one, other).item() == pytest.approx(want.item(), rel=1e-9)


@pytest.mark.parametrize("channels", [3, 40])  # 40 channels at 20 positions: a singular covariance
def test_its_gradient_is_that_of_finite_differences(channels: int) -> None:
    generator = torch.Generator().manual_seed(2)
    x, target, direction = (
        torch.randn(1, channels, 4, 5, generator=generator, dtype=torch.float64) for _ in range(3)
    )
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(moments_loss(x, target), x)
    step = 1e-6
    with torch.no_grad():
        ends = [moments_loss(x + sign * step * direction, target) for sign in (1, -1)]
    rise = (gradient * direction).sum().item()
    assert (ends[0] - ends[1]).item() / (2 * step) == pytest.approx(rise, rel=1e-3)


def test_a_batch_has_the_mean_of_its_pictures(features: Tensor) -> None:
    artwork = features[:1] * 2 + 1
    want = sum(moments_loss(one[None], artwork) for one in features) / 2
    torch.testing.assert_close(moments_loss(features, artwork), want)
    pairs = [
        (one[None], other[None]) for one, other in zip(features, features.flip(0), strict=True)
    ]
    want = sum(moments_loss(*pair) for pair in pairs) / 2
    torch.testing.assert_close(moments_loss(features, features.flip(0)), want)


@pytest.mark.parametrize("offset", [0.0, 30.0])  # channels of little deviation around a large mean
@pytest.mark.parametrize("height", [30, 1])  # 40 positions have a singular covariance
def test_sums_in_float32_give_the_gradient_of_float64(offset: float, height: int) -> None:
    generator = torch.Generator().manual_seed(3)
    deviations = torch.logspace(-1, 2, 64, dtype=torch.float64).view(1, 64, 1, 1)
    exact, artwork = (
        torch.randn(1, 64, height, 40, generator=generator, dtype=torch.float64).relu() * deviations
        + offset
        for _ in range(2)
    )
    gradients = []
    for dtype in (torch.float64, torch.float32):
        x = exact.to(dtype).requires_grad_()
        gradients += torch.autograd.grad(moments_loss(x, artwork.to(dtype)), x)
    wide, narrow = gradients
    assert (narrow - wide).norm() < 1e-4 * wide.norm()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_weighted_sums_agree_with_a_loop_over_positions(
    features: Tensor, dtype: torch.dtype
) -> None:
    maps = features.to(dtype)
    where = torch.rand(1, 1, *maps.shape[-2:], generator=torch.Generator().manual_seed(4))
    where[..., 0, :] = 0
    want = torch.zeros(len(maps), maps.shape[1], 1 + maps.shape[1], dtype=torch.float64)
    for b, y, x in itertools.product(*(range(maps.shape[i]) for i in (0, 2, 3))):
        f, share = maps[b, :, y, x].double(), where[0, 0, y, x].double()
        want[b] += share * torch.cat([f[:, None], torch.outer(f, f)], dim=1)
    found = moment_sums(maps, where.to(dtype if dtype == torch.float64 else torch.float32))
    assert found.dtype == torch.float64
    torch.testing.assert_close(found, want, rtol=1e-5, atol=1e-5)


def test_half_precision_gives_float32(features: Tensor) -> None:
    target = features[:1]
    assert moments_loss(features[:1].bfloat16(), target).dtype == torch.float32
    assert moments_loss(features[:1], target).dtype == torch.float64


def test_wrong_shapes_are_told(features: Tensor) -> None:
    with pytest.raises(ValueError, match=re.escape("(3, 4, 5); expected (B, C, H, W)")):
        moments_loss(features[0], features)
    with pytest.raises(ValueError, match=re.escape("(2, 2, 3); expected (2, 3, 4), the moments")):
        moments_loss(features, features[:, :2])
    three = moments(moment_sums(torch.cat([features, features[:1]])), 20)
    with pytest.raises(ValueError, match=re.escape("(3, 3, 4); expected (2, 3, 4)")):
        moments_distance(moment_sums(features), 20, three)
