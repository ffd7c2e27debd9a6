"""`Choice`: a panel in which a reader chooses a photograph for the cells below."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nstkit.painting.start import Given
from nstkit.pictures.images import name_of
from nstkit.studio import page
from nstkit.studio.kit import Kit
from nstkit.studio.pictures import Picker
from nstkit.studio.screen import Heard, told
from nstkit.studio.uploads import Uploads


class Choice:
    """Choose a photograph: a bundled one, one that lies beside the notebook, or an upload.

    As the last line of a cell it shows itself.

    Args:
        chosen: the photograph at first, as `nstkit.stylize` takes it.

    Attributes:
        picker: menu, thumbnails and upload, a `nstkit.studio.pictures.Picker`.
        message: what is chosen, or why a file cannot be, HTML.
        box: the widget that is all of the panel.
    """

    def __init__(self, chosen: Given) -> None:
        page.leave_room()
        self._kit = kit = Kit()
        self._uploads = Uploads()
        self.picker = Picker(kit, "content", "photograph", self._uploads)
        self.message = kit.html("message")
        heard = Heard(kit)
        self.picker.show(chosen)
        self.picker.menu.observe(lambda _: self._tell(), "value")
        self.picker.upload.listen(self._on_upload)
        self.box = kit.column(
            "studio choice", [page.looks(kit), self.picker.box, self.message, heard.box]
        )
        self._tell()
        page.take_the_cell(self)

    @property
    def picture(self) -> Given:
        """The photograph that is chosen, as `nstkit.stylize` takes it."""
        return self.picker.read()

    @property
    def name(self) -> str:
        """What it is called."""
        return name_of(self.picture)

    def close(self) -> None:
        """Take the panel off the page."""
        page.leave_the_cell(self)
        self._kit.close()

    def _on_upload(self, _: object) -> None:
        try:
            self.picker.take()
            # A painting names its photograph, which must then be where `nstkit.repaint` looks.
            self._uploads.keep({self.name}, Path())
            self._tell()
        except Exception as error:  # nobody would see it otherwise
            said = page.explained(error, "choose another file", "choice")
            self.message.value = told(said, "error")

    def _tell(self) -> None:
        self.message.value = told(f"Chosen: {self.name}. The next cell paints it.", "info")

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        return page.bundle(self.box, f"Choice of {self.name}")
