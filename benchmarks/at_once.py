#!/usr/bin/env python
"""How long a painting without optimization takes, in float32 and in the machine's precision.

    python benchmarks/at_once.py [--sizes 256 512]

It prints the median seconds of `nstkit.transfer` where pictures and networks are loaded, the ratio
of both precisions, and the seconds of a slider's move: that is a painting whose pictures have
passed the encoder.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in `python -m nstkit`

import machine
import torch

import nstkit
from nstkit.feedforward import HOWS, transfer
from nstkit.feedforward.transfer import Draft, coder_on

PAIR = ("castle", "starry_night")
ROUNDS = 7


def measure(device: str, sizes: Sequence[int] = (256, 512), rounds: int = ROUNDS) -> Iterator[dict]:
    """Yield a row for each size and way."""
    coder, full = coder_on(None, device=device), coder_on(None, "fp32", device)
    for size in sizes:
        pair = [nstkit.load_image(name, size, device) for name in PAIR]
        draft = Draft(*pair, coder=coder)
        for how in HOWS:
            actions = {
                "seconds": partial(transfer, *pair, how, coder=coder),
                "float32": partial(transfer, *pair, how, coder=full),
                "move": partial(draft.paint, how, 0.5),
            }
            times = machine.in_turns(actions, device, rounds)
            row = {name: statistics.median(found) for name, found in times.items()}
            precision = machine.dtype_name(coder.dtype)
            ratio = row["float32"] / row["seconds"]
            yield {"size": size, "how": how, "precision": precision, "ratio": ratio, **row}


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512], help="long sides in px")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    told = machine.facts(device)
    print(f"{told['gpu'] or told['processor']}, {told['cores']} cores, torch {told['torch']}")
    for row in measure(device, parser.parse_args(arguments).sizes):
        print(
            "{size} px, {how}: {seconds:.2f} s in {precision}, {float32:.2f} s in float32, "
            "{ratio:.1f} times as long; a move {move:.2f} s".format(**row)
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
