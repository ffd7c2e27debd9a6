"""What passes before the first step: import, weights, targets. In fresh processes, files cached."""

from __future__ import annotations

import json
import statistics

from machine import elsewhere

CODE = """
import json, sys, time
began = time.perf_counter()
import torch
torch_there = time.perf_counter()
import nstkit
there = time.perf_counter()
vgg = nstkit.VGG()
loaded = time.perf_counter()
content, style = (nstkit.load_image(n, 256, sys.argv[1]) for n in ("cat", "great_wave"))
result = nstkit.stylize(content, style, steps=0, device=sys.argv[1], progress=False)
done = time.perf_counter()
print(json.dumps([torch_there - began, there - torch_there, loaded - there, done - loaded]))
"""
NAMES = ("import_torch", "import_nstkit", "weights", "first_evaluation")


def measure(device: str, repeats: int = 5) -> dict[str, float]:
    """Return the median seconds of each part."""
    runs = [json.loads(elsewhere(["-c", CODE, device])) for _ in range(repeats)]
    found = dict(zip(NAMES, map(statistics.median, zip(*runs, strict=True)), strict=True))
    print(
        "  " + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in found.items()), flush=True
    )
    return found
