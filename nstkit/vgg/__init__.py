"""VGG-19 and VGG-16 with the papers' layer names: pixels in, named features out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nstkit.losses import check_choice
from nstkit.pretrained import (
    PREPROCESSING,
    Arch,
    layer_names,
    named_state,
    native_preprocessing,
    read_state,
    relus_last,
)
from nstkit.vgg.devices import Precision, default_device, feature_dtype, free_memory
from nstkit.vgg.layers import Conv, max_pool

Pooling = Literal["max", "avg", "avg_scaled"]
Padding = Literal["zeros", "reflect", "replicate", "replicate_first"]

__all__ = [
    "VGG", "Padding", "Pooling", "Precision", "default_device", "feature_dtype", "free_memory",
]  # fmt: skip

FIRST_EDGES = {"conv1_1": "replicate"}  # padding "replicate_first": the others see zeros

# avg_scaled: mean of a max-pooled map over mean of an average-pooled one, pool1 ... pool5,
# each pool after the scaled ones before it. Measured by tools/measure_pooling.py.
AVG_SCALE = (1.509, 1.554, 1.316, 1.998, 1.877)


class VGG(nn.Module):
    """A frozen VGG whose layers are asked for by name.

    ``vgg(image, ["relu1_1", "conv4_2"])`` takes RGB images (B, 3, H, W) in [0, 1], applies the
    weights' own normalization, and returns ``{name: (B, C, H', W') tensor}``. It runs no deeper
    than the deepest layer asked for. Features have the dtype of the weights: after
    ``vgg.to(torch.bfloat16, memory_format=torch.channels_last)`` it computes in that dtype and
    layout, whatever the image's. No weight ever requires a gradient.

    Args:
        arch: "vgg19" or "vgg16".
        weights: "embedded" (normalized VGG-19 of Gatys et al., shipped with nstkit),
            "torchvision" (the official ImageNet weights, downloaded on first use), "caffe" (the
            originals of Simonyan and Zisserman, which are not shipped: it says so), a path to a
            state dict (.pth or .safetensors), or the state dict itself, with torchvision's keys
            ("features.0.weight" or "0.weight") or named ones ("conv1_1.weight").
        pooling: "max" as VGG was trained; "avg" as Gatys et al. 2016, section 2, propose;
            "avg_scaled" is "avg" times a factor that keeps the mean activation of "max".
        padding: what convolutions see outside the picture: "zeros", "reflect", "replicate", or
            "replicate_first": its edge pixels before conv1_1, zeros in deeper layers.
        preprocessing: a key of ``PREPROCESSING``; None is what the weights were made for
            (torchvision's for a path or a state dict).

    Raises:
        ValueError: An unknown option, or a state dict that lacks a layer.
        ConnectionError: torchvision's weights could not be downloaded.
    """

    def __init__(
        self,
        arch: Arch = "vgg19",
        weights: str | Path | Mapping[str, Tensor] = "embedded",
        pooling: Pooling = "max",
        padding: Padding = "zeros",
        preprocessing: str | None = None,
    ) -> None:
        super().__init__()
        self.names = layer_names(arch)
        check_choice("pooling", pooling, get_args(Pooling))
        check_choice("padding", padding, get_args(Padding))
        preprocessing = preprocessing or native_preprocessing(weights)
        check_choice("preprocessing", preprocessing, tuple(PREPROCESSING))
        self.pooling, self.padding, self.paints = pooling, padding, False
        self.mean, self.std, self.order = PREPROCESSING[preprocessing]
        state = named_state(read_state(arch, weights), arch)
        self.convs = nn.ModuleDict()
        for name in (n for n in self.names if n.startswith("conv")):
            edges = padding if padding != "replicate_first" else FIRST_EDGES.get(name, "zeros")
            self.convs[name] = Conv.of(state[f"{name}.weight"], state[f"{name}.bias"], edges)
        self.requires_grad_(False)

    def to_paint(self, device: torch.device | str, dtype: torch.dtype = torch.float32) -> VGG:
        """Move to a device and dtype; from now on compute the same in the fastest way there.

        A CPU then keeps two more copies of the weights, in its own order, and most ReLUs are part
        of the convolution before: a hook on that sees what comes after both.
        """
        self.paints = True
        return self.to(device, dtype, memory_format=torch.channels_last)

    def forward(
        self, image: Tensor, layers: Iterable[str], again: bool = True
    ) -> dict[str, Tensor]:
        """Return the features of ``layers`` for images (B, 3, H, W) in [0, 1].

        ``again`` says that more images of this size are to come: only then it pays to put weights
        into the order for them, see `to_paint`.
        """
        wanted = set(layers)
        self._check(image, wanted)
        x = self.normalize(image)
        features: dict[str, Tensor] = {}
        order = relus_last(self.names, wanted) if self.pooling == "max" else self.names
        joined = False
        for previous, name, following in zip(("", *order), order, (*order[1:], ""), strict=False):
            if len(features) == len(wanted):
                break
            if name.startswith("conv"):
                joined = self.paints and following.startswith("relu") and name not in wanted
                x = self.convs[name](x, rectify=joined, packed=self.paints and again)
            elif name.startswith("relu"):
                # In place saves memory, but would turn a wanted conv output into its ReLU.
                x = x if joined else F.relu(x, inplace=previous not in wanted)
            else:
                x = self._pool(x, block=int(name[-1]))
            if name in wanted:
                features[name] = x
        return features

    def normalize(self, image: Tensor) -> Tensor:
        """Return pixels as the first convolution wants them, in the weights' dtype and layout."""
        weight = self.convs["conv1_1"].weight
        # The subtraction happens before any cast to bf16: its 8 bits would lose pixel values.
        x = self.standardize(image).to(weight.dtype)
        x = x.flip(1) if self.order == "bgr" else x
        last = weight.is_contiguous(memory_format=torch.channels_last)
        return x.contiguous(memory_format=torch.channels_last) if last else x

    def standardize(self, image: Tensor) -> Tensor:
        """Return (image - mean) / std in at least float32: the values that the network is given."""
        dtype = torch.promote_types(image.dtype, torch.float32)
        mean = torch.tensor(self.mean, dtype=dtype, device=image.device).view(3, 1, 1)
        std = torch.tensor(self.std, dtype=dtype, device=image.device).view(3, 1, 1)
        return (image - mean) / std

    def _pool(self, x: Tensor, block: int) -> Tensor:
        if self.pooling == "max":
            return max_pool(x) if self.paints else F.max_pool2d(x, 2)
        x = F.avg_pool2d(x, 2)
        return x * AVG_SCALE[block - 1] if self.pooling == "avg_scaled" else x

    def _check(self, image: Tensor, wanted: set[str]) -> None:
        if unknown := wanted.difference(self.names):
            raise ValueError(
                f"Unknown layers {sorted(unknown)}; expected names such as 'relu4_2', 'conv4_2' "
                f"or 'pool4' out of {', '.join(self.names)}."
            )
        if image.dim() != 4 or image.shape[1] != 3:
            raise ValueError(
                f"image has shape {tuple(image.shape)}; expected (batch, 3, height, width)."
            )
        if not wanted:
            return
        deepest = max(wanted, key=self.names.index)
        pools = sum(n.startswith("pool") for n in self.names[: self.names.index(deepest) + 1])
        # Each pooling halves a side; reflection needs one more pixel than it copies.
        least = 2**pools * (2 if self.padding == "reflect" else 1)
        if min(image.shape[-2:]) < least:
            raise ValueError(
                f"The image is {image.shape[-1]} x {image.shape[-2]} px, too small for {deepest}: "
                f"each side needs at least {least} px. Load it larger or ask for shallower layers."
            )
