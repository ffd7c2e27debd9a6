"""Each way that does without a trick computes what the painting path computes."""

from __future__ import annotations

import machine
import pytest
import torch
import tricks
from torch import Tensor

from nstkit import VGG, Objective
from nstkit.losses.statistics import Gram
from nstkit.vgg import fast


def gradient(objective: Objective, x: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    return torch.autograd.grad(objective(x).total, x)[0]


@pytest.mark.parametrize("kind", tricks.NETWORKS.values(), ids=list(tricks.NETWORKS))
def test_a_network_without_a_trick_computes_the_same(
    kind: type[fast.FastVGG], cat: Tensor, vgg: VGG
) -> None:
    image = cat[..., :32, :40]
    layers = ["relu1_1", "relu2_1", "relu3_1"]
    features, gradients = [], []
    for net in (fast.to_paint(vgg), fast.to_paint(kind(vgg))):
        x = image.clone().requires_grad_()
        features.append(net(x, layers))
        total = sum(f.square().mean() for f in features[-1].values())
        gradients += torch.autograd.grad(total, x)
    for name in layers:
        torch.testing.assert_close(features[1][name], features[0][name], rtol=1e-4, atol=1e-4)
    assert (gradients[1] - gradients[0]).norm() < 1e-4 * gradients[0].norm()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("plain", [tricks.PlainGram(), tricks.WideGram()], ids=["plain", "wide"])
def test_a_statistic_without_a_trick_computes_the_same(plain: Gram, dtype: torch.dtype) -> None:
    features = torch.rand(1, 8, 5, 6, generator=torch.Generator().manual_seed(0)).to(dtype)
    found = []
    for statistic in (Gram(), plain):
        x = features.clone().requires_grad_()
        sums = statistic.sums(x)
        found.append((sums, torch.autograd.grad(sums.square().sum(), x)[0].float()))
    (sums, gradient), (other_sums, other_gradient) = found
    torch.testing.assert_close(other_sums, sums, rtol=1e-4, atol=0)
    apart, most = other_gradient - gradient, 0.01 if dtype == torch.bfloat16 else 1e-5
    assert apart.norm() < most * gradient.norm()


def test_all_ways_walk_the_same_path(
    cat: Tensor, wave: Tensor, vgg: VGG, monkeypatch: pytest.MonkeyPatch
) -> None:
    walked, real = [], tricks.evaluate

    def watched(objective: Objective, x: Tensor) -> object:
        losses = real(objective, x)
        walked.append(losses.total)
        return losses

    monkeypatch.setattr(tricks, "evaluate", watched)
    layers = {"content_layers": "relu2_2", "style_layers": ["relu1_1", "relu2_1", "relu3_1"]}
    monkeypatch.setattr(tricks, "RECIPE", tricks.RECIPE.replace(**layers))
    ways = tricks.ways(cat[..., :32, :32], wave[..., :32, :40], torch.float32)
    assert next(iter(ways)) == tricks.ALL and len(ways) > len(tricks.NETWORKS) + 4
    for action in ways.values():
        action()
        action()
    starts, seconds = walked[::2], walked[1::2]
    assert starts == pytest.approx([starts[0]] * len(ways), rel=1e-4)
    assert seconds == pytest.approx([seconds[0]] * len(ways), rel=1e-2)
    assert seconds[0] < starts[0]


def test_a_ratio_is_the_median_of_those_of_single_rounds() -> None:
    taken = {("fp", tricks.ALL): [1.0, 2.0, 4.0], ("fp", "packing"): [1.5, 2.2, 4.0]}
    found = tricks.compared(taken)
    assert found["fp", tricks.ALL] == {"seconds": 2.0, "ratio": 1.0, "quartiles": [1.0, 1.0]}
    assert found["fp", "packing"]["ratio"] == pytest.approx(1.1)
    assert found["fp", "packing"]["quartiles"] == pytest.approx([1.05, 1.3])


def test_in_turns_every_action_has_its_turn_in_each_round() -> None:
    done: list[str] = []
    taken = machine.in_turns({name: lambda n=name: done.append(n) for name in "abc"}, "cpu", 3)
    assert [len(times) for times in taken.values()] == [3, 3, 3]  # the first is left out
    rounds = [done[i : i + 3] for i in range(0, 12, 3)]
    assert all(sorted(turn) == ["a", "b", "c"] for turn in rounds)
    assert len({tuple(turn) for turn in rounds}) > 1
