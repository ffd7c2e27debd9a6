"""`TransformerNet`: a network that turns any photograph into a painting of one style, in one pass.

Johnson, Alahi and Fei-Fei 2016 ("Perceptual Losses for Real-Time Style Transfer and
Super-Resolution", arXiv 1603.08155) train such a network with the losses that others minimize over
pixels. It shrinks the picture to a quarter, works there in residual blocks, and enlarges it again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nstkit.files import write_whole
from nstkit.options import check_choice, check_whole
from nstkit.painting.given import LEAST
from nstkit.pictures.images import check_picture

Norm = Literal["instance", "batch", "none"]
NETS = Path(__file__).parents[1] / "weights" / "nets"
CHANNELS = (16, 32, 64)  # half of Johnson's: 0.42 million parameters in place of 1.7
BLOCKS = 5
SHRINK = 4  # the two strided convolutions halve each side twice


class TransformerNet(nn.Module):
    """A network that paints: photographs in, paintings out.

    As in Johnson et al. 2016: a 9x9 convolution, two 3x3 convolutions of stride 2, residual blocks,
    twice the size again, and a 9x9 convolution. These things differ. There are half as many
    channels. All edges are reflected, also in the residual blocks. Pictures grow by nearest
    neighbors and a convolution, which leaves less of a checkerboard (Odena et al. 2016,
    "Deconvolution and Checkerboard Artifacts"). Each convolution but the last is followed by an
    instance norm (Ulyanov et al. 2016, arXiv 1607.08022). The last one has no tanh after it.

    ``net(photo)`` takes (B, 3, H, W) in [0, 1] of any size from 32 px and returns the same shape,
    about in [0, 1]. `paint` clamps it.

    Args:
        channels: of the outermost, middle and inner convolutions.
        blocks: how many residual blocks.
        norm: after each convolution but the last: "instance", "batch" as Johnson et al. had it, or
            "none".
        seed: of the first weights.

    Attributes:
        facts: plain data that travels in the file, such as how the network was trained.

    Raises:
        ValueError: An unknown norm, or wrong numbers.
    """

    def __init__(
        self, channels: tuple[int, int, int] = CHANNELS, blocks: int = BLOCKS,
        norm: Norm = "instance", seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        check_choice("norm", norm, get_args(Norm))
        check_whole("blocks", blocks, 0)
        if not isinstance(channels, list | tuple) or len(channels) != 3:
            raise ValueError(
                f"channels are {channels!r}; expected three numbers such as 16, 32, 64."
            )
        for count in channels:
            check_whole("channels", count, 1)
        self.options = {"channels": list(channels), "blocks": blocks, "norm": norm}
        self.facts: dict[str, Any] = {}
        outer, middle, inner = channels
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.shrink = nn.Sequential(
                Layer(3, outer, 9, norm),
                Layer(outer, middle, 3, norm, stride=2),
                Layer(middle, inner, 3, norm, stride=2),
            )
            self.blocks = nn.Sequential(*(Residual(inner, norm) for _ in range(blocks)))
            self.grow = nn.Sequential(
                Layer(inner, middle, 3, norm, grow=2),
                Layer(middle, outer, 3, norm, grow=2),
            )
            self.last = nn.Conv2d(outer, 3, 9, padding=4, padding_mode="reflect")

    def forward(self, photo: Tensor) -> Tensor:
        """Return paintings of photographs (B, 3, H, W) in [0, 1], not clamped."""
        height, width = photo.shape[-2:]
        padded = F.pad(photo, (0, -width % SHRINK, 0, -height % SHRINK), mode="reflect")
        x = self.last(self.grow(self.blocks(self.shrink(padded * 2 - 1))))
        return (0.5 + 0.5 * x)[..., :height, :width]

    @torch.no_grad()
    def paint(self, photo: Tensor) -> Tensor:
        """Return the painting of a photograph, (1, 3, H, W) in [0, 1], as it is saved.

        Raises:
            ValueError: It is not one picture of floats in [0, 1], or it is too small.
        """
        check_picture("photo", photo)
        if min(photo.shape[-2:]) < LEAST:
            raise ValueError(
                f"The photograph has {photo.shape[-1]} x {photo.shape[-2]} px; expected {LEAST} or "
                "more on each side. Load it larger."
            )
        weight = self.last.weight
        return painted(self, photo.to(weight.device, weight.dtype)).to(photo)

    def save(self, path: str | Path, half: bool = False) -> Path:
        """Write the network and its facts to a .safetensors file, completely or not at all.

        Args:
            path: where to.
            half: whether to round the weights to float16, which halves the file.
        """
        from safetensors.torch import save

        state = {name: t.half() if half else t for name, t in self.state_dict().items()}
        state = {name: t.cpu().contiguous() for name, t in state.items()}
        facts = {"options": json.dumps(self.options), "facts": json.dumps(self.facts)}
        return write_whole(path, save(state, metadata=facts))

    @classmethod
    def load(cls, source: str | Path) -> TransformerNet:
        """Return a network from a file that `save` wrote, or a bundled one by its artwork's name.

        Raises:
            ValueError: The file holds something else.
            FileNotFoundError: There is no such file.
        """
        path = (
            NETS / f"{source}.safetensors" if source in nets() else Path(os.path.expanduser(source))
        )
        if not path.is_file():
            raise FileNotFoundError(
                f"There is no file {str(source)!r}; bundled networks are {', '.join(nets())}."
            )
        state, metadata = _read(path)
        try:
            net = cls(**json.loads(metadata["options"]))
            net.load_state_dict(state)
            net.facts = dict(json.loads(metadata["facts"]))
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ValueError(
                f"{path} holds no TransformerNet ({error}); expected a file that net.save wrote."
            ) from error
        return net.eval()


@torch.no_grad()
def painted(net: TransformerNet, photographs: Tensor) -> Tensor:
    """Return a batch of paintings, (B, 3, H, W) in [0, 1], as they would be saved."""
    trains = net.training
    net.eval()  # a batch norm would learn from the photographs
    paintings = net(photographs).clamp(0, 1)
    net.train(trains)
    return paintings


def nets() -> list[str]:
    """Return the names of the bundled networks: those of the artworks that they paint after."""
    return sorted(path.stem for path in NETS.glob("*.safetensors"))


def _read(path: Path) -> tuple[dict[str, Tensor], Mapping[str, str]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
            return state, file.metadata() or {}
    except SafetensorError as error:
        raise ValueError(f"{path} is no .safetensors file ({error}).") from error


class Layer(nn.Module):
    """A convolution with reflected edges, a norm, and a ReLU.

    Args:
        inputs: channels that come in.
        outputs: channels that go out.
        side: of the kernel, odd.
        norm: see `TransformerNet`.
        stride: 2 halves the size.
        grow: 2 doubles the size before the convolution.
        relu: whether to end in one.
    """

    def __init__(
        self, inputs: int, outputs: int, side: int, norm: Norm, stride: int = 1, grow: int = 1,
        relu: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.conv = nn.Conv2d(
            inputs, outputs, side, stride, padding=side // 2, padding_mode="reflect"
        )
        self.norm = normalization(norm, outputs)
        self.grow, self.relu = grow, relu

    def forward(self, x: Tensor) -> Tensor:
        """Return features (B, outputs, H', W') of (B, inputs, H, W)."""
        if self.grow > 1:
            x = F.interpolate(x, scale_factor=self.grow, mode="nearest")
        x = self.norm(self.conv(x))
        return F.relu(x) if self.relu else x


class Residual(nn.Module):
    """Two layers whose output is added to what came in; no ReLU after the sum."""

    def __init__(self, channels: int, norm: Norm) -> None:
        super().__init__()
        self.first = Layer(channels, channels, 3, norm)
        self.second = Layer(channels, channels, 3, norm, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, channels, H, W) of the same shape."""
        return x + self.second(self.first(x))


def normalization(norm: Norm, channels: int) -> nn.Module:
    """Return a norm with a scale and an offset for each channel, or nothing."""
    if norm == "instance":
        return nn.InstanceNorm2d(channels, affine=True)
    return nn.BatchNorm2d(channels) if norm == "batch" else nn.Identity()
