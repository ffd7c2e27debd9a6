"""Write a file completely or not at all: an interrupted program never leaves half a file."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

LONGEST = 200  # bytes of a name that nstkit makes


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Give a block an open draft, which takes the place of `path` when the block is done.

        with replacing("painting.png") as draft:
            picture.save(draft, format="PNG")

    The draft lies in the same folder, for a file can only be renamed on its own disk. Its name
    ends in .tmp, so it is not taken for a notebook or a picture.

    If the block raises, also by Ctrl-C, the draft is removed and the file stays as it was. A file
    that is replaced passes on its permissions. A link stays a link, and the file that it points to
    is replaced.

    Args:
        path: Where the file goes; "~" is the home folder.

    Yields:
        The draft, a file opened to write bytes.

    Raises:
        FileNotFoundError: There is no such folder.
        IsADirectoryError: `path` is a folder.
        ValueError: `path` is there and is no regular file, such as /dev/null.
    """
    given = Path(os.path.expanduser(path))
    target = Path(os.path.realpath(given))
    if not target.parent.is_dir():
        raise FileNotFoundError(f"no folder '{given.parent}' for '{given.name}'; make it first")
    if target.is_dir():
        raise IsADirectoryError(f"'{given}' is a folder; expected a file: name a file inside it")
    if target.exists() and not target.is_file():
        raise ValueError(f"'{given}' is a device or a pipe; expected a regular file or a new name")
    draft = target.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with draft.open("xb") as file:
            yield file
        if target.exists():
            draft.chmod(target.stat().st_mode & 0o7777)
        os.replace(draft, target)
    finally:
        draft.unlink(missing_ok=True)


def check_place(path: str | os.PathLike[str]) -> None:
    """Raise as `replacing` would, before there is anything to write: try a draft, and remove it.

    Raises:
        OSError, ValueError: As `replacing` does; also a name that is too long, or a folder in which
            nothing can be written.
    """
    target = Path(os.path.realpath(os.path.expanduser(path)))
    with suppress(_TriedError), replacing(target):
        raise _TriedError


class _TriedError(Exception):
    """Ends a draft that was only tried."""


def short(name: str) -> str:
    """Return a name that no disk refuses: most take 255 bytes, with number and ending."""
    return name.encode()[:LONGEST].decode(errors="ignore")


def free_name(stem: str) -> Path:
    """Return the name of a PNG in this folder that does not exist yet."""
    stem = short(stem)
    names = (Path(f"{stem}{suffix}.png") for suffix in ("", *(f"_{n}" for n in range(2, 1000))))
    return next(name for name in names if not name.exists())


def write_whole(path: str | os.PathLike[str], data: bytes | str) -> Path:
    """Write bytes, or a text as UTF-8, completely or not at all.

    Args:
        path: Where the file goes, as for `replacing`.
        data: What it will hold. Line breaks are written as they are.

    Returns:
        The path, with "~" expanded.

    Raises:
        OSError, ValueError: As `replacing` does.
    """
    with replacing(path) as draft:
        draft.write(data.encode("utf-8") if isinstance(data, str) else data)
    return Path(os.path.expanduser(path))
