"""VGG-19: five blocks, what a position of each layer sees, and what painting reads of them."""

from __future__ import annotations

from diagrams.card import BLUE, DARK, EDGE, INK, MUTED, ORANGE, PALE, Card, Diagram, bundled
from nstkit import TEXTBOOK
from nstkit.vgg.names import block_of, channels, layer_names, map_size

SIDE = 512  # px of the picture that goes in
LEFT, COLUMN, MIDDLE, ROWS = 192, 132, 174, 306  # px: of the blocks, and of their slabs and rows
TALL, WIDE = 190 / SIDE, 96 / 512  # px for a pixel of a map's side, and for a channel
CONTENT, STYLE = list(TEXTBOOK.content_layers), list(TEXTBOOK.style_layers)


def seen() -> dict[str, int]:
    """Return the side in px of the square that a position of each layer sees."""
    fields, size, apart = {}, 1, 1
    for name in layer_names("vgg19"):
        if name.startswith("conv"):
            size += 2 * apart  # 3 x 3
        elif name.startswith("pool"):
            size, apart = size + apart, 2 * apart  # 2 x 2, every second one
        fields[name] = size
    return fields


def draw(card: Card) -> None:
    """Draw the picture that goes in, the blocks, their layers, and what the colors say."""
    card.text(430, 26, f"VGG-19, and what becomes of a picture of {SIDE} × {SIDE} px", 16,
              weight="bold")  # fmt: skip
    draw_input(card)
    for block in range(1, 6):
        draw_block(card, block)
    draw_legend(card)


def draw_input(card: Card) -> None:
    """Draw a photograph with what a position sees of it, true to scale."""
    photo, side, x = bundled("castle"), 150, 97
    square = photo.crop((0, 0, photo.height, photo.height))
    width, _ = card.picture(square, x, MIDDLE, side, side)
    fields = seen()
    for name in STYLE:
        half = fields[name] * width / SIDE / 2
        for color, line in (("black", 3), ("white", 1.4)):
            card.box(x + 6 - half, MIDDLE - 6 - half, 2 * half, 2 * half, "none", color, 0,
                     linewidth=line, zorder=3)  # fmt: skip
    lines = (
        "The squares are what",
        "one position sees of it",
        "at each of the five",
        "style layers.",
    )
    for row, words in enumerate(lines):
        card.text(x - side / 2, ROWS + 4 + 19 * row, words, 13, ha="left", color=MUTED)


def draw_block(card: Card, block: int) -> None:
    """Draw a block's maps as a slab true to scale, and its layers with what they see."""
    x, first = LEFT + COLUMN * (block - 0.5), f"relu{block}_1"
    (side, _), depth = map_size(first, SIDE, SIDE), channels(first)
    height, width = TALL * side, WIDE * depth
    card.box(x - width / 2, MIDDLE - height / 2, width, height, "#DCE9F3", MUTED, 1, linewidth=1.3)
    card.text(x, 56, f"block {block}", 14, weight="bold")
    if block == 1:
        card.arrow((178, MIDDLE), (x - width / 2 - 4, MIDDLE), MUTED)
    else:
        before = LEFT + COLUMN * (block - 1.5) + WIDE * channels(f"relu{block - 1}_1") / 2
        card.arrow((before + 5, MIDDLE), (x - width / 2 - 4, MIDDLE), MUTED)
    card.text(x, MIDDLE + 116, f"{depth} × {side} × {side}", 13, color=INK)
    fields = seen()
    layers = [n for n in fields if block_of(n) == block and n.startswith(("relu", "pool"))]
    for row, name in enumerate(layers):
        draw_layer(card, x, ROWS + 28 * row + 18, name, fields[name])


def draw_layer(card: Card, x: float, y: float, name: str, field: int) -> None:
    """Draw a layer's name in a color that says what is read there, and the side that it sees."""
    read = ORANGE if name in STYLE else BLUE if name in CONTENT else None
    pool = name.startswith("pool")
    fill = DARK.get(read, read) or (PALE if pool else "white")
    card.box(x - 58, y - 12, 62, 24, fill, fill if read else EDGE, 5)
    look = {"color": "white", "weight": "bold"} if read else {"color": INK}
    card.text(x - 27, y, name, 12 if read else 12.5, **look)
    card.text(x + 58, y, f"{field} px", 12.5, ha="right", color=INK if read else MUTED)


def draw_legend(card: Card) -> None:
    """Say what the colors and numbers mean."""
    y = 470
    for x, fill, edge, words in (
        (200, DARK[ORANGE], ORANGE, "style is read here"),
        (370, BLUE, BLUE, "content is read here"),
        (562, PALE, EDGE, "halves height and width"),
    ):
        card.box(x, y - 8, 22, 16, fill, edge, 4)
        card.text(x + 30, y, words, 12.5, ha="left")
    words = (
        "Above: channels × height × width of a block's maps. "
        "Beside a layer: the side of the square that one position sees."
    )
    card.text(430, 496, words, 12.5, color=MUTED)


VGG19 = Diagram(
    draw,
    520,
    "VGG-19 in five blocks. For a picture of 512 px the maps have sides of 512, 256, 128, 64 and "
    "32, with 64, 128, 256, 512 and 512 channels. Style is read at relu1_1 to relu5_1, whose "
    "positions see squares of 3, 10, 24, 68 and 156 px; content is read at relu4_2, which sees "
    "84 px. A pooling layer ends each block",
    sharpness=1.5,
)
