"""A map of the field, 2000 to 2025: four ideas, and who had them when."""

from __future__ import annotations

from typing import NamedTuple

from diagrams.card import AMBER, BLUE, EDGE, GREEN, INK, MUTED, ORANGE, PALE, Card, Diagram

FIRST, APART, TALL = 117, 43, 38  # px: middle of the first row, from one to the next, of a card
LEFT, WIDE, STEP = 70, 186, 195  # px: of the columns, of a card, from one to the next
COLUMNS = (
    ("nearest patches", BLUE),
    ("statistics", ORANGE),
    ("one pass of a network", GREEN),
    ("large image generators", AMBER),
)


class Work(NamedTuple):
    """A publication.

    Attributes:
        year: of its first version.
        column: the idea.
        name: of the method or its authors.
        line: what it did, in a few words.
        source: its number at arXiv, or where it was printed.
        lesson: of this course that paints with it, or "".
    """

    year: int
    column: int
    name: str
    line: str
    source: str
    lesson: str = ""


WORKS = (
    Work(2000, 1, "Portilla, Simoncelli", "statistics of wavelets", "IJCV 40(1)"),
    Work(2001, 0, "Image Analogies", "A is to A′ as B is to B′", "SIGGRAPH 2001"),
    Work(2015, 1, "Gatys et al.", "Gram matrices of VGG", "1508.06576", "00"),
    Work(2016, 0, "Li and Wand", "nearest patches in VGG", "1601.04589"),
    Work(2016, 2, "Johnson et al.", "a network for each artwork", "1603.08155", "09"),
    Work(2017, 1, "Luan et al.", "photorealism by matting", "1703.07511", "10"),
    Work(2017, 2, "AdaIN", "any artwork: mean, spread", "1703.06868", "09"),
    Work(2017, 2, "WCT", "any artwork: covariance", "1705.08086", "09"),
    Work(2019, 1, "STROTSS", "style as optimal transport", "1904.12785"),
    Work(2022, 0, "NNST", "each feature's neighbor", "2203.13215", "08"),
    Work(2022, 0, "ARF", "neighbors, for 3-D scenes", "2206.06360"),
    Work(2022, 3, "Textual Inversion", "a new word from pictures", "2208.01618"),
    Work(2022, 3, "InST", "one painting as the prompt", "2211.13203"),
    Work(2023, 3, "StyleDrop", "tunes under 1% of weights", "2306.00983"),
    Work(2023, 3, "StyleID", "attention to the artwork", "2312.09008"),
    Work(2024, 3, "B-LoRA", "two blocks: style, content", "2403.14572"),
    Work(2024, 3, "InstantStyle", "feeds only style blocks", "2404.02733"),
    Work(2025, 3, "Attention Distillation", "gradient descent again", "2502.20235"),
)


def rows() -> dict[Work, int]:
    """Return the row of each work: years go down, and works of one year and column follow."""
    placed: dict[Work, int] = {}
    first = 0
    for year in sorted({work.year for work in WORKS}):
        heights = [0] * len(COLUMNS)
        for work in (work for work in WORKS if work.year == year):
            placed[work] = first + heights[work.column]
            heights[work.column] += 1
        first += max(heights)
    return placed


def draw(card: Card) -> None:
    """Draw the columns, the years, the works, and who follows whom."""
    placed = rows()
    last = max(placed.values())
    card.text(430, 30, "Style transfer from 2000 to 2025", 17, weight="bold")
    for number, (name, color) in enumerate(COLUMNS):
        x = LEFT + STEP * number
        height = APART * last + TALL + 58
        card.box(x - 3, 58, WIDE + 6, height, PALE, PALE, 10, zorder=0.5)
        card.text(x + WIDE / 2, 77, name, 13.5, weight="bold", color=color)
    for year in sorted({work.year for work in WORKS}):
        row = min(at for work, at in placed.items() if work.year == year)
        y = FIRST + APART * row
        card.text(38, y, str(year), 14, weight="bold", color=MUTED)
        line = {"color": EDGE, "linewidth": 1, "zorder": 0.7}
        card.axes.plot([18, 842], [y - APART / 2, y - APART / 2], **line)
    for work, row in placed.items():
        draw_work(card, work, FIRST + APART * row)
    draw_ways(card, {work.name: FIRST + APART * row for work, row in placed.items()})
    y = FIRST + APART * last + 58
    card.circle(212, y, 11, INK, INK)
    card.text(212, y, "09", 12, weight="bold", color="white", va="center_baseline")
    card.text(230, y, "the lesson of this course that paints with it", 13, ha="left")
    card.arrow((540, y), (574, y), MUTED)
    card.text(582, y, "takes up its loss", 13, ha="left")


def draw_work(card: Card, work: Work, y: float) -> None:
    """Draw a work's card."""
    x, color = LEFT + STEP * work.column, COLUMNS[work.column][1]
    card.box(x, y - TALL / 2, WIDE, TALL, "white", color, 6, linewidth=1.6)
    card.text(x + 9, y - 9, work.name, 13, ha="left", weight="bold")
    card.text(x + 9, y + 9, work.line, 12, ha="left", color=INK)
    if work.lesson:
        card.circle(x + WIDE - 14, y - 7, 10.5, INK, INK, zorder=3)
        look = {"weight": "bold", "color": "white", "va": "center_baseline", "zorder": 4}
        card.text(x + WIDE - 14, y - 7, work.lesson, 12, **look)


def draw_ways(card: Card, heights: dict[str, float]) -> None:
    """Draw who takes up whose loss."""
    right = LEFT + STEP + WIDE
    start = heights["Gatys et al."]
    card.arrow((right, start), (LEFT + 2 * STEP, heights["Johnson et al."] - 8), MUTED, zorder=3)
    middle = LEFT + STEP + WIDE / 2
    end = heights["Luan et al."] - TALL / 2
    card.arrow((middle, start + TALL / 2), (middle, end), MUTED, zorder=3)


FIELD = Diagram(
    draw,
    752,
    "A map of style transfer from 2000 to 2025 in four columns. Nearest patches: Image Analogies "
    "2001, Li and Wand 2016, NNST and ARF 2022. Statistics: Portilla and Simoncelli 2000, Gatys "
    "2015, Luan 2017, STROTSS 2019. One pass of a network: Johnson 2016, AdaIN and WCT 2017. Large "
    "generative models: Textual Inversion and InST 2022, StyleDrop and StyleID 2023, B-LoRA and "
    "InstantStyle 2024, Attention Distillation 2025",
    sharpness=1.5,
)
