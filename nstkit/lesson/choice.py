"""`Choice`: a panel in which a reader chooses a photograph for the cells below."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from nstkit.painting.start import Given
from nstkit.pictures.images import name_of
from nstkit.studio import page
from nstkit.studio.dials import Silent
from nstkit.studio.kit import Kit
from nstkit.studio.pictures import Picker, check_readable
from nstkit.studio.screen import Heard, told
from nstkit.studio.uploads import Uploads


class Choice(Silent):
    """Choose a photograph: a bundled one, one that lies beside the notebook, or an upload.

    As the last line of a cell it shows itself.

    Args:
        chosen: the photograph at first, as `nstkit.stylize` takes it.

    Attributes:
        picker: menu, thumbnails and upload, a `nstkit.studio.pictures.Picker`.
        message: what is chosen, or why a file cannot be, HTML.
        box: the widget that is all of the panel.

    Raises:
        ValueError, OSError: The photograph cannot be read.
    """

    def __init__(self, chosen: Given) -> None:
        check_readable(chosen)
        page.leave_room()
        self._kit = kit = Kit()
        self._uploads = Uploads()
        self.picker = Picker(kit, "content", "photograph", self._uploads)
        self.message = kit.html("message")
        heard = Heard(kit)
        self.picker.show(chosen)
        self._chosen = self.picker.menu.value
        self.picker.menu.observe(self._on_menu, "value")
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

    def _on_menu(self, _: object) -> None:
        if not self._quiet:
            self._answer(lambda: check_readable(self.picture))

    def _on_upload(self, _: object) -> None:
        with self.silently():  # the menu moves twice while a name is added
            self._answer(self.picker.take)

    def _answer(self, choose: Callable[[], object]) -> None:
        """Say what has been chosen, or why it cannot be; then the menu goes back."""
        try:
            choose()
        except Exception as error:  # nobody would see it otherwise
            with self.silently():
                self.picker.menu.value = self._chosen
            said = page.explained(error, "choose another file", "choice")
            self.message.value = told(said, "error")
        else:
            self._chosen = self.picker.menu.value
            self._keep()

    def _keep(self) -> None:
        """Write an upload beside the notebook, where `nstkit.repaint` looks for it."""
        try:
            self._uploads.keep({self.name}, Path())
            self._tell()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error  # without the name of a draft
            self.message.value = told(
                f"Chosen: {self.name}. The next cell paints it. It could not be written beside the "
                f"notebook ({why}), where nstkit.repaint looks for it: put it there yourself.",
                "error",
            )

    def _tell(self) -> None:
        self.message.value = told(f"Chosen: {self.name}. The next cell paints it.", "info")

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        return page.bundle(self.box, f"Choice of {self.name}")
