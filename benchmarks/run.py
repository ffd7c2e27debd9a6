#!/usr/bin/env python
"""Measure, and write what was found to nstkit/measured/MACHINE.json.

    python benchmarks/run.py [start_up] [step_cost] [tricks] [memory] [equal_loss]

Without names it measures everything. Other results in the file are kept, also those of the
finished studies, whose programs are gone.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in `python -m nstkit`

import equal_loss
import machine
import memory
import start_up
import step_cost
import torch
import tricks

from nstkit.files import write_whole

FOLDER = Path(__file__).resolve().parents[1] / "nstkit" / "measured"  # the course reads it
PARTS = {m.__name__: m for m in (start_up, step_cost, tricks, memory, equal_loss)}


def main(arguments: list[str] | None = None) -> int:
    """Measure what the command line asks for; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--sizes", type=int, nargs="+", help="px of what is measured at several")
    options = parser.parse_args(arguments)
    if unknown := set(options.parts) - PARTS.keys():
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    told = machine.facts(device)
    path = FOLDER / f"{machine.name(told)}.json"
    found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    sizes = {"sizes": tuple(options.sizes)} if options.sizes else {}
    for name in options.parts or PARTS:
        print(name, flush=True)
        rows = PARTS[name].measure(device, **({} if name == "start_up" else sizes))
        rows = joined(found.get(name), rows, told)
        found[name] = {"machine": told, "date": str(datetime.date.today()), "results": rows}
        write_whole(path, json.dumps(found, indent=1) + "\n")
    print(path)
    return 0


def joined(before: dict | None, rows: Any, told: dict[str, object]) -> Any:
    """Add the rows of sizes that were not measured this time, if the same machine found them."""
    if before is None or before["machine"] != told or not isinstance(rows, list):
        return rows
    sizes = {row["size"] for row in rows}
    others = [row for row in before["results"] if row["size"] not in sizes]
    return sorted(others + rows, key=lambda row: row["size"])


if __name__ == "__main__":
    sys.exit(main())
