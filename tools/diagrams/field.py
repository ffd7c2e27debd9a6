"""A map of the field, 2000 to 2025: four roads, who is on them since when, and where they meet."""

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
        source: its number at arXiv, or its DOI.
        lesson: of this course that paints with it, or "".
    """

    year: int
    column: int
    name: str
    line: str
    source: str
    lesson: str = ""


WORKS = (
    Work(2000, 1, "Portilla, Simoncelli", "statistics of wavelets", "10.1023/A:1026553619983"),
    Work(2001, 0, "Image Analogies", "A is to A′ as B is to B′", "10.1145/383259.383295"),
    Work(2015, 1, "Gatys et al.", "Gram matrices of VGG", "1508.06576", "00"),
    Work(2016, 0, "Li and Wand", "nearest patches in VGG", "1601.04589"),
    Work(2016, 2, "Johnson et al.", "a network per artwork", "1603.08155", "09"),
    Work(2017, 1, "Luan et al.", "photorealism by matting", "1703.07511", "10"),
    Work(2017, 2, "AdaIN", "means and deviations", "1703.06868", "09"),
    Work(2017, 2, "WCT", "means and covariances", "1705.08086", "09"),
    Work(2019, 1, "STROTSS", "style as optimal transport", "1904.12785"),
    Work(2022, 0, "ARF", "neighbors, for 3-D scenes", "2206.06360"),
    Work(2022, 0, "NNST", "each feature's neighbor", "2203.13215", "08"),
    Work(2022, 3, "Textual Inversion", "a word from a few pictures", "2208.01618"),
    Work(2022, 3, "InST", "a word from one painting", "2211.13203"),
    Work(2023, 3, "StyleID", "attention to the artwork", "2312.09008"),
    Work(2023, 3, "StyleDrop", "tunes under 1% of weights", "2306.00983"),
    Work(2023, 3, "IP-Adapter", "the artwork as a prompt", "2308.06721"),
    Work(2024, 3, "B-LoRA", "two blocks: style, content", "2403.14572"),
    Work(2024, 3, "InstantStyle", "feeds only style blocks", "2404.02733"),
    Work(2025, 3, "Attention Distillation", "optimizes a latent picture", "2502.20235"),
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
    """Draw the roads, the years, the works, and where the roads meet."""
    placed = rows()
    last = max(placed.values())
    card.text(430, 30, "Style transfer from 2000 to 2025", 17, weight="bold")
    for number, (name, color) in enumerate(COLUMNS):
        x = LEFT + STEP * number
        height = APART * last + TALL + 58
        card.box(x - 3, 58, WIDE + 6, height, PALE, PALE, 10, zorder=0.5)
        card.text(x + WIDE / 2, 77, name, 13.5, weight="bold", color=color)
        stops = [FIRST + APART * row for work, row in placed.items() if work.column == number]
        ends = [min(stops), max(stops)]
        card.axes.plot([x + WIDE / 2] * 2, ends, color=color, linewidth=5, zorder=0.9)
    for year in sorted({work.year for work in WORKS}):
        row = min(at for work, at in placed.items() if work.year == year)
        y = FIRST + APART * row
        card.text(38, y, str(year), 14, weight="bold", color=MUTED)
        line = {"color": EDGE, "linewidth": 1, "zorder": 0.7}
        card.axes.plot([18, 842], [y - APART / 2, y - APART / 2], **line)
    for work, row in placed.items():
        draw_work(card, work, FIRST + APART * row)
    draw_meetings(card, {work.name: FIRST + APART * row for work, row in placed.items()})
    y = FIRST + APART * last + 58
    card.circle(188, y, 11, INK, INK)
    card.text(188, y, "09", 12, weight="bold", color="white", va="center_baseline")
    card.text(206, y, "the lesson of this course that paints with it", 13, ha="left")
    card.arrow((530, y), (564, y), MUTED)
    card.text(572, y, "the same idea on another road", 13, ha="left")


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


def draw_meetings(card: Card, heights: dict[str, float]) -> None:
    """Draw which idea goes from one road to another."""
    lefts = [LEFT + STEP * number for number in range(len(COLUMNS))]
    gatys, patches, johnson = (
        heights[n] for n in ("Gatys et al.", "Li and Wand", "Johnson et al.")
    )
    card.arrow((lefts[1], gatys + 8), (lefts[0] + WIDE, patches - 8), MUTED, zorder=3)
    card.text(lefts[1] - 18, gatys, "its network", 12, ha="right", style="italic")
    card.arrow((lefts[1] + WIDE, gatys + 8), (lefts[2], johnson - 8), MUTED, zorder=3)
    card.text(lefts[2] + 12, gatys, "its losses", 12, ha="left", style="italic")
    line = {
        "color": MUTED,
        "linewidth": 1.8,
        "zorder": 1.5,
        "solid_capstyle": "butt",
        "solid_joinstyle": "miter",
    }
    turn, start, end = lefts[3] - 26, heights["NNST"], heights["StyleID"]
    card.axes.plot([lefts[0] + WIDE, turn, turn], [start, start, end], **line)
    card.arrow((turn, end), (lefts[3], end), MUTED, zorder=3)
    card.text(
        turn - 8,
        start + 13,
        "attention is a soft search for neighbors",
        12,
        ha="right",
        style="italic",
    )
    turn, start, end = lefts[1] + 20, heights["STROTSS"], heights["Attention Distillation"]
    card.axes.plot([turn, turn], [start + TALL / 2, end], **line)
    card.arrow((turn, end), (lefts[3], end), MUTED, zorder=3)
    card.text(
        turn + 12, end - 12, "gradient descent on one picture, again", 12, ha="left", style="italic"
    )


FIELD = Diagram(
    draw,
    796,
    "A map of style transfer from 2000 to 2025 with four roads. Nearest patches: Image Analogies "
    "2001, Li and Wand 2016, ARF and NNST 2022. Statistics: Portilla and Simoncelli 2000, Gatys "
    "2015, Luan 2017, STROTSS 2019. One pass of a network: Johnson 2016, AdaIN and WCT 2017. Large "
    "image generators: Textual Inversion and InST 2022, StyleID, StyleDrop and IP-Adapter 2023, "
    "B-LoRA and InstantStyle 2024, Attention Distillation 2025. Four arrows join roads: Gatys "
    "hands its network to Li and Wand and its losses to Johnson, the neighbors of NNST come back "
    "as attention in StyleID, and gradient descent on one picture in Attention Distillation",
    sharpness=1.5,
)
