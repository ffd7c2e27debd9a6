"""The loop: `optimize`, a generator that yields a `Step` after every update of the picture."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter

import torch
from torch import Tensor

from nstkit.objective import Losses, Objective
from nstkit.optimize.solver import LEARNING_RATES, Solver, smoother

__all__ = [
    "LEARNING_RATES", "OutOfDate", "Record", "Solver", "Step", "evaluate", "optimize", "smoother",
]  # fmt: skip


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
        image: (1, 3, H, W) float32, a copy clamped to [0, 1]. L-BFGS itself may stand slightly
            outside the range, and the losses are those of the unclamped pixels.
        is_best: no earlier step under the same weights had a lower total.
    """

    image: Tensor
    is_best: bool

    def record(self) -> Record:
        """Return what is worth keeping of every step: all but the picture."""
        return Record(self.index, self.losses, self.seconds, self.note)


def optimize(
    objective: Objective, start: Tensor, optimizer: str = "lbfgs",
    learning_rate: float | None = None, steps: int | None = None,
) -> Iterator[Step]:  # fmt: skip
    """Minimize an objective over the pixels, one update between two yields.

    The first step yielded is the start, with index 0. Weights of the objective may change between
    two steps, or while it is called: the next update follows them, with a fresh L-BFGS memory. A
    loss that is not finite restarts from the best picture with a fresh memory, twice; then Adam
    takes over with a rate that halves at every further failure. The step's ``note`` says so.

    Args:
        objective: called with an image, returns its `Losses`.
        start: (1, 3, H, W) in [0, 1]; not changed.
        optimizer: its name, see `Solver`.
        learning_rate: None is that of ``LEARNING_RATES``.
        steps: how many updates; None goes on until the caller stops.

    Raises:
        ValueError: The loss of the start is not finite, or no longer that of the best picture.
    """
    began = perf_counter()
    x = start.detach().float().clone(memory_format=torch.contiguous_format).requires_grad_()
    del start  # of a poster's size, as all that goes here when it is needed no more
    solver = Solver(x, optimizer, learning_rate)
    best: Step | None = None
    weights, anew = objective.weights(), True  # anew: nothing yet to compare with
    for index in itertools.count():
        losses, *gradient = evaluate(objective, x)
        note = _restart(x, best, solver) if losses is None else ""
        if note:
            losses, *gradient = evaluate(objective, x)
            if losses is None:
                raise ValueError("The loss of the best picture is no longer finite; cannot go on.")
        used = objective.weights()
        is_best = anew or (used == weights and losses.total <= best.losses.total)
        step = Step(index, losses, perf_counter() - began, note, x.detach().clamp(0, 1), is_best)
        best = step if is_best else best
        yield step
        if index == steps:
            return
        if objective.weights() != used:
            losses, *gradient = evaluate(objective, x)
        if anew := objective.weights() != weights:
            weights = objective.weights()  # L-BFGS's memory misleads, totals do not compare
            solver.forget()
        if losses is not None:
            solver.update(gradient.pop())  # nobody else holds what is of a poster's size


class OutOfDate(Exception):  # noqa: N818 - nothing has gone wrong
    """What an objective may raise on the way back when its weights change: `evaluate` it anew."""


def evaluate(objective: Objective, x: Tensor) -> tuple[Losses | None, Tensor]:
    """Return the losses as floats, None if they are not finite, and a gradient fit for L-BFGS."""
    losses = objective(x)
    try:
        (gradient,) = torch.autograd.grad(losses.total, x)
    except OutOfDate:
        return evaluate(objective, x)
    finite = bool(torch.isfinite(losses.total) & torch.isfinite(gradient).all())
    return losses.floats() if finite else None, gradient.contiguous()  # it may be channels last


def _restart(x: Tensor, best: Step | None, solver: Solver) -> str:
    if best is None:
        raise ValueError("The loss of the start is not finite: use pixels in [0, 1], low weights.")
    x.detach().copy_(best.image)
    return f"loss not finite: back to step {best.index} with {solver.restart()}"
