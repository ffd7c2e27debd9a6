"""Charts in the style of the course's figures: lines, bars, matrices, and a cell's own drawings."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image, ImageOps
from torch import Tensor

from nstkit.lesson.maps import color_limits
from nstkit.pictures.plots import LOOKS, SPARE_COLORS, Picture, render

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = (*(color for color, _ in LOOKS.values()), *SPARE_COLORS)
MANY = 100  # squares in a picture: in all their shades they would be most of a notebook
MARGIN = 6  # px of white beside squares and their names
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))


def chart(
    alt: str, size: tuple[float, float] = (6, 3), kind: str = "png"
) -> Callable[[Callable[[Figure], None]], Picture]:
    """Decorate a function that draws on an empty matplotlib figure: its name becomes the picture.

    Args:
        alt: what there is to see, for readers who do not see it.
        size: width and height in inches; 9 fills the page.
        kind: "png" for lines and bars, "jpeg" where photographs are in it.
    """
    return lambda draw: render(draw, alt, kind, size)


def show_curves(
    curves: Mapping[str, Any], alt: str, *, x: str = "step", y: str = "loss", log: bool = True,
    size: tuple[float, float] = (7.5, 3.2), inside: bool = False, dots: bool = False,
) -> Picture:  # fmt: skip
    """Draw up to 7 lines from {label: values} or {label: (x values, y values)} in one chart.

    ``x`` and ``y`` name the axes; ``log`` makes the vertical one logarithmic, else it shows 0.
    ``inside`` puts the legend into the chart, where falling curves leave room for it. ``dots``
    marks each value, where there are so few that the lines between them are guesses.
    """
    if len(curves) > len(LINES):
        raise ValueError(
            f"got {len(curves)} curves; expected at most {len(LINES)}: draw two charts"
        )
    return render(partial(_draw_curves, curves, x, y, log, inside, dots), alt, "png", size)


def _draw_curves(
    curves: Mapping[str, Any], x: str, y: str, log: bool, inside: bool, dots: bool, figure: Figure
) -> None:
    from matplotlib.ticker import LogLocator

    axes = figure.add_subplot(xlabel=x, ylabel=y)
    for (label, data), color, line in zip(curves.items(), COLORS, LINES, strict=False):
        pair = data if isinstance(data, tuple) else (range(len(data)), data)
        marker = "o" if dots else None
        axes.plot(*pair, color=color, linestyle=line, marker=marker, markersize=5, label=label)
    if log:
        axes.set_yscale("log", nonpositive="mask")
        axes.yaxis.set_major_formatter("{x:g}")
        ratio = axes.get_ylim()[1] / axes.get_ylim()[0]
        if ratio < 20:  # else hardly a number would be there
            axes.yaxis.set_minor_formatter("{x:g}")
        if 5 < ratio < 20:  # 70, 80 and 90 would overlap
            axes.yaxis.set_minor_locator(LogLocator(subs=(2, 3, 5)))
    else:
        axes.set_ylim(bottom=min(0, axes.get_ylim()[0]))  # else heights would not compare
    if len(curves) > 1 and inside:
        axes.legend(loc="upper right", fontsize=10)
    elif len(curves) > 1:
        figure.legend(loc="outside right upper", fontsize=9)


def show_bars(
    groups: Mapping[str, Mapping[str, float]], alt: str, *, x: str = "", numbers: str = ".2g",
    width: float = 7.5, mark: float | None = None,
) -> Picture:  # fmt: skip
    """Draw bars from {label: {name of the bar: its length}}, the first on top.

    Groups with a bar of the same name have them side by side, each in its own color. ``x`` says
    what a length is, ``numbers`` how it is written beside its bar; ``width`` is in inches. A line
    goes through all bars at ``mark``.
    """
    names = list(dict.fromkeys(name for bars in groups.values() for name in bars))
    height = 0.8 + len(names) * (0.12 + 0.2 * len(groups))
    draw = partial(_draw_bars, groups, names, x, numbers, mark)
    return render(draw, alt, "png", (width, height))


def _draw_bars(
    groups: Mapping[str, Mapping[str, float]], names: Sequence[str], x: str, numbers: str,
    mark: float | None, figure: Figure,
) -> None:  # fmt: skip
    axes, thick = figure.add_subplot(xlabel=x), 0.8 / len(groups)
    paper = None if mark is None else {"color": "white", "pad": 0.5}  # the line ends at numbers
    for number, (label, bars) in enumerate(groups.items()):
        places = [names.index(name) + thick * (number - (len(groups) - 1) / 2) for name in bars]
        color = COLORS[(number + 1) % len(COLORS)]
        drawn = axes.barh(places, list(bars.values()), thick, label=label, color=color)
        told = [format(value, numbers) for value in bars.values()]
        axes.bar_label(drawn, told, padding=3, fontsize=8, bbox=paper)
    axes.set_yticks(range(len(names)), names, fontsize=9)
    axes.grid(False, axis="y")
    if mark is not None:
        axes.axvline(mark, color="black", linewidth=1, zorder=2.5)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    if len(groups) > 1:
        figure.legend(loc="outside right upper", fontsize=9)


def show_shares(
    groups: Mapping[str, Mapping[str, float]], alt: str, *, x: str, width: float = 8.5
) -> Picture:
    """Draw one bar for each of {label: {part: amount}}, cut into its parts' shares in percent.

    Parts go from light to dark in the order in which they first come, as layers from shallow to
    deep do. A part under 4 % has its number above it. ``x`` says what is shared; ``width`` is in
    inches.

    Raises:
        ValueError: The amounts of a group are not positive in sum, or one is negative.
    """
    for label, parts in groups.items():
        if min(parts.values(), default=0) < 0 or sum(parts.values()) <= 0:
            raise ValueError(
                f"got {dict(parts)} for {label!r}; expected amounts of at least 0, one above 0"
            )
    draw = partial(_draw_shares, groups, x)
    return render(draw, alt, "png", (width, 0.9 + 0.42 * len(groups)))


def _draw_shares(groups: Mapping[str, Mapping[str, float]], x: str, figure: Figure) -> None:
    from matplotlib import colormaps

    axes = figure.add_subplot(xlabel=x, xlim=(0, 100))
    names = list(dict.fromkeys(name for parts in groups.values() for name in parts))
    left = [0.0] * len(groups)
    for number, name in enumerate(names):
        shares = [100 * p.get(name, 0) / sum(p.values()) for p in groups.values()]
        color = colormaps["cividis"](0.97 - 0.9 * number / max(1, len(names) - 1))
        drawn = axes.barh(list(groups), shares, 0.75, left, color=color, edgecolor="w", label=name)
        told = [f"{share:.0f}%" if share >= 4 else "" for share in shares]
        axes.bar_label(drawn, told, label_type="center", fontsize=9, color=_ink(color))
        for row, (share, start) in enumerate(zip(shares, left, strict=True)):
            if 0 < share < 4:  # too narrow: a small number goes above
                axes.text(start + share / 2, row - 0.39, f"{share:.0f}", ha="center", size=7)
        left = [a + b for a, b in zip(left, shares, strict=True)]
    axes.xaxis.set_major_formatter("{x:.0f}%")
    axes.grid(False)
    axes.invert_yaxis()
    figure.legend(loc="outside right upper", fontsize=9)


def _ink(color: Sequence[float]) -> str:
    """Return black or white, whichever is read more easily on a color."""
    red, green, blue, *_ = color
    return "black" if 0.3 * red + 0.6 * green + 0.1 * blue > 0.5 else "white"


def show_matrices(
    matrices: Mapping[str, Tensor], alt: str, *, rows: Sequence[str] = (),
    columns: Sequence[str] = (), numbers: str | None = None, colors: str = "cividis",
    shared: bool | Sequence[str] = False, marks: Sequence[tuple[int, int]] = (),
    height: float = 3.0, x: str = "", text: float = 8, bar: bool | None = None,
) -> Picture:  # fmt: skip
    """Draw matrices side by side from {title: (n, m) tensor}, each entry a colored square.

    Args:
        matrices: at most four or so. Entries that are NaN stay blank.
        alt: what there is to see.
        rows: their names.
        columns: their names.
        numbers: format in which each entry is written into its square, such as ".2f".
        colors: as in `heat`.
        shared: one color scale and one bar for all; or one scale for those with these titles.
            The others have their own, as their bars tell.
        marks: row and column of entries that get a red frame, in matrices of the first one's size.
        height: of the picture in inches.
        x: what a column is, written below each matrix.
        text: size of names and numbers in points.
        bar: whether bars tell what the colors are; None: only where no numbers do.
    """
    tensors = {title: matrix.detach().float().cpu() for title, matrix in matrices.items()}
    group = tensors.keys() if shared is True else set(shared or ())
    bar = numbers is None if bar is None else bar
    draw = partial(
        _draw_matrices, tensors, rows, columns, numbers, colors, group, marks, x, text, bar
    )
    beside = 0.6 + max(map(len, rows), default=0) * text / 112  # names and bars, in inches
    widths = [height * m.shape[1] / m.shape[0] + beside for m in tensors.values()]
    picture = _cropped(render(draw, alt, "png", (min(9.0, sum(widths)), height)))
    entries = sum(matrix.numel() for matrix in tensors.values())
    return _paletted(picture) if entries > MANY else picture


def _cropped(picture: Picture) -> Picture:
    """Return a PNG without the white at its sides, which squares leave where names need height."""
    file = io.BytesIO()
    with Image.open(io.BytesIO(picture.data)) as image:
        drawn = image.convert("RGB")
        left, _, right, _ = ImageOps.invert(drawn).getbbox() or (0, 0, *drawn.size)
        left, right = max(0, left - MARGIN), min(drawn.width, right + MARGIN)
        drawn.crop((left, 0, right, drawn.height)).save(file, "PNG", optimize=True)
        width = round(picture.width * (right - left) / drawn.width)
    return replace(picture, data=file.getvalue(), width=width)


def _paletted(picture: Picture) -> Picture:
    """Return a PNG with 256 colors at most, so chosen that a color bar keeps its ends."""
    file = io.BytesIO()
    with Image.open(io.BytesIO(picture.data)) as image:
        few = image.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE)
        few.save(file, "PNG", optimize=True)
    return replace(picture, data=file.getvalue())


def _draw_matrices(
    tensors: Mapping[str, Tensor], rows: Sequence[str], columns: Sequence[str],
    numbers: str | None, colors: str, group: Set[str], marks: Sequence[tuple[int, int]], x: str,
    text: float, bar: bool, figure: Figure,
) -> None:  # fmt: skip
    panels, first = figure.subplots(1, len(tensors), squeeze=False)[0], next(iter(tensors.values()))
    one_bar = tensors.keys() <= group  # all of them share their scale
    for axes, (title, matrix) in zip(panels, tensors.items(), strict=True):
        alike = group if title in group else {title}
        judged = torch.cat([tensors[name].flatten() for name in alike])
        low, high = color_limits(judged, colors)
        shown = axes.imshow(matrix.numpy(), cmap=colors, vmin=low, vmax=high)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel(x, fontsize=9)
        axes.grid(False)
        axes.set_xticks(range(len(columns)), columns, fontsize=text, rotation=45, ha="right")
        axes.set_yticks(range(len(rows)), rows, fontsize=text)
        if matrix.shape == first.shape:
            _frame(axes, marks)
        if bar and not one_bar:
            figure.colorbar(shown, ax=axes, fraction=0.05)
        if numbers is None:
            continue
        for i, j in itertools.product(*map(range, matrix.shape)):
            ink = _ink(shown.cmap(shown.norm(value := matrix[i, j].item())))
            axes.text(j, i, format(value, numbers), ha="center", va="center", color=ink, size=text)
    if one_bar and bar:
        figure.colorbar(shown, ax=panels, fraction=0.02)


def _frame(axes: Axes, marks: Sequence[tuple[int, int]]) -> None:
    """Draw a red frame around each of these entries, given as row and column."""
    for row, column in marks:
        left, right, top, bottom = column - 0.5, column + 0.5, row - 0.5, row + 0.5
        axes.plot([left, right, right, left, left], [top, top, bottom, bottom, top], color="red")
