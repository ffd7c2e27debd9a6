"""The studio's mixing desk: a second artwork, whose colors, and how large the strokes are."""

from __future__ import annotations

import ipywidgets as widgets

from nstkit.painting.given import GivenStyle, pairs_of
from nstkit.pictures.color import COLORS
from nstkit.pictures.images import name_of
from nstkit.recipes import Recipe
from nstkit.studio.dials import offer_number
from nstkit.studio.kit import Kit
from nstkit.studio.pictures import Picker

NONE = "none"  # what the menu of the second artwork says first
SHARES = tuple(n / 20 for n in range(21))
SCALES = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
SHORT = {"description_width": "60px"}
NAMES = {
    "style": "the artwork's",
    "match": "the photo's",
    "luminance": "kept exactly",
}
HELP = "A second artwork is mixed in by its share. The photo's colors: the artwork is recolored "
HELP += "before painting. Kept exactly: only light and dark are painted. Strokes above 1 are "
HELP += "larger, and blur if the artwork is a small picture."


class Mixing:
    """Which artworks, in which colors, at which size.

    Args:
        kit: makes their widgets.
        first: the picker of the first artwork, whose pictures the second one offers too.

    Attributes:
        second, color: menus; share, scale: sliders; box: what to display.
    """

    def __init__(self, kit: Kit, first: Picker) -> None:
        self.first = first
        self.second = kit.menu("second", "and", [NONE])
        self.share = kit.slider("share", "its share", style=SHORT)
        offer_number(self.share, SHARES, 0.5, "{:.0%}".format)
        self.color = kit.menu("color", "colors", [(NAMES[name], name) for name in COLORS])
        self.scale = kit.slider("scale", "strokes", style=SHORT)
        offer_number(self.scale, SCALES, 1.0)
        first.menu.observe(self._offer, "options")
        rows = [kit.row(self.second, self.share), kit.row(self.color, self.scale)]
        self.box = kit.column("", [*rows, kit.caption(HELP)])

    @property
    def moving(self) -> list[widgets.Widget]:
        """The widgets that are read."""
        return [self.second, self.share, self.color, self.scale]

    def read(self) -> GivenStyle:
        """Return the first artwork, or both with their shares."""
        first = self.first.read()
        if self.second.value == NONE:
            return first
        share = self.share.value
        return [(first, 1 - share), (self.first.source(self.second.value), share)]

    def show(self, style: GivenStyle, recipe: Recipe) -> None:
        """Show one artwork, or two.

        Raises:
            ValueError: There are more than two, or shares that differ between layers.
        """
        pairs = pairs_of(style)
        if len(pairs) > 2 or any(not isinstance(share, float) for _, share in pairs):
            raise ValueError(
                "The panel mixes two artworks by one number, and got "
                f"{[(name_of(picture), share) for picture, share in pairs]}. Paint these with "
                "nstkit.stylize."
            )
        self.first.show(pairs[0][0])
        self._offer()
        self.second.value = NONE
        if len(pairs) == 2:
            self.second.value = self.first.know(pairs[1][0], beside=self.first.menu.value)
            total = pairs[0][1] + pairs[1][1]
            share = pairs[1][1] / total
            offer_number(self.share, SHARES, share, "{:.0%}".format)
        self.color.value = recipe.color
        offer_number(self.scale, SCALES, recipe.style_scale)

    def _offer(self, _: object = None) -> None:
        """Offer all artworks that the first picker has."""
        chosen = self.second.value
        options = [NONE, *self.first.names]
        if list(self.second.options) != options:
            self.second.options = options
            self.second.value = chosen
