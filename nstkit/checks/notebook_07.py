"""Exercises of notebook 07, In control."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from nstkit.checks import Case, Exercise, normal
from nstkit.modes import ON_CPU

Y = torch.tensor([[0.299, 0.587, 0.114]], dtype=torch.float64)


def _kept(painting: Tensor, photo: Tensor) -> Tensor:
    return Y @ painting + photo - Y @ photo


def _swapped(painting: Tensor, photo: Tensor) -> Tensor:
    return _kept(photo, painting)


def _mean_of_channels(painting: Tensor, photo: Tensor) -> Tensor:
    return painting.mean(0, keepdim=True) + photo - photo.mean(0, keepdim=True)


def _too_bright(painting: Tensor, photo: Tensor) -> Tensor:
    return Y @ painting + photo


def _still_painted(painting: Tensor, photo: Tensor) -> Tensor:
    return painting + photo - Y @ photo


def _pixels(generator: Generator) -> list[Case]:
    return [(normal(generator, 3, n), normal(generator, 3, n)) for n in (5, 12, 30)]


def _blended(grams: Tensor, weights: Tensor) -> Tensor:
    return (weights[:, None, None] * grams).sum(0) / weights.sum()


def _plain_mean(grams: Tensor, weights: Tensor) -> Tensor:
    return grams.mean(0)


def _undivided(grams: Tensor, weights: Tensor) -> Tensor:
    return (weights[:, None, None] * grams).sum(0)


def _heaviest(grams: Tensor, weights: Tensor) -> Tensor:
    return grams[weights.argmax()]


def _squared_weights(grams: Tensor, weights: Tensor) -> Tensor:
    return _blended(grams, weights.square())


def _grams(generator: Generator) -> list[Case]:
    """Return cases (Gram matrices (n, C, C), weights (n,)), which do not add up to 1."""
    cases = []
    for count, channels in [(2, 3), (3, 4), (2, 6)]:
        features = normal(generator, count, channels, 20)
        weights = 0.2 + 3 * torch.rand(count, generator=generator, **ON_CPU).double()
        cases.append((features @ features.mT / 20, weights))
    return cases


def _halved(mask: Tensor, pools: int) -> Tensor:
    for _ in range(pools):
        mask = F.avg_pool2d(mask, 2)
    return mask


def _every_second(mask: Tensor, pools: int) -> Tensor:
    for _ in range(pools):
        mask = mask[..., : mask.shape[-2] // 2 * 2 : 2, : mask.shape[-1] // 2 * 2 : 2]
    return mask


def _largest(mask: Tensor, pools: int) -> Tensor:
    for _ in range(pools):
        mask = F.max_pool2d(mask, 2)
    return mask


def _smallest(mask: Tensor, pools: int) -> Tensor:
    return -_largest(-mask, pools)


def _sums(mask: Tensor, pools: int) -> Tensor:
    return 4**pools * _halved(mask, pools)


def _one_too_many(mask: Tensor, pools: int) -> Tensor:
    return _halved(mask, pools + 1)


def _masks(generator: Generator) -> list[Case]:
    """Return cases (mask (1, 1, H, W), number of poolings); some sides are odd on the way."""
    return [
        (torch.rand(1, 1, *size, generator=generator, **ON_CPU).double(), pools)
        for size, pools in [((16, 24), 1), ((32, 32), 3), ((27, 38), 2)]
    ]


EXERCISES: dict[str, Exercise] = {
    "7.1": Exercise(
        right=_kept,
        mistakes={
            "Light and dark are the photograph's, and colors the painting's: it is the other way "
            "round.": _swapped,
            "Luminance is no plain mean: green counts most, .299 R + .587 G + .114 B.": (
                _mean_of_channels
            ),
            "Take the photograph's own luminance away, or the picture gets too bright.": (
                _too_bright
            ),
            "The painting's colors are still in it: only its luminance should be.": _still_painted,
        },
        cases=_pixels,
    ),
    "7.2": Exercise(
        right=_blended,
        mistakes={
            "The artworks count alike here; each should count by its weight.": _plain_mean,
            "These weights do not add up to 1: divide by their sum.": _undivided,
            "That is the artwork with the greatest weight, and the others count too.": _heaviest,
            "Weights are squared: the square in the loss is of the difference only.": (
                _squared_weights
            ),
        },
        cases=_grams,
    ),
    "7.3": Exercise(
        right=_halved,
        mistakes={
            "Every second value is no mean: a thin line may vanish, or count twice.": _every_second,
            "The network takes the maximum. The mask takes the mean, so that shares stay true.": (
                _largest
            ),
            "The smallest value leaves deep layers with nothing: take the mean.": _smallest,
            "Those are sums of 4 values; the mean keeps the mask in [0, 1].": _sums,
            "That is one pooling too many: relu2_1 comes after one.": _one_too_many,
        },
        cases=_masks,
    ),
}
