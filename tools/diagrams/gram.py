"""Features as a sheet of channels by positions, and the Gram matrix as its table of pairs."""

from __future__ import annotations

import matplotlib
import torch
from torch import Tensor

from diagrams.card import BLUE, INK, MUTED, ORANGE, Card, Diagram, bundled
from nstkit import load_image

NAMES = ("blue", "sand", "edges |", "edges —")
ROWS, COLUMNS = 4, 6  # positions of a map
CELL, TALL = 11, 24  # px: of an entry of F
TOPS = 122, 310  # px: of the two sheets
SHEET, TABLE, ENTRY = 306, 684, 38  # px: left side of F and G, side of an entry of G


def features() -> Tensor:
    """Return four channels of a small Great Wave, (4, 24): two colors, and changes of light."""
    picture = load_image("great_wave", size=96)[0]
    red, _, blue = picture
    light = picture.mean(0)
    across = torch.zeros_like(light)
    across[:, 1:] = light.diff(dim=1).abs()
    down = torch.zeros_like(light)
    down[1:] = light.diff(dim=0).abs()
    maps = torch.stack([(blue - red).relu(), (red - blue).relu(), across, down])
    small = torch.nn.functional.adaptive_avg_pool2d(maps, (ROWS, COLUMNS)).flatten(1)
    return small / small.square().mean(1, keepdim=True).sqrt()


def shuffled() -> Tensor:
    """Return one order of the positions."""
    return torch.randperm(ROWS * COLUMNS, generator=torch.Generator().manual_seed(3))


def table(F: Tensor) -> Tensor:
    """Return the Gram matrix divided by positions."""
    return F @ F.T / F.shape[1]


def draw(card: Card) -> None:
    """Draw picture, maps, sheet and table; below, the same with the positions shuffled."""
    F, middle = features(), SHEET + CELL * ROWS * COLUMNS / 2
    card.picture(bundled("great_wave"), 84, TOPS[0] + 48, 112, 90)
    card.arrow((144, TOPS[0] + 48), (160, TOPS[0] + 48), MUTED)
    heads = (
        (84, "artwork"),
        (196, "feature maps"),
        (middle, "sheet $F_l$"),
        (TABLE + 76, "Gram matrix"),
    )
    for x, words in heads:
        card.text(x, 36, words, 14 if x < SHEET else 18, weight="bold")
    card.text(middle, 61, "a row for each channel,", 13, color=MUTED)
    card.text(middle, 79, "a column for each position", 13, color=MUTED)
    card.text(TABLE + 76, 61, "every pair of channels,", 13, color=MUTED)
    card.text(TABLE + 76, 79, "the diagonal scaled to 1", 13, color=MUTED)
    for top, order in zip(TOPS, (torch.arange(F.shape[1]), shuffled()), strict=True):
        draw_maps(card, F[:, order], top)
        draw_sheet(card, F[:, order], top)
        draw_table(card, table(F[:, order]), top)
    said = "the same columns", "in another order:", "the positions are lost"
    for row, words in enumerate(said):
        card.text(24, TOPS[1] + 28 + 20 * row, words, 12.5, ha="left", color=INK)
    card.arrow((middle, TOPS[0] + 106), (middle, TOPS[1] - 10), ORANGE, linewidth=2.5)
    look = {"ha": "left", "weight": "bold", "color": ORANGE}
    card.text(middle + 12, (sum(TOPS) + 96) / 2, "shuffle the positions", 14, **look)
    card.text(TABLE + 76, (sum(TOPS) + 96) / 2, "=", 26, weight="bold", color=ORANGE)
    words = "An entry multiplies two rows, position by position, and averages:"
    card.text(430, 458, words, 14.5)
    card.text(430, 480, "it knows which features occur together, not where.", 14.5, weight="bold")


def shade(value: float, most: float) -> tuple:
    """Return the color of an entry between 0 and the largest."""
    return matplotlib.colormaps["Blues"](0.08 + 0.8 * value / most)


def draw_maps(card: Card, F: Tensor, top: float) -> None:
    """Draw the channels as maps, one behind the other."""
    side = 10
    for channel in reversed(range(len(F))):
        x, y = 164 + 8 * channel, top + 36 - 10 * channel
        for position, value in enumerate(F[channel].tolist()):
            row, column = divmod(position, COLUMNS)
            color = shade(value, F[channel].max().item())
            card.box(x + side * column, y + side * row, side, side, color, "white", 0,
                     linewidth=0.4, zorder=3 - channel / 10)  # fmt: skip
        card.box(x, y, side * COLUMNS, side * ROWS, "none", MUTED, 0, zorder=3 - channel / 10)


def draw_sheet(card: Card, F: Tensor, top: float) -> None:
    """Draw the channels as rows."""
    for row, values in enumerate(F.tolist()):
        card.text(SHEET - 6, top + TALL * (row + 0.5), NAMES[row], 12, ha="right", color=MUTED)
        for column, value in enumerate(values):
            color = shade(value, max(values))
            card.box(SHEET + CELL * column, top + TALL * row, CELL, TALL, color, "white", 0,
                     linewidth=0.5)  # fmt: skip
    card.box(SHEET, top, CELL * F.shape[1], TALL * len(F), "none", MUTED, 0)
    card.arrow((SHEET + CELL * F.shape[1] + 8, top + 48), (TABLE - 66, top + 48), MUTED)


def draw_table(card: Card, G: Tensor, top: float) -> None:
    """Draw the pairs of channels with their numbers."""
    for i, row in enumerate(G.tolist()):
        card.text(TABLE - 6, top - 28 + ENTRY * (i + 0.5), NAMES[i], 12, ha="right", color=MUTED)
        for j, value in enumerate(row):
            x, y = TABLE + ENTRY * j, top - 28 + ENTRY * i
            card.box(x, y, ENTRY, ENTRY, shade(value, 1.6), "white", 0, linewidth=0.8)
            card.text(x + ENTRY / 2, y + ENTRY / 2, f"{value:.1f}", 13)
    card.box(TABLE, top - 28, 4 * ENTRY, 4 * ENTRY, "none", BLUE, 0, linewidth=1.8)


GRAM = Diagram(
    draw,
    504,
    "Four feature maps of the Great Wave are written as four rows of a sheet, one column for each "
    "position. The Gram matrix is the table of all pairs of rows. With the columns shuffled, the "
    "maps are scrambled and the table is the same: it knows which features occur together, not "
    "where",
)
