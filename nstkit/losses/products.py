"""Products of features, summed over positions: what Gram matrices and their slopes are made of."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor

CACHED = 2**21  # elements widened at a time: a copy in the processor's cache takes little time


class Products(torch.autograd.Function):
    """F F^T, whose factors are one and the same: so on the way back one product will do."""

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:
        """Return the products in at least float32."""
        ctx.save_for_backward(features)
        F_l = features.flatten(2)  # (B, C, M)
        narrow = F_l.is_cpu and F_l.dtype.itemsize < 4
        if narrow and F_l.dtype == torch.bfloat16 and keeps_the_rest():
            return torch.stack([_in_two(one) for one in F_l])
        positions = max(CACHED // F_l.shape[1], 1) if narrow else F_l.shape[2]
        return sum(part @ part.mT for part in map(at_least_float32, F_l.split(positions, dim=2)))

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        """Return (S + S^T) F in dtype and layout of F; no view, so that others are added in it."""
        (features,) = ctx.saved_tensors
        features = features.to(torch.promote_types(features.dtype, torch.bfloat16))  # not float16
        both = (slope + slope.mT).to(features.dtype)
        if features.stride(1) == 1:  # to add gradients of two layouts is slow
            gradient = torch.empty_like(features, memory_format=torch.channels_last)
            torch.bmm(features.flatten(2).mT, both, out=gradient.flatten(2).mT)
        else:
            gradient = torch.empty_like(features, memory_format=torch.contiguous_format)
            torch.bmm(both, features.flatten(2), out=gradient.flatten(2))
        return gradient


def _in_two(F_l: Tensor) -> Tensor:
    """Return F F^T of bfloat16 features (C, M) as float32, to 16 binary digits.

    A processor's matrix unit multiplies bfloat16 exactly and adds up in float32, but what it hands
    out has 8 digits. So it is asked twice: for the sums, and for what their rounding left.
    """
    rounded = F_l @ F_l.mT
    rest = torch.addmm(rounded, F_l, F_l.mT, beta=-1)
    return rounded.float() + rest.float()


@functools.cache
def keeps_the_rest() -> bool:
    """Tell whether `_in_two` pays here, and try whether it is right.

    It pays with a matrix unit (AMX), whose product takes a fourth of a float32 one's time; with
    AVX512-BF16 alone it takes twice the time. A library that rounds before it subtracts leaves no
    rest.
    """
    if not getattr(torch.cpu, "get_capabilities", dict)().get("amx_bf16"):
        return False
    F_l = torch.linspace(-1, 1, 16 * 64).sin().view(16, 64).bfloat16()
    exact = F_l.double() @ F_l.double().mT
    return bool((_in_two(F_l) - exact).norm() < 1e-5 * exact.norm())


def at_least_float32(x: Tensor) -> Tensor:
    """Return float16 and bfloat16 tensors as float32, others as they are."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
