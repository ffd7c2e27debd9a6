"""A valley with two dimensions, so that the ways of optimizers can be drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from nstkit.lesson.charts import COLORS
from nstkit.options import check_choice
from nstkit.pictures.plots import Picture, render

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WALLS = ("none", "clamp", "rest")
START, FLOOR = (0.15, 0.5), (1.3, 0.75)  # where the walk begins, and the lowest place
ALONG, ACROSS = 1.0, 20.0  # curvatures
DIRECTION = (0.9, 0.435)  # of the valley
LEVELS = (0.02, 0.1, 0.3, 0.7, 1.5, 3, 5, 8)  # of the contours


def _vector(values: tuple[float, float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _curvature() -> Tensor:
    """Return the matrix of second derivatives, (2, 2)."""
    c, s = DIRECTION
    turn = torch.stack([_vector((c, s)), _vector((-s, c))])
    return turn.T @ _vector((ALONG, ACROSS)).diag() @ turn


def valley_loss(places: Tensor) -> Tensor:
    """Return the height of the valley at places (..., 2): 0 at the lowest one."""
    away = places - _vector(FLOOR)
    return 0.5 * ((away @ _curvature()) * away).sum(-1)


def valley_gradient(places: Tensor) -> Tensor:
    """Return the gradient of the height at places (..., 2)."""
    return (places - _vector(FLOOR)) @ _curvature()


def walk(
    make: Callable[[list[Tensor]], torch.optim.Optimizer], steps: int, walls: str = "none"
) -> Tensor:
    """Return the places (steps + 1, 2), float64, where an optimizer stands in the valley.

    Args:
        make: returns the optimizer of a list with one tensor.
        steps: how many updates.
        walls: of the square from 0 to 1. "none" lets the optimizer go anywhere; "clamp" puts it
            back into the square after each update; "rest" also keeps a coordinate where it is, for
            one update, if it is at 0 or 1 and its gradient points outside.

    Raises:
        ValueError: Other walls.
    """
    check_choice("walls", walls, WALLS)
    x = _vector(START)
    opt, places = make([x]), [x.clone()]
    for _ in range(steps):
        x.grad = valley_gradient(x)
        rests = (x <= 0) & (x.grad > 0) | (x >= 1) & (x.grad < 0)
        rests &= walls == "rest"
        x.grad[rests] = 0
        opt.step(lambda: 0.0)
        x[rests] = places[-1][rests]
        if walls != "none":
            x.clamp_(0, 1)
        places.append(x.clone())
    return torch.stack(places)


def show_valley(paths: Mapping[str, Tensor], alt: str, *, square: bool = False) -> Picture:
    """Draw ways through the valley side by side, from {title: places (n, 2)}.

    Args:
        paths: up to four.
        alt: what there is to see.
        square: whether to draw the square from 0 to 1.
    """
    return render(partial(_draw, paths, square), alt, "jpeg", (9, 0.9 + 6.6 / len(paths)))


def _draw(paths: Mapping[str, Tensor], square: bool, figure: Figure) -> None:
    panels = figure.subplots(1, len(paths), sharey=True, squeeze=False)[0]
    for axes, (title, places), color in zip(panels, paths.items(), COLORS, strict=False):
        _contours(axes)
        axes.plot(*places.T, color=color, marker=".")
        axes.plot(*places[0], "o", color="black", markersize=5)
        axes.plot(*FLOOR, "k+", markersize=12)
        if square:
            axes.plot([0, 1, 1, 0, 0], [0, 0, 1, 1, 0], color="#888888", linewidth=1)
        axes.set_title(title, fontsize=10)


def _contours(axes: Axes) -> None:
    right, up = torch.linspace(-0.1, 1.6, 90), torch.linspace(-0.25, 1.2, 90)
    places = torch.stack(torch.meshgrid(right, up, indexing="xy"), -1).double()
    look: dict[str, Any] = {"levels": LEVELS, "colors": "#BBBBBB", "linewidths": 0.8}
    axes.contour(right, up, valley_loss(places), **look)
    axes.set_aspect("equal")
    axes.grid(False)
