"""The loop: `optimize`, a generator that yields a `Step` after every update of the picture."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

import torch
from torch import Tensor

from nstkit.descent.solver import DEFAULT_OPTIMIZER, OPTIMIZERS, Solver
from nstkit.losses.values import Losses
from nstkit.modes import plain, usual_mode
from nstkit.options import check_choice, check_weight, check_whole


class LossFunction(Protocol):
    """What can be minimized: anything that is called with an image and returns its losses.

    If its weights can change between two steps, it also has a method ``in_force()`` that returns
    them all. The loop compares what it returns and knows no more of it. If weights can change while
    it is called, its losses say in ``Losses.in_force`` under which they were computed.
    """

    def __call__(self, image: Tensor) -> Losses:
        """Return the losses of an image, differentiable with respect to it."""


@dataclass(frozen=True)
class Record:
    """What is remembered of a step: index, losses, seconds since the start, note of a restart."""

    index: int
    losses: Losses
    seconds: float
    note: str


@dataclass(frozen=True)
class Step(Record):
    """A picture after ``index`` updates, with the losses of exactly this picture.

    Attributes:
        image: (B, 3, H, W) float32 in [0, 1], a copy. The losses are those of this picture.
        is_best: no earlier step since the weights last changed had a lower total.
    """

    image: Tensor
    is_best: bool

    def record(self) -> Record:
        """Return what is worth keeping of every step: all but the picture."""
        return Record(self.index, self.losses, self.seconds, self.note)


def optimize(
    objective: LossFunction, start: Tensor, optimizer: str = DEFAULT_OPTIMIZER,
    learning_rate: float | None = None, steps: int | None = None,
) -> Iterator[Step]:  # fmt: skip
    """Minimize an objective over the pixels, one update between two yields.

    The first step yielded is the start, with index 0. Weights of the objective may change between
    two steps, or while it is called. The next update follows them, and L-BFGS forgets what it
    learned under the old ones. To L-BFGS a batch is one large picture, so its pictures influence
    each other; to Adam they are apart.

    A loss that is not finite restarts from the best picture with a fresh optimizer, twice. Then
    Adam takes over, with a rate that halves at every further failure. The step's ``note`` says so.

    Args:
        objective: called with an image, returns its `Losses`.
        start: (B, 3, H, W) in [0, 1]; not changed.
        optimizer: a key of ``OPTIMIZERS``, see `nstkit.descent.solver`.
        learning_rate: None is the optimizer's usual one.
        steps: how many updates; None goes on until the caller stops.

    Raises:
        ValueError: An unknown optimizer, a wrong number of steps, a learning rate that is not above
            0, or a start that is no picture of floats; or the loss of the start, or later of the
            best picture, is not finite.
    """
    check_choice("optimizer", optimizer, OPTIMIZERS)
    if steps is not None:
        steps = check_whole("steps", steps, 0)
    if learning_rate is not None:
        check_weight("learning_rate", learning_rate, positive=True)
    if not isinstance(start, Tensor) or not start.is_floating_point():
        raise ValueError(
            f"start is {getattr(start, 'dtype', type(start).__name__)}; expected a picture of "
            "floats in [0, 1], as nstkit.load_image returns."
        )
    return _descend(objective, start, optimizer, learning_rate, steps)


def _descend(
    objective: LossFunction, start: Tensor, optimizer: str, learning_rate: float | None,
    steps: int | None,
) -> Iterator[Step]:  # fmt: skip
    began = perf_counter()
    with usual_mode():
        x = plain(start).detach().float().clone(memory_format=torch.contiguous_format).clamp_(0, 1)
        x.requires_grad_()
        solver = Solver(x, optimizer, learning_rate)
    del start  # a poster's memory is needed for the work
    best: Step | None = None
    learned, fresh = _in_force(objective), True  # fresh: no step yet under these weights
    for index in itertools.count():
        losses, note = _evaluate_or_restart(objective, x, best, solver)
        same = losses.in_force == learned
        is_best = fresh or (same and losses.total <= best.losses.total)
        step = Step(index, losses, perf_counter() - began, note, x.detach().clone(), is_best)
        best = step if is_best else best
        yield step
        if index == steps:
            return
        if _in_force(objective) != losses.in_force:  # the losses are out of date
            losses = evaluate(objective, x)
        now = _in_force(objective) if losses is None else losses.in_force
        fresh = now != learned
        if fresh:  # the curvature is out of date too, and totals are not comparable
            learned = now
            solver.forget()
        if losses is not None:
            with usual_mode():
                solver.update()


@usual_mode()
def evaluate(objective: LossFunction, x: Tensor) -> Losses | None:
    """Return the losses of an image as floats, and leave their gradient in ``x.grad``.

    Args:
        objective: as in `optimize`.
        x: (B, 3, H, W), a contiguous leaf that requires a gradient.

    Returns:
        None if the loss or a part of its gradient is not finite.
    """
    before = _in_force(objective)
    losses = objective(x)
    (gradient,) = torch.autograd.grad(losses.total, x)
    x.grad = gradient.contiguous()  # L-BFGS views it as one row of numbers
    finite = bool(torch.isfinite(losses.total) & torch.isfinite(gradient).all())
    if not finite:
        return None
    in_force = before if losses.in_force is None else losses.in_force
    return dataclasses.replace(losses.floats(), in_force=in_force)


def _evaluate_or_restart(
    objective: LossFunction, x: Tensor, best: Step | None, solver: Solver
) -> tuple[Losses, str]:
    """Evaluate, if need be again from the best picture; return the losses and a note of that."""
    losses = evaluate(objective, x)
    if losses is not None:
        return losses, ""
    if best is None:
        raise ValueError(
            "The loss of the start is not finite: use pixels in [0, 1] and smaller weights. In "
            "precision 'fp16' features end at 65504; 'fp32' holds larger ones."
        )
    x.detach().copy_(best.image)
    losses = evaluate(objective, x)
    if losses is None:
        raise ValueError("The loss of the best picture is no longer finite; cannot go on.")
    return losses, f"loss not finite: back to step {best.index} with {solver.restart()}"


def _in_force(objective: LossFunction) -> Hashable:
    """Return all current weights, to see whether they change; None if they cannot."""
    in_force = getattr(objective, "in_force", None)
    return None if in_force is None else in_force()
