"""Folders of pictures: which files are pictures, and what their paintings are called."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PIL import Image

# What photographs come as. Pillow knows many more suffixes, also of what is no picture.
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "HEIF", "JPEG2000", "PPM", "TGA")


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures that lie in a folder, by name. Whether they can be read is not tried.

    Raises:
        ValueError: There are none.
    """
    known = Image.registered_extensions()
    found = sorted(
        path
        for path in folder.iterdir()
        if known.get(path.suffix.lower()) in FORMATS
        and path.is_file()
        and not path.name.startswith(".")
    )
    if not found:
        raise ValueError(f"There are no pictures in '{folder}'; expected .jpg, .png or the like.")
    return found


def targets(files: Iterable[Path], folder: Path) -> dict[Path, Path]:
    """Return {picture: where its painting goes}: a PNG of the same name, each with another one."""
    found: dict[Path, Path] = {}
    used: set[str] = set()
    for file in files:
        name = f"{file.stem}.png"
        if name.casefold() in used:  # a.jpg beside a.png; and some systems take A.png for a.png
            name = f"{file.name}.png"
        used.add(name.casefold())
        found[file] = folder / name
    return found
