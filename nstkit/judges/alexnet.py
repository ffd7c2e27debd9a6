"""AlexNet's features, and the weights that LPIPS gives them."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

EMBEDDED = Path(__file__).parents[1] / "weights" / "alexnet.safetensors"
LAYERS = ("relu1", "relu2", "relu3", "relu4", "relu5")
PADDING = {"conv1": 2, "conv2": 2, "conv3": 1, "conv4": 1, "conv5": 1}
POOLED = ("conv2", "conv3")  # convolutions that see a max-pooled map
LEAST = 63  # px: from here on every layer holds at least one patch of 3 x 3 positions

# What LPIPS subtracts from RGB in [-1, 1], and what it divides by. This is ImageNet's mean and
# deviation, rounded.
SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)


class AlexNet:
    """The five convolutions of AlexNet in float32, frozen.

    ``AlexNet()(picture)`` takes RGB (1, 3, H, W) in [0, 1] and returns the features as
    ``{"relu1": (1, 64, H', W'), ..., "relu5": (1, 256, H'', W'')}``, float32.

    Nothing in nstkit paints with this network, which is why it may judge paintings. Its weights are
    torchvision's, rounded to half precision; see ``nstkit/weights/README.md``.

    Source: Krizhevsky, "One weird trick for parallelizing convolutional neural networks" (2014),
    arXiv:1404.5997, for the variant with 64 to 384 channels.

    Args:
        device: where to compute.

    Attributes:
        weights: "conv1.weight", "conv1.bias" ... in float32.
        heads: {"relu1": (64,), ...}, the weight that LPIPS 0.1 gives to each channel, >= 0.
    """

    def __init__(self, device: torch.device | str = "cpu") -> None:
        from safetensors.torch import load_file  # here, so that importing nstkit stays light

        state = {name: tensor.to(device).float() for name, tensor in load_file(EMBEDDED).items()}
        self.device = torch.device(device)
        self.heads = {layer: state.pop(layer.replace("relu", "head")) for layer in LAYERS}
        self.weights = state

    @torch.no_grad()
    def __call__(self, picture: Tensor) -> dict[str, Tensor]:
        """Return the features of a picture (1, 3, H, W) in [0, 1], by layer."""
        x = normalize(picture.to(self.device).float())
        features = {}
        for conv, padding in PADDING.items():
            if conv in POOLED:
                x = F.max_pool2d(x, 3, stride=2)
            weight, bias = self.weights[f"{conv}.weight"], self.weights[f"{conv}.bias"]
            x = F.relu(F.conv2d(x, weight, bias, 4 if conv == "conv1" else 1, padding))
            features[conv.replace("conv", "relu")] = x
        return features


def normalize(picture: Tensor) -> Tensor:
    """Return pixels in [0, 1] as LPIPS gives them to the network, (B, 3, H, W)."""
    shift, scale = (picture.new_tensor(numbers).view(3, 1, 1) for numbers in (SHIFT, SCALE))
    return (2 * picture - 1 - shift) / scale
