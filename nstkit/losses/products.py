"""Products of features, summed over positions: Gram matrices before their division, but faster.

`products` returns what ``F @ F.mT`` returns. It differs in two ways, which benchmarks/tricks.py
measures. Its backward pass needs one product, since both factors are the same matrix. And half
features are multiplied without a float32 copy of all of them.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor

from nstkit.losses import at_least_float32

CACHED = 2**21  # elements widened at a time: a copy in the processor's cache takes little time


def products(features: Tensor) -> Tensor:
    """Return F F^T of features, summed over positions.

    Args:
        features: F, (B, C, H, W), any floating dtype and layout in memory.

    Returns:
        (B, C, C), in float32 for half features, with 16 binary digits at least. The gradient has
        dtype and layout of the features.

    Raises:
        ValueError: features is not 4-D.
    """
    if features.dim() != 4:
        raise ValueError(f"features has shape {tuple(features.shape)}; expected (B, C, H, W).")
    return Products.apply(features)


class Products(torch.autograd.Function):
    """F F^T of features, whose backward pass needs one product; call `products`."""

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:
        """Return the products in at least float32."""
        ctx.save_for_backward(features)
        F_l = features.flatten(2)  # (B, C, M)
        if F_l.is_cpu and F_l.dtype == torch.bfloat16 and keeps_the_rest():
            return torch.stack([_in_two(one) for one in F_l])
        return in_float32(F_l)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Return (S + S^T) F, S the gradient of the products, in dtype and layout of F."""
        (features,) = ctx.saved_tensors
        features = features.to(torch.promote_types(features.dtype, torch.bfloat16))  # not float16
        both = (gradient + gradient.mT).to(features.dtype)
        # Gradients of two layouts are slow to add, and autograd adds in place to what is no view.
        if features.stride(1) == 1:
            result = torch.empty_like(features, memory_format=torch.channels_last)
            torch.bmm(features.flatten(2).mT, both, out=result.flatten(2).mT)
        else:
            result = torch.empty_like(features, memory_format=torch.contiguous_format)
            torch.bmm(both, features.flatten(2), out=result.flatten(2))
        return result


def in_float32(F_l: Tensor) -> Tensor:
    """Return F F^T of features (B, C, M) in at least float32; a CPU widens half ones in parts."""
    narrow = F_l.is_cpu and F_l.dtype.itemsize < 4
    positions = max(CACHED // F_l.shape[1], 1) if narrow else F_l.shape[2]
    return sum(part @ part.mT for part in map(at_least_float32, F_l.split(positions, dim=2)))


def _in_two(F_l: Tensor) -> Tensor:
    """Return F F^T of bfloat16 features (C, M) as float32, to 16 binary digits.

    A processor's matrix unit multiplies bfloat16 exactly and adds up in float32, but its result has
    8 digits. The first product gives the rounded sums, the second what their rounding left.
    """
    rounded = F_l @ F_l.mT
    rest = torch.addmm(rounded, F_l, F_l.mT, beta=-1)
    return rounded.float() + rest.float()


@functools.cache
def keeps_the_rest() -> bool:
    """Tell whether `_in_two` pays on this processor, and whether its result is right.

    It pays with a matrix unit (AMX), whose product takes a fourth of a float32 one's time. With
    AVX512-BF16 alone it takes twice the time. A library that rounds before it subtracts leaves no
    rest.
    """
    if not getattr(torch.cpu, "get_capabilities", dict)().get("amx_bf16"):
        return False
    F_l = torch.linspace(-1, 1, 16 * 64).sin().view(16, 64).bfloat16()
    exact = F_l.double() @ F_l.double().mT
    return bool((_in_two(F_l) - exact).norm() < 1e-5 * exact.norm())
