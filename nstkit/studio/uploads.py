"""Files from the reader's disk: `Upload`, a button that takes one."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Container
from pathlib import Path
from typing import NamedTuple

import ipywidgets as widgets

from nstkit.files import write_whole
from nstkit.pictures.images import samples
from nstkit.studio.kit import Kit

MEGABYTE = 1_000_000
LONGEST = 100  # bytes of a name without its suffix: two of them go into the name of a painting


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


class Kept(NamedTuple):
    """What became of uploads that were to be kept in a folder.

    Attributes:
        written: the names of the files that are new.
        refused: the names that another file has there.
    """

    written: list[str]
    refused: list[str]


class Uploads:
    """The uploads of a panel, by the names under which recipes know them."""

    def __init__(self) -> None:
        self._held: dict[str, bytes] = {}

    def add(self, file: File, taken: Container[str]) -> File:
        """Take a file in, under a name that means no other picture; phones repeat theirs.

        Args:
            file: as it came.
            taken: names of other pictures that a recipe could mean.
        """
        path = Path(file.name.lstrip("~"))  # "~root" would be read and written as a home folder
        stem = path.stem.encode()[:LONGEST].decode(errors="ignore") or "upload"
        names = (f"{stem}{path.suffix[:9]}",
                 *(f"{stem} {n}{path.suffix[:9]}" for n in range(2, 1000)))  # fmt: skip
        free = (name for name in names if self._is_free(name, file.data, taken))
        held = file._replace(name=next(free))
        self._held[held.name] = held.data
        return held

    def keep(self, names: Container[str], folder: Path) -> Kept:
        """Write those that are named into a folder, where a recipe finds them; replace no file."""
        written, refused = [], []
        for name in (name for name in self._held if name in names):
            if not (folder / name).exists():
                write_whole(folder / name, self._held[name])
                written.append(name)
            elif not _holds(folder / name, self._held[name]):
                refused.append(name)
        return Kept(written, refused)

    def _is_free(self, name: str, data: bytes, taken: Container[str]) -> bool:
        if name in self._held:
            return self._held[name] == data
        other = Path(name).exists() and not _holds(Path(name), data)
        return name not in taken and name not in samples() and not other


def _holds(path: Path, data: bytes) -> bool:
    """Return whether a path is a file that holds these bytes."""
    return path.is_file() and path.read_bytes() == data


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
        self.sent = kit.field(f"sent {part}-sent")

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
    if "failed" in told:
        raise ValueError(f"'{told['name']}' cannot be read by this browser. Choose a picture file.")
    if told["data"] is None:
        raise ValueError(
            f"'{told['name']}' has {told['bytes'] / MEGABYTE:.0f} MB, and this browser cannot make "
            "it smaller. Save it as a JPEG, or put it in the notebook's folder, run this cell "
            "again, and choose it from the menu."
        )
    return File(told["name"], base64.b64decode(told["data"]))
