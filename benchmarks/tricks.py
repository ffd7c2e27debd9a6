"""What each trick of painting earns: a step with all tricks against a step with all but one.

A step is an evaluation and an update, as `nstkit.optimize` makes them. All ways make their steps in
turns, so that whatever else the machine does meets them alike. The ratio is how many times as long
a step takes without the trick.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from machine import DTYPES, dtype_name, in_turns
from torch import Tensor, nn

import nstkit
from nstkit.descent import Solver, evaluate
from nstkit.descent.solver import FIRST_MOVE, LBFGS
from nstkit.losses import gram_matrix
from nstkit.losses.products import Products, in_float32, keeps_the_rest
from nstkit.losses.statistics import Gram
from nstkit.objective import Objective
from nstkit.recipes.network import network
from nstkit.terms import IMAGE, Variation
from nstkit.vgg import VGG, with_values
from nstkit.vgg.devices import feature_dtype
from nstkit.vgg.fast import Conv, FastVGG, to_paint

RECIPE = nstkit.TEXTBOOK
ALL = "all tricks"
Action = Callable[[], None]


def measure(device: str, sizes: tuple[int, ...] = (256, 512), repeats: int = 24) -> list[dict]:
    """Return a row for each size, each precision that the device has natively, and each way."""
    rows = []
    for size in sizes:
        content, style = (nstkit.load_image(name, size, device) for name in ("cat", "great_wave"))
        names = dict.fromkeys(["float32", dtype_name(feature_dtype("auto", device))])
        actions = {(name, way): action for name in names
                   for way, action in ways(content, style, DTYPES[name]).items()}  # fmt: skip
        for (name, way), row in compared(in_turns(actions, device, repeats)).items():
            rows.append({"name": way, "precision": name, "size": size, **row})
            low, high = row["quartiles"]
            print(f"  {size} px, {name}, {way}: {row['seconds']:.4f} s, {row['ratio']:.3f} times "
                  f"as long ({low:.3f} to {high:.3f})", flush=True)  # fmt: skip
    return rows


def compared(taken: Mapping[tuple[str, str], list[float]]) -> dict[tuple[str, str], dict]:
    """Return each way's median seconds, and how many times as long as with all tricks it takes.

    The ratio is the median of those of single rounds: both of its times are of one moment. Half of
    the rounds lie between its quartiles.
    """
    found = {}
    for (precision, way), times in taken.items():
        ratios = [a / b for a, b in zip(times, taken[precision, ALL], strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
        seconds = statistics.median(times)
        found[precision, way] = {"seconds": seconds, "ratio": middle, "quartiles": [low, high]}
    return found


def ways(content: Tensor, style: Tensor, dtype: torch.dtype) -> dict[str, Action]:
    """Return what makes a step, by the trick that it does without."""

    def objective(vgg: VGG) -> Objective:
        return Objective.of(content, style, vgg, RECIPE, tile=None)

    def comparing(statistic: Gram) -> Objective:
        made = objective(usual)
        made["style"].statistic = statistic
        return made

    device, plain = content.device, network(RECIPE)
    usual = to_paint(plain, device, dtype)
    found = {ALL: step(objective(usual), content)}
    for name, kind in NETWORKS.items():
        found[name] = step(objective(to_paint(kind(plain), device, dtype)), content)
    found["packed weights and joined ReLUs"] = step(objective(usual.unpacked()), content)
    textbook = network(RECIPE).to(device, dtype, memory_format=torch.channels_last)
    found["all tricks of the network"] = step(objective(textbook), content)
    found["products of its own for Gram matrices"] = step(comparing(PlainGram()), content)
    if dtype == torch.bfloat16 and device.type == "cpu" and keeps_the_rest():
        found["bfloat16 products for Gram matrices"] = step(comparing(WideGram()), content)
    varied = objective(usual)
    varied.terms["variation"] = PlainVariation(RECIPE.tv)
    found["total variation by torch's losses"] = step(varied, content)
    found["L-BFGS that copies no gradient"] = step(objective(usual), content, CopyingLBFGS)
    return found


def step(objective: Objective, content: Tensor, kind: type[LBFGS] = LBFGS) -> Action:
    """Return what makes the next step of a painting each time that it is called."""
    x = content.clone(memory_format=torch.contiguous_format).requires_grad_()
    solver = Solver(x, RECIPE.optimizer)
    solver.optimizer = kind(solver.variables.z, solver.rate, FIRST_MOVE, x.numel())

    def action() -> None:
        evaluate(objective, x)
        solver.update()

    return action


# ---------------------------------------------------------------- ways without one trick


class ReLUsApart(FastVGG):
    """A network that applies each ReLU after its convolution, not as a part of it."""

    def _conv(self, weight: Tensor, bias: Tensor, edges: str) -> nn.Conv2d:
        return with_values(ConvThenReLU, weight, bias, edges)


class ConvThenReLU(Conv):
    def forward(self, x: Tensor, rectify: bool = False, packed: bool = False) -> Tensor:
        x = super().forward(x, False, packed)
        return F.relu(x, inplace=True) if rectify else x


class ReLUsFirst(FastVGG):
    """A network whose blocks apply their last ReLU before the pooling."""

    def _order(self, wanted: set[str]) -> list[str]:
        return self.names


class TorchPooling(FastVGG):
    """A network with torch's max pooling."""

    def _pool(self, x: Tensor, block: int) -> Tensor:
        return VGG._pool(self, x, block)


NETWORKS = {
    "joined ReLUs": ReLUsApart,
    "a block's last ReLU after its pooling": ReLUsFirst,
    "max pooling of its own": TorchPooling,
}


class PlainGram(Gram):
    """Gram matrices as the textbook writes them: autograd makes their gradient."""

    def sums(self, features: Tensor, where: Tensor | None = None) -> Tensor:
        return gram_matrix(features, None)


class WideGram(Gram):
    """Gram matrices of float32 copies of the features, part by part."""

    def sums(self, features: Tensor, where: Tensor | None = None) -> Tensor:
        return WideProducts.apply(features)


class WideProducts(Products):
    @staticmethod
    def forward(ctx, features: Tensor) -> Tensor:
        ctx.save_for_backward(features)
        return in_float32(features.flatten(2))


class PlainVariation(Variation):
    """Squared differences of neighbors as one writes them down."""

    def losses(self, measured: Mapping[str, Tensor], image: Tensor) -> dict[str, Tensor]:
        across, down = image.diff(dim=3), image.diff(dim=2)
        return {IMAGE: across.square().mean() + down.square().mean()}


class CopyingLBFGS(LBFGS):
    """torch's own gathering of gradients, which copies them."""

    _gather_flat_grad = torch.optim.LBFGS._gather_flat_grad
