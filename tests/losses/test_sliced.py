"""Sliced Wasserstein: against scipy, staircases walked step by step, and loops."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import wasserstein_distance
from torch import Tensor

from nstkit import Gram, Histogram, Moments, Recipe, SlicedWasserstein, stylize
from nstkit.losses.sliced import directions, sorted_along, wasserstein_1d
from nstkit.losses.statistics import Extent


def numbers(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def staircase(values: list[float], place: float) -> float:
    """Return the quantile at a place in (0, 1) of a sorted list."""
    return values[min(int(place * len(values)), len(values) - 1)]


# ---------------------------------------------------------------- one direction
@pytest.mark.parametrize(("n", "m"), [(1, 1), (7, 7), (1, 5), (6, 4), (13, 8), (30, 31)])
def test_one_direction_is_scipys_wasserstein_distance(n: int, m: int) -> None:
    a, b = numbers(n).sort().values, numbers(m, seed=1).sort().values
    expected = wasserstein_distance(a.numpy(), b.numpy())
    assert wasserstein_1d(a, b, power=1).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("power", [1, 2, 3])
@pytest.mark.parametrize(("n", "m"), [(5, 5), (6, 4), (3, 7)])
def test_one_direction_is_the_mean_between_two_staircases(n: int, m: int, power: float) -> None:
    a, b = numbers(n).sort().values, numbers(m, seed=1).sort().values
    steps = n * m  # both are constant on each step of this length
    places = [(k + 0.5) / steps for k in range(steps)]
    walked = [abs(staircase(a.tolist(), p) - staircase(b.tolist(), p)) ** power for p in places]
    assert wasserstein_1d(a, b, power).item() == pytest.approx(sum(walked) / steps, rel=1e-12)


@pytest.mark.parametrize("m", [6, 9])
def test_one_direction_has_the_gradient_of_finite_differences(m: int) -> None:
    a = numbers(2, 6).sort().values.requires_grad_()
    b = numbers(1, m, seed=1).sort().values
    assert torch.autograd.gradcheck(lambda x: wasserstein_1d(x, b), a)


# ---------------------------------------------------------------- weights
@pytest.mark.parametrize("seed", range(5))
def test_whole_weights_are_repetitions(seed: int) -> None:
    """Twelve positions, whose weights add up to 12: the quantiles are the repeated values."""
    generator = torch.Generator().manual_seed(seed)
    picks = torch.randint(12, (12,), generator=generator)
    weights = picks.bincount(minlength=12).double()
    values = numbers(1, 3, 12, seed=seed)
    repeated = values.repeat_interleave(weights.long(), dim=2).sort().values
    assert torch.equal(sorted_along(values, weights[None]), repeated)


def test_a_weight_of_zero_leaves_a_position_out() -> None:
    values, weights = numbers(2, 3, 10), torch.ones(1, 10)
    weights[:, 5:] = 0
    kept = values[..., :5].sort().values
    assert torch.equal(sorted_along(values, weights), kept.repeat_interleave(2, dim=2))


def test_weights_of_zero_everywhere_are_told() -> None:
    with pytest.raises(ValueError, match="expected at least one above 0"):
        sorted_along(numbers(1, 3, 10), torch.zeros(1, 10))


@pytest.mark.parametrize("statistic", [SlicedWasserstein(), SlicedWasserstein(4), Histogram()])
def test_a_statistic_under_weights_is_that_of_the_region(statistic: SlicedWasserstein) -> None:
    features, artwork = numbers(1, 3, 4, 6), numbers(1, 3, 5, 5, seed=1)
    where = torch.zeros(1, 1, 4, 6)
    where[..., :3] = 1  # half of the positions, so each quantile is there twice
    target, extent = statistic.sums(artwork), Extent(12.0, 1)
    found = statistic.distance(statistic.sums(features, where), extent, target)
    cut = statistic.distance(statistic.sums(features[..., :3]), extent, target)
    torch.testing.assert_close(found, cut)


def test_each_picture_of_a_batch_has_weights_of_its_own() -> None:
    values, weights = numbers(2, 3, 10), torch.rand(2, 10, generator=torch.manual_seed(1))
    together = sorted_along(values, weights)
    for one, value, weight in zip(together, values, weights, strict=True):
        assert torch.equal(one[None], sorted_along(value[None], weight[None]))


@pytest.mark.parametrize("statistic", [SlicedWasserstein(4), Histogram()])
def test_gradients_under_weights_are_those_of_finite_differences(
    statistic: SlicedWasserstein | Histogram,
) -> None:
    x = numbers(1, 3, 3, 4).requires_grad_()
    where = torch.linspace(0, 1, 12, dtype=torch.float64).view(1, 1, 3, 4)
    target = statistic.sums(numbers(1, 3, 5, 3, seed=1))
    assert torch.autograd.gradcheck(
        lambda f: statistic.distance(statistic.sums(f, where), Extent(6.0, 1), target), x
    )


@pytest.mark.parametrize("statistic", [SlicedWasserstein(4, seed=2), Histogram()])
def test_it_paints_by_a_recipe_that_files_can_hold_and_never_in_tiles(
    statistic: SlicedWasserstein | Histogram,
) -> None:
    recipe = Recipe(statistic=statistic, steps=6)
    assert Recipe.from_json(recipe.to_json()) == recipe
    result = stylize("cat", "great_wave", recipe, size=64, progress=False)
    assert result.best.losses.style < 0.7 * result.history[0].losses.style
    with pytest.raises(ValueError, match="cannot be computed in tiles"):
        stylize("cat", "great_wave", recipe, size=64, tile=32, progress=False)


# ---------------------------------------------------------------- many directions
def test_directions_are_unit_vectors_that_a_seed_fixes() -> None:
    found = directions(7, 500)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(500))
    assert torch.equal(found, directions(7, 500)) and not torch.equal(found, directions(7, 500, 1))
    assert (found.mean(0).abs() < 0.1).all()  # no side is preferred


@pytest.mark.parametrize("statistic", [SlicedWasserstein(), SlicedWasserstein(9, seed=3)])
def test_the_distance_is_the_mean_over_directions_one_by_one(statistic: SlicedWasserstein) -> None:
    features, artwork = numbers(2, 3, 4, 5), numbers(1, 3, 6, 7, seed=1)
    count = statistic.count or 3
    expected = torch.zeros(2, dtype=torch.float64)
    for direction in directions(3, count, statistic.seed).double():
        aim = (artwork[0].flatten(1).T @ direction).sort().values
        for b in range(2):
            found = (features[b].flatten(1).T @ direction).sort().values
            expected[b] += wasserstein_1d(found, aim) / count
    distance = statistic.distance(statistic.sums(features), Extent(20, 1), statistic.sums(artwork))
    torch.testing.assert_close(distance, expected)


def test_a_histogram_is_sliced_along_the_axes() -> None:
    features, artwork = numbers(1, 3, 4, 5), numbers(1, 3, 4, 5, seed=1)
    moved = [a.flatten().sort().values - b.flatten().sort().values
             for a, b in zip(features[0], artwork[0], strict=True)]  # fmt: skip
    expected = torch.stack([apart.square().mean() for apart in moved]).mean()
    statistic = Histogram()
    found = statistic.distance(statistic.sums(features), Extent(20, 1), statistic.sums(artwork))
    torch.testing.assert_close(found[0], expected)


def test_it_tells_apart_what_gram_matrices_and_moments_cannot() -> None:
    """A ring and a cloud with the same mean and covariance."""
    angles = torch.arange(400).double() * 2 * torch.pi / 400
    ring = torch.stack([angles.cos(), angles.sin()])
    cloud = numbers(2, 400, seed=2)
    cloud = cloud - cloud.mean(1, keepdim=True)
    cloud = torch.linalg.cholesky(cloud @ cloud.T / 200).inverse() @ cloud  # covariance 1/2
    ring, cloud = (points.view(1, 2, 20, 20) for points in (ring, cloud))

    def apart(statistic: Gram | Moments | SlicedWasserstein) -> float:
        extent = Extent(400, 400)
        target = statistic.target(statistic.sums(ring), extent)
        return statistic.distance(statistic.sums(cloud), extent, target).item()

    assert apart(Gram()) < 1e-12 and apart(Moments()) < 1e-9
    assert apart(SlicedWasserstein()) > 0.01
    assert apart(Histogram()) > 0.01
