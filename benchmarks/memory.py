"""The peak of a process that paints, whole and in tiles, when L-BFGS's memory is full.

A few cheap steps fill that memory, so that a poster need not be painted for hours before its peak
is seen; then comes an evaluation of the true objective.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import peaks
import torch
from equal_loss import usual
from machine import elsewhere
from torch import Tensor

import nstkit
from nstkit.lesson.stored import pairs_kept
from nstkit.losses import total_variation
from nstkit.objective import Objective

CASES = (  # photograph, long side in px, tiles
    ("cat", 256, None), ("cat", 512, None), ("cat", 1024, None),
    ("cat", 1024, 384), ("cat", 2048, 384), ("kitten", 2048, 384), ("cat", 4096, 384),
)  # fmt: skip


class Filling:
    """An objective whose first calls cost little: the variation of the picture alone."""

    def __init__(self, objective: Objective, calls: int) -> None:
        self.objective, self.calls = objective, calls

    def __call__(self, image: Tensor) -> nstkit.Losses:
        self.calls -= 1
        if self.calls < 0:
            return self.objective(image)
        return nstkit.Losses(total_variation(image))


def paint(photograph: str, size: int, tile: int | None, device: str) -> dict:
    """Paint in this process and return what it took."""
    content, style = (nstkit.load_image(name, size, device) for name in (photograph, "great_wave"))
    objective = Objective.of(content, style, usual(device), nstkit.TEXTBOOK, tile)
    pairs = pairs_kept(*content.shape[-2:])
    filling = Filling(objective, pairs + 1)  # the first update has nothing to compare with
    optimizer = nstkit.TEXTBOOK.optimizer
    run = nstkit.optimize(filling, content, optimizer, steps=pairs + 1)
    seconds = [step.seconds for step in run]
    on_gpu = torch.cuda.max_memory_allocated() if device == "cuda" else None
    peak = on_gpu or peaks.resident_peak()
    return {"size": size, "shape": list(content.shape[:1:-1]), "tile": tile, "peak_gb": peak / 1e9,
            "seconds_a_step": seconds[-1] - seconds[-2], "pairs": pairs}  # fmt: skip


def measure(
    device: str, sizes: Sequence[int] = (256, 512, 1024, 2048, 4096), repeats: int = 3
) -> list[dict]:
    """Return a row for each case of these sizes: of several processes the one in the middle.

    What the C library keeps of freed memory differs by some percent from process to process.
    """
    rows = []
    for photograph, size, tile in CASES:
        if size not in sizes:
            continue
        given = json.dumps([photograph, size, tile, device])
        found = [json.loads(elsewhere([__file__, given])) for _ in range(repeats)]
        found.sort(key=lambda row: row["peak_gb"])
        rows.append(row := found[repeats // 2])
        row |= {"least_gb": found[0]["peak_gb"], "most_gb": found[-1]["peak_gb"]}
        what = "{} x {} px".format(*row["shape"]) + f", tiles of {tile}, {row['pairs']} pairs"
        taken = f"{row['peak_gb']:.2f} GB, {row['seconds_a_step']:.1f} s an evaluation"
        print(f"  {what}: {taken}", flush=True)
    return rows


if __name__ == "__main__":
    print(json.dumps(paint(*json.loads(sys.argv[1]))))
