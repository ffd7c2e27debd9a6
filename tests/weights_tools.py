"""What the tests of built weights share."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def a_source(positions: Iterable[int]) -> dict[str, Tensor]:
    """Return a small state dict, as a published archive holds one: random, always the same."""
    generator = torch.Generator().manual_seed(0)
    return {
        f"{position}.{kind}": torch.randn(2, 3, generator=generator)
        for position in positions
        for kind in ("weight", "bias")
    }
