"""Exercises of notebook 06, The style studio."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from nstkit.checks import Case, Exercise, normal


@dataclass(frozen=True)
class Slider:
    """Stand where the values say at steps 0, 1, 2 and so on; the last one stays."""

    values: tuple[float, ...]

    def __call__(self, step: int) -> float:
        """Return the value when a step begins."""
        return self.values[min(step, len(self.values) - 1)]


def _waits(*factors: float) -> Callable[[float, float], Tensor]:
    """Return a latency with these factors: worst of step and beat, mean of step and beat."""

    def _latency(step: float, beat: float) -> Tensor:
        a, b, c, d = factors
        return torch.tensor([a * step + b * beat, c * step + d * beat])

    return _latency


def _follow(
    slider: Slider,
    x: Tensor,
    p: Tensor,
    a: Tensor,
    rate: float,
    mu: float,
    steps: int,
    listens: bool = True,
    forgets: str = "when it changed",
    late: int = 0,
    of_both: bool = False,
) -> Tensor:
    weight, velocity = slider(late), torch.zeros_like(x)
    for t in range(steps):
        told = slider(t + late) if listens else weight
        if forgets == "always" or (forgets == "when it changed" and told != weight):
            velocity = torch.zeros_like(x)
        weight = told
        content = weight * (x - p) if of_both else x - p
        velocity = mu * velocity + content + weight * (x - a)
        x = x - rate * velocity
    return x


def _forget_after(
    slider: Slider, x: Tensor, p: Tensor, a: Tensor, rate: float, mu: float, steps: int
) -> Tensor:
    weight, velocity = slider(0), torch.zeros_like(x)
    for t in range(steps):
        changed, weight = slider(t) != weight, slider(t)
        velocity = mu * velocity + (x - p) + weight * (x - a)
        if changed:
            velocity = torch.zeros_like(x)
        x = x - rate * velocity
    return x


def _sliders(generator: torch.Generator) -> Sequence[Case]:
    values = (1.0, 1.0, 1.0, 4.0), (3.0, 3.0, 0.5, 0.5, 0.5, 2.0)
    shapes, numbers = ((3,), (2, 3, 4, 5)), ((0.1, 0.5, 6), (0.05, 0.9, 9))
    return [
        (Slider(v), *(normal(generator, *shape) for _ in range(3)), *n)
        for v, shape, n in zip(values, shapes, numbers, strict=True)
    ]


def _shown(ready: list[float], beats: list[float], just_now: bool = True) -> list[int]:
    seen: list[int] = []
    for beat in beats:
        newest = sum(m <= beat if just_now else m < beat for m in ready) - 1
        if newest >= 0 and newest not in seen:
            seen.append(newest)
    return seen


def _queue(ready: list[float], beats: list[float]) -> list[int]:
    seen: list[int] = []
    for beat in beats:
        if len(seen) < sum(m <= beat for m in ready):
            seen.append(len(seen))
    return seen


def _repeats(ready: list[float], beats: list[float]) -> list[int]:
    newest = [sum(m <= beat for m in ready) - 1 for beat in beats]
    return [index for index in newest if index >= 0]


def _too_early(ready: list[float], beats: list[float]) -> list[int]:
    return list(dict.fromkeys(sum(m <= beat for m in ready) - 1 for beat in beats))


def _all(ready: list[float], beats: list[float]) -> list[int]:
    return [index for index, moment in enumerate(ready) if moment <= beats[-1]]


def _one_late(ready: list[float], beats: list[float]) -> list[int]:
    return [index + 1 for index in _shown(ready, beats)]


def _moments(generator: torch.Generator) -> Sequence[Case]:
    return [
        ([1.0, 2.0, 3.0, 4.0], [0.5, 1.5, 2.5, 3.5, 4.5]),  # in step, and a beat before the first
        ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [0.5, 1.0, 1.5]),  # a fast painter; one just in time
        ([0.1, 2.1], [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]),  # a slow painter
    ]


EXERCISES: dict[str, Exercise] = {
    "6.1": Exercise(
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
    "6.2": Exercise(
        right=_follow,
        mistakes={
            "It does not listen: the slider is read once, before the loop.": partial(
                _follow, listens=False
            ),
            "It listens, but the velocity of the old weight lives on.": partial(
                _follow, forgets="never"
            ),
            "Forget when the weight changed only; now there is no momentum at all.": partial(
                _follow, forgets="always"
            ),
            "Step t reads slider(t); it reads one too late.": partial(_follow, late=1),
            "The weight belongs to the style alone.": partial(_follow, of_both=True),
            "Forget before the gradient is added, or this step goes nowhere.": _forget_after,
        },
        cases=_sliders,
    ),
    "6.3": Exercise(
        right=_shown,
        mistakes={
            "That is a queue: it falls behind. Show the newest one, and skip the others.": _queue,
            "What is on the screen already is not shown again.": _repeats,
            "Before the first picture is ready there is nothing to show, not even number -1.": (
                _too_early
            ),
            "Pictures that a newer one overtakes before the next beat are never seen.": _all,
            "A picture that is ready at the very moment of a beat is shown.": partial(
                _shown, just_now=False
            ),
            "The first picture has index 0.": _one_late,
        },
        cases=_moments,
    ),
    "6.4": Exercise(
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
}
