"""Make the pictures of the README.

python tools/make_hero.py               docs/hero.jpg, a painting of docs/gallery beside its
                                        photograph and its artwork, and the others:
python tools/make_hero.py --notebooks   of each notebook's stored picture tagged ``thumbnail``,
                                        docs/thumbnails/NN_topic.jpg, a small copy; and
                                        docs/cat_becomes_wave.webp, what notebook 00's cell tagged
                                        ``animation`` shows
"""

from __future__ import annotations

import argparse
import base64
import io
from pathlib import Path

import nbformat
from PIL import Image, ImageOps

import nstkit
from nstkit.files import replacing, write_whole

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
CONTENT, STYLE, GAP = "castle", "starry_night", 8
THUMBNAIL = (240, 160)
FILM = DOCS / "cat_becomes_wave.webp"


def hero() -> Path:
    """Put a painting of the gallery beside its photograph and its artwork, and save that."""
    painting = Image.open(DOCS / "gallery" / f"{CONTENT}_{STYLE}.jpg")
    side = (painting.height - GAP) // 2  # of the two small pictures, which lie one above the other
    small = [nstkit.to_pil(nstkit.load_image(name, painting.width)) for name in (CONTENT, STYLE)]
    small = [ImageOps.contain(picture, (10 * side, side)) for picture in small]
    width = max(picture.width for picture in small)
    sheet = Image.new("RGB", (painting.width + GAP + width, painting.height), "white")
    sheet.paste(painting, (0, 0))
    for picture, top in zip(small, (0, painting.height - side), strict=True):
        sheet.paste(picture, (painting.width + GAP, top))
    with replacing(DOCS / "hero.jpg") as draft:
        sheet.save(draft, format="JPEG", quality=92, subsampling="4:4:4")
    return DOCS / "hero.jpg"


def tagged_picture(notebook: Path, tag: str, kind: str) -> bytes:
    """Return the picture of one kind, such as "jpeg", that a cell with a tag made and stored."""
    nb = nbformat.read(notebook, as_version=4)
    for cell in nb.cells:
        if tag not in cell.metadata.get("tags", []):
            continue
        for output in cell.outputs:
            if data := output.get("data", {}).get(f"image/{kind}"):
                return base64.b64decode(data)
    raise ValueError(f"{notebook.name} has no cell tagged {tag!r} with a stored {kind} picture.")


def film() -> Path:
    """Save the animation of notebook 00."""
    notebook = ROOT / "notebooks" / "00_first_painting.ipynb"
    return write_whole(FILM, tagged_picture(notebook, "animation", "webp"))


def thumbnail(notebook: Path) -> Path:
    """Save a notebook's picture for the README's table."""
    data, name = tagged_picture(notebook, "thumbnail", "jpeg"), f"{notebook.stem}.jpg"
    (DOCS / "thumbnails").mkdir(parents=True, exist_ok=True)
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    picture.thumbnail(THUMBNAIL, Image.Resampling.LANCZOS)
    with replacing(DOCS / "thumbnails" / name) as draft:
        picture.save(draft, format="JPEG", quality=90)
    return DOCS / "thumbnails" / name


def main() -> None:
    """Make what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--notebooks", action="store_true", help="leave docs/hero.jpg as it is")
    if not parser.parse_args().notebooks:
        print(hero())
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        print(thumbnail(notebook))
    print(film())


if __name__ == "__main__":
    main()
