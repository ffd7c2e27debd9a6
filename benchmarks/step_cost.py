"""The cost of a step against what its arithmetic takes at the speed of matrix products."""

from __future__ import annotations

import statistics

import torch
from machine import DTYPES, dtype_name, seconds
from torch import Tensor

import nstkit
from nstkit.descent import Solver, evaluate
from nstkit.objective import Objective
from nstkit.recipes import Recipe
from nstkit.recipes.network import network
from nstkit.vgg.devices import feature_dtype
from nstkit.vgg.fast import to_paint
from nstkit.vgg.names import channels, positions

SIZES = (128, 256, 512, 1024)


def measure(device: str, sizes: tuple[int, ...] = SIZES, repeats: int = 7) -> list[dict]:
    """Return a row for each size and precision that the device multiplies natively."""
    rows = []
    dtypes = {"float32", dtype_name(feature_dtype("auto", device))}
    for name in sorted(dtypes, reverse=True):
        rate = products_rate(DTYPES[name], device)
        for size in sizes:
            content, style = (nstkit.load_image(n, size, device) for n in ("cat", "great_wave"))
            spent = step_seconds(content, style, DTYPES[name], repeats)
            need = flops(nstkit.TEXTBOOK, *content.shape[-2:])
            rows.append({
                "size": size, "pixels": content[0, 0].numel(), "precision": name,
                "seconds": spent, "limit": need / rate, "over_limit": spent * rate / need,
                "gflop": need / 1e9, "gflop_per_second": rate / 1e9,
            })  # fmt: skip
            print(f"  {size} px, {name}: {spent:.3f} s, {rows[-1]['over_limit']:.2f} times "
                  f"the limit of {rate / 1e9:.0f} GFLOP/s", flush=True)  # fmt: skip
    return rows


def flops(recipe: Recipe, height: int, width: int) -> float:
    """Return multiplications and additions of one evaluation, forward and backward.

    Convolutions and Gram matrices cost as much backward as forward: no weight needs a gradient, and
    both factors of a Gram matrix are the same. All else is small, and left out.
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
    vgg = to_paint(network(nstkit.TEXTBOOK), device, dtype)
    objective = Objective.of(content, style, vgg, tile=None)
    x = content.clone().requires_grad_()
    solver = Solver(x, "lbfgs")

    def step() -> None:
        evaluate(objective, x)
        solver.update()

    return statistics.median([seconds(step, device) for _ in range(repeats + 2)][2:])


def products_rate(dtype: torch.dtype, device: str, side: int = 2048) -> float:
    """Return operations a second of the best of ten products of square matrices."""
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    return 2 * side**3 / min(seconds(lambda: a @ b, device) for _ in range(10))
