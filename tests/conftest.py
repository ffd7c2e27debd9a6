"""Fixtures: the real network (loaded once), and small pictures."""

from __future__ import annotations

import os

# With `-n 2` the threads of two processes would wait for each other. Torch reads this on import.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"

import pytest
import torch
from torch import Tensor

from nstkit import VGG, load_image
from nstkit.vgg.fast import to_paint


@pytest.fixture(scope="session")
def vgg() -> VGG:
    """The embedded network in float32."""
    return VGG()


@pytest.fixture(scope="session")
def network(vgg: VGG) -> VGG:
    """The same as the studio's engine lays it out; a copy, for layout changes the digits."""
    return to_paint(vgg)


@pytest.fixture(scope="session")
def cat() -> Tensor:
    return load_image("cat", size=64)


@pytest.fixture(scope="session")
def wave() -> Tensor:
    return load_image("great_wave", size=72)


@pytest.fixture
def features() -> Tensor:
    """Two images' features with H != W, in float64."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 3, 4, 5, generator=generator, dtype=torch.float64)
