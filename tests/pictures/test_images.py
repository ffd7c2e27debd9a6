"""Pictures in and out: every odd file becomes the right colors, every bad one a clear error."""

import gc
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import warnings
import zlib
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_images import (
    BAD,
    BLUE,
    CUTTABLE,
    GREEN,
    HEIGHT,
    LONG_TEXTS,
    ODD,
    RED,
    SIZE,
    SWAPPED,
    WARNED,
    WIDTH,
    encoded,
    halves,
    plain,
    png_of,
)
from PIL import Image, ImageFile, ImageOps, JpegImagePlugin, PngImagePlugin

from nstkit.pictures import decode, images
from nstkit.pictures.images import (
    load_image,
    own_side,
    read_metadata,
    sample_path,
    samples,
    save_image,
    to_pil,
)

quick = settings(max_examples=25, deadline=None)
LIGHT = ["autumn_hills", "brandenburg_gate", "colosseum", "gateway_of_india", "great_wall",
         "mont_saint_michel"]  # fmt: skip
CONTENT = ["astronaut", "bridge", "castle", "cat", "kitten", "macaw"]
STYLE = ["bouquet", "composition_viii", "grande_jatte", "great_wave", "ink_landscape"]
STYLE += ["sainte_victoire", "scream", "seashore", "self_portrait", "starry_night"]
STYLE += ["vase_of_flowers", "wheat_field"]


def written(folder, name, data):
    path = folder / name
    path.write_bytes(data)
    return path


def color(image, x, y=HEIGHT // 2):
    return (image[0, :, y, x] * 255).tolist()


def noise(width, height, seed=0):
    generator = np.random.default_rng(seed)
    return Image.fromarray(generator.integers(0, 256, (height, width, 3), dtype=np.uint8))


def sample_picture():
    with Image.open(sample_path("cat")) as picture:
        return picture.convert("RGB")


# ---------------------------------------------------------------- odd files


@pytest.mark.parametrize("name", ODD)
def test_an_odd_file_has_its_true_colors(name, tmp_path):
    data, left, right, tolerance = ODD[name]
    image = load_image(written(tmp_path, name, data))
    assert image.shape == (1, 3, HEIGHT, WIDTH)
    assert image.dtype == torch.float32 and image.is_contiguous()
    assert color(image, 4) == pytest.approx(left, abs=tolerance + 0.01)
    assert color(image, WIDTH - 5) == pytest.approx(right, abs=tolerance + 0.01)


@pytest.mark.parametrize("name", WARNED)
def test_an_odd_file_is_loaded_with_a_warning_that_points_here(name, tmp_path):
    data, left, right, phrase = WARNED[name]
    path = written(tmp_path, name, data)
    with pytest.warns(UserWarning, match=phrase) as caught:
        image = load_image(path)
    assert [Path(warning.filename).name for warning in caught] == ["test_images.py"]
    assert name in str(caught[0].message)
    assert color(image, 4) == pytest.approx(left, abs=2)
    assert color(image, WIDTH - 5) == pytest.approx(right, abs=2)


# What EXIF says of the stored rows and columns, written as "stored = f(seen)".
STORED = {
    1: lambda seen: seen,
    2: lambda seen: seen[:, ::-1],
    3: lambda seen: seen[::-1, ::-1],
    4: lambda seen: seen[::-1],
    5: lambda seen: seen.transpose(1, 0, 2),
    6: lambda seen: seen[:, ::-1].transpose(1, 0, 2),
    7: lambda seen: seen[::-1, ::-1].transpose(1, 0, 2),
    8: lambda seen: seen[::-1].transpose(1, 0, 2),
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "PIL"])
def test_exif_orientation_is_applied(kind, orientation):
    seen = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    seen[: HEIGHT // 2, : WIDTH // 2] = RED
    seen[: HEIGHT // 2, WIDTH // 2 :] = (0, 255, 0)
    seen[HEIGHT // 2 :, : WIDTH // 2] = BLUE
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](seen)))
    options = {"JPEG": {"subsampling": 0}, "WEBP": {"lossless": True}}.get(kind, {})
    source = io.BytesIO(encoded(stored, "PNG" if kind == "PIL" else kind, exif=exif, **options))
    image = load_image(Image.open(source) if kind == "PIL" else source)
    expected = torch.tensor(seen).permute(2, 0, 1)[None] / 255
    assert image.shape == expected.shape
    assert (image - expected).abs().mean() < (0.02 if kind == "JPEG" else 1e-6)


def test_a_pil_image_that_its_owner_has_turned_is_not_turned_again():
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO(encoded(halves("RGB", RED, BLUE), exif=exif))
    with Image.open(file) as picture:
        upright = load_image(picture)
        assert upright.shape == (1, 3, WIDTH, HEIGHT)
        turned = picture.rotate(270, expand=True)
        for owned in (turned, turned.copy(), ImageOps.exif_transpose(picture)):
            assert torch.equal(load_image(owned), upright)
        assert load_image(picture.convert("L")).shape == (1, 3, HEIGHT, WIDTH)  # as it shows itself
        ImageOps.exif_transpose(picture, in_place=True)
        assert torch.equal(load_image(picture), upright)


def test_an_orientation_that_exif_does_not_know_is_ignored():
    exif = Image.Exif()
    exif[0x0112] = 9
    image = load_image(io.BytesIO(encoded(halves("RGB", RED, BLUE), exif=exif)))
    assert color(image, 4) == pytest.approx(RED)


@pytest.mark.parametrize("orientation", [1, 6])
def test_the_own_side_of_a_picture_is_told_without_loading_it(orientation, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "picture.jpg"
    path.write_bytes(encoded(Image.new("RGB", (90, 60)), "JPEG", exif=exif))
    for source in (path, io.BytesIO(path.read_bytes()), Image.open(path)):
        assert own_side(source) == max(load_image(source).shape) == 90
    with pytest.raises(FileNotFoundError, match="no such"):
        own_side("no such")


def test_pil_images_are_taken_as_they_are_and_not_changed():
    values = {
        "RGBa": (60, 30, 0, 128),
        "La": (60, 128),
        "PA": 0,
        "HSV": (0, 0, 9),
        "YCbCr": (9, 9, 9),
    }
    for mode, value in values.items():
        picture = Image.new(mode, SIZE, value)
        before, clear = picture.tobytes(), mode in ("RGBa", "La", "PA")
        with pytest.warns(UserWarning, match="transparent") if clear else nullcontext():
            assert load_image(picture, 80).shape == (1, 3, 64, 80)
        assert (picture.mode, picture.size, picture.tobytes()) == (mode, SIZE, before)
    # Premultiplied: the red that counts is 60 * 255 / 128; over white, 60 + 127 remain.
    with pytest.warns(UserWarning, match="the PIL image is transparent in parts"):
        image = load_image(Image.new("RGBa", SIZE, (60, 30, 0, 128)))
    assert color(image, 4)[0] == pytest.approx(187, abs=1)


def test_big_endian_grey_is_scaled_too():
    picture = Image.frombytes("I;16B", SIZE, b"\x40\x00" * (WIDTH * HEIGHT))
    assert color(load_image(picture), 4) == pytest.approx((64,) * 3)


def test_a_frame_chosen_by_the_caller_is_used_without_a_warning():
    with Image.open(io.BytesIO(WARNED["animated.gif"][0])) as picture:
        picture.seek(1)
        assert color(load_image(picture), 4) == pytest.approx(BLUE, abs=2)


# ---------------------------------------------------------------- bad files


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_with_its_name_and_the_reason(name, tmp_path):
    data, phrase = BAD[name]
    with pytest.raises(ValueError, match=phrase) as caught:
        load_image(written(tmp_path, name, data))
    assert name in str(caught.value)


@pytest.mark.parametrize("shape", [(0, 40), (40, 0), (31, 40), (40, 31)])
def test_a_pil_image_that_is_too_small_is_refused(shape):
    with pytest.raises(ValueError, match=f"{shape[0]} x {shape[1]} pixels, expected at least 32"):
        load_image(Image.new("RGB", shape), 64)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("name", CUTTABLE)
def test_a_picture_that_is_cut_off_is_never_half_grey(name, share):
    data = CUTTABLE[name]
    assert load_image(io.BytesIO(data)).shape == (1, 3, 64, 96)
    with pytest.raises(ValueError, match="completely|cut off"):
        load_image(io.BytesIO(data[: int(len(data) * share)]))


@pytest.mark.parametrize("lacking", [1, 2])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
def test_a_jpeg_without_its_end_marker_is_whole(lacking, options):
    data = encoded(sample_picture(), "JPEG", **options)
    whole, cut = load_image(io.BytesIO(data)), data[:-lacking]
    assert torch.equal(load_image(io.BytesIO(cut)), whole)
    assert torch.equal(load_image(Image.open(io.BytesIO(cut))), whole)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
def test_a_jpeg_that_lacks_its_last_bytes_is_loaded_with_a_warning(options):
    data = encoded(sample_picture(), "JPEG", **options)
    with pytest.warns(UserWarning, match="cut off.*last pixels may be gray") as caught:
        image = load_image(io.BytesIO(data[:-20]))
    assert Path(caught[0].filename).name == "test_images.py"
    different = (image - load_image(io.BytesIO(data))).abs().amax(1) > 0.02
    assert 0 < different.float().mean() < 0.01
    with pytest.raises(ValueError, match="completely"):
        load_image(io.BytesIO(data[: int(0.95 * len(data))]))


@pytest.mark.long
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("kind", LONG_TEXTS)
def test_a_png_of_long_texts_is_loaded(kind, late, tmp_path):
    data = encoded(halves("RGB", RED, BLUE), icc_profile=SWAPPED)
    place = -12 if late else 33  # before the end, or behind the header
    long = png_of(1, 1, LONG_TEXTS[kind])[33:]
    path = written(tmp_path, "a.png", data[:place] + long + data[place:])
    assert color(load_image(path), 4) == pytest.approx(GREEN, abs=2)
    assert own_side(path) == WIDTH and read_metadata(path) == {}


def test_a_png_with_a_long_color_profile_is_loaded_with_it():
    data = encoded(halves("RGB", RED, BLUE))
    profile = b"long\0\0" + zlib.compress(SWAPPED + bytes(1_200_000))
    data = data[:33] + png_of(1, 1, (b"iCCP", profile))[33:] + data[33:]
    assert color(load_image(io.BytesIO(data)), 4) == pytest.approx(GREEN, abs=2)


def test_metadata_beside_a_long_text_are_read(tmp_path):
    data = save_image(torch.zeros(1, 3, 40, 40), tmp_path / "a.png", TEXTS).read_bytes()
    long = png_of(1, 1, LONG_TEXTS["packed"])[33:]
    assert read_metadata(written(tmp_path, "b.png", data[:33] + long + data[33:])) == TEXTS


def test_a_cut_off_pil_image_is_refused():
    with (
        Image.open(io.BytesIO(CUTTABLE["baseline.jpg"][:3000])) as picture,
        pytest.raises(ValueError, match="the PIL image cannot be read completely"),
    ):
        load_image(picture)


def test_pillow_told_to_load_cut_off_pictures_is_warned_of(monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.warns(UserWarning, match="LOAD_TRUNCATED_IMAGES"):
        load_image(io.BytesIO(CUTTABLE["baseline.jpg"][:3000]))


def test_pillows_settings_are_left_alone():
    before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters)
    with pytest.raises(ValueError, match="too large"):
        load_image(io.BytesIO(BAD["bomb.png"][0]))
    assert before == (
        Image.MAX_IMAGE_PIXELS,
        ImageFile.LOAD_TRUNCATED_IMAGES,
        list(warnings.filters),
    )


def test_a_missing_file_is_named_with_the_folder_searched(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=f"'holiday/me.jpg'.*{tmp_path.name}.*spelling"):
        load_image("holiday/me.jpg")
    with pytest.raises(FileNotFoundError, match="great_wave.*did you mean 'cat'"):
        load_image("cta.jpg")
    with pytest.raises(FileNotFoundError, match="'https://example.org/a.png'.*download"):
        load_image("https://example.org/a.png")
    with pytest.raises(FileNotFoundError, match="bundled are astronaut"):
        load_image("x" * 5000)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(IsADirectoryError, match=f"{tmp_path.name}.*folder"):
        load_image(tmp_path)


def test_a_file_without_read_permission_is_refused(tmp_path, monkeypatch):
    path = written(tmp_path, "secret.png", plain())
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(ValueError, match="secret.png.*permissions"):
        load_image(path)


@pytest.mark.parametrize(
    "source", [7, None, b"bytes", np.zeros((40, 40, 3)), torch.zeros(3, 40, 40)]
)
def test_a_source_of_another_type_is_refused(source):
    with pytest.raises(TypeError, match=f"got {type(source).__name__}; expected a path"):
        load_image(source)


@pytest.mark.parametrize("size", [0, -1, 31, True, 256.0, 2.5, "256", [256], 10**9])
def test_a_wrong_size_is_refused(size):
    with pytest.raises(ValueError, match=re.escape(f"size is {size!r}; expected")):
        load_image(Image.new("RGB", SIZE), size)


# ---------------------------------------------------------------- file objects


def test_a_file_object_is_read_from_its_start_and_stays_open(tmp_path):
    path = written(tmp_path, "a.png", encoded(halves("RGB", RED, BLUE)))
    memory = io.BytesIO(path.read_bytes())
    with path.open("rb") as file:
        for source in (memory, file):
            source.seek(20)
            assert color(load_image(source), 4) == pytest.approx(RED)
            assert not source.closed
            assert color(load_image(source), WIDTH - 5) == pytest.approx(BLUE)
    page = io.BytesIO(BAD["page.png"][0])
    page.seek(0, io.SEEK_END)
    with pytest.raises(ValueError, match="web page"):
        load_image(page)


def test_a_stream_that_cannot_seek_is_read():
    class Stream:
        def __init__(self):
            self.file = io.BytesIO(plain())

        def read(self, *args):
            return self.file.read(*args)

    assert color(load_image(Stream()), 4) == pytest.approx(RED)


def test_a_closed_or_a_text_file_is_refused(tmp_path):
    path = written(tmp_path, "a.png", plain())
    with path.open("rb") as file:
        pass
    with pytest.raises(ValueError, match="closed"):
        load_image(file)
    with path.open(encoding="latin-1") as text, pytest.raises(TypeError, match="'rb'"):
        load_image(text)


@pytest.mark.parametrize(
    "name", ["animated.gif", "pages.tif", "flipped_bits.png", "bomb.png", "text.jpg"]
)
def test_no_file_stays_open(name, tmp_path):
    path = written(tmp_path, name, (WARNED.get(name) or BAD[name])[0])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            load_image(path)
        except ValueError as error:
            error.__traceback__ = None
        gc.collect()
    assert not [warning for warning in caught if warning.category is ResourceWarning]


# ---------------------------------------------------------------- resizing


@quick
@given(width=st.integers(32, 160), height=st.integers(32, 160), size=st.integers(32, 200))
def test_the_long_side_has_the_size_and_the_aspect_stays(width, height, size):
    short = min(width, height) * size / max(width, height)
    picture = Image.new("RGB", (width, height))
    if round(short) < 32:
        with pytest.raises(ValueError, match="use size=.* or more"):
            load_image(picture, size)
        return
    shape = load_image(picture, size).shape[2:]
    assert max(shape) == size
    assert abs(min(shape) - short) <= 0.5
    assert (shape[0] >= shape[1]) == (height >= width) or shape[0] == shape[1]


@quick
@given(width=st.integers(32, 60), height=st.integers(120, 400))
def test_the_size_proposed_for_an_elongated_picture_is_the_smallest(width, height):
    picture = Image.new("L", (width, height))
    with pytest.raises(ValueError, match=f"{width} x {height}.*use size=") as caught:
        load_image(picture, 48)
    size = int(re.search(r"use size=(\d+)", str(caught.value))[1])
    assert load_image(picture, size).shape[3] == 32
    if round(width * (size - 1) / height) < 32:
        with pytest.raises(ValueError, match="use size="):
            load_image(picture, size - 1)


@pytest.mark.parametrize(("shape", "becomes"), [((64, 2000), "3 x 96"), ((2000, 64), "96 x 3")])
def test_width_comes_before_height_in_a_message(shape, becomes):
    with pytest.raises(ValueError, match=f"{shape[0]} x {shape[1]} pixels.* becomes {becomes},"):
        load_image(Image.new("L", shape), 96)


def test_a_picture_beyond_64_megapixels_after_resizing_is_refused():
    with pytest.raises(ValueError, match=r"size=9000 it becomes 9000 x 7200, over 64 million"):
        load_image(Image.new("L", SIZE), 9000)


@pytest.mark.parametrize("shape", [(40, 32), (33, 64), (90, 32), (32, 38), (53, 32), (32, 70)])
def test_the_size_proposed_for_a_picture_too_large_after_resizing_fits(shape, monkeypatch):
    monkeypatch.setattr(decode, "MAX_PIXELS", 20_000)
    with pytest.raises(ValueError, match="or less") as caught:
        load_image(Image.new("L", shape), 300)
    size = int(re.search(r"use size=(\d+)", str(caught.value))[1])
    shape = load_image(Image.new("L", shape), size).shape
    assert 0.97 * 20_000 < shape[2] * shape[3] <= 20_000


@quick
@given(st.tuples(*[st.integers(0, 255)] * 3), st.integers(36, 150))
def test_a_constant_color_stays_under_resizing(value, size):
    image = load_image(Image.new("RGB", (70, 64), value), size)
    expected = torch.tensor(value).view(1, 3, 1, 1) / 255
    torch.testing.assert_close(image, expected.expand_as(image), atol=1e-6, rtol=0)


def test_downscaling_a_checkerboard_gives_even_grey():
    board = (np.indices((256, 256)).sum(0) % 2 * 255).astype(np.uint8)
    image = load_image(Image.fromarray(board), 64)
    assert image.shape == (1, 3, 64, 64)
    assert (image - 0.5).abs().max() < 0.02


def test_upscaling_keeps_a_ramp_monotonic():
    ramp = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (64, 1))
    rows = load_image(Image.fromarray(ramp), 256)[0, 0, 100]
    assert (rows.diff() >= 0).all() and len(rows.unique()) > 150


@quick
@given(st.integers(32, 70), st.integers(32, 70), st.integers(0, 999), st.integers(32, 90))
def test_values_stay_in_zero_to_one_and_the_default_keeps_every_pixel(width, height, seed, size):
    picture = noise(width, height, seed)
    image = load_image(picture)
    np.testing.assert_array_equal(np.asarray(picture), (image[0] * 255).round().permute(1, 2, 0))
    assert to_pil(image).tobytes() == picture.tobytes()
    try:
        resized = load_image(picture, size)
    except ValueError:  # too elongated, which another test looks at
        return
    assert resized.min() >= 0 and resized.max() <= 1


# ---------------------------------------------------------------- large JPEGs


def large_jpeg(orientation=1):
    """2501 x 1699 px, with some noise, so that no side is a whole number of blocks."""
    exif, smooth = Image.Exif(), sample_picture().resize((2501, 1699))
    exif[0x0112] = orientation
    return encoded(Image.blend(smooth, noise(2501, 1699), 0.1), "JPEG", quality=92, exif=exif)


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("size", [64, 150, 600])
def test_a_large_jpeg_looks_as_if_it_were_decoded_whole(size, orientation, tmp_path):
    path = written(tmp_path, "large.jpg", large_jpeg(orientation))
    image, own = images.load_at(path, size)
    with Image.open(path) as picture:
        assert torch.equal(load_image(picture, size), image) and picture.size == (2501, 1699)
        picture.load()
        whole = load_image(picture, size)
    assert image.shape == whole.shape and own == own_side(path) == 2501
    assert (image - whole).abs().mean() < 0.003 and (image - whole).abs().max() < 0.06


def test_a_jpeg_near_the_size_or_of_few_pixels_stays_exactly_as_it_was(tmp_path):
    path = written(tmp_path, "large.jpg", large_jpeg())
    with Image.open(path) as picture, Image.open(sample_path("cat")) as cat:
        picture.load()
        cat.load()
        assert torch.equal(load_image(path, 1000), load_image(picture, 1000))
        assert torch.equal(load_image("cat", 64), load_image(cat, 64))


@pytest.mark.long
def test_a_large_jpeg_takes_little_memory(tmp_path):
    path = written(tmp_path, "large.jpg", encoded(Image.new("RGB", (8000, 6000), RED), "JPEG"))
    code = (
        "import resource, sys, nstkit\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "nstkit.load_image(sys.argv[1], 256)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    pytest.importorskip("resource")  # not on Windows
    run = subprocess.run([sys.executable, "-c", code, path], capture_output=True, check=True)
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(run.stdout) * unit < 8000 * 6000  # a third of its pixels


def test_the_limit_counts_the_pixels_that_are_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(decode, "MAX_PIXELS", 1_500_000)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_500_000)  # Pillow refuses twice as many
    path = written(tmp_path, "large.jpg", large_jpeg())
    assert own_side(path) == 2501
    for size in (64, 600, 1200):
        assert max(load_image(path, size).shape) == size
    for size in (None, 1400):
        with pytest.raises(ValueError, match="2501 x 1699 pixels.*; use size=1250 or less, or sca"):
            load_image(path, size)
    monkeypatch.setattr(decode, "MAX_JPEG", 3_000_000)
    with pytest.raises(ValueError, match="2501 x 1699 pixels, expected .* million; scale it down"):
        load_image(path, 64)


def test_a_large_jpeg_that_is_cut_off_is_loaded_small_too():
    data = large_jpeg()
    whole = load_image(io.BytesIO(data), 150)
    assert torch.equal(load_image(io.BytesIO(data[:-2]), 150), whole)
    with pytest.raises(ValueError, match="completely"):
        load_image(io.BytesIO(data[: len(data) // 2]), 150)


# ---------------------------------------------------------------- to_pil


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_to_pil_rounds_and_clamps_any_float_type(dtype):
    values = torch.tensor([-3.0, 0.0, 100.6 / 255, 100.4 / 255, 0.999, 7.0], dtype=dtype)
    image = values.view(1, 1, 1, 6).expand(1, 3, 2, 6).clone().requires_grad_()
    picture = to_pil(image)
    assert (picture.mode, picture.size) == ("RGB", (6, 2))
    expected = [max(0, min(255, round(255 * value))) for value in values.tolist()]
    assert [picture.getpixel((x, 1)) for x in range(6)] == [(value,) * 3 for value in expected]
    if dtype in (torch.float32, torch.float64):
        assert expected == [0, 0, 101, 100, 255, 255]


def test_to_pil_takes_an_image_without_batch_axis_and_keeps_the_order_of_channels():
    image = torch.zeros(3, 4, 5)
    image[0] = 1
    assert to_pil(image).getpixel((4, 3)) == RED


@pytest.mark.parametrize(
    "image",
    [
        torch.zeros(2, 3, 8, 8),
        torch.zeros(1, 4, 8, 8),
        torch.zeros(8, 8, 3),
        torch.zeros(8, 8),
        torch.zeros(3),
        torch.zeros(1, 3, 0, 8),
        torch.zeros(1, 1, 3, 8, 8),
        torch.zeros(1, 3, 8, 8, dtype=torch.uint8),
        np.zeros((1, 3, 8, 8), np.float32),
        None,
    ],
)
def test_to_pil_refuses_what_is_not_one_float_rgb_image(image):
    with pytest.raises(ValueError, match=r"got .*expected one float image \(1, 3, H, W\)"):
        to_pil(image)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_value_that_is_not_finite_is_refused_and_nothing_is_saved(value, tmp_path):
    image = torch.zeros(1, 3, 8, 8)
    image[0, 1, 2, 3] = value
    with pytest.raises(ValueError, match="NaN or infinite"):
        to_pil(image)
    with pytest.raises(ValueError, match="NaN or infinite"):
        save_image(image, tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- save_image


@quick
@given(
    st.integers(32, 60),
    st.integers(32, 60),
    st.integers(0, 999),
    st.sampled_from([".png", ".tif", ".bmp"]),
)
def test_saving_without_loss_and_loading_is_exact_to_half_a_step(width, height, seed, suffix):
    image = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))
    with tempfile.TemporaryDirectory() as folder:
        loaded = load_image(save_image(image, Path(folder) / f"a{suffix}"))
    assert (loaded - image).abs().max() <= 0.5 / 255 + 1e-6


KINDS = {".png": "PNG", ".jpg": "JPEG", ".JPEG": "JPEG", ".webp": "WEBP"}
KINDS |= {".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP"}


@pytest.mark.parametrize("suffix", KINDS)
def test_the_suffix_chooses_the_format(suffix, tmp_path):
    image = load_image(sample_path("cat"), 96)
    path = save_image(image, str(tmp_path / f"a{suffix}"))
    assert path == tmp_path / f"a{suffix}" and list(tmp_path.iterdir()) == [path]
    with Image.open(path) as picture:
        assert picture.format == KINDS[suffix]
    assert (load_image(path) - image).abs().mean() < 0.01


def test_jpeg_has_quality_95_and_full_color_resolution(tmp_path):
    with Image.open(save_image(torch.rand(1, 3, 32, 32), tmp_path / "a.jpg")) as picture:
        assert JpegImagePlugin.get_sampling(picture) == 0  # 4:4:4
        # Entries 16 and 121 of the standard's table, times (200 - 2 * 95) %, rounded.
        assert (picture.quantization[0][0], max(picture.quantization[0])) == (2, 12)


def test_a_saved_file_has_the_usual_permissions(tmp_path):
    (tmp_path / "usual").touch()
    path = save_image(torch.zeros(3, 8, 8), tmp_path / "a.png")
    assert path.stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_saving_to_a_link_replaces_the_file_behind_it_with_its_permissions(tmp_path):
    """As `nstkit.files` promises, through which pictures are written."""
    path = written(tmp_path, "a.png", b"the old file")
    path.chmod(0o640)
    (tmp_path / "link.png").symlink_to(path)
    save_image(torch.zeros(3, 40, 40), tmp_path / "link.png")
    assert (tmp_path / "link.png").is_symlink() and load_image(path).max() == 0
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("failure", [OSError("disk full"), KeyboardInterrupt()])
def test_a_failed_save_leaves_the_old_file_and_nothing_else(failure, tmp_path, monkeypatch):
    path = written(tmp_path, "a.png", b"the old file")

    def broken(_, file, **options):
        if options:
            file.write(b"half a picture")
        raise failure

    monkeypatch.setattr(Image.Image, "save", broken)
    with pytest.raises(type(failure)):
        save_image(torch.zeros(1, 3, 8, 8), path)
    monkeypatch.undo()
    monkeypatch.setattr(os, "replace", broken)  # the picture is whole, the disk fails at last
    with pytest.raises(type(failure)):
        save_image(torch.zeros(1, 3, 8, 8), path)
    assert path.read_bytes() == b"the old file"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["a", "a.gif", "a.txt", ".png", "a.png.part"])
def test_an_unknown_suffix_is_refused_with_the_known_ones(name, tmp_path):
    with pytest.raises(ValueError, match=r"expected one of \.png, \.jpg.*\.bmp"):
        save_image(torch.zeros(1, 3, 8, 8), tmp_path / name)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder .*out.* for 'a.png'; make it first"):
        save_image(torch.zeros(1, 3, 8, 8), tmp_path / "out" / "a.png")
    (tmp_path / "b.png").mkdir()
    with pytest.raises(OSError, match=re.escape("b.png")):
        save_image(torch.zeros(1, 3, 8, 8), tmp_path / "b.png")
    assert [path.name for path in tmp_path.iterdir()] == ["b.png"]


def ramp():
    """A red picture that is clear on the left and opaque on the right."""
    picture = Image.new("RGBA", (64, 48), RED)
    picture.putalpha(Image.linear_gradient("L").rotate(90).resize((64, 48)))
    return picture


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_transparency_is_kept_if_it_is_asked_for(suffix, tmp_path):
    alpha = images.opacity(ramp(), 36, 48)
    path = save_image(torch.ones(1, 3, 36, 48), tmp_path / f"a{suffix}", TEXTS, alpha)
    with Image.open(path) as picture:
        saved = np.asarray(picture.getchannel("A"))
    expected = np.asarray(ramp().getchannel("A").resize((48, 36), Image.Resampling.LANCZOS))
    assert np.abs(saved.astype(int) - expected).max() <= 2 and saved.std() > 50
    assert read_metadata(path) == TEXTS
    assert images.opacity("cat", 43, 64) is None


def test_transparency_that_would_be_lost_or_does_not_fit_is_refused(tmp_path):
    alpha = images.opacity(ramp(), 36, 48)
    for name in ("a.jpg", "a.bmp"):
        with pytest.raises(ValueError, match=r"cannot be transparent; use \.png, \.webp, \.tif"):
            save_image(torch.ones(1, 3, 36, 48), tmp_path / name, alpha=alpha)
    with pytest.raises(ValueError, match=r"\(1, 1, 36, 48\); expected \(1, 1, 32, 32\)"):
        save_image(torch.ones(1, 3, 32, 32), tmp_path / "a.png", alpha=alpha)
    with pytest.raises(ValueError, match="becomes 48 x 36 px .* which has 48 x 48"):
        images.opacity(ramp(), 48, 48)
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- metadata

TEXTS = {
    "recipe": json.dumps({"alpha": 1, "name": "größe 猫 🎨"}),
    "ключ": "a\nb\\",
    "transparency": "",
}


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_metadata_survives_the_file_and_leaves_the_picture_alone(suffix, tmp_path):
    image = load_image(sample_path("cat"), 64)
    plain_path = save_image(image, tmp_path / f"plain{suffix}")
    path = save_image(image, tmp_path / f"told{suffix}", TEXTS)
    assert read_metadata(path) == TEXTS
    assert read_metadata(plain_path) == {}
    assert torch.equal(load_image(path), load_image(plain_path))


@quick
@given(
    st.dictionaries(st.text(), st.text(), max_size=4),
    st.sampled_from([".png", ".jpg", ".webp", ".tiff"]),
)
def test_any_texts_survive(texts, suffix):
    with tempfile.TemporaryDirectory() as folder:
        path = save_image(torch.zeros(1, 3, 2, 2), Path(folder) / f"a{suffix}", texts)
        assert read_metadata(path) == texts


def test_metadata_that_would_be_lost_is_refused(tmp_path):
    image = torch.zeros(1, 3, 8, 8)
    with pytest.raises(ValueError, match=r"BMP carries no metadata; use \.png"):
        save_image(image, tmp_path / "a.bmp", TEXTS)
    with pytest.raises(
        ValueError, match=r"64021 bytes, and a JPEG holds 60000; use \.png, \.webp or"
    ):
        save_image(image, tmp_path / "a.jpg", {"a": "x" * 64_000})
    for metadata in ({"steps": 60}, {3: "x"}):
        with pytest.raises(ValueError, match="expected texts"):
            save_image(image, tmp_path / "a.png", metadata)
    assert list(tmp_path.iterdir()) == []
    assert read_metadata(save_image(image, tmp_path / "a.bmp", {})) == {}


@pytest.mark.parametrize(
    "text", ["OLYMPUS DIGITAL CAMERA", '{"shape": [8, 8]}', "[1]", '{"nstkit": 3}']
)
def test_the_descriptions_of_other_programs_are_no_metadata(text, tmp_path):
    exif, texts = Image.Exif(), PngImagePlugin.PngInfo()
    exif[0x010E] = text
    texts.add_text("Description", text)
    texts.add_text("Software", "another")
    jpeg = written(tmp_path, "a.jpg", plain(kind="JPEG", exif=exif))
    png = written(tmp_path, "a.png", plain(pnginfo=texts))
    assert read_metadata(jpeg) == read_metadata(png) == {}


def test_metadata_of_what_is_no_picture_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file"):
        read_metadata(tmp_path / "none.png")
    with pytest.raises(ValueError, match="web page"):
        read_metadata(written(tmp_path, "page.png", BAD["page.png"][0]))


# ---------------------------------------------------------------- bundled pictures


def test_the_bundled_pictures_are_listed_by_kind():
    assert samples("content") == CONTENT
    assert samples("style") == STYLE
    assert samples("light") == LIGHT
    assert samples() == sorted(CONTENT + STYLE + LIGHT)
    with pytest.raises(ValueError, match="kind='photo'"):
        samples("photo")


@pytest.mark.parametrize("name", CONTENT + STYLE + LIGHT)
def test_every_bundled_picture_loads_by_its_name(name):
    assert sample_path(name).name == f"{name}.jpg"
    image = load_image(name, 64)
    assert max(image.shape) == 64 and image.std() > 0.05
    assert torch.equal(image, load_image(sample_path(name), 64))


def test_an_unknown_bundled_picture_is_refused_with_the_known_names():
    with pytest.raises(ValueError, match="'graet_wave'.*astronaut.*did you mean 'great_wave'"):
        sample_path("graet_wave")
    with pytest.raises(ValueError, match="wheat_field$"):
        sample_path("qqqq")


def test_a_file_of_ones_own_comes_before_a_bundled_picture_but_a_folder_does_not(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cat").mkdir()
    assert load_image("cat", 64).std() > 0.05
    (tmp_path / "cat").rmdir()
    written(tmp_path, "cat", plain())
    assert color(load_image("cat"), 4) == pytest.approx(RED)


def test_installed_from_a_wheel_the_pictures_lie_inside_the_package(tmp_path, monkeypatch):
    folder = tmp_path / "nstkit" / "samples" / "style"
    folder.mkdir(parents=True)
    path = written(folder, "stripes.jpg", plain(kind="JPEG"))
    monkeypatch.setattr(images, "__file__", str(tmp_path / "nstkit" / "pictures" / "images.py"))
    assert samples() == samples("style") == ["stripes"] and samples("content") == []
    assert sample_path("stripes") == path


def test_the_tilde_stands_for_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert save_image(torch.ones(1, 3, 40, 40), "~/white.png") == tmp_path / "white.png"
    assert load_image("~/white.png").min() == 1
