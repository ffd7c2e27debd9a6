"""Notebook 05: its loop, its two-loop recursion and its whole method compute what is known."""

import pytest
import torch

from course.cells import DEFINES, definition, tagged
from nstkit import TEXTBOOK, Objective, stylize

STEM = "05_optimization"
SHAPES = (32, 48), (40, 32)  # of the photograph and the artwork


def bowl(dtype=torch.float64, size=9):
    generator = torch.Generator().manual_seed(3)
    curvature = torch.logspace(0, 2, size, dtype=dtype)
    return curvature, torch.randn(size, generator=generator, dtype=dtype)


def torch_walk(steps, history, size=9):
    """Yield gradients, past moves and changes, and the direction that torch took."""
    curvature, x = bowl(size=size)
    options = {"max_iter": 1, "history_size": history, "tolerance_grad": 0, "tolerance_change": 0}
    opt = torch.optim.LBFGS([x], 0.2, **options)
    places, gradients = [], []
    for _ in range(steps):
        places.append(x.clone())
        gradients.append(curvature * x)
        x.grad = gradients[-1].clone()
        opt.step(lambda: 0.0)
        s = [b - a for a, b in zip(places[:-1], places[1:], strict=True)]
        y = [b - a for a, b in zip(gradients[:-1], gradients[1:], strict=True)]
        yield gradients[-1], s[-history:], y[-history:], opt.state[x]["d"].clone()


@pytest.mark.parametrize("history", [1, 3, 20])
def test_two_loop_gives_the_direction_of_torch(history):
    two_loop = definition(STEM, "two_loop")
    seen = 0
    for g, s, y, direction in torch_walk(8, history):
        torch.testing.assert_close(two_loop(g, s, y), direction, rtol=1e-7, atol=1e-10)
        seen += 1
    assert seen == 8


def test_two_loop_without_memory_goes_against_the_gradient_and_changes_nothing():
    two_loop = definition(STEM, "two_loop")
    _, g = bowl()
    before = g.clone()
    assert torch.equal(two_loop(g, [], []), -before) and torch.equal(g, before)


def test_two_loop_with_a_pair_in_each_direction_is_a_step_of_newton():
    curvature, x = bowl(size=4)
    moves = list(torch.eye(4, dtype=torch.float64))
    two_loop = definition(STEM, "two_loop")
    direction = two_loop(curvature * x, moves, [curvature * move for move in moves])
    torch.testing.assert_close(direction, -x)


@pytest.fixture(scope="module")
def pictures():
    generator = torch.Generator().manual_seed(0)
    return [torch.rand(1, 3, *shape, generator=generator) for shape in SHAPES]


def test_paint_is_adam_as_its_paper_writes_it(pictures, vgg):
    """Kingma and Ba 2015, algorithm 1, and a clamp."""
    objective, start = Objective.of(*pictures, vgg), pictures[0].flip(3)
    x, m, v = start.clone(), torch.zeros_like(start), torch.zeros_like(start)
    for t in range(1, 5):
        here = x.clone().requires_grad_()
        (g,) = torch.autograd.grad(objective(here).total, here)
        m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g.square()
        x = x - 0.02 * (m / (1 - 0.9**t)) / ((v / (1 - 0.99**t)).sqrt() + 1e-8)
        x = x.clamp(0, 1)
    painted = definition(STEM, "paint")(objective, start, 4)
    torch.testing.assert_close(painted, x, atol=1e-4, rtol=0)
    assert torch.equal(start, pictures[0].flip(3)) and not painted.requires_grad


@pytest.mark.long
@pytest.mark.parametrize(
    ("dtype", "steps", "tolerance"), [(torch.float64, 12, 1e-6), (torch.float32, 6, 1 / 255)]
)
def test_the_whole_method_gives_the_picture_of_stylize(pictures, embedded, dtype, steps, tolerance):
    """Step by step: in float64 rounding cannot grow to anything, in float32 it grows slowly."""
    network = embedded(dtype)
    recipe = TEXTBOOK.replace(optimizer="lbfgs", steps=steps)
    run = stylize(
        *pictures, recipe, vgg=network, device="cpu", progress=False, keep=range(steps + 1)
    )
    weights = {name.removeprefix("convs."): w for name, w in network.state_dict().items()}
    style_transfer = definition(STEM, "style_transfer")
    for step in (1, steps // 2, steps):
        mine = style_transfer(*pictures, weights, step)
        torch.testing.assert_close(mine, run.snapshots[step], atol=tolerance, rtol=0)
    assert (mine - pictures[0]).abs().mean() > 0.02  # it has painted
    assert ((mine == 0) | (mine == 1)).any()  # and limits took part


def test_the_whole_method_begins_where_it_is_asked_to(pictures, embedded):
    """With no step it returns the start; the photograph, if no other is given."""
    weights = {n.removeprefix("convs."): w for n, w in embedded(torch.float32).state_dict().items()}
    style_transfer, start = definition(STEM, "style_transfer"), pictures[0].flip(3)
    assert torch.equal(style_transfer(*pictures, weights, 0, start), start)
    assert torch.equal(style_transfer(*pictures, weights, 0), pictures[0])
    painted = style_transfer(*pictures, weights, 2, start)
    assert torch.equal(start, pictures[0].flip(3))
    assert 0 < (painted - start).abs().mean() < (painted - pictures[0]).abs().mean()


def test_the_whole_method_with_short_weights_takes_nearly_the_same_first_step(pictures, embedded):
    """The picture and the statistics stay float32, so only the features are rounded."""
    weights = {n.removeprefix("convs."): w for n, w in embedded(torch.float32).state_dict().items()}
    short = {name: weight.bfloat16() for name, weight in weights.items()}
    style_transfer = definition(STEM, "style_transfer")
    fine, rough = (style_transfer(*pictures, chosen, 1) for chosen in (weights, short))
    assert rough.dtype == torch.float32
    moves = [(picture - pictures[0]).flatten() for picture in (fine, rough)]
    assert torch.cosine_similarity(*moves, dim=0) > 0.9


def test_the_whole_method_takes_nothing_of_nstkit():
    source = tagged(STEM, DEFINES)["style_transfer"]
    assert "nstkit" not in source and len(source.splitlines()) <= 45
