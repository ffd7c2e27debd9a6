"""What the studio shows: `Frame`, a picture and how it came about, made by a `Run`."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from nstkit.descent import Record, Step, optimize
from nstkit.losses.statistics import STATISTICS
from nstkit.losses.values import Losses
from nstkit.objective import Objective
from nstkit.painting.given import (
    finished,
    loaded_works,
    scene_of,
)
from nstkit.painting.result import Result
from nstkit.painting.scales import sized
from nstkit.painting.subject import Subject, regions_code, style_code
from nstkit.pictures.images import name_of
from nstkit.recipes import Recipe
from nstkit.recipes.fields import STATISTIC_FIELDS, count_of, in_px
from nstkit.studio.settings import Settings
from nstkit.vgg.devices import precision_name


@dataclass(frozen=True, eq=False)
class Change:
    """Settings in force from the picture of this index on; ``fresh``: with a fresh optimizer."""

    index: int
    settings: Settings
    fresh: bool = False


@dataclass(frozen=True, eq=False)
class Frame:
    """A picture of the painting, and how it came about.

    Attributes:
        index: counts as `nstkit.stylize` does: all updates, and the start of each larger scale.
        image: (1, 3, H, W) float32 in [0, 1], of the size of its scale.
        changes: the settings since the start, the first at index 0.
        losses: of this picture; None while they are being computed.
        factor: by which it is smaller than the painting will be; 1 at the finest scale.
        begun: indices at which its scale and those before have begun.
    """

    index: int
    image: Tensor
    changes: tuple[Change, ...]
    losses: Losses | None = None
    factor: float = 1.0
    begun: tuple[int, ...] = (0,)

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.changes[-1].settings

    @property
    def steps(self) -> int:
        """Updates of the picture at its scale."""
        return self.index - self.begun[-1]

    @property
    def marks(self) -> list[int]:
        """Indices where losses before and after do not compare: changes, and larger scales."""
        return sorted({*(change.index for change in self.changes[1:]), *self.begun[1:]})

    def with_change(self, settings: Settings, fresh: bool) -> tuple[Change, ...]:
        """Return the changes of pictures that go on from this one under other settings."""
        if not fresh and not self.settings.changes(settings):
            return self.changes
        return (*self.changes, Change(self.index, settings, fresh))

    def result(self, seconds: float, dtype: torch.dtype) -> Result:
        """Return the picture as `nstkit.stylize` would, at full size, with the steps it has.

        Below the finest scale, it is what `nstkit.stylize` returns when it is interrupted there.
        """
        settings, record = self.settings, Record(self.index, self.losses, seconds, "")
        content = settings.load_content(self.image.device)
        load = settings.loader(content.device, [])
        works, regions = loaded_works(settings.style, load), settings.regions
        color = settings.recipe.color
        scene = scene_of(content, works, regions, color, load)
        return Result(
            image=finished(sized(self.image, content.shape[-2:]), scene, content, color),
            history=[record],
            best=record,
            recipe=self._with_steps(settings.recipe),
            seed=settings.seed,
            seconds=seconds,
            precision=precision_name(dtype),
            interrupted=self.factor < 1,
            snapshots={},
            subject=Subject.of(settings.content, settings.style, regions, settings.size),
            content=content,
            style=works.plain,
        )

    def _with_steps(self, recipe: Recipe) -> Recipe:
        """Return a recipe with the steps that were made, or as it is below the finest scale."""
        if self.factor < 1:
            return recipe
        ends = (*self.begun[1:], self.index + 1)
        made = [end - begun - 1 for begun, end in zip(self.begun, ends, strict=True)]
        if len(made) == (count := count_of(recipe.scales)):
            return recipe.replace(steps=made)
        planned = recipe.steps if isinstance(recipe.steps, tuple) else (recipe.steps,) * count
        # Some scales were left out, and steps count from the coarsest that is left.
        return recipe.replace(steps=(*made, *planned[len(made) :]))

    def script(self) -> str:
        """Return lines of Python that paint this picture again.

        `nstkit.stylize` cannot stop below the finest scale, so there a studio does it.
        """
        first = self.changes[0].settings
        recipe, pictures = first.recipe, f"{name_of(first.content)!r}, {style_code(first.style)}"
        size = "" if in_px(recipe.scales) else f"size={first.size}, "  # else the scales say it
        regions = f"regions={regions_code(first.regions)}, " if first.regions else ""
        others = f"recipe, {size}{regions}seed={first.seed}"
        if len(self.changes) == 1 and self.factor == 1:
            recipe = self._with_steps(recipe)
            return f"recipe = {code(recipe)}\nnstkit.stylize({pictures}, {others})"
        lines = [f"recipe = {code(recipe)}", f"studio = nstkit.Studio({pictures}, {others})"]
        at, settings = 0, first
        for change in self.changes[1:]:
            if change.index > at:
                lines.append(f"studio.run({change.index - at})")
            changed = settings.changes(change.settings)
            if changed:
                parts = (f"{name}={_argument(name, value)}" for name, value in changed.items())
                lines.append(f"studio.set({', '.join(parts)})")
            if change.fresh:
                lines.append("studio.forget()")
            at, settings = change.index, change.settings
        return "\n".join([*lines, f"studio.run({self.index - at})"])


def code(value: Any) -> str:
    """Return Python that makes a value, after ``import nstkit``."""
    if isinstance(value, Recipe):
        text = f"nstkit.{value!r}"
        for name in STATISTIC_FIELDS:
            statistic = getattr(value, name)
            text = re.sub(
                rf"\b{name}={re.escape(repr(statistic))}", f"{name}={code(statistic)}", text
            )
        return text
    return f"nstkit.{value!r}" if type(value) in STATISTICS.values() else repr(value)


ARGUMENTS: dict[str, Callable[[Any], str]] = {
    "content": lambda content: repr(name_of(content)),
    "style": style_code,
    "regions": regions_code,
}


def _argument(name: str, value: Any) -> str:
    return ARGUMENTS.get(name, code)(value)


class Pilot(Protocol):
    """What a run asks about weights that move while a picture is being computed."""

    def moved(self, run: Run) -> bool:
        """Return whether weights have moved that the current pass can still follow."""

    def catch_up(self, run: Run) -> None:
        """Put weights that have moved in force."""


class OutOfDate(Exception):  # noqa: N818 - nothing has gone wrong
    """Raised in a backward pass whose weights have moved meanwhile. It is computed again."""


class Run:
    """One call of `nstkit.optimize` from a picture on, which publishes pictures early.

    It counts on from the picture's own index. Weights may move while the network is at work. If
    they move in the forward pass, the losses use the new ones. If they move in the backward pass,
    that pass is given up and the picture is computed again, since the reader would have to wait for
    its end. That happens once a picture at most.

    Args:
        objective: what to minimize; its weights may be changed between two steps.
        source: the picture.
        changes: that led to it, and the settings that are in force from it on.
        pilot: asked whether weights have moved; None: they never do.

    Attributes:
        newest: the newest picture. It is published before its losses are known, so that a
            reader sees it earlier by a pass through the network.
        changes: of the pictures that are still to come; see `change`.
    """

    def __init__(
        self, objective: Objective, source: Frame, changes: tuple[Change, ...],
        pilot: Pilot | None = None,
    ) -> None:  # fmt: skip
        self.objective, self.newest, self.changes, self._pilot = objective, source, changes, pilot
        convs = objective.vgg.convs.values() if pilot else ()
        self._hooks, self._gave_up = [c.register_forward_hook(self._watch) for c in convs], False
        self._first, self._pixels, recipe = source.index, source.image, changes[-1].settings.recipe
        number = len(source.begun) - 1
        optimizer = recipe.at_scale(number, number + 1).optimizer
        self._steps = optimize(self, source.image, optimizer, recipe.learning_rate)

    def advance(self) -> tuple[Frame, Step]:
        """Return the next picture, the source itself at first, and the step that made it."""
        step = next(self._steps)
        index = self._first + step.index
        changes = self.newest.changes if self.newest.index == index else self.changes
        self.newest = dataclasses.replace(
            self.newest, index=index, image=step.image, changes=changes, losses=step.losses
        )
        return self.newest, step

    def change(self, settings: Settings) -> None:
        """Let settings be in force from the newest picture on."""
        newest = self.newest
        waiting = self.changes[len(newest.changes) :]
        # A fresh optimizer has begun under its own settings, and a script must do so too.
        so_far = dataclasses.replace(
            newest, changes=(*newest.changes, *(change for change in waiting if change.fresh))
        )
        self.changes = so_far.with_change(settings, fresh=False)

    def close(self) -> None:
        """Let go of optimizer and network now: the garbage collector may come late."""
        self._steps.close()
        for hook in self._hooks:
            hook.remove()

    def __call__(self, image: Tensor) -> Losses:
        """Return the losses of an image, and publish it as the newest picture."""
        self._publish(image.detach())
        try:
            return self._evaluate(image)
        except OutOfDate:  # at most once a picture
            return self._evaluate(image)

    def in_force(self) -> Hashable:
        """Return the objective's weights."""
        return self.objective.in_force()

    def _publish(self, pixels: Tensor) -> None:
        if not pixels.equal(self._pixels) and pixels.isfinite().all():
            self._pixels = pixels.clone()
            self.newest = dataclasses.replace(
                self.newest, index=self.newest.index + 1, image=self._pixels,
                changes=self.changes, losses=None,
            )  # fmt: skip
            self._gave_up = False

    def _evaluate(self, image: Tensor) -> Losses:
        """Return losses after the backward pass; their total keeps the gradient."""
        sums = self.objective.measure(image)
        if self._pilot:
            self._pilot.catch_up(self)
        losses = self.objective.losses(image, sums)
        (gradient,) = torch.autograd.grad(losses.total, image)
        total = _WithGradient.apply(image, losses.total.detach(), gradient)
        return dataclasses.replace(losses, total=total)

    def _watch(self, _: object, __: object, output: Tensor) -> None:
        """In the forward pass, make the backward pass call `_check` at this layer."""
        if output.requires_grad:
            output.register_hook(self._check)

    def _check(self, _: Tensor) -> None:
        if not self._gave_up and self._pilot.moved(self):
            self._gave_up = True
            raise OutOfDate


class _WithGradient(torch.autograd.Function):
    """A value whose gradient with respect to an image is known already."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, value: Tensor, gradient: Tensor) -> Tensor:
        """Return the value."""
        ctx.save_for_backward(gradient)
        return value.clone()

    @staticmethod
    def backward(ctx: Any, factor: Tensor) -> tuple[Tensor, None, None]:
        """Return the known gradient."""
        return factor * ctx.saved_tensors[0], None, None
