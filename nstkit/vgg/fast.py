"""`FastVGG`: the network that paints. It computes what `VGG` computes, in less time.

Four things make it fast on a CPU. Each is measured in benchmarks/tricks.py and tested equal to the
plain way.

* Packed weights. Before each convolution, forward and backward, the processor's library (oneDNN)
  puts the weights into an order of its own. Weights that never change can stay in that order.
* Joined ReLUs. The library can apply the ReLU while it writes a convolution's output.
* A block's last ReLU comes after its max pooling, where it has a quarter of the work.
* Max pooling whose windows do not overlap needs no sum in its backward pass.
"""

from __future__ import annotations

import copy
import functools
import platform
from collections.abc import Iterable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from nstkit.vgg import VGG, with_values
from nstkit.vgg.float16 import widened

ONES = [1, 1]  # padding, stride and dilation of all convolutions of a VGG
Packed = tuple[Tensor, Tensor]  # weights for the forward and for the backward pass


def to_paint(
    vgg: VGG, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> FastVGG:
    """Return a network with the same weights that computes the same in less time.

    Args:
        vgg: any network; it stays as it is. A `FastVGG` is moved and returned itself.
        device: where to compute.
        dtype: of the weights, float32, bfloat16 or float16; see `nstkit.vgg.devices`.
    """
    fast = vgg if isinstance(vgg, FastVGG) else FastVGG(vgg)
    return fast.to(device, dtype, memory_format=torch.channels_last)


class FastVGG(VGG):
    """A `VGG` made for painting; `to_paint` makes one.

    On a CPU it keeps two more copies of the weights, for images of one size. Most ReLUs are part of
    the convolution before, so a forward hook on that convolution sees the output of both.

    Args:
        vgg: the network whose weights and settings it takes over.
    """

    packs = True

    def __init__(self, vgg: VGG) -> None:
        super().__init__(vgg.arch, vgg.state_dict(), vgg.pooling, vgg.padding, vgg.preprocessing)
        self.source, self.mean, self.std, self.order = vgg.source, vgg.mean, vgg.std, vgg.order

    def unpacked(self) -> FastVGG:
        """Return this network without packed weights, for images of ever new sizes.

        Packing takes time and memory, and pays only where the next image has the same size.
        """
        other = copy.copy(self)  # the weights are shared
        other.packs = False
        return other

    def forward(self, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """Return the features of ``layers`` for images (B, 3, H, W) in [0, 1].

        They have the dtype of the weights. Those of a network in float16 come as float32, see
        `nstkit.vgg.float16`.
        """
        wanted = self._wanted(image, layers)
        if not wanted or self.convs["conv1_1"].weight.dtype != torch.float16:
            return self._features(image, wanted)
        found = widened(lambda x: list(self._features(x, wanted).values()), image)
        return dict(zip(sorted(wanted, key=self.names.index), found, strict=True))

    def _features(self, image: Tensor, wanted: set[str]) -> dict[str, Tensor]:
        """Return the features of layers in the dtype of the weights, in the network's order."""
        x = self.normalize(image)
        features: dict[str, Tensor] = {}
        order = self._order(wanted)
        joined = False
        for previous, name, following in zip(("", *order), order, (*order[1:], ""), strict=False):
            if len(features) == len(wanted):
                break
            if name.startswith("conv"):
                joined = following.startswith("relu") and name not in wanted
                x = self.convs[name](x, rectify=joined, packed=self.packs)
            elif name.startswith("relu"):
                # In place saves memory, but would turn a wanted conv output into its ReLU.
                x = x if joined else F.relu(x, inplace=previous not in wanted)
            else:
                x = self._pool(x, block=int(name[-1]))
            if name in wanted:
                features[name] = x
        return features

    def _order(self, wanted: set[str]) -> list[str]:
        """Return the layers in the order in which they are computed."""
        return relus_last(self.names, wanted) if self.pooling == "max" else self.names

    def _conv(self, weight: Tensor, bias: Tensor, edges: str) -> Conv:
        return with_values(Conv, weight, bias, edges)

    def _pool(self, x: Tensor, block: int) -> Tensor:
        return max_pool(x) if self.pooling == "max" else super()._pool(x, block)


def relus_last(names: Sequence[str], wanted: set[str]) -> list[str]:
    """Return layers in an order that computes the same faster: a ReLU after its max pooling.

    Both orders give max(0, a, b, c, d), to the last bit, but then the ReLU has a quarter to do. A
    block whose last ReLU or pooling is wanted stays as it is.
    """
    order = list(names)
    for i, name in enumerate(names):
        if name.startswith("pool") and wanted.isdisjoint(names[i - 1 : i + 1]):
            order[i - 1], order[i] = order[i], order[i - 1]
    return order


class Conv(nn.Conv2d):
    """A 3x3 convolution with frozen weights, which a CPU may keep in its own order."""

    _packed: tuple[object, Tensor | None, Packed] = (None, None, ())

    def forward(self, x: Tensor, rectify: bool = False, packed: bool = False) -> Tensor:
        """Return the features of ``x``.

        Args:
            x: (B, N_l-1, H, W).
            rectify: whether to apply the ReLU too.
            packed: whether a CPU keeps the weights in its own order for this size of ``x``. That
                takes two copies of them.
        """
        if packed and x.is_cpu and self.padding_mode == "zeros" and can_pack(x.dtype):
            return _PackedConv.apply(x, self.bias, *self._weights(x), rectify)
        x = super().forward(x)
        return F.relu(x, inplace=True) if rectify else x

    def _weights(self, x: Tensor) -> Packed:
        """Return the weights in the order for inputs of this shape."""
        weight = self.weight.detach()
        valid_for = x.shape, weight.data_ptr(), weight._version
        kept = self._packed  # read once: another thread may replace it meanwhile
        if kept[0] != valid_for:
            # A convolution's gradient is a convolution with the flipped, transposed weights.
            backward = weight.flip(2, 3).transpose(0, 1)
            size, output = list(x.shape), [len(x), len(weight), *x.shape[2:]]
            # Hold on to the weights: if they were freed, others could get the same address.
            kept = valid_for, weight, (pack(weight, size), pack(backward, output))
            self._packed = kept
        return kept[2]

    def __getstate__(self) -> dict[str, Any]:
        """Leave the packed weights out: they can be neither copied nor stored."""
        return {name: value for name, value in self.__dict__.items() if name != "_packed"}


def pack(weight: Tensor, size: list[int]) -> Tensor:
    """Return weights in the order that the CPU's library wants for inputs of a size."""
    weight = weight.contiguous(memory_format=torch.channels_last)
    return torch.ops.mkldnn._reorder_convolution_weight(weight, ONES, ONES, ONES, 1, size)


def convolved(x: Tensor, packed: Tensor, bias: Tensor | None, after: str) -> Tensor:
    """Return a convolution by packed weights, followed by ``after``: "relu" or "none"."""
    return torch.ops.mkldnn._convolution_pointwise(
        x, packed, bias, ONES, ONES, ONES, 1, after, [], ""
    )


@functools.cache
def can_pack(dtype: torch.dtype) -> bool:
    """Try whether this torch and processor convolve by packed weights, with the right result.

    The operations exist for torch.compile. They are not public, may change, and are missing on some
    processors.
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
    """A convolution, with or without a ReLU, whose backward pass is a convolution too."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, bias: Tensor, weight: Tensor, backward: Tensor, rectify: bool
    ) -> Tensor:
        """Return features. Keep no input, and the output only where the ReLU needs it."""
        y = convolved(x, weight, bias, "relu" if rectify else "none")
        ctx.weight, ctx.rectify = backward, rectify
        if rectify:
            ctx.save_for_backward(y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None, None]:
        """Return the gradient with respect to the input."""
        if ctx.rectify:
            gradient = torch.ops.aten.threshold_backward(gradient, ctx.saved_tensors[0], 0)
        return convolved(gradient, ctx.weight, None, "none"), None, None, None, None


def max_pool(x: Tensor) -> Tensor:
    """Return the maximum of each 2 x 2 positions, with a quick backward pass on a CPU."""
    # torch's unpooling refuses to run where its user asks for deterministic algorithms alone.
    ours = x.is_cpu and not torch.are_deterministic_algorithms_enabled()
    return _MaxPool.apply(x) if ours else F.max_pool2d(x, 2)


class _MaxPool(torch.autograd.Function):
    """Max pooling that writes each gradient once: windows that do not overlap need no sums."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Return the maxima. Keep where they were, and not the input."""
        y, where = F.max_pool2d(x, 2, return_indices=True)
        ctx.size = x.shape
        ctx.save_for_backward(where)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Return the gradient with respect to the input: zero but where the maxima were."""
        (where,) = ctx.saved_tensors
        return F.max_unpool2d(gradient, where, 2, output_size=ctx.size)
