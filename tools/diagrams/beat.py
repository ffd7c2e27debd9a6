"""Thread and beat: how the studio paints while its page stays free."""

from __future__ import annotations

import math

from diagrams.card import BLUE, DARK, EDGE, INK, MUTED, ORANGE, PALE, Card, Diagram
from nstkit.studio.page import BEAT
from nstkit.studio.worker import PATIENCE

STEP, MOVED, END = 0.26, 0.62, 1.4  # seconds: of a step, when the slider moves, of the drawing
LEFT, SECOND = 164, 468  # px: where time begins, and a second
PAGE, KERNEL, THREAD = 118, 226, 334  # px: middles of the lanes
SMALL = 1e-9  # seconds: sums of tenths are not exact


def steps() -> list[tuple[float, float, bool]]:
    """Return start and end of each step, and whether it knows of the slider's move."""
    starts = [STEP * number for number in range(math.ceil(END / STEP))]
    return [(t, t + STEP, t >= MOVED) for t in starts if t + STEP <= END]


def beats() -> list[float]:
    """Return when the page asks."""
    return [number * BEAT / 1000 for number in range(1, round(1000 * END / BEAT) + 1)]


def shown() -> list[tuple[float, int]]:
    """Return when the page gets a new picture, and its step, counted from 0."""
    found, last = [], -1
    for moment in beats():
        newest = sum(end <= moment + SMALL for _, end, _ in steps()) - 1
        if newest > last:
            found.append((moment, newest))
            last = newest
    return found


def at(seconds: float) -> float:
    """Return where a moment is drawn, in px from the left."""
    return LEFT + SECOND * seconds


def draw(card: Card) -> None:
    """Draw the three lanes, the beats, the pictures that they fetch, and the slider's way."""
    card.text(430, 30, "A thread paints, and the page asks for the newest picture", 17,
              weight="bold")  # fmt: skip
    for y, name, what in (
        (PAGE, "the page", f"asks every {BEAT} ms"),
        (KERNEL, "the kernel", "answers at once"),
        (THREAD, "the thread", "paints step by step"),
    ):
        card.box(LEFT - 8, y - 27, SECOND * END + 18, 54, PALE, EDGE, 8)
        card.text(22, y - 9, name, 14, ha="left", weight="bold")
        card.text(22, y + 11, what, 12.5, ha="left", color=MUTED)
    draw_steps(card)
    draw_beats(card)
    draw_slider(card)
    draw_words(card)


def draw_steps(card: Card) -> None:
    """Draw the steps as blocks, in the color of the settings that they have read."""
    for number, (start, end, knows) in enumerate(steps()):
        color = DARK[ORANGE] if knows else BLUE
        card.box(at(start) + 2, THREAD - 20, SECOND * STEP - 4, 40, color, color, 6)
        label = f"step {number + 1}"
        card.text(at((start + end) / 2), THREAD, label, 13, weight="bold", color="white")


def draw_beats(card: Card) -> None:
    """Draw each beat as a line from the page to the kernel, and new pictures on their way back."""
    fetched = dict(shown())
    for moment in beats():
        card.axes.plot([at(moment)] * 2, [PAGE + 20, KERNEL], color="#9A9A9A", linewidth=1.2)
        card.circle(at(moment), KERNEL, 3.5, MUTED, MUTED, zorder=4)
        if (number := fetched.get(moment)) is not None:
            _, end, knows = steps()[number]
            color, x = ORANGE if knows else BLUE, at(moment)
            card.axes.plot([at(end), x], [THREAD - 22, KERNEL + 4], color=color, linewidth=2.2)
            card.arrow((x, KERNEL), (x, PAGE + 17), color, linewidth=2.6, zorder=5)
            card.box(x - 15, PAGE - 15, 30, 30, "white", color, 5, linewidth=2.4, zorder=5)
            card.text(x, PAGE, str(number + 1), 14, weight="bold", color=color, zorder=6)


def draw_slider(card: Card) -> None:
    """Draw the slider's move, its message, the first step that knows, and when the page does."""
    start = next(start for start, _, knows in steps() if knows)
    seen = next(moment for moment, number in shown() if steps()[number][2])
    x, y = at(MOVED), 68
    card.text(x, y, "you move a slider", 13, weight="bold", color=ORANGE)
    dashed = {"color": ORANGE, "linewidth": 2, "linestyle": (0, (4, 2))}
    card.axes.plot([x, x], [y + 12, KERNEL], **dashed)
    card.circle(x, KERNEL, 5, ORANGE, ORANGE, zorder=6)
    card.axes.plot([x, x], [KERNEL, THREAD - 40], **dashed)
    card.arrow((x, THREAD - 40), (at(start) + 10, THREAD - 22), ORANGE, linewidth=2)
    y = 392
    card.arrow((x, y), (at(seen), y), ORANGE, linewidth=2)
    for moment in (MOVED, seen):
        card.axes.plot([at(moment)] * 2, [y - 8, y + 8], color=ORANGE, linewidth=2)
    words = f"{seen - MOVED:.2f} s until you see it: this step, the next step, the next beat"
    card.text(at((MOVED + seen) / 2), y + 20, words, 13, weight="bold", color=ORANGE)


def draw_words(card: Card) -> None:
    """Say what keeps it going, and what it avoids."""
    words = (
        "A loop in a cell would block the kernel, and the slider would act only after the loop.",
        f"The thread touches no widget. After {PATIENCE:g} seconds without a beat it rests: "
        "a closed page costs nothing.",
    )
    for row, line in enumerate(words):
        card.text(430, 446 + 21 * row, line, 13, color=INK)


BEATS = Diagram(
    draw,
    492,
    "Three lanes over time: the page asks every 100 ms, the kernel answers at once, and the thread "
    "paints step by step. Each new picture goes up to the page at the next beat. A slider moves "
    "during step 3, which is a message to the kernel; step 4 is the first to know of it, and the "
    "page shows it half a second later",
)
