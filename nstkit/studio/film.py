"""The studio's film: pictures that were pinned or saved, and a way back through the steps."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import NamedTuple

from PIL import Image

from nstkit.studio.dials import Silent, offer
from nstkit.studio.kit import Kit
from nstkit.studio.pictures import Thumbnails, square
from nstkit.studio.run import Frame

HELP = (
    "Pin keeps the current picture. Click it to see it beside the painting. The slider shows "
    "earlier steps. Go back continues from the picture you see."
)
GO_BACK = "go back"
SHORT = {"description_width": "56px"}


class Pin(NamedTuple):
    """A picture that was kept: JPEG data, and how it came about; None for one of another size."""

    picture: bytes
    frame: Frame | None


class Film(Silent):
    """A row of kept pictures, and a slider back through the steps of this run.

    Args:
        kit: makes its widgets.
        compare: called with JPEG data, or a frame, and a label; shows it beside the painting.

    Attributes:
        pin, go_back: buttons; back: the slider; thumbnails: the row; box: what to display.
        chosen: the frame that is shown beside the painting, None for none.
    """

    def __init__(self, kit: Kit, compare: Callable[[bytes | Frame, str], object]) -> None:
        self._compare, self._pins = compare, {}
        self.chosen: Frame | None = None
        self.thumbnails = Thumbnails(kit, "film", self._choose)
        self.pin = kit.button("pin", "pin", "keep the current picture in the row below")
        self.go_back = kit.button("go-back", GO_BACK, "continue from the earlier picture")
        self.back = kit.slider("earlier", "earlier", options=[("-", "-")], style=SHORT)
        self.back.observe(self._moved, "value")
        self.go_back.disabled = True
        row = kit.row(self.pin, self.back, self.go_back)
        self.box = kit.column("film", [row, self.thumbnails.box, kit.caption(HELP)])

    def keep(self, label: str, picture: bytes, frame: Frame | None) -> None:
        """Add a picture to the row.

        Args:
            label: what it is called; a label that is in use gets a number.
            picture: JPEG data.
            frame: how it came about, to go back to; None if nobody can.
        """
        names = (label, *(f"{label} ({number})" for number in range(2, 1000)))
        name = next(name for name in names if name not in self._pins)
        self._pins[name] = Pin(picture, frame)
        with Image.open(io.BytesIO(picture)) as opened:
            self.thumbnails.add({name: square(opened)})

    def offer(self, frames: Sequence[Frame]) -> None:
        """Offer the steps of this run that were kept; one that is shown beside it stays chosen."""
        with self.silently():
            options = [(f"step {frame.index}", frame) for frame in frames]
            known = [frame for _, frame in self.back.options]
            if options and known != list(frames):
                offer(self.back, options, self.chosen if self.chosen in frames else frames[-1])

    def release(self) -> None:
        """Have nothing chosen: another picture is shown beside the painting."""
        self.chosen, self.go_back.disabled = None, True
        self.go_back.description = GO_BACK
        self.thumbnails.mark(None)

    def _choose(self, name: str) -> None:
        pin = self._pins[name]
        self._show(pin.picture, name, pin.frame)
        self.thumbnails.mark(name)

    def _moved(self, change: dict[str, Frame | None]) -> None:
        if not self._quiet and isinstance(change["new"], Frame):
            self._show(change["new"], f"step {change['new'].index}", change["new"])

    def _show(self, picture: bytes | Frame, label: str, frame: Frame | None) -> None:
        self._compare(picture, label)
        self.release()
        if frame is not None:
            self.chosen, self.go_back.disabled = frame, False
            self.go_back.description = f"{GO_BACK} to step {frame.index}"
