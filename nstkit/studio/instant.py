"""`Instant`: a panel that answers every move with a finished painting, by `nstkit.transfer`.

There is no loop to steer, so there is no worker and no beat of the page. A control moves, and the
picture is computed before the page hears again. What a move leaves as it was is not computed again:
while strength, the way or a share changes, the features of photograph and artworks stay.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import ipywidgets as widgets
import torch

from nstkit.feedforward.transfer import (
    METHODS,
    PHOTO,
    Coder,
    Draft,
    Transfer,
    check_options,
    chosen_coder,
)
from nstkit.options import check_choice
from nstkit.painting.given import GivenStyle, pairs_of
from nstkit.painting.start import Given
from nstkit.recipes import DEFAULT
from nstkit.studio import page
from nstkit.studio.dials import Silent, offer, offer_number
from nstkit.studio.kit import LABEL, Kit
from nstkit.studio.mixing import Mixing
from nstkit.studio.pictures import Picker
from nstkit.studio.screen import Heard, jpeg, told
from nstkit.studio.settings import same
from nstkit.studio.uploads import Uploads
from nstkit.vgg.devices import Precision

SIZES = (128, 192, 256, 320, 384, 512, 768, 1024)
STRENGTHS = tuple(n / 20 for n in range(21))
WAYS = {"adain": "AdaIN", "whiten": "whitening", "transport": "transport", PHOTO: "photograph"}
HELP = "AdaIN moves the mean and the deviation of each channel. Whitening and transport move the "
HELP += "covariance too, which carries more of the colors; of these two, transport moves less. "
HELP += "Photograph is transport, and then every line goes back to where the photograph has it. "
HELP += "At strength 0 nothing is moved: that is how well the decoder knows the photograph."


class Instant(Silent):
    """A panel with a photograph, artworks and sliders, which paints again at every move.

    As the last line of a cell it shows itself. A cell that is run again closes the panel that it
    made before.

    Args:
        content: photograph, as `nstkit.transfer` takes it.
        style: artwork, or two with their shares, the same.
        how: "adain", "whiten", "transport" or "photo"; see `nstkit.transfer`.
        strength: how far, from 0 to 1.
        size: long side in px.
        color, style_scale, precision, device: as in `nstkit.transfer`.

    Attributes:
        content, style: pickers; mixing: a second artwork, colors and strokes; how, size: menus;
            strength: a slider.
        picture, status, message: what is shown.
        box: the widget that is all of the panel.

    Raises:
        ValueError: A picture cannot be read, or a bad option.
    """

    def __init__(
        self, content: Given = "cat", style: GivenStyle = "great_wave", how: str = "adain",
        strength: float = 1.0, *, size: int = 256, color: str = "style", style_scale: float = 1.0,
        precision: Precision = "auto", device: torch.device | str | None = None,
        coder: Coder | None = None,
    ) -> None:  # fmt: skip
        options = {"size": size, "color": color, "style_scale": style_scale}
        check_options(how=how, strength=strength, **options)
        self._coder = chosen_coder(coder, content, precision, device)
        # Before any widget is made, for ipywidgets would keep it: what cannot be read is told here.
        self._draft = Draft(content, style, **options, coder=self._coder)
        self._drafted: dict[str, Any] = {}
        self._transfer: Transfer | None = None
        self._painted: dict[str, Any] = {}  # what the controls showed for it
        self._quiet = True
        page.leave_room()
        self._kit, self._uploads = Kit(), Uploads()
        kit = self._kit
        self.content = Picker(kit, "content", "photograph", self._uploads)
        self.style = Picker(kit, "style", "artwork", self._uploads)
        self.mixing = Mixing(kit, self.style)
        self.how = kit.menu("how", "way", [(WAYS.get(name, name), name) for name in METHODS])
        self.size = kit.menu("size", "size (px)", [])
        self.strength = kit.slider("strength", "strength", style={"description_width": LABEL})
        self.picture = kit.make(widgets.Image, "picture", format="jpeg")
        self.status, self.message = kit.html("status"), kit.html("message")
        self._heard = Heard(kit)
        self._show(content, style, how, strength, size, color, style_scale)
        self._drafted = self._pictures()
        self.box = self._arranged(kit)
        self._paint()
        for widget in self._steering():
            widget.observe(self._moved, "value")
        for picker in (self.content, self.style):
            picker.upload.listen(partial(self._on_upload, picker))
        self._quiet = False
        page.take_the_cell(self)

    # ------------------------------------------------------------ for cells

    def result(self) -> Transfer:
        """Return the painting as `nstkit.transfer` would."""
        return self._transfer

    def set(self, **changes: Any) -> None:
        """Move controls: content, style, how, strength, size, color or style_scale.

        Pictures that are named are read again, as they may have changed.

        Raises:
            ValueError: An unknown name, or a value that leaves no painting. Then all controls stay.
        """
        before = self._shown()
        for name in changes:
            check_choice("a control", name, before)
        try:
            self._show(**{**before, **changes})
            self._paint(again=bool(changes.keys() & {"content", "style"}))
        except Exception:
            self._show(**before)
            raise

    def save(self, path: str | Path | None = None) -> Path:
        """Write the painting with what it was made of, under a new name if none is given."""
        names = self._transfer.subject.pictures
        saved = self._transfer.save(path or page.new_name(names, self._transfer.how))
        kept = page.keep_uploads(self._uploads, set(names), saved.parent)
        self._say(f"Saved as {saved.name}.{kept}", "info", page.download(saved))
        return saved

    def close(self) -> None:
        """Take the panel off the page."""
        page.leave_the_cell(self)
        self._kit.close()

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        return page.bundle(self.box, "Instant")

    # ------------------------------------------------------------ for widgets

    def _shown(self) -> dict[str, Any]:
        """Return what the controls show, as arguments."""
        return {
            "content": self.content.read(),
            "style": self.mixing.read(),
            "how": self.how.value,
            "strength": self.strength.value,
            "size": self.size.value,
            "color": self.mixing.color.value,
            "style_scale": self.mixing.scale.value,
        }

    def _pictures(self) -> dict[str, Any]:
        """Return what a draft depends on: all but the way, strength and shares."""
        shown = self._shown()
        pictures = [picture for picture, _ in pairs_of(shown["style"])]
        names = ("content", "size", "color", "style_scale")
        return {"style": pictures, **{name: shown[name] for name in names}}

    def _show(
        self, content: Given, style: GivenStyle, how: str, strength: float, size: int, color: str,
        style_scale: float,
    ) -> None:  # fmt: skip
        """Move all controls, and paint nothing."""
        check_options(how=how, strength=strength, size=size, color=color, style_scale=style_scale)
        with self.silently():
            self.content.show(content)
            self.mixing.show(style, DEFAULT.replace(color=color, style_scale=style_scale))
            self.how.value = how
            offer(self.size, sorted({*SIZES, size}), size)
            offer_number(self.strength, STRENGTHS, float(strength), "{:.2f}".format)

    def _paint(self, again: bool = False) -> None:
        """Paint what the controls show, and show it.

        Args:
            again: whether to read the pictures again, even if they are the same ones.
        """
        wanted, pictures = self._shown(), self._pictures()
        how, strength, pairs = wanted.pop("how"), wanted.pop("strength"), pairs_of(wanted["style"])
        began = perf_counter()
        if again or not same(pictures, self._drafted):
            self._draft = Draft(**{**wanted, "style": pairs}, coder=self._coder)
            self._drafted = pictures
        self._transfer = self._draft.paint(how, strength, [share for _, share in pairs])
        self._painted = self._shown()
        self.picture.value = jpeg([self._transfer.image])
        seconds = perf_counter() - began
        height, width = self._transfer.image.shape[-2:]
        self.status.value = f"{width} × {height} px · {seconds:.2f} s"
        self._say(" ".join(self._draft.remarks), "info")

    def _moved(self, _: object = None) -> None:
        if not self._quiet:
            self._answer(self._paint)

    def _answer(self, action: Callable[[], object], _: object = None) -> None:
        """Do what a widget asks for, and show what fails. Then the controls go back."""
        with page.GUARD:
            try:
                action()
            except Exception as error:  # nobody would see it otherwise
                self._show(**self._painted)
                self._say(page.explained(error, "move a control to go on"), "error")

    def _on_upload(self, picker: Picker, _: object) -> None:
        def _take() -> None:
            with self.silently():  # menus move twice while a name is added
                picker.take()
            self._paint()

        self._answer(_take)

    def _say(self, text: str, kind: str, more: str = "") -> None:
        self.message.value = told(text, kind, more)

    def _steering(self) -> list[widgets.Widget]:
        """Return the widgets that are read."""
        pickers = [self.content.menu, self.style.menu]
        return [*pickers, *self.mixing.moving, self.how, self.strength, self.size]

    def _arranged(self, kit: Kit) -> widgets.VBox:
        save = kit.button("save", "save", "write a PNG, to download too")
        save.on_click(partial(self._answer, self.save))
        bar = kit.row(self.how, self.size, save, name="bar")
        left = kit.column("screen", [self.picture, self.status, self._heard.box])
        rows = [self.content.box, self.style.box, self.mixing.box, kit.row(self.strength)]
        right = kit.column("controls", [*rows, kit.caption(HELP)])
        columns = kit.make(widgets.HBox, "columns", [left, right])
        return kit.column("studio instant", [page.looks(kit), bar, self.message, columns])
