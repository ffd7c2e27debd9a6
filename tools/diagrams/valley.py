"""Four optimizers in a narrow valley, each as torch.optim makes its moves."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from matplotlib.colors import LinearSegmentedColormap
from mpl_toolkits.mplot3d.axes3d import Axes3D
from torch import Tensor

from diagrams.card import EDGE, INK, MUTED, Card, Diagram
from nstkit.lesson.race import METHOD_COLORS

STEEP = 25.0  # curvature across the valley; along it, 1
START = -4.0, 0.9
MOST, DEPTH = 40, 1e-5  # evaluations of the gradient at most, and where the chart ends
WORDS = {
    "gradient descent": "zigzags across the valley",
    "momentum": "swings less, gains speed",
    "Adam": "starts diagonally, overshoots",
    "L-BFGS": "learns how the ground curves",
}
GROUND = LinearSegmentedColormap.from_list("ground", ["#B9D2E6", "#F5F9FC"])
Path = tuple[list[tuple[float, float]], list[int]]  # points, and the evaluations up to each


def height(x: Tensor, y: Tensor) -> Tensor:
    """Return the height of the valley's ground."""
    return (x**2 + STEEP * y**2) / 2


def descent(make: Callable[[list[Tensor]], torch.optim.Optimizer]) -> Path:
    """Return the way that an optimizer takes from the start."""
    place = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer = make([place])
    points, counts, count = [START], [0], 0

    def closure() -> Tensor:
        nonlocal count
        count += 1
        optimizer.zero_grad()
        value = height(*place)
        value.backward()
        return value

    while count < MOST and height(*place.detach()) > DEPTH:
        optimizer.step(closure)
        points.append(tuple(place.detach().tolist()))
        counts.append(count)
    return points, counts


@cache
def paths() -> dict[str, Path]:
    """Return the four ways; the learning rates zigzag, but do not diverge (2 / STEEP does).

    L-BFGS goes without a line search, as in lesson 05, so each update takes one gradient.
    """
    lbfgs = {"max_iter": 1, "tolerance_grad": 0, "tolerance_change": 0}
    makers = (
        lambda x: torch.optim.SGD(x, lr=1.86 / STEEP),
        lambda x: torch.optim.SGD(x, lr=0.9 / STEEP, momentum=0.7),
        lambda x: torch.optim.Adam(x, lr=0.3, betas=(0.9, 0.99)),
        lambda x: torch.optim.LBFGS(x, **lbfgs),
    )
    return {name: descent(make) for name, make in zip(WORDS, makers, strict=True)}


def draw(card: Card) -> None:
    """Draw the valley with the four ways, and beside it how deep each has come."""
    card.text(430, 30, "Four ways down a narrow valley", 17, weight="bold")
    draw_valley(card)
    draw_chart(card)
    for column, (name, words) in enumerate(WORDS.items()):
        x, color = 28 + 206 * column, METHOD_COLORS[name]
        card.axes.plot([x, x + 22], [432, 432], color=color, linewidth=3.5)
        card.text(x + 29, 432, name, 14, ha="left", weight="bold", color=color)
        card.text(x, 454, words, 12.5, ha="left", color=MUTED)


def draw_valley(card: Card) -> None:
    """Draw the ground and the ways on it."""
    whole = card.height
    axes = card.figure.add_axes((-0.11, 20 / whole, 0.84, 450 / whole), projection="3d")
    assert isinstance(axes, Axes3D)
    axes.computed_zorder = False
    axes.set_axis_off()
    axes.patch.set_alpha(0)
    axes.view_init(elev=47, azim=-62)
    axes.set_box_aspect((1.9, 1.0, 0.62), zoom=1.22)
    x, y = np.meshgrid(np.linspace(-4.6, 1.6, 32), np.linspace(-1.15, 1.15, 18))
    ground = (x**2 + STEEP * y**2) / 2
    axes.plot_surface(x, y, ground, rstride=1, cstride=1, cmap=GROUND, vmin=0, vmax=20,
                      edgecolor="#A9BDCB", linewidth=0.5, clip_on=False, zorder=1)  # fmt: skip
    for name, (points, _) in paths().items():
        across, along = np.array(points).T
        deep = (across**2 + STEEP * along**2) / 2 + 0.15
        axes.plot(across, along, deep, color=METHOD_COLORS[name], linewidth=2.4, marker="o",
                  markersize=4.5, zorder=5)  # fmt: skip
    axes.plot(*[[v] for v in START], [18.4], "o", color=INK, markersize=9, zorder=6)
    axes.plot([0], [0], [0.2], "*", color=INK, markersize=15, zorder=6)


def draw_chart(card: Card) -> None:
    """Draw the height over the evaluations of the gradient."""
    whole = card.height
    axes = card.figure.add_axes((0.685, 112 / whole, 0.285, 268 / whole))
    axes.patch.set_facecolor("white")
    for name, (points, counts) in paths().items():
        heights = [float(height(*torch.tensor(point, dtype=torch.float64))) for point in points]
        axes.plot(
            counts, heights, color=METHOD_COLORS[name], linewidth=2.4, marker=".", markersize=6
        )
    axes.set(yscale="log", ylim=(DEPTH, 40), xlim=(0, MOST))
    axes.set_xlabel("gradients computed", size=13)
    axes.set_title("height above the lowest point", size=13)
    axes.set_yticks([10, 0.1, 0.001, 0.00001], ["10", "0.1", "0.001", "0.00001"])
    axes.minorticks_off()
    axes.tick_params(labelsize=12, color=EDGE)
    axes.grid(color="#E4E4E4")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(EDGE)


VALLEY = Diagram(
    draw,
    480,
    "A narrow valley in three dimensions with four ways from one start to its lowest point. "
    "Gradient descent zigzags from side to side, momentum swings less, Adam starts diagonally and "
    "runs past the lowest point before it returns, and L-BFGS turns along the valley after two "
    "moves. A chart beside it shows the height over the gradients computed: L-BFGS is lowest "
    "first, then momentum; gradient descent and Adam take longest",
    sharpness=1.5,
)
