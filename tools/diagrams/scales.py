"""Coarse to fine: each scale begins with the enlarged painting of the scale before."""

from __future__ import annotations

import itertools
from pathlib import Path

from PIL import Image

import nstkit
from diagrams.card import INK, MUTED, ORANGE, Card, Diagram
from diagrams.network import seen
from nstkit import DEFAULT
from nstkit.files import replacing

PAIR, SIZE = ("castle", "starry_night"), 512  # px of the long side
RECIPE = DEFAULT.replace(scales=(0.25, 0.5, 1), steps=(40, 24, 16))
NAMES = ("a quarter", "half", "full size")
FOLDER = Path(__file__).parent / "painted"
SHARE = 216 / SIZE  # displayed pixels for one of the painting's
MIDDLE, CENTERS = 134, (112, 358, 704)  # px: of the three pictures


def paint() -> None:
    """Paint, and store the last picture of each scale at its own size."""
    ends = [end - 1 for end in itertools.accumulate(steps + 1 for steps in RECIPE.steps)]
    result = nstkit.stylize(*PAIR, RECIPE, size=SIZE, keep=ends, progress=False)
    FOLDER.mkdir(exist_ok=True)
    for number, (end, share) in enumerate(zip(ends, RECIPE.scales, strict=True)):
        picture = nstkit.to_pil(result.snapshots[end])
        small = tuple(round(side * share) for side in picture.size)
        with replacing(FOLDER / f"scale_{number}.jpg") as draft:
            picture.resize(small, Image.Resampling.LANCZOS).save(draft, "JPEG", quality=90)


def painted(number: int) -> Image.Image:
    """Return the last picture of a scale."""
    return Image.open(FOLDER / f"scale_{number}.jpg").convert("RGB")


def work() -> float:
    """Return what all steps cost, in steps at full size."""
    pairs = zip(RECIPE.steps, RECIPE.scales, strict=True)
    return sum(steps * share**2 for steps, share in pairs)


def draw(card: Card) -> None:
    """Draw the painting at each scale, what relu5_1 sees there, and the way to the next."""
    card.text(430, 30, "Coarse to fine: large forms first, where they cost least", 17,
              weight="bold")  # fmt: skip
    for number in range(len(NAMES)):
        draw_scale(card, number)
    for left, right in ((162, 290), (426, 582)):
        middle = (left + right) / 2
        card.arrow((left, MIDDLE), (right, MIDDLE), ORANGE, linewidth=2.4)
        card.text(middle, MIDDLE - 18, "enlarge × 2", 13, weight="bold", color=ORANGE)
        for row, line in enumerate(("add the photo's", "detail, and grain")):
            card.text(middle, MIDDLE + 18 + 17 * row, line, 12.5, color=MUTED)
    card.box(66, 309, 18, 18, "none", INK, 0, linewidth=1.8, linestyle=(0, (3, 2)))
    words = (
        f"What one position of relu5_1 sees: {seen()['relu5_1']} px. At a quarter of the size that "
        "is more than the picture."
    )
    card.text(94, 318, words, 13, ha="left")
    total = sum(RECIPE.steps)
    words = f"These {total} steps compute as many pixels as {work():.1f} steps at full size."
    card.text(430, 350, words, 14.5, weight="bold")


def draw_scale(card: Card, number: int) -> None:
    """Draw a painting at its displayed size, with its numbers below."""
    picture, x = painted(number), CENTERS[number]
    width, height = (SHARE * side for side in picture.size)
    card.picture(picture, x, MIDDLE, width, height)
    half = SHARE * seen()["relu5_1"] / 2
    for color, look in (("white", {"linewidth": 3}), (INK, {"linestyle": (0, (3, 2))})):
        look = {"linewidth": 1.8, **look}
        card.box(x - half, MIDDLE - half, 2 * half, 2 * half, "none", color, 0, zorder=4, **look)
    card.text(x, 232, NAMES[number], 15, weight="bold")
    card.text(x, 254, f"{picture.width} × {picture.height} px", 13)
    card.text(x, 274, f"{RECIPE.steps[number]} steps", 13)


SCALES = Diagram(
    draw,
    380,
    "A castle painted coarse to fine after The Starry Night, at a quarter, at half and at the full "
    "size. Each painting is enlarged, gets the photograph's detail and some grain, and is the "
    "start of the next. A dashed square shows the 156 px that relu5_1 sees: more than the smallest "
    "picture, and less than a third of the largest one's width",
    sharpness=1.5,
)
