"""Paint the small pictures of the studio's presets: nstkit/studio/presets/*.jpg.

    python tools/make_presets.py [NAME ...]

Each preset paints the same pair, in the studio itself, so a picture shows what a press on it does.
Run it again when a preset is new or paints differently.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

from PIL import ImageOps

import nstkit
from nstkit.files import write_whole
from nstkit.pictures.images import to_pil
from nstkit.studio.controls import PRESETS, preset_file

PAIR = ("cat", "great_wave")
SIZE = 192  # px of the long side of what is painted
STEPS = 200  # at most; those out of noise need them
SIDE = 88  # px of a thumbnail: two of the screen's for each of the page's


def painted(name: str) -> bytes:
    """Return what a preset paints, as a small square JPEG."""
    studio = nstkit.Studio(*PAIR, size=SIZE)
    studio.controls.preset.value = name
    studio.reset()
    result = studio.run(min(max(studio.engine.steps_left, 60), STEPS), progress=False)
    studio.close()
    data = io.BytesIO()
    square = ImageOps.fit(to_pil(result.image), (SIDE, SIDE))
    square.save(data, "JPEG", quality=88, subsampling="4:4:4")
    return data.getvalue()


def main() -> None:
    """Paint the presets that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    names = parser.parse_args().names or [name for name in PRESETS if PRESETS[name] is not None]
    for name in names:
        path: Path = preset_file(name)
        path.parent.mkdir(exist_ok=True)
        print(write_whole(path, painted(name)), flush=True)


if __name__ == "__main__":
    main()
