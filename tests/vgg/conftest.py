"""Weights of random values, drawn once."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torchvision import models


@pytest.fixture(scope="session")
def random_state() -> Callable[[str], dict[str, Tensor]]:
    """Return a function of "vgg19" or "vgg16": random weights under torchvision's keys.

    They are of a size that keeps all layers alive.
    """

    @functools.cache
    def draw(arch: str) -> dict[str, Tensor]:
        with torch.device("meta"):  # without values, which would take seconds to draw
            empty = getattr(models, arch)(weights=None).features.state_dict()
        generator, state = torch.Generator().manual_seed(3), {}
        for name, shaped in empty.items():
            state[f"features.{name}"] = value = torch.empty(shaped.shape)
            if name.endswith("bias"):
                nn.init.normal_(value, std=0.01, generator=generator)
            else:
                nn.init.kaiming_normal_(value, mode="fan_out", generator=generator)
        return state

    return draw
