"""Paint docs/gallery: four photographs after six artworks at 768 px.

    python tools/make_gallery.py            paint what is missing
    python tools/make_gallery.py --again    paint everything

The default recipe paints, and PORTRAIT where there is a face. Every picture is a JPEG of 200 KB at
most.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

from PIL import Image

import nstkit
from nstkit import DEFAULT, PORTRAIT
from nstkit.files import write_whole

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "gallery"
CONTENTS = ("castle", "bridge", "macaw", "kitten")
STYLES = ("starry_night", "great_wave", "composition_viii", "bouquet", "seashore", "scream")
FACES = ("kitten",)
SIZE, MOST = 768, 200_000  # px of the long side; bytes


def paint(content: str, style: str) -> nstkit.Result:
    """Paint one pair."""
    recipe = PORTRAIT if content in FACES else DEFAULT
    return nstkit.stylize(content, style, recipe, size=SIZE, progress=False)


def jpeg(picture: Image.Image) -> bytes:
    """Return a picture as a JPEG of `MOST` bytes at most, in the best quality that allows."""
    for quality in range(95, 40, -3):
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality, subsampling="4:4:4", optimize=True)
        if file.tell() <= MOST:
            return file.getvalue()
    raise ValueError(f"The picture takes {file.tell()} bytes at quality {quality}; paint smaller.")


def main() -> None:
    """Paint what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--again", action="store_true", help="also what is there already")
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for content in CONTENTS:
        for style in STYLES:
            path = FOLDER / f"{content}_{style}.jpg"
            if options.again or not path.exists():
                result = paint(content, style)
                print(write_whole(path, jpeg(result.to_pil())), result, flush=True)


if __name__ == "__main__":
    main()
