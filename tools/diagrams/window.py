"""One window of nine pixels, recolored and with its edge moved: what a line through dots says."""

from __future__ import annotations

import numpy as np

from diagrams.card import BLUE, EDGE, INK, MUTED, ORANGE, Card, Diagram

OLD = np.array([[0.20, 0.66, 0.84], [0.12, 0.72, 0.90], [0.27, 0.61, 0.79]])
U, V = 0.7, 0.22  # the weight and the offset of the recoloring
SIDE = 38  # px: of a pixel
LEFT, TOP = (62, 355, 632), 128  # px: where the windows begin
LEGEND = (
    "One dot is one pixel:", "its old value I across,", "its new value V up.", "",
    "The line is the best", "V = u I + v.", "", "The cost adds up", "the squares of the",
    "orange lengths.",
)  # fmt: skip
CHART = 262, 176, 188  # px: top, width and height of a chart


def recolored() -> np.ndarray:
    """Return new values that are an affine function of the old ones."""
    return U * OLD + V


def moved() -> np.ndarray:
    """Return the same, but the edge lies one pixel further to the right."""
    return U * np.stack([OLD[:, 0], OLD[::-1, 0], OLD[:, 1]], 1) + V


def fitted(new: np.ndarray) -> tuple[float, float]:
    """Return weight and offset of the best affine function of the old values."""
    u, v = np.polyfit(OLD.ravel(), new.ravel(), 1)
    return float(u), float(v)


def left_over(new: np.ndarray) -> float:
    """Return the sum of squares that the best affine function leaves."""
    u, v = fitted(new)
    return float(((new - u * OLD - v) ** 2).sum())


def draw(card: Card) -> None:
    """Draw the three windows, and below the new ones a chart with nine dots."""
    card.text(430, 30, "One window of nine pixels, before and after", 17, weight="bold")
    heads = (
        ("the photograph", "a dark side, a light side"),
        ("recolored", "the edge stays"),
        ("repainted", "the edge moves one pixel"),
    )
    for left, (head, below) in zip(LEFT, heads, strict=True):
        middle = left + 1.5 * SIDE
        card.text(middle, 74, head, 15, weight="bold")
        card.text(middle, 98, below, 13, color=MUTED)
    draw_window(card, LEFT[0], OLD)
    for left, new in zip(LEFT[1:], (recolored(), moved()), strict=True):
        draw_window(card, left, new, tint=(1.0, 0.86, 0.62))
        draw_chart(card, left + 1.5 * SIDE, new)
    for line, words in enumerate(LEGEND):
        card.text(LEFT[0] + 1.5 * SIDE, 274 + 22 * line, words, 13.5)


def draw_window(
    card: Card, left: float, values: np.ndarray, tint: tuple[float, float, float] = (1, 1, 1)
) -> None:
    """Draw nine pixels, in gray or in a tint."""
    for (row, column), value in np.ndenumerate(values):
        color = [min(1.0, float(value) * part) for part in tint]
        card.box(left + column * SIDE, TOP + row * SIDE, SIDE, SIDE, color, EDGE, 0.1)


def draw_chart(card: Card, middle: float, new: np.ndarray) -> None:
    """Draw new values over old ones, the best line, and what it leaves."""
    top, width, height = CHART
    axes = card.figure.add_axes(
        ((middle - width / 2) / 860, 1 - (top + height) / card.height, width / 860,
         height / card.height)
    )  # fmt: skip
    u, v = fitted(new)
    x, y = OLD.ravel(), new.ravel()
    axes.plot([0, 1], [v, u + v], color=BLUE, linewidth=2.2)
    for old, value in zip(x, y, strict=True):
        axes.plot([old, old], [u * old + v, value], color=ORANGE, linewidth=2.4)
    axes.plot(x, y, "o", color=INK, markersize=7, zorder=3)
    axes.set(xlim=(0, 1), ylim=(0.15, 0.95), xticks=[], yticks=[], facecolor="white")
    axes.set_xlabel("old value I", size=13)
    axes.set_ylabel("new value V", size=13)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(EDGE)
    left = left_over(new)
    words = f"cost {left:.2f}" if left > 1e-9 else "cost 0"
    card.text(middle, top + height + 40, words, 15, weight="bold")


WINDOW = Diagram(
    draw,
    522,
    "Three windows of nine pixels: the photograph with a dark column and two light ones; the same "
    "recolored, above a chart in which nine dots lie on one line, cost 0; and repainted with two "
    "dark columns, above a chart in which dots lie far from the best line, cost "
    f"{left_over(moved()):.2f}",
)
