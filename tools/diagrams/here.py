"""Strips that say where in the course a lesson stands: its stations on one route."""

from __future__ import annotations

from functools import partial

from diagrams.card import BLUE, EDGE, INK, MUTED, PALE, Card, Diagram

LESSONS = (
    "Your first painting",
    "What a CNN sees",
    "Content",
    "Style",
    "Two losses",
    "The loop",
    "The studio",
    "In control",
    "Distributions",
    "In real time",
    "Photographs",
    "Rosetta",
    "Fast and big",
    "After Gatys",
)
PARTS = (  # name, first and last lesson
    ("See", 0, 1),
    ("Two losses", 2, 4),
    ("Loop & studio", 5, 6),
    ("Control and beyond", 7, 10),
    ("Compare and grow", 11, 13),
)
HEIGHT, FIRST, APART, LINE = 110, 50.0, 58.5, 60.0  # px
SMALL, LARGE = 14, 18  # px: radius of a station, and of the current one


def station(number: int) -> float:
    """Return how far to the right a lesson's station is."""
    return FIRST + APART * number


def draw(number: int, card: Card) -> None:
    """Draw the route, its parts, and the stations before, at and after a lesson."""
    for name, first, last in PARTS:
        left, right = station(first) - 25, station(last) + 25
        card.box(left, 35, right - left, 67, PALE, PALE, corner=10)
        inside = first <= number <= last
        look = {"color": INK, "weight": "bold"} if inside else {"color": MUTED}
        card.text((left + right) / 2, 91, name, 12.5, **look)
    line = {"solid_capstyle": "round", "zorder": 1.5, "linewidth": 4}
    card.axes.plot([FIRST, station(len(LESSONS) - 1)], [LINE, LINE], color=EDGE, **line)
    card.axes.plot([FIRST, station(number)], [LINE, LINE], color=BLUE, **line)
    for other in range(len(LESSONS)):
        draw_station(card, other, number)
    label = card.text(station(number), 20, LESSONS[number], 16, weight="bold", color=BLUE)
    keep_inside(card, label)


def draw_station(card: Card, other: int, number: int) -> None:
    """Draw a station: filled where we are, ringed in blue behind us, gray ahead."""
    here, ahead = other == number, other > number
    fill, edge = (BLUE, BLUE) if here else ("white", EDGE if ahead else BLUE)
    ink = "white" if here else MUTED if ahead else BLUE
    card.circle(station(other), LINE, LARGE if here else SMALL, fill, edge, linewidth=2.2)
    look = {"weight": "bold" if here else "normal", "color": ink, "va": "center_baseline"}
    card.text(station(other), LINE, f"{other:02}", 15 if here else 12.5, **look)


def keep_inside(card: Card, label) -> None:
    """Move a centered label so that it does not leave the card."""
    box = label.get_window_extent(card.figure.canvas.get_renderer())
    left, right = box.x0 - 20, box.x1 - (card.figure.bbox.width - 20)
    x, y = label.get_position()
    label.set_position((x - min(left, 0) - max(right, 0), y))


def alt(number: int) -> str:
    """Return what a strip tells."""
    part = next(name for name, first, last in PARTS if first <= number <= last)
    return (
        f"You are here: lesson {number:02} of 00 to {len(LESSONS) - 1}, {LESSONS[number]}, "
        f"in the part {part}"
    )


HERE = {
    f"here_{number:02}": Diagram(partial(draw, number), HEIGHT, alt(number))
    for number in range(len(LESSONS))
}
