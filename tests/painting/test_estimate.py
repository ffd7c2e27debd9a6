"""How long a painting will take."""

from __future__ import annotations

from time import perf_counter

import pytest
from torch import Tensor

from nstkit import VGG, Recipe
from nstkit.painting.estimate import in_words, seconds_needed
from nstkit.painting.plan import prepare
from nstkit.painting.stylize import paint

QUICK = Recipe(style_layers=["relu1_1", "relu2_1"], content_layers="relu2_2", steps=3)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "about a second"),
        (0.9, "about a second"),
        (1.2, "about 1 s"),
        (7.6, "about 8 s"),
        (23, "about 25 s"),
        (88, "about 90 s"),
        (100, "about 2 min"),
        (290, "about 5 min"),
        (61 * 60, "about 60 min"),
        (5400, "about 1.5 h"),
    ],
)
def test_a_duration_is_told_as_one_would_say_it(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_an_estimate_grows_with_the_work_and_leaves_the_plan_alone(
    cat: Tensor, wave: Tensor, vgg: VGG
) -> None:
    few, many = (prepare(cat, wave, QUICK, steps=n, vgg=vgg) for n in (2, 200))
    before = cat.clone(), wave.clone()
    short, long = seconds_needed(few), seconds_needed(many)
    assert 0 < short < long
    assert few.content.equal(before[0]) and few.works.plain.equal(before[1])


def test_an_estimate_is_near_the_truth(cat: Tensor, wave: Tensor, vgg: VGG) -> None:
    """By a wide margin: other programs may run beside this test."""
    plan = prepare(cat, wave, QUICK, steps=20, vgg=vgg)
    told, before = seconds_needed(plan), perf_counter()
    paint(plan, progress=False)
    assert told / 5 < perf_counter() - before < told * 5


@pytest.mark.long
@pytest.mark.parametrize("shape", [(40, 400), (400, 40), (40, 40)])
def test_narrow_and_small_pictures_can_be_estimated(
    shape: tuple[int, int], wave: Tensor, vgg: VGG
) -> None:
    plan = prepare(wave.new_ones(1, 3, *shape), wave, Recipe(steps=1), vgg=vgg)
    assert seconds_needed(plan) > 0
