"""Statistics: what of a layer's features a style term compares, and how. One class for each.

To add a style loss, write a dataclass like `Gram`. ``Recipe(statistic=...)`` and
`nstkit.terms.Style` take it as it is, in tiles and in batches. Add it to ``STATISTICS`` too if
recipes in files should be able to name it. Its distances have a size of their own, so choose a new
beta.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple, Protocol, get_args

import torch
from torch import Tensor

from nstkit.losses import (
    NORMALIZE,
    REDUCTIONS,
    Normalize,
    Reduce,
    at_least_float32,
    check_same_shape,
    for_batch,
    gram_divisor,
    reduced,
)
from nstkit.losses.moments import RIDGE, moment_sums, moments, moments_distance
from nstkit.losses.neighbors import nearest_distance
from nstkit.losses.products import products
from nstkit.losses.sliced import directions, sorted_along, wasserstein_1d
from nstkit.options import check_choice, check_weight, check_whole

Divisor = Literal["none", "features", "image"]


class Extent(NamedTuple):
    """What sums over positions ran over.

    Attributes:
        positions: how many there were, M_l of the layer. With weights, their sum.
        pixels: how many pixels the picture has, H * W.
    """

    positions: float
    pixels: int


class Statistic(Protocol):
    """What of a layer's features is compared, and how.

    Style is what stays when positions are forgotten. So a statistic first sums over positions: the
    sums of a picture are those of its parts added up, which is how tiles and regions work. The
    artwork's sums give a target, and the painting's sums give its distance from that.

    Attributes:
        degree: of the distance in the features. If these double, it grows by 2^degree. It is needed
            to translate a recipe to another network.
        tiled: whether `sums` really adds up over positions. A statistic that needs all features at
            once, such as the nearest neighbor of each, sets this to False. Then nothing is painted
            in tiles.
    """

    degree: int
    tiled: bool

    def sums(self, features: Tensor, where: Tensor | None = None) -> Tensor:
        """Return what adds up over positions.

        Args:
            features: (B, C, H, W), those of the whole picture or of a part, any floating dtype.
            where: weights of the positions, (B, 1, H, W) or (1, 1, H, W), each >= 0; None is 1
                everywhere.

        Returns:
            (B, ...) of any shape, in at least float32, differentiable.
        """

    def target(self, sums: Tensor, extent: Extent) -> Tensor:
        """Return what to aim at, (B, ...), from the sums of an artwork. It is computed once."""

    def distance(self, sums: Tensor, extent: Extent, target: Tensor) -> Tensor:
        """Return how far each picture is from a target, (B,), differentiable.

        Args:
            sums: (B, ...) of the pictures.
            extent: what these ran over.
            target: (B, ...), or (1, ...) for all.
        """


Measured = tuple[Tensor, Extent]  # the sums of an artwork, and what they ran over


def blended(statistic: Statistic, parts: Sequence[Measured], shares: Sequence[float]) -> Tensor:
    """Return what to aim at for several artworks, (B, ...), each with its share.

    The targets are added up, each times its share. For Gram matrices under squared differences,
    that is the same as adding up the losses of all artworks: sum_i w_i |G - A_i|^2 differs from
    |G - sum_i w_i A_i|^2 by a constant. A statistic whose targets cannot be added up has a method
    ``blended`` of its own, which takes parts and shares.

    Args:
        statistic: any.
        parts: (sums, extent) of each artwork.
        shares: of each, 0 or more, with the sum 1. What has the share 0 changes no bit.
    """
    used = [(part, share) for part, share in zip(parts, shares, strict=True) if share]
    if len(used) == 1:
        return statistic.target(*used[0][0])
    parts, shares = zip(*used, strict=True)
    if hasattr(statistic, "blended"):
        return statistic.blended(parts, shares)
    return sum(share * statistic.target(*part) for part, share in used)


@dataclass(frozen=True)
class Gram:
    """Gram matrices: which channels are active together. Gatys et al. 2016, eqs. 3 to 5.

    Args:
        normalize: as in `nstkit.gram_matrix`.
        reduce: "mean" or "sum" of squared differences, or "rms", the root of the mean.
        divisor: of the distance: "none"; "features", the number N_l M_l of features; "image",
            (3 H W)^2 with H and W of the picture in px (Keras' example).

    Raises:
        ValueError: An unknown option.
    """

    normalize: Normalize = "positions"
    reduce: Reduce = "mean"
    divisor: Divisor = "none"
    tiled: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check every option."""
        check_choice("normalize", self.normalize, NORMALIZE)
        check_choice("reduce", self.reduce, REDUCTIONS)
        check_choice("divisor", self.divisor, get_args(Divisor))

    @property
    def degree(self) -> int:
        """4: products of features, squared. 2 where a root is taken."""
        return 2 if self.reduce == "rms" else 4

    def sums(self, features: Tensor, where: Tensor | None = None) -> Tensor:
        """Return F F^T, (B, C, C); under weights F diag(where) F^T."""
        if where is not None:
            features = at_least_float32(features) * where.to(features.device).sqrt()
        return products(features)

    def target(self, sums: Tensor, extent: Extent) -> Tensor:
        """Return the Gram matrices, (B, C, C)."""
        return sums / gram_divisor(self.normalize, sums.shape[-1], extent.positions)

    def distance(self, sums: Tensor, extent: Extent, target: Tensor) -> Tensor:
        """Return the distance of the Gram matrices from the artwork's, (B,)."""
        G_l = self.target(sums, extent)
        A_l = for_batch(target, G_l)
        check_same_shape(G_l, A_l)
        squares = (G_l - A_l).square().sum((1, 2))
        loss = reduced(squares, G_l[0].numel(), self.reduce)
        return loss / self.divided_by(sums.shape[-1], extent)

    def divided_by(self, N_l: int, extent: Extent) -> float:
        """Return the number that ``divisor`` means for a layer of N_l channels."""
        M_l, pixels = extent
        return {"none": 1, "features": N_l * M_l, "image": (3 * pixels) ** 2}[self.divisor]


@dataclass(frozen=True)
class GramMeans:
    """Gram matrices, and beside them the mean and deviation of each channel.

    A Gram matrix has N^2 entries, and its distance is their mean. So what each channel does alone,
    which is the palette and how much of each stroke there is, hardly counts. Here it counts by

        mean((G - A)^2) + means * a * (mean((mu - mu')^2) + mean((sigma - sigma')^2))

    with mu and sigma the mean and deviation of each channel, and a the mean square of the artwork's
    features, which gives both parts the same unit. Galerne et al. 2022 ("Scaling Painting Style
    Transfer", arXiv 2212.13459) add means and deviations too, with a fixed factor.

    Args:
        means: weight of means and deviations, 0 or more.

    Raises:
        ValueError: A negative or infinite weight.
    """

    means: float = 3.0
    degree: ClassVar[int] = 4
    tiled: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the weight; 3 and 3.0 are one statistic."""
        check_weight("means", self.means)
        object.__setattr__(self, "means", float(self.means))

    def sums(self, features: Tensor, where: Tensor | None = None) -> Tensor:
        """Return the sums of F and F F^T, (B, C, 1 + C)."""
        F_l = features if where is None else at_least_float32(features) * where.to(features.device)
        first = F_l.sum((2, 3), dtype=torch.promote_types(F_l.dtype, torch.float32))
        return torch.cat([first[..., None], Gram().sums(features, where)], dim=2)

    def target(self, sums: Tensor, extent: Extent) -> Tensor:
        """Return means and Gram matrices, (B, C, 1 + C)."""
        return sums / extent.positions

    def distance(self, sums: Tensor, extent: Extent, target: Tensor) -> Tensor:
        """Return the distance from the artwork's means, deviations and Gram matrices, (B,)."""
        found = self.target(sums, extent)
        aim = for_batch(target, found)
        check_same_shape(found, aim)
        square = aim[..., 1:].diagonal(dim1=1, dim2=2).mean(1)
        alone = (_alone(found, square) - _alone(aim, square)).square().sum(2).mean(1)
        together = (found[..., 1:] - aim[..., 1:]).square().mean((1, 2))
        return together + self.means * square * alone


def _alone(means: Tensor, square: Tensor) -> Tensor:
    """Return mean and deviation of each channel, (B, C, 2), from `GramMeans.target`.

    Args:
        means: (B, C, 1 + C).
        square: (B,), the size of the features' squares. A small part of it keeps the root of a
            silent channel's variance differentiable.
    """
    mu = means[..., 0]
    variance = (means[..., 1:].diagonal(dim1=1, dim2=2) - mu.square()).clamp(min=0)
    deviation = (variance + 1e-5 * square[:, None] + 1e-12).sqrt()
    return torch.stack([mu, deviation], dim=2)


@dataclass(frozen=True)
class Moments:
    """Means and covariances, compared by the 2-Wasserstein distance; see `nstkit.losses.moments`.

    Args:
        ridge: added to the diagonal of each covariance, above 0.

    Raises:
        ValueError: ridge is not above 0.
    """

    ridge: float = RIDGE
    degree: ClassVar[int] = 2
    tiled: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the ridge; 1 and 1.0 are one statistic."""
        check_weight("ridge", self.ridge, positive=True)
        object.__setattr__(self, "ridge", float(self.ridge))

    def sums(self, features: Tensor, where: Tensor | None = None) -> Tensor:
        """Return the sums of F and F F^T, (B, C, 1 + C) in float64."""
        return moment_sums(features, where)

    def target(self, sums: Tensor, extent: Extent) -> Tensor:
        """Return means and roots of covariances, (B, C, 1 + C) in float64."""
        return moments(sums, extent.positions, self.ridge)

    def blended(self, parts: Sequence[Measured], shares: Sequence[float]) -> Tensor:
        """Return the moments of a mixture: the means of F and F F^T are added up."""
        pairs = zip(parts, shares, strict=True)
        mixture = sum(share * sums / extent.positions for (sums, extent), share in pairs)
        return moments(mixture, 1, self.ridge)

    def distance(self, sums: Tensor, extent: Extent, target: Tensor) -> Tensor:
        """Return W2^2 / C, (B,) in float64."""
        return moments_distance(sums, extent.positions, target, self.ridge)


class Sorted:
    """Distributions along directions, which subclasses choose in `projected`."""

    degree: ClassVar[int] = 2
    tiled: ClassVar[bool] = False  # a sorted list is that of the whole picture

    def sums(self, features: Tensor, where: Tensor | None = None) -> Tensor:
        """Return the projected features in rising order, (B, directions, M).

        Under weights these are M quantiles, see `nstkit.losses.sliced.sorted_along`.
        """
        F_l = at_least_float32(features).flatten(2)
        return sorted_along(self.projected(F_l), None if where is None else where.flatten(1))

    def target(self, sums: Tensor, extent: Extent) -> Tensor:
        """Return the sums themselves."""
        return sums

    def blended(self, parts: Sequence[Measured], shares: Sequence[float]) -> Tensor:
        """Return the mean of the sorted lists, number by number.

        For lists of one length, adding up the losses of the artworks has the same gradient. Shorter
        lists are read at as many places as the longest has, and then it is nearly so.
        """
        longest = max(sums.shape[2] for sums, _ in parts)
        return sum(
            share * spread(sums, longest) for (sums, _), share in zip(parts, shares, strict=True)
        )

    def distance(self, sums: Tensor, extent: Extent, target: Tensor) -> Tensor:
        """Return the mean of W2^2 over the directions, (B,)."""
        aim = for_batch(target, sums)
        check_same_shape(sums[..., 0], aim[..., 0])  # positions may differ
        return wasserstein_1d(sums, aim).mean(1)

    def projected(self, F_l: Tensor) -> Tensor:
        """Return features (B, C, M) along the directions, (B, directions, M)."""
        raise NotImplementedError


@dataclass(frozen=True)
class SlicedWasserstein(Sorted):
    """The whole distribution of features, compared along fixed directions. arXiv 2006.07229, eq. 3.

    New directions in every step would make L-BFGS learn a curvature of noise. So they are
    drawn once. Artworks of any size are compared exactly. A step needs memory
    for all positions along all directions, so take few directions for a large picture.

    Args:
        count: of directions, 1 or more; None takes as many as a layer has channels.
        seed: of the directions.

    Raises:
        ValueError: A count below 1, or a seed that is no whole number.
    """

    count: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Check count and seed."""
        if self.count is not None:
            object.__setattr__(self, "count", check_whole("count", self.count, least=1))
        object.__setattr__(self, "seed", check_whole("seed", self.seed, least=0))

    def projected(self, F_l: Tensor) -> Tensor:
        """Return features (B, C, M) along the directions, (B, directions, M)."""
        channels = F_l.shape[1]
        count = channels if self.count is None else self.count
        return directions(channels, count, self.seed).to(F_l) @ F_l


@dataclass(frozen=True)
class Histogram(Sorted):
    """The histogram of each channel: the directions are the axes. Risser et al. 2017.

    Their loss compares features with their own after matching histograms (arXiv 1701.08893, section
    4.1). Matching moves the smallest value to the smallest, so it is the same distance, without
    bins.
    """

    def projected(self, F_l: Tensor) -> Tensor:
        """Return the features themselves: each channel is a direction."""
        return F_l


@dataclass(frozen=True)
class Neighbors:
    """Not summed up at all: each feature is compared with its nearest one of the artwork.

    See `nstkit.losses.neighbors`. Which feature is nearest is found again in every step. A layer
    with many positions takes part with every second, third, ... row and column. The artwork is
    searched at a quarter as many positions.

    Args:
        side: positions along the longer side of a layer, at most, 1 or more. With 128, all pixels
            of a picture of up to 640 px are seen by relu1_2, whose features see 5 px.

    Raises:
        ValueError: A side below 1.
    """

    side: int = 128
    degree: ClassVar[int] = 0  # a cosine does not grow with the features
    tiled: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Check the side."""
        object.__setattr__(self, "side", check_whole("side", self.side, least=1))

    def sums(self, features: Tensor, where: Tensor | None = None) -> Tensor:
        """Return features and weights of the positions that take part, (B, C + 1, M)."""
        every = max(-(-max(features.shape[-2:]) // self.side), 1)
        F_l = at_least_float32(features[..., ::every, ::every])
        ones = F_l.new_ones(len(F_l), 1, *F_l.shape[-2:])
        weights = ones if where is None else ones * where[..., ::every, ::every].to(ones)
        return torch.cat([F_l, weights], dim=1).flatten(2)

    def target(self, sums: Tensor, extent: Extent) -> Tensor:
        """Return some of the artwork's features and weights: a quarter of side x side at most."""
        every = max(-(-4 * sums.shape[2] // self.side**2), 1)
        return sums[..., ::every]

    def blended(self, parts: Sequence[Measured], shares: Sequence[float]) -> Tensor:
        """Return features of all artworks side by side, of each in proportion to its share.

        Those without a weight are left out first.
        """
        targets = [self.target(sums[..., sums[0, -1] > 0], extent) for sums, extent in parts]
        kept = zip(targets, kept_of([t.shape[2] for t in targets], shares), strict=True)
        return torch.cat([spread(target, count) for target, count in kept], dim=2)

    def distance(self, sums: Tensor, extent: Extent, target: Tensor) -> Tensor:
        """Return the mean cosine distance to the nearest feature, (B,)."""
        aim = for_batch(target, sums)
        check_same_shape(sums[..., 0], aim[..., 0])  # positions may differ
        return torch.stack([_between(*pair) for pair in zip(sums, aim, strict=True)])


def _between(ours: Tensor, theirs: Tensor) -> Tensor:
    """Return the distance of features (C + 1, M) from an artwork's, the last row their weights.

    What has no weight is left out. If nothing has one, there is nothing to compare: 0.
    """
    ours, theirs = (columns[:, columns[-1] > 0] for columns in (ours, theirs))
    if not ours.shape[1] or not theirs.shape[1]:
        return 0 * ours.sum()
    return nearest_distance(ours[:-1].mT, theirs[:-1].mT, ours[-1])


def spread(columns: Tensor, count: int) -> Tensor:
    """Return ``count`` of the last dimension's entries, evenly spread; all of them as they are."""
    size = columns.shape[-1]
    if count == size:
        return columns
    places = (torch.arange(count, device=columns.device) + 0.5) * (size / count)
    return columns[..., places.long().clamp(max=size - 1)]


def kept_of(counts: Sequence[int], shares: Sequence[float]) -> list[int]:
    """Return how many of each artwork's features to keep, so that their numbers are as the shares.

    Args:
        counts: of the features of each artwork.
        shares: of each, above 0.

    Returns:
        At least 1 and at most the count of each.
    """
    # All of the artwork that has the fewest features for its share.
    unit = min(count / share for count, share in zip(counts, shares, strict=True))
    return [
        min(max(round(unit * share), 1), count) for count, share in zip(counts, shares, strict=True)
    ]


@dataclass(frozen=True)
class Hypercolumns:
    """Neighbors found once for all layers together, `nstkit.terms.Matched`. arXiv 2203.13215.

    This is no `Statistic` of one layer: what the network sees at a position in all layers is
    matched at once, before the painting begins at a scale. So forms come from one place of the
    artwork. At the coarsest scale the photograph is matched. At the others it is mixed with the
    painting so far.

    Args:
        mix: share of the painting so far, in [0, 1].

    Raises:
        ValueError: A share outside [0, 1].
    """

    mix: float = 0.25
    degree: ClassVar[int] = 0
    tiled: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Check the share."""
        check_weight("mix", self.mix)
        if self.mix > 1:
            raise ValueError(f"mix is {self.mix:g}; expected a number in [0, 1].")
        object.__setattr__(self, "mix", float(self.mix))


# The statistics that a recipe can name in a file.
STATISTICS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        Gram,
        GramMeans,
        Moments,
        SlicedWasserstein,
        Histogram,
        Neighbors,
        Hypercolumns,
    )
}
