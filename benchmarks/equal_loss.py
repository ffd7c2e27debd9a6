"""Seconds to an equal loss: nstkit against the loop of the tutorials, interleaved.

Pictures are judged as they would be saved, with every pixel in [0, 1]. nstkit keeps its pixels
there. Of the plain loop, what lies outside is cut.

The two pictures of the last mark are stored side by side: speed that costs quality does not count.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import machine
import torch
from plain_loop import PlainVGG, paint
from torch import Tensor

import nstkit
from nstkit.descent import Solver, evaluate
from nstkit.objective import Objective
from nstkit.pictures.plots import Picture
from nstkit.recipes.network import network
from nstkit.vgg.devices import feature_dtype
from nstkit.vgg.fast import FastVGG, to_paint

PAIRS = (("cat", "great_wave"), ("castle", "scream"), ("macaw", "composition_viii"))
MARKS = (50, 100, 200)  # evaluations of the plain loop
RECIPE = nstkit.TEXTBOOK.replace(tv=0)  # the tutorials' two terms
FIGURES = Path(__file__).resolve().parents[1] / "nstkit" / "measured" / "equal_loss"
PATIENCE = 3  # times the evaluations of the last mark, within which nstkit is to get there
CHUNK = 20  # evaluations in a turn: one call of torch's L-BFGS


def measure(device: str, sizes: tuple[int, ...] = (256, 512)) -> list[dict[str, object]]:
    """Return a row for each size and mark: ratio first, over all pairs. Store the pictures."""
    rows = []
    for size in sizes:
        runs = [compare(*pair, size, device) for pair in PAIRS]
        show(runs).save(FIGURES / f"{machine.name(machine.facts(device))}_{size}_px.jpg")
        for mark in MARKS:
            plain, ours = ([run[kind][mark] for run in runs] for kind in ("plain", "nstkit"))
            ratios = sorted(ratio(a, b) for a, b in zip(plain, ours, strict=True))
            rows.append({
                "size": size, "mark": mark, "ratio": statistics.median(ratios),
                "least": ratios[0], "most": ratios[-1], "pairs": [list(p) for p in PAIRS],
                "plain": plain, "nstkit": ours,
            })  # fmt: skip
            print(f"  {size} px, the loss of {mark}: {rows[-1]['ratio']:.2f} times as fast "
                  f"({ratios[0]:.2f} to {ratios[-1]:.2f})", flush=True)  # fmt: skip
    return rows


def compare(content: str, style: str, size: int, device: str) -> dict[str, dict[int, dict]]:
    """Run both in turns until nstkit is where the plain loop was at its last mark."""
    pictures = [nstkit.load_image(name, size, device) for name in (content, style)]
    judge = judged(*pictures, device)
    runs = {"plain": plain_run(*pictures, device), "nstkit": our_run(*pictures, device)}
    traces: dict[str, list[tuple[float, Tensor]]] = {name: [] for name in runs}
    goal, most = None, PATIENCE * MARKS[-1]
    while goal is None or (len(traces["nstkit"]) <= most and judge(traces["nstkit"][-1][1]) > goal):
        for name in traces:
            if name == "nstkit" or len(traces[name]) <= MARKS[-1]:
                traces[name] += runs[name]()
        if goal is None and len(traces["plain"]) > MARKS[-1]:
            goal = judge(traces["plain"][MARKS[-1]][1])
    goals = {mark: judge(traces["plain"][mark][1]) for mark in MARKS}
    plain = {mark: (traces["plain"][mark][0], mark, goals[mark]) for mark in MARKS}
    ours = {mark: first(traces["nstkit"], goals[mark], judge) for mark in MARKS}
    keys = "seconds", "steps", "loss"
    found = {
        kind: {mark: dict(zip(keys, row, strict=True)) for mark, row in rows.items()}
        for kind, rows in (("plain", plain), ("nstkit", ours))
    }
    for kind, rows in found.items():
        last = rows[MARKS[-1]]
        last["image"] = traces[kind][-1 if last["steps"] is None else last["steps"]][1]
    return found


def ratio(plain: dict, ours: dict) -> float:
    """Return how many times as fast nstkit is; 0 if it does not get there."""
    return plain["seconds"] / ours["seconds"] if ours["seconds"] else 0.0


def show(runs: list[dict[str, dict]]) -> Picture:
    """Take the pictures of the last mark out of the runs, and draw them: a column for each pair."""
    rows = [(kind, run[kind][MARKS[-1]]) for kind in ("plain", "nstkit") for run in runs]
    titles = [f"{kind}: {in_words(row['seconds'])}, loss {row['loss']:.2f}" for kind, row in rows]
    pictures = [row.pop("image") for _, row in rows]
    alt = "the pictures of an equal loss: above by the plain loop, below by nstkit"
    return nstkit.show_images(pictures, titles, columns=len(runs), size=2.6, alt=alt)


def in_words(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.0f} s"


def first(
    trace: list[tuple[float, Tensor]], goal: float, judge: Callable[[Tensor], float]
) -> tuple[float | None, int | None, float]:
    """Return seconds, index and loss of the first picture as good as the goal, if there is one.

    The search halves the trace, since nearly every loss is lower than the one before.
    """
    if (least := judge(trace[-1][1])) > goal:
        return None, None, least
    low, high = 0, len(trace) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if judge(trace[middle][1]) <= goal else (middle + 1, high)
    return trace[low][0], low, judge(trace[low][1])


def judged(content: Tensor, style: Tensor, device: str) -> Callable[[Tensor], float]:
    """Return the float32 objective of a picture as it would be saved, cut to [0, 1].

    nstkit never leaves that range. The plain loop does, and would otherwise be judged by a loss
    that no file has.
    """
    objective = Objective.of(content, style, network(RECIPE).to(device), RECIPE, tile=None)

    @torch.no_grad()
    def judge(image: Tensor) -> float:
        return objective(image.clamp(0, 1)).total.item()

    return judge


def plain_run(content: Tensor, style: Tensor, device: str) -> Callable[[], list]:
    """Return what makes evaluations of the plain loop: seconds and pixels, also outside [0, 1]."""
    state = network(RECIPE).convs.state_dict()
    steps = paint(content, style, PlainVGG(state).to(device), RECIPE.beta)
    return lambda: list(itertools.islice(steps, CHUNK))


def our_run(content: Tensor, style: Tensor, device: str) -> Callable[[], list]:
    """Return what makes evaluations of nstkit's loop: seconds and pixels, all in [0, 1]."""
    objective = Objective.of(content, style, usual(device), RECIPE, tile=None)
    x, spent = content.clone(), 0.0
    solver = Solver(x.requires_grad_(), RECIPE.optimizer)

    def lap() -> tuple[float, Tensor]:
        """Make one round of `nstkit.optimize`, without its bookkeeping."""
        nonlocal spent
        seen, began = (spent, x.detach().clone()), time.perf_counter()
        evaluate(objective, x)
        solver.update()
        spent += time.perf_counter() - began
        return seen

    return lambda: [lap() for _ in range(CHUNK)]


def usual(device: str) -> FastVGG:
    """Return the network as nstkit paints with it on this device."""
    return to_paint(network(RECIPE), device, feature_dtype("auto", device))
