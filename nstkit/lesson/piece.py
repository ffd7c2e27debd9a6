"""A small piece of a photograph: where it was cut from, and numbers for each of its pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from nstkit.lesson.maps import color_limits
from nstkit.pictures.images import to_pil
from nstkit.pictures.plots import Picture, render

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIGNED = "RdBu_r"  # blue below 0, white at 0, red above
FRAME, MARKS = "#FF2D95", ("#FFB000", "#00A06A")  # stand out from dark and light, and each other
HEIGHT = 2.15  # inches


def show_piece(
    photo: Tensor, row: int, column: int, maps: Mapping[str, Tensor], alt: str, *,
    marks: Sequence[tuple[int, int]] = (), title: str = "photograph",
) -> Picture:  # fmt: skip
    """Show where in a photograph a piece lies, the piece itself, and maps of signed numbers.

    The maps share one scale, with white at 0.

    Args:
        photo: (1, 3, H, W) in [0, 1].
        row: of the piece's upper edge, in px from the top.
        column: of its left edge, in px from the left.
        maps: {title: (height, width) of the piece}, one to three.
        alt: what there is to see.
        marks: row and column, in the piece, of at most two pixels that get a frame.
        title: of the photograph.

    Raises:
        ValueError: No map, maps of unlike sizes, or a piece that reaches beyond the photograph.
    """
    shapes = {tuple(numbers.shape) for numbers in maps.values()}
    if not 1 <= len(maps) <= 3 or len(shapes) > 1:
        raise ValueError(
            f"got {len(maps)} maps of the sizes {sorted(shapes)}; give one to three of one size"
        )
    height, width = shapes.pop()
    room = photo.shape[-2] - height, photo.shape[-1] - width
    if not (0 <= row <= room[0] and 0 <= column <= room[1]):
        raise ValueError(
            f"a piece of {width} x {height} pixels at row {row} and column {column} reaches beyond "
            f"the photograph; expected a row up to {room[0]} and a column up to {room[1]}"
        )
    numbers = {name: values.detach().float().cpu() for name, values in maps.items()}
    draw = partial(_draw, photo, row, column, numbers, marks, title)
    wide = HEIGHT * photo.shape[-1] / photo.shape[-2]
    return render(draw, alt, "jpeg", (min(9.0, wide + HEIGHT * (1 + len(maps))), HEIGHT))


def _draw(
    photo: Tensor, row: int, column: int, maps: Mapping[str, Tensor],
    marks: Sequence[tuple[int, int]], title: str, figure: Figure,
) -> None:  # fmt: skip
    height, width = next(iter(maps.values())).shape
    ratio = photo.shape[-1] / photo.shape[-2]
    panels = figure.subplots(1, 2 + len(maps), width_ratios=[ratio] + [1] * (1 + len(maps)))
    for axes in panels:
        axes.grid(False)
        axes.set(xticks=[], yticks=[])
    panels[0].imshow(to_pil(photo))
    panels[0].set_title(title, fontsize=10)
    _frame(panels[0], (row - 6, row + height + 5), (column - 6, column + width + 5), FRAME)
    panels[1].imshow(to_pil(photo[..., row : row + height, column : column + width]))
    panels[1].set_title(f"the piece, {width} × {height} px", fontsize=10)
    low, high = color_limits(torch.cat([values.flatten() for values in maps.values()]), SIGNED)
    for axes, (name, values) in zip(panels[2:], maps.items(), strict=True):
        shown = axes.imshow(values.numpy(), cmap=SIGNED, vmin=low, vmax=high)
        axes.set_title(name, fontsize=10)
    for axes in panels[1:]:
        for (i, j), color in zip(marks, MARKS, strict=False):
            _frame(axes, (i, i), (j, j), color)
    figure.colorbar(shown, ax=panels[-1], fraction=0.05)


def _frame(axes: Axes, rows: tuple[int, int], columns: tuple[int, int], color: str) -> None:
    """Draw a frame around pixels, from the first row and column to the last."""
    top, bottom = rows[0] - 0.5, rows[1] + 0.5
    left, right = columns[0] - 0.5, columns[1] + 0.5
    x, y = [left, right, right, left, left], [top, top, bottom, bottom, top]
    axes.plot(x, y, color=color, linewidth=2.2)
