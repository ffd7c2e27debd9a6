"""The loop: `optimize`, a generator that yields a `Step` after every update of the picture."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter

import torch
from torch import Tensor

from nstkit.losses import check_choice
from nstkit.objective import Losses, Objective

LEARNING_RATES = {"fourier_lbfgs": 1.0, "lbfgs": 1.0, "adam": 0.02, "sgd": 0.01}
FIRST_MOVE, FRESH_STARTS = 0.01, 2  # on average, for want of a curvature; before Adam takes over
NEXT_MOVE = 0.001  # the same under new weights: from near the ground, a longer one ends up a wall
LONGEST_MOVE = 0.02  # later, over frequencies: where curvature misleads, L-BFGS leaps anywhere
ENDLESS = {"max_iter": 1, "tolerance_grad": 0, "tolerance_change": 0}  # the caller stops it
PAIRS, LEAST_PAIRS, PAIRS_BYTES = 20, 2, 4 * 10**8  # of pictures and gradients, in L-BFGS's memory


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
        ValueError: The loss of the start is not finite.
    """
    began = perf_counter()
    x = start.detach().float().clone(memory_format=torch.contiguous_format).requires_grad_()
    del start  # of a poster's size, as all that goes here when it is needed no more
    solver = Solver(x, optimizer, learning_rate)
    best, weights, anew = None, objective.weights(), True  # anew: nothing yet to compare with
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


def smoother(x: Tensor, power: float = 0.5) -> Callable[[Tensor], Tensor]:
    """Return the filter, its own transpose, that divides a picture's frequencies f by f^power."""
    height, width = x.shape[-2:]
    f = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None])
    gain = f.clamp(min=1 / max(height, width)).pow(-power).to(x)
    gain /= gain.square().mean().sqrt()  # white noise keeps its energy
    return lambda values: torch.fft.irfft2(torch.fft.rfft2(values).mul_(gain), s=(height, width))


class Solver:
    """Update pixels with torch's L-BFGS, Adam or SGD.

    Gradients are divided by their mean size at the first update, since the optimizers hold absolute
    constants: L-BFGS drops curvature below 1e-10, Adam adds 1e-8. "lbfgs" makes one iteration an
    update, with 20 pairs, fewer where memory is short. It never clamps: that would falsify its
    curvature. "fourier_lbfgs" does so over z, the pixels being the start plus `smoother` of z:
    large forms and colors need fewer updates. And it shortens moves over ``LONGEST_MOVE``. Adam
    clamps after each update. SGD's rate is how far its first moves a pixel on average.

    Args:
        x: the pixels, a leaf tensor; updated in place.
        name: one of ``LEARNING_RATES``; rate: learning rate, None is the one listed there.
    """

    def __init__(self, x: Tensor, name: str, rate: float | None = None) -> None:
        check_choice("optimizer", name, tuple(LEARNING_RATES))
        self.x, self.name, self.failures = x, name, 0
        self.rate = LEARNING_RATES[name] if rate is None else rate
        self._renew(FIRST_MOVE)

    def update(self, gradient: Tensor) -> None:
        """Make one update of the pixels from the gradient at them."""
        if self.scale is None and not gradient.any():  # stationary: the content under alpha alone
            return
        slope = self.smooth(gradient)
        self.scale = slope.abs().mean() if self.scale is None else self.scale
        self.z.data = self.x.detach() if self.z is self.x else torch.zeros_like(slope)
        self.z.grad = slope / self.scale
        del gradient, slope  # a poster's have gone before L-BFGS needs room
        self.optimizer.step(lambda: 0.0)  # loss and gradient are known already
        self.optimizer.param_groups[0]["lr"] = self.rate  # L-BFGS's first one is another
        self.z.grad = None
        if self.z is not self.x:  # torch's L-BFGS asks for slopes at z, never where z is
            move = self.smooth(self.z.data)
            share = min((self.longest * move.numel() / move.norm(p=1)).item(), 1.0)
            self.optimizer.state[self.z]["t"] *= share  # from it L-BFGS computes where it went
            self.x.detach().add_(move, alpha=share)
            self.z.data, self.longest = self.z.new_empty(0), LONGEST_MOVE  # small while not in use
        if self.name == "adam":
            self.x.detach().clamp_(0, 1)

    def forget(self) -> None:
        """Clear what L-BFGS learned under other weights, and begin with a short move."""
        if self.name.endswith("lbfgs"):
            self._renew(NEXT_MOVE)

    def restart(self) -> str:
        """Begin anew after a failure, more carefully each time; return in words how."""
        self.failures += 1
        if self.failures > FRESH_STARTS:
            self.rate = self.rate / 2 if self.name == "adam" else LEARNING_RATES["adam"]
            self.name = "adam"
        self._renew(FIRST_MOVE)
        return f"fresh {self.name}, learning rate {self.rate:g}"

    def _renew(self, first_move: float) -> None:
        self.scale, self.longest = None, first_move
        self.z, self.smooth = self.x, lambda values: values
        if self.name == "fourier_lbfgs":
            self.z, self.smooth = self.x.new_empty(0).requires_grad_(), smoother(self.x)
        if self.name == "adam":
            self.optimizer = torch.optim.Adam([self.x], lr=self.rate, betas=(0.9, 0.99))
        elif self.name == "sgd":
            self.optimizer = torch.optim.SGD([self.x], lr=self.rate)
        else:
            pairs = min(max(PAIRS_BYTES // (8 * self.x.numel()), LEAST_PAIRS), PAIRS)
            rate = first_move * self.x.numel()  # torch divides the first gradient by its L1 norm
            self.optimizer = torch.optim.LBFGS([self.z], rate, history_size=pairs, **ENDLESS)
