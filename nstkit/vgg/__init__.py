"""VGG-19 and VGG-16 with the papers' layer names: pixels in, named features out.

`VGG` is the textbook network, a plain loop over named layers. `nstkit.vgg.fast.FastVGG` computes
the same in less time, and is what paints.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nstkit.modes import usual_mode
from nstkit.options import check_choice
from nstkit.vgg.names import Arch, block_of, layer_names, pools_before
from nstkit.vgg.pretrained import (
    GIVEN_WEIGHTS,
    PREPROCESSING,
    named_state,
    native_preprocessing,
    read_state,
)

Pooling = Literal["max", "avg", "avg_scaled"]
Padding = Literal["zeros", "reflect", "replicate", "replicate_first"]

__all__ = ["VGG", "Padding", "Pooling"]

# Padding "replicate_first" repeats edge pixels in the first layer only. The others see zeros.
FIRST_EDGES = {"conv1_1": "replicate"}

# avg_scaled: mean of a max-pooled map over mean of an average-pooled one, pool1 ... pool5,
# each pool after the scaled ones before it. Measured by tools/measure_pooling.py.
AVG_SCALE = (1.509, 1.554, 1.316, 1.998, 1.877)


class VGG(nn.Module):
    """A frozen VGG whose layers are asked for by name.

    ``vgg(image, ["relu1_1", "conv4_2"])`` takes RGB images (B, 3, H, W) in [0, 1], applies the
    weights' own normalization, and returns ``{name: (B, C, H', W') tensor}``. It runs no deeper
    than the deepest layer asked for. Features have the dtype of the weights: after
    ``vgg.to(torch.bfloat16, memory_format=torch.channels_last)`` it computes in that dtype and
    layout, whatever the image's. No weight ever requires a gradient. To paint, use
    `nstkit.vgg.fast.to_paint`, which takes less time for the same numbers.

    Args:
        arch: "vgg19" or "vgg16".
        weights: "embedded" (normalized VGG-19 of Gatys et al., shipped with nstkit),
            "torchvision" (the official ImageNet weights, downloaded on first use), "caffe" (the
            original VGG-19 of Simonyan and Zisserman, computed from the embedded one by a factor
            for each filter), a path to a state dict (.pth or .safetensors), or the state dict
            itself, with torchvision's keys
            ("features.0.weight" or "0.weight"), named ones ("conv1_1.weight"), or those of
            another `VGG` ("convs.conv1_1.weight").
        pooling: "max" as VGG was trained; "avg" as Gatys et al. 2016, section 2, propose;
            "avg_scaled" is "avg" times a factor that keeps the mean activation of "max".
        padding: what convolutions see outside the picture: "zeros", "reflect", "replicate", or
            "replicate_first": its edge pixels before conv1_1, zeros in deeper layers.
        preprocessing: a key of ``PREPROCESSING``; None is what the weights were made for
            (torchvision's for a path or a state dict).

    Attributes:
        names: all layers in order, conv1_1 to pool5.
        convs: the convolutions by name.
        source: where the weights came from: the name or path, "given" for a state dict.

    Raises:
        ValueError: An unknown option, or a state dict that lacks a layer.
        ConnectionError: torchvision's weights could not be downloaded.
        FileNotFoundError: No such file, or the original VGG-16, which nstkit does not have.
    """

    @usual_mode()
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
        check_choice("preprocessing", preprocessing, PREPROCESSING)
        self.arch, self.pooling, self.padding = arch, pooling, padding
        self.source = GIVEN_WEIGHTS if isinstance(weights, Mapping) else str(weights)
        self.preprocessing = preprocessing
        self.mean, self.std, self.order = PREPROCESSING[preprocessing]
        state = named_state(read_state(arch, weights), arch)
        self.convs = nn.ModuleDict()
        for name in (n for n in self.names if n.startswith("conv")):
            edges = padding if padding != "replicate_first" else FIRST_EDGES.get(name, "zeros")
            self.convs[name] = self._conv(state[f"{name}.weight"], state[f"{name}.bias"], edges)
        self.requires_grad_(False)

    def forward(self, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """Return the features of ``layers`` for images (B, 3, H, W) in [0, 1]."""
        wanted = self._wanted(image, layers)
        x = self.normalize(image)
        features: dict[str, Tensor] = {}
        for name in self.names:
            if len(features) == len(wanted):
                break
            if name.startswith("conv"):
                x = self.convs[name](x)
            elif name.startswith("relu"):
                x = F.relu(x)
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

    def _conv(self, weight: Tensor, bias: Tensor, edges: str) -> nn.Conv2d:
        """Return a 3x3 convolution with weights (N_l, N_l-1, 3, 3) and bias (N_l)."""
        return with_values(nn.Conv2d, weight, bias, edges)

    def _pool(self, x: Tensor, block: int) -> Tensor:
        if self.pooling == "max":
            return F.max_pool2d(x, 2)
        x = F.avg_pool2d(x, 2)
        return x * AVG_SCALE[block - 1] if self.pooling == "avg_scaled" else x

    def _wanted(self, image: Tensor, layers: Iterable[str]) -> set[str]:
        """Return the layers asked for, after checking them and the image."""
        wanted = {layers} if isinstance(layers, str) else set(layers)
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
            return wanted
        deepest = max(wanted, key=self.names.index)
        # Each pooling halves a side, and reflect padding needs at least 2 positions.
        reflects = self.padding == "reflect"
        least = 2 ** (block_of(deepest) if reflects else pools_before(deepest))
        if min(image.shape[-2:]) < least:
            raise ValueError(
                f"The image is {image.shape[-1]} x {image.shape[-2]} px, too small for {deepest}: "
                f"each side needs at least {least} px. Load it larger or ask for shallower layers."
            )
        return wanted


def with_values(kind: type[nn.Conv2d], weight: Tensor, bias: Tensor, edges: str) -> nn.Conv2d:
    """Return a 3x3 convolution of some class with given weights, biases and padding mode."""
    with torch.device("meta"):  # skip the random values: the real ones follow
        conv = kind(weight.shape[1], weight.shape[0], 3, padding=1, padding_mode=edges)
    conv.weight, conv.bias = nn.Parameter(weight), nn.Parameter(bias)
    return conv
