"""Take stills of the panels, for people who only read: nstkit/lesson/stills/*.jpg and stills.json.

    python tools/make_stills.py [NAME ...]       CHROMIUM=/path/to/chromium picks the browser

Each panel is made in a real notebook, in JupyterLab and Chromium, and photographed as it is shown
there. Without a name, all are taken, and files of stills that are gone are removed.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from jupyter_page import Change, NotebookPage, Server, chromium, new_page
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from PIL import Image, ImageChops, ImageOps

from nstkit.files import write_whole
from nstkit.lesson.drawn import STILLS

VIEW = {"width": 1240, "height": 2600}  # px of the page: usual width, and no panel is taller
SHARPNESS = 1.5  # px of a shot for each of the page
LIMIT = 160_000  # bytes of a file
MARGIN = 15  # px of a shot around what is drawn
SECONDS = 900.0  # for the cells of a whole notebook
LESSON = "00_first_painting"  # whose cells make room for the panel


@dataclass(frozen=True)
class Still:
    """A panel to take a picture of.

    Attributes:
        change: makes the notebook that is opened; its last code cell shows the panel.
        alt: what there is to see.
        part: the class of what is shown: a whole panel, or a part of one.
        top, bottom: px of that part between which it is shown.
        zoom: how many times larger than in the panel it is shown, SHARPNESS at most.
    """

    change: Change
    alt: str
    part: str = "nstkit-studio"  # all panels have this class
    top: int = 0
    bottom: int = 1400
    zoom: float = 1.0


def of_code(code: str, nb: NotebookNode) -> NotebookNode:
    """Return a notebook of one cell of code, which shows a panel."""
    cells = [new_markdown_cell("# A panel"), new_code_cell(code)]
    return new_notebook(cells=cells, metadata=nb.metadata)


STUDIO = """import nstkit
studio = nstkit.Studio("castle", "starry_night", size=384, more={more})
studio.run(progress=False)
studio"""
SAMPLES = """studio.try_grid()
studio.pause()
while studio.desk.job.done < studio.desk.job.steps:
    studio.desk.job.advance()
studio.desk.show(studio.desk.job)
studio"""
RUG = """import nstkit
kitten = nstkit.Region(~nstkit.color_range("#c4205a", 0.16))  # so it stays a photograph
works = {"starry_night": 1, "scream": 1}
studio = nstkit.Studio("kitten", works, size=384, regions=[kitten], more=True)
studio"""
INSTANT = """import nstkit
works = {"starry_night": 1, "scream": 1}
panel = nstkit.Instant("macaw", works, "transport", size=384)
panel"""
CHOICE = "from nstkit import lesson\nchoice = lesson.Choice('cat')\nchoice"
STILLS_TO_TAKE = {
    "studio": Still(
        partial(of_code, STUDIO.format(more=False)),
        "The studio: a castle painted after The Starry Night, with menus for photograph and "
        "artwork, small pictures to click, upload buttons, a slider for β, and the buttons play, "
        "save, reset and more",
    ),
    "studio_more": Still(
        partial(of_code, STUDIO.format(more=True)),
        "The studio with more open: buttons to step, to undo a move, to go back to the best "
        "picture and to copy the recipe; below the castle earlier steps, a larger size, a grid, "
        "and curves of the losses; beside it sliders for β, α, smoothing and five layers",
        bottom=935,
    ),
    "studio_grid": Still(
        partial(of_code, STUDIO.format(more=True).removesuffix("studio") + SAMPLES),
        "Nine small castles after The Starry Night: β grows from left to right, and the rows use "
        "shallow, all and deep layers",
        part="nstkit-grid",
        zoom=1.45,  # nine pictures beside each other are small
    ),
    "studio_mixed": Still(
        partial(of_code, RUG.removesuffix("studio") + "studio.run(progress=False)\nstudio"),
        "The studio with more open: a kitten, still a photograph, on a rug of blue and orange "
        "swirls; beside it, under the layers, a menu for a second artwork, its share of 50 %, a "
        "menu for colors, and the size of the strokes",
        bottom=960,
    ),
    "studio_color": Still(
        partial(of_code, RUG),
        "The menu paint, set to a color, with the color of the rug and a slider for tolerance; "
        "below it the photograph of a kitten, bright where the rug is, and dark elsewhere",
        part="nstkit-region",
    ),
    "instant": Still(
        partial(of_code, INSTANT),
        "The panel that paints at every move: a macaw in blue, purple and red, half after The "
        "Starry Night and half after The Scream; beside it menus for photograph, artworks, way "
        "and colors, and sliders for share, strokes and strength",
    ),
    "choice": Still(
        partial(of_code, CHOICE),
        "A panel with a menu of photographs, their small pictures, and an upload button",
    ),
}


def take(still: Still, page: NotebookPage) -> tuple[bytes, int]:
    """Open the notebook, run it, and return the panel as a JPEG and its width in the page."""
    page.open(LESSON, still.change)
    for index, cell in enumerate(page.cells()):
        if cell["cell_type"] == "code":
            page.run_cell(index, SECONDS)
    if failures := page.failures():
        raise RuntimeError(f"cells failed: {failures}")
    panel = page.page.locator(f".{still.part}").last
    panel.wait_for(timeout=120_000)
    panel.scroll_into_view_if_needed()
    page.wait("box => [...box.querySelectorAll('img')].every(img => img.complete)",
              panel.element_handle())  # fmt: skip
    with Image.open(io.BytesIO(panel.screenshot(animations="disabled"))) as shot:
        top, bottom = (min(shot.height, round(SHARPNESS * y)) for y in (still.top, still.bottom))
        cut = with_margin(shot.convert("RGB").crop((0, top, shot.width, bottom)))
    return encoded(cut), round(still.zoom * cut.width / SHARPNESS)


def with_margin(shot: Image.Image) -> Image.Image:
    """Return a shot with a margin of one width on all sides, whatever white it has."""
    drawn = ImageChops.difference(shot, Image.new("RGB", shot.size, "white")).getbbox()
    return ImageOps.expand(shot.crop(drawn), MARGIN, "white")


def encoded(picture: Image.Image) -> bytes:
    """Return a JPEG of at most LIMIT bytes, made smaller only if it must be.

    Letters are gray, so colors at half the resolution do not blur them.

    Raises:
        ValueError: Even at the size at which it is shown it is larger.
    """
    for quality, sharpness in itertools.product((80, 70), (1.0, 0.92, 0.84, 0.76, 0.68)):
        size = [round(sharpness * side) for side in picture.size]
        options = {"quality": quality, "subsampling": "4:2:0", "optimize": True}
        file = io.BytesIO()
        picture.resize(size, Image.Resampling.LANCZOS).save(file, "JPEG", **options)
        if file.tell() <= LIMIT:
            return file.getvalue()
    raise ValueError(f"a still of {picture.size} px takes more than {LIMIT:,} bytes: show less")


def described() -> dict[str, dict[str, object]]:
    """Return what is known of the stills in the folder: {name: {"alt": text, "width": px}}."""
    path = STILLS / "stills.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def with_pages(work: Callable[[Callable[[], NotebookPage]], None]) -> None:
    """Call ``work`` with a function that opens pages in a server and a browser of their own."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        server = Server("lab", Path(folder))
        try:
            work(lambda: new_page(browser, server, viewport=VIEW, device_scale_factor=SHARPNESS))
        finally:
            server.close()


def main(arguments: list[str] | None = None) -> None:
    """Take the named stills, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    names = parser.parse_args(arguments).names
    if unknown := sorted(set(names) - set(STILLS_TO_TAKE)):
        parser.error(f"no still is called {unknown}; choose from {', '.join(STILLS_TO_TAKE)}")
    STILLS.mkdir(exist_ok=True)
    if not names:
        for path in STILLS.glob("*.jpg"):
            if path.stem not in STILLS_TO_TAKE:
                path.unlink()

    known = described()

    def work(opened: Callable[[], NotebookPage]) -> None:
        for name in names or STILLS_TO_TAKE:
            page = opened()
            data, width = take(STILLS_TO_TAKE[name], page)
            page.close()
            write_whole(STILLS / f"{name}.jpg", data)
            known[name] = {"alt": STILLS_TO_TAKE[name].alt, "width": width}
            kept = {name: known[name] for name in STILLS_TO_TAKE if name in known}
            text = json.dumps(kept, indent=1, ensure_ascii=False) + "\n"
            write_whole(STILLS / "stills.json", text.encode())
            print(f"{name}: {len(data):,} bytes, {width} px", flush=True)

    with_pages(work)


if __name__ == "__main__":
    main()
