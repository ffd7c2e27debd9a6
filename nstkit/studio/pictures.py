"""The studio's pickers: thumbnails to click on, a menu of the same names, and an upload."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path

import ipywidgets as widgets
from PIL import Image, ImageOps
from torch import Tensor

from nstkit.painting.start import Given
from nstkit.pictures.folders import pictures_in
from nstkit.pictures.images import load_at, name_of, samples, to_pil
from nstkit.studio.kit import Kit
from nstkit.studio.settings import same
from nstkit.studio.uploads import File, Opened, Upload, Uploads

SIDE = 40  # px, of a thumbnail
LOOK = 512  # px of the long side of a picture that is loaded to be looked at
BESIDE = 40  # files of the notebook's folder that a menu offers
PRESS = """const field = this.closest('.widget-vbox').querySelector('.nstkit-pressed input');
field.value = this.title;
for (const kind of ['input', 'change']) field.dispatchEvent(new Event(kind, {bubbles: true}));"""
BUTTON = (
    '<button type="button" class="nstkit-thumbnail" title="{name}" onclick="{press}" '
    'style="background-image: url(data:image/jpeg;base64,{data})"></button>'
)
FRAME = "box-shadow: 0 0 0 2px white, 0 0 0 5px #1976d2; --nstkit-chosen: 1;"
GROUPS = {"content": "photographs", "style": "artworks", "film": "kept pictures"}


class Thumbnails:
    """Small pictures to click on.

    A button of ipywidgets shows no picture, and many of them would be many messages. So these are
    one HTML widget, whose buttons write the name of the one that is pressed into a hidden field.

    Args:
        kit: makes its widgets.
        kind: their name for the style sheet.
        choose: called with the name of the one that is pressed.

    Attributes:
        strip: HTML, the pictures; choice: HTML, a frame around the chosen one; pressed: the hidden
            field; box: what to display.
    """

    def __init__(self, kit: Kit, kind: str, choose: Callable[[str], object]) -> None:
        self._kind, self._choose = kind, choose
        self._pictures: dict[str, str] = {}
        self.strip, self.choice = kit.html("strip"), kit.hidden()
        self.pressed = kit.field("pressed")
        self.pressed.observe(self._on_pressed, "value")
        self.box = kit.column(f"strip-{kind}", [self.choice, self.strip, self.pressed])

    @property
    def names(self) -> list[str]:
        """The names of the pictures."""
        return list(self._pictures)

    def add(self, pictures: Mapping[str, str]) -> None:
        """Add pictures, small JPEGs in base64 by name, or show others under names that are here."""
        self._pictures.update(pictures)
        buttons = (
            BUTTON.format(name=html.escape(name), press=PRESS, data=data)
            for name, data in self._pictures.items()
        )
        group = f"role='group' aria-label='{GROUPS.get(self._kind, 'presets')}'"
        self.strip.value = f"<div class='nstkit-thumbnails' {group}>{''.join(buttons)}</div>"

    def mark(self, chosen: str | None) -> None:
        """Frame the one that is chosen."""
        where = f'.nstkit-strip-{self._kind} .nstkit-thumbnail[title="{css_text(chosen or "")}"]'
        known = chosen in self._pictures
        self.choice.value = f"<style>{where} {{ {FRAME} }}</style>" if known else ""

    def _on_pressed(self, _: object) -> None:
        name, self.pressed.value = self.pressed.value, ""  # so that it can be pressed again
        if name in self._pictures:
            self._choose(name)


def css_text(text: str) -> str:
    """Return a text as it stands between the quotes of a style sheet."""
    return "".join(c if c.isalnum() and c.isascii() else f"\\{ord(c):x} " for c in text)


class Picker:
    """Choose a picture: a bundled one, an upload, one that lies beside the notebook, or any other.

    Args:
        kit: makes its widgets.
        kind: "content" or "style".
        label: what stands in front of it.
        uploads: where uploads are kept; one for all pickers of a panel.

    Attributes:
        menu: the widget to observe; upload: an `Upload`; thumbnails: `Thumbnails`;
            box: what to display.
    """

    def __init__(self, kit: Kit, kind: str, label: str, uploads: Uploads) -> None:
        self._sources: dict[str, Given] = {}
        self._uploads = uploads
        self.menu = kit.make(widgets.Dropdown, kind)
        tip = "a picture of your own: JPEG, PNG, ..."
        self.upload = Upload(kit, f"{kind}-upload", "upload", tip)
        self.thumbnails = Thumbnails(kit, kind, partial(setattr, self.menu, "value"))
        self.menu.observe(lambda _: self.thumbnails.mark(self.menu.value), "value")
        bundled = (*samples(kind), *samples("light"))  # the latter can be either
        self._sources.update({name: name for name in bundled})
        self.thumbnails.add({name: bundled_thumbnail(name) for name in bundled})
        self._sources.update({name: name for name in beside() if name not in self._sources})
        self._list()
        parts = kit.lead(label), self.menu, self.upload.button, self.upload.sent
        self.box = kit.column("", [kit.row(*parts, name="uploads"), self.thumbnails.box])

    def read(self) -> Given:
        """Return the chosen picture."""
        return self._sources[self.menu.value]

    @property
    def names(self) -> list[str]:
        """The names of all pictures that can be chosen."""
        return list(self._sources)

    def source(self, name: str) -> Given:
        """Return the picture of a name."""
        return self._sources[name]

    def show(self, source: Given) -> None:
        """Choose a picture, and add it to the menu if it is new there."""
        self.menu.value = self.know(source)

    def know(self, source: Given, beside: str = "") -> str:
        """Add a picture to the menu if it is new there, and return its name.

        Args:
            source: the picture.
            beside: a name that is in use already: another picture of this name gets a 2.
        """
        name, chosen = name_of(source), self.menu.value
        if name == beside and not same(self._sources[name], source):
            name = f"{name} 2"
        if name not in self._sources or not same(self._sources[name], source):
            self.thumbnails.add({name: thumbnail(source)})
            self._sources[name] = source
            self._list()
            self.menu.value = chosen if chosen in self._sources else name
        return name

    def take(self) -> None:
        """Choose the picture that has come last; ValueError if the file is no picture."""
        self.accept(self.upload.take())

    def accept(self, file: File) -> None:
        """Choose a picture that came as a file; ValueError if it is none."""
        check_readable(file.open())
        taken = {name for name, source in self._sources.items() if not isinstance(source, Opened)}
        self.show(self._uploads.add(file, taken).open())

    def _list(self) -> None:
        self.menu.options = list(self._sources)


def beside() -> list[str]:
    """Return the names of pictures that lie in the notebook's folder."""
    try:
        return [path.name for path in pictures_in(Path())][:BESIDE]
    except (OSError, ValueError):  # there are none
        return []


def check_readable(source: Given) -> None:
    """Raise ValueError or OSError, as `nstkit.load_image` does, if a picture cannot be read."""
    if not isinstance(source, Tensor):
        load_at(source, LOOK, enlarge=False)


def thumbnail(source: Given) -> str:
    """Return a small square JPEG in base64."""
    whole = isinstance(source, Tensor)
    picture = to_pil(source if whole else load_at(source, LOOK, enlarge=False)[0])
    return square(picture)


def square(picture: Image.Image) -> str:
    """Return a picture as a small square JPEG in base64."""
    data = io.BytesIO()
    ImageOps.fit(picture.convert("RGB"), (2 * SIDE, 2 * SIDE)).save(data, "JPEG", quality=80)
    return base64.b64encode(data.getvalue()).decode("ascii")


@cache
def bundled_thumbnail(name: str) -> str:
    """Return the thumbnail of a bundled picture, which is made once."""
    return thumbnail(name)
