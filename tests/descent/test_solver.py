"""The optimizers: a table of them, and L-BFGS against the textbook's."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from bowls import Bowl
from torch import Tensor

from nstkit import VGG, Objective, Recipe, load_image, optimize
from nstkit.descent import OPTIMIZERS, Solver, evaluate
from nstkit.descent.solver import FARTHEST, FIRST_MOVE, LBFGS, PAIRS_BYTES, pairs_for
from nstkit.descent.variables import LONGEST_MOVE, smoother
from nstkit.recipes import TEXTBOOK


@pytest.fixture
def target() -> Tensor:
    return torch.rand(1, 3, 6, 7, generator=torch.Generator().manual_seed(5))


# ------------------------------------------------------------------ the table
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_lowers_a_bowl(name: str, target: Tensor) -> None:
    totals = [
        s.losses.total for s in optimize(Bowl(target), torch.full_like(target, 0.5), name, steps=60)
    ]
    assert totals[-1] < 0.2 * totals[0]


def test_a_recipe_takes_exactly_these_optimizers() -> None:
    for name in OPTIMIZERS:
        assert Recipe(optimizer=name).optimizer == name
    with pytest.raises(ValueError, match="optimizer is 'newton'") as error:
        Recipe(optimizer="newton")
    assert str(list(OPTIMIZERS)) in str(error.value)
    assert TEXTBOOK.optimizer in OPTIMIZERS


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_update_consumes_the_gradient(name: str, target: Tensor) -> None:
    x = torch.full_like(target, 0.5).requires_grad_()
    solver = Solver(x, name)
    for _ in range(2):
        evaluate(Bowl(target), x)
        before = x.detach().clone()
        solver.update()
        assert x.grad is None and not torch.equal(x.detach(), before)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_learning_rate_scales_an_optimizers_moves(name: str, target: Tensor) -> None:
    """Of the second update: the first of L-BFGS has a length of its own."""
    moves = []
    for rate in (1, 0.01):
        x = torch.full_like(target, 0.5).requires_grad_()
        solver = Solver(x, name, rate * OPTIMIZERS[name].rate)
        for _ in range(2):
            evaluate(Bowl(target), x)
            before = x.detach().clone()
            solver.update()
        moves.append((x.detach() - before).abs().mean().item())
    assert 0 < moves[1] < 0.1 * moves[0]


@pytest.mark.parametrize("name", ["lbfgs", "fourier_lbfgs", "sgd"])
def test_the_first_move_is_a_hundredth_of_the_range(name: str) -> None:
    start = torch.full((1, 3, 6, 7), 0.5)
    target = start + torch.rand(start.shape, generator=torch.Generator().manual_seed(5)).add(1) / 4
    first, second = itertools.islice(optimize(Bowl(target), start, name), 2)
    assert (second.image - first.image).abs().mean().item() == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize(
    "optimizer", ["fourier_lbfgs", "lbfgs", "clipped_lbfgs", "adam"]
)  # sgd is too slow
def test_the_minimum_inside_the_box_is_found_where_the_bottom_lies_outside(optimizer: str) -> None:
    """A clamp alone does not find it: pixels at the wall would pull the others along."""
    target = torch.full((1, 3, 4, 4), 2.0)
    target[..., :2] = 0.25
    *_, last = optimize(Bowl(target), torch.full_like(target, 0.5), optimizer, steps=300)
    assert torch.allclose(last.image, target.clamp(0, 1), atol=0.01)


def test_a_pixel_leaves_the_wall_once_its_gradient_points_inside() -> None:
    objective = Bowl(torch.full((1, 3, 4, 4), 2.0))
    run = optimize(objective, torch.full((1, 3, 4, 4), 0.5), steps=100)
    for step in run:
        if step.index == 30:
            assert (step.image == 1).float().mean() > 0.5
            objective.target, objective.scale = torch.full((1, 3, 4, 4), 0.25), 2.0
    assert torch.allclose(step.image, objective.target, atol=0.02)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_pixels_themselves_stay_in_the_box(optimizer: str) -> None:
    target = 2 * torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(3)) - 0.5
    x = torch.full_like(target, 0.5, requires_grad=True)
    solver = Solver(x, optimizer)
    for _ in range(30):
        evaluate(Bowl(target), x)
        solver.update()
        assert x.min() >= 0 and x.max() <= 1


# ------------------------------------------------------------------ L-BFGS
def two_loops(gradient: Tensor, pairs: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Return the direction of L-BFGS as Nocedal 1980 writes it, from all moves s and changes y."""
    q, coefficients = gradient.clone(), []
    for s, y in reversed(pairs):
        coefficients.append((s * q).sum() / (s * y).sum())
        q -= coefficients[-1] * y
    s, y = pairs[-1]
    q *= (s * y).sum() / (y * y).sum()
    for (s, y), a in zip(pairs, reversed(coefficients), strict=True):
        q += (a - (y * q).sum() / (s * y).sum()) * s
    return -q


def gradient_of(objective: Bowl, z: Tensor) -> Tensor:
    x = z.detach().clone().requires_grad_()
    return torch.autograd.grad(objective(x).total, x)[0]


@pytest.mark.parametrize(("share", "farthest"), [(1.0, math.inf), (0.4, math.inf), (1.0, 1.5)])
def test_lbfgs_goes_the_textbooks_way_also_where_a_move_was_cut(
    share: float, farthest: float, target: Tensor
) -> None:
    """Cut as a whole, or where single variables would go too far."""
    objective = Bowl(target.double())
    z = torch.full_like(objective.target, 0.5, requires_grad=True)
    optimizer = LBFGS(z, 1.0, FIRST_MOVE, z.numel(), farthest)
    pairs, move, before = [], None, None
    for index in range(8):
        gradient, here = gradient_of(objective, z), z.detach().clone()
        if index:
            pairs.append((move, gradient - before))
        by_hand = two_loops(gradient, pairs) if pairs else -gradient
        if not index:
            by_hand *= FIRST_MOVE * z.numel() / gradient.abs().sum()
        limit = (farthest * by_hand.abs().mean()).item()
        by_hand = by_hand.clamp(-limit, limit)
        z.grad = gradient.clone()
        optimizer.step(lambda: 0.0)
        torch.testing.assert_close(z.detach() - here, by_hand, rtol=1e-6, atol=1e-9)
        move, before = share * by_hand, gradient
        if share != 1:
            optimizer.shorten(share)
            z.data = here + move


def test_no_clipped_move_goes_far_beyond_the_others() -> None:
    """The gradient of one pixel is a thousand times larger than that of the others."""
    x = torch.full((1, 3, 8, 8), 0.5, requires_grad=True)
    x.grad = torch.ones_like(x)
    x.grad[0, 0, 0, 0] = 1000
    uncut = x.grad.abs().mean().item()  # in units of the other pixels' gradients
    Solver(x, "clipped_lbfgs").update()
    move = (x.detach() - 0.5).abs()
    assert (move.max() / move.median()).item() == pytest.approx(FARTHEST * uncut, rel=1e-3)


def test_lbfgs_goes_torchs_way_to_the_bit(target: Tensor) -> None:
    """Both with a first move and a rate of 1, on gradients that are known already."""
    plain = {"max_iter": 1, "tolerance_grad": 0, "tolerance_change": 0}
    makers = (
        lambda x: torch.optim.LBFGS([x], 1.0, history_size=pairs_for(x.numel()), **plain),
        lambda x: LBFGS(x, 1.0, 1 / x.numel(), x.numel()),
    )
    paths = []
    for make in makers:
        x = torch.full_like(target, 0.5).requires_grad_()
        optimizer, path = make(x), []
        for _ in range(12):
            (x.grad,) = torch.autograd.grad(Bowl(target)(x).total + x.sin().sum() / 9, x)
            optimizer.step(lambda: 0.0)
            path.append(x.detach().clone())
        paths.append(torch.stack(path))
    assert torch.equal(*paths) and not torch.equal(paths[0][-1], paths[0][-2])


def test_large_pictures_get_fewer_pairs_so_that_these_fit_into_the_memory() -> None:
    pairs = {side: pairs_for(3 * side * side * 3 // 4) for side in (1024, 2048, 4096)}
    assert pairs == {1024: 20, 2048: 5, 4096: 2}
    needed = 5 * 2 * 4 * 3 * 1536 * 2048
    assert needed < PAIRS_BYTES


# ------------------------------------------------------------------ over frequencies
def test_fourier_lbfgs_is_lbfgs_over_z_where_the_picture_is_the_start_plus_its_filtered_z() -> None:
    """By hand: autograd goes through the filter, long moves are cut, pairs are of what was done."""
    noise = torch.rand(1, 3, 12, 10, generator=torch.Generator().manual_seed(1))
    target = 0.2 + 0.6 * noise  # so that no pixel comes to 0 or 1, where it would rest
    start, objective = torch.full_like(target, 0.5), Bowl(target)
    smooth, z = smoother(start), torch.zeros_like(start, requires_grad=True)
    scale, pairs, lengths, move, before = None, [], [], start, start
    for index, step in enumerate(optimize(objective, start, "fourier_lbfgs", steps=12)):
        image = start + smooth(z)
        torch.testing.assert_close(step.image, image.detach(), rtol=0, atol=1e-4)
        (gradient,) = torch.autograd.grad(objective(image).total, z)
        scale = gradient.abs().mean() if scale is None else scale
        gradient /= scale
        if index:
            pairs.append((move, gradient - before))
        move = two_loops(gradient, pairs) if pairs else -gradient
        length = smooth(move).abs().mean()
        longest = LONGEST_MOVE if index else FIRST_MOVE
        move *= min(longest / length, 1.0) if index else longest / length
        lengths.append(smooth(move).abs().mean().item())
        before, z = gradient, (z.detach() + move).requires_grad_()
    assert sum(length > 0.999 * LONGEST_MOVE for length in lengths) > 2
    assert min(lengths[1:]) < 0.9 * LONGEST_MOVE


def test_a_bend_of_the_loss_throws_no_painting_over_frequencies_far_away(network: VGG) -> None:
    """Colors of the first layer alone, from a photograph: L-BFGS guesses moves of 1 and more."""
    cat, wave = (load_image(name, size=64) for name in ("cat", "great_wave"))
    recipe = Recipe(beta=1000, tv=0, style_layers=("relu1_1",))
    objective = Objective.of(cat, wave, network, recipe)
    totals, images = [], []
    for step in optimize(objective, cat, "fourier_lbfgs", steps=15):
        totals.append(step.losses.total)
        images.append(step.image)
    moves = [(b - a).abs().mean().item() for a, b in itertools.pairwise(images)]
    assert max(moves) < 1.01 * LONGEST_MOVE
    assert max(totals) < 1.05 * totals[0] and totals[-1] < totals[0] / 20


@pytest.mark.long
def test_fourier_lbfgs_needs_fewer_steps_from_a_photograph(network: VGG) -> None:
    content, style = (load_image(name, size=64) for name in ("castle", "starry_night"))
    objective = Objective.of(content, style, network, Recipe(tv=0))
    plain, fourier = (
        [s.losses.total for s in optimize(objective, content, optimizer, steps=steps)]
        for optimizer, steps in (("lbfgs", 25), ("fourier_lbfgs", 20))
    )
    assert fourier[20] < plain[25]
