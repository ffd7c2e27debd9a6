"""Painting coarse to fine."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from nstkit import VGG, Objective, Recipe, optimize
from nstkit.painting.scales import coarse_to_fine, last_index, scale_factors
from nstkit.pictures.sizes import resize

QUICK = Recipe(beta=10, style_layers=["relu1_1", "relu2_1"], content_layers="relu2_2", steps=3)


def test_one_scale_is_plain_optimization(cat: Tensor, wave: Tensor, vgg: VGG) -> None:
    plain = [*optimize(Objective.of(cat, wave, vgg, QUICK), cat, QUICK.optimizer, steps=3)]
    scaled = [*coarse_to_fine(cat, wave, vgg, QUICK)]
    assert [s.index for s in scaled] == [0, 1, 2, 3] and [s.note for s in scaled] == [""] * 4
    assert all(torch.equal(a.image, b.image) for a, b in zip(plain, scaled, strict=True))


def test_each_scale_begins_with_the_painting_of_the_one_before(
    cat: Tensor, wave: Tensor, vgg: VGG
) -> None:
    run = [*coarse_to_fine(cat, wave, vgg, QUICK.replace(scales=2))]
    assert [s.index for s in run] == list(range(8))
    assert [s.note for s in run if s.note] == ["45 x 30 px", "64 x 43 px"]
    assert all(s.image.shape == cat.shape for s in run)
    assert [s.seconds for s in run] == sorted(s.seconds for s in run)

    small = [resize(picture, *size) for picture, size in ((cat, (30, 45)), (wave, (34, 51)))]
    coarse = [*optimize(Objective.of(*small, vgg, QUICK), small[0], steps=3)]
    best = min(coarse, key=lambda step: step.losses.total)
    assert run[3].losses.total == coarse[-1].losses.total
    assert torch.equal(run[4].image, resize(best.image, *cat.shape[-2:]))


@pytest.mark.parametrize("scales", [[], [64, 40], [40, 40], [16, 64], [40.0, 64], 0, True, "64"])
def test_scales_that_make_no_sense_are_told(scales: object) -> None:
    with pytest.raises(ValueError, match="scales"):
        Recipe(scales=scales)


def test_too_many_scales_are_told(cat: Tensor, wave: Tensor, vgg: VGG) -> None:
    with pytest.raises(ValueError, match="32 x 22 px; expected 24 px or more"):
        next(coarse_to_fine(cat, wave, vgg, QUICK.replace(scales=3)))


def test_scales_are_factors_of_sqrt_2_or_sides_in_px() -> None:
    assert scale_factors(1, 64) == [1]
    assert scale_factors(3, 64) == pytest.approx([0.5, 0.5**0.5, 1])
    assert scale_factors((16, 48, 64), 64) == [0.25, 0.75, 1]
    with pytest.raises(ValueError, match="last of scales is 48 px"):
        scale_factors((16, 48), 64)


@pytest.mark.parametrize("scales", [1, 2, (40, 64)])
def test_the_last_index_is_known_beforehand(
    scales: object, cat: Tensor, wave: Tensor, vgg: VGG
) -> None:
    recipe = QUICK.replace(scales=scales, steps=1)
    *_, last = coarse_to_fine(cat, wave, vgg, recipe)
    assert last.index == last_index(recipe)
