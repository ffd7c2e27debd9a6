"""Neighbors: against loops over positions, and what must hold of an artwork with itself."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from nstkit import VGG, Neighbors, Objective, Recipe, load_image
from nstkit.losses.neighbors import (
    cosine_distance,
    grid,
    hypercolumns,
    matched,
    nearest,
    nearest_distance,
    units,
)
from nstkit.losses.statistics import Extent


def numbers(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def cosine(a: list[float], b: list[float]) -> float:
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def centered(rows: Tensor) -> list[list[float]]:
    return (rows - rows.mean(0)).tolist()


# ---------------------------------------------------------------- which is nearest
@pytest.mark.parametrize("chunk", [1, 3, 7, 100])
def test_the_nearest_is_that_of_a_loop_whatever_the_chunk(chunk: int) -> None:
    ours, theirs = numbers(7, 4), numbers(9, 4, seed=1)
    keys = centered(theirs)
    expected = [
        max(range(len(keys)), key=lambda at: cosine(row, keys[at])) for row in centered(ours)
    ]
    assert nearest(units(ours), units(theirs), chunk).tolist() == expected


@pytest.mark.parametrize("seed", range(3))
def test_an_artworks_neighbors_in_itself_are_itself(seed: int) -> None:
    rows = numbers(50, 6, seed=seed)
    assert nearest(units(rows), units(rows)).tolist() == list(range(50))
    columns = rows.mT.reshape(1, 6, 5, 10)
    assert torch.equal(matched(columns, columns), columns)
    assert nearest_distance(rows, rows).abs() < 1e-12


def test_brightness_and_contrast_do_not_count() -> None:
    rows = numbers(30, 5)
    assert nearest(units(3 * rows + 7), units(rows)).tolist() == list(range(30))


# ---------------------------------------------------------------- distances
def test_the_distance_is_that_of_a_loop() -> None:
    ours, theirs = numbers(7, 4), numbers(9, 4, seed=1)
    keys = centered(theirs)
    apart = [1 - max(cosine(row, key) for key in keys) for row in centered(ours)]
    assert nearest_distance(ours, theirs).item() == pytest.approx(sum(apart) / 7, rel=1e-12)


def test_weights_are_repetitions() -> None:
    ours, theirs = numbers(5, 4), numbers(9, 4, seed=1)
    weights = torch.tensor([0.0, 1, 2, 3, 1], dtype=torch.float64)
    repeated = ours.repeat_interleave(weights.long(), dim=0)
    found = nearest_distance(ours, theirs, weights)
    torch.testing.assert_close(found, nearest_distance(repeated, theirs))


def test_the_gradient_is_that_of_finite_differences() -> None:
    x, theirs = numbers(6, 4).requires_grad_(), numbers(9, 4, seed=1)
    assert torch.autograd.gradcheck(lambda rows: nearest_distance(rows, theirs), x)


def test_cosine_distance_is_that_of_a_loop() -> None:
    a, b = numbers(2, 3, 2, 4), numbers(2, 3, 2, 4, seed=1)
    for picture, found in enumerate(cosine_distance(a, b).tolist()):
        pairs = zip(a[picture].flatten(1).T.tolist(), b[picture].flatten(1).T.tolist(), strict=True)
        apart = [1 - cosine(one, other) for one, other in pairs]
        assert found == pytest.approx(sum(apart) / 8, rel=1e-12)


def test_features_of_zero_have_finite_gradients() -> None:
    x = torch.zeros(6, 4, requires_grad=True)
    (gradient,) = torch.autograd.grad(nearest_distance(x, torch.rand(9, 4)), x)
    assert gradient.isfinite().all()


# ---------------------------------------------------------------- hypercolumns
def test_a_hypercolumn_is_every_layer_divided_by_its_channels() -> None:
    maps = [numbers(1, 2, 4, 6), numbers(1, 5, 4, 6, seed=1)]
    found = hypercolumns(maps, (4, 6))
    torch.testing.assert_close(found, torch.cat([maps[0] / 2, maps[1] / 5], dim=1))


def test_layers_of_all_sizes_meet_on_one_grid() -> None:
    maps = [torch.full((1, c, side, side), c * 3.0) for c, side in ((2, 16), (4, 8), (8, 2))]
    found = hypercolumns(maps, grid(16, 16))
    assert found.shape == (1, 14, 4, 4)
    torch.testing.assert_close(found, torch.full_like(found, 3.0))


def test_a_match_is_laid_out_like_the_guide() -> None:
    """The guide is the artwork with its positions in another order."""
    artwork = numbers(1, 3, 4, 5)
    order = torch.randperm(20, generator=torch.Generator().manual_seed(2))
    guide = artwork.flatten(2)[..., order].view(1, 3, 2, 10)
    assert torch.equal(matched(guide, artwork), guide)


# ---------------------------------------------------------------- the statistic
def test_the_statistic_is_the_mean_of_every_picture_of_a_batch() -> None:
    features, artwork = numbers(2, 3, 4, 5), numbers(1, 3, 3, 6, seed=1)
    statistic = Neighbors()
    sums = statistic.sums(features)
    found = statistic.distance(sums, Extent(20, 1), statistic.sums(artwork))
    for picture, distance in zip(features, found, strict=True):
        rows = (part.flatten(1).T for part in (picture, artwork[0]))
        torch.testing.assert_close(distance, nearest_distance(*rows))


@pytest.mark.parametrize(("side", "every"), [(10, 1), (9, 2), (5, 2), (4, 3), (1, 10)])
def test_a_large_layer_takes_part_with_every_so_many_positions(side: int, every: int) -> None:
    features = numbers(1, 3, 6, 10)
    found = Neighbors(side).sums(features)[:, :-1]
    assert torch.equal(found, features[..., ::every, ::every].flatten(2))


def test_of_a_large_artwork_a_quarter_of_the_positions_is_searched() -> None:
    sums = Neighbors(8).sums(numbers(1, 3, 8, 8))
    found = Neighbors(8).target(sums, Extent(64, 64))
    assert torch.equal(found, sums[..., ::4])


def test_a_region_is_compared_with_a_region() -> None:
    features, artwork = numbers(1, 3, 4, 6), numbers(1, 3, 4, 6, seed=1)
    left = torch.zeros(1, 1, 4, 6)
    left[..., :3] = 1
    statistic = Neighbors()
    found = statistic.distance(
        statistic.sums(features, left), Extent(12, 1), statistic.sums(artwork, left)
    )
    cut = (statistic.sums(part[..., :3]) for part in (features, artwork))
    torch.testing.assert_close(found, statistic.distance(next(cut), Extent(12, 1), next(cut)))


def test_a_picture_is_no_distance_from_itself(network: VGG) -> None:
    picture = load_image("great_wave", 96)
    recipe = Recipe(alpha=0, tv=0, statistic=Neighbors(256))  # all positions are searched
    losses = Objective.of(None, picture, network, recipe)(picture)
    assert abs(losses.style.item()) < 1e-5
    assert Objective.of(None, picture, network, recipe)(picture.flip(3)).style.item() > 0.05
