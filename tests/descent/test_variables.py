"""What an optimizer moves: the filter between pixels and their frequencies."""

from __future__ import annotations

import math

import pytest
import torch

from nstkit.descent.variables import LONGEST_MOVE, Frequencies, Pixels, smoother


@pytest.mark.parametrize("shape", [(6, 7), (9, 4), (32, 48), (1, 5)])
def test_the_smoother_is_a_slow_sum_over_frequencies(shape: tuple[int, int]) -> None:
    """Against the matrix of the discrete Fourier transform, written out, in float64."""
    height, width = shape
    x = torch.rand(1, 2, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    waves = [
        torch.exp(-2j * math.pi * torch.outer(torch.arange(n), torch.arange(n)).double() / n)
        for n in shape
    ]
    f = torch.tensor([
        [math.hypot(min(u, height - u) / height, min(v, width - v) / width) for v in range(width)]
        for u in range(height)
    ], dtype=torch.float64)  # fmt: skip
    gain = f.clamp(min=1 / max(shape)).rsqrt()
    kept = gain[:, : width // 2 + 1]  # a real picture's other frequencies are their mirror images
    spectrum = waves[0] @ x.to(torch.complex128) @ waves[1] * gain / kept.square().mean().sqrt()
    slow = (waves[0].conj() @ spectrum @ waves[1].conj() / (height * width)).real
    torch.testing.assert_close(smoother(x)(x), slow, rtol=0, atol=1e-6)  # fftfreq is float32


def test_the_smoother_is_its_own_transpose_and_prefers_large_forms() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(1, 3, 31, 44, generator=generator) for _ in range(2))
    smooth = smoother(a)
    assert (a * smooth(b)).sum().item() == pytest.approx((smooth(a) * b).sum().item(), rel=1e-3)
    assert smooth(a).square().mean().item() == pytest.approx(1, rel=0.1)
    wide, narrow = (
        torch.cos(2 * math.pi * n * torch.arange(64) / 64).expand(1, 3, 64, 64) for n in (4, 16)
    )
    smooth = smoother(wide)
    ratio = smooth(wide).norm() / smooth(narrow).norm()
    assert ratio.item() == pytest.approx(math.sqrt(16 / 4), rel=1e-4)


def test_a_smoother_of_power_0_changes_nothing() -> None:
    x = torch.rand(1, 3, 12, 9, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(smoother(x, 0)(x), x)


def test_pixels_are_the_variables_themselves() -> None:
    x = torch.full((1, 3, 4, 5), 0.5)
    gradient = torch.ones_like(x)
    variables = Pixels(x, 0.01)
    assert torch.equal(variables.gradient(gradient), gradient)
    with torch.no_grad():
        variables.z += 0.1
    variables.moved(lambda share: pytest.fail("no move of pixels is shortened"))
    assert (x == 0.6).all()


@pytest.mark.parametrize("length", [0.5, 2.0])
def test_the_pixels_follow_the_frequencies_but_no_farther_than_is_allowed(length: float) -> None:
    """A first move of twice the allowed length is halved, and the optimizer is told so."""
    x = torch.full((1, 3, 8, 9), 0.5)
    smooth, longest, shares = smoother(x), 0.03, []
    move = torch.randn(x.shape, generator=torch.Generator().manual_seed(3))
    move *= length * longest / smooth(move).abs().mean()
    variables = Frequencies(x, longest)
    for limit in (longest, LONGEST_MOVE):
        before = x.clone()
        variables.gradient(torch.zeros_like(x))
        with torch.no_grad():
            variables.z += move
        variables.moved(shares.append)
        share = min(limit / (length * longest), 1.0)
        assert shares[-1] == pytest.approx(share, rel=1e-4)
        torch.testing.assert_close(x - before, share * smooth(move), rtol=0, atol=1e-6)
