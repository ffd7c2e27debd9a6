"""The one style of the course's diagrams: a light card with rounded corners, measured in pixels.

A card is light on any page, so one drawing serves bright and dark mode. Text becomes outlines, so
it looks the same wherever it is shown.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch
from matplotlib.text import Text
from PIL import Image, ImageOps

from nstkit.pictures.images import sample_path
from nstkit.pictures.plots import LOOKS, SPARE_COLORS

WIDTH = 860  # px: as wide as a notebook's page shows a picture
SHARPNESS = 2.0  # stored pixels for each displayed one, in the PNG
SMALLEST = 12  # px: nobody reads smaller text
INK, MUTED, PAPER, EDGE, PALE = "#1F1F1F", "#595959", "#FBFAF6", "#CFC9BB", "#EFECE3"
BLUE, ORANGE, GREEN = (LOOKS[name][0] for name in ("content", "style", "variation"))
PINK, AMBER, SKY = SPARE_COLORS
DARK = {ORANGE: "#A34700", GREEN: "#00704F", PINK: "#9A3F73", AMBER: "#8A5F00"}  # for text
GALLERY = Path(__file__).resolve().parents[2] / "docs" / "gallery"
LOOK = {"svg.fonttype": "path", "svg.hashsalt": "nstkit", "font.family": "DejaVu Sans"}
PNG_INSIDE = re.compile(r"data:image/png;base64,([^\"]+)")
CORNER = 14  # px: radius of the card's corners
COLORS, SHADES = 200, 16  # of a PNG: opaque colors, and steps from the card to the page around it


class Card:
    """A drawing surface whose unit is one displayed pixel, with the origin at the top left.

    Attributes:
        axes: of matplotlib, for what the methods below do not draw.
        height: in px.
        sharpness: pixels of a placed picture for each displayed one.
    """

    def __init__(self, height: int, sharpness: float) -> None:
        self.height, self.sharpness = height, sharpness
        self.figure = Figure((WIDTH / 72, height / 72), 72)  # so that a point is a pixel
        FigureCanvasAgg(self.figure)  # it measures text
        self.figure.patch.set_alpha(0)
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set(xlim=(0, WIDTH), ylim=(height, 0))
        self.axes.set_axis_off()
        self.box(1, 1, WIDTH - 2, height - 2, PAPER, EDGE, corner=CORNER, zorder=0)

    def text(self, x: float, y: float, words: str, size: float = 13, **look) -> Text:
        """Write words, by default centered on a point."""
        look = {"ha": "center", "va": "center", "color": INK, **look}
        look["color"] = DARK.get(look["color"], look["color"])
        return self.axes.text(x, y, words, size=size, **look)

    def box(
        self, x: float, y: float, width: float, height: float, fill: str = "white",
        edge: str = EDGE, corner: float = 6, **look,
    ) -> FancyBboxPatch:  # fmt: skip
        """Draw a rectangle with round corners; x, y is its top left corner."""
        style = f"round,pad=0,rounding_size={corner}"
        look = {"linewidth": 1.2, "zorder": 1, **look}
        patch = FancyBboxPatch((x, y), width, height, boxstyle=style, fc=fill, ec=edge, **look)
        return self.axes.add_patch(patch)

    def circle(self, x: float, y: float, radius: float, fill: str, edge: str, **look) -> Circle:
        """Draw a disc."""
        look = {"linewidth": 1.6, "zorder": 2, **look}
        return self.axes.add_patch(Circle((x, y), radius, fc=fill, ec=edge, **look))

    def arrow(
        self, start: tuple[float, float], end: tuple[float, float], color: str = INK,
        bend: float = 0.0, **look,
    ) -> FancyArrowPatch:  # fmt: skip
        """Draw an arrow from start to end; a positive ``bend`` makes it an arc."""
        look = {"linewidth": 1.8, "zorder": 2, "shrinkA": 0, "shrinkB": 0, **look}
        patch = FancyArrowPatch(
            start, end, arrowstyle="-|>", mutation_scale=13, color=color,
            connectionstyle=f"arc3,rad={bend}", **look,
        )  # fmt: skip
        return self.axes.add_patch(patch)

    def picture(
        self, image: Image.Image, x: float, y: float, width: float, height: float
    ) -> tuple[float, float]:
        """Place a picture in the middle of a frame that it fits into; return its displayed size."""
        size = (round(width * self.sharpness), round(height * self.sharpness))
        fitted = ImageOps.contain(image, size, Image.Resampling.LANCZOS)
        width, height = fitted.width / self.sharpness, fitted.height / self.sharpness
        place = (x - width / 2, x + width / 2, y + height / 2, y - height / 2)
        self.axes.imshow(fitted, extent=place, interpolation="none", aspect="auto", zorder=2)
        self.axes.set(xlim=(0, WIDTH), ylim=(self.height, 0))  # imshow changes them
        return width, height


def bundled(name: str) -> Image.Image:
    """Return a photograph or an artwork of the course."""
    return Image.open(sample_path(name)).convert("RGB")


def gallery(content: str, style: str) -> Image.Image:
    """Return a painting of docs/gallery."""
    return Image.open(GALLERY / f"{content}_{style}.jpg").convert("RGB")


@dataclass(frozen=True)
class Diagram:
    """A drawing of the course.

    Attributes:
        draw: puts it on an empty card.
        height: of the card in px.
        alt: what there is to see, for readers who do not see it.
        sharpness: stored pixels for each displayed one, in the PNG; fewer where photographs are.
    """

    draw: Callable[[Card], None]
    height: int
    alt: str
    sharpness: float = SHARPNESS

    def drawn(self, sharpness: float = SHARPNESS) -> Card:
        """Return the card with everything on it."""
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(LOOK)
            card = Card(self.height, sharpness)
            self.draw(card)
            return card

    def svg(self) -> str:
        """Return it as SVG; the same text each time."""
        file = io.StringIO()
        with matplotlib.rc_context(LOOK):
            metadata = {"Date": None, "Creator": None, "Title": self.alt}
            self.drawn().figure.savefig(file, format="svg", metadata=metadata)
        # matplotlib writes points, which a page would show a third larger.
        size = f'width="{WIDTH}" height="{self.height}"'
        text = re.sub(r'width="[\d.]+pt" height="[\d.]+pt"', size, file.getvalue(), count=1)
        text = PNG_INSIDE.sub(lambda found: f"data:image/jpeg;base64,{_jpeg(found[1])}", text)
        return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)

    def png(self) -> bytes:
        """Return it as PNG with a palette, transparent outside the round corners."""
        file = io.BytesIO()
        with matplotlib.rc_context(LOOK):
            self.drawn(self.sharpness).figure.savefig(file, format="png", dpi=72 * self.sharpness)
        return _paletted(Image.open(file))


def _jpeg(png: str) -> str:
    """Return a photograph in a tenth of the bytes, both in base64."""
    file = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(png))) as image:
        image.convert("RGB").save(file, "JPEG", quality=85, subsampling="4:4:4", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")


def _paletted(picture: Image.Image) -> bytes:
    """Return an RGBA picture as PNG with a palette, in which the last colors are the edge's shades.

    Pillow's quantizers either ignore transparency or choose poor colors, so the few pixels that
    are not opaque get indices of their own.
    """
    alpha = np.asarray(picture.getchannel("A"))
    page = Image.new("RGBA", picture.size, PAPER)
    page.alpha_composite(picture)
    image = page.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE)
    indices = np.array(image)
    steps = np.rint(alpha / 255 * SHADES).astype(np.uint8)
    indices[steps < SHADES] = COLORS + steps[steps < SHADES]
    edge = [int(EDGE[i : i + 2], 16) for i in (1, 3, 5)]
    palette = (image.getpalette() + [0] * 3 * COLORS)[: 3 * COLORS] + edge * SHADES
    image = Image.fromarray(indices, "P")
    image.putpalette(palette)
    opacities = bytes([255] * COLORS + [round(255 * n / SHADES) for n in range(SHADES)])
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True, transparency=opacities)
    return file.getvalue()
