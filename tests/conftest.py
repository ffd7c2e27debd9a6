"""Fixtures: the real network, whose weights are read once, and small pictures."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable

# With `-n 2` the threads of two processes would wait for each other. Torch reads this on import.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"

import pytest
import torch
from torch import Tensor

from nstkit import VGG, load_image
from nstkit.vgg.fast import FastVGG, to_paint


@pytest.fixture(scope="session")
def vgg() -> VGG:
    """The embedded network in float32. All tests share its weights: copy it to change them."""
    return VGG()


@pytest.fixture(scope="session")
def embedded(vgg: VGG) -> Callable[..., VGG]:
    """Make networks of the embedded weights, which they share: it takes no time.

    ``embedded(torch.float64, pooling="avg")`` has the options of `VGG`.
    """

    @functools.cache
    def state(dtype: torch.dtype) -> dict[str, Tensor]:
        return {key: value.to(dtype) for key, value in vgg.state_dict().items()}

    def make(dtype: torch.dtype = torch.float32, **options: str) -> VGG:
        options = {"preprocessing": vgg.preprocessing} | options
        made = VGG(weights=vgg.state_dict(), **options)
        wanted = {key: state(dtype)[key] for key in made.state_dict()}
        made.load_state_dict(wanted, assign=True)
        return made

    return make


@pytest.fixture(scope="session")
def network(vgg: VGG) -> FastVGG:
    """The network that paints, in float32."""
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
