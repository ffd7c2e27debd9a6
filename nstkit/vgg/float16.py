"""A network in float16: its gradients are scaled, so that they stay within the range of float16.

float16 rounds to zero what is below 3e-8, keeps few digits below 6e-5, and ends at 65504. The
gradient of a mean over a million features is often smaller for each of them, and that of a sum may
be larger. So gradients are multiplied by a power of two where they enter the network, and divided
by it, in float32, where they leave it at the image.

The power is computed at each backward pass from the gradients themselves. Those of all layers
arrive together, because one function holds the whole network. Nothing is kept from pass to pass,
and losses and loop know nothing of it. torch's own `GradScaler` scales the loss by a power that it
keeps. It skips the steps that overflow to find that power, and it refuses L-BFGS.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# log2 of where the largest gradient of a feature is put. On its way through the embedded network it
# grew by 2^4 at most, in 50 objectives of all kinds at 48 and 160 px. The median of every layer
# stayed above 2^-12 of it, but for a beta of 1e-6, where style is negligible beside content.
# float16 reaches from 2^-14 (with all digits) to 2^16.
LARGEST = 8
LOWER = 8  # log2 of how much lower the next try begins if a gradient overflowed on its way
TRIES = 4
LEAST = -100  # log2; smaller gradients are not scaled up further, since float32 has limits too

Network = Callable[[Tensor], list[Tensor]]


def widened(network: Network, image: Tensor) -> list[Tensor]:
    """Return what a network in float16 computes, as float32 and with a gradient in range.

    Args:
        network: called with the image, returns features in float16, at least one.
        image: (B, 3, H, W) in at least float32.

    Returns:
        The features in float32. Autograd gives a gradient the dtype of its tensor, so the gradient
        of float16 features would be rounded before it could be scaled.
    """
    return list(_Scaled.apply(image, network))


class _Scaled(torch.autograd.Function):
    """A network in float16 whose backward pass is scaled."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, network: Network) -> tuple[Tensor, ...]:
        """Return the features in float32, and keep those in float16 with their graph."""
        with torch.set_grad_enabled(ctx.needs_input_grad[0]):
            ctx.image = image.detach().requires_grad_(ctx.needs_input_grad[0])
            ctx.features = network(ctx.image)
        return tuple(features.detach().float() for features in ctx.features)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Return the gradient of the image; it is not finite if no scale makes it so."""
        highest = LARGEST - max(_exponent(gradients), LEAST)
        for power in range(highest, highest - TRIES * LOWER, -LOWER):
            scaled = [(gradient * 2.0**power).half() for gradient in gradients]
            (found,) = torch.autograd.grad(ctx.features, ctx.image, scaled, retain_graph=True)
            if found.isfinite().all():
                break
        return found * 2.0**-power, None


def _exponent(gradients: tuple[Tensor, ...]) -> int:
    """Return log2 of the largest number in all gradients, rounded up."""
    largest = torch.stack([torch.linalg.vector_norm(g, math.inf) for g in gradients]).max()
    return math.frexp(largest.item())[1]
