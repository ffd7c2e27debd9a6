"""What the studio shows: `Frame`, a picture and how it came about, made by a `Run`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from nstkit.objective import Losses, Objective
from nstkit.optimize import OutOfDate, Record, Step, optimize
from nstkit.painting import Result, name_of
from nstkit.studio.settings import Settings


@dataclass(frozen=True, eq=False)
class Change:
    """Settings in force from the picture of this index on; ``fresh``: the optimizer began anew."""

    index: int
    settings: Settings
    fresh: bool = False

    def fresh_at(self, index: int) -> bool:
        """Return whether the optimizer began anew at this index."""
        return self.fresh and self.index == index


@dataclass(frozen=True, eq=False)
class Frame:
    """A picture of the painting, and how it came about.

    Attributes:
        index: updates that it has behind it.
        image: (1, 3, H, W) float32 in [0, 1].
        changes: the settings since the start, the first at index 0.
        losses: of this picture; None while they are being computed.
    """

    index: int
    image: Tensor
    changes: tuple[Change, ...]
    losses: Losses | None = None

    @property
    def settings(self) -> Settings:
        """Those in force."""
        return self.changes[-1].settings

    def with_change(self, settings: Settings, fresh: bool) -> tuple[Change, ...]:
        """Return the changes of pictures that go on from this one under other settings."""
        if not fresh and not self.settings.changes(settings):
            return self.changes
        return (*self.changes, Change(self.index, settings, fresh))

    def result(self, seconds: float, dtype: torch.dtype) -> Result:
        """Return the picture as `nstkit.stylize` would, with the steps it has."""
        settings = self.settings
        record = Record(self.index, self.losses, seconds, "")
        return Result(
            self.image, [record], record, settings.recipe.replace(steps=self.index), settings.seed,
            seconds, str(dtype).removeprefix("torch."), False, {},
            (name_of(settings.content), name_of(settings.style)),
        )  # fmt: skip

    def script(self) -> str:
        """Return Python lines that paint this picture again, by `nstkit.stylize` if that can."""
        first = self.changes[0].settings
        recipe, pictures = first.recipe, f"{name_of(first.content)!r}, {name_of(first.style)!r}"
        others = f"recipe, size={first.size}, seed={first.seed}"
        if len(self.changes) == 1:
            recipe = recipe.replace(steps=self.index)
            return f"recipe = nstkit.{recipe!r}\nnstkit.stylize({pictures}, {others})"
        lines = [f"recipe = nstkit.{recipe!r}", f"studio = nstkit.Studio({pictures}, {others})"]
        at, settings = 0, first
        for change in self.changes[1:]:
            lines += [f"studio.run({change.index - at})"] * (change.index > at)
            changed = settings.changes(change.settings).items()
            told = (f"{k}={name_of(v) if k in ('content', 'style') else v!r}" for k, v in changed)
            lines += [f"studio.set({', '.join(told)})"] if changed else []
            lines += ["studio.forget()"] if change.fresh else []
            at, settings = change.index, change.settings
        return "\n".join([*lines, f"studio.run({self.index - at})"])


class Pilot(Protocol):
    """Who knows of weights that have moved."""

    def moved(self, run: Run) -> bool:
        """Return whether there are any that a pass which is under way can still follow."""

    def overtake(self, run: Run) -> None:
        """Put them in force."""


class Run:
    """One call of `nstkit.optimize` from a picture on, which publishes pictures early.

    It counts on from the picture's own index.

    Args:
        objective: what to minimize; its weights may be changed between two steps.
        source: the picture.
        changes: that led to it, and the settings that are in force from it on.
        pilot: asked while the network is at work whether weights have moved meanwhile: on the
            way there they are followed as if they had been so all along, and a way back that has
            begun is given up, once a picture, for they would have to wait for the end of it.

    Attributes:
        newest: the newest picture, published before its losses are known: seeing it need not wait
            for a pass through the network.
        changes: of pictures that are still to come; see `change`.
    """

    def __init__(
        self, objective: Objective, source: Frame, changes: tuple[Change, ...],
        pilot: Pilot | None = None,
    ) -> None:  # fmt: skip
        self.objective, self.newest, self.changes, self._pilot = objective, source, changes, pilot
        convs = objective.vgg.convs.values() if pilot else ()
        self._hooks, self._gave_up = [c.register_forward_hook(self._watch) for c in convs], False
        self._first, self._pixels, recipe = source.index, source.image, changes[-1].settings.recipe
        self._steps = optimize(self, source.image, recipe.optimizer, recipe.learning_rate)

    def advance(self) -> tuple[Frame, Step]:
        """Return the next picture, the source itself at first, and the step that made it."""
        step = next(self._steps)
        index = self._first + step.index
        changes = self.newest.changes if self.newest.index == index else self.changes
        self.newest = Frame(index, step.image, changes, step.losses)
        return self.newest, step

    def change(self, settings: Settings) -> None:
        """Let settings be in force from the newest picture on."""
        fresh = self.changes[-1].fresh_at(self.newest.index)
        self.changes = self.newest.with_change(settings, fresh)

    def close(self) -> None:
        """Let go of optimizer and network at once: they and this refer to each other."""
        self._steps.close()
        for hook in self._hooks:
            hook.remove()

    def __call__(self, image: Tensor) -> Losses:
        """Stand in for the objective, and publish what it is called with."""
        pixels = image.detach()
        if not pixels.equal(self._pixels) and pixels.isfinite().all():
            self._pixels = pixels.clone()
            self.newest = Frame(self.newest.index + 1, self._pixels.clamp(0, 1), self.changes)
            self._gave_up = False
        sums = self.objective.measure(image)
        if self._pilot:
            self._pilot.overtake(self)
        return self.objective.losses(image, sums)

    def weights(self) -> tuple[object, ...]:
        """Return the objective's weights."""
        return self.objective.weights()

    def _watch(self, _: object, __: object, output: Tensor) -> None:
        """On the way there, see to it that the way back passes by `_check`."""
        if output.requires_grad:
            output.register_hook(self._check)

    def _check(self, _: Tensor) -> None:
        if not self._gave_up and self._pilot.moved(self):
            self._gave_up = True
            raise OutOfDate
