"""stylize: the three lines, its options, interruption, snapshots."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest
import torch
from PIL import Image
from torch import Tensor

from nstkit import (
    DEFAULT,
    PORTRAIT,
    QUALITIES,
    VGG,
    Recipe,
    Result,
    Step,
    load_image,
    sample_path,
    stylize,
)
from nstkit.descent.solver import FIRST_MOVE
from nstkit.judges import judge
from nstkit.pictures.color import match_colors
from nstkit.pictures.sizes import resize
from nstkit.vgg.fast import to_paint

# What costs little: two layers, three updates.
QUICK = Recipe(style_layers=["relu1_1", "relu2_1"], content_layers="relu2_2", steps=3)


@pytest.fixture(scope="module")
def result() -> Result:
    return stylize("cat", "great_wave", size=64, steps=12, keep=(0, 5), progress=False)


def test_a_painting_is_nearer_to_both_targets_than_where_it_began(result: Result) -> None:
    first, last = result.history[0].losses, result.history[-1].losses
    assert last.total < 0.4 * first.total and last.terms["style"] < 0.4 * first.terms["style"]
    assert result.image.shape == (1, 3, 43, 64) and result.image.dtype == torch.float32
    assert result.image.min() >= 0 and result.image.max() <= 1
    assert not result.image.requires_grad


@pytest.mark.long
def test_a_portrait_keeps_more_of_a_face_and_paints_it_all_the_same() -> None:
    face = resize(load_image("astronaut")[..., :220, 120:340], 128, 128)
    by = {
        recipe: stylize(face, "starry_night", recipe.replace(steps=8, scales=1), progress=False)
        for recipe in (DEFAULT, PORTRAIT)
    }
    default, portrait = (by[recipe].judge() for recipe in (DEFAULT, PORTRAIT))
    unpainted = judge(face, face, by[PORTRAIT].style)
    assert portrait.content < 0.95 * default.content
    assert portrait.style < 0.6 * unpainted.style


def test_the_result_tells_how_it_came_about(result: Result) -> None:
    assert [record.index for record in result.history] == list(range(13))
    assert result.recipe == DEFAULT.replace(steps=12)
    assert result.seed == 0 and not result.interrupted and result.seconds > 0
    assert result.precision in ("fp32", "bf16")
    assert "64 x 43 px, 12 steps" in repr(result)


def test_kept_steps_are_the_pictures_of_these_steps(result: Result) -> None:
    assert list(result.snapshots) == [0, 5]
    start = match_colors(load_image("cat", 64), load_image("great_wave", 64), gain=2)
    assert torch.equal(result.snapshots[0], start)
    assert (result.snapshots[5] - result.snapshots[0]).abs().mean() > 0.001


def test_names_paths_pictures_and_tensors_give_the_same_painting(cat: Tensor, network: VGG) -> None:
    options = {"recipe": QUICK, "steps": 2, "size": 64, "vgg": network, "progress": False}
    want = stylize("cat", "scream", **options).image
    with Image.open(sample_path("scream")) as picture:
        picture.load()
    for content, style in (
        (sample_path("cat"), str(sample_path("scream"))),
        (cat, picture),
        (cat, load_image("scream", size=64)),
    ):
        assert torch.equal(stylize(content, style, **options).image, want)


def test_seeds_repeat_noise_starts(vgg: VGG, cat: Tensor, wave: Tensor) -> None:
    recipe = QUICK.replace(start="noise")
    runs = [stylize(cat, wave, recipe, seed=s, vgg=vgg, progress=False) for s in (1, 1, 2)]
    assert torch.equal(runs[0].image, runs[1].image)
    assert not torch.equal(runs[0].image, runs[2].image) and runs[2].seed == 2


def test_a_start_is_a_picture_or_a_name(vgg: VGG, cat: Tensor, wave: Tensor) -> None:
    options = {"steps": 1, "keep": [0], "vgg": vgg, "progress": False}
    run = stylize(cat, wave, QUICK, start=cat.flip(3), **options)
    assert torch.equal(run.snapshots[0], cat.flip(3)) and run.recipe.start == "given"
    run = stylize(cat, wave, QUICK, start="white", **options)
    assert (run.snapshots[0] == 1).all() and run.recipe.start == "white"
    named = stylize(cat, wave, QUICK, start="noise", seed=3, **options)
    of_recipe = stylize(cat, wave, QUICK.replace(start="noise"), seed=3, **options)
    assert torch.equal(named.image, of_recipe.image) and named.recipe == of_recipe.recipe


@pytest.mark.parametrize("start", ["black", "given", "wide", 7])
def test_a_start_that_fits_not_is_told(start: object, vgg: VGG, cat: Tensor, wave: Tensor) -> None:
    start = wave if start == "wide" else start
    with pytest.raises(
        ValueError, match="start is .* expected a picture of shape .*content, noise"
    ):
        stylize(cat, wave, QUICK, start=start, vgg=vgg, progress=False)


def test_the_callback_sees_every_step_and_may_end_the_run(
    vgg: VGG, cat: Tensor, wave: Tensor
) -> None:
    seen: list[int] = []

    def stop_at_3(step: Step) -> bool:
        seen.append(step.index)
        return step.index == 3

    run = stylize(cat, wave, QUICK, steps=9, vgg=vgg, callback=stop_at_3, progress=False)
    assert seen == [0, 1, 2, 3] and run.interrupted and run.history[-1].index == 3
    run = stylize(cat, wave, QUICK, steps=2, vgg=vgg, callback=lambda step: 1, progress=False)
    assert not run.interrupted  # 1 is not True: a callback may return what it likes


def test_ctrl_c_keeps_the_best_picture(vgg: VGG, cat: Tensor, wave: Tensor) -> None:
    steps: list[Step] = []

    def interrupt(step: Step) -> None:
        steps.append(step)
        if step.index == 4:
            raise KeyboardInterrupt

    run = stylize(cat, wave, QUICK, steps=9, vgg=vgg, callback=interrupt, progress=False)
    best = min(steps, key=lambda step: step.losses.total)
    assert run.interrupted and torch.equal(run.image, best.image) and len(run.history) == 5


def test_ctrl_c_inside_a_step_keeps_the_best_picture(cat: Tensor, wave: Tensor) -> None:
    class Interrupted(VGG):
        calls = 0

        def forward(self, image: Tensor, layers: object) -> dict[str, Tensor]:
            self.calls += 1
            if self.calls == 6:  # two passes for the targets, then a step each
                raise KeyboardInterrupt
            return super().forward(image, layers)

    run = stylize(cat, wave, QUICK, steps=9, vgg=Interrupted(), progress=False)
    assert run.interrupted and run.history[-1].index == 2


def test_ctrl_c_before_any_picture_is_passed_on(cat: Tensor, wave: Tensor) -> None:
    class Interrupted(VGG):
        def forward(self, image: Tensor, layers: object) -> dict[str, Tensor]:
            if image.requires_grad:
                raise KeyboardInterrupt
            return super().forward(image, layers)

    with pytest.raises(KeyboardInterrupt):
        stylize(cat, wave, QUICK, vgg=Interrupted(), progress=False)


def test_the_best_picture_is_returned_not_the_last(vgg: VGG, cat: Tensor, wave: Tensor) -> None:
    # Far too high a learning rate makes Adam bounce: the last picture is not the best.
    recipe = QUICK.replace(optimizer="adam", learning_rate=0.8, steps=6)
    steps: list[Step] = []
    run = stylize(cat, wave, recipe, vgg=vgg, callback=steps.append, progress=False)
    best = min(steps, key=lambda step: step.losses.total)
    assert best.index < 6 and torch.equal(run.image, best.image)
    assert run.best.index == best.index and f"total {best.losses.total:.4g}" in repr(run)


def test_the_bar_shows_the_losses(
    vgg: VGG, cat: Tensor, wave: Tensor, capsys: pytest.CaptureFixture
) -> None:
    stylize(cat, wave, QUICK, steps=2, vgg=vgg)
    shown = capsys.readouterr().err
    assert "step 2/2" in shown and "100%" in shown
    assert "content=" in shown and "style=" in shown and "variation=" in shown
    stylize(cat, wave, QUICK, steps=1, vgg=vgg, progress=False)
    assert capsys.readouterr().err == ""


def test_a_term_of_weight_0_is_absent_from_losses_and_bar(
    vgg: VGG, cat: Tensor, wave: Tensor, capsys: pytest.CaptureFixture
) -> None:
    run = stylize(cat, wave, QUICK.replace(tv=0), steps=1, vgg=vgg)
    assert list(run.best.losses.terms) == ["content", "style"]
    shown = capsys.readouterr().err
    assert "style=" in shown and "variation" not in shown and "tv" not in shown


class Failing(VGG):
    """A network whose features are no numbers in one pass of many."""

    passes = 0

    def forward(self, x: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        self.passes += 1
        features = super().forward(x, layers)
        return {n: f * (torch.nan if self.passes == 6 else 1) for n, f in features.items()}


@pytest.mark.parametrize("progress", [True, False])
def test_a_restart_is_told_beside_the_bar_and_nowhere_else(
    progress: bool, cat: Tensor, wave: Tensor, capsys: pytest.CaptureFixture
) -> None:
    run = stylize(cat, wave, QUICK, steps=6, vgg=Failing(), progress=progress)
    assert any("back to step" in record.note for record in run.history)
    said = capsys.readouterr()
    assert said.out == "" and ("back to step" in said.err) == progress
    assert progress or said.err == ""


def test_the_bar_counts_the_steps_of_all_scales(
    vgg: VGG, cat: Tensor, wave: Tensor, capsys: pytest.CaptureFixture
) -> None:
    stylize(cat, wave, QUICK, scales=[45, 64], vgg=vgg)
    shown = capsys.readouterr()
    assert "step 7/7" in shown.err and "100%" in shown.err and shown.out == ""
    assert "45 x 30 px" in shown.err and "64 x 43 px" in shown.err
    stylize(cat, wave, QUICK, scales=[45, 64], vgg=vgg, progress=False)
    assert capsys.readouterr() == ("", "")


def test_the_bar_counts_work_and_not_steps(
    vgg: VGG, cat: Tensor, wave: Tensor, capsys: pytest.CaptureFixture
) -> None:
    """Half of the steps are made at 36 px, which has a third of the pixels of 64 px."""
    seen: list[str] = []

    def read(step: Step) -> None:
        seen.append(capsys.readouterr().err)

    stylize(cat, cat, QUICK, scales=[36, 64], vgg=vgg, callback=read)
    last = capsys.readouterr().err
    percents = [int(p) for p in re.findall(r"(\d+)%", "".join([*seen, last]))]
    assert percents == sorted(percents) and percents[-1] == 100
    assert max(int(p) for text in seen[:4] for p in re.findall(r"(\d+)%", text)) < 30


def test_bf16_paints_with_torchs_own_bfloat16() -> None:
    pair = "cat", "great_wave", QUICK
    run = stylize(*pair, size=48, steps=1, precision="bf16", progress=False)
    assert run.precision == "bf16" and run.image.dtype == torch.float32
    assert run.history[1].losses.total < run.history[0].losses.total
    exact = stylize(*pair, size=48, steps=1, precision="fp32", progress=False)
    assert exact.precision == "fp32" and not torch.equal(exact.image, run.image)
    assert (exact.image - run.image).abs().mean() < FIRST_MOVE / 2


def test_too_small_pictures_are_told(wave: Tensor) -> None:
    with pytest.raises(ValueError, match="too small for relu4_2: each side needs at least 8 px"):
        stylize(torch.rand(1, 3, 7, 40), wave, progress=False)
    with pytest.raises(ValueError, match="at least 16 px"):
        stylize(torch.rand(1, 3, 40, 40), torch.rand(1, 3, 15, 40), progress=False)


@pytest.mark.parametrize(
    "wrong", [lambda t: t * 255, lambda t: t * 2 - 1, lambda t: t * float("nan")]
)
def test_pictures_out_of_range_are_told(wrong: object, vgg: VGG, cat: Tensor) -> None:
    for pair in ((wrong(cat), cat), (cat, wrong(cat))):
        with pytest.raises(ValueError, match=r"expected \[0, 1\]"):
            stylize(*pair, steps=1, vgg=vgg, progress=False)


def test_a_missing_file_is_told() -> None:
    with pytest.raises(FileNotFoundError, match="no_such_cat"):
        stylize("no_such_cat.jpg", "great_wave", progress=False)


# ------------------------------------------------------------------ size and scales
def test_pictures_are_loaded_for_the_good_quality_unless_told(vgg: VGG) -> None:
    recipe = Recipe(style_layers="relu1_1", alpha=0)
    run = stylize("castle", "bouquet", recipe, steps=0, vgg=vgg, progress=False)
    assert max(run.image.shape) == QUALITIES["good"].size


@pytest.mark.parametrize("in_recipe", [False, True])
def test_a_size_beside_scales_in_px_is_told(in_recipe: bool, vgg: VGG) -> None:
    recipe = QUICK.replace(scales=(40, 64)) if in_recipe else QUICK
    scales = None if in_recipe else [40, 64]
    with pytest.raises(ValueError, match=r"size 64 and scales \[40, 64\].*Leave size out"):
        stylize("cat", "great_wave", recipe, size=64, scales=scales, vgg=vgg, progress=False)


def test_a_size_goes_with_a_number_of_scales(vgg: VGG) -> None:
    recipe = QUICK.replace(steps=1)
    run = stylize("cat", "great_wave", recipe, size=150, scales=2, vgg=vgg, progress=False)
    assert max(run.image.shape) == 150 and run.recipe.scales == 2
    assert [r.note for r in run.history if r.note] == ["106 x 71 px", "150 x 100 px"]


def test_a_picture_too_small_for_all_scales_is_painted_at_those_that_fit(
    cat: Tensor, wave: Tensor, vgg: VGG
) -> None:
    run = stylize(cat, wave, QUICK, scales=3, steps=(9, 8, 1), vgg=vgg, progress=False)
    assert run.recipe.scales == 3 and run.recipe.steps == (9, 8, 1)
    assert [r.note for r in run.history] == [""] * 10


def test_steps_are_one_number_or_one_for_each_scale(cat: Tensor, wave: Tensor, vgg: VGG) -> None:
    options = {"scales": [40, 64], "vgg": vgg, "progress": False}
    run = stylize(cat, wave, QUICK, steps=[2, 1], **options)
    assert run.recipe.steps == (2, 1) and len(run.history) == 5
    assert [r.index for r in run.history if r.note] == [0, 3]
    with pytest.raises(ValueError, match=r"steps are \[2\], and the number of scales is 2"):
        stylize(cat, wave, QUICK, steps=[2], **options)


def test_other_scales_without_steps_begin_with_the_steps_of_the_coarsest(
    cat: Tensor, wave: Tensor, vgg: VGG
) -> None:
    recipe = QUICK.replace(scales=(36, 45, 64), steps=(3, 2, 1))
    options = {"vgg": vgg, "progress": False}
    assert stylize(cat, wave, recipe, scales=1, **options).recipe.steps == 3
    assert stylize(cat, wave, recipe, scales=[45, 64], **options).recipe.steps == (3, 2)


def test_scales_may_be_sides_in_px_and_the_last_is_the_size(vgg: VGG) -> None:
    run = stylize("cat", "great_wave", QUICK, scales=[40, 52, 64], vgg=vgg, progress=False)
    assert max(run.image.shape) == 64 and len(run.history) == 12
    assert [r.note for r in run.history if r.note] == ["40 x 27 px", "52 x 35 px", "64 x 43 px"]
    assert run.recipe.scales == (40, 52, 64)
    assert Recipe.from_json(run.recipe.to_json()) == run.recipe
    again = stylize("cat", "great_wave", run.recipe, vgg=vgg, progress=False)
    assert torch.equal(again.image, run.image)


def test_the_result_is_of_the_full_size_and_its_best_of_the_last_scale(
    cat: Tensor, wave: Tensor, vgg: VGG
) -> None:
    recipe = QUICK.replace(scales=(45, 64))
    run = stylize(cat, wave, recipe, vgg=vgg, progress=False)
    assert run.image.shape == cat.shape and run.recipe == recipe
    assert run.best.index >= 4
    assert run.best.losses.total == min(r.losses.total for r in run.history[4:])
    ended = stylize(cat, wave, recipe, vgg=vgg, progress=False, callback=lambda s: s.index == 2)
    assert ended.interrupted and ended.image.shape == cat.shape


def test_a_given_start_is_painted_coarse_to_fine_too(cat: Tensor, wave: Tensor, vgg: VGG) -> None:
    start = wave[..., : cat.shape[-2], : cat.shape[-1]]
    options = {"scales": [40, 64], "vgg": vgg, "progress": False}
    run = stylize(cat, wave, QUICK, start=start, keep=[0], **options)
    assert len(run.history) == 8 and run.recipe == QUICK.replace(start="given", scales=(40, 64))
    small = resize(start, 27, 40)
    assert torch.equal(run.snapshots[0], resize(small, *cat.shape[-2:]))


def test_a_last_scale_that_is_not_the_tensors_size_is_told(cat: Tensor, vgg: VGG) -> None:
    with pytest.raises(ValueError, match="96 px, and the content's long side has 64 px"):
        stylize(cat, cat, QUICK, scales=[48, 96], vgg=vgg, progress=False)


def test_tiles_paint_the_same_picture(cat: Tensor, wave: Tensor, vgg: VGG) -> None:
    whole, parts = (
        stylize(cat, wave, QUICK, tile=tile, vgg=vgg, progress=False) for tile in (None, 32)
    )
    torch.testing.assert_close(parts.image, whole.image, rtol=0, atol=2e-3)
    assert not torch.equal(parts.image, whole.image)


# ------------------------------------------------------------------ networks and what recipes say
def test_a_given_network_paints_as_it_is_and_the_recipe_names_it(cat: Tensor, wave: Tensor) -> None:
    """The recipe says max pooling; the network that painted did not."""
    average = to_paint(VGG(pooling="avg"))
    options = {"recipe": QUICK, "steps": 1, "progress": False}
    run = stylize(cat, wave, vgg=average, **options)
    assert run.recipe == QUICK.replace(pooling="avg", steps=1)
    again = stylize(cat, wave, run.recipe, precision="fp32", progress=False)
    assert torch.equal(again.image, run.image)
    usual = stylize(cat, wave, precision="fp32", **options)
    assert not torch.equal(usual.image, run.image) and usual.recipe.pooling == "max"


def test_a_given_network_is_left_alone(cat: Tensor, wave: Tensor) -> None:
    own = VGG()
    before = {name: tensor.clone() for name, tensor in own.state_dict().items()}
    stylize(cat, wave, QUICK, steps=1, vgg=own, progress=False)
    assert all(torch.equal(tensor, before[name]) for name, tensor in own.state_dict().items())
    assert next(own.parameters()).is_contiguous()


def test_a_network_of_a_state_dict_must_be_given_again(vgg: VGG, cat: Tensor, wave: Tensor) -> None:
    own = VGG(weights=vgg.state_dict(), preprocessing="caffe")
    run = stylize(cat, wave, QUICK, vgg=own, progress=False)
    assert (run.recipe.weights, run.recipe.preprocessing) == ("given", "caffe")
    with pytest.raises(ValueError, match="network that its painter supplied.*Pass that network"):
        stylize(cat, wave, run.recipe, progress=False)
    again = stylize(cat, wave, run.recipe, vgg=own, progress=False)
    assert torch.equal(again.image, run.image) and again.recipe == run.recipe


def test_a_start_of_the_painters_own_must_be_given_again(
    vgg: VGG, cat: Tensor, wave: Tensor
) -> None:
    run = stylize(cat, wave, QUICK, start=cat.flip(3), vgg=vgg, progress=False)
    saved = Recipe.from_json(run.recipe.to_json())
    assert saved.start == "given"
    with pytest.raises(
        ValueError, match=r"picture that its painter supplied. Pass it, .*content, noise"
    ):
        stylize(cat, wave, saved, vgg=vgg, progress=False)
    again = stylize(cat, wave, saved, start=cat.flip(3), vgg=vgg, progress=False)
    assert torch.equal(again.image, run.image)
    other = stylize(cat, wave, saved, start="content", vgg=vgg, progress=False)
    assert other.recipe.start == "content"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda picture: 255 * picture, "expected \\[0, 1\\]"),
        (lambda picture: (255 * picture).byte(), "of torch.uint8; expected one picture"),
    ],
)
def test_a_start_of_other_values_is_told(
    wrong: object, says: str, vgg: VGG, cat: Tensor, wave: Tensor
) -> None:
    with pytest.raises(ValueError, match=says):
        stylize(cat, wave, QUICK, start=wrong(cat), vgg=vgg, progress=False)


def test_a_batch_is_told_before_it_is_painted(vgg: VGG, cat: Tensor, wave: Tensor) -> None:
    with pytest.raises(ValueError, match="expected one picture"):
        stylize(torch.cat([cat, cat]), wave, QUICK, vgg=vgg, progress=False)


def test_pictures_of_half_precision_paint_at_several_scales(
    vgg: VGG, cat: Tensor, wave: Tensor
) -> None:
    pictures = cat.bfloat16(), wave.half()
    result = stylize(*pictures, QUICK, scales=[45, 64], vgg=vgg, progress=False)
    assert result.image.dtype == torch.float32 and result.image.isfinite().all()


@pytest.mark.parametrize("recipe", [5, {"beta": 3}, None])
def test_what_is_no_recipe_is_told(recipe: object, cat: Tensor, wave: Tensor) -> None:
    with pytest.raises(ValueError, match="expected a Recipe, one of RECIPES, or a name"):
        stylize(cat, wave, recipe, progress=False)


@pytest.mark.parametrize("seed", [None, 1.5, -1, "x", 2**63])
def test_a_seed_that_torch_cannot_take_is_told_for_every_start(
    seed: object, cat: Tensor, wave: Tensor
) -> None:
    with pytest.raises(ValueError, match="seed is"):
        stylize(cat, wave, QUICK, seed=seed, progress=False)
