"""Several artworks, one target: `nstkit.losses.statistics.blended`."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from nstkit import Gram, GramMeans, Histogram, Moments, Neighbors, SlicedWasserstein
from nstkit.losses import NORMALIZE
from nstkit.losses.statistics import Extent, Statistic, blended, kept_of, spread

PIXELS = 100
STATISTICS = [
    *(Gram(normalize) for normalize in NORMALIZE),
    Gram(reduce="sum", divisor="features"),
    GramMeans(),
    Moments(),
    SlicedWasserstein(8),
    Histogram(),
    Neighbors(),
]


def numbers(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def extent(features: Tensor) -> Extent:
    return Extent(features[0, 0].numel(), PIXELS)


def measured(statistic: Statistic, *artworks: Tensor) -> list[tuple[Tensor, Extent]]:
    return [(statistic.sums(artwork), extent(artwork)) for artwork in artworks]


def gradient(loss: Tensor, features: Tensor) -> Tensor:
    return torch.autograd.grad(loss.sum(), features)[0]


def loss_of(statistic: Statistic, features: Tensor, target: Tensor) -> Tensor:
    return statistic.distance(statistic.sums(features), extent(features), target)


PAIR = numbers(1, 5, 4, 6, seed=1), 0.5 + numbers(1, 5, 7, 3, seed=2)


# ---------------------------------------------------------------- the theorem


@pytest.mark.parametrize("normalize", NORMALIZE)
@pytest.mark.parametrize("reduce", ["mean", "sum"])
def test_blending_gram_matrices_is_blending_losses(normalize: str, reduce: str) -> None:
    """sum_i w_i |G - A_i|^2 = |G - sum_i w_i A_i|^2 + const, so the gradients are equal."""
    statistic, shares = Gram(normalize, reduce), (0.7, 0.3)
    parts = measured(statistic, *PAIR)
    gradients, apart = [], []
    for seed in (3, 4):
        x = numbers(1, 5, 6, 5, seed=seed).requires_grad_()
        one = loss_of(statistic, x, blended(statistic, parts, shares))
        all_ = sum(
            share * loss_of(statistic, x, statistic.target(*part))
            for part, share in zip(parts, shares, strict=True)
        )
        gradients.append((gradient(one, x), gradient(all_, x)))
        apart.append((all_ - one).item())
    for ours, theirs in gradients:
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=0)
    assert apart[0] == pytest.approx(apart[1], rel=1e-9) and apart[0] > 0


@pytest.mark.parametrize("statistic", [SlicedWasserstein(8), Histogram()])
def test_the_mean_of_sorted_lists_is_blending_losses(statistic: Statistic) -> None:
    artworks, shares = (numbers(1, 5, 4, 6, seed=1), numbers(1, 5, 4, 6, seed=2)), (0.25, 0.75)
    parts = measured(statistic, *artworks)
    x = numbers(1, 5, 4, 6, seed=3).requires_grad_()
    one = loss_of(statistic, x, blended(statistic, parts, shares))
    all_ = sum(
        share * loss_of(statistic, x, statistic.target(*part))
        for part, share in zip(parts, shares, strict=True)
    )
    torch.testing.assert_close(gradient(one, x), gradient(all_, x), rtol=1e-9, atol=1e-12)


# ---------------------------------------------------------------- mixtures


@pytest.mark.parametrize("statistic", [Gram(), GramMeans(), Moments()])
def test_a_blend_of_two_is_the_artwork_that_has_both_side_by_side(statistic: Statistic) -> None:
    """As many positions of each: the mixture's means and products are those of both together."""
    left, right = numbers(1, 5, 4, 6, seed=1), 1 + numbers(1, 5, 4, 6, seed=2)
    both = torch.cat([left, right], dim=3)
    want = statistic.target(statistic.sums(both), extent(both))
    found = blended(statistic, measured(statistic, left, right), (0.5, 0.5))
    torch.testing.assert_close(found, want)


def test_moments_blend_products_and_never_covariances() -> None:
    """Two artworks of one color each: the mixture varies, and the mean of covariances does not."""
    black, white = torch.zeros(1, 2, 4, 4), torch.ones(1, 2, 4, 4)
    target = blended(Moments(), measured(Moments(), black, white), (0.5, 0.5))
    mean, root = target[0, :, 0], target[0, :, 1:]
    torch.testing.assert_close(mean, torch.full((2,), 0.5).double())
    want = torch.full((2, 2), 0.25).double() + 1e-4 * torch.eye(2)
    torch.testing.assert_close(root @ root, want, atol=1e-6, rtol=0)


def test_sizes_of_artworks_do_not_count() -> None:
    """An artwork four times as large has the same share."""
    small, other = numbers(1, 5, 4, 6, seed=1), numbers(1, 5, 4, 6, seed=2)
    large = small.repeat(1, 1, 2, 2)
    for statistic in (Gram(), GramMeans(), Moments(), Histogram()):
        one = blended(statistic, measured(statistic, small, other), (0.5, 0.5))
        two = blended(statistic, measured(statistic, large, other), (0.5, 0.5))
        x = numbers(1, 5, 4, 6, seed=3)
        assert loss_of(statistic, x, one).item() == pytest.approx(
            loss_of(statistic, x, two).item(), rel=0.02
        )


# ---------------------------------------------------------------- neighbors


def test_neighbors_find_what_is_nearest_in_any_artwork() -> None:
    mine, other = numbers(1, 5, 4, 6, seed=1), 3 + numbers(1, 5, 4, 6, seed=2)
    both = torch.cat([mine, other], dim=3)
    statistic = Neighbors()
    target = blended(statistic, measured(statistic, mine, other), (0.5, 0.5))
    assert loss_of(statistic, both, target).item() == pytest.approx(0, abs=1e-9)
    alone = statistic.target(statistic.sums(mine), extent(mine))
    assert loss_of(statistic, both, alone).item() > 0.01


def test_features_without_a_weight_are_left_out_before_shares_count() -> None:
    mine, other = numbers(1, 5, 10, 10, seed=1), numbers(1, 5, 10, 10, seed=2)
    where = torch.zeros(1, 1, 10, 10, dtype=torch.float64)
    where[..., :1, :] = 1
    statistic = Neighbors()
    parts = [(statistic.sums(mine, where), extent(mine)), (statistic.sums(other), extent(other))]
    target = blended(statistic, parts, (0.5, 0.5))
    assert target.shape[2] == 20 and (target[0, -1] > 0).all()  # ten of each


@pytest.mark.parametrize(
    ("counts", "shares", "want"),
    [
        ([100, 100], [0.5, 0.5], [100, 100]),
        ([100, 100], [0.75, 0.25], [100, 33]),
        ([100, 400], [0.5, 0.5], [100, 100]),
        ([100, 400], [0.2, 0.8], [100, 400]),
        ([3, 100], [0.001, 0.999], [1, 100]),
    ],
)
def test_artworks_offer_as_many_features_as_their_shares_say(
    counts: list[int], shares: list[float], want: list[int]
) -> None:
    assert kept_of(counts, shares) == want


def test_features_are_thinned_out_evenly() -> None:
    row = torch.arange(12.0).view(1, 1, 12)
    assert spread(row, 12) is row
    assert spread(row, 4).flatten().tolist() == [1, 4, 7, 10]
    assert spread(row, 24).flatten().tolist() == [n // 2 for n in range(24)]


# ---------------------------------------------------------------- the ends


@pytest.mark.parametrize("statistic", STATISTICS, ids=repr)
def test_a_share_of_nothing_changes_no_bit(statistic: Statistic) -> None:
    parts = measured(statistic, *(picture.float() for picture in PAIR))
    want = statistic.target(*parts[0])
    assert blended(statistic, parts, (1, 0)).equal(want)
    assert blended(statistic, parts[::-1], (0, 1)).equal(want)
    assert blended(statistic, parts[:1], (1,)).equal(want)


@pytest.mark.parametrize("statistic", STATISTICS, ids=repr)
def test_two_halves_of_one_artwork_are_that_artwork(statistic: Statistic) -> None:
    parts = measured(statistic, PAIR[0], PAIR[0])
    x = numbers(1, 5, 4, 6, seed=3)
    alone = loss_of(statistic, x, statistic.target(*parts[0]))
    torch.testing.assert_close(loss_of(statistic, x, blended(statistic, parts, (0.5, 0.5))), alone)


def test_a_statistic_without_a_blend_of_its_own_adds_up_targets() -> None:
    class Means:
        def target(self, sums: Tensor, extent: Extent) -> Tensor:
            return sums / extent.positions

    parts = [(torch.tensor([6.0]), Extent(2, 4)), (torch.tensor([4.0]), Extent(4, 4))]
    assert blended(Means(), parts, (0.75, 0.25)).item() == 0.75 * 3 + 0.25 * 1
