"""Fixtures: the judges' network, and features of a few pictures."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from nstkit import load_image
from nstkit.judges import AlexNet


@pytest.fixture(scope="session")
def alexnet() -> AlexNet:
    """The embedded network. All tests share its weights: do not change them."""
    return AlexNet()


@pytest.fixture(scope="session")
def photograph() -> Tensor:
    return load_image("cat", size=112)


@pytest.fixture(scope="session")
def artwork() -> Tensor:
    return load_image("wheat_field", size=128)


@pytest.fixture
def noise() -> Tensor:
    """Two pictures of independent noise, (2, 3, 64, 80)."""
    return torch.rand(2, 3, 64, 80, generator=torch.Generator().manual_seed(0))
