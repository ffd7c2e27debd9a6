"""Files from the reader's disk: `Upload`, a button that takes one."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from typing import NamedTuple

import ipywidgets as widgets

from nstkit.studio.kit import Kit

MEGABYTE = 1_000_000


class File(NamedTuple):
    """A file as it came: its name on the reader's disk, and what it holds."""

    name: str
    data: bytes

    def open(self) -> Opened:
        """Return it as an open file."""
        return Opened(self)


class Opened(io.BytesIO):
    """An uploaded file, opened: a picture to paint, of the size that it has on the reader's disk.

    Attributes:
        name: for messages; filename: for recipes.
    """

    def __init__(self, file: File) -> None:
        super().__init__(file.data)
        self.name = self.filename = file.name


class Upload:
    """A button that takes a file.

    The page sends it through a hidden field of text, with large photographs made smaller: an upload
    of ipywidgets above 10 MB breaks the connection without a word. Where the page's own script does
    not run, the button is a plain upload of ipywidgets.

    Args:
        kit: makes its widgets.
        part: its name for the style sheet.
        label: what the button says.
        tooltip: what it says to the pointer.

    Attributes:
        button, sent: the widgets; put both in one box.
    """

    def __init__(self, kit: Kit, part: str, label: str, tooltip: str) -> None:
        options = {"accept": "image/*", "multiple": False, "description": label}
        self.button = kit.make(widgets.FileUpload, f"upload {part}", tooltip=tooltip, **options)
        self.sent = kit.make(widgets.Text, f"sent {part}-sent", continuous_update=False)

    def listen(self, action: Callable[[object], object]) -> None:
        """Call an action when a file has come; `take` gives it."""
        self.button.observe(lambda change: change["new"] and action(change), "value")
        self.sent.observe(lambda change: change["new"] and action(change), "value")

    def take(self) -> File:
        """Return the file that has come last.

        Raises:
            ValueError: It was too large to be sent.
        """
        if not self.sent.value:
            return _of_ipywidgets(self.button.value)
        text, self.sent.value = self.sent.value, ""  # empty, it lets the page send the next one
        return _of_text(text)


def _of_ipywidgets(files: object) -> File:
    # ipywidgets 7 has {name: {"content": ...}}, 8 has ({"name": ..., "content": ...},).
    of_7 = isinstance(files, dict)
    name, file = next(iter(files.items())) if of_7 else (files[0]["name"], files[0])
    return File(name, bytes(file["content"]))


def _of_text(text: str) -> File:
    told = json.loads(text)
    if told["data"] is None:
        raise ValueError(
            f"'{told['name']}' has {told['bytes'] / MEGABYTE:.0f} MB, and this browser cannot make "
            "it smaller. Save it as a JPEG, or lay it beside the notebook, run this cell again, "
            "and choose it from the menu."
        )
    return File(told["name"], base64.b64decode(told["data"]))
