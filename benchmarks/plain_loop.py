"""The loop of the tutorials, as one writes it down: the baseline. No code of nstkit is used.

float32, default memory layout, one list of all modules of which those outputs are kept that are
asked for, torch's L-BFGS with its default history and twenty iterations a call.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTHS = (64, 64, "M", 128, 128, "M", 256, 256, 256, 256, "M", 512, 512, 512, 512, "M",
          512, 512, 512, 512, "M")  # fmt: skip
MEAN_BGR = (103.939, 116.779, 123.68)
CONTENT = {"relu4_2": 1.0}
STYLE = dict.fromkeys(("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"), 0.2)
# torch's L-BFGS compares gradients with absolute numbers. As plain means they would be so small
# that it hardly moves; with a factor like those of the tutorials' weights it does its best.
FACTOR = 1e4


class PlainVGG(nn.Module):
    """All of VGG-19's convolutions in one list."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.layers, self.names = nn.ModuleList(), []
        channels, block, number = 3, 1, 1
        for width in WIDTHS:
            if width == "M":
                self._add(f"pool{block}", nn.MaxPool2d(2))
                block, number = block + 1, 1
                continue
            conv = nn.Conv2d(channels, width, 3, padding=1)
            conv.weight.data.copy_(state[f"conv{block}_{number}.weight"])
            conv.bias.data.copy_(state[f"conv{block}_{number}.bias"])
            self._add(f"conv{block}_{number}", conv)
            self._add(f"relu{block}_{number}", nn.ReLU())
            channels, number = width, number + 1
        self.requires_grad_(False)

    def _add(self, name: str, layer: nn.Module) -> None:
        self.names.append(name)
        self.layers.append(layer)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        mean = image.new_tensor(MEAN_BGR).view(3, 1, 1)
        x, found = image.flip(1) * 255 - mean, {}
        for name, layer in zip(self.names, self.layers, strict=True):
            x = layer(x)
            if name in CONTENT or name in STYLE:
                found[name] = x
        return found


def gram(features: Tensor) -> Tensor:
    _, channels, height, width = features.shape
    flat = features.view(channels, height * width)
    return flat @ flat.t() / (height * width)


def paint(
    content: Tensor, style: Tensor, vgg: PlainVGG, beta: float
) -> Iterator[tuple[float, Tensor]]:
    """Yield seconds spent and pixels of every evaluation, forever."""
    with torch.no_grad():
        targets = {name: vgg(content)[name] for name in CONTENT}
        grams = {name: gram(features) for name, features in vgg(style).items() if name in STYLE}
    x = content.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([x])
    seen: list[tuple[float, Tensor]] = []
    spent = 0.0

    def closure() -> Tensor:
        optimizer.zero_grad()
        seen.append((spent + time.perf_counter() - began, x.detach().clone()))
        found = vgg(x)
        loss = sum(w * F.mse_loss(found[n], targets[n]) for n, w in CONTENT.items())
        loss = loss + beta * sum(w * F.mse_loss(gram(found[n]), grams[n]) for n, w in STYLE.items())
        loss = FACTOR * loss
        loss.backward()
        return loss

    while True:
        began = time.perf_counter()
        optimizer.step(closure)
        spent += time.perf_counter() - began
        yield from seen
        seen.clear()
