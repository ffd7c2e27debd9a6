"""The peak of a process that paints a few steps, whole and in tiles."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CASES = ((256, None), (512, None), (1024, None), (1024, 512), (2048, 512), (4096, 512))
STEPS = 2
CODE = """
import json, resource, sys, time
import torch, nstkit
size, tile, steps, device = json.loads(sys.argv[1])
result = nstkit.stylize("cat", "great_wave", size=size, tile=tile, steps=steps, device=device,
                        progress=False)
on_gpu = torch.cuda.max_memory_allocated() if device == "cuda" else None
peak = on_gpu or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps([peak, result.seconds / (steps + 1), list(result.image.shape[:1:-1])]))
"""


def measure(device: str, largest: int = 2048) -> list[dict]:
    """Return a row for each case, each in a process of its own."""
    rows = []
    for size, tile in CASES:
        if size > largest:
            continue
        given = json.dumps([size, tile, STEPS, device])
        done = subprocess.run(
            [sys.executable, "-c", CODE, given],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        )
        peak, seconds, shape = json.loads(done.stdout)
        rows.append({"size": size, "shape": shape, "tile": tile, "peak_gb": peak / 1e9,
                     "seconds_a_step": seconds, "steps": STEPS})  # fmt: skip
        print(f"  {shape[0]} x {shape[1]} px, tiles of {tile}: {peak / 1e9:.2f} GB, "
              f"{seconds:.1f} s an evaluation", flush=True)  # fmt: skip
    return rows
