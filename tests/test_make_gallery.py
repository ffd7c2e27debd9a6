"""The pictures of the gallery: `tools/make_gallery.py`."""

from __future__ import annotations

import io

import make_gallery
import numpy as np
import pytest
from PIL import Image, JpegImagePlugin

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
