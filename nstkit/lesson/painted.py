"""A painting, and small beside it what it was made of."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from PIL import Image
from torch import Tensor

from nstkit.pictures.images import to_pil
from nstkit.pictures.plots import DPI, GAP, LINE, Picture, render

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Placed = tuple[Image.Image, str, int, int]  # a picture, its title, and its lower left corner


def show_painting(
    painting: Tensor, title: str, sources: Mapping[str, Tensor], alt: str, *, width: float = 5.4
) -> Picture:
    """Show a painting, and at its left a column of the pictures that it comes from.

    The column is as high as the painting, and all pictures in it are equally wide.

    Args:
        painting: (1, 3, H, W) in [0, 1].
        title: of the painting.
        sources: {title: picture (1, 3, H, W)}, at least one, such as photograph and artwork.
        alt: what there is to see.
        width: of the painting in inches; the text beside it is 9 inches wide.

    Raises:
        ValueError: No source, or a painting too low for titles and pictures beside it.
    """
    large = _resized(to_pil(painting), width * DPI)
    small = {name: to_pil(picture) for name, picture in sources.items()}
    free = large.height - (len(small) - 1) * (LINE + GAP)  # without titles and gaps
    if not small or free < LINE:
        raise ValueError(
            f"got {len(small)} pictures beside a painting of {large.height} pixels' height; give "
            "at least one picture, and fewer of them or a larger width"
        )
    column = free / sum(picture.height / picture.width for picture in small.values())
    placed: list[Placed] = []
    bottom = 0
    for name, picture in reversed(small.items()):
        placed.append((_resized(picture, column), name, 0, bottom))
        bottom += placed[-1][0].height + LINE + GAP
    placed.append((large, title, placed[0][0].width + GAP, 0))
    return render(partial(_draw, placed), alt, "jpeg")


def _resized(picture: Image.Image, width: float) -> Image.Image:
    size = round(width), round(width * picture.height / picture.width)
    return picture.resize(size, Image.Resampling.LANCZOS)


def _draw(placed: list[Placed], figure: Figure) -> None:
    width = max(left + picture.width for picture, _, left, _ in placed)
    height = max(bottom + picture.height for picture, _, _, bottom in placed) + LINE
    figure.set_size_inches(width / DPI, height / DPI)
    for picture, title, left, bottom in placed:
        figure.figimage(picture, left, bottom)
        middle, above = left + picture.width / 2, bottom + picture.height + LINE / 4
        figure.text(middle, above, title, transform=None, ha="center", size=11)
