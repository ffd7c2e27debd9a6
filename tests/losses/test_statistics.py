"""Statistics: their sums add up, their distances are the textbook's, and grow as they say."""

from __future__ import annotations

import itertools
import re

import pytest
import torch
from torch import Tensor

from nstkit import (
    Gram,
    GramMeans,
    Histogram,
    Hypercolumns,
    Moments,
    Neighbors,
    SlicedWasserstein,
    gram_matrix,
    style_loss,
)
from nstkit.losses import NORMALIZE, REDUCE
from nstkit.losses.moments import moments_loss
from nstkit.losses.statistics import Extent, Statistic

ADDITIVE = [
    Gram(),
    Gram("elements", "sum", "features"),
    Gram(None, "mean", "image"),
    Gram(reduce="rms"),
    GramMeans(),
    GramMeans(means=0),
    Moments(),
    Moments(ridge=0.01),
]
SORTED = [SlicedWasserstein(), SlicedWasserstein(seed=1), Histogram()]
PIXELS = 80


@pytest.fixture(params=ADDITIVE, ids=repr)
def additive(request: pytest.FixtureRequest) -> Statistic:
    return request.param


@pytest.fixture(params=[*ADDITIVE, *SORTED], ids=repr)
def statistic(request: pytest.FixtureRequest) -> Statistic:
    return request.param


@pytest.fixture
def artwork() -> Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(1, 3, 6, 7, generator=generator, dtype=torch.float64) + 0.5


def extent(features: Tensor) -> Extent:
    return Extent(features[0, 0].numel(), PIXELS)


def distance(statistic: Statistic, features: Tensor, artwork: Tensor) -> Tensor:
    """Return the distance of each picture, (B,)."""
    target = statistic.target(statistic.sums(artwork), extent(artwork))
    return statistic.distance(statistic.sums(features), extent(features), target)


def slow_sums(statistic: Statistic, features: Tensor, where: Tensor) -> Tensor:
    """Position by position."""
    batch, channels, height, width = features.shape
    total = torch.zeros(batch, channels, channels, dtype=torch.float64)
    first = torch.zeros(batch, channels, dtype=torch.float64)
    for b, y, x in itertools.product(range(batch), range(height), range(width)):
        weight, here = where[min(b, len(where) - 1), 0, y, x], features[b, :, y, x]
        total[b] += weight * here[:, None] * here[None, :]
        first[b] += weight * here
    return torch.cat([first[..., None], total], 2) if not isinstance(statistic, Gram) else total


# ---------------------------------------------------------------- sums


@pytest.mark.parametrize("masks", [1, 2])
def test_sums_under_weights_equal_the_explicit_loop(
    masks: int, additive: Statistic, features: Tensor
) -> None:
    generator = torch.Generator().manual_seed(3)
    where = torch.rand(masks, 1, 4, 5, generator=generator, dtype=torch.float64)
    where[..., 0] = 0
    got = additive.sums(features, where)
    torch.testing.assert_close(got, slow_sums(additive, features, where))
    plain = slow_sums(additive, features, torch.ones_like(where))
    torch.testing.assert_close(additive.sums(features), plain)


def test_weights_of_one_are_no_weights(additive: Statistic, features: Tensor) -> None:
    ones = torch.ones(1, 1, 4, 5)
    for given in (features, features.float()):
        assert torch.equal(additive.sums(given, ones), additive.sums(given))
    half = features.bfloat16()
    torch.testing.assert_close(
        additive.sums(half, ones), additive.sums(half), rtol=2**-15, atol=1e-4
    )


def test_sums_of_parts_add_up_to_those_of_the_whole(additive: Statistic, features: Tensor) -> None:
    whole = additive.sums(features)
    tiles = additive.sums(features[..., :2]) + additive.sums(features[..., 2:])
    torch.testing.assert_close(tiles, whole)
    generator = torch.Generator().manual_seed(4)
    share = torch.rand(1, 1, 4, 5, generator=generator, dtype=torch.float64)
    regions = additive.sums(features, share) + additive.sums(features, 1 - share)
    torch.testing.assert_close(regions, whole)
    assert additive.tiled


def test_a_region_alone_is_the_picture_cut_to_it(
    additive: Statistic, features: Tensor, artwork: Tensor
) -> None:
    where = torch.zeros(1, 1, 4, 5)
    where[..., :3] = 1
    target = additive.target(additive.sums(artwork), extent(artwork))
    got = additive.distance(additive.sums(features, where), Extent(12.0, PIXELS), target)
    torch.testing.assert_close(got, distance(additive, features[..., :3], artwork))


def test_sums_under_weights_have_gradients(additive: Statistic, features: Tensor) -> None:
    where = torch.linspace(0, 1, 20, dtype=torch.float64).view(1, 1, 4, 5)
    x = features[:1].requires_grad_()
    assert torch.autograd.gradcheck(lambda f: additive.sums(f, where), x)


# ---------------------------------------------------------------- distances


@pytest.mark.parametrize("normalize", NORMALIZE)
@pytest.mark.parametrize("reduce", REDUCE)
def test_gram_is_the_style_loss(
    normalize: str | None, reduce: str, features: Tensor, artwork: Tensor
) -> None:
    x = features[:1].requires_grad_()
    got, want = distance(Gram(normalize, reduce), x, artwork), style_loss(
        x, artwork, normalize, reduce
    )  # fmt: skip
    torch.testing.assert_close(got, want[None])
    torch.testing.assert_close(*(torch.autograd.grad(v.sum(), x)[0] for v in (got, want)))
    target = Gram(normalize).target(Gram(normalize).sums(artwork), extent(artwork))
    torch.testing.assert_close(target, gram_matrix(artwork, normalize))


@pytest.mark.parametrize("ridge", [1e-4, 0.1])
def test_moments_are_the_moments_loss(ridge: float, features: Tensor, artwork: Tensor) -> None:
    x = features[:1].requires_grad_()
    got, want = distance(Moments(ridge), x, artwork), moments_loss(x, artwork, ridge)
    torch.testing.assert_close(got, want[None])
    torch.testing.assert_close(*(torch.autograd.grad(v.sum(), x)[0] for v in (got, want)))


def test_divisors_are_the_numbers_that_they_name(features: Tensor, artwork: Tensor) -> None:
    plain = distance(Gram(), features, artwork)
    torch.testing.assert_close(distance(Gram(divisor="features"), features, artwork), plain / 60)
    torch.testing.assert_close(
        distance(Gram(divisor="image"), features, artwork), plain / (3 * PIXELS) ** 2
    )


def test_the_distance_of_a_batch_is_that_of_each_picture_alone(
    statistic: Statistic, features: Tensor, artwork: Tensor
) -> None:
    alone = torch.cat([distance(statistic, one[None], artwork) for one in features])
    together = distance(statistic, features, artwork)
    assert together.shape == (2,)
    torch.testing.assert_close(together, alone)
    pairs = zip(features, features.flip(0), strict=True)
    alone = torch.cat([distance(statistic, one[None], other[None]) for one, other in pairs])
    torch.testing.assert_close(distance(statistic, features, features.flip(0)), alone)


def test_it_is_zero_at_the_target_and_else_above(
    statistic: Statistic, features: Tensor, artwork: Tensor
) -> None:
    assert distance(statistic, artwork, artwork.flip(3)).abs().max() < 1e-9
    assert distance(statistic, features, artwork).min() > 1e-6


def test_features_twice_as_large_are_farther_apart_by_the_degree(
    statistic: Statistic, features: Tensor, artwork: Tensor
) -> None:
    twice = distance(statistic, 2 * features, 2 * artwork)
    once = distance(statistic, features, artwork)
    ridge = 0.05 if isinstance(statistic, Moments) else 1e-9  # the ridge does not grow
    torch.testing.assert_close(twice, 2**statistic.degree * once, rtol=ridge, atol=0)


@pytest.mark.parametrize("means", [0, 0.5, 20])
def test_gram_means_add_the_distance_of_means_and_deviations(
    means: float, features: Tensor, artwork: Tensor
) -> None:
    apart = torch.tensor([0.0, 0.0], dtype=torch.float64)
    for b, one in enumerate(features):
        F_l, A_l = one.flatten(1), artwork[0].flatten(1)
        deviation = F_l.std(1, correction=0) - A_l.std(1, correction=0)
        alone = (F_l.mean(1) - A_l.mean(1)).square().mean() + deviation.square().mean()
        apart[b] = means * A_l.square().mean() * alone
    expected = distance(Gram(), features, artwork) + apart
    found = distance(GramMeans(means), features, artwork)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=0)


def test_gram_means_have_finite_gradients_where_a_channel_is_silent() -> None:
    x = torch.zeros(1, 3, 4, 4, requires_grad=True)
    for artwork in (torch.zeros(1, 3, 4, 4), torch.rand(1, 3, 4, 4)):
        (gradient,) = torch.autograd.grad(distance(GramMeans(), x, artwork).sum(), x)
        assert gradient.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_halves_are_widened_and_float64_stays(
    dtype: torch.dtype, statistic: Statistic, features: Tensor, artwork: Tensor
) -> None:
    x = features.to(dtype).requires_grad_()
    got, want = distance(statistic, x, artwork.to(dtype)), distance(statistic, features, artwork)
    assert got.dtype == torch.promote_types(statistic.sums(x).dtype, torch.float32)
    assert got.dtype == torch.float64 or dtype != torch.float64
    rounding = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 0.1}[dtype]
    torch.testing.assert_close(got.double(), want, rtol=rounding, atol=0)
    (gradient,) = torch.autograd.grad(got.sum(), x)
    assert gradient.dtype == dtype and gradient.abs().sum() > 0


# ---------------------------------------------------------------- options


def test_options_are_compared_and_shown() -> None:
    assert Gram() == Gram("positions", "mean", "none") != Gram(reduce="sum")
    assert repr(Moments(0.1)) == "Moments(ridge=0.1)" and len({Moments(), Moments(1e-4)}) == 1


@pytest.mark.parametrize(
    ("kind", "options", "says"),
    [
        (Gram, {"normalize": "mean"}, "normalize is 'mean'"),
        (Gram, {"reduce": "max"}, "reduce is 'max'"),
        (Gram, {"divisor": "pixels"}, "divisor is 'pixels'"),
        (GramMeans, {"means": -1}, "means is -1; expected a finite number, 0 or more"),
        (Moments, {"ridge": 0}, "ridge is 0; expected a finite number, above 0"),
        (Moments, {"ridge": float("nan")}, "ridge is nan"),
        (SlicedWasserstein, {"count": 0}, "count is 0; expected a whole number, 1 or more"),
        (SlicedWasserstein, {"seed": 1.5}, "seed is 1.5; expected a whole number, 0 or more"),
        (Neighbors, {"side": 0}, "side is 0; expected a whole number, 1 or more"),
        (Hypercolumns, {"mix": 1.5}, "mix is 1.5; expected a number in [0, 1]"),
    ],
)
def test_bad_options_are_told(kind: type, options: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        kind(**options)


def test_an_artwork_of_another_layer_is_told(statistic: Statistic, features: Tensor) -> None:
    with pytest.raises(ValueError, match="expected"):
        distance(statistic, features, features[:, :2])
    three = torch.cat([features, features[:1]])
    with pytest.raises(ValueError, match="expected"):
        distance(statistic, features, three)
