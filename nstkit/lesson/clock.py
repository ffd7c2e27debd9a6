"""Clocks for the notebooks: how long a piece of work takes, and each convolution in it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable

import torch
from torch import Tensor

from nstkit.vgg import VGG


def now() -> float:
    """Return seconds, at a moment when a GPU has done all that it was told."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()  # it only notes what it is told, and works later
    return time.perf_counter()


def seconds_of(work: Callable[[], object], repeats: int = 5) -> list[float]:
    """Return the seconds of each run of some work but the first, which is slower."""
    times = []
    for _ in range(repeats + 1):
        began = now()
        work()
        times.append(now() - began)
    return times[1:]


@torch.no_grad()
def convolution_seconds(
    vgg: VGG, image: Tensor, deepest: str = "relu5_1", repeats: int = 6
) -> dict[str, float]:
    """Return the least seconds of each convolution on the way forward, and of "all else".

    Args:
        vgg: the network; its hooks are left as they were.
        image: (1, 3, H, W) in [0, 1].
        deepest: the layer at which the network stops.
        repeats: how often it runs.
    """
    began, taken = {}, defaultdict(list)
    hooks = [
        hook
        for name, conv in vgg.convs.items()
        for hook in (
            conv.register_forward_pre_hook(lambda *_, n=name: began.update({n: now()})),
            conv.register_forward_hook(lambda *_, n=name: taken[n].append(now() - began[n])),
        )
    ]
    try:
        for number in range(repeats):
            first = now()
            vgg(image, [deepest])
            spent = sum(times[number] for name, times in taken.items() if name != "all else")
            taken["all else"].append(now() - first - spent)
    finally:
        for hook in hooks:
            hook.remove()
    return {name: min(times) for name, times in taken.items()}
