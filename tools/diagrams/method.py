"""The method of Gatys et al.: three pictures, one network, two losses, and the way back."""

from __future__ import annotations

from diagrams.card import BLUE, EDGE, INK, MUTED, ORANGE, PALE, Card, Diagram, bundled, gallery

PAIR = "castle", "starry_night"
ROWS = {"photograph": 92, "painting": 236, "artwork": 380}  # px: middles
NETWORK = 268, 412  # px: left and right side


def draw(card: Card) -> None:
    """Draw three pictures on their way through the network, the losses, and the way back."""
    draw_pictures(card)
    draw_network(card)
    draw_features(card)
    draw_losses(card)
    draw_way_back(card)


def draw_pictures(card: Card) -> None:
    """Draw the pictures, and their arrows through the network."""
    content, style = PAIR
    shown = {
        "photograph": (bundled(content), "photograph $p$", BLUE),
        "painting": (gallery(*PAIR), "painting $x$", INK),
        "artwork": (bundled(style), "artwork $a$", ORANGE),
    }
    for name, (picture, label, color) in shown.items():
        x, y = 132, ROWS[name]
        width, height = card.picture(picture, x, y, 150, 98)
        card.box(x - width / 2, y - height / 2, width, height, "none", color, 2, linewidth=3)
        card.text(x, y + height / 2 + 13, label, 14, weight="bold", color=color)
        card.arrow((x + width / 2 + 8, y), (NETWORK[0] - 4, y), color)
        card.arrow((NETWORK[1] + 4, y), (452, y), color)


def draw_network(card: Card) -> None:
    """Draw five blocks, each smaller and thicker than the one before."""
    left, right = NETWORK
    card.box(left, 34, right - left, 450, PALE, EDGE, 12)
    card.text((left + right) / 2, 55, "VGG-19", 15, weight="bold")
    x = left + 14
    for height, width in zip((288, 204, 144, 102, 72), (8, 12, 17, 24, 24), strict=True):
        card.box(x, 236 - height / 2, width, height, "white", MUTED, 2, linewidth=1.5)
        x += width + 8
    card.text((left + right) / 2, 406, "frozen: its weights", 12.5, color=MUTED)
    card.text((left + right) / 2, 423, "never change", 12.5, color=MUTED)


def draw_features(card: Card) -> None:
    """Draw what is read of each picture."""
    for y, color, name, what in (
        (ROWS["photograph"], BLUE, "$P_l$", "features"),
        (ROWS["painting"] - 32, INK, "$F_l$", "features"),
        (ROWS["painting"] + 32, INK, "$G_l$", "Gram matrices"),
        (ROWS["artwork"], ORANGE, "$A_l$", "Gram matrices"),
    ):
        card.box(456, y - 22, 150, 44, "white", color)
        card.text(478, y, name, 18, color=color)
        card.text(498, y, what, 12.5, ha="left")


def draw_losses(card: Card) -> None:
    """Draw the two losses and their weighted sum."""
    for y, color, name, where, near in (
        (148, BLUE, "content", "same things in", ROWS["photograph"]),
        (324, ORANGE, "style", "same textures,", ROWS["artwork"]),
    ):
        second = "the same places" if name == "content" else "in any place"
        inner = ROWS["painting"] + (-32 if name == "content" else 32)
        card.box(640, y - 34, 128, 68, "white", color, 10, linewidth=2.4)
        card.text(704, y - 18, rf"$\mathcal{{L}}_\mathrm{{{name}}}$", 18, color=color)
        card.text(704, y + 4, where, 12.5)
        card.text(704, y + 20, second, 12.5)
        card.arrow((608, near), (639, y + (-14 if near < y else 14)), color)
        card.arrow((608, inner), (639, y + (14 if near < y else -14)), color)
    card.box(652, 212, 192, 48, INK, INK, 10)
    total = r"$\alpha\,\mathcal{L}_\mathrm{content}+\beta\,\mathcal{L}_\mathrm{style}$"
    card.text(748, 236, total, 17.5, color="white")
    card.arrow((704, 183), (704, 211), BLUE)
    card.arrow((704, 289), (704, 261), ORANGE)


def draw_way_back(card: Card) -> None:
    """Draw the gradient's way from the total to the pixels of the painting."""
    x, y, left = 812, 462, 26
    line = {"color": INK, "linewidth": 3, "solid_joinstyle": "round", "zorder": 2}
    card.axes.plot([x, x, left, left], [264, y, y, ROWS["painting"]], **line)
    card.arrow((left, ROWS["painting"]), (52, ROWS["painting"]), INK, linewidth=3)
    words = (
        "the gradient goes back through the network; the optimizer changes the pixels of $x$ only"
    )
    card.text((x + left) / 2, y + 42, words, 14, color=INK, weight="bold")


METHOD = Diagram(
    draw,
    524,
    "The method: a photograph, an artwork and the painting go through one frozen network, VGG-19. "
    "The content loss compares the features of painting and photograph, the style loss the Gram "
    "matrices of painting and artwork. The gradient of their weighted sum goes back through the "
    "network and changes only the pixels of the painting",
    sharpness=1.5,
)
