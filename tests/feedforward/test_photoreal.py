"""`transfer`'s way "photo": a painting made a photograph again."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import nstkit
from nstkit import as_photo, transfer
from nstkit.feedforward import Coder
from nstkit.feedforward.photoreal import Photoreal
from nstkit.feedforward.transfer import Draft
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
    smoothed, found = smooth(painting, photo), as_photo(painting, photo)
    spread = [picture.std((2, 3)).mean() for picture in (painting, smoothed, found)]
    assert spread[1] < 0.9 * spread[0]
    torch.testing.assert_close(spread[2], spread[0], rtol=0.02, atol=0)
    torch.testing.assert_close(found.mean((2, 3)), painting.mean((2, 3)), rtol=0, atol=0.01)


def test_parts_get_their_colors_back_each_for_itself(pair: tuple[Tensor, Tensor]) -> None:
    photo = pair[0]
    noise = torch.rand(photo[:, :1].shape, generator=torch.Generator().manual_seed(0))
    left = (torch.arange(photo.shape[-1]) < 48).float().expand_as(photo[:, :1])
    painting = 0.25 + 0.25 * photo + left * (0.25 * noise - 0.1)  # contrast on one side only
    found = Photoreal(photo)(painting, [left, 1 - left])
    for part in (slice(0, 48), slice(48, None)):
        spread = [picture[..., part].std((2, 3)).mean() for picture in (found, painting)]
        torch.testing.assert_close(*spread, rtol=0.05, atol=0)
    whole = Photoreal(photo)
    torch.testing.assert_close(whole(painting, [None]), whole(painting))


def test_another_way_forgets_what_smoothing_needed(
    pair: tuple[Tensor, Tensor], coder: Coder
) -> None:
    draft = Draft(*pair, coder=coder)
    first = draft.paint("photo").image
    plain = draft.paint("transport").image
    torch.testing.assert_close(draft.paint("photo").image, first)
    torch.testing.assert_close(first, as_photo(plain, pair[0]))


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
