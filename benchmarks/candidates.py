"""What else might make a step cheaper, or a picture better: each against a step as nstkit makes it.

A part of a step is an upper bound: whoever made it cost nothing would gain no more than its share.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from unittest import mock

import step_cost
import torch
from equal_loss import PAIRS, RECIPE, judged, usual
from machine import elsewhere, in_turns, medians
from torch import Tensor
from tricks import compared, descent, step

import nstkit
from nstkit.objective import Objective, network
from nstkit.optimize import Solver
from nstkit.optimize import solver as solvers
from nstkit.vgg import VGG, feature_dtype

# glibc, the C library of most Linux systems, asks the system for each block above a size, and gives
# free memory back above another: here neither.
STAYS = {"MALLOC_MMAP_THRESHOLD_": str(2**32), "MALLOC_TRIM_THRESHOLD_": str(2**33)}
STEPS, LAST = 100, 10  # evaluations of a descent, and how many of them end it in float32
Action = Callable[[], object]


def measure(device: str, size: int = 256, small: int = 96, repeats: int = 7) -> dict[str, list]:
    """Return seconds of parts of a step, of other ways to make it, and losses by precision."""
    content, style = (nstkit.load_image(name, size, device) for name in PAIRS[0])
    return {
        "parts": parts(content, style, device, repeats),
        "ways": ways(content, style, device, repeats),
        "freed": freed(device),
        "endings": losses(device, small, by_precision),
        "first_moves": losses(device, size, by_first_move, "first move "),
    }


# ---------------------------------------------------------------- shares of a step


def parts(content: Tensor, style: Tensor, device: str, repeats: int) -> list[dict]:
    objective = Objective(content, style, usual(device), RECIPE)
    actions = {
        "an evaluation": step(objective, content),
        "losses and Gram matrices": losses_only(objective, content),
        f"L-BFGS with {solvers.PAIRS} pairs, over frequencies": full_solver(content),
    }
    taken, size = in_turns(actions, device, repeats), max(content.shape)
    rows = []
    for name, value in taken.items():
        rows.append(
            {"name": name, "size": size, "seconds": value, "share": value / taken["an evaluation"]}
        )
        print(f"  {size} px, {name}: {value:.4f} s, share {rows[-1]['share']:.3f}", flush=True)
    return rows


def losses_only(objective: Objective, content: Tensor) -> Action:
    """Return what computes the losses of features that are there, and the features' slopes."""
    layers = list(dict.fromkeys([*RECIPE.content_layers, *RECIPE.style_layers]))
    with torch.no_grad():
        features = objective.vgg(content.flip(3), layers)
    leaves = {name: value.detach().requires_grad_() for name, value in features.items()}
    stored = copy.copy(objective)
    stored.vgg = lambda image, layers: leaves  # type: ignore[assignment]
    return lambda: torch.autograd.grad(stored(content).total, list(leaves.values()))


def full_solver(content: Tensor) -> Action:
    """Return an update by L-BFGS whose memory is full."""
    solver = Solver(content.clone().requires_grad_(), RECIPE.optimizer)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(content.shape, generator=generator).to(content)

    def action() -> None:  # a bowl, never at rest: some directions curve more than others
        solver.update((solver.x.detach() + 0.1) * (1 + noise.abs()))

    for _ in range(solvers.PAIRS + 2):
        action()
    return action


# ---------------------------------------------------------------- other ways to make it


def ways(content: Tensor, style: Tensor, device: str, repeats: int) -> list[dict]:
    vgg = usual(device)
    plain = step(Objective(content, style, vgg, RECIPE), content)
    actions: dict[str, Action] = {"as it is": plain}
    if device == "cuda":
        actions["without TF32"] = without_tf32(plain)
    else:
        for count in sorted({1, os.cpu_count() or 1, 2 * (os.cpu_count() or 1)}):
            actions[f"threads: {count}"] = with_threads(plain, count)
    dtype = feature_dtype("auto", device)  # it packs weights itself
    compiled = network(RECIPE).to(device, dtype, memory_format=torch.channels_last)
    mode = "reduce-overhead" if device == "cuda" else "default"  # the former: CUDA graphs
    compiled.forward = torch.compile(compiled.forward, mode=mode)  # type: ignore[method-assign]
    name = "torch.compile" + (", CUDA graphs" if device == "cuda" else "")
    actions[name] = step(Objective(content, style, compiled, RECIPE), content)
    return compared(in_turns(actions, device, repeats), max(content.shape))


def with_threads(action: Action, count: int) -> Action:
    def other() -> None:
        before = torch.get_num_threads()
        torch.set_num_threads(count)
        action()
        torch.set_num_threads(before)

    return other


def without_tf32(action: Action) -> Action:
    def other() -> None:
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            action()

    return other


def freed(device: str, sizes: Sequence[int] = (256, 512, 1024), repeats: int = 5) -> list[dict]:
    """Return the seconds of a step where freed memory goes back to the system, and where it stays.

    A system hands memory out in pages full of zeros, and to fetch them anew at every step takes
    time. The C library reads its settings when a process begins, so each is measured in its own.
    """
    rows: list[dict] = []
    for size in sizes if device == "cpu" else ():
        settings = {"freed memory goes back": {}, "freed memory stays": STAYS}
        measures = {name: partial(step_elsewhere, size, more) for name, more in settings.items()}
        rows += compared(medians(measures, repeats), size)
    return rows


def step_elsewhere(size: int, environment: dict[str, str]) -> float:
    """Return the seconds of a step in a process of its own."""
    there = {k: v for k, v in os.environ.items() if k not in STAYS} | environment
    return float(elsewhere([step_cost.__file__, str(size)], there))


# ---------------------------------------------------------------- where a descent ends


def losses(
    device: str, size: int, ends: Callable[[Tensor, Tensor, str], dict[str, Tensor]],
    what: str = "",
) -> list[dict]:  # fmt: skip
    """Return the losses, judged in float32, of pictures after the same number of evaluations."""
    rows = []
    for pair in PAIRS:
        content, style = (nstkit.load_image(name, size, device) for name in pair)
        judge = judged(content, style, device)
        for name, image in ends(content, style, device).items():
            rows.append({"name": name, "pair": list(pair), "size": size, "loss": judge(image)})
            print(f"  {size} px, {' x '.join(pair)}, {what}{name}: loss {rows[-1]['loss']:.3f} "
                  f"after {STEPS} evaluations", flush=True)  # fmt: skip
    return rows


def by_precision(content: Tensor, style: Tensor, device: str) -> dict[str, Tensor]:
    """Paint in float32, in bfloat16, and with the last steps in float32."""
    exact, rounded = (
        Objective(content, style, vgg, RECIPE)
        for vgg in (usual(device, torch.float32), in_bfloat16(device))
    )
    native = feature_dtype("auto", device) == torch.bfloat16
    kind = "bfloat16" if native else "bfloat16, imitated"
    return {
        "float32": last(descent([exact] * STEPS, content)),
        kind: last(descent([rounded] * STEPS, content)),
        f"{kind}, the last {LAST} in float32": last(
            descent([rounded] * (STEPS - LAST) + [exact] * LAST, content)
        ),
    }


def by_first_move(content: Tensor, style: Tensor, device: str) -> dict[str, Tensor]:
    """Paint with first updates that move a pixel less and less."""
    objective, found = Objective(content, style, usual(device), RECIPE), {}
    for move in [solvers.FIRST_MOVE / part for part in (1, 3, 100)]:
        with mock.patch.object(solvers, "FIRST_MOVE", move):
            found[f"{move:.2g}"] = last(descent([objective] * STEPS, content))
    return found


def in_bfloat16(device: str) -> VGG:
    """Return a network that computes in bfloat16, or rounds to it: without units it takes ages."""
    if feature_dtype("auto", device) == torch.bfloat16:
        return usual(device)
    vgg = usual(device, torch.float32)
    first = vgg.convs["conv1_1"]
    first.register_forward_pre_hook(lambda conv, inputs: inputs[0].bfloat16().float())
    for conv in vgg.convs.values():
        conv.weight.data = conv.weight.data.bfloat16().float()
        conv.register_forward_hook(lambda conv, inputs, output: output.bfloat16().float())
    return vgg


def last(pictures: Iterator[Tensor]) -> Tensor:
    *_, image = pictures
    return image
