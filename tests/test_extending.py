"""The proof: a statistic, a term and an optimizer of one's own, with nothing else touched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from nstkit import VGG, Objective, Recipe, optimize, stylize
from nstkit.descent.solver import OPTIMIZERS, Method
from nstkit.losses.statistics import STATISTICS, Extent
from nstkit.terms import Content, Style, Term, Variation

SMALL = Recipe(content_layers="relu2_1", style_layers=["relu1_1", "relu2_1"], tv=0, steps=4)


@dataclass(frozen=True)
class Means:
    """A statistic: the mean of each channel."""

    degree: ClassVar[int] = 2
    tiled: ClassVar[bool] = True

    def sums(self, features: Tensor, where: Tensor | None = None) -> Tensor:
        return (features if where is None else features * where).float().sum((2, 3))

    def target(self, sums: Tensor, extent: Extent) -> Tensor:
        return sums / extent.positions

    def distance(self, sums: Tensor, extent: Extent, target: Tensor) -> Tensor:
        return (sums / extent.positions - target).square().mean(1)


class Gray(Term):
    """A term of pixels: it pulls the mean color to gray."""

    name = "gray"

    def __init__(self, weight: float) -> None:
        self.weight, self.layers = weight, {}

    def losses(self, measured: Mapping[str, Tensor], image: Tensor) -> dict[str, Tensor]:
        return {"image": (image.mean((2, 3)) - 0.5).square().mean()}


class Lively(Term):
    """A term of features: it wants them large, so it measures sums over positions."""

    name, tiled = "lively", True

    def __init__(self, weight: float, layers: dict[str, float]) -> None:
        self.weight, self.layers = weight, layers

    def measure(self, features: Mapping[str, Tensor], tile: object) -> dict[str, Tensor]:
        return {name: F_l.sum((1, 2, 3)) for name, F_l in features.items()}

    def losses(self, measured: Mapping[str, Tensor], image: Tensor) -> dict[str, Tensor]:
        return {name: 1 / (1 + sums.mean()) for name, sums in measured.items()}


# ---------------------------------------------------------------- a statistic


def test_a_statistic_of_ones_own_paints(network: VGG, cat: Tensor, wave: Tensor) -> None:
    terms = [Content(cat, 1.0, {"relu2_1": 1.0}), Style(wave, Means(), 10.0, {"relu1_1": 1.0})]
    steps = list(optimize(Objective(terms, network), cat, steps=5))
    assert steps[-1].losses.style < 0.5 * steps[0].losses.style
    assert steps[-1].losses.per_layer["style", "relu1_1"] == steps[-1].losses.style


def test_a_recipe_with_ones_own_statistic_paints_whole_and_in_tiles(
    network: VGG, cat: Tensor, wave: Tensor
) -> None:
    recipe = SMALL.replace(statistic=Means())
    options = {"vgg": network, "progress": False}
    whole, parts = (stylize(cat, wave, recipe, tile=tile, **options) for tile in (None, 32))
    totals = [record.losses.total for record in whole.history]
    assert totals[-1] < 0.8 * totals[0] and whole.recipe.statistic == Means()
    assert parts.history[0].losses.total == pytest.approx(totals[0], rel=1e-4)
    assert (parts.image - whole.image).abs().max() < 0.02


def test_a_painting_with_ones_own_statistic_is_read_once_its_class_is_known(
    network: VGG, cat: Tensor, wave: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = SMALL.replace(statistic=Means())
    painted = stylize(cat, wave, recipe, steps=0, vgg=network, progress=False).recipe.to_json()
    with pytest.raises(ValueError, match="The statistic 'Means' is not known.*STATISTICS first"):
        Recipe.from_json(painted)
    monkeypatch.setitem(STATISTICS, "Means", Means)
    assert Recipe.from_json(painted) == recipe.replace(steps=0)


# ---------------------------------------------------------------- a term


@pytest.mark.parametrize("tile", [None, 32])
def test_terms_of_ones_own_paint_beside_the_others(
    tile: int | None, network: VGG, cat: Tensor
) -> None:
    terms = [
        Content(cat, 1.0, {"relu2_1": 1.0}),
        Variation(1.0),
        Gray(100.0),
        Lively(10.0, {"relu1_1": 1.0}),
    ]
    tinted = cat * torch.tensor([1.0, 0.6, 0.3]).view(3, 1, 1)
    steps = list(optimize(Objective(terms, network, tile), tinted, steps=5))
    first, last = steps[0].losses, steps[-1].losses
    assert set(last.terms) == {"content", "variation", "gray", "lively"}
    assert last.value("gray") < 0.5 * first.value("gray")
    assert last.total == pytest.approx(sum(last.terms.values()), rel=1e-5)
    want = (tinted.mean((2, 3)) - 0.5).square().mean().item()
    assert first.per_layer["gray", "image"] == pytest.approx(want, rel=1e-5)
    sums = network(tinted, ["relu1_1"])["relu1_1"].sum().item()
    assert first.per_layer["lively", "relu1_1"] == pytest.approx(1 / (1 + sums), rel=1e-4)


def test_the_weight_of_ones_own_term_may_change(network: VGG, cat: Tensor) -> None:
    objective = Objective([Content(cat, 1.0, {"relu1_1": 1.0}), Gray(2.0)], network)
    coefficients = objective.in_force()
    objective["gray"].weight = 0
    assert objective.in_force() != coefficients
    assert set(objective(cat).values) == {"content"}


# ---------------------------------------------------------------- an optimizer


def test_an_optimizer_is_one_row_of_a_table(
    network: VGG, cat: Tensor, wave: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="optimizer is 'rmsprop'"):
        Recipe(optimizer="rmsprop")

    def make(z: Tensor, rate: float, *_: float) -> torch.optim.Optimizer:
        return torch.optim.RMSprop([z], lr=rate)

    monkeypatch.setitem(OPTIMIZERS, "rmsprop", Method(make, 0.01))
    recipe = SMALL.replace(optimizer="rmsprop")
    assert Recipe.from_json(recipe.to_json()) == recipe
    result = stylize(cat, wave, recipe, vgg=network, progress=False)
    assert result.recipe == recipe
    totals = [record.losses.total for record in result.history]
    assert totals[-1] < totals[0]
    (_, second) = list(optimize(Objective.of(cat, wave, network, recipe), cat, "rmsprop", steps=1))
    assert torch.equal(second.image, second.image.clamp(0, 1))
    assert not torch.equal(second.image, cat)
