"""Three maps from one cloud of points to another, each as nstkit computes it."""

from __future__ import annotations

import math
from functools import cache

import torch
from matplotlib.patches import Ellipse
from torch import Tensor

from diagrams.card import BLUE, EDGE, INK, MUTED, ORANGE, Card, Diagram
from nstkit.gaussian import MAPS, Gaussian

COUNT, LINES = 90, 18  # points of a cloud, and how many of them show their way
PANELS = {  # title, how it is made, what it matches
    "diagonal": ("AdaIN", "moves and scales each channel", "means and spreads"),
    "analogies": ("whitening", "makes it round, then colors it", "means and covariance"),
    "transport": ("transport", "goes the shortest way", "means and covariance"),
}
SIDE, TOP, APART = 252, 104, 276  # px: of a panel, its upper edge, from one to the next
SCALE = 36.0  # px for 1


def cloud(mean: tuple[float, float], deviations: tuple[float, float], turn: float) -> Tensor:
    """Return points (2, COUNT) with exactly this mean, and with deviations along turned axes."""
    seed = torch.Generator().manual_seed(4)
    points = torch.randn(2, COUNT, generator=seed, dtype=torch.float64)
    points = points - points.mean(1, keepdim=True)
    points = Gaussian(points.mean(1, keepdim=True), points @ points.T / COUNT).power(-0.5) @ points
    cos, sin = math.cos(turn), math.sin(turn)
    axes = torch.tensor([[cos, -sin], [sin, cos]], dtype=torch.float64)
    stretched = torch.tensor(deviations, dtype=torch.float64)[:, None] * points
    return axes @ stretched + torch.tensor(mean, dtype=torch.float64)[:, None]


@cache
def clouds() -> tuple[Tensor, Tensor]:
    """Return the features of the photograph and those of the artwork."""
    return cloud((-1.0, 0.2), (1.2, 0.2), 2.0), cloud((0.9, -0.1), (1.35, 0.22), 1.3)


def fitted(points: Tensor) -> Gaussian:
    """Return mean and covariance of points."""
    mean = points.mean(1, keepdim=True)
    return Gaussian(mean, (points - mean) @ (points - mean).T / points.shape[1])


def moved(how: str) -> Tensor:
    """Return the photograph's points after a map of ``nstkit.gaussian.MAPS``."""
    source, target = clouds()
    start, end = fitted(source), fitted(target)
    return MAPS[how](start, end) @ (source - start.mean) + end.mean


def way(how: str) -> float:
    """Return how far a map moves points: the root of the mean squared distance."""
    return (moved(how) - clouds()[0]).square().sum(0).mean().sqrt().item()


def draw(card: Card) -> None:
    """Draw a panel for each map, and what the colors are."""
    card.text(430, 28, "Three maps from the photograph's features to the artwork's", 17,
              weight="bold")  # fmt: skip
    for number, how in enumerate(PANELS):
        draw_panel(card, 28 + APART * number, how)
    for x, color, words in (
        (110, BLUE, "photograph's features"),
        (318, INK, "the same, after the map"),
        (538, ORANGE, "artwork's features"),
    ):
        card.circle(x, 446, 6, color, color)
        card.text(x + 14, 446, words, 13, ha="left")
    card.text(430, 474, "Two channels of many. A gray line is the way of one position.", 12.5,
              color=MUTED)  # fmt: skip


def draw_panel(card: Card, left: float, how: str) -> None:
    """Draw both clouds, the moved one, and some of the ways."""
    title, made, matched = PANELS[how]
    middle, center = left + SIDE / 2, TOP + SIDE / 2 + 11
    card.text(middle, 62, title, 15, weight="bold")
    card.text(middle, 84, made, 13, color=MUTED)
    card.box(left, TOP, SIDE, SIDE, "white", EDGE, 8)
    source, target = clouds()
    after = moved(how)

    def place(points: Tensor) -> tuple[list[float], list[float]]:
        return (middle + SCALE * points[0]).tolist(), (center - SCALE * points[1]).tolist()

    for points, color in ((source, BLUE), (target, ORANGE)):
        card.axes.scatter(*place(points), s=9, color=color, alpha=0.35, linewidth=0, zorder=3)
    (x, y), (u, v) = place(source), place(after)
    for k in range(0, COUNT, COUNT // LINES):
        card.axes.plot([x[k], u[k]], [y[k], v[k]], color="#9A9A9A", linewidth=0.8, zorder=2)
    card.axes.scatter(u, v, s=7, color=INK, linewidth=0, zorder=4)
    for points, color, line in ((source, BLUE, "-"), (target, ORANGE, "-"), (after, INK, "--")):
        draw_ellipse(card, fitted(points), place, color, line)
    card.text(middle, TOP + SIDE + 22, f"matches {matched}", 13)
    card.text(middle, TOP + SIDE + 44, f"points move {way(how):.2f}", 14, weight="bold")


def draw_ellipse(card: Card, known: Gaussian, place, color: str, line: str) -> None:
    """Draw what lies within two deviations of a cloud."""
    values, vectors = torch.linalg.eigh(known.covariance)
    (x,), (y,) = place(known.mean)
    turn = -math.degrees(math.atan2(vectors[1, 1].item(), vectors[0, 1].item()))
    small, large = (4 * SCALE * values.sqrt()).tolist()
    card.axes.add_patch(
        Ellipse((x, y), large, small, angle=turn, fill=False, edgecolor=color, linewidth=2.2,
                linestyle=line, zorder=5)
    )  # fmt: skip


TRANSPORT = Diagram(
    draw,
    496,
    "Two clouds of points, the photograph's features and the artwork's, and three maps between "
    "them. AdaIN moves and scales each channel, and its cloud keeps a wrong direction. Whitening "
    "and transport both reach the artwork's ellipse, and transport moves the points less",
    sharpness=1.5,
)
