"""The cost of a step against what its arithmetic takes at the speed of matrix products."""

from __future__ import annotations

import statistics
import sys

import torch
from machine import seconds
from torch import Tensor

import nstkit
from nstkit.objective import Objective, network
from nstkit.optimize import Solver, evaluate
from nstkit.pretrained import channels, positions
from nstkit.recipes import Recipe

SIZES = (128, 256, 512, 1024)
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def measure(device: str, sizes: tuple[int, ...] = SIZES, repeats: int = 7) -> list[dict]:
    """Return a row for each size and precision that the device multiplies natively."""
    rows = []
    dtypes = {"float32", str(nstkit.vgg.feature_dtype("auto", device)).removeprefix("torch.")}
    for name in sorted(dtypes, reverse=True):
        rate = products_rate(DTYPES[name], device)
        for size in sizes:
            content, style = (nstkit.load_image(n, size, device) for n in ("cat", "great_wave"))
            spent = step_seconds(content, style, DTYPES[name], repeats)
            need = flops(nstkit.DEFAULT, *content.shape[-2:])
            rows.append({
                "size": size, "pixels": content[0, 0].numel(), "precision": name,
                "seconds": spent, "limit": need / rate, "over_limit": spent * rate / need,
                "gflop": need / 1e9, "gflop_per_second": rate / 1e9,
            })  # fmt: skip
            print(f"  {size} px, {name}: {spent:.3f} s, {rows[-1]['over_limit']:.2f} times "
                  f"the limit of {rate / 1e9:.0f} GFLOP/s", flush=True)  # fmt: skip
    return rows


def flops(recipe: Recipe, height: int, width: int) -> float:
    """Return multiplications and additions of one evaluation: there, and back to the pixels.

    Convolutions and Gram matrices cost as much on the way back: no weight needs a gradient, and
    both factors of a Gram matrix are one. All else is small, and left out.
    """
    vgg, depth, total = network(recipe), 3, 0.0
    layers = {**recipe.content_layers, **recipe.style_layers}
    deepest = max(map(vgg.names.index, layers))
    for layer in vgg.names[: deepest + 1]:
        if layer.startswith("conv"):
            total += 2 * 2 * 9 * depth * channels(layer) * positions(layer, height, width)
            depth = channels(layer)
        if layer in recipe.style_layers:
            total += 2 * 2 * channels(layer) ** 2 * positions(layer, height, width)
    return total


def step_seconds(content: Tensor, style: Tensor, dtype: torch.dtype, repeats: int = 7) -> float:
    device = content.device.type
    vgg = network(nstkit.DEFAULT).to_paint(device, dtype)
    objective = Objective(content, style, vgg)
    x = content.clone().requires_grad_()
    solver, taken = Solver(x, "lbfgs"), []
    for _ in range(repeats + 2):
        taken.append(seconds(lambda: solver.update(evaluate(objective, x)[1]), device))
    return statistics.median(taken[2:])


def products_rate(dtype: torch.dtype, device: str, side: int = 2048) -> float:
    """Return operations a second of the best of ten products of square matrices."""
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    return 2 * side**3 / min(seconds(lambda: a @ b, device) for _ in range(10))


if __name__ == "__main__":  # of a size on the CPU, for who measures in a process of its own
    pictures = (nstkit.load_image(name, int(sys.argv[1])) for name in ("cat", "great_wave"))
    print(step_seconds(*pictures, nstkit.vgg.feature_dtype("auto", "cpu")))
