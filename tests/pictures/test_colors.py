"""Colors moved to those of another picture: `nstkit.pictures.colors`."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from nstkit import load_image
from nstkit.pictures.colors import recolor


def gaussian(size: tuple[int, int], mean: list[float], seed: int, spread: float = 0.02) -> Tensor:
    """Return a picture of random colors with this mean, all well inside the range."""
    generator = torch.Generator().manual_seed(seed)
    mixed = torch.randn(3, 3, generator=generator) @ torch.randn(
        3, size[0] * size[1], generator=generator
    )
    colors = torch.tensor(mean).view(3, 1) + spread * mixed
    return colors.view(1, 3, *size)


def mean_and_covariance(picture: Tensor) -> tuple[Tensor, Tensor]:
    return picture[0].flatten(1).mean(1), torch.cov(picture[0].flatten(1), correction=0)


def test_mean_and_covariance_are_those_of_the_other_picture() -> None:
    picture = gaussian((40, 50), [0.4, 0.5, 0.6], 0, spread=0.03)
    like = gaussian((30, 20), [0.6, 0.4, 0.5], 1, spread=0.015)
    found = mean_and_covariance(recolor(picture, like))
    for one, other in zip(found, mean_and_covariance(like), strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-2)


def test_the_map_is_symmetric_and_positive_so_it_moves_colors_least() -> None:
    picture, like = gaussian((40, 50), [0.3, 0.5, 0.6], 2), gaussian((30, 20), [0.6, 0.4, 0.5], 3)
    x, y = (p[0].flatten(1).double() for p in (picture, recolor(picture, like)))
    x, y = x - x.mean(1, keepdim=True), y - y.mean(1, keepdim=True)
    A = (y @ x.mT) @ torch.linalg.inv(x @ x.mT)
    torch.testing.assert_close(A, A.mT, atol=1e-4, rtol=1e-3)
    assert torch.linalg.eigvalsh((A + A.mT) / 2).min() > 0


def test_a_picture_recolored_like_itself_stays() -> None:
    cat = load_image("cat", 64)
    torch.testing.assert_close(recolor(cat, cat), cat, atol=1e-4, rtol=0)


def test_channels_that_vary_alone_are_scaled_and_shifted() -> None:
    """Independent channels have a diagonal map: the ratio of the deviations."""
    signs = torch.tensor([[1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]]).float()
    deviation, other = torch.tensor([0.1, 0.05, 0.2]), torch.tensor([0.02, 0.1, 0.1])
    picture = (0.5 + deviation[:, None] * signs).view(1, 3, 2, 2)
    like = (0.4 + other[:, None] * signs).view(1, 3, 2, 2)
    torch.testing.assert_close(recolor(picture, like), like, atol=1e-3, rtol=0)


def test_no_difference_of_colors_grows_more_than_twofold() -> None:
    mean = [0.5, 0.5, 0.5]
    pale, vivid = gaussian((40, 50), mean, 0, spread=0.01), gaussian((40, 50), mean, 1, spread=0.05)
    before, after = (p[0].flatten(1) for p in (pale, recolor(pale, vivid)))
    growth = torch.linalg.vector_norm(after.diff(dim=1), dim=0) / torch.linalg.vector_norm(
        before.diff(dim=1), dim=0
    )
    assert 1.5 < growth.max() <= 2.001


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_flat_pictures_give_finite_colors_in_the_range(value: float) -> None:
    flat, wave = torch.full((1, 3, 8, 8), value), load_image("great_wave", 64)
    for one, other in ((flat, wave), (wave, flat), (flat, flat)):
        result = recolor(one, other)
        assert result.isfinite().all() and result.min() >= 0 and result.max() <= 1
    assert (recolor(flat, wave).mean((2, 3)) - wave.mean((2, 3))).abs().max() < 0.02


def test_the_noise_of_a_gray_photograph_stays_unseen() -> None:
    """A scan in black and white has chroma noise of one level, and no colors."""
    gray = load_image("cat", 96).mean(1, keepdim=True).expand(1, 3, -1, -1)
    noise = torch.randint(-1, 2, gray.shape, generator=torch.Generator().manual_seed(0)) / 255

    def grain(picture: Tensor) -> Tensor:
        chroma = picture - picture.mean(1, keepdim=True)
        return (chroma[..., 1:] - chroma[..., :-1]).abs().mean()

    scan = (gray + noise).clamp(0, 1)
    for name in ("scream", "starry_night", "great_wave"):
        assert grain(recolor(scan, load_image(name, 96))) < 3 * grain(scan)


SHAPES = [torch.rand(3, 8, 8), torch.rand(2, 3, 8, 8), torch.rand(1, 1, 8, 8)]
OTHERS = [torch.ones(1, 3, 8, 8, dtype=torch.uint8), "cat"]


@pytest.mark.parametrize("wrong", [*SHAPES, *OTHERS], ids=lambda w: str(getattr(w, "shape", w)))
def test_what_is_no_picture_is_refused(wrong: object) -> None:
    given = {"picture": torch.rand(1, 3, 8, 8), "like": torch.rand(1, 3, 8, 8)}
    for name in given:
        message = f"^{name} is a .*; expected .* \\(1, 3, height, width\\)"
        with pytest.raises(ValueError, match=message):
            recolor(**{**given, name: wrong})


@pytest.mark.parametrize("value", [math.nan, math.inf, 128.0])
def test_values_outside_the_range_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="values of like lie in .* expected \\[0, 1\\]"):
        recolor(torch.rand(1, 3, 8, 8), torch.full((1, 3, 8, 8), value))
