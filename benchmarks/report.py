#!/usr/bin/env python
"""Print the stored measurements as tables, and draw docs/figures/benchmark_*.svg from them.

python benchmarks/report.py
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from equal_loss import in_words
from matplotlib.figure import Figure

from nstkit.files import replacing
from nstkit.lesson import COLORS

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Report on all files."""
    for path in sorted((ROOT / "nstkit" / "measured").glob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        print(f"\n## {path.stem}")
        for name, part in found.items():
            told = part["machine"]
            print(f"\n{name}, {part['date']}: {told['gpu'] or told['processor']}, "
                  f"{told['cores']} cores, torch {told['torch']}\n")  # fmt: skip
            print("\n".join(table(*TABLES[name](part["results"]))))
        with replacing(ROOT / "docs" / "figures" / f"benchmark_{path.stem}.svg") as draft:
            draw(found).savefig(draft, format="svg")
    return 0


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    """Yield the lines of a Markdown table."""
    yield f"| {' | '.join(columns)} |"
    yield "|" + " --- |" * len(columns)
    for row in rows:
        yield f"| {' | '.join(f'{v:.3g}' if isinstance(v, float) else str(v) for v in row)} |"


def equal_loss(rows: list[dict]) -> tuple[list[str], list[list]]:
    columns = ["times as fast", "least", "most", "px", "to the loss of", "plain", "nstkit",
               "nstkit, steps"]  # fmt: skip
    return columns, [
        [r["ratio"], r["least"], r["most"], r["size"], f"{r['mark']} evaluations",
         *(" / ".join(in_words(run["seconds"]) for run in r[kind]) for kind in ("plain", "nstkit")),
         " / ".join(str(run["steps"] or "-") for run in r["nstkit"])]
        for r in rows
    ]  # fmt: skip


def step_cost(rows: list[dict]) -> tuple[list[str], list[list]]:
    columns = ["times the limit", "px", "precision", "s a step", "limit, s", "us a pixel"]
    return columns, [
        [r["over_limit"], r["size"], r["precision"], r["seconds"], r["limit"],
         1e6 * r["seconds"] / r["pixels"]]
        for r in rows
    ]  # fmt: skip


def memory(rows: list[dict]) -> tuple[list[str], list[list]]:
    base = next((r["peak_gb"] for r in rows if r["size"] == 1024 and not r["tile"]), None)
    columns = ["px", "tiles", "peak, GB", "beside 1024 px whole", "s an evaluation"]
    return columns, [
        ["{} x {}".format(*r["shape"]), r["tile"] or "whole", r["peak_gb"],
         r["peak_gb"] / base if base else "", r["seconds_a_step"]]
        for r in rows
    ]  # fmt: skip


def start_up(found: dict[str, float]) -> tuple[list[str], list[list]]:
    return list(found), [list(found.values())]


def tricks(rows: list[dict]) -> tuple[list[str], list[list]]:
    columns = ["a step without", "px", "precision", "times as long", "half of the rounds", "s"]
    return columns, [
        [r["name"], r["size"], r["precision"], f"{r['ratio']:.3f}",
         "{:.3f} to {:.3f}".format(*r["quartiles"]), r["seconds"]]
        for r in rows
    ]  # fmt: skip


def studies(found: dict[str, list[dict]]) -> tuple[list[str], list[list]]:
    """Return a row for each way of each finished study; several pairs of pictures share a row."""
    columns = ["study", "", "px", "ratio, or share", "seconds, evaluations or loss, of each pair"]
    rows = []
    for study, stored in found.items():
        for name, size in dict.fromkeys((r["name"], r["size"]) for r in stored):
            mine = [r for r in stored if (r["name"], r["size"]) == (name, size)]
            ratio = mine[0].get("ratio", mine[0].get("share", ""))
            (kind,) = mine[0].keys() & {"seconds", "steps", "loss"}
            rows.append([study, name, size, ratio, " / ".join(f"{r[kind]:.3g}" for r in mine)])
    return columns, rows


PARTS = (equal_loss, step_cost, tricks, memory, start_up, studies)
TABLES = {f.__name__: f for f in PARTS}


def draw(found: dict[str, dict]) -> Figure:
    """Draw what a file holds, a panel for each measurement."""
    figure = Figure((11, 3.4), layout="constrained")
    panels = [name for name in ("equal_loss", "step_cost", "memory") if name in found]
    for axes, name in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        DRAWN[name](axes, found[name]["results"])
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def draw_ratio(axes, rows: list[dict]) -> None:
    axes.set(title="times as fast as the plain loop", ylabel="ratio of seconds")
    for at, row in enumerate(rows):
        low, high = row["ratio"] - row["least"], row["most"] - row["ratio"]
        color = COLORS[1 if row["size"] <= 256 else 2]
        axes.bar(at, row["ratio"], yerr=[[low], [high]], color=color, capsize=4)
    axes.set_xticks(range(len(rows)), [f"{r['size']}\n{r['mark']}" for r in rows])
    axes.set_xlabel("size in px, and the plain loop's evaluations")
    axes.axhline(1, color="black", linewidth=0.8)


def draw_cost(axes, rows: list[dict]) -> None:
    axes.set(title="a step, and its limit", xlabel="pixels", ylabel="seconds")
    axes.set(xscale="log", yscale="log")
    for number, name in enumerate(sorted({r["precision"] for r in rows})):
        mine = [r for r in rows if r["precision"] == name]
        pixels = [r["pixels"] for r in mine]
        axes.plot(pixels, [r["seconds"] for r in mine], "o-", color=COLORS[number], label=name)
        axes.plot(pixels, [r["limit"] for r in mine], "--", color=COLORS[number],
                  label=f"{name}, limit")  # fmt: skip
    axes.legend(fontsize=8)


def draw_memory(axes, rows: list[dict]) -> None:
    axes.set(title="memory", xlabel="mean side, px", ylabel="peak of the process, GB")
    for number, tile in enumerate(dict.fromkeys(r["tile"] for r in rows)):
        mine = [r for r in rows if r["tile"] == tile]
        sides = [math.sqrt(r["shape"][0] * r["shape"][1]) for r in mine]
        label = f"tiles of {tile} px" if tile else "whole"
        axes.plot(sides, [r["peak_gb"] for r in mine], "o-", color=COLORS[number], label=label)
    axes.set_ylim(bottom=0)  # after the lines are drawn: before, it would fix the top at 1
    axes.legend(fontsize=8)


DRAWN = {"equal_loss": draw_ratio, "step_cost": draw_cost, "memory": draw_memory}


if __name__ == "__main__":
    sys.exit(main())
