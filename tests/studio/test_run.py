"""Frames and runs: pictures that are published early, their results, and their scripts."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from studio_tools import SHALLOW, SIZE, STEPS, advance, an_engine, change, repeated

import nstkit
from nstkit import Gram, Objective, Recipe, stylize
from nstkit.studio import Settings
from nstkit.studio.run import Change, Frame, Run


def test_a_picture_is_published_before_its_losses(painting, network):
    seen = []

    def watch(module, inputs):
        seen.append((painting.newest.index, painting.newest.losses, painting.newest.image))

    hook = network.convs["conv1_1"].register_forward_pre_hook(watch)
    painting.advance()
    hook.remove()
    ((index, losses, image),) = seen
    assert (index, losses) == (STEPS + 1, None)
    assert torch.equal(painting.frame.image, image)
    assert painting.newest is painting.frame


def test_the_same_picture_is_not_published_twice(cat):
    still = Objective.of(cat, None, None, SHALLOW.replace(beta=0, tv=0))  # its gradient is 0
    changes = (Change(0, Settings("cat", "scream")),)
    run = Run(still, Frame(0, cat, changes), changes)
    indices = [run.advance()[0].index for _ in range(3)]
    assert indices == [0, 1, 2]
    assert run.newest.index == 2


@pytest.mark.parametrize(("dtype", "name"), [(torch.float32, "fp32"), (torch.bfloat16, "bf16")])
def test_a_result_names_its_precision_as_stylize_does(painting, tmp_path, dtype, name):
    result = painting.frame.result(1.5, dtype)
    assert (result.precision, result.seconds) == (name, 1.5)
    told = nstkit.read_metadata(result.save(tmp_path / "painting.png"))
    assert told["precision"] == name


# ---------------------------------------------------------------- scripts


def test_the_script_of_a_painting_left_alone_is_a_call_of_stylize(network):
    painting = an_engine(Recipe())
    advance(painting, 2)
    script = painting.frame.script()
    assert script.splitlines() == [
        "recipe = nstkit.Recipe(alpha=1.0, beta=10.0, tv=50.0, steps=2)",
        f"nstkit.stylize('cat', 'great_wave', recipe, size={SIZE}, seed=0)",
    ]
    scope = {"nstkit": nstkit, "network": network}
    again = script.replace("seed=0)", "seed=0, vgg=network, progress=False)")
    exec(again.replace("nstkit.stylize", "result = nstkit.stylize"), scope)
    assert torch.equal(scope["result"].image, painting.frame.image)
    assert scope["result"].recipe == painting.result().recipe == Recipe(steps=2)


def test_the_script_of_a_steered_painting_repeats_it_bit_for_bit(painting):
    change(painting, beta=50)
    advance(painting, 1)
    painting.undo()
    change(painting, style="scream", style_layers={"relu1_1": 0.5, "relu3_1": 0.5})
    advance(painting, 2)
    change(painting, optimizer="adam")
    advance(painting, 2)
    painting.forget()
    advance(painting, 1)

    script = painting.frame.script()
    assert "studio.set(style='scream', style_layers={'relu1_1': 0.5, 'relu3_1': 0.5})" in script
    assert "studio.forget()" in script
    again = repeated(script)
    assert again.index == painting.frame.index
    assert torch.equal(again.image, painting.frame.image)
    assert again.script() == script


def test_a_script_repeats_a_painting_with_statistics_of_its_own():
    painting = an_engine(SHALLOW.replace(statistic=Gram("elements", "sum", "features")))
    advance(painting, 2)
    change(painting, statistic=Gram(reduce="rms"), beta=1)
    advance(painting, 2)
    script = painting.frame.script()
    first = "nstkit.Gram(normalize='elements', reduce='sum', divisor='features')"
    second = "nstkit.Gram(normalize='positions', reduce='rms', divisor='none')"
    assert f"statistic={first}" in script.splitlines()[0]
    assert f"studio.set(beta=1.0, statistic={second})" in script
    assert torch.equal(repeated(script).image, painting.frame.image)


def test_a_script_calls_stylize_with_the_statistic_of_its_recipe(network):
    painting = an_engine(SHALLOW.replace(statistic=Gram("elements")))
    advance(painting, 2)
    scope = {"nstkit": nstkit, "network": network}
    recipe, call = painting.frame.script().splitlines()
    exec(recipe, scope)
    assert call.startswith("nstkit.stylize('cat', 'great_wave', recipe,")
    assert scope["recipe"] == SHALLOW.replace(statistic=Gram("elements"), steps=2)
    options = {"size": SIZE, "vgg": network, "progress": False}
    assert torch.equal(
        stylize("cat", "great_wave", scope["recipe"], **options).image, painting.frame.image
    )


def test_a_weight_that_was_moved_and_moved_back_at_rest_is_no_change(painting):
    change(painting, beta=50)
    painting.prepare()
    change(painting, beta=SHALLOW.beta)
    advance(painting, 1)
    assert len(painting.frame.changes) == 1


def test_a_style_that_was_changed_and_changed_back_at_rest_has_made_the_optimizer_fresh(painting):
    change(painting, style="scream")
    painting.prepare()
    change(painting, style="great_wave")
    painting.advance()
    assert [c.fresh for c in painting.frame.changes] == [False, True]
    assert "studio.forget()" in painting.frame.script()


def test_a_frame_has_the_settings_that_were_in_force():
    first, second = Settings("cat", "scream"), Settings("cat", "scream", size=96)
    frame = Frame(3, torch.zeros(1, 3, 4, 4), (Change(0, first),))
    assert frame.settings is first
    later = dataclasses.replace(frame, changes=frame.with_change(second, fresh=False))
    assert later.settings is second
    assert later.changes[1].index == 3
    assert frame.with_change(first.replace(), fresh=False) is frame.changes  # no change
