"""Quadratic bowls: objectives with a known bottom, and one whose loss fails now and then."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from nstkit import Losses


class Bowl:
    """Sum of c_i (x_i - target_i)^2 with curvatures from 1 to 100."""

    def __init__(self, target: Tensor, scale: float = 1.0) -> None:
        self.target, self.scale = target, scale
        self.curvature = torch.logspace(0, 2, target.numel()).view_as(target)

    def __call__(self, x: Tensor) -> Losses:
        return Losses(self.scale * (self.curvature * (x - self.target).square()).sum())

    def in_force(self) -> tuple[float, ...]:
        return (self.scale,)


class Failing(Bowl):
    """The same, whose loss is NaN at some calls, or whose gradient is infinite there."""

    def __init__(self, target: Tensor, fail_at: set[int], inf_gradient: bool = False) -> None:
        super().__init__(target)
        self.fail_at, self.inf_gradient, self.calls = fail_at, inf_gradient, 0

    def __call__(self, x: Tensor) -> Losses:
        self.calls += 1
        total = super().__call__(x).total
        if self.calls not in self.fail_at:
            return Losses(total)
        bad = (x - x.detach()).sum() * math.inf if self.inf_gradient else math.nan
        return Losses(total + bad)
