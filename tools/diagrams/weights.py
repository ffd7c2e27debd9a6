"""One weight on many rulers: what others would write for the same objective."""

from __future__ import annotations

import math

from diagrams.card import EDGE, INK, MUTED, ORANGE, PALE, Card, Diagram
from nstkit import TEXTBOOK
from nstkit.recipes.common import paper_alpha_beta
from nstkit.vgg.names import channels

SMALL, LARGE = (256, 384), (1280, 1920)  # px: heights and widths of two pictures
LARGER = 10  # times: the features of another network
LEFT, RIGHT, DECADE = 306, 712, 94  # px: of a ruler, and for a factor of ten
FIRST, APART, TALL = 104, 49, 30  # px: first ruler, from one to the next, a ruler's height
LINE = (LEFT + RIGHT) / 2  # px: where all of them show the same objective


def by_elements(layer: str) -> float:
    """Return the beta of a Gram matrix divided by N M, for ours divided by M."""
    return TEXTBOOK.beta / TEXTBOOK.alpha * channels(layer) ** 2


def by_sums(height: int, width: int) -> float:
    """Return beta/alpha on the scale of Gatys et al. 2016, eqs. 1 and 4."""
    alpha, beta = paper_alpha_beta(TEXTBOOK, height, width)
    return beta / alpha


def readings() -> list[tuple[str, str, float]]:
    """Return what each ruler is called, how it differs, and what it shows."""
    ours, sums = TEXTBOOK.beta / TEXTBOOK.alpha, "½ Σ, and 1/(4N²M²)"
    rows = [("by positions", "means, Gram matrix / M", ours)]
    for layer in ("relu1_1", "relu5_1"):
        what = f"Gram matrix / NM, N = {channels(layer)}"
        rows.append((f"by elements, {layer}", what, by_elements(layer)))
    for height, width in (SMALL, LARGE):
        rows.append((f"Gatys, {height} × {width} px", sums, by_sums(height, width)))
    what = f"features {LARGER} times as large"
    rows.append(("another network", what, ours * LARGER**2 / LARGER**4))
    rows.append(("pixels in [0, 1]", "total variation", TEXTBOOK.tv))
    rows.append(("pixels in [0, 255]", "total variation", TEXTBOOK.tv / 255**2))
    return rows


def draw(card: Card) -> None:
    """Draw the rulers, and one line through all of them."""
    card.text(430, 30, "One objective, read on eight rulers", 17, weight="bold")
    draw_head(card, FIRST - 54, "β / α")
    for row, (name, what, value) in enumerate(readings()):
        y = FIRST + APART * row + (48 if row > 5 else 0)
        if row == 6:
            draw_head(card, y - 54, "γ")
        draw_ruler(card, y, value)
        card.text(24, y - 8, name, 13.5, ha="left", weight="bold")
        card.text(24, y + 10, what, 12.5, ha="left", color=MUTED)
        card.text(836, y, written(value), 15, ha="right", weight="bold", color=ORANGE)
    words = "Before you copy a weight, find out which ruler it was read from."
    card.text(430, 542, words, 14.5, weight="bold")
    bottom = FIRST + APART * 7 + 48 + TALL / 2
    for top, end in ((FIRST, FIRST + 5 * APART), (bottom - APART - TALL / 2, bottom - TALL / 2)):
        card.axes.plot([LINE, LINE], [top - 22, end + 22], color=ORANGE, linewidth=2.4, zorder=4)


def draw_head(card: Card, y: float, symbol: str) -> None:
    """Name what the rulers below measure."""
    card.text(836, y + 20, symbol, 14, ha="right", weight="bold")
    card.text(LINE, y + 20, "the same objective", 13, weight="bold", color=ORANGE)


def draw_ruler(card: Card, y: float, value: float) -> None:
    """Draw a logarithmic ruler that has a value at the line."""
    card.box(LEFT, y - TALL / 2, RIGHT - LEFT, TALL, PALE, EDGE, 4)
    reach = (RIGHT - LINE) / DECADE
    low, high = math.log10(value) - reach, math.log10(value) + reach
    for power in range(math.floor(low), math.ceil(high) + 1):
        for digit in range(1, 10):
            x = LINE + DECADE * (power + math.log10(digit) - math.log10(value))
            if LEFT + 3 < x < RIGHT - 3:
                long = 9 if digit == 1 else 4
                card.axes.plot([x, x], [y - TALL / 2, y - TALL / 2 + long], color=INK, linewidth=1)
        x = LINE + DECADE * (power - math.log10(value))
        if LEFT + 24 < x < RIGHT - 24 and abs(x - LINE) > 16:
            card.text(x, y + 4, short(10.0**power), 12, color=MUTED)


def short(value: float) -> str:
    """Return a power of ten for a ruler."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= size * 0.99:
            return f"{value / size:.0f}{letter}"
    return f"{value:.10f}".rstrip("0").rstrip(".") if value < 0.99 else f"{value:.0f}"


def written(value: float) -> str:
    """Return a reading with two digits, in words where it is large."""
    for size, word in ((1e6, " million"), (1e3, ",000")):
        if value >= size:
            return (
                f"{value / size:.2g}{word}" if value < 100 * size else f"{value / size:.0f}{word}"
            )
    return f"{value:.2g}" if value >= 0.01 else f"{value:.5f}"


WEIGHTS = Diagram(
    draw,
    566,
    "One objective read on eight rulers. Its beta is 10 by positions; by elements it is 41,000 at "
    "relu1_1 and 2.6 million at relu5_1; with the sums of Gatys et al. it is 16 million for "
    "256 x 384 px and 393 million for 1280 x 1920; with features ten times as large it is 0.1. Its "
    "gamma is 50 for pixels in [0, 1] and 0.00077 for [0, 255]",
)
