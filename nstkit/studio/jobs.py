"""Longer work of the studio, beside its painting: the picture large, and a grid of small ones.

A job paints with engines of its own, step by step in the studio's worker, so that the page can
pause it. The painting of the studio stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from nstkit.painting.estimate import in_words
from nstkit.painting.scales import Scale, sized
from nstkit.studio.engine import Engine
from nstkit.studio.reel import Reel
from nstkit.studio.settings import Settings, short
from nstkit.vgg.devices import Precision

LARGE = (768, 1024, 1536, 2048)  # px of the long side
FEWEST = 25  # updates at a scale that is added, at least
SAMPLE = 160  # px of the long side of a sample
SHORTEST = 48  # px of its short side at least
SAMPLE_STEPS = 60  # updates of a sample, at most
FACTORS = (0.1, 1.0, 10.0)  # of beta


class Job(Protocol):
    """What the studio needs of a job.

    Attributes:
        name: what it is called at the beginning of a sentence.
        engine: what paints now; steps, done: how many there are, and how many are made.
        seconds_left: about how many seconds the rest takes.
    """

    name: str
    engine: Engine
    steps: int
    done: int
    seconds_left: float

    def advance(self) -> None:
        """Make one step."""


class Large:
    """The current settings at a larger size.

    Args:
        settings: the settings.
        scales: those of the small painting.
        side: px of the long side.
        precision, device: as those of an `Engine`.
    """

    name = "The large painting"

    def __init__(
        self, settings: Settings, scales: Sequence[Scale], side: int, precision: Precision,
        device: torch.device | str | None,
    ) -> None:  # fmt: skip
        self.engine = Engine(larger(settings, scales, side), precision, device)
        self.side = side
        self.engine.reel = Reel(room=0)  # nobody goes back in it
        self.steps, self.done = self.engine.steps_left, 0

    def advance(self) -> None:
        """Make one step."""
        self.engine.advance()
        self.done += 1

    @property
    def seconds_left(self) -> float:
        """About how many seconds the rest takes: a step's time goes with its pixels."""
        frame, scales = self.engine.frame, self.engine.scales
        height, width = frame.image.shape[-2:]
        rest = sum(
            (scale.steps - frame.steps * (scale.factor == frame.factor))
            * scale.height
            * scale.width
            for scale in scales
            if scale.factor >= frame.factor
        )
        return self.engine.pace * rest / (height * width)


def larger(settings: Settings, scales: Sequence[Scale], side: int) -> Settings:
    """Return settings that paint the same large forms, and finer strokes in them.

    The scales of the small painting stay as they are, in px, and others follow, each twice as large
    and with half the steps.

    Raises:
        ValueError: The painting has that size already.
    """
    sides, steps = more_scales(scales, side)
    if side <= max(scales[-1].height, scales[-1].width):
        raise ValueError(f"The painting has {sides[-1]} px already. Choose more than that.")
    return at_side(settings, side).replace(scales=sides, steps=steps)


def at_side(settings: Settings, side: int) -> Settings:
    """Return settings of another size; a photograph in memory is resized, for it has its own."""
    if not isinstance(settings.content, Tensor):
        return settings.replace(size=side)
    height, width = settings.content.shape[-2:]
    factor = side / max(height, width)
    content = sized(settings.content, (round(factor * height), round(factor * width)))
    return settings.replace(size=side, content=content)


def more_scales(scales: Sequence[Scale], side: int) -> tuple[list[int], list[int]]:
    """Return long sides in px and steps: those of some scales, and of larger ones up to a side."""
    sides = [max(scale.height, scale.width) for scale in scales]
    steps = [scale.steps for scale in scales]
    while sides[-1] < side:
        sides.append(min(2 * sides[-1], side))
        steps.append(max(steps[-1] // 2, FEWEST))
    return sides, steps


def seconds_of(scales: Sequence[Scale], side: int, pace: float) -> float:
    """Return about how many seconds `Large` takes, from the pace of the small painting.

    Args:
        scales: of the small painting.
        side: px of the long side.
        pace: seconds that a step takes at the finest of these scales.
    """
    own = max(scales[-1].height, scales[-1].width)
    sides, steps = more_scales(scales, side)
    return pace * sum(n * (px / own) ** 2 for n, px in zip(steps, sides, strict=True))


class Grid:
    """Small pictures: three weights of the style beside three choices of its layers.

    Args:
        settings: the current ones; the one in the middle is that.
        shape: height and width of the painting in px.
        precision, device: as those of an `Engine`.

    Attributes:
        choices: {label: settings of the studio's size}.
        engine: what paints now.
    """

    name = "The grid"

    def __init__(
        self, settings: Settings, shape: Sequence[int], precision: Precision,
        device: torch.device | str | None,
    ) -> None:  # fmt: skip
        self.choices = choices(settings)
        self._side = max(SAMPLE, math.ceil(SHORTEST * max(shape) / min(shape)))
        self._complete: dict[str, Tensor] = {}
        self.engine = Engine(self._sample(0), precision, device)
        self._each = min(self.engine.steps_left, SAMPLE_STEPS)
        self.steps, self.done = self._each * len(self.choices), 0

    @property
    def pictures(self) -> dict[str, Tensor]:
        """{label: picture (1, 3, H, W)} of what is painted so far, the last perhaps in part."""
        label = list(self.choices)[len(self._complete)]
        return {**self._complete, label: self.engine.painted(self.engine.frame)}

    def advance(self) -> None:
        """Make one step, of the next picture if one is complete."""
        if self.done and self.done % self._each == 0:
            complete = self.pictures
            self.engine.settings = self._sample(len(complete))
            self.engine.reset()  # which may fail
            self._complete = complete
        self.engine.advance()
        self.done += 1

    @property
    def seconds_left(self) -> float:
        """About how many seconds the rest takes."""
        return (self.steps - self.done) * self.engine.pace

    def _sample(self, number: int) -> Settings:
        """Return the settings of a sample, counted from 0."""
        return at_side(list(self.choices.values())[number], self._side)


def choices(settings: Settings) -> dict[str, Settings]:
    """Return {label: settings}: three weights of the style by three choices of its layers."""
    recipe = settings.recipe
    used = {name: weight for name, weight in recipe.style_layers.items() if weight}
    names = list(used)
    half = max(len(names) // 2, 1)
    chosen = {"shallow": names[:half], "all": names, "deep": names[-half:]}
    chosen = chosen if len(names) > 1 else {"its layer": names}
    found = {}
    for which, layers in chosen.items():
        for factor in FACTORS:
            beta = (recipe.beta or 1.0) * factor
            kept = {name: used[name] for name in layers}
            changed = settings.replace(beta=beta, style_layers=kept)
            found[f"β {short(beta)}, {which}"] = changed
    return found


def told(job: Job) -> str:
    """Return how a job goes on, in a sentence."""
    return f"{job.name}: step {job.done} of {job.steps}, {in_words(job.seconds_left)} left."
