"""`Solver`: torch's optimizers over the pixels of a picture, or over its frequencies.

``OPTIMIZERS`` is the table of them. To add an optimizer, add a row.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from nstkit.descent.variables import Frequencies, Pixels, Variables
from nstkit.options import check_choice

FRESH_STARTS = 2  # after failures, before Adam takes over
FIRST_MOVE = 0.01  # average change per pixel, while L-BFGS knows no curvature
NEXT_MOVE = 0.001  # the same after a change of weights: near a minimum, longer moves climb steeply
FARTHEST = 5  # a clipped move changes no pixel by more than this many times the average
PAIRS, LEAST_PAIRS, PAIRS_BYTES = 20, 2, 4 * 10**8  # of moves and changes of the gradient


@dataclass(frozen=True)
class Method:
    """A row of ``OPTIMIZERS``.

    Attributes:
        make: returns torch's optimizer of a tensor z. It is called with z, the learning rate, how
            far the first update may move a pixel on average, and the number of values in a picture
            (z itself may still be empty).
        rate: the usual learning rate.
        variables: what z is: `Pixels` or `Frequencies`.
        learns: whether it keeps a curvature, which is wrong once the weights change.
    """

    make: Callable[[Tensor, float, float, int], torch.optim.Optimizer]
    rate: float
    variables: Callable[[Tensor, float], Variables] = Pixels
    learns: bool = False


class LBFGS(torch.optim.LBFGS):
    """torch's L-BFGS for one tensor: one iteration an update, on a gradient that is known already.

    Args:
        z: the variables.
        rate: learning rate of all updates but the first.
        first_move: how far the first update moves a variable on average, before moves are cut.
        numel: how many variables there are.
        farthest: how many times farther than the average a variable may move in one update. The
            average is over all variables, those that rest too. The gradient of a Gram loss is large
            where there is texture already. Without a limit, the first moves put all texture there,
            in clusters.
    """

    def __init__(
        self, z: Tensor, rate: float, first_move: float, numel: int, farthest: float = math.inf
    ) -> None:
        self.rate, self.farthest = rate, farthest
        super().__init__(
            [z],
            lr=first_move * numel,  # torch divides the first gradient by its L1 norm
            max_iter=1,
            history_size=pairs_for(numel),
            tolerance_grad=0,  # the caller decides when to stop
            tolerance_change=0,
        )

    def step(self, closure: Callable[[], float]) -> Tensor:
        """Make an update, the first with its own rate."""
        loss = super().step(closure)
        self.param_groups[0]["lr"] = self.rate
        return loss

    def shorten(self, share: float) -> None:
        """Note that only this share of the last move was made.

        torch keeps the length of the move as ``t`` and computes from it, at the next update, how
        far the variables went. It offers no other way to tell it.
        """
        self.state[self._params[0]]["t"] *= share

    def _add_grad(self, step_size: float, direction: Tensor) -> None:
        # torch keeps this tensor and learns the curvature from it, so it has to hold the move that
        # is really made.
        if self.farthest < math.inf:
            limit = self.farthest * direction.norm(p=1) / direction.numel()
            direction.clamp_(-limit, limit)
        super()._add_grad(step_size, direction)

    def _gather_flat_grad(self) -> Tensor:
        # torch copies the gradients of all parameters into one. Here there is one, and torch only
        # reads it. A poster's copy would take as much memory as the poster.
        return self._params[0].grad.view(-1)


def pairs_for(numel: int) -> int:
    """Return how many pairs L-BFGS keeps of ``numel`` variables: 20, fewer of a large picture."""
    return min(max(PAIRS_BYTES // (8 * numel), LEAST_PAIRS), PAIRS)


def _adam(z: Tensor, rate: float, *_: float) -> torch.optim.Optimizer:
    return torch.optim.Adam([z], lr=rate, betas=(0.9, 0.99))


def _sgd(z: Tensor, rate: float, *_: float) -> torch.optim.Optimizer:
    return torch.optim.SGD([z], lr=rate)


OPTIMIZERS: dict[str, Method] = {
    "fourier_lbfgs": Method(LBFGS, 1.0, Frequencies, learns=True),
    "lbfgs": Method(LBFGS, 1.0, learns=True),
    "clipped_lbfgs": Method(partial(LBFGS, farthest=FARTHEST), 1.0, learns=True),
    "adam": Method(_adam, 0.02),
    "sgd": Method(_sgd, 0.01),  # the rate is how far the first update moves a pixel on average
}
DEFAULT_OPTIMIZER = "fourier_lbfgs"


class Solver:
    """Update pixels by one of ``OPTIMIZERS``, and keep them in [0, 1].

    So a loss is always that of a picture which can be saved. A value at 0 or 1 that would leave the
    range rests for this update: its gradient counts as 0, and it does not move. What leaves the
    range on the way is clamped. To clamp alone is not enough. L-BFGS weighs the pixels against each
    other, so gradients at a limit would push the others to wrong places, and it would not converge
    (Bertsekas 1982, "Projected Newton methods for optimization problems with simple constraints").
    His search along the limits is left out, and L-BFGS remembers moves as it made them, before they
    are cut. docs/search/limits.md has measurements.

    Gradients are divided by their mean size at the first update, since the optimizers hold absolute
    constants: L-BFGS drops curvature below 1e-10, Adam adds 1e-8.

    Args:
        x: the pixels, a leaf tensor; updated in place.
        name: a key of ``OPTIMIZERS``.
        rate: learning rate; None is the usual one.

    Raises:
        ValueError: An unknown name.
    """

    def __init__(self, x: Tensor, name: str = DEFAULT_OPTIMIZER, rate: float | None = None) -> None:
        check_choice("optimizer", name, OPTIMIZERS)
        self.x, self.name, self.failures = x, name, 0
        self.rate = OPTIMIZERS[name].rate if rate is None else rate
        self._renew(FIRST_MOVE)

    def update(self) -> None:
        """Make one update of the pixels from ``x.grad``, and free that."""
        gradient, self.x.grad = self.x.grad, None
        at_0, at_1 = (self.x == 0) & (gradient > 0), (self.x == 1) & (gradient < 0)
        gradient.masked_fill_(at_0 | at_1, 0)
        if self.scale is None and not gradient.any():  # stationary: the content under alpha alone
            return
        gradient = self.variables.gradient(gradient)
        self.scale = gradient.abs().mean() if self.scale is None else self.scale
        self.variables.z.grad = gradient / self.scale
        del gradient  # of a poster it takes room that L-BFGS needs
        self.optimizer.step(lambda: 0.0)  # loss and gradient are known already
        self.variables.z.grad = None
        self.variables.moved(getattr(self.optimizer, "shorten", lambda share: None))
        self.x.detach().masked_fill_(at_0, 0).masked_fill_(at_1, 1).clamp_(0, 1)

    def forget(self) -> None:
        """Clear what was learned under other weights, and go on with a short move."""
        if OPTIMIZERS[self.name].learns:
            self._renew(NEXT_MOVE)

    def restart(self) -> str:
        """Start afresh after a failure; return in words how.

        After the second failure Adam takes over, and each further one halves its rate.
        """
        self.failures += 1
        if self.failures > FRESH_STARTS:
            self.rate = self.rate / 2 if self.name == "adam" else OPTIMIZERS["adam"].rate
            self.name = "adam"
        self._renew(FIRST_MOVE)
        return f"fresh {self.name}, learning rate {self.rate:g}"

    def _renew(self, first_move: float) -> None:
        method = OPTIMIZERS[self.name]
        self.variables = method.variables(self.x, first_move)
        self.scale: Tensor | None = None  # a gradient's mean size, from the first update on
        self.optimizer = method.make(self.variables.z, self.rate, first_move, self.x.numel())
