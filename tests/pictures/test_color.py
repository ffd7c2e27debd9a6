"""Colors moved to those of another picture, and luminance apart: `nstkit.pictures.color`."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nstkit import load_image, samples
from nstkit.pictures.color import (
    COLORS,
    MAPS,
    RIDGE,
    color_map,
    gray,
    keep_colors,
    luminance,
    match_colors,
    match_luminance,
)

FULL = [name for name in MAPS if name != "diagonal"]  # these bring the whole covariance across


def gaussian(size: tuple[int, int], mean: list[float], seed: int, spread: float = 0.02) -> Tensor:
    """Return a picture of random colors with this mean, all well inside the range."""
    generator = torch.Generator().manual_seed(seed)
    mixed = torch.randn(3, 3, generator=generator) @ torch.randn(
        3, size[0] * size[1], generator=generator
    )
    colors = torch.tensor(mean).view(3, 1) + spread * mixed
    return colors.view(1, 3, *size)


def points(picture: Tensor) -> Tensor:
    return picture[0].flatten(1).double()


def mean_and_covariance(colors: Tensor) -> tuple[Tensor, Tensor]:
    return colors.mean(1), torch.cov(colors, correction=0)


def ridge() -> Tensor:
    return RIDGE * torch.eye(3, dtype=torch.float64)


# ---------------------------------------------------------------- maps


@pytest.mark.parametrize("method", MAPS)
@pytest.mark.parametrize("artwork", ["wheat_field", "ink_landscape"])
def test_before_the_clip_mean_and_covariance_are_those_of_the_other(
    method: str, artwork: str
) -> None:
    picture, to = load_image(artwork, 96), load_image("castle", 96)
    A, offset = color_map(picture, to, method)
    mean, S = mean_and_covariance(points(picture))
    target_mean, T = mean_and_covariance(points(to))
    torch.testing.assert_close(A @ mean + offset[:, 0], target_mean, atol=1e-6, rtol=0)
    reached, wanted = A @ (S + ridge()) @ A.mT, T + ridge()
    if method == "diagonal":
        reached, wanted = reached.diagonal(), wanted.diagonal()
    torch.testing.assert_close(reached, wanted, atol=1e-7, rtol=0)


# What POT 0.9.7 found for the two pictures below, by
#   other = ot.da.LinearTransport(reg=RIDGE); other.fit(Xs=colors (N, 3), Xt=colors (M, 3))
# as A = other.A_.T and other.B_[0]. Its import warns on a first run, where warnings are errors.
POT_A = [
    [0.9999798285, -0.1173981669, 0.2026168648],
    [-0.1173981669, 1.1805283311, 0.2399269705],
    [0.2026168648, 0.2399269705, 1.1991679087],
]
POT_OFFSET = [-0.1389685205, -0.1986160846, -0.2580834897]


def test_transport_is_that_of_another_library() -> None:
    A, offset = color_map(load_image("wheat_field", 64), load_image("castle", 48))
    torch.testing.assert_close(A, torch.tensor(POT_A).double(), atol=1e-6, rtol=0)
    torch.testing.assert_close(offset[:, 0], torch.tensor(POT_OFFSET).double(), atol=1e-6, rtol=0)


def test_transport_moves_colors_least() -> None:
    picture, to = load_image("wheat_field", 64), load_image("castle", 64)
    moved = {}
    for method in FULL:
        A, offset = color_map(picture, to, method)
        moved[method] = (A @ points(picture) + offset - points(picture)).square().mean().item()
    assert min(moved, key=moved.get) == "transport" and len(moved) == 3


def test_the_maps_have_the_shapes_that_they_are_named_for() -> None:
    pair = load_image("wheat_field", 64), load_image("castle", 64)
    A = {method: color_map(*pair, method)[0] for method in MAPS}
    torch.testing.assert_close(A["transport"], A["transport"].mT)
    assert torch.linalg.eigvalsh(A["transport"]).min() > 0
    torch.testing.assert_close(A["cholesky"], A["cholesky"].tril())
    torch.testing.assert_close(A["diagonal"], A["diagonal"].diagonal().diag())
    _, S = mean_and_covariance(points(pair[0]))
    values, vectors = torch.linalg.eigh(S + ridge())
    moved = A["analogies"] @ (vectors * values.sqrt() @ vectors.mT)  # T^1/2, by its formula
    torch.testing.assert_close(moved, moved.mT)


def test_transport_there_and_back_is_where_it_began() -> None:
    pair = load_image("wheat_field", 64), load_image("castle", 64)
    there, back = color_map(*pair)[0], color_map(*pair[::-1])[0]
    torch.testing.assert_close(there @ back, torch.eye(3, dtype=torch.float64), atol=1e-6, rtol=0)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(sorted(MAPS)), st.floats(0.1, 3))
def test_no_difference_of_colors_grows_more_than_the_gain(
    seed: int, method: str, gain: float
) -> None:
    pale = gaussian((12, 15), [0.5, 0.5, 0.5], seed, spread=0.01).clamp(0, 1)
    vivid = gaussian((12, 15), [0.5, 0.5, 0.5], seed + 1, spread=0.04).clamp(0, 1)
    free, limited = (color_map(pale, vivid, method, g)[0] for g in (None, gain))
    wanted = torch.linalg.svdvals(free).clamp(max=gain)
    torch.testing.assert_close(torch.linalg.svdvals(limited), wanted, atol=1e-9, rtol=1e-9)
    if (torch.linalg.svdvals(free) <= gain).all():
        torch.testing.assert_close(limited, free)


def test_weights_choose_the_part_whose_colors_count() -> None:
    picture, to = load_image("wheat_field", 64), load_image("castle", 64)
    top = torch.zeros(1, 1, *to.shape[-2:])
    top[..., :20, :] = 1
    for one, other in zip(
        color_map(picture, to, to_where=top), color_map(picture, to[..., :20, :]), strict=True
    ):
        torch.testing.assert_close(one, other, atol=1e-10, rtol=0)
    for one, other in zip(
        color_map(to, picture, where=top), color_map(to[..., :20, :], picture), strict=True
    ):
        torch.testing.assert_close(one, other, atol=1e-10, rtol=0)
    halves = color_map(picture, to, to_where=torch.full_like(top, 0.5))
    torch.testing.assert_close(halves[0], color_map(picture, to)[0], atol=1e-10, rtol=0)


@pytest.mark.parametrize("where", [torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 4, 8)])
def test_weights_that_choose_nothing_or_do_not_fit_are_refused(where: Tensor) -> None:
    picture = torch.rand(1, 3, 8, 8)
    for name in ("where", "to_where"):
        with pytest.raises(ValueError, match="expected weights .1, 1, 8, 8. with a sum above 0"):
            match_colors(picture, picture, **{name: where})


# ---------------------------------------------------------------- pictures


@pytest.mark.parametrize("method", FULL)
def test_a_picture_gets_the_colors_of_another(method: str) -> None:
    picture = gaussian((40, 50), [0.4, 0.5, 0.6], 0, spread=0.03)
    to = gaussian((30, 20), [0.6, 0.4, 0.5], 1, spread=0.015)
    found = mean_and_covariance(points(match_colors(picture, to, method)))
    for one, other in zip(found, mean_and_covariance(points(to)), strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-2)


@pytest.mark.parametrize("method", MAPS)
def test_a_picture_recolored_like_itself_stays(method: str) -> None:
    cat = load_image("cat", 64)
    torch.testing.assert_close(match_colors(cat, cat, method), cat, atol=1e-4, rtol=0)


def test_channels_that_vary_alone_are_scaled_and_shifted() -> None:
    """Independent channels have a diagonal map: the ratio of the deviations."""
    signs = torch.tensor([[1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]]).float()
    deviation, other = torch.tensor([0.1, 0.05, 0.2]), torch.tensor([0.02, 0.1, 0.1])
    picture = (0.5 + deviation[:, None] * signs).view(1, 3, 2, 2)
    to = (0.4 + other[:, None] * signs).view(1, 3, 2, 2)
    for method in MAPS:
        torch.testing.assert_close(match_colors(picture, to, method), to, atol=1e-3, rtol=0)


@pytest.mark.parametrize("method", MAPS)
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_flat_pictures_give_finite_colors_in_the_range(value: float, method: str) -> None:
    flat, wave = torch.full((1, 3, 8, 8), value), load_image("great_wave", 64)
    for one, other in ((flat, wave), (wave, flat), (flat, flat)):
        result = match_colors(one, other, method)
        assert result.isfinite().all() and result.min() >= 0 and result.max() <= 1
    moved = match_colors(flat, wave, method)
    assert (moved.mean((2, 3)) - wave.mean((2, 3))).abs().max() < 0.02


def test_the_noise_of_a_gray_picture_stays_noise() -> None:
    """A scan in black and white has chroma noise of one level, and no colors."""
    still = load_image("cat", 96).mean(1, keepdim=True).expand(1, 3, -1, -1)
    noise = torch.randint(-1, 2, still.shape, generator=torch.Generator().manual_seed(0)) / 255

    def grain(picture: Tensor) -> Tensor:
        chroma = picture - picture.mean(1, keepdim=True)
        return (chroma[..., 1:] - chroma[..., :-1]).abs().mean()

    scan = (still + noise).clamp(0, 1)
    for name in ("scream", "starry_night", "great_wave"):
        for gain in (2.0, 4.0):
            recolored = match_colors(scan, load_image(name, 96), gain=gain)
            assert grain(recolored) < 1.5 * gain * grain(scan)


SHAPES = [torch.rand(3, 8, 8), torch.rand(2, 3, 8, 8), torch.rand(1, 1, 8, 8)]
OTHERS = [torch.ones(1, 3, 8, 8, dtype=torch.uint8), "cat"]


@pytest.mark.parametrize("wrong", [*SHAPES, *OTHERS], ids=lambda w: str(getattr(w, "shape", w)))
@pytest.mark.parametrize(
    ("function", "names"),
    [
        (match_colors, ("picture", "to")),
        (match_luminance, ("picture", "to")),
        (keep_colors, ("painting", "photo")),
    ],
)
def test_what_is_no_picture_is_refused(function: object, names: tuple, wrong: object) -> None:
    pictures = dict.fromkeys(names, torch.rand(1, 3, 8, 8))
    for name in names:
        message = f"^{name} is a .*; expected .* \\(1, 3, height, width\\)"
        with pytest.raises(ValueError, match=message):
            function(**{**pictures, name: wrong})


@pytest.mark.parametrize("value", [math.nan, math.inf, 128.0])
def test_values_outside_the_range_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="values of to lie in .* expected \\[0, 1\\]"):
        match_colors(torch.rand(1, 3, 8, 8), torch.full((1, 3, 8, 8), value))


@pytest.mark.parametrize("options", [{"method": "reinhard"}, {"gain": -1}, {"gain": math.inf}])
def test_unknown_options_are_refused(options: dict) -> None:
    with pytest.raises(ValueError, match="(method|gain) is .*; expected"):
        match_colors(torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 8), **options)


# ---------------------------------------------------------------- luminance


def test_luminance_is_that_of_the_standard() -> None:
    colors = torch.eye(3).view(1, 3, 1, 3)  # red, green, blue
    torch.testing.assert_close(luminance(colors).flatten(), torch.tensor([0.299, 0.587, 0.114]))
    assert luminance(torch.ones(1, 3, 2, 2)).sub(1).abs().max() < 1e-6


def test_a_gray_picture_is_three_times_its_luminance_and_stays() -> None:
    macaw = load_image("macaw", 64)
    once = gray(macaw)
    assert once[:, 0].equal(once[:, 2]) and once[:, :1].equal(luminance(macaw))
    torch.testing.assert_close(gray(once), once)


def test_luminance_gets_mean_and_deviation_of_the_photograph() -> None:
    artwork, photo = load_image("great_wave", 96), load_image("castle", 96)
    found, wanted = match_luminance(artwork, photo), luminance(photo)
    assert found[:, 0].equal(found[:, 1]) and found[:, 0].equal(found[:, 2])
    inside = (found > 0) & (found < 1)  # clamped values spoil both a little
    assert inside.float().mean() > 0.9
    assert abs(found.mean() - wanted.mean()) < 0.01
    assert abs(found[:, 0].std() - wanted.std()) < 0.02


def uv(picture: Tensor) -> Tensor:
    """Return U and V by the rows of the BT.601 matrix."""
    rows = picture.new_tensor([[-0.14713, -0.28886, 0.436], [0.615, -0.51499, -0.10001]])
    return rows @ picture[0].flatten(1)


def test_colors_that_fit_have_the_u_and_v_of_the_photograph() -> None:
    painting, photo = 0.3 + 0.4 * load_image("scream", 64), 0.4 + 0.2 * load_image("macaw", 64)
    photo = photo[..., : painting.shape[2], : painting.shape[3]]
    painting = painting[..., : photo.shape[2], : photo.shape[3]]
    found = keep_colors(painting, photo)
    torch.testing.assert_close(uv(found), uv(photo), atol=1e-3, rtol=0)
    torch.testing.assert_close(luminance(found), luminance(painting), atol=1e-5, rtol=0)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_brightness_is_the_paintings_and_hue_the_photographs_everywhere(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    painting, photo = torch.rand(2, 1, 3, 7, 9, generator=generator)
    found = keep_colors(painting, photo)
    torch.testing.assert_close(luminance(found), luminance(painting), atol=1e-5, rtol=0)
    mine, theirs = uv(found), uv(photo)
    across = mine[0] * theirs[1] - mine[1] * theirs[0]  # 0 if they point the same way
    assert across.abs().max() < 1e-3
    assert (mine.norm(dim=0) <= theirs.norm(dim=0) + 1e-3).all()


def test_a_photograph_keeps_its_own_colors_to_rounding() -> None:
    for name in samples("content"):
        photo = load_image(name, 64)
        torch.testing.assert_close(keep_colors(photo, photo), photo, atol=1e-6, rtol=0)


def test_a_gray_photograph_makes_the_painting_gray() -> None:
    photo = gray(load_image("cat", 64))
    found = keep_colors(load_image("cat", 64).flip(3), photo)
    torch.testing.assert_close(found, gray(found), atol=1e-5, rtol=0)


def test_sizes_must_agree_to_keep_colors() -> None:
    with pytest.raises(ValueError, match="painting is .* and photo .*; expected equal shapes"):
        keep_colors(torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 9))


# ---------------------------------------------------------------- modes


def test_each_mode_paints_after_the_pictures_that_it_says() -> None:
    photo, artwork = load_image("castle", 64), load_image("wheat_field", 64)
    weights = torch.rand(1, 1, *photo.shape[-2:], generator=torch.Generator().manual_seed(0))
    style, match, light = (COLORS[name] for name in ("style", "match", "luminance"))
    assert set(COLORS) == {"style", "match", "luminance"}
    assert style.content(photo) is photo and style.style(artwork, photo, None, None) is artwork
    assert match.content(photo) is photo
    part = match_colors(artwork, photo, to_where=weights)
    assert match.style(artwork, photo, None, weights).equal(part)
    assert light.content(photo).equal(gray(photo))
    assert light.style(artwork, photo, None, None).equal(match_luminance(artwork, photo))
    assert style.finish(artwork, photo) is artwork and match.finish(artwork, photo) is artwork
    painting = artwork[..., : photo.shape[2], : photo.shape[3]]
    photo = photo[..., : painting.shape[2], : painting.shape[3]]
    assert light.finish(painting, photo).equal(keep_colors(painting, photo))
