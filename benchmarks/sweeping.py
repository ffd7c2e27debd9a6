#!/usr/bin/env python
"""How much sooner many paintings are done by `nstkit.sweep` than one after another.

    python benchmarks/sweeping.py [--sizes 256 512]

One way calls `nstkit.stylize` for each pair, with all threads. The other one paints a pair on each
core, with one thread. Both ways take turns. It prints the median seconds of each and their ratio.
The first round, in which the workers start, does not count.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in `python -m nstkit`

import machine
import torch

import nstkit

PHOTOGRAPHS, ARTWORKS = ("cat", "castle"), ("starry_night", "great_wave")
ROUNDS, STEPS = 3, 20


def measure(
    sizes: Sequence[int] = (256, 512), rounds: int = ROUNDS, steps: int = STEPS
) -> Iterator[dict]:
    """Yield a row for each size."""
    for size in sizes:
        options = {"size": size, "steps": steps, "scales": 1, "device": "cpu"}

        def _stylize(options: dict = options) -> None:
            for pair in itertools.product(PHOTOGRAPHS, ARTWORKS):
                nstkit.stylize(*pair, progress=False, **options)

        def _sweep(options: dict = options) -> None:
            for swept in nstkit.sweep(PHOTOGRAPHS, ARTWORKS, **options):
                assert swept.error is None

        times = machine.in_turns({"one": _stylize, "sweep": _sweep}, "cpu", rounds)
        row = {name: statistics.median(found) for name, found in times.items()}
        yield {"size": size, "ratio": row["one"] / row["sweep"], **row}


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512], help="long sides in px")
    told, threads = machine.facts("cpu"), torch.get_num_threads()
    print(f"{told['processor']}, {told['cores']} cores, {threads} threads, torch {told['torch']}")
    for row in measure(parser.parse_args(arguments).sizes):
        print(
            "{size} px: {one:.1f} s one after another, {sweep:.1f} s by a sweep, "
            "{ratio:.2f} times as fast".format(**row)
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
