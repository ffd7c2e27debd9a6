"""`Solver`: torch's optimizers over the pixels of a picture, or over its frequencies."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from nstkit.losses import check_choice

LEARNING_RATES = {"fourier_lbfgs": 1.0, "lbfgs": 1.0, "adam": 0.02, "sgd": 0.01}
FRESH_STARTS = 2  # after failures, before Adam takes over
FIRST_MOVE = 0.01  # of a pixel on average, for want of a curvature
NEXT_MOVE = 0.001  # the same under new weights: from near the ground, a longer one ends up a wall
LONGEST_MOVE = 0.02  # later, over frequencies: where curvature misleads, L-BFGS leaps anywhere
ENDLESS = {"max_iter": 1, "tolerance_grad": 0, "tolerance_change": 0}  # the caller stops it
PAIRS, LEAST_PAIRS, PAIRS_BYTES = 20, 2, 4 * 10**8  # of moves and what they did to gradients


class Solver:
    """Update pixels with torch's L-BFGS, Adam or SGD.

    Gradients are divided by their mean size at the first update, since the optimizers hold absolute
    constants: L-BFGS drops curvature below 1e-10, Adam adds 1e-8. "lbfgs" makes one iteration an
    update, with 20 pairs, fewer for large pictures. It never clamps: that would falsify its
    curvature. "fourier_lbfgs" does so over `Frequencies`. Adam clamps after each update. SGD's rate
    is how far its first moves a pixel on average.

    Args:
        x: the pixels, a leaf tensor; updated in place.
        name: one of ``LEARNING_RATES``.
        rate: learning rate; None is the one listed there.

    Raises:
        ValueError: An unknown name.
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
        slope = self.variables.slope(gradient)
        self.scale = slope.abs().mean() if self.scale is None else self.scale
        self.variables.z.grad = slope / self.scale
        del gradient, slope  # a poster's have gone before L-BFGS needs room
        self.optimizer.step(lambda: 0.0)  # loss and gradient are known already
        self.optimizer.param_groups[0]["lr"] = self.rate  # L-BFGS's first one is another
        self.variables.z.grad = None
        self.variables.moved(self.optimizer)
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
        over_frequencies = self.name == "fourier_lbfgs"
        self.variables = Frequencies(self.x, first_move) if over_frequencies else Pixels(self.x)
        self.scale: Tensor | None = None  # a gradient's mean size, from the first update on
        self.optimizer = self._optimizer(self.variables.z, first_move)

    def _optimizer(self, z: Tensor, first_move: float) -> torch.optim.Optimizer:
        if self.name == "adam":
            return torch.optim.Adam([z], lr=self.rate, betas=(0.9, 0.99))
        if self.name == "sgd":
            return torch.optim.SGD([z], lr=self.rate)
        pairs = min(max(PAIRS_BYTES // (8 * self.x.numel()), LEAST_PAIRS), PAIRS)
        rate = first_move * self.x.numel()  # torch divides the first gradient by its L1 norm
        return LBFGS([z], rate, history_size=pairs, **ENDLESS)


class LBFGS(torch.optim.LBFGS):
    """torch's, for one tensor: its gradient is used as it is, not copied into a list of one."""

    def _gather_flat_grad(self) -> Tensor:
        return self._params[0].grad.view(-1)  # torch reads it only


class Pixels:
    """The variables z of an optimizer, where they are the pixels x themselves."""

    def __init__(self, x: Tensor) -> None:
        self.z = x

    def slope(self, gradient: Tensor) -> Tensor:
        """Return the gradient with respect to z, from that with respect to x."""
        return gradient

    def moved(self, optimizer: torch.optim.Optimizer) -> None:
        """Let the pixels follow z, which the optimizer has moved: here they have moved with it."""


class Frequencies:
    """Variables z of which the pixels are the start plus `smoother` of z.

    So large forms and colors need fewer updates. An L-BFGS asks for slopes at z and moves it, but
    never for where z is: hence z begins at 0 before each move, and x is what remembers them all.

    Args:
        x: the pixels, updated in place.
        longest: the longest first move, of a pixel on average; later ones are ``LONGEST_MOVE``.
    """

    def __init__(self, x: Tensor, longest: float) -> None:
        self.x, self.longest, self.smooth = x, longest, smoother(x)
        self.z = x.new_empty(0).requires_grad_()  # small while not in use

    def slope(self, gradient: Tensor) -> Tensor:
        """Return the gradient with respect to z, by the chain rule; put z at 0."""
        slope = self.smooth(gradient)
        self.z.data = torch.zeros_like(slope)
        return slope

    def moved(self, optimizer: torch.optim.Optimizer) -> None:
        """Move the pixels as z was moved, but no farther than is allowed."""
        move = self.smooth(self.z.data)
        share = min((self.longest * move.numel() / move.norm(p=1)).item(), 1.0)
        optimizer.state[self.z]["t"] *= share  # from it torch's L-BFGS computes where it went
        self.x.detach().add_(move, alpha=share)
        self.z.data, self.longest = self.z.new_empty(0), LONGEST_MOVE


def smoother(x: Tensor, power: float = 0.5) -> Callable[[Tensor], Tensor]:
    """Return the filter, its own transpose, that divides a picture's frequencies f by f^power."""
    height, width = x.shape[-2:]
    f = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None])
    gain = f.clamp(min=1 / max(height, width)).pow(-power).to(x)
    gain /= gain.square().mean().sqrt()  # white noise keeps its energy
    return lambda values: torch.fft.irfft2(torch.fft.rfft2(values).mul_(gain), s=(height, width))
