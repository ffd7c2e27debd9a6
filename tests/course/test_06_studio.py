"""Notebook 06: its small live panel does what the studio does, and so do its exercises."""

import itertools
import math
import threading
import time

import pytest
import torch

from course.cells import definition
from nstkit import TEXTBOOK, VGG, Objective, optimize
from nstkit.checks.exercises import EXERCISES
from nstkit.studio import Engine, Settings
from nstkit.studio.screen import jpeg
from nstkit.studio.worker import Worker
from nstkit.vgg.fast import FastVGG, to_paint

STEM = "06_studio"
SHAPES = (32, 48), (40, 32)  # of the photograph and the artwork


@pytest.fixture(scope="module")
def pictures():
    generator = torch.Generator().manual_seed(0)
    return [torch.rand(1, 3, *shape, generator=generator) for shape in SHAPES]


def engine_of(pictures, **recipe):
    return Engine(Settings(*pictures, TEXTBOOK.replace(**recipe)), "fp32", "cpu")


@pytest.mark.long
@pytest.mark.parametrize("new", [100.0, 1.0])
def test_steered_paints_what_the_engine_paints(pictures, new):
    steered, at = definition(STEM, "steered"), 2
    beta = {"now": 10.0}
    vgg = to_paint(VGG(), "cpu")
    painter = steered(Objective.of(*pictures, vgg), pictures[0], lambda: beta["now"])
    engine = engine_of(pictures)
    for index, step in enumerate(itertools.islice(painter, 6)):
        assert step.index == engine.frame.index == index
        assert step.image.equal(engine.frame.image)
        assert step.losses == engine.frame.losses
        if index == at:
            beta["now"] = new
            engine.settings = engine.settings.replace(beta=new)
        engine.advance()


def test_steered_with_a_slider_at_rest_is_optimize(pictures):
    steered = definition(STEM, "steered")
    objectives = [Objective.of(*pictures, VGG()) for _ in range(2)]
    painter = steered(objectives[0], pictures[0], lambda: 10.0)
    walk = optimize(objectives[1], pictures[0], TEXTBOOK.optimizer, steps=3)
    for mine, theirs in zip(painter, walk, strict=False):
        assert mine.image.equal(theirs.image)


def test_keep_painting_stops_without_beats_as_the_worker_does():
    keep_painting = definition(STEM, "keep_painting")
    count, shared = itertools.count(), {"heard": time.monotonic()}
    keep_painting(count, shared, patience=0.05)
    assert time.monotonic() - shared["heard"] >= 0.05
    assert next(count) == shared["step"] + 1
    worker = Worker(lambda: time.sleep(0.005), patience=0.05)
    worker.beat()
    until(lambda: not worker.running)
    worker.end()


def test_keep_painting_makes_no_step_if_nobody_listens():
    keep_painting = definition(STEM, "keep_painting")
    count, shared = itertools.count(), {"heard": -math.inf}
    keep_painting(count, shared)
    assert "step" not in shared and next(count) == 0


def slowly(steps):
    """Yield steps at the pace of a small painting."""
    for step in steps:
        time.sleep(0.005)
        yield step


def until(condition):
    for _ in range(2000):
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError("waited for 10 seconds")


def test_answer_beat_starts_one_thread_again_and_again(pictures):
    answer_beat = definition(STEM, "answer_beat")
    steps = list(optimize(Objective.of(*pictures, VGG()), pictures[0], steps=2))
    painter, image = slowly(itertools.cycle(steps)), type("Image", (), {"value": b""})()
    shared = {"step": steps[0], "thread": threading.Thread()}
    for _ in range(2):
        answer_beat(painter, shared, image)
        first = shared["thread"]
        answer_beat(painter, shared, image)
        assert shared["thread"] is first and first.is_alive() and first.daemon
        assert image.value in [jpeg([step.image]) for step in steps]
        shared["heard"] = -math.inf
        first.join(10)
        assert not first.is_alive()


def test_live_panel_follows_its_slider(pictures):
    live_panel, shared = definition(STEM, "live_panel"), {}
    before = threading.active_count()
    panel = live_panel(Objective.of(*pictures, VGG()), pictures[0], shared)
    play, slider, image = panel.children
    assert image.value == jpeg([pictures[0]])
    assert threading.active_count() == before  # nothing runs before the first beat
    play.value += 1
    until(lambda: shared["step"].index >= 2)
    slider.value = 100.0
    assert shared["beta"] == 100.0
    until(lambda: shared["step"].losses.coefficients["style"] == 100.0)
    play.value += 1
    assert image.value != jpeg([pictures[0]])
    shared["heard"] = -math.inf
    shared["thread"].join(10)
    assert threading.active_count() == before


CHANGES = {
    "A": {"beta": 100},
    "B": {"style_layers": {"relu1_1": 0.2, "relu3_1": 0.0}},
    "C": {"style": torch.rand(1, 3, 36, 36, generator=torch.Generator().manual_seed(1))},
    "D": {"pooling": "avg"},
    "E": {"size": 96},
    "F": {"start": "noise"},
    "G": {"content_layers": ["relu1_2"]},
    "H": {"optimizer": "adam"},
}


@pytest.mark.long
def test_the_answer_of_exercise_1_is_what_the_engine_does(monkeypatch):
    forward, passes = FastVGG.forward, []

    def noted(self, image, layers):
        passes.append(image)
        return forward(self, image, layers)

    monkeypatch.setattr(FastVGG, "forward", noted)
    free = set()
    for letter, change in CHANGES.items():
        small = TEXTBOOK.replace(content_layers=["relu2_2"], style_layers=["relu1_1", "relu3_1"])
        engine = Engine(Settings("cat", "great_wave", small, size=64), "fp32", "cpu")
        engine.settings = engine.settings.replace(**change)
        passes.clear()
        engine.advance()
        targets = [image for image in passes if any(image is p for p in engine.pictures)]
        free |= set() if targets else {letter}
    assert free == EXERCISES["6.1"].right
