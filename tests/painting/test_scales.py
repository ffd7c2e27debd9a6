"""Painting coarse to fine."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from nstkit import DEFAULT, VGG, Objective, Recipe, load_image, optimize, stylize
from nstkit.painting.scales import (
    BEGINNING,
    COARSEST,
    Scale,
    coarse_to_fine,
    done,
    last_index,
    next_scale,
    scale_factors,
    steps_left,
    work,
)
from nstkit.pictures.scene import Scene
from nstkit.pictures.sizes import resize

QUICK = Recipe(beta=10, style_layers=["relu1_1", "relu2_1"], content_layers="relu2_2", steps=3)


def test_one_scale_is_plain_optimization(cat: Tensor, wave: Tensor, vgg: VGG) -> None:
    plain = [*optimize(Objective.of(cat, wave, vgg, QUICK), cat, QUICK.optimizer, steps=3)]
    scaled = [*coarse_to_fine(Scene.of(cat, wave), vgg, QUICK)]
    assert [s.index for s in scaled] == [0, 1, 2, 3] and [s.note for s in scaled] == [""] * 4
    assert all(torch.equal(a.image, b.image) for a, b in zip(plain, scaled, strict=True))


def test_each_scale_begins_with_the_painting_of_the_one_before(
    cat: Tensor, wave: Tensor, vgg: VGG
) -> None:
    run = [*coarse_to_fine(Scene.of(cat, wave), vgg, QUICK.replace(scales=(45, 64)))]
    assert [s.index for s in run] == list(range(8))
    assert [s.note for s in run if s.note] == ["45 x 30 px", "64 x 43 px"]
    assert all(s.image.shape == cat.shape for s in run)
    assert [s.seconds for s in run] == sorted(s.seconds for s in run)

    small = [resize(picture, *size) for picture, size in ((cat, (30, 45)), (wave, (34, 51)))]
    coarse = [*optimize(Objective.of(*small, vgg, QUICK), small[0], steps=3)]
    best = min(coarse, key=lambda step: step.losses.total)
    assert run[3].losses.total == coarse[-1].losses.total
    assert torch.equal(run[4].image, resize(best.image, *cat.shape[-2:]))


@pytest.mark.parametrize("detail", [0.0, 0.25, 1.0])
def test_a_larger_scale_begins_with_a_share_of_the_photographs_finer_detail(
    detail: float, cat: Tensor, wave: Tensor, vgg: VGG
) -> None:
    """Where nothing is painted, all of the detail gives the photograph back."""
    recipe = QUICK.replace(scales=(45, 64), steps=0, detail=detail)
    *_, last = coarse_to_fine(Scene.of(cat, wave), vgg, recipe)
    blurred = resize(resize(cat, 30, 45), *cat.shape[-2:])
    expected = (1 - detail) * blurred + detail * cat
    torch.testing.assert_close(last.image, expected, atol=1e-6, rtol=0)
    assert (blurred - cat).abs().max() > 0.1


@pytest.mark.parametrize("grain", [0, 0.1])
def test_a_larger_scale_begins_with_painting_detail_and_grain_to_the_bit(
    grain: float, cat: Tensor, wave: Tensor, vgg: VGG
) -> None:
    recipe = QUICK.replace(scales=(45, 64), steps=1, detail=0.3, grain=grain)
    run = [*coarse_to_fine(Scene.of(cat, wave), vgg, recipe, seed=7)]
    small = [resize(picture, *size) for picture, size in ((cat, (30, 45)), (wave, (34, 51)))]
    *_, coarse = optimize(Objective.of(*small, vgg, QUICK), small[0], steps=1)
    size = cat.shape[-2:]
    begin = resize(coarse.image, *size) + 0.3 * (cat - resize(small[0], *size))
    if grain:
        begin = begin + grain * torch.randn(cat.shape, generator=torch.Generator().manual_seed(7))
    assert torch.equal(run[2].image, begin.clamp(0, 1))


def test_larger_scales_may_have_an_optimizer_of_their_own(
    cat: Tensor, wave: Tensor, vgg: VGG
) -> None:
    recipe = QUICK.replace(scales=(45, 64), steps=2, finer_optimizer="adam")
    run = [*coarse_to_fine(Scene.of(cat, wave), vgg, recipe)]
    alone = [*coarse_to_fine(Scene.of(cat, wave), vgg, QUICK.replace(scales=(45, 64), steps=2))]
    assert [torch.equal(a.image, b.image) for a, b in zip(run, alone, strict=True)] == [
        *[True] * 4, *[False] * 2
    ]  # fmt: skip
    adam = [*optimize(Objective.of(cat, wave, vgg, QUICK), run[3].image, "adam", steps=2)]
    assert all(torch.equal(a.image, b.image) for a, b in zip(run[3:], adam, strict=True))


@pytest.mark.long
def test_pixels_get_farther_than_frequencies_where_a_smaller_painting_was_enlarged() -> None:
    """The castle is sharp and the artwork soft, so what is left to paint is fine; measured 0.93."""
    pair = [load_image(name, 112) for name in ("castle", "seashore")]
    recipe = DEFAULT.replace(scales=(64, 112), steps=(10, 8))
    total = {
        optimizer: stylize(
            *pair, recipe.replace(finer_optimizer=optimizer), progress=False
        ).history[-1].losses.total
        for optimizer in (DEFAULT.finer_optimizer, DEFAULT.optimizer)
    }  # fmt: skip
    assert total[DEFAULT.finer_optimizer] < 0.97 * total[DEFAULT.optimizer], total


@pytest.mark.parametrize("name", ["detail", "grain"])
@pytest.mark.parametrize("wrong", [1.5, -0.1, float("nan"), "much"])
def test_detail_and_grain_are_numbers_from_0_to_1(name: str, wrong: object) -> None:
    with pytest.raises(ValueError, match=f"{name} is .*{wrong}"):
        Recipe(**{name: wrong})


def test_grain_is_that_of_the_seed_and_of_larger_scales_alone(
    cat: Tensor, wave: Tensor, vgg: VGG
) -> None:
    recipe = QUICK.replace(scales=(45, 64), steps=1, grain=0.05)
    runs = [[*coarse_to_fine(Scene.of(cat, wave), vgg, recipe, seed=seed)] for seed in (0, 0, 1)]
    first, same, other = ([step.image for step in run] for run in runs)
    assert all(torch.equal(a, b) for a, b in zip(first, same, strict=True))
    assert [torch.equal(a, b) for a, b in zip(first, other, strict=True)] == [
        *[True] * 2, *[False] * 2
    ]  # fmt: skip
    smooth = [*coarse_to_fine(Scene.of(cat, wave), vgg, recipe.replace(grain=0), seed=0)]
    assert (first[2] - smooth[2].image).std().item() == pytest.approx(0.05, rel=0.1)


SIDES = [[], [64, 40], [40, 40], [16, 64], [40.0, 64]]
SHARES = [[0.5, 0.25, 1], [0, 1], [0.5, 1.5], [0.5, "1"]]


@pytest.mark.parametrize("scales", [*SIDES, *SHARES, 0, True, "64"])
def test_scales_that_make_no_sense_are_told(scales: object) -> None:
    with pytest.raises(ValueError, match="scales"):
        Recipe(scales=scales)


def test_sides_in_px_that_are_too_small_are_told(cat: Tensor, wave: Tensor, vgg: VGG) -> None:
    with pytest.raises(ValueError, match="32 x 22 px; expected 24 px or more"):
        next(coarse_to_fine(Scene.of(cat, wave), vgg, QUICK.replace(scales=(32, 64))))


def test_scales_are_factors_of_sqrt_2_or_shares_or_sides_in_px() -> None:
    assert scale_factors(1, 640, 480) == [1]
    assert scale_factors(3, 640, 480) == pytest.approx([0.5, 0.5**0.5, 1])
    assert scale_factors((160, 480, 640), 640, 480) == [0.25, 0.75, 1]
    assert scale_factors((0.25, 0.5, 1.0), 640, 480) == [0.25, 0.5, 1]
    assert scale_factors((0.25, 0.5, 1.0), 3 * COARSEST, 2 * COARSEST) == [0.5, 1]
    assert scale_factors((0.25, 0.5, 1.0), 40, 30) == [1]
    with pytest.raises(ValueError, match="last of scales is 48 px"):
        scale_factors((16, 48), 64, 48)


def test_of_a_number_of_scales_those_too_small_to_be_worth_painting_are_left_out() -> None:
    assert scale_factors(3, 3 * COARSEST, 2 * COARSEST) == pytest.approx([0.5, 0.5**0.5, 1])
    assert scale_factors(3, 3 * COARSEST, 2 * COARSEST - 2) == pytest.approx([0.5**0.5, 1])
    assert scale_factors(10**9, COARSEST, COARSEST) == scale_factors(5, 40, 30) == [1]


def test_a_small_artwork_leaves_scales_out_too() -> None:
    recipe = QUICK.replace(scales=3)
    assert len(work(recipe, 400, 600)) == len(work(recipe, 400, 600, style=500)) == 3
    assert [s.factor for s in work(recipe, 400, 600, style=COARSEST)] == [1]


# ------------------------------------------------------------------ the steps of each scale
def test_each_scale_has_its_own_number_of_steps(cat: Tensor, wave: Tensor, vgg: VGG) -> None:
    run = [
        *coarse_to_fine(
            Scene.of(cat, wave), vgg, QUICK.replace(scales=(40, 52, 64), steps=(3, 0, 1))
        )
    ]
    assert [s.index for s in run] == list(range(7))
    starts = {s.index: s.note for s in run if s.note}
    assert starts == {0: "40 x 27 px", 4: "52 x 35 px", 5: "64 x 43 px"}


def test_the_coarsest_scale_that_is_left_has_the_most_steps() -> None:
    recipe = QUICK.replace(scales=3, steps=(4, 3, 2))
    assert [s.steps for s in work(recipe, 512, 512)] == [4, 3, 2]
    assert [s.steps for s in work(recipe, 100, 120)] == [4, 3]
    assert [s.steps for s in work(recipe, 40, 40)] == [4]


def test_work_goes_with_pixels_and_with_steps_and_what_a_scale_begins_with() -> None:
    coarse, fine = work(QUICK.replace(scales=(200, 400), steps=(6, 0)), 300, 400)
    assert coarse[:4] == (150, 200, 0.5, 6) and fine[:4] == (300, 400, 1, 0)
    assert coarse.pixels == 150 * 200 * (6 + BEGINNING) and fine.pixels == 300 * 400 * BEGINNING
    (alone,) = work(QUICK, 300, 400)
    assert alone == (300, 400, 1, 3, 300 * 400 * (3 + BEGINNING))
    (tiled,) = work(QUICK, 300, 400, pixels=lambda height, width: height + width)
    assert tiled.pixels == 700 * (3 + BEGINNING)


def test_the_work_done_rises_to_all_of_it_by_the_pixels_of_each_step() -> None:
    scales = work(QUICK.replace(scales=(50, 100), steps=(2, 1)), 100, 100)
    found = [done(scales, index) for index in range(last_index(scales) + 1)]
    coarse = 50 * 50
    begun, steps = found[0], [b - a for a, b in itertools.pairwise(found)]
    assert begun == pytest.approx(BEGINNING * coarse)
    fine = 100 * 100
    assert steps == pytest.approx([coarse, coarse, BEGINNING * fine, fine])
    assert found[-1] == pytest.approx(sum(scale.pixels for scale in scales))
    assert done(scales, 99) == found[-1]


@pytest.mark.parametrize(
    ("scales", "steps"), [(1, 1), (2, 1), ((40, 64), 1), ((40, 64), (2, 0)), (3, (2, 1, 0))]
)
def test_the_last_index_is_known_beforehand(
    scales: object, steps: object, cat: Tensor, wave: Tensor, vgg: VGG
) -> None:
    recipe = QUICK.replace(scales=scales, steps=steps)
    *_, last = coarse_to_fine(Scene.of(cat, wave), vgg, recipe)
    assert last.index == last_index(work(recipe, *cat.shape[-2:]))


def test_a_scale_hands_over_to_the_next_after_its_steps() -> None:
    coarse, middle, fine = scales = work(QUICK.replace(scales=3, steps=(2, 0, 1)), 512, 512)

    def following(scale: Scale, steps: int) -> tuple[Scale | None, int]:
        return next_scale(scales, scale.factor, steps), steps_left(scales, scale.factor, steps)

    assert [following(coarse, n) for n in (0, 2, 3)] == [(None, 5), (middle, 3), (middle, 3)]
    assert following(middle, 0) == (fine, 2)
    assert [following(fine, n) for n in (0, 1, 9)] == [(None, 1), (None, 0), (None, 0)]
    between = middle._replace(factor=0.6)  # of another artwork, which had other scales
    assert following(between, 0) == (middle, 3)
