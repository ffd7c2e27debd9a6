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

LIMITS = ("none", "clamp", "rest")
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
    make: Callable[[list[Tensor]], torch.optim.Optimizer], steps: int, limits: str = "none"
) -> Tensor:
    """Return the places (steps + 1, 2), float64, where an optimizer stands in the valley.

    Args:
        make: returns the optimizer of a list with one tensor.
        steps: how many updates.
        limits: how the optimizer keeps to the square from 0 to 1. "none" lets it go anywhere;
            "clamp" puts it back into the square after each update; "rest" also keeps a coordinate
            where it is, for one update, if it is at 0 or 1 and a step against its gradient would
            lead outside.

    Raises:
        ValueError: Other limits.
    """
    check_choice("limits", limits, LIMITS)
    x = _vector(START)
    opt, places = make([x]), [x.clone()]
    for _ in range(steps):
        x.grad = valley_gradient(x)
        rests = (x <= 0) & (x.grad > 0) | (x >= 1) & (x.grad < 0)
        rests &= limits == "rest"
        x.grad[rests] = 0
        opt.step(lambda: 0.0)
        x[rests] = places[-1][rests]
        if limits != "none":
            x.clamp_(0, 1)
        places.append(x.clone())
    return torch.stack(places)


def best_allowed() -> Tensor:
    """Return the lowest place (2,) of the square from 0 to 1: on its right edge."""
    across, up = _curvature()[1]
    return _vector((1.0, FLOOR[1] - float(across / up) * (1.0 - FLOOR[0])))


def show_valley(paths: Mapping[str, Tensor], alt: str, *, color: str = COLORS[0]) -> Picture:
    """Draw ways through the valley side by side, and the square from 0 to 1 that is allowed.

    Args:
        paths: {title: places (n, 2)}, up to four.
        alt: what there is to see.
        color: of the ways.
    """
    return render(partial(_draw, paths, color), alt, "jpeg", (9, 1.3 + 6.6 / len(paths)))


def _draw(paths: Mapping[str, Tensor], color: str, figure: Figure) -> None:
    panels = figure.subplots(1, len(paths), sharey=True, squeeze=False)[0]
    for axes, (title, places) in zip(panels, paths.items(), strict=True):
        _ground(axes)
        axes.plot(*places.T, color=color, marker=".", linewidth=2)
        axes.plot(*places[0], "o", color="black", markersize=7, label="start")
        axes.plot(*FLOOR, "P", color="black", mec="white", markersize=10, label="lowest loss, 0")
        axes.plot(*best_allowed(), "*", color="#E69F00", mec="black", markersize=18,
                  label=f"best allowed, {valley_loss(best_allowed()):.2f}")  # fmt: skip
        axes.plot(*places[-1], "s", color=color, mec="white", markersize=8, label="end")
        axes.set_title(title, fontsize=11)
        axes.set_xlabel("first pixel")
    panels[0].set_ylabel("second pixel")
    known = panels[0].get_legend_handles_labels()
    figure.legend(*known, loc="outside lower center", ncols=5, fontsize=10)


def _ground(axes: Axes) -> None:
    """Draw the contours of the loss, and the allowed square in white on gray."""
    right, up = torch.linspace(-0.15, 1.55, 90), torch.linspace(-0.25, 1.2, 90)
    places = torch.stack(torch.meshgrid(right, up, indexing="xy"), -1).double()
    look: dict[str, Any] = {"levels": LEVELS, "colors": "#A9BDCB", "linewidths": 1}
    axes.set_facecolor("#ECEAE4")
    axes.fill([0, 1, 1, 0], [0, 0, 1, 1], facecolor="white", edgecolor="#888888", label="allowed")
    axes.contour(right, up, valley_loss(places), **look)
    axes.set_aspect("equal")
    axes.set_xticks([0, 0.5, 1, 1.5])
    axes.set_yticks([0, 0.5, 1])
    axes.grid(False)
