"""Painting coarse to fine."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from nstkit import VGG, Objective, Recipe, optimize, stylize
from nstkit.start import coarse_to_fine, resize

QUICK = Recipe(beta=10, style_layers=["relu1_1", "relu2_1"], content_layers="relu2_2", steps=3)


def test_one_scale_is_plain_optimization(cat: Tensor, wave: Tensor, vgg: VGG) -> None:
    plain = [*optimize(Objective(cat, wave, vgg, QUICK), cat, steps=3)]
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
    coarse = [*optimize(Objective(*small, vgg, QUICK), small[0], steps=3)]
    best = min(coarse, key=lambda step: step.losses.total)
    assert run[3].losses.total == coarse[-1].losses.total
    assert torch.equal(run[4].image, resize(best.image, *cat.shape[-2:]))


def test_the_result_is_of_the_full_size_and_its_best_of_the_last_scale(
    cat: Tensor, wave: Tensor, vgg: VGG
) -> None:
    recipe = QUICK.replace(scales=2)
    result = stylize(cat, wave, recipe, vgg=vgg, progress=False)
    assert result.image.shape == cat.shape and result.recipe == recipe
    assert result.best.index >= 4
    assert result.best.losses.total == min(r.losses.total for r in result.history[4:])
    ended = stylize(cat, wave, recipe, vgg=vgg, progress=False, callback=lambda s: s.index == 2)
    assert ended.interrupted and ended.image.shape == cat.shape


def test_a_given_start_is_painted_at_one_scale(cat: Tensor, wave: Tensor, vgg: VGG) -> None:
    result = stylize(cat, wave, QUICK.replace(scales=2), start=cat, vgg=vgg, progress=False)
    assert result.recipe.scales == 1 and len(result.history) == 4


def test_scales_may_be_sides_in_px_and_the_last_is_the_size(vgg: VGG) -> None:
    result = stylize("cat", "great_wave", QUICK, scales=[40, 52, 64], vgg=vgg, progress=False)
    assert max(result.image.shape) == 64 and len(result.history) == 12
    assert [r.note for r in result.history if r.note] == ["40 x 27 px", "52 x 35 px", "64 x 43 px"]
    assert result.recipe.scales == (40, 52, 64)
    assert Recipe.from_json(result.recipe.to_json()) == result.recipe
    again = stylize("cat", "great_wave", result.recipe, vgg=vgg, progress=False)
    assert torch.equal(again.image, result.image)


def test_a_given_start_may_be_painted_coarse_to_fine(cat: Tensor, wave: Tensor, vgg: VGG) -> None:
    start = wave[..., : cat.shape[-2], : cat.shape[-1]]
    options = {"scales": [40, 64], "vgg": vgg, "progress": False}
    result = stylize(cat, wave, QUICK, start=start, keep=[0], **options)
    small = resize(start, 27, 40)
    assert torch.equal(result.snapshots[0], resize(small, *cat.shape[-2:]))


@pytest.mark.parametrize("scales", [[], [64, 40], [40, 40], [16, 64], [40.0, 64], 0, True, "64"])
def test_scales_that_make_no_sense_are_told(scales: object) -> None:
    with pytest.raises(ValueError, match="scales"):
        Recipe(scales=scales)


def test_a_last_scale_that_is_not_the_tensors_size_is_told(cat: Tensor, vgg: VGG) -> None:
    with pytest.raises(ValueError, match="96 px, and the content's long side has 64 px"):
        stylize(cat, cat, QUICK, scales=[48, 96], vgg=vgg, progress=False)


def test_tiles_paint_the_same_picture(cat: Tensor, wave: Tensor, vgg: VGG) -> None:
    whole, parts = (
        stylize(cat, wave, QUICK, tile=tile, vgg=vgg, progress=False) for tile in (None, 32)
    )
    torch.testing.assert_close(parts.image, whole.image, rtol=0, atol=2e-3)
    assert not torch.equal(parts.image, whole.image)


def test_too_many_scales_are_told(cat: Tensor, wave: Tensor, vgg: VGG) -> None:
    with pytest.raises(ValueError, match="32 x 22 px; expected 24 px or more"):
        next(coarse_to_fine(cat, wave, vgg, QUICK.replace(scales=3)))
