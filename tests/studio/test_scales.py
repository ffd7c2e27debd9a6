"""The studio's engine from coarse to fine."""

from __future__ import annotations

import pytest
import torch
from studio_tools import SCALED, SHALLOW, SIZE, advance, an_engine, change, pair, repeated

import nstkit
from nstkit import (
    DEFAULT,
    NEIGHBORS,
    TEXTBOOK,
    Gram,
    Hypercolumns,
    Moments,
    Neighbors,
    load_image,
    stylize,
)
from nstkit.painting import Quality
from nstkit.pictures.images import to_pil
from nstkit.recipes import HOUSE
from nstkit.studio import Engine, Settings
from nstkit.studio.run import code

TO_THE_END = 8  # steps and starts of SCALED; the last index
SECOND, THIRD = 4, 7  # indices at which its scales begin


def sides(painting):
    """Return the long sides of the newest picture, and of all that is painted with it."""
    return [max(image.shape) for image in (painting.frame.image, *pair(painting))]


def stylized(network, recipe, **options):
    """Return all steps of `nstkit.stylize`, and its result."""
    steps = []
    result = stylize(
        "cat", "great_wave", recipe, vgg=network, progress=False, callback=steps.append, **options
    )
    return steps, result


@pytest.fixture
def second():
    """An engine after a step of its second scale."""
    made = an_engine(SCALED)
    advance(made, SECOND + 1)
    return made


# ---------------------------------------------------------------- what each scale compares
@pytest.mark.long
@pytest.mark.parametrize("name", ["content", "style"])
def test_neighbors_are_matched_again_for_another_picture_of_the_same_shape(name):
    pictures = {"content": load_image("castle", 64), "style": load_image("great_wave", 64)}
    recipe = NEIGHBORS.replace(scales=1, steps=3)
    painting = Engine(Settings(**pictures, recipe=recipe, size=64), precision="fp32")
    advance(painting, 2)
    pictures[name] = pictures[name].flip(3)
    change(painting, **{name: pictures[name]})
    painting.reset()
    advance(painting, 3)
    again = Engine(Settings(**pictures, recipe=recipe, size=64), precision="fp32")
    advance(again, 3)
    assert torch.equal(painting.frame.image, again.frame.image)


@pytest.mark.long
def test_what_is_compared_follows_the_number_of_scales():
    """The finest of several has a statistic of its own; of one, it is the first."""
    recipe = TEXTBOOK.replace(scales=(48, 64), steps=1, finest_statistic=Moments())
    painting = Engine(Settings("cat", "great_wave", recipe), precision="fp32")
    advance(painting, 3)
    assert painting.frame.image.shape[-1] == 64
    change(painting, scales=1)
    painting.reset()
    advance(painting, 1)
    again = Engine(Settings("cat", "great_wave", recipe.replace(scales=1), size=64),
                   precision="fp32")  # fmt: skip
    advance(again, 1)
    assert painting.frame.losses.total == again.frame.losses.total


# ---------------------------------------------------------------- from scale to scale


@pytest.mark.long
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"detail": 0, "start": "noise", "steps": (2, 0, 2)},
        {"optimizer": "adam", "learning_rate": 0.5},  # the best is not the last
        {"finer_optimizer": "adam"},
        {"grain": 0.1, "detail": 0.5},
        {"finest_statistic": Moments()},
        {"statistic": Hypercolumns(), "finest_statistic": Neighbors(), "palette": 100},
    ],
    ids=repr,
)
def test_every_picture_is_that_of_stylize_to_the_bit(network, changes):
    recipe = SCALED.replace(**changes)
    steps, same = stylized(network, recipe)
    painting = an_engine(recipe)
    assert painting.steps_left == steps[-1].index
    for step in steps:
        assert painting.frame.index == step.index
        assert torch.equal(painting.result().image, step.image)
        assert painting.frame.losses.total == step.losses.total
        painting.advance()
    assert [r.losses.total for r in painting.history][:-1] == [r.losses.total for r in same.history]
    assert [r.index for r in painting.history] == list(range(len(steps) + 1))


def test_scales_that_are_shares_leave_out_the_small_ones_as_stylize_does(network):
    recipe = SHALLOW.replace(scales=(0.1, 0.7, 1), steps=(3, 1, 1), style_layers="relu1_1")
    _, same = stylized(network, recipe, size=140)
    painting = an_engine(recipe, size=140)
    assert max(painting.frame.image.shape) == 98
    advance(painting, painting.steps_left)
    assert painting.frame.index == 5
    assert torch.equal(painting.result().image, same.image)
    assert painting.result().recipe == same.recipe == recipe


@pytest.mark.long
@pytest.mark.parametrize(("width", "side"), [(60, 60), (200, 140)])
def test_a_quality_paints_what_stylize_paints_with_it(qualities, network, width, side):
    qualities["many"] = Quality(140, (0.7, 1), (2, 1))
    photograph = to_pil(nstkit.load_image("cat", width))
    settings = Settings(photograph, "great_wave", SHALLOW).replace(quality="many")
    painting = Engine(settings, precision="fp32")
    advance(painting, painting.steps_left)
    options = {"quality": "many", "vgg": network, "progress": False}
    same = stylize(photograph, "great_wave", SHALLOW, **options)
    assert max(same.image.shape) == side
    assert torch.equal(painting.result().image, same.image)


def test_at_the_finest_scale_it_goes_on():
    painting = an_engine(SCALED)
    advance(painting, TO_THE_END + 2)
    assert (painting.frame.index, painting.steps_left) == (TO_THE_END + 2, 0)
    assert sides(painting) == [SIZE] * 3
    assert painting.result().recipe == SCALED.replace(steps=(3, 2, 3))


def test_below_it_the_pictures_beside_the_painting_are_those_at_full_size(second):
    assert sides(second) == [43, SIZE, SIZE]
    result = second.result()
    assert [max(p.shape) for p in (result.image, result.content, result.style)] == [SIZE] * 3
    assert result.interrupted
    assert (result.recipe, result.history[-1].index) == (SCALED, SECOND + 1)
    advance(second, TO_THE_END)
    assert not second.result().interrupted


def test_new_numbers_of_steps_act_at_the_next_step(second):
    change(second, steps=(3, 0, 1))
    second.advance()
    assert sides(second)[0] == SIZE
    change(second, steps=9)
    assert an_engine(SCALED.replace(steps=9)).steps_left == 29
    assert torch.equal(repeated(second.frame.script()).image, second.frame.image)


# ---------------------------------------------------------------- steering


def test_a_new_weight_acts_at_the_next_step_of_any_scale_and_stays():
    painting = an_engine(SCALED)
    for beta in (20, 30, 40):
        change(painting, beta=beta)
        advance(painting, 3)
    styles = [record.losses.coefficients["style"] for record in painting.history]
    assert styles == [10, *[20] * 3, *[30] * 3, *[40] * 3]
    assert torch.equal(repeated(painting.frame.script()).image, painting.frame.image)


@pytest.mark.parametrize(
    "changes",
    [{"style": "scream"}, {"statistic": Gram("elements")}, {"pooling": "avg"},
     {"optimizer": "adam"}, {"finer_optimizer": "adam"}],
    ids=repr,
)  # fmt: skip
def test_what_needs_new_losses_goes_on_at_its_scale(second, changes):
    change(second, **changes)
    second.prepare()
    assert (second.frame.index, sides(second)[0]) == (SECOND + 1, 43)
    advance(second, THIRD - SECOND - 1)
    assert (second.frame.index, sides(second)[0]) == (THIRD, SIZE)
    if "pooling" not in changes:  # a studio of another network is another test's
        assert torch.equal(repeated(second.frame.script()).image, second.frame.image)


@pytest.mark.parametrize(
    "changes",
    [{"content": "bridge"}, {"start": "noise"}, {"scales": (43, SIZE)}, {"scales": (40, 60)}],
    ids=repr,
)
def test_what_changes_the_start_begins_again_with_the_coarsest(second, changes):
    change(second, **changes)
    second.prepare()
    assert (second.frame.index, len(second.history)) == (0, 1)
    assert sides(second)[0] == second.settings.recipe.scales[0]
    assert second.steps_left == sum(second.settings.recipe.steps) + len(second.scales) - 1


def test_reset_begins_again_with_the_coarsest_and_repeats(second):
    before = second.frame.image
    second.reset()
    assert sides(second)[0] == 37
    advance(second, SECOND + 1)
    assert torch.equal(second.frame.image, before)


def test_forget_goes_on_at_its_scale(second):
    second.forget()
    advance(second, 1)
    assert (second.frame.index, sides(second)[0]) == (SECOND + 2, 43)
    advance(second, 1)
    assert sides(second)[0] == SIZE
    assert torch.equal(repeated(second.frame.script()).image, second.frame.image)


def test_undo_goes_back_to_a_picture_of_another_scale_and_goes_on_there():
    painting = an_engine(SCALED.replace(steps=(4, 2, 1)))
    advance(painting, 3)
    before = painting.frame
    change(painting, beta=3000)
    advance(painting, 4)
    assert sides(painting)[0] == 43
    painting.undo()
    if sides(painting)[0] == 43:  # the best under 3000 was not the newest one
        painting.undo()
    assert torch.equal(painting.frame.image, before.image)
    assert (painting.frame.index, painting.settings.recipe.beta) == (3, SCALED.beta)
    assert [record.index for record in painting.history] == [0, 1, 2, 3]
    painting.advance()
    assert sides(painting)[0] == 37
    painting.advance()
    assert sides(painting)[0] == 43
    assert torch.equal(repeated(painting.frame.script()).image, painting.frame.image)


def test_a_weight_that_moves_during_the_last_pass_of_a_scale_is_followed_to_the_bit(network):
    painting = an_engine(SCALED)
    advance(painting, SECOND - 2)
    hook = network.convs["conv1_1"].register_forward_hook(lambda *_: change(painting, beta=100))
    painting.advance()
    hook.remove()
    assert painting.frame.losses.coefficients["style"] == 100
    advance(painting, 2)
    assert sides(painting)[0] == 43
    assert torch.equal(repeated(painting.frame.script()).image, painting.frame.image)


@pytest.mark.parametrize("error", [MemoryError("no memory"), KeyboardInterrupt()], ids=repr)
def test_an_exception_between_two_scales_keeps_the_picture(network, monkeypatch, error):
    painting = an_engine(SCALED)
    advance(painting, SECOND - 1)
    before = painting.frame

    def fail(image, layers):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(network, "forward", fail)
        with pytest.raises(type(error)):
            painting.advance()
    assert painting.frame is painting.newest is before
    advance(painting, 2)
    assert (painting.frame.index, sides(painting)[0]) == (SECOND + 1, 43)
    assert torch.equal(repeated(painting.frame.script()).image, painting.frame.image)


# ---------------------------------------------------------------- scripts


def test_the_script_of_a_finest_picture_is_a_call_of_stylize(network):
    painting = an_engine(SCALED)
    advance(painting, TO_THE_END + 1)
    script = painting.frame.script()
    assert script.splitlines()[1] == "nstkit.stylize('cat', 'great_wave', recipe, seed=0)"
    scope = {"nstkit": nstkit, "network": network}
    again = script.replace("seed=0)", "seed=0, vgg=network, progress=False)")
    exec(again.replace("nstkit.stylize", "result = nstkit.stylize"), scope)
    assert torch.equal(scope["result"].image, painting.frame.image)


@pytest.mark.parametrize("index", [0, 2, SECOND, SECOND + 1])
def test_the_script_of_a_coarser_picture_is_a_studio_that_stops_there(index):
    painting = an_engine(SCALED)
    advance(painting, index)
    script = painting.frame.script()
    assert script.splitlines()[-1] == f"studio.run({index})"
    again = repeated(script)
    assert (again.index, again.factor) == (index, painting.frame.factor)
    assert torch.equal(again.image, painting.frame.image)
    assert again.script() == script


def test_a_quality_goes_with_what_is_compared() -> None:
    settings = Settings("cat", "great_wave", NEIGHBORS, 128)
    other = settings.replace(quality="good", statistic=DEFAULT.statistic, finest_statistic=None)
    assert other.recipe.scales == DEFAULT.scales and other.quality == "good"
    back = other.replace(
        quality="good", statistic=NEIGHBORS.statistic, finest_statistic=NEIGHBORS.finest_statistic
    )
    assert back.recipe.scales == NEIGHBORS.scales


@pytest.mark.parametrize("name", ["default", "portrait", "neighbors", "textbook"])
def test_the_code_of_a_recipe_makes_it_again(name: str) -> None:
    recipe = HOUSE[name]
    for other in (recipe, recipe.replace(statistic=Moments(2), finest_statistic=Moments(2))):
        assert eval(code(other), {"nstkit": nstkit}) == other


@pytest.mark.long
def test_the_script_of_a_painting_by_neighbors_repeats_it() -> None:
    recipe = NEIGHBORS.replace(scales=(64, 80), steps=(2, 2))
    engine = Engine(Settings("cat", "great_wave", recipe), precision="fp32")
    advance(engine, 1)
    change(engine, beta=50)
    advance(engine, 4)
    assert torch.equal(repeated(engine.frame.script()).image, engine.frame.image)
