"""`transfer`'s way "photo": a painting made a photograph again."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import nstkit
from nstkit import transfer
from nstkit.feedforward import Coder
from nstkit.feedforward.photoreal import Photoreal
from nstkit.judges import edge_agreement
from nstkit.losses.matting import smooth
from nstkit.pictures.color import match_colors


@pytest.fixture(scope="module")
def pair() -> tuple[Tensor, Tensor]:
    return nstkit.load_image("castle", 96), nstkit.load_image("starry_night", 96)


def test_transfer_makes_a_photograph(pair: tuple[Tensor, Tensor], coder: Coder) -> None:
    photo, artwork = pair
    painted, found = (transfer(*pair, how, coder=coder) for how in ("transport", "photo"))
    assert edge_agreement(found.image, photo) > 0.93 > 0.8 > edge_agreement(painted.image, photo)
    expected = match_colors(smooth(painted.image, photo), painted.image)
    torch.testing.assert_close(found.image, expected)
    assert found.facts()["how"] == "photo" and "photo" in found.summary


def test_colors_that_smoothing_has_averaged_come_back(pair: tuple[Tensor, Tensor]) -> None:
    photo = pair[0]
    noise = torch.rand(photo[:, :1].shape, generator=torch.Generator().manual_seed(0))
    painting = 0.25 + 0.25 * photo + 0.25 * noise
    smoothed, found = smooth(painting, photo), Photoreal(photo)(painting)
    spread = [picture.std((2, 3)).mean() for picture in (painting, smoothed, found)]
    assert spread[1] < 0.9 * spread[0]
    torch.testing.assert_close(spread[2], spread[0], rtol=0.02, atol=0)
    torch.testing.assert_close(found.mean((2, 3)), painting.mean((2, 3)), rtol=0, atol=0.01)


@pytest.mark.parametrize("color", ["match", "luminance"])
def test_colors_are_finished_after_it(
    color: str, pair: tuple[Tensor, Tensor], coder: Coder
) -> None:
    photo, _ = pair
    found = transfer(*pair, "photo", color=color, coder=coder).image
    assert edge_agreement(found, photo) > 0.9


def test_a_region_that_is_left_stays_the_photograph(
    pair: tuple[Tensor, Tensor], coder: Coder
) -> None:
    photo, artwork = pair
    regions = [nstkit.Region(nstkit.rectangle(0, 0, 1, 0.5))]
    found = transfer(photo, artwork, "photo", regions=regions, coder=coder).image
    half = photo.shape[-2] // 2
    torch.testing.assert_close(found[..., : half - 4, :], photo[..., : half - 4, :])
    assert (found - photo)[..., half + 2 :, :].abs().mean() > 0.03


def test_a_photograph_of_one_color_is_told(coder: Coder) -> None:
    with pytest.raises(ValueError, match="one color everywhere"):
        transfer(torch.full((1, 3, 64, 64), 0.5), "scream", "photo", coder=coder)
