"""Whether lines are where they were: known pictures, turned ones, and chance."""

from __future__ import annotations

import pytest
import torch

from nstkit import load_image
from nstkit.judges import edge_agreement
from nstkit.judges.edges import gradients


@pytest.mark.parametrize(
    "recolored",
    [lambda x: x, lambda x: 1 - x, lambda x: 0.2 + 0.1 * x.mean(1, True).expand_as(x)],
    ids=["itself", "inverted", "pale and gray"],
)
def test_another_color_bends_no_line(recolored) -> None:
    photo = load_image("castle", 128)
    assert edge_agreement(recolored(photo), photo) > 0.97


def test_stripes_agree_by_the_angle_between_them() -> None:
    y, x = torch.meshgrid(*(torch.arange(64.0),) * 2, indexing="ij")

    def stripes(degrees: float) -> torch.Tensor:
        angle = torch.deg2rad(torch.tensor(degrees))
        wave = 0.5 + 0.4 * torch.sin(0.3 * (x * angle.cos() + y * angle.sin()))
        return wave.expand(1, 3, 64, 64)

    for turned, expected in ((0, 1.0), (30, 0.75), (60, 0.25), (90, 0.0)):
        found = edge_agreement(stripes(turned)[..., 4:-4, 4:-4], stripes(0)[..., 4:-4, 4:-4])
        assert found == pytest.approx(expected, abs=0.03)


def test_chance_and_nothing_at_all_agree_by_half() -> None:
    photo = load_image("castle", 128)
    noise = torch.rand(photo.shape, generator=torch.Generator().manual_seed(0))
    assert edge_agreement(noise, photo) == pytest.approx(0.5, abs=0.03)
    assert edge_agreement(torch.full_like(photo, 0.3), photo) == pytest.approx(0.5)
    assert edge_agreement(photo.roll(5, -1), photo) < 0.75


def test_a_gradient_is_that_of_a_plane() -> None:
    y, x = torch.meshgrid(torch.arange(7.0), torch.arange(9.0), indexing="ij")
    found = gradients((0.3 * x - 0.1 * y)[None, None])[0]
    torch.testing.assert_close(found[0, 1:-1, 1:-1], torch.full((5, 7), 0.3))
    torch.testing.assert_close(found[1, 1:-1, 1:-1], torch.full((5, 7), -0.1))


def test_large_pictures_and_other_dtypes_are_judged() -> None:
    photo = load_image("castle", 128)
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        assert edge_agreement(photo.to(dtype), photo.to(dtype)) > 0.97
    with pytest.raises(ValueError, match="pixels up to nan"):
        edge_agreement(photo * torch.nan, photo)
    with pytest.raises(ValueError, match="expected .1, 3, H, W."):
        edge_agreement(torch.cat([photo, photo]), photo)
    for color in (0.7, 0.333):
        with pytest.raises(ValueError, match="one color everywhere"):
            edge_agreement(photo, torch.full_like(photo, color))


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="expected equal sizes"):
        edge_agreement(torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 9))
    with pytest.raises(ValueError, match="one color everywhere"):
        edge_agreement(torch.rand(1, 3, 8, 8), torch.full((1, 3, 8, 8), 0.5))
