"""stylize and Result: the three lines, interruption, snapshots, files with their recipe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from IPython.core.formatters import DisplayFormatter
from PIL import Image
from torch import Tensor

import nstkit
from nstkit import DEFAULT, VGG, Recipe, Result, Step, sample, stylize
from nstkit.images import load_image
from nstkit.optimize.solver import FIRST_MOVE


@pytest.fixture(scope="module")
def result() -> Result:
    return stylize("cat", "great_wave", size=64, steps=12, keep=(0, 5), progress=False)


def test_a_given_network_is_left_where_it_is(cat, wave, vgg, monkeypatch):
    """On a machine with a GPU, a network on the CPU paints on the CPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    run = stylize(cat, wave, steps=1, vgg=vgg, progress=False)
    assert run.image.device.type == "cpu"


def test_a_painting_is_nearer_to_both_targets_than_where_it_began(result: Result) -> None:
    first, last = result.history[0].losses, result.history[-1].losses
    assert last.total < 0.4 * first.total and last.terms["style"] < 0.4 * first.terms["style"]
    assert result.image.shape == (1, 3, 43, 64) and result.image.dtype == torch.float32
    assert result.image.min() >= 0 and result.image.max() <= 1
    assert not result.image.requires_grad


def test_the_result_tells_how_it_came_about(result: Result) -> None:
    assert [record.index for record in result.history] == list(range(13))
    assert result.recipe == DEFAULT.replace(steps=12)
    assert result.seed == 0 and not result.interrupted and result.seconds > 0
    assert result.precision in ("float32", "bfloat16")
    assert "64 x 43 px, 12 steps" in repr(result)


def test_kept_steps_are_the_pictures_of_these_steps(result: Result) -> None:
    assert list(result.snapshots) == [0, 5]
    assert torch.equal(result.snapshots[0], load_image("cat", 64))
    assert (result.snapshots[5] - result.snapshots[0]).abs().mean() > 0.001


def test_names_paths_pictures_and_tensors_give_the_same_painting(cat: Tensor) -> None:
    options = {"steps": 2, "size": 64, "progress": False}
    want = stylize("cat", "scream", **options).image
    with Image.open(sample("scream")) as picture:
        picture.load()
    for content, style in (
        (sample("cat"), str(sample("scream"))),
        (cat, picture),
        (cat, load_image("scream", size=64)),
    ):
        assert torch.equal(stylize(content, style, **options).image, want)


def test_seeds_repeat_noise_starts(vgg: VGG, cat: Tensor, wave: Tensor) -> None:
    recipe = Recipe(start="noise", steps=2)
    runs = [stylize(cat, wave, recipe, seed=s, vgg=vgg, progress=False) for s in (1, 1, 2)]
    assert torch.equal(runs[0].image, runs[1].image)
    assert not torch.equal(runs[0].image, runs[2].image) and runs[2].seed == 2


def test_a_given_start_is_used(vgg: VGG, cat: Tensor, wave: Tensor) -> None:
    start = cat.flip(3)
    run = stylize(cat, wave, steps=1, start=start, keep=[0], vgg=vgg, progress=False)
    assert torch.equal(run.snapshots[0], start)
    with pytest.raises(ValueError, match="expected a picture of shape"):
        stylize(cat, wave, start=wave, vgg=vgg, progress=False)
    with pytest.raises(ValueError, match="start is 'noise'; .*recipe.replace"):
        stylize(cat, wave, start="noise", vgg=vgg, progress=False)


def test_the_callback_sees_every_step_and_may_end_the_run(
    vgg: VGG, cat: Tensor, wave: Tensor
) -> None:
    seen: list[int] = []

    def stop_at_3(step: Step) -> bool:
        seen.append(step.index)
        return step.index == 3

    run = stylize(cat, wave, steps=9, vgg=vgg, callback=stop_at_3, progress=False)
    assert seen == [0, 1, 2, 3] and run.interrupted and run.history[-1].index == 3
    run = stylize(cat, wave, steps=2, vgg=vgg, callback=lambda step: 1, progress=False)
    assert not run.interrupted  # 1 is not True: a callback may return what it likes


def test_ctrl_c_keeps_the_best_picture(vgg: VGG, cat: Tensor, wave: Tensor) -> None:
    steps: list[Step] = []

    def interrupt(step: Step) -> None:
        steps.append(step)
        if step.index == 4:
            raise KeyboardInterrupt

    run = stylize(cat, wave, vgg=vgg, callback=interrupt, progress=False)
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

    run = stylize(cat, wave, vgg=Interrupted(), progress=False)
    assert run.interrupted and run.history[-1].index == 2


def test_ctrl_c_before_any_picture_is_passed_on(cat: Tensor, wave: Tensor) -> None:
    class Interrupted(VGG):
        def forward(self, image: Tensor, layers: object) -> dict[str, Tensor]:
            if image.requires_grad:
                raise KeyboardInterrupt
            return super().forward(image, layers)

    with pytest.raises(KeyboardInterrupt):
        stylize(cat, wave, vgg=Interrupted(), progress=False)


def test_the_best_picture_is_returned_not_the_last(cat: Tensor, wave: Tensor) -> None:
    # Far too high a learning rate makes Adam bounce: the last picture is not the best.
    recipe = Recipe(optimizer="adam", learning_rate=0.8, steps=6)
    steps: list[Step] = []
    run = stylize(cat, wave, recipe, callback=steps.append, progress=False)
    best = min(steps, key=lambda step: step.losses.total)
    assert best.index < 6 and torch.equal(run.image, best.image)
    assert run.best.index == best.index and f"total {best.losses.total:.4g}" in repr(run)


def test_the_bar_shows_the_losses(
    vgg: VGG, cat: Tensor, wave: Tensor, capsys: pytest.CaptureFixture
) -> None:
    stylize(cat, wave, steps=2, vgg=vgg)
    shown = capsys.readouterr().err
    assert "2/2" in shown and "content=" in shown and "style=" in shown and "tv=" in shown
    stylize(cat, wave, steps=1, vgg=vgg, progress=False)
    assert capsys.readouterr().err == ""


def test_bf16_paints_with_torchs_own_bfloat16() -> None:
    pair = "cat", "great_wave"
    run = stylize(*pair, size=48, steps=1, precision="bf16", progress=False)
    assert run.precision == "bfloat16" and run.image.dtype == torch.float32
    assert run.history[1].losses.total < run.history[0].losses.total
    exact = stylize(*pair, size=48, steps=1, precision="fp32", progress=False)
    assert exact.precision == "float32" and not torch.equal(exact.image, run.image)
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


def test_no_folder_of_the_machine_travels_in_the_file(tmp_path: Path) -> None:
    nstkit.save_image(torch.rand(1, 3, 40, 40), tmp_path / "me.png")
    run = stylize(tmp_path / "me.png", load_image("scream", 48), steps=1, size=48, progress=False)
    assert run.sources == ("me.png", "tensor")
    assert str(tmp_path) not in str(nstkit.read_metadata(run.save(tmp_path / "out.png")))


def test_a_missing_file_is_told() -> None:
    with pytest.raises(FileNotFoundError, match="no_such_cat"):
        stylize("no_such_cat.jpg", "great_wave", progress=False)


# ------------------------------------------------------------------ as a file and a figure
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
def test_a_saved_painting_carries_the_recipe_that_repeats_it(
    suffix: str, result: Result, tmp_path: Path
) -> None:
    saved = result.save(tmp_path / f"cat.{suffix}")
    facts = nstkit.read_metadata(saved)
    recipe = Recipe.from_json(facts["recipe"])
    assert recipe == result.recipe and facts["steps_done"] == "12"
    assert nstkit.__version__ in facts["software"] and torch.__version__ in facts["software"]
    assert json.loads(facts["losses"])["style"] == result.best.losses.terms["style"]
    assert (facts["content"], facts["style"], facts["size"]) == ("cat", "great_wave", "64 x 43")
    again = stylize("cat", "great_wave", recipe, size=64, seed=int(facts["seed"]), progress=False)
    assert torch.equal(again.image, result.image)
    tolerance = 0.003 if suffix in ("png", "tif") else 0.15
    assert (load_image(saved) - result.image).abs().max() < tolerance


def test_it_becomes_a_pil_picture(result: Result) -> None:
    assert result.to_pil().size == (64, 43) and result.to_pil().mode == "RGB"


def test_it_shows_itself_in_a_notebook(result: Result) -> None:
    data, metadata = DisplayFormatter().format(result)
    assert "image/jpeg" in data
    assert "after 12 steps" in metadata["image/jpeg"]["alt"]
