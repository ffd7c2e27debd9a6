"""What the benchmarks found, on every machine where they ran, and what follows for a picture."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageOps

from nstkit.descent.solver import pairs_for
from nstkit.lesson.charts import COLORS, chart
from nstkit.lesson.tables import Table, show_table
from nstkit.lesson.titles import pair_title
from nstkit.pictures.plots import Picture
from nstkit.recipes import DEFAULT
from nstkit.tiles import tiles
from nstkit.vgg import VGG

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOLDER = Path(__file__).resolve().parents[1] / "measured"
UNITS = {  # by what "auto" chooses there
    "bfloat16": "bf16 units",
    "float16": "fp16 units",
    "float32": "no bf16 units",
}
SPELLED = {"amd": "AMD", "epyc": "EPYC", "intel": "Intel", "xeon": "Xeon"}  # names of machines
PAINTINGS = FOLDER / "equal_loss"
PAGE, STORED = 860, 946  # px at which paintings are shown, and px that a notebook stores
TIMES = {"seconds": "seconds", "ratio": "times as fast"}
SECTIONS: dict[str, tuple[str, str, dict[str, str]]] = {  # benchmark, title, what to show of a row
    "stages": ("studies", "one trick added after the other", TIMES),
    "descents": ("studies", "evaluations to where a tutorial's loop is after 100", {"steps": ""}),
    "parts": ("studies", "parts of a step", {"seconds": "seconds", "share": "of an evaluation"}),
    "ways": ("studies", "other ways to make a step", TIMES),
    "freed": ("studies", "a step, by what becomes of memory that it frees", TIMES),
    "endings": ("studies", "loss after 100 evaluations", {"loss": ""}),
    "first_moves": ("studies", "loss after 100, by the first move of a pixel", {"loss": ""}),
}


def measured(part: str | None = None) -> dict[str, Any]:
    """Return what `benchmarks/run.py` stored, by machine.

    Args:
        part: name of a benchmark, such as "step_cost".

    Returns:
        {machine: the results of this benchmark}, of machines where it ran; without a name
        {machine: {benchmark: {"machine": facts, "date": day, "results": results}}} of all.
    """
    found = {name: json.loads(p.read_text(encoding="utf-8")) for name, p in _files().items()}
    if part is None:
        return found
    return {name: parts[part]["results"] for name, parts in found.items() if part in parts}


def show_equal_loss(machine: str, size: int) -> Picture:
    """Show the paintings of an equal loss: those of the plain loop above those of nstkit.

    Args:
        machine: a key of ``measured("equal_loss")``.
        size: long side in px at which they were painted there.

    Raises:
        ValueError: No such paintings are stored.
    """
    stems = {name: path.stem for name, path in _files().items()}
    names = {name: f"{stem}_{size}_px.jpg" for name, stem in stems.items()}
    stored = {name for name in names if (PAINTINGS / names[name]).is_file()}
    if machine not in stored:
        raise ValueError(
            f"got paintings of {size} px on {machine!r}; expected a machine that has some of this "
            f"size: {', '.join(sorted(stored)) or 'none has'}"
        )
    pairs = measured("equal_loss")[machine][0]["pairs"]
    alt = (
        f"{'; '.join(pair_title(*pair) for pair in pairs)}: each twice at one loss, above by the "
        "plain loop and below by nstkit, with the seconds"
    )
    with Image.open(PAINTINGS / names[machine]) as stored_picture:
        shown = ImageOps.contain(stored_picture, (STORED, STORED), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    shown.save(file, "JPEG", quality=82, subsampling="4:4:4", optimize=True)
    return Picture(file.getvalue(), alt, PAGE)


def _files() -> dict[str, Path]:
    """Return {machine: the file with its measurements}."""
    return {_machine(path.stem): path for path in sorted(FOLDER.glob("*.json"))}


def _machine(stem: str) -> str:
    """Return a file's name in words: "amd_epyc_2_cores_float32" is "AMD EPYC (no bf16 units)".

    Its last word is a precision, and many rows have their own. Two cores go without saying.
    """
    name, _, precision = stem.rpartition("_")
    words = name.replace("_processor", "").removesuffix("_2_cores").split("_")
    spelled = " ".join(SPELLED.get(word, word) for word in words)
    return f"{spelled} ({UNITS[precision]})"


def stored_table(section: str) -> Table:
    """Return what one of the finished studies found, a row for each machine and way.

    Args:
        section: a key of ``SECTIONS``, such as "stages". Where several pairs of pictures were
            painted, each has a column.
    """
    part, title, shown = SECTIONS[section]
    rows: dict[str, dict[str, object]] = {}
    for machine, found in measured(part).items():
        for row in found.get(section, ()):
            pair = pair_title(*row["pair"]) if "pair" in row else ""
            cells = rows.setdefault(f"{machine}, {row['size']} px: {row['name']}", {})
            cells.update({pair or label: f"{row[key]:.3g}" for key, label in shown.items()})
    columns = list(dict.fromkeys(name for cells in rows.values() for name in cells))
    return show_table(
        {name: list(cells.values()) for name, cells in rows.items()}, [title, *columns]
    )


def estimated(machine: str, size: int, tile: int | None, vgg: VGG) -> tuple[float, float]:
    """Return the seconds of a step and the gigabytes at the peak, of a picture of 3 : 2.

    Time is a line over the pixels that are computed; with tiles these are all with their halos,
    1.5 times, for the way forward comes twice. Memory is a line over the pixels that are computed
    at once; with tiles another one over those of the whole picture comes on top. What L-BFGS
    remembers is counted apart, for a large picture has fewer pairs.

    Args:
        machine: a key of both ``measured("step_cost")`` and ``measured("memory")``.
        size: long side in px.
        tile: side of the tiles in px; None for the whole at once.
        vgg: the network.
    """
    parts = measured()[machine]
    cost, memory = parts["step_cost"], parts["memory"]["results"]
    steps = [r for r in cost["results"] if r["precision"] == cost["machine"]["auto_precision"]]
    second, overhead = _line((r["pixels"], r["seconds"]) for r in steps)
    height, width = size, size * 2 // 3
    areas = _areas(height, width, tile, vgg)
    work = areas[0] if len(areas) == 1 else 1.5 * sum(areas)
    remembered = _remembered(height, width, pairs_kept(height, width))
    return overhead + second * work, _peak(memory, height * width, areas, vgg) + remembered


def show_plan(
    machine: str, size: int, tile: int | str, vgg: VGG, *, sizes: Sequence[int]
) -> Picture:
    """Draw what `estimated` tells of a picture of some size, among others, whole and in tiles.

    Args:
        machine: as in `estimated`.
        size: long side in px, one of ``sizes``; a star marks it.
        tile: side of the tiles in px, or "whole".
        vgg: the network.
        sizes: long sides in px.
    """
    choices = {"whole": None, **({} if tile == "whole" else {f"{tile} px": int(tile)})}
    lines = {
        name: [estimated(machine, side, choice, vgg) for side in sizes]
        for name, choice in choices.items()
    }
    seconds, peak = chosen = lines[list(choices)[-1]][list(sizes).index(size)]
    alt = f"{machine}, {size} px, {list(choices)[-1]}: {seconds:.3g} s a step, {peak:.1f} GB"

    def _draw(figure: Figure) -> None:
        from matplotlib.ticker import LogLocator

        figure.suptitle(machine, fontsize=10)
        for at, (axes, unit) in enumerate(
            zip(figure.subplots(1, 2), ("seconds a step", "GB"), strict=True)
        ):
            for (name, found), color in zip(lines.items(), COLORS[1:], strict=False):
                values = [estimate[at] for estimate in found]
                axes.plot(sizes, values, "o-", color=color, markersize=3, label=name)
            axes.plot(size, chosen[at], "k*", markersize=12)
            axes.set(xlabel="long side (px)", ylabel=unit, xscale="log", yscale="log")
            axes.set_title(f"{chosen[at]:.3g} {unit}")
            axes.set_xticks(sizes, sizes, rotation=45)
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter("{x:g}")
            axes.minorticks_off()
        axes.legend(fontsize=8, title="tile")

    return chart(alt, (8, 3))(_draw)


def pairs_kept(height: int, width: int) -> int:
    """Return how many pairs L-BFGS remembers of a picture."""
    return pairs_for(3 * height * width)


def _remembered(height: int, width: int, pairs: int) -> float:
    """Return the gigabytes of pairs of pictures and gradients in float32."""
    return 2 * pairs * 12 * height * width / 1e9


def _areas(height: int, width: int, tile: int | None, vgg: VGG) -> list[int]:
    """Return the pixels of each tile with its halo, or of the whole."""
    if tile is None or tile >= max(height, width):
        return [height * width]
    outer = [t.outer for t in tiles(height, width, tile, DEFAULT.style_layers, vgg)]
    return [(bottom - top) * (right - left) for top, bottom, left, right in outer]


def _peak(rows: list[dict[str, Any]], pixels: int, areas: list[int], vgg: VGG) -> float:
    """Return the gigabytes of a picture computed in parts of these areas, without L-BFGS's."""
    sides = [
        (*row["shape"], row["tile"], row["peak_gb"] - _remembered(*row["shape"], row["pairs"]))
        for row in rows
    ]
    giga, base = _line((w * h, peak) for w, h, tile, peak in sides if not tile)
    if len(areas) > 1:  # what a tile takes is known: the rest goes with the picture
        rests = [
            (w * h, peak - giga * max(_areas(h, w, tile, vgg)))
            for w, h, tile, peak in sides
            if tile
        ]
        more, base = _line(rests)
        base += more * pixels
    return base + giga * max(areas)


def _line(points: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """Return rise and height at 0 of the line through the first and the last of some points."""
    (left, low), *_, (right, high) = sorted(points)
    rise = (high - low) / (right - left)
    return rise, low - rise * left
