"""Notebook 05: the loop and the two-loop recursion are what nstkit and torch compute."""

import pytest
import torch

from course.cells import definition
from nstkit import VGG, Objective, optimize

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
def objective():
    generator = torch.Generator().manual_seed(0)
    content, style = (torch.rand(1, 3, *shape, generator=generator) for shape in SHAPES)
    return Objective.of(content, style, VGG())


def test_paint_is_the_loop_of_the_package(objective):
    paint, content = definition(STEM, "paint"), objective["content"].picture
    start = content.clone()
    image, losses = paint(objective, start, 6)
    steps = list(optimize(objective, content, "lbfgs", steps=6))
    assert torch.equal(image, steps[-1].image)
    assert losses == [step.losses.total for step in steps[:-1]]
    assert torch.equal(start, content) and not start.requires_grad
    assert losses[-1] < losses[0]
