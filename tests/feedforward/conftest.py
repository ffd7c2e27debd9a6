"""Fixtures of the feed-forward tests: one encoder and decoder for all."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from nstkit.feedforward import Coder


@pytest.fixture(scope="session")
def coder() -> Coder:
    return Coder()


@pytest.fixture(scope="session")
def clouds() -> tuple[Tensor, Tensor]:
    """Two sets of features of 6 channels, with more positions than channels, not alike."""
    generator = torch.Generator().manual_seed(0)
    mixes = torch.randn(2, 6, 6, generator=generator) + 3 * torch.eye(6)
    points = [torch.randn(6, n, generator=generator) for n in (80, 99)]
    one, other = (mix @ p + i for i, (mix, p) in enumerate(zip(mixes, points, strict=True)))
    return one.view(1, 6, 8, 10), other.view(1, 6, 9, 11)
