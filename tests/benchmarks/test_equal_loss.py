"""The race to an equal loss: one objective for both, and honest counts. No time is tested."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import equal_loss
import plain_loop
import pytest
import torch
from torch import Tensor

from nstkit import VGG, Objective


@pytest.mark.long
def test_the_plain_loop_minimizes_the_same_objective_without_nstkit(
    cat: Tensor, wave: Tensor, vgg: VGG
) -> None:
    assert "nstkit" not in Path(plain_loop.__file__).read_text().replace("No code of nstkit", "")
    cat, wave = cat[..., :32, :40], wave[..., :32, :48]
    plain = plain_loop.PlainVGG(vgg.convs.state_dict())
    objective = Objective.of(cat, wave, vgg, equal_loss.RECIPE)
    run = list(islice(plain_loop.paint(cat, wave, plain, equal_loss.RECIPE.beta), 20))
    assert torch.equal(run[0][1], cat)
    assert objective(run[19][1]).total < 0.7 * objective(cat).total
    assert [seconds for seconds, _ in run] == sorted(seconds for seconds, _ in run)

    # One evaluation, against nstkit's objective: the same loss and the same gradient.
    x, losses = (cat + 0.1).requires_grad_(), []
    total = objective(x).total
    (ours,) = torch.autograd.grad(total, x)
    found, targets, grams = plain(x), plain(cat), plain(wave)
    for name in plain_loop.CONTENT:
        losses.append(torch.nn.functional.mse_loss(found[name], targets[name]))
    for name, weight in plain_loop.STYLE.items():
        apart = plain_loop.gram(found[name]) - plain_loop.gram(grams[name])
        losses.append(equal_loss.RECIPE.beta * weight * apart.square().mean())
    (theirs,) = torch.autograd.grad(sum(losses), x)
    assert sum(losses).item() == pytest.approx(total.item(), rel=1e-5)
    assert (ours - theirs).norm() < 1e-4 * theirs.norm()


@pytest.mark.long
def test_equal_loss_finds_the_first_picture_that_is_as_good(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(equal_loss, "MARKS", (4, 12))
    found = equal_loss.compare("cat", "great_wave", 48, "cpu")
    for mark in (4, 12):
        plain, ours = found["plain"][mark], found["nstkit"][mark]
        assert ours["loss"] <= plain["loss"] and ours["steps"] > 0
        assert plain["steps"] == mark and plain["seconds"] > 0
    assert found["plain"][12]["loss"] < found["plain"][4]["loss"]


def test_both_are_judged_as_they_would_be_saved(cat: Tensor, wave: Tensor) -> None:
    cat, wave = cat[..., :32, :40], wave[..., :32, :48]
    judge = equal_loss.judged(cat, wave, "cpu")
    outside = 2 * cat - 0.5
    assert outside.min() < 0 and outside.max() > 1
    assert judge(outside) == judge(outside.clamp(0, 1)) > judge(cat)
    _, ours = equal_loss.our_run(outside.clamp(0, 1), wave, "cpu")()[-1]
    assert ours.min() >= 0 and ours.max() <= 1


def test_the_first_is_found_by_halves() -> None:
    trace = [(float(i), torch.tensor(10.0 - i)) for i in range(10)]
    assert equal_loss.first(trace, 6.5, float) == (4.0, 4, 6.0)
    assert equal_loss.first(trace, 10.0, float)[1] == 0
    assert equal_loss.first(trace, 1.0, float) == (9.0, 9, 1.0)


def test_a_loss_that_is_never_reached_counts_as_no_speed_at_all() -> None:
    trace = [(float(i), torch.tensor(10.0 - i)) for i in range(10)]
    seconds, steps, loss = equal_loss.first(trace, 0.5, float)
    assert (seconds, steps, loss) == (None, None, 1.0)
    assert equal_loss.ratio({"seconds": 7.0}, {"seconds": seconds}) == 0
    assert equal_loss.ratio({"seconds": 7.0}, {"seconds": 3.5}) == 2
