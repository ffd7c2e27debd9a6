"""Tiles in two passes: first the sums of the statistics, then the gradient, part by part."""

from __future__ import annotations

from functools import cache

from diagrams.card import BLUE, EDGE, INK, MUTED, ORANGE, PALE, Card, Diagram, bundled
from nstkit import DEFAULT, VGG
from nstkit.tiles import Tile, halo, tiles

HEIGHT, WIDTH, SIDE = 768, 1152, 384  # px: of a picture, and of its tiles
CHOSEN = 4  # the tile that is shown at work
SHARE = 194 / WIDTH  # displayed pixels for one of the picture
LEFT, ROWS = 36, (130, 322)  # px: of the picture, and the middles of the two passes


@cache
def parts() -> tuple[list[Tile], int]:
    """Return the tiles that nstkit makes, and how many px each sees beyond itself."""
    vgg = VGG()
    layers = DEFAULT.style_layers
    return tiles(HEIGHT, WIDTH, SIDE, layers, vgg), halo(vgg, layers)[0]


def draw(card: Card) -> None:
    """Draw the first pass, what it hands over, the second pass, and why."""
    for row, (name, what) in enumerate(
        (("Pass 1", "add up what the losses need"), ("Pass 2", "the same tiles again, backward"))
    ):
        card.text(LEFT, ROWS[row] - 86, name, 16, ha="left", weight="bold")
        card.text(LEFT + 66, ROWS[row] - 85, what, 14, ha="left", color=MUTED)
        draw_picture(card, ROWS[row], gradient=False)
        draw_lane(card, ROWS[row])
    draw_sums(card)
    draw_gradients(card)
    found, reach = parts()
    words = (
        f"Here: {len(found)} tiles of {SIDE} px. Each also sees the {reach} px around it (dashed), "
        "so its features are those of the whole picture."
    )
    card.text(430, 432, words, 13)
    words = "Only one tile's features are in memory at a time, and nothing is approximated."
    card.text(430, 456, words, 14, weight="bold")


def corner(row: float) -> tuple[float, float]:
    """Return the top left corner of a row's picture."""
    return LEFT, row - SHARE * HEIGHT / 2


def draw_picture(card: Card, row: float, gradient: bool, left: float = LEFT) -> None:
    """Draw a picture with its tiles, and the tile at work with its halo."""
    top = corner(row)[1]
    if gradient:
        card.box(left, top, SHARE * WIDTH, SHARE * HEIGHT, "white", EDGE, 0)
    else:
        photo = bundled("castle")
        photo = photo.crop((0, 0, photo.width, photo.width * HEIGHT // WIDTH))
        middle = left + SHARE * WIDTH / 2
        card.picture(photo, middle, row, SHARE * WIDTH, SHARE * HEIGHT)
    for number, tile in enumerate(parts()[0]):
        y, bottom, x, right = (SHARE * side for side in tile.inner)
        fill = "#F3D9C7" if gradient and number <= CHOSEN else "none"
        card.box(left + x, top + y, right - x, bottom - y, fill, EDGE if gradient else "white", 0,
                 linewidth=1.2, zorder=3)  # fmt: skip
    tile = parts()[0][CHOSEN]
    for sides, look in ((tile.inner, {}), (tile.outer, {"linestyle": (0, (3, 2))})):
        if gradient and look:
            continue
        y, bottom, x, right = (SHARE * side for side in sides)
        card.box(left + x, top + y, right - x, bottom - y, "none", ORANGE, 0, linewidth=2.2,
                 zorder=4, **look)  # fmt: skip


def draw_lane(card: Card, row: float) -> None:
    """Draw a tile's way through the network to its features."""
    card.arrow((LEFT + SHARE * WIDTH + 10, row), (284, row), ORANGE)
    card.box(288, row - 34, 92, 68, PALE, EDGE, 8)
    card.text(334, row - 9, "VGG-19", 14, weight="bold")
    card.text(334, row + 12, "one tile", 12.5, color=MUTED)


def draw_sums(card: Card) -> None:
    """Draw how the sums of all tiles become the Gram matrices, the loss, and a small gradient."""
    row = ROWS[0]
    card.arrow((384, row), (426, row), ORANGE)
    card.box(430, row - 34, 132, 68, "white", ORANGE, 8, linewidth=2)
    card.text(496, row - 11, "its sums", 14, weight="bold")
    card.text(496, row + 11, "then forget the rest", 12, color=MUTED)
    card.arrow((566, row), (612, row), ORANGE)
    card.text(589, row - 16, "+", 20, weight="bold", color=ORANGE)
    card.box(616, row - 44, 212, 88, "white", BLUE, 10, linewidth=2.4)
    card.text(722, row - 22, "sums of all tiles", 14, weight="bold")
    card.text(722, row + 1, "Gram matrices and means:", 13)
    card.text(722, row + 21, "as small for a poster", 13)


def draw_gradients(card: Card) -> None:
    """Draw how the gradient of the sums becomes the gradient of each tile's pixels."""
    row, top = ROWS[1], ROWS[0] + 48
    card.arrow((770, top), (770, row - 76), BLUE, linewidth=2.4)
    card.text(758, (top + row - 76) / 2 - 10, "gradient with", 13, ha="right", color=BLUE)
    card.text(758, (top + row - 76) / 2 + 8, "respect to the sums,", 13, ha="right", color=BLUE)
    card.text(758, (top + row - 76) / 2 + 26, "the same for all tiles", 13, ha="right", color=BLUE)
    x = 625
    card.arrow((384, row), (x - 10, row), ORANGE)
    card.text((384 + x) / 2 - 6, row - 32, "forward again, then back:", 13)
    card.text((384 + x) / 2 - 6, row - 14, "the gradient of its pixels", 13)
    draw_picture(card, row, True, x)
    card.text(x + SHARE * WIDTH / 2, row + SHARE * HEIGHT / 2 + 16, "gradient of the whole picture",
              13, weight="bold", color=INK)  # fmt: skip


TILES = Diagram(
    draw,
    482,
    "A castle in six tiles, one of them with its halo, in two passes. In pass 1 each tile goes "
    "through the network, and its sums are added up to the Gram matrices of the whole picture. "
    "In pass 2 each tile goes through again, and the gradient with respect to the sums gives the "
    "gradient of its pixels. Only one tile's features are in memory at a time",
    sharpness=1.5,
)
