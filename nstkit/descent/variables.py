"""What an optimizer moves: the pixels of a picture, or its frequencies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

LONGEST_MOVE = 0.02  # average change per pixel, after the first move over frequencies


class Variables(Protocol):
    """The variables z of an optimizer, which the pixels x follow.

    Attributes:
        z: a leaf tensor. The optimizer reads ``z.grad`` and changes z in place.
    """

    z: Tensor

    def gradient(self, gradient: Tensor) -> Tensor:
        """Return the gradient with respect to z, from that with respect to x."""

    def moved(self, shorten: Callable[[float], None]) -> None:
        """Let the pixels follow z.

        Args:
            shorten: tells the optimizer that only this share of its move was made.
        """


class Pixels:
    """Variables that are the pixels themselves.

    Args:
        x: the pixels, updated in place.
        longest: not used: the optimizer's own first move is short enough.
    """

    def __init__(self, x: Tensor, longest: float) -> None:
        self.z = x

    def gradient(self, gradient: Tensor) -> Tensor:
        """Return the gradient as it is."""
        return gradient

    def moved(self, shorten: Callable[[float], None]) -> None:
        """Do nothing: the pixels have moved with z."""


class Frequencies:
    """Variables z; the pixels are the start plus ``smoother(z)``.

    So large forms and colors need fewer updates. L-BFGS reads gradients at z and moves z, but never
    reads where z is. So z starts at 0 before each move, and x remembers the sum of all moves.

    Where the curvature misleads, L-BFGS can take arbitrarily long steps. So no move changes a pixel
    by more than ``LONGEST_MOVE`` on average.

    Args:
        x: the pixels, updated in place.
        longest: limit of the first move, as an average change per pixel.
    """

    def __init__(self, x: Tensor, longest: float) -> None:
        self.x, self.longest, self.smooth = x, longest, smoother(x)
        self.z = x.new_empty(0).requires_grad_()  # empty between moves, to save memory

    def gradient(self, gradient: Tensor) -> Tensor:
        """Return the gradient with respect to z by the chain rule, and put z at 0."""
        gradient = self.smooth(gradient)
        self.z.data = torch.zeros_like(gradient)
        return gradient

    def moved(self, shorten: Callable[[float], None]) -> None:
        """Move the pixels as z was moved, but no farther than is allowed."""
        move = self.smooth(self.z.data)
        share = min((self.longest * move.numel() / move.norm(p=1)).item(), 1.0)
        shorten(share)
        self.x.detach().add_(move, alpha=share)
        self.z.data, self.longest = self.z.new_empty(0), LONGEST_MOVE


def smoother(x: Tensor, power: float = 0.5) -> Callable[[Tensor], Tensor]:
    """Return the filter that divides a picture's frequencies f by f^power. It is its own transpose.

    Args:
        x: a picture (B, 3, H, W), for size, dtype and device.
        power: 0 leaves pictures as they are, 1 smooths strongly.
    """
    height, width = x.shape[-2:]
    f = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None])
    gain = f.clamp(min=1 / max(height, width)).pow(-power).to(x)
    gain /= gain.square().mean().sqrt()  # white noise keeps its energy
    return lambda values: torch.fft.irfft2(torch.fft.rfft2(values).mul_(gain), s=(height, width))
