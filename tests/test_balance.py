"""Pulls: norms of weighted gradients, against derivatives known without autograd."""

from __future__ import annotations

import pytest
import torch

from nstkit import VGG, Objective, Recipe, layer_pulls, pulls, total_variation
from nstkit.balance import halfway
from nstkit.losses.statistics import Gram


@pytest.fixture
def pictures() -> list[torch.Tensor]:
    draw = torch.Generator().manual_seed(28)
    sizes = (32, 48), (40, 36), (32, 48)
    return [torch.rand(1, 3, *size, generator=draw, dtype=torch.float64) for size in sizes]


@pytest.fixture
def objective(pictures: list[torch.Tensor], embedded) -> Objective:
    recipe = Recipe(2, 3, 20, style_layers={"relu1_1": 0.5, "relu2_1": 0.25})
    return Objective.of(*pictures[:2], embedded(torch.float64), recipe)


def test_a_pull_is_the_steepest_rise_of_its_weighted_term(
    objective: Objective, pictures: list[torch.Tensor]
) -> None:
    x, h = pictures[2], 1e-6
    found = pulls(objective, x)
    assert found.keys() == {"content", "style", "variation"}
    for name in found:
        leaf = x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(objective(leaf).terms[name], leaf)
        up = gradient / gradient.norm()  # along it a term rises fastest: by its pull
        rise = objective(x + h * up).terms[name] - objective(x - h * up).terms[name]
        assert found[name] == pytest.approx(rise.item() / (2 * h), rel=1e-4)


def test_the_pull_of_the_variation_is_known(
    objective: Objective, pictures: list[torch.Tensor]
) -> None:
    x = pictures[2]
    dx, dy = x.diff(dim=3), x.diff(dim=2)
    gradient = torch.zeros_like(x)  # of mean(dx^2) + mean(dy^2), written by hand
    gradient[..., 1:] += 2 * dx / dx.numel()
    gradient[..., :-1] -= 2 * dx / dx.numel()
    gradient[..., 1:, :] += 2 * dy / dy.numel()
    gradient[..., :-1, :] -= 2 * dy / dy.numel()
    assert total_variation(x).item() == pytest.approx((dx**2).mean() + (dy**2).mean())
    want = 20 * gradient.norm().item()
    assert pulls(objective, x)["variation"] == pytest.approx(want)
    assert layer_pulls(objective, x, "variation") == {"image": pytest.approx(want)}


def test_pulls_grow_with_the_weights_and_ask_for_no_gradient(
    objective: Objective, pictures: list[torch.Tensor]
) -> None:
    x = pictures[2].clone()
    before, layers = pulls(objective, x), layer_pulls(objective, x)
    objective["style"].weight *= 10
    objective["style"].layers["relu1_1"] *= 3
    after, apart = pulls(objective, x), layer_pulls(objective, x)
    assert after["content"] == pytest.approx(before["content"])
    assert apart["relu1_1"] == pytest.approx(30 * layers["relu1_1"])
    assert apart["relu2_1"] == pytest.approx(10 * layers["relu2_1"])
    assert after["style"] <= sum(apart.values()) * (1 + 1e-9)
    assert not x.requires_grad and x.grad is None


def test_the_photograph_is_not_pulled_by_its_own_content(
    objective: Objective, pictures: list[torch.Tensor]
) -> None:
    content, style, _ = pictures
    assert pulls(objective, content)["content"] == 0
    assert min(pulls(objective, halfway(content, style)).values()) > 0


def test_division_by_elements_weakens_a_layer_by_its_channels_squared(
    pictures: list[torch.Tensor], embedded
) -> None:
    layers = {"relu1_1": 1.0, "relu2_1": 1.0}
    vgg, found = embedded(torch.float64), {}
    for kind in ("positions", "elements"):
        recipe = Recipe(0, 1, 0, style_layers=layers, statistic=Gram(kind))
        found[kind] = layer_pulls(Objective.of(*pictures[:2], vgg, recipe), pictures[2])
    for layer, channels in (("relu1_1", 64), ("relu2_1", 128)):
        ratio = found["positions"][layer] / found["elements"][layer]
        assert ratio == pytest.approx(channels**2)


def test_a_term_without_a_weight_has_no_pull(pictures: list[torch.Tensor], embedded) -> None:
    vgg: VGG = embedded(torch.float64)
    objective = Objective.of(*pictures[:2], vgg, Recipe(1, 0, 0))
    assert set(pulls(objective, pictures[2])) == {"content"}
    with pytest.raises(ValueError, match="style"):
        layer_pulls(objective, pictures[2])


def test_halfway_has_the_size_of_the_photograph() -> None:
    content, style = torch.zeros(1, 3, 20, 30), torch.ones(1, 3, 50, 40)
    assert torch.equal(halfway(content, style), torch.full((1, 3, 20, 30), 0.5))
