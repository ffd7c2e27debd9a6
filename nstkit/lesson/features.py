"""Feature maps for the eye: maps in rows, pictures lit by a map, and what a position sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import torch.nn.functional as F
from torch import Tensor

from nstkit.lesson.charts import COLORS
from nstkit.pictures.images import to_pil
from nstkit.pictures.plots import Picture, render, show_images

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 9.0  # inches: a page
DARK, SOFT = 0.12, 0.6  # of a lit picture: how bright where a map is 0; a power for the rest


def show_maps(
    maps: Mapping[str, Tensor], alt: str, *, columns: int = 3, colors: str = "cividis",
    share: float = 0.995,
) -> Picture:  # fmt: skip
    """Draw maps in rows from {title: (h, w) tensor}, each number a square of one color.

    Each map has a scale of its own, from 0 to nearly the greatest of its numbers. For signed
    numbers it begins as far below 0. A picture may be among the maps and is shown as it is.

    Args:
        maps: numbers (h, w) or pictures (1, 3, h, w) in [0, 1], of about one aspect: that of the
            first.
        alt: what there is to see.
        columns: maps in a row.
        colors: a matplotlib colormap: "cividis" for amounts, "RdBu_r" for signed numbers.
        share: of the numbers of a map that are at most the end of its scale. The few above get
            the last color, so that one bright spot does not leave all else dark.
    """
    drawn = {title: values.detach().float().cpu() for title, values in maps.items()}
    rows = -(-len(drawn) // columns)
    height, width = next(iter(drawn.values())).shape[-2:]
    inches = rows * (WIDTH / columns * height / width + 0.3)
    return render(partial(_draw_maps, drawn, columns, colors, share), alt, "jpeg", (WIDTH, inches))


def _draw_maps(
    maps: Mapping[str, Tensor], columns: int, colors: str, share: float, figure: Figure
) -> None:
    height, width = next(iter(maps.values())).shape[-2:]
    places = figure.subplots(-(-len(maps) // columns), columns, squeeze=False).flatten()
    for place in places:
        place.axis("off")
    for place, (title, values) in zip(places, maps.items(), strict=False):
        down, across = values.shape[-2:]
        if values.ndim > 2:
            place.imshow(to_pil(values))
        else:
            top = values.abs().flatten().quantile(share).item() or 1
            low = -top if colors == "RdBu_r" else 0
            place.imshow(values.numpy(), cmap=colors, vmin=low, vmax=top)
        place.set_aspect(height / width * across / down)  # else rows would be ragged
        place.set_title(title, fontsize=11)


def show_lit(image: Tensor, values: Tensor, title: str, *, alt: str | None = None) -> Picture:
    """Show a picture in the dark, lit where a map is high, on a black sheet of 3 to 2.

    So lit pictures of any shape make panels of one size.

    Args:
        image: (1, 3, H, W) in [0, 1].
        values: (h, w), stretched over the picture. Its greatest number is lit fully, and what is
            not above 0 stays dark.
        title: what stands above.
        alt: what there is to see; None: the title.
    """
    picture = image.detach().float().cpu()
    numbers = values.detach().float().cpu().clamp(min=0).view(1, 1, *values.shape[-2:])
    light = numbers / max(numbers.max().item(), 1e-6)
    spread = F.interpolate(light, picture.shape[-2:], mode="bilinear").clamp(0, 1)
    lit = picture * (DARK + (1 - DARK) * spread**SOFT)
    high, wide = lit.shape[-2:]
    across, down = max(0, round(1.5 * high) - wide), max(0, round(wide / 1.5) - high)
    sheet = F.pad(lit, (across // 2, across - across // 2, down // 2, down - down // 2))
    return show_images([sheet], [title], size=3, alt=alt or title)


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
