"""Exercises of notebook 05, The optimization loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from nstkit.checks import Case, Exercise, normal

Gradient = Callable[[Tensor], Tensor]


def _momentum(
    gradient: Gradient,
    x: Tensor,
    rate: float,
    mu: float,
    steps: int,
    damping: float = 0.0,
    ahead: bool = False,
) -> Tensor:
    velocity = torch.zeros_like(x)
    for _ in range(steps):
        velocity = mu * velocity + (1 - damping * mu) * gradient(x)
        x = x - rate * (gradient(x) + mu * velocity if ahead else velocity)
    return x


def _descent(gradient: Gradient, x: Tensor, rate: float, mu: float, steps: int) -> Tensor:
    for _ in range(steps):
        x = x - rate * gradient(x)
    return x


def _uphill(gradient: Gradient, x: Tensor, rate: float, mu: float, steps: int) -> Tensor:
    return _momentum(gradient, x, -rate, mu, steps)


def _bowl(curvature: Tensor, floor: Tensor, x: Tensor) -> Tensor:
    return curvature * (x - floor)


def _bowls(generator: torch.Generator) -> Sequence[Case]:
    cases = []
    for shape, rate, mu, steps in (((3,), 0.1, 0.5, 1), ((2, 3, 4, 5), 0.05, 0.9, 7)):
        curvature, floor = normal(generator, *shape).abs() + 0.5, normal(generator, *shape)
        gradient = partial(_bowl, curvature, floor)
        cases.append((gradient, normal(generator, *shape), rate, mu, steps))
    return cases


def _is_done(losses: list[float], n: int, tolerance: float) -> bool:
    return len(losses) > n and (losses[-1 - n] - losses[-1]) / losses[-1 - n] < tolerance


def _last_index(losses: list[float], n: int, tolerance: float) -> bool:
    return len(losses) > n and (losses[-n] - losses[-1]) / losses[-n] < tolerance


def _absolute(losses: list[float], n: int, tolerance: float) -> bool:
    return len(losses) > n and losses[-1 - n] - losses[-1] < tolerance


def _reversed(losses: list[float], n: int, tolerance: float) -> bool:
    return len(losses) > n and (losses[-1 - n] - losses[-1]) / losses[-1 - n] > tolerance


def _new_loss(losses: list[float], n: int, tolerance: float) -> bool:
    return len(losses) > n and (losses[-1 - n] - losses[-1]) / losses[-1] < tolerance


def _early(losses: list[float], n: int, tolerance: float) -> bool:
    return len(losses) <= n or _is_done(losses, n, tolerance)


def _magnitude(losses: list[float], n: int, tolerance: float) -> bool:
    return len(losses) > n and abs(losses[-1 - n] - losses[-1]) / losses[-1 - n] < tolerance


def _curves(generator: torch.Generator) -> Sequence[Case]:
    falling = [80.0, 40.0, 20.0, 16.0, 15.0, 14.8]
    return [
        (falling, 1, 0.02),  # gained 0.013 of 15
        (falling, 1, 0.01),
        (falling, 2, 0.06),  # 0.075 of 16
        (falling, 2, 0.078),  # 0.075 of the old loss, 0.081 of the new one
        (falling, 5, 0.5),
        (falling, 6, 0.5),  # too few losses
        ([30.0, 20.0, 26.0], 1, 0.1),  # upward: nothing was gained
    ]


EXERCISES: dict[str, Exercise] = {
    "5.1": Exercise(
        right=_momentum,
        mistakes={
            "The velocity is never used: x moves by the gradient alone.": _descent,
            "The factor 1 - m is not in the formula; it changes what the rate means.": partial(
                _momentum, damping=1.0
            ),
            "That is Nesterov's look-ahead; here x moves by the velocity alone.": partial(
                _momentum, ahead=True
            ),
            "It walks uphill: a minus is missing.": _uphill,
        },
        cases=_bowls,
    ),
    "5.2": Exercise(
        right=_is_done,
        mistakes={
            "n steps before the last loss is losses[-1 - n]; losses[-n] is one too late.": (
                _last_index
            ),
            "The gain must be relative: divide it by the older loss.": _absolute,
            "It is done when the gain is smaller than the tolerance, not larger.": _reversed,
            "Divide by the older loss, not by the newer one.": _new_loss,
            "With too few losses nothing can be compared: that is not done.": _early,
            "A loss that rises has gained less than nothing: leave out abs().": _magnitude,
        },
        cases=_curves,
    ),
}
