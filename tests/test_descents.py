"""What notebook 05 shows: optimizers side by side, the valley, and the stored studies."""

from __future__ import annotations

import io
import math

import diagrams.valley
import measure_descent
import pytest
import torch
from bowls import Bowl, Failing
from PIL import Image

from nstkit import lesson, optimize
from nstkit.lesson import COLORS, race, study, valley

SHAPE = (1, 3, 4, 5)


def picture(seed: int = 0) -> torch.Tensor:
    return torch.rand(SHAPE, generator=torch.Generator().manual_seed(seed)) * 0.5 + 0.25


# ---------------------------------------------------------------- the race


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("sgd", race.gradient_descent(0.01)),
        ("adam", race.adam(0.02)),
        ("lbfgs", race.lbfgs()),
    ],
)
def test_a_descent_goes_the_way_of_optimize(name, make):
    bowl, start = Bowl(picture(1)), picture()
    run = race.descend(bowl, start, make, 8, keep=(0, 3, 8))
    steps = list(optimize(bowl, start, name, steps=8))
    assert run.losses == [step.losses.total for step in steps]
    for step in (0, 3, 8):
        assert torch.equal(run.pictures[step], steps[step].image)
    assert list(run.pictures) == [0, 3, 8] and torch.equal(start, picture())


def test_momentum_is_its_formula():
    bowl, start = Bowl(picture(1)), picture()
    run = race.descend(bowl, start, race.momentum(0.002, 0.9), 6, keep=(6,))
    x, velocity, scale = start.clone(), torch.zeros(SHAPE), None
    for _ in range(6):
        gradient = 2 * bowl.curvature * (x - bowl.target)
        scale = gradient.abs().mean() if scale is None else scale
        velocity = 0.9 * velocity + gradient / scale
        x = x - 0.002 * velocity
    assert x.min() > 0 and x.max() < 1  # so that no limit took part
    torch.testing.assert_close(run.pictures[6], x)


def test_adam_takes_its_own_settings():
    bowl, start = Bowl(picture(1)), picture()
    ways = {
        settings: race.descend(bowl, start, race.adam(0.02, *settings), 5).losses[-1]
        for settings in ((0.9, 0.99), (0.99, 0.99), (0.9, 0.5), (0.9, 0.99, 10.0))
    }
    assert len(set(ways.values())) == len(ways)


def test_a_loss_that_is_not_finite_ends_the_descent():
    run = race.descend(Failing(picture(1), {4}), picture(), race.adam(0.02), 9, keep=range(9))
    assert len(run.losses) == 3 and list(run.pictures) == [0, 1, 2]


def test_the_best_rate_has_the_lowest_last_loss_of_the_whole_runs():
    curves = race.numbered({"2": [9.0, 1.0], "0.5": [9.0, 4.0, 3.0], "1": [9.0, 8.0, 2.0]})
    assert list(curves) == [0.5, 1, 2]
    assert race.final_losses(curves) == {0.5: 3, 1: 2, 2: math.inf}
    assert race.best_rate(curves) == 1


def test_the_chart_of_rates_is_a_picture():
    curves = {0.5: [9.0, 3.0], 1.0: [9.0, 2.0], 2.0: [9.0]}
    shown = race.show_rates({"Adam": curves, "L-BFGS": curves}, "two valleys")
    with Image.open(io.BytesIO(shown.data)) as image:
        assert image.width > 800
    assert shown.mime == "image/png" and shown.alt == "two valleys"


# ---------------------------------------------------------------- the valley


def lbfgs(x):
    return torch.optim.LBFGS(x, max_iter=1, tolerance_grad=0, tolerance_change=0)


def test_the_gradient_is_that_of_the_height():
    places = torch.tensor([[0.2, 0.9], [1.0, 0.1]], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(valley.valley_loss(places).sum(), places)
    torch.testing.assert_close(valley.valley_gradient(places.detach()), gradient)
    floor = torch.tensor(valley.FLOOR, dtype=torch.float64)
    assert valley.valley_loss(floor) == 0 and not valley.valley_gradient(floor).any()


def test_a_walk_of_gradient_descent_is_its_formula():
    places = valley.walk(lambda x: torch.optim.SGD(x, 0.05), 4)
    assert places.shape == (5, 2)
    for here, there in zip(places[:-1], places[1:], strict=True):
        torch.testing.assert_close(there, here - 0.05 * valley.valley_gradient(here))


def test_without_limits_lbfgs_finds_the_floor_and_in_the_square_only_resting_finds_the_best():
    edge = torch.stack([torch.ones(1001), torch.linspace(0, 1, 1001)], 1).double()
    best = valley.valley_loss(edge).min()  # of the square: the floor is to the right of it
    ends = {limits: valley.walk(lbfgs, 40, limits)[-1] for limits in valley.LIMITS}
    heights = {limits: valley.valley_loss(end) for limits, end in ends.items()}
    assert valley.valley_loss(valley.best_allowed()) == pytest.approx(best.item(), abs=1e-5)
    assert heights["none"] < 1e-9
    assert heights["rest"] == pytest.approx(best.item(), abs=1e-4)
    assert heights["clamp"] > 2 * best


def test_other_limits_are_refused():
    with pytest.raises(ValueError, match="expected one of"):
        valley.walk(lbfgs, 1, "bounce")


def test_the_drawing_has_a_panel_for_each_way():
    places = valley.walk(lbfgs, 3)
    one, three = (
        valley.show_valley(dict.fromkeys(titles, places), "ways") for titles in ("a", "abc")
    )
    assert one.mime == three.mime == "image/jpeg" and one.data != three.data
    colored = valley.show_valley({"a": places}, "ways", color="#009E73")
    assert colored.data != one.data


def test_each_optimizer_has_a_color_of_its_own_in_charts_and_in_the_valley():
    colors = list(race.METHOD_COLORS.values())
    assert list(race.METHOD_COLORS) == list(race.METHODS) and len(set(colors)) == len(colors)
    assert colors == list(COLORS[: len(colors)])  # so that `show_curves` gives the same ones
    assert list(diagrams.valley.WORDS) == list(race.METHODS)


# ---------------------------------------------------------------- a painting beside its sources


def test_a_painting_stands_beside_its_sources_as_high_as_their_column():
    painting, low, high = (
        torch.rand(1, 3, 40, 60),
        torch.zeros(1, 3, 20, 40),
        torch.ones(1, 3, 9, 9),
    )
    shown = lesson.show_painting(painting, "new", {"low": low, "high": high}, "three", width=2)
    assert shown.mime == "image/jpeg" and shown.alt == "three"
    with Image.open(io.BytesIO(shown.data)) as image:
        pixels = image.convert("L")
    assert pixels.height == 200 + 30  # the painting, and a title's line
    column = (200 - 30 - 12) / (20 / 40 + 1)
    assert pixels.width == pytest.approx(300 + 12 + column, abs=1)
    black, white = pixels.getpixel((50, 60)), pixels.getpixel((50, 200))
    assert black < 20 and white > 235  # in their order, from the top


def test_a_painting_with_nothing_or_too_much_beside_it_is_refused():
    painting = torch.rand(1, 3, 40, 60)
    for sources in ({}, {str(n): painting for n in range(9)}):
        with pytest.raises(ValueError, match="give at least one picture"):
            lesson.show_painting(painting, "new", sources, "too much", width=2)


# ---------------------------------------------------------------- stored studies


def test_the_next_rate_is_a_factor_of_two_beyond_until_the_best_is_inside():
    ends, best = {}, 0.37
    while rate := measure_descent.next_rate(ends, 3.0):
        ends[rate] = abs(math.log(rate / best))
    rates = sorted(ends)
    at = rates.index(min(ends, key=ends.get))
    assert all(high / low == 2 for low, high in zip(rates[:-1], rates[1:], strict=True))
    assert at >= measure_descent.NEIGHBORS and len(rates) - 1 - at >= measure_descent.NEIGHBORS


def test_each_optimizer_of_the_stored_race_has_its_best_rate_inside_the_grid():
    found = study.study("descent_rates")["methods"]
    assert found.keys() == race.METHODS.keys()
    for curves in map(race.numbered, found.values()):
        at = list(curves).index(race.best_rate(curves))
        assert measure_descent.NEIGHBORS <= at < len(curves) - measure_descent.NEIGHBORS


def test_adam_has_its_best_rate_inside_the_grid_on_each_pair_of_the_long_race():
    found = study.study("descent_race")
    assert len(found["pairs"]) == len(measure_descent.RACE_PAIRS)
    for curves in found["pairs"].values():
        assert measure_descent.next_runner(curves) is None
        assert {len(run) for runs in curves.values() for run in runs.values()} == {
            found["steps"] + 1
        }
        rates = race.numbered(curves["Adam"])
        assert 0 < list(rates).index(race.best_rate(rates)) < len(rates) - 1


def test_an_unknown_study_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match="descent_rates"):
        study.study("descent_of_man")
    with pytest.raises(ValueError, match="descent_rates"):
        study.study_pictures("descent_of_man")
