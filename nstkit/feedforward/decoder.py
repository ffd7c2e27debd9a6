"""`Decoder`: from features of relu4_1 back to a picture.

It is the other half of AdaIN's network (Huang and Belongie 2017, "Arbitrary Style Transfer in
Real-time with Adaptive Instance Normalization", arXiv 1703.06868): VGG-19 up to relu4_1 turned
around, trained once on many pictures and artworks. Change the features in between, and it paints.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nstkit.vgg import VGG, with_values

EMBEDDED = Path(__file__).parents[1] / "weights" / "decoder.safetensors"
LAYER = "relu4_1"  # whose features it reads
SHRINK = 8  # px of a side for one position there
# Each convolution undoes that of VGG-19 with its name; before three of them the size doubles.
CONVS = (
    "conv4_1", "conv3_4", "conv3_3", "conv3_2", "conv3_1",
    "conv2_2", "conv2_1", "conv1_2", "conv1_1",
)  # fmt: skip
DOUBLED = ("conv3_4", "conv2_2", "conv1_2")
# How far it looks: one position of relu4_1, four convolutions at a quarter of the size, two at
# half, and two pixels, rounded up.
REACH = 4


class Decoder(nn.Module):
    """The decoder that ships with nstkit, frozen.

    ``Decoder()(features)`` takes relu4_1 of `encoder`, (B, 512, h, w), and returns pictures
    (B, 3, 8 h, 8 w) in float32, about in [0, 1]; clamp them. Like VGG, it computes in the dtype of
    its weights: ``Decoder().to(torch.bfloat16)`` takes a third of the time on a CPU that has it.

    It does not give back the very photograph: what was lost in relu4_1 stays lost.

    Attributes:
        convs: the convolutions, by the names of those in VGG-19 that they undo.
    """

    def __init__(self) -> None:
        from safetensors.torch import load_file  # here, so that importing nstkit stays light

        super().__init__()
        state = {name: tensor.float() for name, tensor in load_file(EMBEDDED).items()}
        self.convs = nn.ModuleDict(
            {
                name: with_values(
                    nn.Conv2d, state[f"{name}.weight"], state[f"{name}.bias"], "reflect"
                )
                for name in CONVS
            }
        )
        self.requires_grad_(False)

    def forward(self, features: Tensor) -> Tensor:
        """Return pictures (B, 3, 8 h, 8 w) of features (B, 512, h, w).

        Raises:
            ValueError: The features are not those of relu4_1.
        """
        channels = self.convs[CONVS[0]].in_channels
        if features.dim() != 4 or features.shape[1] != channels or min(features.shape[-2:]) < 2:
            raise ValueError(
                f"features have shape {tuple(features.shape)}; expected (B, {channels}, h, w) of "
                f"{LAYER}, each side with at least 2 positions."
            )
        x = features.to(self.convs[CONVS[0]].weight.dtype)
        for name, conv in self.convs.items():
            if name in DOUBLED:
                x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = conv(x)
            if name != CONVS[-1]:
                x = F.relu(x)
        return x.float()


def encoder() -> VGG:
    """Return the network whose features the decoder was trained on, in float32."""
    return VGG(padding="reflect")


def decoded(decoder: Decoder, features: Tensor, side: int | None = None) -> Tensor:
    """Return the pictures of features, computed in parts.

    Each part is decoded with the positions around it that it sees, so the result is that of the
    whole.

    Args:
        decoder: the network.
        features: (1, 512, h, w).
        side: of the parts in px; None decodes the whole at once.
    """
    height, width = features.shape[-2:]
    if side is None or max(height, width) * SHRINK <= side:
        return decoder(features)
    step = max(side // SHRINK, 1)
    picture = features.new_empty(
        len(features), 3, height * SHRINK, width * SHRINK, dtype=torch.float32
    )
    for top in range(0, height, step):
        for left in range(0, width, step):
            bottom, right = min(top + step, height), min(left + step, width)
            y, x = max(top - REACH, 0), max(left - REACH, 0)
            part = decoder(features[..., y : bottom + REACH, x : right + REACH])
            picture[..., top * SHRINK : bottom * SHRINK, left * SHRINK : right * SHRINK] = part[
                ...,
                (top - y) * SHRINK : (bottom - y) * SHRINK,
                (left - x) * SHRINK : (right - x) * SHRINK,
            ]
    return picture
