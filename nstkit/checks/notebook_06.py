"""Exercises of notebook 06, The style studio."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from nstkit.checks import Exercise


def _waits(*factors: float) -> Callable[[float, float], Tensor]:
    """Return a latency with these factors: worst of step and beat, mean of step and beat."""

    def _latency(step: float, beat: float) -> Tensor:
        a, b, c, d = factors
        return torch.tensor([a * step + b * beat, c * step + d * beat])

    return _latency


EXERCISES: dict[str, Exercise] = {
    "6.1": Exercise(
        right={"A", "B", "F", "H"},
        mistakes={
            "Those are the ones that do need one.": {"C", "D", "E", "G"},
            "Noise changes where the painting begins, not where it wants to go.": {"A", "B", "H"},
            "The targets do not know how they are reached: look at F and H.": {"A", "B"},
            "Another artwork has other Gram matrices.": {"A", "B", "C", "F", "H"},
            "The photograph's features at relu2_2 were never computed.": {"A", "B", "F", "G", "H"},
            "Pooling is part of the network; all features change.": {"A", "B", "D", "F", "H"},
            "A layer that is switched off needs nothing at all.": {"A", "F", "H"},
        },
    ),
    "6.2": Exercise(
        right=_waits(2, 1, 1.5, 0.5),
        mistakes={
            "At worst a step has just begun: it ends first, and the next one takes all its time.": (
                _waits(1, 1, 0.5, 0.5)
            ),
            "The step that makes the picture always takes its whole time, also on average.": (
                _waits(2, 1, 1, 0.5)
            ),
            "You forgot the beat: a picture that is there is not seen yet.": _waits(2, 0, 1.5, 0),
            "You forgot the wait for the next step to begin.": _waits(1, 1, 1, 0.5),
            "The worst comes first, then the mean.": _waits(1.5, 0.5, 2, 1),
            "On average you wait for half a beat.": _waits(2, 1, 1.5, 1),
        },
        cases=lambda generator: [(0.5, 0.1), (2.0, 0.3), (0.05, 0.25)],
    ),
}
