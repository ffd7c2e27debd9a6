"""The studio's pickers: thumbnails to click on, a menu of the same names, and an upload."""

from __future__ import annotations

import base64
import io
from functools import cache

import ipywidgets as widgets
from PIL import ImageOps
from torch import Tensor

from nstkit.painting.start import Given
from nstkit.pictures.images import load_image, name_of, samples, to_pil
from nstkit.studio.dials import hinted
from nstkit.studio.settings import same

SIDE = 40  # px, of a thumbnail
# A button shows no picture, but a style sheet gives it a background.
RULE = ".nstkit-{kind}-{number}{{background:url(data:image/jpeg;base64,{data}) center/cover}}"


class Picker:
    """Choose a picture: a bundled one, an upload, or any other that the settings have.

    Args:
        kind: "content" or "style".

    Attributes:
        menu, upload: widgets to observe; box: what to display.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._sources: dict[str, Given] = {}
        self._rules: dict[str, str] = {}
        self.menu = widgets.Dropdown(layout={"width": "150px"})
        upload = widgets.FileUpload(
            accept="image/*", multiple=False, description="upload", layout={"width": "104px"}
        )
        self.upload = hinted("a picture of your own: JPEG, PNG, ...", upload)
        self.menu.add_class(f"nstkit-{kind}")
        self.upload.add_class(f"nstkit-{kind}-upload")
        self._thumbnails, self._sheet = widgets.HBox(), widgets.HTML(layout={"display": "none"})
        self._thumbnails.add_class("nstkit-thumbnails")
        self.menu.observe(lambda _: self._mark(), "value")
        for name in (*samples(kind), *samples("light")):  # the latter can be either
            self._add(name, name, bundled_thumbnail(name))
        self._list()
        label = widgets.HTML(kind, layout={"width": "56px"})
        first = widgets.HBox([label, self.menu, self.upload, self._sheet])
        self.box = widgets.VBox([first, self._thumbnails])

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
            self._add(name, source, thumbnail(source))
            self._list()
            self.menu.value = chosen if chosen in self._sources else name
        return name

    def take(self) -> None:
        """Choose the picture that was uploaded last; ValueError if the file is no picture."""
        files = self.upload.value
        # ipywidgets 7 has {name: {"content": ...}}, 8 has ({"name": ..., "content": ...},).
        of_7 = isinstance(files, dict)
        name, file = next(iter(files.items())) if of_7 else (files[0]["name"], files[0])
        data = io.BytesIO(bytes(file["content"]))
        data.name = name  # for messages
        picture = to_pil(load_image(data))
        picture.filename = self._free(name)  # for `name_of`
        self.show(picture)

    def _free(self, name: str) -> str:
        """Return a name, or with a number where another picture has it: phones repeat theirs."""
        names = (name, *(f"{name} {number}" for number in range(2, 1000)))
        # A recipe that names a bundled picture would paint that one.
        return next(free for free in names if free not in {*self._sources, *samples()})

    def _add(self, name: str, source: Given, data: str) -> None:
        """Add a picture and its thumbnail; `_list` shows them."""
        if name not in self._sources:
            self._thumbnails.children += (self._button(name),)
        self._sources[name] = source
        number = list(self._sources).index(name)
        self._rules[name] = RULE.format(kind=self._kind, number=number, data=data)

    def _list(self) -> None:
        self._sheet.value = f"<style>{' '.join(self._rules.values())}</style>"
        self.menu.options = list(self._sources)

    def _button(self, name: str) -> widgets.Button:
        button = widgets.Button(tooltip=name)
        button.add_class("nstkit-thumbnail").add_class(f"nstkit-{self._kind}-{len(self._sources)}")
        button.on_click(lambda _: setattr(self.menu, "value", name))
        return button

    def _mark(self) -> None:
        """Frame the thumbnail of the chosen picture."""
        for name, button in zip(self._sources, self._thumbnails.children, strict=False):
            frame = button.add_class if name == self.menu.value else button.remove_class
            frame("nstkit-chosen")


def thumbnail(source: Given) -> str:
    """Return a small square JPEG in base64."""
    picture = to_pil(source if isinstance(source, Tensor) else load_image(source))
    data = io.BytesIO()
    ImageOps.fit(picture, (2 * SIDE, 2 * SIDE)).save(data, "JPEG", quality=80)
    return base64.b64encode(data.getvalue()).decode("ascii")


@cache
def bundled_thumbnail(name: str) -> str:
    """Return the thumbnail of a bundled picture, which is made once."""
    return thumbnail(name)
