"""The studio's engine: what changes while it paints, what it costs, and what comes back."""

from __future__ import annotations

import gc
import weakref
from types import SimpleNamespace

import pytest
import torch

import nstkit
from nstkit import DEFAULT, Objective, optimize, stylize
from nstkit.optimize import solver
from nstkit.studio import Engine, Settings, engine, settings
from nstkit.studio.controls import PRESETS
from nstkit.studio.run import Change, Frame, Run

SIZE = 52  # px: the smallest that leaves 32 rows


@pytest.fixture
def passes(network, monkeypatch):
    """The passes through the network so far: shape of the picture, and whether for a gradient."""
    seen = []
    real = network.forward

    def forward(image, layers):
        seen.append((tuple(image.shape[-2:]), torch.is_grad_enabled()))
        return real(image, layers)

    monkeypatch.setattr(network, "forward", forward)
    monkeypatch.setattr(
        engine, "network", lambda r: network if r.pooling == "max" else nstkit.VGG(pooling="avg")
    )
    return seen


def targets(passes):
    return [shape for shape, gradient in passes if not gradient]


@pytest.fixture
def painting(passes):
    """An engine after five steps."""
    made = Engine(Settings("cat", "great_wave", size=SIZE), precision="fp32")
    advance(made, 5)
    passes.clear()
    return made


def advance(painting, steps):
    for _ in range(steps):
        painting.advance()


def change(painting, **changes):
    painting.settings = painting.settings.replace(**changes)


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"style_layers": {}}, "No style layer is on"),
        ({"style_layers": {"relu1_1": 0.0}}, "No style layer is on"),
        ({"content_layers": {}}, "No content layer"),
        ({"alpha": 0, "beta": 0, "tv": 0}, "all off: nothing to minimize"),
    ],
)
def test_settings_that_leave_nothing_to_minimize_are_refused(changes, told):
    with pytest.raises(ValueError, match=told):
        Settings("cat", "scream").replace(**changes)


def test_smoothing_alone_is_something():
    assert Settings("cat", "scream").replace(alpha=0, beta=0, style_layers={}).recipe.tv


def test_replace_takes_settings_and_fields_of_the_recipe():
    before = Settings("cat", "scream")
    after = before.replace(size=96, beta=3, recipe=DEFAULT.replace(tv=0))
    assert (after.size, after.recipe) == (96, DEFAULT.replace(tv=0, beta=3))
    assert (before.size, before.recipe) == (192, DEFAULT)
    with pytest.raises(ValueError, match="no \\['colour'\\]"):
        before.replace(colour=1)


def test_changes_are_what_replace_needs(cat):
    before = Settings("cat", "scream")
    after = before.replace(content=cat, beta=3, style_layers={"relu1_1": 1})
    changed = before.changes(after)
    assert changed == {"content": cat, "beta": 3, "style_layers": {"relu1_1": 1}}
    again = before.replace(**changed)
    assert after.changes(again) == {}
    # Pictures in memory are never compared pixel by pixel.
    assert set(after.changes(after.replace(content=cat.clone()))) == {"content"}


def test_the_form_of_a_recipe_is_all_but_weights_and_route():
    form = Settings("cat", "scream").form()
    assert Settings("cat", "scream", PRESETS["texture only"]).form() == form
    assert Settings("cat", "scream", DEFAULT.replace(gram="elements")).form() != form
    assert Settings("cat", "scream", DEFAULT.replace(pooling="avg")).form() != form


# ---------------------------------------------------------------- painting


def test_it_paints_what_stylize_paints_bit_for_bit(painting):
    same = stylize("cat", "great_wave", steps=5, size=SIZE, precision="fp32", progress=False)
    assert torch.equal(painting.frame.image, same.image)
    result = painting.result()
    assert torch.equal(result.image, same.image)
    assert result.recipe == DEFAULT.replace(steps=5)
    assert result.sources == ("cat", "great_wave")
    assert result.best.losses.total == same.best.losses.total
    assert [r.index for r in painting.history] == [0, 1, 2, 3, 4, 5]
    assert [r.losses.total for r in painting.history] == [r.losses.total for r in same.history]


def test_a_new_weight_acts_at_the_next_step_without_targets_or_a_restart(painting, passes):
    change(painting, beta=100)
    painting.advance()
    assert painting.frame.index == 6
    assert painting.frame.losses.weights == (1, 100, 50)
    # Both at the picture's own shape: the old picture under the new weights, and the new one.
    assert passes == [(tuple(painting.frame.image.shape[-2:]), True)] * 2


def test_a_change_is_followed_as_by_optimize_with_its_memory_cleared(painting, network):
    change(painting, beta=100, style_layers={"relu1_1": 0.7, "relu3_1": 0.3})
    advance(painting, 4)

    content, style = painting.pictures
    objective = Objective(content, style, network)
    for step in optimize(objective, content, nstkit.DEFAULT.optimizer, steps=9):
        if step.index == 5:
            objective.beta = 100
            objective.style_layers = {"relu1_1": 0.7, "relu3_1": 0.3}
    assert torch.equal(painting.frame.image, step.image)


def moved_during_a_pass(painting, network, monkeypatch, **changes):
    """Make a step; the settings change while the network is at work on its picture."""
    real = network.forward

    def forward(image, layers):
        change(painting, **changes)
        return real(image, layers)

    with monkeypatch.context() as patch:
        patch.setattr(network, "forward", forward)
        painting.advance()


def test_a_weight_that_moves_during_a_pass_costs_no_second_one(
    painting, passes, network, monkeypatch
):
    moved_during_a_pass(painting, network, monkeypatch, beta=100)
    assert painting.frame.losses.weights == (1, 100, 50)
    assert painting.frame.settings.recipe.beta == DEFAULT.beta  # its pixels know nothing of it
    painting.advance()
    assert painting.frame.settings.recipe.beta == 100
    assert len(passes) == 2


@pytest.mark.parametrize("moves", [1, 2])
def test_a_weight_that_moves_during_a_pass_is_followed_bit_for_bit(
    painting, network, monkeypatch, moves
):
    for beta in (100, 200)[:moves]:
        moved_during_a_pass(painting, network, monkeypatch, beta=beta)
    advance(painting, 3)
    assert painting.best is painting.frame
    scope = {"nstkit": nstkit}
    script = painting.frame.script()
    assert script.count("studio.set(beta") == moves
    exec(script.replace("seed=0)", "seed=0, precision='fp32')"), scope)
    assert torch.equal(scope["studio"].engine.frame.image, painting.frame.image)


class Backward:
    """Change beta on the way back through the network, ``times`` times a step."""

    def __init__(self, painting, network, times):
        self.painting, self.times, self.beta = painting, times, 100
        # The deepest convolution is the first on the way back, and not the last look at beta.
        self.hook = network.convs["conv5_1"].register_forward_hook(self.watch)

    def watch(self, module, inputs, output):
        if output.requires_grad and self.times:
            output.register_hook(self.move)

    def move(self, gradient):
        self.times -= 1
        self.beta += 10
        change(self.painting, beta=self.beta)


@pytest.mark.parametrize("times", [1, 3])
def test_a_way_back_under_old_weights_is_given_up_once_a_picture(painting, passes, network, times):
    backward = Backward(painting, network, times)
    painting.advance()
    backward.hook.remove()
    assert len(passes) == 2  # never more: who drags a slider wants to see something
    assert painting.frame.losses.weights[1] == 110
    advance(painting, 3)
    assert painting.best is painting.frame
    scope = {"nstkit": nstkit}
    script = painting.frame.script()
    exec(script.replace("seed=0)", "seed=0, precision='fp32')"), scope)
    assert torch.equal(scope["studio"].engine.frame.image, painting.frame.image)


def test_undo_after_a_weight_has_moved_during_a_pass_takes_it_back(painting, network, monkeypatch):
    before = painting.best
    moved_during_a_pass(painting, network, monkeypatch, beta=3000)
    assert painting.best is before
    painting.undo()
    assert torch.equal(painting.frame.image, before.image)
    assert painting.settings.recipe.beta == DEFAULT.beta


@pytest.mark.parametrize(
    "changes", [{"style_layers": {"relu2_2": 1}}, {"size": 60}, {"gram": "elements"}]
)
def test_what_a_pass_cannot_tell_waits_for_the_next(painting, network, monkeypatch, changes):
    moved_during_a_pass(painting, network, monkeypatch, **changes)
    assert painting.frame.index == 6
    assert painting.frame.losses.total < painting.history[0].losses.total
    painting.advance()
    assert painting.frame.settings is painting.settings


def test_a_new_style_computes_its_targets_only_and_goes_on(painting, passes):
    content = painting.pictures[0]
    change(painting, style="scream")
    painting.prepare()
    assert painting.pictures[0] is content
    assert targets(passes) == [tuple(painting.pictures[1].shape[-2:])]
    assert painting.frame.index == 5
    painting.advance()
    assert painting.frame.index == 6


def test_a_layer_more_computes_its_target_only(painting, passes):
    change(painting, style_layers={**DEFAULT.style_layers, "relu2_2": 0.1})
    painting.advance()
    assert targets(passes) == [tuple(painting.pictures[1].shape[-2:])]
    passes.clear()
    change(painting, style_layers=DEFAULT.style_layers)
    painting.advance()
    assert targets(passes) == []


def test_another_pooling_computes_both_targets_and_goes_on(painting):
    change(painting, pooling="avg")
    painting.advance()
    assert painting.frame.index == 6
    assert painting._objective.vgg.pooling == "avg"
    assert next(painting._objective.vgg.parameters()).dtype == torch.float32


def test_another_form_of_the_losses_keeps_the_network(painting, passes, network):
    change(painting, gram="elements")
    painting.advance()
    assert painting.frame.index == 6
    assert painting._objective.vgg is network
    assert len(targets(passes)) == 2


def test_another_optimizer_goes_on_from_the_picture(painting, passes):
    before = painting.frame.image
    change(painting, optimizer="adam")
    painting.prepare()
    assert torch.equal(painting.frame.image, before)
    painting.advance()
    assert painting.frame.index == 6
    assert targets(passes) == []


@pytest.mark.parametrize(
    "changes", [{"content": "castle"}, {"size": 80}, {"start": "noise"}, {"seed": 1}]
)
def test_what_changes_the_start_begins_anew(painting, changes):
    change(painting, **changes)
    painting.prepare()
    assert (painting.frame.index, len(painting.history), painting.seconds) == (0, 1, 0)
    assert len(painting.frame.changes) == 1
    want = nstkit.load_image(changes.get("content", "cat"), size=changes.get("size", SIZE))
    assert torch.equal(painting.pictures[0], want)


def test_reset_begins_anew_and_repeats(painting):
    first = painting.frame.image
    painting.reset()
    assert painting.frame.index == 0
    assert torch.equal(painting.frame.image, painting.pictures[0])
    advance(painting, 5)
    assert torch.equal(painting.frame.image, first)


def test_forget_goes_on_with_a_fresh_optimizer(painting):
    painting.forget()
    assert painting.frame.index == 5
    assert painting.frame.changes == painting.frame.changes[:1]
    painting.advance()
    assert painting.frame.changes[1].fresh


def test_a_picture_is_published_before_its_losses(painting):
    seen = []
    run = painting._run
    real = run.objective

    class Spy:
        weights, losses = real.weights, real.losses

        def measure(self, image):
            seen.append((run.newest.index, run.newest.losses, image.detach().clamp(0, 1)))
            return real.measure(image)

    run.objective = Spy()
    painting.advance()
    ((index, losses, image),) = seen
    assert (index, losses) == (6, None)
    assert torch.equal(painting.frame.image, image)
    assert painting.newest is painting.frame


def test_the_same_picture_is_not_published_twice(cat):
    still = Objective(cat, None, None, DEFAULT.replace(beta=0, tv=0))  # its gradient is 0
    changes = (Change(0, Settings("cat", "scream")),)
    run = Run(still, Frame(0, cat, changes), changes)
    indices = [run.advance()[0].index for _ in range(3)]
    assert indices == [0, 1, 2]
    assert run.newest.index == 2


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
    advance(painting, 4)
    painting.undo()  # these were steps downhill: there already
    assert torch.equal(painting.frame.image, before.image)
    assert painting.settings.recipe.beta == DEFAULT.beta
    painting.advance()
    assert painting.frame.losses.weights == (1, 10, 50)


def test_undo_right_after_a_change_takes_the_change_back(painting):
    before = painting.frame
    change(painting, beta=3000)
    painting.prepare()
    painting.undo()
    assert painting.settings.recipe.beta == DEFAULT.beta
    assert torch.equal(painting.frame.image, before.image)
    painting.undo()  # nothing is left to go back to
    assert painting.frame.index == before.index


def test_undo_goes_back_over_a_reset_and_other_pictures(painting):
    before = painting.frame
    change(painting, content="castle", size=80)
    painting.prepare()
    painting.undo()
    assert torch.equal(painting.frame.image, before.image)
    assert painting.settings.content == "cat"
    assert painting.pictures[0].shape == before.image.shape
    painting.advance()
    assert painting.frame.index == 6


def test_a_dragged_slider_does_not_flush_the_memory_of_undo(painting):
    before = painting.frame
    for beta in range(11, 31):
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
    assert painting.frame.index == 6


def test_a_size_beyond_the_memory_leaves_all_as_it_was(painting, monkeypatch):
    monkeypatch.setattr(settings, "free_memory", lambda device: 10**8)
    change(painting, size=256)
    with pytest.raises(ValueError, match=r"256 x 170 px needs about 0.2 GB .* 0.1 GB are free"):
        painting.advance()
    assert painting.settings.size == SIZE
    painting.advance()
    assert max(painting.frame.image.shape) == SIZE


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
    assert painting.frame.index == 6
    assert painting.frame.losses.total < painting.history[0].losses.total


def test_a_layer_that_fails_is_taken_back(painting, network, monkeypatch):
    real = network.forward

    def fail(image, layers):
        if "relu5_4" in layers:
            raise MemoryError("no memory")
        return real(image, layers)

    monkeypatch.setattr(network, "forward", fail)
    change(painting, content_layers={"relu5_4": 1})
    with pytest.raises(MemoryError):
        painting.advance()
    assert painting.settings.recipe == DEFAULT
    painting.advance()
    assert painting.frame.index == 6


def test_settings_that_came_during_a_failure_are_kept(painting):
    change(painting, style="no such")
    wanted = painting.settings.replace(style="scream")
    real = painting._objective_for

    def late(*given):
        painting.settings = wanted  # from another thread
        return real(*given)

    painting._objective_for = late
    with pytest.raises(FileNotFoundError):
        painting.prepare()
    assert painting.settings is wanted


def test_the_first_settings_must_do(passes):
    with pytest.raises(FileNotFoundError):
        Engine(Settings("no such", "scream", size=SIZE))


def test_free_memory_is_a_size_of_this_machine():
    assert 10**7 < settings.free_memory(torch.device("cpu")) < 10**14


# ---------------------------------------------------------------- how it came about


def test_the_script_of_a_painting_left_alone_is_a_call_of_stylize(painting):
    scope = {"nstkit": nstkit}
    script = painting.frame.script()
    assert script.splitlines() == [
        "recipe = nstkit.Recipe(alpha=1.0, beta=10.0, tv=50.0, optimizer='fourier_lbfgs', steps=5)",
        f"nstkit.stylize('cat', 'great_wave', recipe, size={SIZE}, seed=0)",
    ]
    repeated = script.replace("seed=0)", "seed=0, precision='fp32', progress=False)")
    exec(repeated.replace("nstkit.stylize", "result = nstkit.stylize"), scope)
    assert torch.equal(scope["result"].image, painting.frame.image)


def test_the_script_of_a_steered_painting_repeats_it_bit_for_bit(painting, monkeypatch):
    change(painting, beta=50)
    advance(painting, 2)
    painting.undo()
    change(painting, style="scream", style_layers={"relu1_1": 0.5, "relu4_1": 0.5})
    advance(painting, 3)
    change(painting, optimizer="adam")
    advance(painting, 2)
    painting.forget()
    advance(painting, 2)

    script = painting.frame.script()
    assert "studio.set(style='scream', style_layers={'relu1_1': 0.5, 'relu4_1': 0.5})" in script
    assert "studio.forget()" in script
    scope = {"nstkit": nstkit}
    exec(script.replace("seed=0)", "seed=0, precision='fp32')"), scope)
    repeated = scope["studio"].engine.frame
    assert repeated.index == painting.frame.index
    assert torch.equal(repeated.image, painting.frame.image)
    assert repeated.script() == script


def test_a_weight_that_was_moved_and_moved_back_at_rest_is_no_change(painting):
    change(painting, beta=50)
    painting.prepare()
    change(painting, beta=DEFAULT.beta)
    advance(painting, 2)
    assert len(painting.frame.changes) == 1


def test_a_style_that_was_changed_and_changed_back_at_rest_has_made_the_optimizer_fresh(painting):
    change(painting, style="scream")
    painting.prepare()
    change(painting, style="great_wave")
    painting.advance()
    assert [c.fresh for c in painting.frame.changes] == [False, True]
    assert "studio.forget()" in painting.frame.script()


# ---------------------------------------------------------------- cost


def test_nothing_accumulates_over_steps_and_resets(passes, monkeypatch):
    monkeypatch.setattr(engine, "PAST", 2)
    monkeypatch.setattr(solver, "PAIRS", 3)
    painting = Engine(Settings("cat", "great_wave", size=SIZE), precision="fp32")

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


@pytest.mark.parametrize("end", ["reset", "undo", "fail"])
def test_a_run_that_is_over_is_let_go_at_once(painting, network, monkeypatch, end):
    """Not when the garbage collector comes by: it counts objects, not their megabytes."""
    run = weakref.ref(painting._run)
    gc.collect()
    gc.disable()
    try:
        if end == "fail":
            with monkeypatch.context() as patch, pytest.raises(TypeError):
                patch.setattr(network, "forward", None)
                painting.advance()
        else:
            getattr(painting, end)()
        assert run() is None
    finally:
        gc.enable()


def test_the_rate_is_of_the_last_steps(painting, monkeypatch):
    clock = iter(range(0, 1000, 2))  # each step takes two seconds
    monkeypatch.setattr(engine, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    advance(painting, 30)
    assert painting.rate == pytest.approx(0.5, rel=0.01)
