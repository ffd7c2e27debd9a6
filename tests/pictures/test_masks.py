"""Masks: shapes, ranges of color, given pictures, and what they are together."""

from __future__ import annotations

import colorsys
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nstkit import color_range, ellipse, load_image, luminance_range, rectangle, save_image
from nstkit.pictures.color import luminance
from nstkit.pictures.masks import DRAWN, Mask, as_mask, from_png, oklab

PICTURE = torch.zeros(1, 3, 40, 60)
CORNER = rectangle(0, 0, 0.5, 0.5, soft=0)


# ---------------------------------------------------------------- shapes


def test_a_hard_rectangle_is_that_part_of_the_picture() -> None:
    mask = rectangle(0.25, 0.5, 0.75, 1, soft=0).of(PICTURE)
    want = torch.zeros(1, 1, 40, 60)
    want[..., 20:, 15:45] = 1
    assert mask.equal(want)


@pytest.mark.parametrize("size", [(40, 60), (41, 33), (7, 5)])
def test_the_whole_picture_is_one_to_the_edges(size: tuple[int, int]) -> None:
    assert rectangle(0, 0, 1, 1).of(torch.zeros(1, 3, *size)).equal(torch.ones(1, 1, *size))


def test_a_soft_edge_is_one_half_on_the_edge_and_as_wide_as_it_says() -> None:
    row = rectangle(0, 0, 0.5, 1, soft=0.25).of(PICTURE)[0, 0, 7]  # the edge is at 30 px
    wide = 0.25 * 40
    want = (0.5 - (torch.arange(60) + 0.5 - 30) / wide).clamp(0, 1)
    torch.testing.assert_close(row, want)
    assert row[29] + row[30] == pytest.approx(1) and (row > 0).sum() == 35


def test_an_ellipse_has_its_area_and_touches_the_middle_of_its_sides() -> None:
    mask = ellipse(0.1, 0.2, 0.9, 0.8, soft=0).of(torch.zeros(1, 3, 400, 600))[0, 0]
    assert mask.sum().item() == pytest.approx(np.pi / 4 * 0.8 * 600 * 0.6 * 400, rel=2e-3)
    assert mask[200, 62] == 1 and mask[200, 58] == 0 and mask[82, 300] == 1 and mask[78, 300] == 0


def test_the_soft_edge_of_an_ellipse_is_as_wide_as_it_says() -> None:
    mask = ellipse(0.1, 0.2, 0.9, 0.8, soft=0.1).of(torch.zeros(1, 3, 400, 600))[0, 0]
    for line in (mask[200, :300], mask[:200, 300]):
        assert ((line > 0) & (line < 1)).sum() == pytest.approx(40, abs=4)


@pytest.mark.parametrize("shape", [rectangle, ellipse])
@pytest.mark.parametrize(
    "sides", [(0.5, 0, 0.5, 1), (0, 0.6, 1, 0.4), (-0.1, 0, 1, 1), (0, 0, 100, 1)]
)
def test_sides_out_of_order_or_of_the_picture_are_refused(shape: object, sides: tuple) -> None:
    with pytest.raises(ValueError, match="has the sides .*; expected left, top, right and bottom"):
        shape(*sides)
    with pytest.raises(ValueError, match="soft is -1; expected"):
        shape(0, 0, 1, 1, soft=-1)


# ---------------------------------------------------------------- ranges


def test_oklab_of_known_colors() -> None:
    """Values from the table of the source, rounded there to three digits."""
    known = {
        (1, 1, 1): (1, 0, 0),
        (1, 0, 0): (0.628, 0.225, 0.126),
        (0, 0, 1): (0.452, -0.032, -0.312),
    }
    for color, want in known.items():
        found = oklab(torch.tensor(color).float().view(1, 3, 1, 1)).flatten()
        torch.testing.assert_close(found, torch.tensor(want).float(), atol=1e-3, rtol=0)


def test_a_color_range_finds_what_has_the_color() -> None:
    picture = torch.ones(1, 3, 40, 60)
    picture[..., :30] = torch.tensor([0.2, 0.4, 0.9]).view(1, 3, 1, 1)
    mask = color_range((0.2, 0.4, 0.9), blur=0).of(picture)
    assert mask[..., :30].min() == 1 and mask[..., 30:].max() == 0
    named = color_range("white", blur=0).of(picture)
    assert named.equal(1 - mask)
    assert color_range("#ffffff") == color_range("white") == color_range([1, 1, 1])


def test_a_color_range_grows_with_its_tolerance_and_ends_softly() -> None:
    hues = [colorsys.hsv_to_rgb(h, 0.6, 0.8) for h in np.linspace(0, 1, 120)]
    picture = torch.tensor(hues, dtype=torch.float32).mT.view(1, 3, 1, 120).expand(1, 3, 30, 120)
    masks = [color_range(hues[40], t, blur=0).of(picture) for t in (0.02, 0.05, 0.1, 0.2)]
    for small, large in zip(masks, masks[1:], strict=False):
        assert (small <= large).all() and small.sum() < large.sum()
    assert masks[1][..., 40].min() == 1 and ((masks[1] > 0) & (masks[1] < 1)).any()


def test_a_luminance_range_is_between_its_limits() -> None:
    ramp = torch.linspace(0, 1, 101).view(1, 1, 1, 101).expand(1, 3, 20, 101)
    hard = luminance_range(0.3, 0.6, soft=0, blur=0).of(ramp)[0, 0, 0]
    assert hard[31:60].min() == 1 and hard[:30].max() == 0 and hard[61:].max() == 0
    assert luminance_range().of(ramp).min() == 1  # no limit at all
    assert luminance_range(0, 0.5, blur=0).of(ramp)[0, 0, 0, 0] == 1
    soft = luminance_range(0.5, 1, soft=0.2, blur=0).of(ramp)[0, 0, 0]
    torch.testing.assert_close(soft, (0.5 + (luminance(ramp)[0, 0, 0] - 0.5) / 0.2).clamp(0, 1))


def test_a_blur_keeps_the_mean_and_takes_single_pixels_out() -> None:
    picture = torch.zeros(1, 3, 60, 60)
    picture[..., 30, 30] = 1
    sharp, blurred = (luminance_range(0.5, 1, blur=b).of(picture) for b in (0, 0.05))
    assert sharp.max() == 1 and blurred.max() < 0.05
    assert blurred.sum().item() == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: color_range("no color at all"),
        lambda: color_range((1, 2, 3)),
        lambda: color_range((0.5, 0.5)),
        lambda: color_range("red", tolerance=-1),
        lambda: color_range(None),
        lambda: color_range(5),
        lambda: color_range("red", tolerance=0),
        lambda: rectangle("0", 0, 1, 1),
        lambda: luminance_range("dark"),
        lambda: luminance_range(0.6, 0.4),
        lambda: luminance_range(0, 2),
        lambda: luminance_range(0, 1, blur=-1),
    ],
)
def test_ranges_that_are_none_are_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="(is|range is) .*; expected"):
        wrong()


# ---------------------------------------------------------------- together


def test_masks_are_combined_as_sets() -> None:
    left, top = rectangle(0, 0, 0.5, 1, soft=0), rectangle(0, 0, 1, 0.5, soft=0)
    a, b = left.of(PICTURE), top.of(PICTURE)
    assert (left & top).of(PICTURE).equal(CORNER.of(PICTURE))
    assert (left | top).of(PICTURE).equal(torch.maximum(a, b))
    assert (~left).of(PICTURE).equal(1 - a)


def test_a_part_and_all_but_it_are_the_whole_also_where_it_is_soft() -> None:
    soft = ellipse(0.2, 0.2, 0.8, 0.8, soft=0.4)
    torch.testing.assert_close(soft.of(PICTURE) + (~soft).of(PICTURE), torch.ones(1, 1, 40, 60))


MASKS = [
    rectangle(0, 0.25, 1, 0.5),
    ellipse(0.1, 0.2, 0.3, 0.4, soft=0.05),
    color_range("skyblue", 0.2),
    luminance_range(0.2, 0.9),
    ~(rectangle(0, 0, 1, 0.5) & color_range((0.5, 0.25, 0.125))),
    rectangle(0, 0, 0.5, 1) | ellipse(0, 0, 1, 1),
    as_mask(torch.rand(5, 7, generator=torch.Generator().manual_seed(0))),
]


@pytest.mark.parametrize("mask", MASKS, ids=repr)
def test_a_mask_is_plain_data(mask: Mask) -> None:
    again = Mask.from_data(json.loads(json.dumps(mask.to_data())))
    assert again == mask and hash(again) == hash(mask)
    picture = load_image("castle", 48)[..., :25, :35]  # 5 : 7, as the drawn one
    assert again.of(picture).equal(mask.of(picture))
    assert again.of(picture).shape == (1, 1, *picture.shape[-2:])


@pytest.mark.parametrize("mask", MASKS[:-1], ids=repr)
def test_a_mask_prints_the_call_that_makes_it(mask: Mask) -> None:
    names = {f.__name__: f for f in (rectangle, ellipse, color_range, luminance_range)}
    assert eval(repr(mask), names) == mask


def test_every_kind_is_tested_here() -> None:
    def kinds(mask: Mask) -> set[str]:
        inner = [value for _, value in mask.options if isinstance(value, Mask)]
        return {mask.kind}.union(*map(kinds, inner))

    assert set().union(*map(kinds, MASKS)) == set(DRAWN)


def test_masks_combine_with_whatever_a_mask_may_be() -> None:
    top, values = rectangle(0, 0, 1, 0.5, soft=0), np.eye(40, 60)
    want = top.of(PICTURE) * as_mask(values).of(PICTURE)
    for both in (top & values, values & top, top & torch.from_numpy(values)):
        assert both.of(PICTURE).equal(want)
    either = (values | top).of(PICTURE)
    assert either.equal((top | values).of(PICTURE)) and either[..., :20, :].min() == 1


def test_a_mask_shows_itself_on_a_picture() -> None:
    picture = load_image("castle", 64)
    found = rectangle(0, 0, 1, 0.5, soft=0).shown(picture)
    assert found[..., :20, :].equal(picture[..., :20, :])
    assert found[..., -20:, :].equal(0.25 * picture[..., -20:, :])
    with pytest.raises(ValueError, match="picture is a str; expected a tensor"):
        CORNER.of("castle")


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="The mask 'star' is not known; known are rectangle"):
        Mask.from_data({"kind": "star"})


PNG = dict(MASKS[-1].options)["png"]


@pytest.mark.parametrize(
    "data",
    [
        {"kind": "rectangle", "left": "0", "top": 0, "right": 1, "bottom": 1},
        {"kind": "ellipse", "left": 0, "top": 0, "right": 9, "bottom": 1},
        {"kind": "ellipse", "left": 0},
        {"kind": "rectangle", "left": 0, "top": 0, "right": 1, "bottom": 1, "angle": 3},
        {"kind": "color_range", "color": [1, 2]},
        {"kind": "luminance_range", "low": None},
        {"kind": "drawn", "png": PNG[: len(PNG) // 2]},
        {"kind": "drawn", "png": 3},
        {"kind": "both", "one": {"kind": "drawn", "png": PNG}, "other": "cat"},
        {"kind": "inverse", "mask": 0.5},
    ],
    ids=repr,
)
def test_plain_data_that_no_mask_has_is_refused(data: dict) -> None:
    with pytest.raises(ValueError):
        Mask.from_data(data)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_values_stay_in_the_range_for_any_picture(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    size = torch.randint(2, 40, (2,), generator=generator).tolist()
    picture = torch.rand(1, 3, *size, generator=generator)
    for mask in MASKS[:-1]:
        found = mask.of(picture)
        assert found.shape == (1, 1, *size) and 0 <= found.min() <= found.max() <= 1


# ---------------------------------------------------------------- given


VALUES = torch.rand(4, 6, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    "given_mask",
    [
        VALUES,
        VALUES[None, None],
        VALUES.numpy(),
        VALUES.double().numpy()[None],
        VALUES.numpy()[..., None],
        VALUES.numpy().astype(">f8"),
        np.flipud(np.flipud(VALUES.numpy()).copy()),
        VALUES.tolist(),
    ],
    ids=["tensor", "4-D", "array", "float64", "last", "other bytes", "backwards", "lists"],
)
def test_numbers_are_kept_with_8_bits(given_mask: object) -> None:
    found = as_mask(given_mask).of(torch.zeros(1, 3, 4, 6))[0, 0]
    assert found.equal(VALUES.mul(255).round() / 255)


def test_booleans_are_zero_and_one() -> None:
    found = as_mask(np.array([[True, False], [False, True]])).of(torch.zeros(1, 3, 2, 2))[0, 0]
    assert found.equal(torch.eye(2))


def test_a_picture_counts_by_its_luminance(tmp_path: Path) -> None:
    picture = load_image("castle", 64)
    path = save_image(picture, tmp_path / "mask.png")
    found = as_mask(path).of(picture)
    torch.testing.assert_close(found, luminance(picture), atol=1 / 255, rtol=0)
    with Image.open(path) as opened:
        assert as_mask(opened).of(picture).equal(found)
    assert as_mask("castle").of(picture).shape == found.shape


def test_a_loaded_picture_counts_by_its_luminance_too() -> None:
    picture = load_image("castle", 64)
    torch.testing.assert_close(as_mask(picture).of(picture), luminance(picture), atol=2e-3, rtol=0)
    white = torch.ones(1, 3, 4, 6)
    assert as_mask(white).of(white).min() == 1
    with pytest.raises(ValueError, match="lie in \\[255, 255\\]; expected"):
        as_mask(255 * white)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_is_black(mode: str, tmp_path: Path) -> None:
    """A selection that a painting program exports: white where it is, nothing elsewhere."""
    selection = Image.new("RGBA", (60, 40), (255, 255, 255, 0))
    selection.paste((255, 255, 255, 255), (0, 0, 30, 40))
    path = tmp_path / "selection.png"
    selection.convert(mode).save(path)
    want = torch.zeros(1, 1, 40, 60)
    want[..., :30] = 1
    for given_mask in (path, selection.convert(mode)):
        assert as_mask(given_mask).of(PICTURE).equal(want)


@pytest.mark.parametrize("tolerance", [0.01, 0.02, 0.2])
def test_the_color_itself_counts_in_full_however_narrow_the_range(tolerance: float) -> None:
    flat = torch.full((1, 3, 30, 30), 0.5)
    assert color_range((0.5, 0.5, 0.5), tolerance).of(flat).min() > 0.9999


def test_a_drawn_mask_is_made_again_by_its_code() -> None:
    import nstkit

    mask = as_mask(VALUES)
    assert eval(mask.code("nstkit."), {"nstkit": nstkit}) == mask
    for wrong in ("", "no base64!", "aGVsbG8="):
        with pytest.raises(ValueError, match="expected a PNG in base64"):
            from_png(wrong)


def test_a_mask_of_another_size_is_resized_and_of_another_shape_refused() -> None:
    mask = as_mask(CORNER.of(PICTURE))
    small = mask.of(torch.zeros(1, 3, 20, 30))
    assert small.shape == (1, 1, 20, 30) and small.mean().item() == pytest.approx(0.25, abs=0.02)
    with pytest.raises(ValueError, match="The mask has 60 x 40 px, and the picture has 40 x 60"):
        mask.of(torch.zeros(1, 3, 60, 40))


def test_a_file_is_read_once_and_its_size_does_not_matter() -> None:
    file = io.BytesIO()
    Image.new("L", (600, 400), 255).save(file, "PNG")
    torch.testing.assert_close(as_mask(file).of(PICTURE), torch.ones(1, 1, 40, 60))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (torch.rand(2, 4, 6), "shape \\(2, 4, 6\\); expected \\(H, W\\)"),
        (torch.rand(5), "shape \\(5,\\); expected"),
        (torch.full((4, 6), 255), "lie in \\[255, 255\\]; expected \\[0, 1\\]. Divide by 255"),
        (torch.full((4, 6), float("nan")), "lie in \\[nan, nan\\]; expected"),
        (None, "mask is None; expected a picture, an array, or a mask"),
        (0.5, "mask is 0.5; expected a picture"),
    ],
)
def test_what_is_no_mask_is_refused(wrong: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        as_mask(wrong)


def test_masks_follow_dtype_and_device_of_the_picture() -> None:
    for mask in MASKS[:-1]:
        assert mask.of(PICTURE.double()).dtype == torch.float64
