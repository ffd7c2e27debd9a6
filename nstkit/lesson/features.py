"""Feature maps for the eye: maps with a scale, maps over a picture, and what a position sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import torch.nn.functional as F
from torch import Tensor

from nstkit.lesson.charts import COLORS
from nstkit.pictures.images import to_pil
from nstkit.pictures.plots import Picture, render

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

WIDTH = 9.0  # inches: a page


def show_maps(
    maps: Mapping[str, Tensor], alt: str, *, columns: int = 3, colors: str = "Blues",
    share: float = 0.995, each: bool = False,
) -> Picture:  # fmt: skip
    """Draw maps in rows from {title: (h, w) tensor}, each number a square of one color.

    A row has one scale, from 0 to nearly the greatest of its numbers, and a bar that tells it. For
    signed numbers it begins as far below 0.

    Args:
        maps: of one shape within a row, and of about one aspect in all: that of the first.
        alt: what there is to see.
        columns: maps in a row.
        colors: a matplotlib colormap: "Blues" for amounts, "RdBu_r" for signed numbers.
        share: of the numbers of a row that are at most the end of its scale. The few above get
            the last color, so that one bright spot does not leave all else dark.
        each: give each map a scale and a bar of its own instead.
    """
    drawn = {title: values.detach().float().cpu() for title, values in maps.items()}
    rows = -(-len(drawn) // columns)
    height, width = next(iter(drawn.values())).shape
    inches = rows * (WIDTH / (columns + 0.35) * height / width + 0.3)
    return render(
        partial(_draw_maps, drawn, columns, colors, share, each), alt, "jpeg", (WIDTH, inches)
    )


def _draw_maps(
    maps: Mapping[str, Tensor], columns: int, colors: str, share: float, each: bool,
    figure: Figure,
) -> None:  # fmt: skip
    titles, rows = list(maps), -(-len(maps) // columns)
    height, width = maps[titles[0]].shape
    tops = {title: maps[title].abs().flatten().quantile(share).item() for title in titles}
    axes = figure.subplots(rows, columns, squeeze=False)
    for row, beside in enumerate(axes):
        named = titles[row * columns : (row + 1) * columns]
        for place in beside:
            place.axis("off")
        for place, title in zip(beside, named, strict=False):
            top = (tops[title] if each else max(tops[name] for name in named)) or 1
            low = -top if colors == "RdBu_r" else 0
            shown = place.imshow(maps[title].numpy(), cmap=colors, vmin=low, vmax=top)
            down, across = maps[title].shape
            place.set_aspect(height / width * across / down)  # else rows would be ragged
            place.set_title(title, fontsize=10)
            if each:
                figure.colorbar(shown, ax=place, fraction=0.05, aspect=12, pad=0.01)
        if not each:
            figure.colorbar(shown, ax=list(beside), fraction=0.05, aspect=12, pad=0.01)


def show_lit(
    image: Tensor, values: Tensor, title: str, *, top: float | None = None, alt: str | None = None
) -> Picture:
    """Lay a map over a pale gray picture, with a bar that tells what its colors are.

    Args:
        image: (1, 3, H, W) in [0, 1].
        values: (h, w), 0 or more, stretched over the picture.
        title: what stands above.
        top: number that gets the last color; None: the greatest. If there are greater ones, the
            bar ends in an arrow.
        alt: what there is to see; None: the title.
    """
    top = top or max(values.max().item(), 1e-6)
    high, wide = image.shape[-2:]
    numbers = values.detach().float().cpu().view(1, 1, *values.shape[-2:])
    spread = F.interpolate(numbers, (high, wide))[0, 0]
    gray = 0.45 + 0.55 * image.detach().float().cpu().mean(1)[0]

    def draw(figure: Figure) -> None:
        """Draw the picture in gray, and what is lit over it."""
        axes = figure.add_subplot()
        axes.axis("off")
        axes.set_title(title, fontsize=11)
        axes.imshow(gray.numpy(), cmap="gray", vmin=0, vmax=1)
        opaque = 0.8 * (spread / top).clamp(0, 1).sqrt().numpy()
        axes.imshow(spread.numpy(), cmap="YlOrRd", vmin=0, vmax=top, alpha=opaque)
        beyond = "max" if values.max() > top else "neither"
        figure.colorbar(_scale(top), ax=axes, fraction=0.05, pad=0.02, extend=beyond)

    return render(draw, alt or title, "jpeg", (4.5, 4.3 * high / wide * 0.85 + 0.35))


def _scale(top: float) -> ScalarMappable:
    """Return what a bar from 0 to ``top`` shows."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    return ScalarMappable(Normalize(0, top), "YlOrRd")


def show_boxes(
    views: Mapping[str, Tensor], boxes: Mapping[str, tuple[float, float, float]], alt: str,
    *, only: Mapping[str, Sequence[str]] | None = None,
) -> Picture:  # fmt: skip
    """Draw square boxes on pictures of one size, side by side, with one legend.

    Args:
        views: {title: (1, 3, H, W) in [0, 1]}.
        boxes: {label: (left, top, width)} in pixels.
        alt: what there is to see.
        only: {title: labels} for a view that shows some of the boxes; others show all.
    """
    high, wide = next(iter(views.values())).shape[-2:]
    size = WIDTH, WIDTH / len(views) * high / wide + 0.75
    return render(partial(_draw_boxes, views, boxes, only or {}), alt, "jpeg", size)


def _draw_boxes(
    views: Mapping[str, Tensor], boxes: Mapping[str, tuple[float, float, float]],
    only: Mapping[str, Sequence[str]], figure: Figure,
) -> None:  # fmt: skip
    for axes, (title, view) in zip(
        figure.subplots(1, len(views), squeeze=False)[0], views.items(), strict=True
    ):
        axes.imshow(to_pil(view))
        axes.axis("off")
        axes.set_title(title, fontsize=11)
        _add_boxes(axes, boxes, only.get(title, list(boxes)))
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=9)


def _add_boxes(
    axes: Axes, boxes: Mapping[str, tuple[float, float, float]], labels: Sequence[str]
) -> None:
    from matplotlib.patches import Rectangle

    for number, (label, (left, top, width)) in enumerate(boxes.items()):
        if label in labels:
            look = {"color": COLORS[(number + 1) % len(COLORS)], "label": label}
            corner = left - 0.5, top - 0.5  # pixel 0 is drawn from -0.5 to 0.5
            axes.add_patch(Rectangle(corner, width, width, fill=False, linewidth=2, **look))
