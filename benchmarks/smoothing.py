#!/usr/bin/env python
"""How long a painting takes to become a photograph again, and with how much memory.

    python benchmarks/smoothing.py [--sizes 256x256 512x512 1024x683]

Each case runs in a process of its own. It prints the seconds and the peak of `nstkit.smooth`, above
what the process held before, and how many times as long that is as the guided filter.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in `python -m nstkit`

import machine
import peaks
import torch

import nstkit
from nstkit.losses.matting import guided_filter
from nstkit.pictures.sizes import resize

SIZES = ("256x256", "512x512", "1024x683")  # width x height


def smooth_here(size: str) -> dict[str, float]:
    """Smooth a painting in this process and return what it took."""
    width, height = map(int, size.split("x"))
    photo = resize(nstkit.load_image("castle"), height, width)
    noise = torch.rand(photo.shape, generator=torch.Generator().manual_seed(0))
    painting = 0.2 + 0.5 * photo.flip(1) + 0.1 * noise
    nstkit.smooth(painting[..., :32, :32], photo[..., :32, :32])  # imports scipy
    began, before = time.perf_counter(), peaks.resident_peak()
    guided_filter(painting, photo)
    filtered = time.perf_counter()
    nstkit.smooth(painting, photo)
    seconds = time.perf_counter() - filtered
    return {"seconds": seconds, "guided": filtered - began,
            "gigabytes": (peaks.resident_peak() - before) / 1e9}  # fmt: skip


def measure(sizes: Sequence[str] = SIZES) -> Iterator[dict]:
    """Yield a row for each size."""
    for size in sizes:
        row = json.loads(machine.elsewhere([__file__, "--here", size]))
        yield {"size": size, "ratio": row["seconds"] / row["guided"], **row}


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=SIZES, help="width x height in px")
    parser.add_argument("--here", metavar="SIZE", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.here:
        print(json.dumps(smooth_here(options.here)))
        return 0
    told = machine.facts("cpu")
    print(f"{told['processor']}, {told['cores']} cores, torch {told['torch']}")
    for row in measure(options.sizes):
        print(
            "{size} px: {seconds:.1f} s and {gigabytes:.2f} GB, {ratio:.0f} times as long as the "
            "guided filter ({guided:.2f} s)".format(**row)
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
