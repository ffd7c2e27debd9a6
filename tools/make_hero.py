"""Paint the pictures of the README: the hero strip, and the thumbnails of the notebooks' table.

    python tools/make_hero.py

writes docs/hero.jpg (content, style, painting) and docs/thumbnails/NN_topic.jpg, a small copy of
the first large picture among a notebook's stored outputs.
"""

from __future__ import annotations

import base64
import io
from pathlib import Path

import nbformat
from PIL import Image

import nstkit

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
CONTENT, STYLE, SIZE = "cat", "great_wave", 384
THUMBNAIL = (240, 160)


def hero() -> Path:
    """Paint the default pair, larger than the default size, and save the strip."""
    pictures = {name: nstkit.load_image(name, size=SIZE) for name in (CONTENT, STYLE)}
    result = nstkit.stylize(*pictures.values(), steps=100)
    print(result)
    titles = ["content", "style", "painting"]
    strip = nstkit.show_images([*pictures.values(), result.image], titles)
    DOCS.mkdir(exist_ok=True)
    return strip.save(DOCS / "hero.jpg")


def main_picture(notebook: Path) -> Image.Image:
    """Return the picture among the stored outputs that a cell tagged ``thumbnail`` made."""
    nb = nbformat.read(notebook, as_version=4)
    for cell in nb.cells:
        if "thumbnail" not in cell.metadata.get("tags", []):
            continue
        for output in cell.outputs:
            if data := output.get("data", {}).get("image/jpeg"):
                return Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
    raise ValueError(f"{notebook.name} has no cell tagged 'thumbnail' with a stored picture.")


def thumbnail(notebook: Path) -> Path:
    """Save the small picture that stands for a notebook in the README's table."""
    picture = main_picture(notebook)
    picture.thumbnail(THUMBNAIL, Image.Resampling.LANCZOS)
    path = DOCS / "thumbnails" / f"{notebook.stem}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, quality=90)
    return path


def main() -> None:
    """Make all of them."""
    print(hero())
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        print(thumbnail(notebook))


if __name__ == "__main__":
    main()
