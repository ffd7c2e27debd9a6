"""Convolutions and max pooling, with a faster way for networks that do nothing but paint.

Before each convolution, a processor's library (oneDNN) puts the weights into an order of its own,
and once more on the way back. Weights that never change can stay in it. Both layers here compute
what torch's own do, and nothing else.
"""

from __future__ import annotations

import functools
import platform
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

ONES = [1, 1]  # padding, stride and dilation of all convolutions of a VGG
Packed = tuple[Tensor, Tensor]  # weights there, and back


class Conv(nn.Conv2d):
    """A 3x3 convolution with frozen weights."""

    _packed: tuple[object, Tensor | None, Packed] = (None, None, ())

    @classmethod
    def of(cls, weight: Tensor, bias: Tensor, padding: str) -> Conv:
        """Return a convolution of given weights (N_l, N_l-1, 3, 3) and bias (N_l)."""
        with torch.device("meta"):  # no random values: the real ones follow
            conv = cls(weight.shape[1], weight.shape[0], 3, padding=1, padding_mode=padding)
        conv.weight, conv.bias = nn.Parameter(weight), nn.Parameter(bias)
        return conv

    def forward(self, x: Tensor, rectify: bool = False, packed: bool = False) -> Tensor:
        """Return the features of ``x``, after their ReLU if ``rectify``.

        If ``packed``, a CPU keeps the weights in its own order for this size, two copies of them.
        """
        if packed and x.is_cpu and self.padding_mode == "zeros" and can_pack(x.dtype):
            return _PackedConv.apply(x, self.bias, *self._weights(x), rectify)
        x = super().forward(x)
        return F.relu(x, inplace=True) if rectify else x

    def _weights(self, x: Tensor) -> Packed:
        """Return the weights in the order for inputs of this shape."""
        weight = self.weight.detach()
        valid_for = x.shape, weight.data_ptr(), weight._version
        kept = self._packed  # one thread's, even if another puts its own there meanwhile
        if kept[0] != valid_for:
            back = weight.flip(2, 3).transpose(0, 1)  # what a convolution's gradient is one with
            size, other = list(x.shape), [len(x), len(weight), *x.shape[2:]]
            # The weights are held, for others could come to lie where these were.
            kept = valid_for, weight, (pack(weight, size), pack(back, other))
            self._packed = kept
        return kept[2]

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what can be neither copied nor stored, and is quickly made anew."""
        return {name: value for name, value in self.__dict__.items() if name != "_packed"}


def pack(weight: Tensor, size: list[int]) -> Tensor:
    """Return weights in the order that the CPU's library wants for inputs of a size."""
    weight = weight.contiguous(memory_format=torch.channels_last)
    return torch.ops.mkldnn._reorder_convolution_weight(weight, ONES, ONES, ONES, 1, size)


def convolved(x: Tensor, packed: Tensor, bias: Tensor | None, after: str) -> Tensor:
    """Return a convolution by packed weights, ``after`` it "relu" or "none"."""
    return torch.ops.mkldnn._convolution_pointwise(
        x, packed, bias, ONES, ONES, ONES, 1, after, [], ""
    )


@functools.cache
def can_pack(dtype: torch.dtype) -> bool:
    """Try whether this torch and processor convolve by packed weights, and rightly.

    torch.compile is what these operations are made for: they may change, and are not everywhere.
    """
    if platform.machine() not in ("x86_64", "AMD64"):
        return False
    x = torch.linspace(-1, 1, 2 * 6 * 6).view(1, 2, 6, 6).to(dtype)
    weight = torch.linspace(-1, 1, 3 * 2 * 9).view(3, 2, 3, 3).to(dtype)
    bias = torch.linspace(-1, 1, 3).to(dtype)
    try:
        found = convolved(x, pack(weight, list(x.shape)), bias, "relu")
    except (RuntimeError, AttributeError):
        return False
    expected = F.relu(F.conv2d(x.float(), weight.float(), bias.float(), padding=1))
    return bool(torch.allclose(found.float(), expected, atol=0.05))


class _PackedConv(torch.autograd.Function):
    """A convolution, with or without a ReLU, whose way back is a convolution too."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, bias: Tensor, there: Tensor, back: Tensor, rectify: bool
    ) -> Tensor:
        """Return features; keep no input for the way back, and the output only for the ReLU."""
        y = convolved(x, there, bias, "relu" if rectify else "none")
        ctx.back, ctx.rectify = back, rectify
        if rectify:
            ctx.save_for_backward(y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None, None, None, None]:
        """Return the gradient of the input."""
        if ctx.rectify:
            slope = torch.ops.aten.threshold_backward(slope, ctx.saved_tensors[0], 0)
        return convolved(slope, ctx.back, None, "none"), None, None, None, None


def max_pool(x: Tensor) -> Tensor:
    """Return the largest of 2 x 2 positions each, by ways that a CPU goes quickly."""
    return _MaxPool.apply(x) if x.is_cpu else F.max_pool2d(x, 2)


class _MaxPool(torch.autograd.Function):
    """Max pooling whose way back writes each slope once: windows that do not overlap add none."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Return the largest; keep where they were, and not the input."""
        y, where = F.max_pool2d(x, 2, return_indices=True)
        ctx.size = x.shape
        ctx.save_for_backward(where)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        """Return the gradient of the input: the slopes where the largest were, zeros around."""
        (where,) = ctx.saved_tensors
        return F.max_unpool2d(slope, where, 2, output_size=ctx.size)
