"""The pictures of the gallery: `tools/make_gallery.py`."""

from __future__ import annotations

import io
import re
from pathlib import Path

import make_gallery
import make_hero
import numpy as np
import pytest
from make_gallery import (
    BESIDE,
    BY_LIGHT,
    BY_NEIGHBORS,
    BY_NETWORKS,
    CONTENTS,
    DETAIL,
    DOCS,
    FOLDER,
    LIT,
    MOST,
    POSTER_MOST,
    POSTER_SIZE,
    SIZE,
    STYLES,
    beside_file,
    light_file,
    network_file,
)
from PIL import Image, JpegImagePlugin

from nstkit.feedforward import nets

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8))


def test_a_picture_has_the_best_quality_that_fits() -> None:
    whole, tight = make_gallery.jpeg(NOISE, 1_000_000), make_gallery.jpeg(NOISE, 9_000)
    assert len(tight) <= 9_000 < len(whole)
    for data in (whole, tight):
        with Image.open(io.BytesIO(data)) as picture:
            assert picture.size == NOISE.size
            assert JpegImagePlugin.get_sampling(picture) == 0  # 4:4:4


def test_a_picture_that_never_fits_is_told() -> None:
    with pytest.raises(ValueError, match="expected 1,000 at most. Paint it smaller"):
        make_gallery.jpeg(NOISE, 1_000)


# ------------------------------------------------------------------ what is stored
def opened(file: Path, most: int) -> Image.Image:
    """Return a stored picture, once it is known to be small enough and 4:4:4."""
    assert file.stat().st_size <= most
    with Image.open(file) as picture:
        assert JpegImagePlugin.get_sampling(picture) == 0
        return picture.convert("RGB")


def test_the_gallery_has_every_pair_and_nothing_else() -> None:
    expected = {f"{content}_{style}.jpg" for content in CONTENTS for style in STYLES}
    beside = {beside_file(*pair, name).name for pair in BY_NEIGHBORS for name in BESIDE}
    at_once = {network_file(content, style).name for content in BY_NETWORKS for style in nets()}
    lit = {light_file(*pair, way).name for pair in BY_LIGHT for way in LIT}
    assert {file.name for file in FOLDER.glob("*.jpg")} == expected | beside | at_once | lit
    beside |= at_once | lit
    assert all(max(opened(FOLDER / name, MOST).size) == 512 for name in beside)
    for name in expected:
        assert max(opened(FOLDER / name, MOST).size) == SIZE


def test_the_readme_shows_ten_pictures_of_the_gallery_that_lead_to_them() -> None:
    page = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    grid = r'<a href="docs/gallery/(\w+)\.jpg"><img src="docs/gallery/\1\.jpg"[^>]*alt="[^"]+"></a>'
    shown = re.findall(grid, page)
    assert len(set(shown)) == len(shown) == 10 == page.count('src="docs/gallery/')
    assert all((FOLDER / f"{name}.jpg").exists() for name in shown)


def test_the_page_shows_what_is_there() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert page == make_gallery.page()
    shown = re.findall(r'src="([^"]+)"', page)
    assert all((FOLDER / name).exists() for name in shown)
    assert {file.name for file in FOLDER.glob("*.jpg")} <= set(shown)


def test_the_poster_is_large_and_its_detail_is_cut_out_of_the_middle() -> None:
    whole = opened(DOCS / "poster.jpg", POSTER_MOST)
    detail = opened(DOCS / "poster_detail.jpg", MOST)
    assert max(whole.size) == POSTER_SIZE and detail.size == DETAIL
    left, top = ((side - cut) // 2 for side, cut in zip(whole.size, DETAIL, strict=True))
    middle = whole.crop((left, top, left + DETAIL[0], top + DETAIL[1]))
    apart = np.abs(np.subtract(middle, detail, dtype=np.int16)).mean()
    beside = np.abs(np.subtract(whole.crop((0, 0, *DETAIL)), detail, dtype=np.int16)).mean()
    assert apart < 5 < beside  # both are JPEGs, each with errors of its own


def test_the_hero_is_a_picture_of_the_gallery() -> None:
    hero = opened(DOCS / "hero.jpg", 500_000)
    painting = opened(FOLDER / f"{make_hero.CONTENT}_{make_hero.STYLE}.jpg", MOST)
    assert painting.width == SIZE
    apart = np.abs(np.subtract(hero.crop((0, 0, *painting.size)), painting, dtype=np.int16)).mean()
    assert apart < 3


def test_the_film_is_the_one_that_notebook_00_stores_and_the_readme_shows_it() -> None:
    notebook = DOCS.parent / "notebooks" / "00_first_painting.ipynb"
    stored = make_hero.tagged_picture(notebook, "animation", "webp")
    assert make_hero.FILM.read_bytes() == stored
    assert len(stored) <= 1_000_000
    with Image.open(make_hero.FILM) as film:
        assert film.n_frames >= 30 and max(film.size) == 256
        first, last = (frame(film, number) for number in (0, film.n_frames - 1))
    assert np.abs(first - last).mean() > 10  # the cat has changed
    page = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    assert re.search(r"!\[[^\]]{20,}\]\(docs/cat_becomes_wave\.webp\)", page[:3000])


def frame(film: Image.Image, number: int) -> np.ndarray:
    """Return the colors of one frame of an animation."""
    film.seek(number)
    return np.asarray(film.convert("RGB"), np.int16)
