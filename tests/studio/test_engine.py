"""The studio's engine: what changes while it paints, what it costs, and what comes back."""

from __future__ import annotations

import gc
import weakref
from types import SimpleNamespace

import pytest
import torch
from studio_tools import SHALLOW, SIZE, STEPS, advance, an_engine, change, pair, repeated

import nstkit
from nstkit import DEFAULT, Gram, Objective, Recipe, optimize, stylize, tiles
from nstkit.descent import solver
from nstkit.studio import Engine, Settings, engine


def target_sizes(passes):
    return [size for size, gradient in passes if not gradient]


def sizes(pictures):
    return [tuple(picture.shape[-2:]) for picture in pictures]


def flipped(name, size=SIZE):
    return nstkit.load_image(name, size).flip(3)


# ---------------------------------------------------------------- painting


@pytest.mark.parametrize("recipe", [Recipe(steps=3), DEFAULT.replace(steps=3)], ids=repr)
def test_it_paints_what_stylize_paints_bit_for_bit(network, recipe):
    painting = an_engine(recipe)
    advance(painting, 3)
    same = stylize("cat", "great_wave", recipe, size=SIZE, progress=False, vgg=network)
    result = painting.result()
    assert torch.equal(painting.frame.image, same.image)
    assert torch.equal(result.image, same.image)
    assert (result.recipe, result.precision) == (same.recipe, same.precision)
    assert result.recipe == recipe
    assert result.sources == ("cat", "great_wave")
    assert result.best.losses.total == same.best.losses.total
    assert [r.index for r in painting.history] == [0, 1, 2, 3]
    assert [r.losses.total for r in painting.history] == [r.losses.total for r in same.history]


def test_a_new_weight_acts_at_the_next_step_without_targets_or_a_restart(painting, passes):
    change(painting, beta=100)
    painting.advance()
    assert painting.frame.index == STEPS + 1
    assert painting.frame.losses.coefficients == {"content": 1, "style": 100, "variation": 5}
    # Both at the picture's own size: the old picture under the new weights, and the new one.
    assert passes == [(*sizes([painting.frame.image]), True)] * 2


def test_a_change_is_followed_as_by_optimize_with_its_memory_cleared(painting, network):
    change(painting, beta=100, style_layers={"relu1_1": 0.7, "relu3_1": 0.3})
    advance(painting, 3)

    content, style = pair(painting)
    objective = Objective.of(content, style, network, SHALLOW)
    for step in optimize(objective, content, steps=STEPS + 3):
        if step.index == STEPS:
            objective["style"].weight = 100
            objective["style"].layers = {"relu1_1": 0.7, "relu3_1": 0.3}
    assert torch.equal(painting.frame.image, step.image)


def test_a_new_style_computes_its_targets_only_and_goes_on(painting, passes):
    content = painting.pictures.content
    change(painting, style="scream")
    painting.prepare()
    assert painting.pictures.content is content
    assert target_sizes(passes) == sizes(pair(painting)[1:])
    assert painting.frame.index == STEPS
    painting.advance()
    assert painting.frame.index == STEPS + 1


def test_a_layer_more_computes_its_target_only(painting, passes):
    change(painting, style_layers={**SHALLOW.style_layers, "relu2_2": 0.1})
    painting.advance()
    assert target_sizes(passes) == sizes(pair(painting)[1:])
    passes.clear()
    change(painting, style_layers=SHALLOW.style_layers)
    painting.advance()
    assert target_sizes(passes) == []


def test_another_pooling_goes_on_with_the_losses_of_another_network(painting):
    change(painting, pooling="avg")
    painting.prepare()
    assert painting.frame.index == STEPS
    vgg = nstkit.VGG(pooling="avg")
    fresh = Objective.of(*pair(painting), vgg, SHALLOW.replace(pooling="avg"))
    want = fresh(painting.frame.image).floats()
    assert painting.frame.losses.total == pytest.approx(want.total, rel=1e-4)
    assert painting.frame.losses.per_layer == pytest.approx(want.per_layer, rel=1e-3)
    painting.advance()
    assert painting.frame.index == STEPS + 1


def test_another_form_of_the_losses_keeps_the_network(painting, passes, built):
    change(painting, statistic=Gram("elements"))
    painting.advance()
    assert painting.frame.index == STEPS + 1
    assert len(built) == 1
    assert len(target_sizes(passes)) == 2


def test_another_optimizer_goes_on_from_the_picture(painting, passes):
    before = painting.frame.image
    change(painting, optimizer="adam")
    painting.prepare()
    assert torch.equal(painting.frame.image, before)
    painting.advance()
    assert painting.frame.index == STEPS + 1
    assert target_sizes(passes) == []


@pytest.mark.parametrize(
    "changes", [{"content": "bridge"}, {"size": 60}, {"start": "noise"}, {"seed": 1}]
)
def test_what_changes_the_start_begins_again(painting, changes):
    change(painting, **changes)
    painting.prepare()
    assert (painting.frame.index, len(painting.history), painting.seconds) == (0, 1, 0)
    assert len(painting.frame.changes) == 1
    want = nstkit.load_image(changes.get("content", "cat"), size=changes.get("size", SIZE))
    assert torch.equal(painting.pictures.content, want)


def test_new_content_of_the_same_shape_keeps_the_targets_of_the_style(painting, passes):
    style = painting.pictures.works.plain
    change(painting, content=flipped("cat"))
    painting.prepare()
    assert target_sizes(passes) == sizes(pair(painting)[:1])  # those of the content alone
    assert painting.pictures.works.plain is style
    agrees_with_a_fresh_engine(painting)


def test_new_content_of_another_shape_is_painted_as_by_a_fresh_engine(painting, passes):
    change(painting, content="bridge")
    painting.prepare()
    assert sizes(pair(painting))[0] != sizes(pair(painting))[1]
    assert target_sizes(passes) == sizes(pair(painting))
    agrees_with_a_fresh_engine(painting)


def agrees_with_a_fresh_engine(painting):
    fresh = Engine(painting.settings, precision="fp32")
    for made in (painting, fresh):
        advance(made, 2)
    assert torch.allclose(painting.frame.image, fresh.frame.image, rtol=0, atol=1e-6)
    assert painting.frame.losses.total == pytest.approx(fresh.frame.losses.total, rel=1e-6)


def test_reset_begins_again_and_repeats(painting):
    first = painting.frame.image
    painting.reset()
    assert painting.frame.index == 0
    assert torch.equal(painting.frame.image, painting.pictures.content)
    advance(painting, STEPS)
    assert torch.equal(painting.frame.image, first)


def test_forget_goes_on_with_a_fresh_optimizer(painting):
    painting.forget()
    assert painting.frame.index == STEPS
    assert painting.frame.changes == painting.frame.changes[:1]
    painting.advance()
    assert painting.frame.changes[1].fresh


def test_a_term_that_is_switched_off_leaves_the_losses_and_comes_back(painting):
    change(painting, tv=0)
    painting.advance()
    change(painting, tv=5)
    painting.advance()
    off, on = painting.history[-2:]
    assert set(painting.history[0].losses.terms) == {"content", "style", "variation"}
    assert set(off.losses.terms) == {"content", "style"}
    assert set(on.losses.terms) == {"content", "style", "variation"}


# ---------------------------------------------------------------- weights that move during a pass


def moved_during_a_pass(painting, network, **changes):
    """Make a step; the settings change while the network is at work on its picture."""
    hook = network.convs["conv1_1"].register_forward_hook(lambda *_: change(painting, **changes))
    painting.advance()
    hook.remove()


class Backward:
    """Change beta in the backward pass through the network, ``times`` times a step."""

    def __init__(self, painting, network, times):
        self.painting, self.times, self.beta = painting, times, 100
        # The backward pass begins with the deepest convolution, and others still look at beta.
        self.hook = network.convs["conv3_1"].register_forward_hook(self.watch)

    def watch(self, module, inputs, output):
        if output.requires_grad and self.times:
            output.register_hook(self.move)

    def move(self, gradient):
        self.times -= 1
        self.beta += 10
        change(self.painting, beta=self.beta)


def test_a_weight_that_moves_during_a_pass_costs_no_second_one(painting, passes, network):
    moved_during_a_pass(painting, network, beta=100)
    assert painting.frame.losses.coefficients["style"] == 100
    assert painting.frame.settings.recipe.beta == SHALLOW.beta  # its pixels know nothing of it
    painting.advance()
    assert painting.frame.settings.recipe.beta == 100
    assert len(passes) == 2


@pytest.mark.parametrize("moves", [1, 2])
def test_a_weight_that_moves_during_a_pass_is_followed_bit_for_bit(painting, network, moves):
    for beta in (100, 200)[:moves]:
        moved_during_a_pass(painting, network, beta=beta)
    advance(painting, 2)
    assert painting.best is painting.frame
    script = painting.frame.script()
    assert script.count("studio.set(beta") == moves
    assert torch.equal(repeated(script).image, painting.frame.image)


@pytest.mark.parametrize("times", [1, 3])
def test_a_backward_pass_under_old_weights_is_given_up_once_a_picture(
    painting, passes, network, times
):
    backward = Backward(painting, network, times)
    painting.advance()
    backward.hook.remove()
    assert len(passes) == 2  # never more: a reader who drags a slider wants to see something
    assert painting.frame.losses.coefficients["style"] == 110
    advance(painting, 2)
    assert painting.best is painting.frame
    assert torch.equal(repeated(painting.frame.script()).image, painting.frame.image)


def test_undo_after_a_weight_has_moved_during_a_pass_takes_it_back(painting, network):
    before = painting.best
    moved_during_a_pass(painting, network, beta=3000)
    assert painting.best is before
    painting.undo()
    assert torch.equal(painting.frame.image, before.image)
    assert painting.settings.recipe.beta == SHALLOW.beta


@pytest.mark.parametrize(
    "changes", [{"style_layers": {"relu2_2": 1}}, {"size": 60}, {"statistic": Gram("elements")}]
)
def test_what_a_pass_cannot_follow_waits_for_the_next(painting, network, changes):
    moved_during_a_pass(painting, network, **changes)
    assert painting.frame.index == STEPS + 1
    assert painting.frame.losses.total < painting.history[0].losses.total
    painting.advance()
    assert painting.frame.settings is painting.settings


# ---------------------------------------------------------------- tiles

LARGE = 96  # px: with small tiles, 96 x 64 px are 6 of them


@pytest.fixture
def little_memory(monkeypatch):
    """So little that not the whole of a LARGE picture fits, but tiles of it do."""
    monkeypatch.setattr(tiles, "SMALLEST", 32)
    monkeypatch.setattr(tiles, "free_memory", lambda device: 20_000_000)


@pytest.fixture
def tiled(little_memory, passes):
    """An engine that paints in tiles, after a step."""
    painting = an_engine(size=LARGE)
    painting.advance()
    passes.clear()
    return painting


def test_a_step_in_tiles_is_the_step_of_the_whole(tiled, passes, monkeypatch):
    tiled.advance()
    assert len(passes) == 12  # each of 6 tiles, in the forward and in the backward pass
    assert all(max(size) < LARGE for size, _ in passes)
    monkeypatch.undo()
    whole = an_engine(size=LARGE)
    advance(whole, 2)
    assert torch.allclose(tiled.frame.image, whole.frame.image, rtol=0, atol=1e-4)
    assert tiled.frame.losses.total == pytest.approx(whole.frame.losses.total, rel=1e-4)


@pytest.mark.long
def test_a_weight_that_moves_during_a_forward_pass_in_tiles_is_followed(tiled, passes, network):
    hooks = []

    def move(module, inputs, output):
        if len(passes) == 4:  # of 6 tiles
            change(tiled, beta=100, style_layers={"relu1_1": 0.5, "relu3_1": 0.5})

    hooks.append(network.convs["conv1_1"].register_forward_hook(move))
    tiled.advance()
    hooks[0].remove()
    assert len(passes) == 12
    assert tiled.frame.losses.coefficients["style"] == 100
    tiled.advance()
    assert tiled.frame.settings.recipe.beta == 100
    assert torch.equal(repeated(tiled.frame.script()).image, tiled.frame.image)


@pytest.mark.long
def test_a_backward_pass_in_tiles_under_old_weights_is_given_up_once(tiled, passes, network):
    backward = Backward(tiled, network, 3)
    tiled.advance()
    backward.hook.remove()
    # 6 tiles forward; the first one backward, given up; 6 forward, and 6 backward to the end.
    assert len(passes) == 6 + 1 + 6 + 6
    assert tiled.frame.losses.coefficients["style"] == 110
    tiled.advance()
    assert tiled.frame.settings.recipe.beta == 130
    assert torch.equal(repeated(tiled.frame.script()).image, tiled.frame.image)


def test_the_size_decides_whether_there_are_tiles(little_memory, passes):
    painting = an_engine()
    painting.advance()
    whole = sizes(pair(painting))[0]
    assert {size for size, _ in passes} == {whole}
    change(painting, size=LARGE)
    painting.prepare()
    passes.clear()
    painting.advance()
    assert len(passes) == 12
    change(painting, size=SIZE)
    painting.prepare()
    passes.clear()
    painting.advance()
    assert passes == [(whole, True)]


def test_a_size_beyond_the_memory_leaves_all_as_it_was(painting, monkeypatch):
    monkeypatch.setattr(tiles, "free_memory", lambda device: 10**8)
    before = painting.frame
    change(painting, size=256)
    told = (
        r"256 x 170 px needs about 0.3 GB .* even in tiles, and 0.1 GB are free. Choose a smaller"
    )
    with pytest.raises(ValueError, match=told):
        painting.advance()
    assert painting.settings.size == SIZE
    assert painting.frame is before
    painting.advance()
    assert painting.frame.index == STEPS + 1
    assert max(painting.frame.image.shape) == SIZE


# ---------------------------------------------------------------- undo


def rising(painting, steps):
    """Make steps whose pictures are worse than those before."""
    change(painting, optimizer="adam", learning_rate=0.5)
    advance(painting, steps)


def test_undo_goes_back_to_the_best_picture_of_these_settings(painting):
    rising(painting, 3)
    best = painting.best
    assert best.index < painting.frame.index
    painting.undo()
    assert painting.frame.index == best.index
    assert torch.equal(painting.frame.image, best.image)
    assert [r.index for r in painting.history] == list(range(best.index + 1))


def test_undo_brings_back_the_settings_before(painting):
    before = painting.frame
    change(painting, beta=3000)
    advance(painting, 3)
    assert painting.best is painting.frame
    painting.undo()
    assert torch.equal(painting.frame.image, before.image)
    assert painting.settings.recipe.beta == SHALLOW.beta
    painting.advance()
    assert painting.frame.losses.coefficients == {"content": 1, "style": 10, "variation": 5}


def test_undo_right_after_a_change_takes_the_change_back(painting):
    before = painting.frame
    change(painting, beta=3000)
    painting.prepare()
    painting.undo()
    assert painting.settings.recipe.beta == SHALLOW.beta
    assert torch.equal(painting.frame.image, before.image)
    painting.undo()  # nothing is left to go back to
    assert painting.frame.index == before.index


def test_undo_goes_back_over_a_reset_and_other_pictures(painting):
    before = painting.frame
    change(painting, content="bridge", size=60)
    painting.prepare()
    painting.undo()
    assert torch.equal(painting.frame.image, before.image)
    assert painting.settings.content == "cat"
    assert painting.pictures.content.shape == before.image.shape
    painting.advance()
    assert painting.frame.index == STEPS + 1


def test_a_dragged_slider_does_not_flush_the_memory_of_undo(monkeypatch):
    monkeypatch.setattr(engine, "PAST", 2)
    painting = an_engine()
    advance(painting, STEPS)
    before = painting.frame
    for beta in range(11, 15):  # more moves than pictures that are remembered
        change(painting, beta=beta)
        painting.advance()
    painting.undo()
    painting.undo()
    assert torch.equal(painting.frame.image, before.image)


# ---------------------------------------------------------------- failures


def test_a_missing_picture_leaves_all_as_it_was(painting):
    before = painting.settings
    change(painting, style="no such")
    with pytest.raises(FileNotFoundError, match="no file 'no such'"):
        painting.advance()
    assert painting.settings is before
    painting.advance()
    assert painting.frame.index == STEPS + 1


@pytest.mark.parametrize("error", [MemoryError("no memory"), KeyboardInterrupt()])
def test_an_exception_inside_a_step_keeps_the_picture(painting, network, monkeypatch, error):
    kept = painting.frame.image

    def fail(image, layers):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(network, "forward", fail)
        with pytest.raises(type(error)):
            painting.advance()
    assert torch.equal(painting.frame.image, kept)
    assert painting.newest is painting.frame
    painting.advance()
    assert painting.frame.index == STEPS + 1
    assert painting.frame.losses.total < painting.history[0].losses.total


def test_a_layer_that_fails_is_taken_back(painting, network, monkeypatch):
    real = network.forward

    def fail(image, layers):
        if "relu3_4" in layers:
            raise MemoryError("no memory")
        return real(image, layers)

    monkeypatch.setattr(network, "forward", fail)
    change(painting, content_layers={"relu3_4": 1})
    with pytest.raises(MemoryError):
        painting.advance()
    assert painting.settings.recipe == SHALLOW
    painting.advance()
    assert painting.frame.index == STEPS + 1


def test_settings_that_came_during_a_failure_are_kept(painting, monkeypatch):
    wanted = painting.settings.replace(style="great_wave", beta=3)

    def late(self, device, remarks):
        painting.settings = wanted  # from another thread
        raise FileNotFoundError("scream")

    change(painting, style="scream")
    with monkeypatch.context() as patch, pytest.raises(FileNotFoundError):
        patch.setattr(Settings, "loader", late)
        painting.prepare()
    assert painting.settings is wanted
    painting.advance()
    assert painting.frame.settings.recipe.beta == 3


def test_the_first_settings_must_do():
    with pytest.raises(FileNotFoundError):
        Engine(Settings("no such", "scream", size=SIZE))


# ---------------------------------------------------------------- cost


@pytest.mark.long
def test_nothing_accumulates_over_steps_and_resets(monkeypatch):
    monkeypatch.setattr(engine, "PAST", 2)
    monkeypatch.setattr(solver, "PAIRS", 3)
    painting = an_engine()

    def tensors():
        gc.collect()
        return sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())

    def work():
        advance(painting, 5)  # more than the history of L-BFGS
        change(painting, beta=painting.settings.recipe.beta + 1)
        painting.reset()

    for _ in range(3):  # until `undo` has all that it remembers
        work()
    before = tensors()
    work()
    assert tensors() <= before + 2


@pytest.fixture
def runs(monkeypatch):
    """Weak references to all runs so far."""
    made = []

    class Watched(engine.Run):
        def __init__(self, *given):
            super().__init__(*given)
            made.append(weakref.ref(self))

    monkeypatch.setattr(engine, "Run", Watched)
    gc.collect()
    gc.disable()  # it counts objects and not their megabytes, so it may come late
    yield made
    gc.enable()


@pytest.mark.long
@pytest.mark.parametrize("end", ["reset", "undo", "fail"])
def test_a_run_that_is_over_is_let_go_at_once(runs, painting, network, monkeypatch, end):
    if end == "fail":
        with monkeypatch.context() as patch, pytest.raises(TypeError):
            patch.setattr(network, "forward", None)
            painting.advance()
    else:
        getattr(painting, end)()
    assert runs[0]() is None


@pytest.mark.long
def test_a_run_whose_first_picture_fails_is_let_go_with_all_that_it_holds(runs, painting, network):
    def fail(module, inputs, output):
        if torch.is_grad_enabled():  # targets there are already
            raise MemoryError("no memory")

    hook = network.convs["conv1_1"].register_forward_hook(fail)
    change(painting, size=60)
    with pytest.raises(MemoryError):
        painting.prepare()
    hook.remove()
    gc.collect()
    assert len(runs) == 2
    assert runs[1]() is None
    painting.advance()
    assert painting.frame.index == STEPS + 1


def test_the_pace_follows_the_last_steps(monkeypatch):
    painting = an_engine()
    assert (painting.pace, painting.rate, painting.seconds) == (0, 0, 0)
    times = iter([0, 8, 8, 9, 9, 10])  # when steps begin and end: 8 s, 1 s, 1 s
    monkeypatch.setattr(engine, "time", SimpleNamespace(perf_counter=lambda: next(times)))
    paces = []
    for _ in range(3):
        painting.advance()
        paces.append(painting.pace)
    assert paces == pytest.approx([8, 4.5, 10 / 3])
    assert painting.rate == pytest.approx(0.3)
    assert painting.seconds == 10
    monkeypatch.undo()
    painting.reset()
    assert painting.seconds == 0
    assert painting.pace == pytest.approx(10 / 3)  # a step takes as long as before
