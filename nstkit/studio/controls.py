"""The studio's controls: widgets that show `Settings`, and are read as `Settings`.

This folder uses only widgets and traits that ipywidgets 7.7, which Google Colab has, and ipywidgets
8 have in common.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import ipywidgets as widgets

from nstkit.descent import OPTIMIZERS
from nstkit.painting.quality import QUALITIES
from nstkit.recipes import DEFAULT, FITS, NEIGHBORS, PHOTOREAL, PORTRAIT, RECIPES, STARTS, Recipe
from nstkit.studio.dials import Dial, Layers, Silent, offer
from nstkit.studio.kit import Kit
from nstkit.studio.mixing import Mixing
from nstkit.studio.pictures import Picker, Thumbnails
from nstkit.studio.region import RegionPicker
from nstkit.studio.settings import Settings
from nstkit.studio.uploads import Uploads
from nstkit.vgg.names import layer_names

SIZES = (96, 128, 160, 192, 256, 320, 384, 512, 768, 1024)
CONTENT_LAYERS = ("relu1_2", "relu2_2", "relu3_2", "relu4_2", "relu5_2")
POOLINGS = [("max", "max"), ("average", "avg"), ("average, scaled", "avg_scaled")]
OWN = "own"  # what the quality menu says of a size or scales that are no quality
HOUSE = {
    "house recipe": DEFAULT,
    "gentle": DEFAULT.replace(beta=DEFAULT.beta / 10),
    "bold": DEFAULT.replace(beta=DEFAULT.beta * 10),
    "portrait": PORTRAIT,
    "neighbors": NEIGHBORS,
    "photoreal": PHOTOREAL,
}
# These show what the textbook tells of layers and of noise, so they paint as it does, at one size:
# from coarse to fine, shallow layers paint large strokes too, and noise leaves less grain.
TEXTBOOK = {
    "textbook": Recipe(),
    "shallow layers": Recipe(style_layers=["relu1_1", "relu2_1"]),
    "deep layers": Recipe(style_layers=["relu3_1", "relu4_1", "relu5_1"]),
    "out of noise": Recipe(start="noise", beta=1, tv=500),
    "texture only": Recipe(alpha=0, start="noise"),
}
PRESETS = {
    "choose ...": None,
    **HOUSE,
    **TEXTBOOK,
    **{key.replace("_", " "): published for key, published in RECIPES.items()},
}
HELP = {
    "preset": f"Portrait {FITS['portrait']}, and neighbors {FITS['neighbors']}. "
    f"Photoreal is {FITS['photoreal']}. Those from gatys 2016 on come from published programs.",
    "weights": "α keeps the shapes of the photograph. Smoothing (total variation) removes grain.",
    "beta": "More β paints more like the artwork. Less β keeps more of the photograph.",
    "content": "What α protects: every pixel in a shallow layer, the gist in a deep one.",
    "layers": "Where the style comes from, and how much of it: relu1_1 gives colors and grain, "
    "relu3_1 strokes, relu5_1 large forms.",
    "quality": "A quality sets the size, and paints a small picture first, then larger ones.",
    "route": "A new photograph, start, size or quality begins a new picture. After any other "
    "change, the painting goes on from where it is.",
}


class Controls(Silent):
    """All controls of the studio.

    Args:
        kit: makes their widgets.
        settings: what the controls show at first.
        changed: called after a reader has moved a control.

    Attributes:
        content, style: pickers; uploads: what came to them; alpha, beta, tv: dials; layers: the
            rows of style layers.
        content_layer, start, optimizer, pooling, quality, size, preset: menus; presets: pictures
            of what the presets paint; of_preset: the recipe that the chosen one has given. The menu
            names it as long as that recipe is shown.
        mixing: a second artwork, colors and strokes; region: the part that is painted.
        moved: the widget that a reader has moved last.
        box: the widget beside the picture; below: the widget below it. Most of both is shown only
            with *more*.
    """

    def __init__(self, kit: Kit, settings: Settings, changed: Callable[[], None]) -> None:
        self._changed, self._quiet = changed, True
        self.uploads = Uploads()
        self.content = Picker(kit, "content", "photograph", self.uploads)
        self.style = Picker(kit, "style", "artwork", self.uploads)
        self.layers, self.moved = Layers(kit), None
        self.alpha = Dial(kit, "alpha", "content α", -2, 3)
        self.beta = Dial(kit, "beta", "style β", -2, 4)
        self.tv = Dial(kit, "tv", "smoothing", 0, 4)
        self.content_layer = kit.menu("content-layer", "layer of α", [])
        self.start = kit.menu("start", "start", STARTS)
        self.optimizer = kit.menu("optimizer", "optimizer", list(OPTIMIZERS))
        self.pooling = kit.menu("pooling", "pooling", POOLINGS)
        self.quality = kit.menu("quality", "quality", [OWN, *QUALITIES])
        self.size = kit.menu("size", "size (px)", [])
        self.preset = kit.menu("preset", "preset", list(PRESETS))
        choose = partial(setattr, self.preset, "value")
        self.presets = Thumbnails(kit, "preset", choose)
        self.presets.add(preset_thumbnails())
        self.preset.observe(lambda _: self.presets.mark(self.preset.value), "value")
        self.of_preset: Recipe | None = None
        self.mixing, self.region = Mixing(kit, self.style), RegionPicker(kit, self._moved)
        self.box, self.below = self._arranged(kit), self._below(kit)
        self.show(settings)
        for widget in self._steering():
            widget.observe(self._moved, "value")
        self._quiet = False

    def read(self, base: Settings) -> Settings:
        """Return ``base`` with what the controls show.

        Raises:
            ValueError: The controls leave nothing to minimize.
        """
        chosen = self.quality.value
        route = {"size": self.size.value} if chosen == OWN else {"quality": chosen}
        return base.replace(
            **route,
            content=self.content.read(),
            style=self.mixing.read(),
            regions=self.region.read(),
            color=self.mixing.color.value,
            style_scale=self.mixing.scale.value,
            alpha=self.alpha.read(),
            beta=self.beta.read(),
            tv=self.tv.read(),
            content_layers=dict(self.content_layer.value),
            style_layers=self.layers.read(),
            start=self.start.value,
            optimizer=self.optimizer.value,
            pooling=self.pooling.value,
        )

    def show(self, settings: Settings) -> None:
        """Move all controls so that they show these settings."""
        recipe = settings.recipe
        with self.silently():
            self.content.show(settings.content)
            self.mixing.show(settings.style, recipe)
            self.follow(settings)
            if recipe != self.of_preset:
                self.preset.index = 0
            self.alpha.show(recipe.alpha)
            self.beta.show(recipe.beta)
            self.tv.show(recipe.tv)
            self.layers.show(recipe.style_layers, recipe.network)
            self._show_content_layers(recipe)
            for name in ("start", "optimizer", "pooling"):
                getattr(self, name).value = getattr(recipe, name)

    def follow(self, settings: Settings) -> None:
        """Show what one control changes in others: size, quality, the photograph of the region."""
        with self.silently():
            offer(self.size, sorted({*SIZES, settings.size}), settings.size)
            self.quality.value = settings.quality or OWN
            self.region.show(settings.regions, settings.content)

    def _show_content_layers(self, recipe: Recipe) -> None:
        """Offer each layer alone, and the recipe's own choice."""
        chosen = tuple(recipe.content_layers.items())
        options = {((name, 1.0),): name for name in CONTENT_LAYERS}
        options.setdefault(chosen, " + ".join(name for name, _ in chosen) or "none")
        order = sorted(options, key=lambda pairs: [layer_names().index(n) for n, _ in pairs])
        offer(self.content_layer, [(options[pairs], pairs) for pairs in order], chosen)

    def _moved(self, change: Mapping[str, Any] = MappingProxyType({})) -> None:
        if not self._quiet:
            self.moved = change.get("owner")
            with self.silently():
                self.preset.index = 0
                if change.get("owner") is self.size:  # it wins over the quality
                    self.quality.value = OWN
            self._changed()

    def _steering(self) -> list[widgets.Widget]:
        """Return the widgets that are read."""
        dials = [self.alpha, self.beta, self.tv, *self.layers.dials]
        menus = [self.content.menu, self.style.menu, self.quality, self.size, self.content_layer,
                 self.start, self.optimizer, self.pooling, *self.layers.menus]  # fmt: skip
        parts = (part for dial in dials for part in (dial.on, dial.slider))
        return [*self.mixing.moving, *menus, *parts]

    def _arranged(self, kit: Kit) -> widgets.VBox:
        """Return the controls beside the picture."""
        more = [self.alpha.box, self.tv.box, kit.caption(HELP["weights"]), self.layers.box,
                kit.caption(HELP["layers"]), self.mixing.box]  # fmt: skip
        first = [self.content.box, self.style.box, self.beta.box, kit.caption(HELP["beta"])]
        return kit.column("controls", [*first, kit.column("more", more)])

    def _below(self, kit: Kit) -> widgets.VBox:
        """Return the controls below the picture."""
        rows = [kit.row(self.preset), self.presets.box, kit.caption(HELP["preset"]),
                kit.row(self.content_layer, self.start), kit.caption(HELP["content"]),
                kit.row(self.quality, self.size), kit.caption(HELP["quality"]),
                kit.row(self.optimizer, self.pooling), kit.caption(HELP["route"]),
                self.region.box]  # fmt: skip
        return kit.column("more", rows)


@cache
def preset_thumbnails() -> dict[str, str]:
    """Return what each preset paints, as small JPEGs in base64; tools/make_presets.py made them."""
    files = {name: preset_file(name) for name in PRESETS}
    found = {name: file for name, file in files.items() if file.exists()}
    return {name: b64encode(file.read_bytes()).decode() for name, file in found.items()}


def preset_file(name: str) -> Path:
    """Return where the small picture of a preset lies."""
    return Path(__file__).parent / "presets" / f"{name.replace(' ', '_')}.jpg"
