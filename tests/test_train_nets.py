"""tools/train_nets.py: where photographs come from, and stages of training."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch
import train_nets as tool
from train_nets import Stage

from nstkit import load_image, save_image
from nstkit.feedforward import TransformerNet, nets
from nstkit.feedforward.training import Trained
from nstkit.vgg.fast import FastVGG

PACKAGES = {**tool.DEBIAN, **tool.PYTHON}
NAMES = [name for _, pictures in PACKAGES.values() for name in pictures]


def test_each_photograph_has_a_name_of_its_own_and_some_are_held_out() -> None:
    assert len(set(NAMES)) == len(NAMES) > 40
    assert set(tool.HELD_OUT) < set(NAMES)


def test_the_credits_name_every_package_of_photographs() -> None:
    told = (Path(tool.__file__).parents[1] / "CREDITS.md").read_text(encoding="utf-8")
    assert all(package in told for package in PACKAGES)


def test_every_bundled_network_has_its_plan_and_names_it() -> None:
    assert set(nets()) == set(tool.PLANS)
    for name, stages in tool.PLANS.items():
        facts = TransformerNet.load(name).facts
        assert facts["steps"] == sum(stage.steps for stage in stages)
        assert [stage["alpha"] for stage in facts["stages"]] == [s.alpha for s in stages]


def test_photographs_that_are_there_are_not_fetched(tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / f"{name}.png").touch()
    assert list(tool.photographs(tmp_path)) == NAMES


def test_a_large_photograph_is_shrunk(tmp_path: Path) -> None:
    save_image(torch.rand(1, 3, 80, 1280), tmp_path / "large.png")
    tool._shrink(tmp_path / "large.png", tmp_path / "small.png")
    assert load_image(tmp_path / "small.png").shape[-2:] == (40, 640)


@pytest.mark.long
def test_stages_go_on_with_each_other_and_after_another_artwork(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: FastVGG
) -> None:
    for number, name in enumerate(("one", *tool.HELD_OUT)):
        picture = torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(number))
        save_image(picture, tmp_path / f"{name}.png")
    files = {path.stem: path for path in tmp_path.glob("*.png")}
    plans = {
        "great_wave": (Stage(1, 20, 1e-3), Stage(0, 10, 1e-3)),
        "scream": (Stage(0, 8, 1e-3, ("great_wave", 1)),),
    }
    monkeypatch.setattr(tool, "PLANS", plans)
    monkeypatch.setattr(tool, "train", partial(tool.train, crop=48, size=64, vgg=network))
    wave, scream = (tool.train_for(artwork, files, tmp_path) for artwork in plans)
    assert wave.facts["steps"] == 1 and wave.facts["machine"] == scream.facts["machine"] != ""
    first = tool.best_of(tool.state_of(tmp_path, "great_wave", 1))
    for net in (wave, scream):  # no further step was made
        assert torch.equal(net.last.weight, first.last.weight)


def test_an_interrupted_stage_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool, "train", lambda *given, **options: None)
    stopped = Trained(TransformerNet(), [], True)
    monkeypatch.setattr(tool, "trained", lambda *given: stopped)
    files = {name: tmp_path / f"{name}.png" for name in NAMES}
    with pytest.raises(SystemExit, match="Stage 1 was interrupted"):
        tool.train_for("great_wave", files, tmp_path)
