"""One objective and one start, many optimizers: `descend` treats them all alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from nstkit.descent import Solver, evaluate
from nstkit.descent.loop import LossFunction
from nstkit.descent.solver import FIRST_MOVE, LBFGS
from nstkit.lesson.charts import COLORS, LINES
from nstkit.pictures.plots import Picture, render

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Make = Callable[[Tensor], torch.optim.Optimizer]
Curves = Mapping[float, Sequence[float]]  # {learning rate: the loss before each step, and after}
WORST = 3.0  # times the lowest loss: what is worse is drawn there


def gradient_descent(rate: float) -> Make:
    """Return what makes plain gradient descent of a tensor."""
    return lambda x: torch.optim.SGD([x], rate)


def momentum(rate: float, share: float = 0.9) -> Make:
    """Return what makes gradient descent where a share of the last move goes on."""
    return lambda x: torch.optim.SGD([x], rate, momentum=share)


def adam(rate: float, beta_1: float = 0.9, beta_2: float = 0.99, eps: float = 1e-8) -> Make:
    """Return what makes Adam; the defaults are those of ``optimizer="adam"``."""
    return lambda x: torch.optim.Adam([x], rate, (beta_1, beta_2), eps)


def lbfgs(rate: float = 1.0) -> Make:
    """Return what makes L-BFGS; its first move has the length of ``optimizer="lbfgs"``."""
    return lambda x: LBFGS(x, rate, FIRST_MOVE, x.numel())


METHODS: dict[str, Callable[[float], Make]] = {
    "gradient descent": gradient_descent,
    "momentum": momentum,
    "Adam": adam,
    "L-BFGS": lbfgs,
}
METHOD_COLORS = dict(zip(METHODS, COLORS, strict=False))  # the same in every figure


@dataclass(frozen=True)
class Descent:
    """Where an optimizer went.

    Attributes:
        losses: the total before each step, and after the last. Each is the loss of a picture in
            [0, 1]. The list ends early where a loss is not finite.
        pictures: {step: (1, 3, H, W) in [0, 1]} of the steps that were to be kept.
    """

    losses: list[float]
    pictures: dict[int, Tensor]


def descend(
    objective: LossFunction, start: Tensor, make: Make, steps: int, keep: Collection[int] = ()
) -> Descent:
    """Minimize an objective over pixels by any optimizer of torch, and keep what it brings.

    As in `nstkit.optimize`, gradients are divided by the mean size of the first one, and pixels
    stay in [0, 1]. Nothing else is done: no restart, and no choice of the best picture.

    Args:
        objective: called with an image, returns its `Losses`.
        start: (1, 3, H, W) in [0, 1]; not changed.
        make: returns the optimizer of a tensor, such as ``adam(0.02)``.
        steps: how many updates.
        keep: the steps whose pictures are kept; 0 is the start.
    """
    x = start.detach().clone(memory_format=torch.contiguous_format).requires_grad_()
    solver = Solver(x, "sgd")  # for its scale and its limits
    solver.optimizer = make(x)
    losses: list[float] = []
    pictures: dict[int, Tensor] = {}
    for step in range(steps + 1):
        if (found := evaluate(objective, x)) is None:
            break
        losses.append(found.total)
        if step in keep:
            pictures[step] = x.detach().clone()
        if step < steps:
            solver.update()
    return Descent(losses, pictures)


# ---------------------------------------------------------------- learning rates


def numbered(curves: Mapping[str, Sequence[float]]) -> dict[float, Sequence[float]]:
    """Return curves from a file, where learning rates are text, in the order of the rates."""
    return {float(rate): curves[rate] for rate in sorted(curves, key=float)}


def final_losses(curves: Curves) -> dict[float, float]:
    """Return {learning rate: last loss}, in order; infinite where a descent broke off."""
    steps = max(map(len, curves.values()), default=0)
    return {
        rate: curves[rate][-1] if len(curves[rate]) == steps else math.inf
        for rate in sorted(curves)
    }


def best_rate(curves: Curves) -> float:
    """Return the learning rate with the lowest last loss."""
    ends = final_losses(curves)
    return min(ends, key=ends.__getitem__)


def show_rates(methods: Mapping[str, Curves], alt: str) -> Picture:
    """Draw the last loss of each optimizer over its learning rate, as a factor of its best one.

    Args:
        methods: {optimizer: its curves}.
        alt: what there is to see.
    """
    return render(partial(_draw_rates, methods), alt, "png", (7.5, 3.2))


def _draw_rates(methods: Mapping[str, Curves], figure: Figure) -> None:
    lowest = min(min(final_losses(curves).values()) for curves in methods.values())
    most = float(f"{WORST * lowest:.2g}")
    axes = figure.add_subplot(xlabel="learning rate / best one", ylabel=f"loss (cut at {most:g})")
    factors = set()
    for (name, curves), line in zip(methods.items(), LINES, strict=False):
        best = best_rate(curves)
        ends = {rate / best: loss for rate, loss in final_losses(curves).items()}
        factors |= set(ends)
        shown = [min(loss, most) for loss in ends.values()]
        label = f"{name}: best at {best:g}"
        axes.plot(
            list(ends), shown, color=METHOD_COLORS[name], linestyle=line, marker="o", label=label
        )
    ticks = sorted({2 ** round(math.log2(factor)) for factor in factors})
    axes.set_xscale("log", base=2)
    axes.set_xticks(ticks, [f"{tick:g}" if tick >= 1 else f"1/{1 / tick:g}" for tick in ticks])
    axes.set_ylim(bottom=0, top=most * 1.04)
    figure.legend(loc="outside right upper", fontsize=9)
