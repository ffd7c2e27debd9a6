"""Exercises of notebook 09, In real time."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from nstkit.checks import Case, Exercise, normal
from nstkit.modes import ON_CPU

EPSILON = 1e-4


def _spread(F_l: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and deviation (C, 1) of features (C, N) under weights (N,)."""
    share = weights / weights.sum()
    mean = (F_l * share).sum(1, keepdim=True)
    return mean, (((F_l - mean).square() * share).sum(1, keepdim=True) + EPSILON).sqrt()


def _masked_adain(F_c: Tensor, F_s: Tensor, weights: Tensor) -> Tensor:
    mean, deviation = _spread(F_c, weights)
    aim_mean, aim = _spread(F_s, torch.ones_like(F_s[0]))
    return aim * (F_c - mean) / deviation + aim_mean


def _all_counted(F_c: Tensor, F_s: Tensor, weights: Tensor) -> Tensor:
    return _masked_adain(F_c, F_s, torch.ones_like(weights))


def _not_divided(F_c: Tensor, F_s: Tensor, weights: Tensor) -> Tensor:
    mean = (F_c * weights).mean(1, keepdim=True)
    variance = ((F_c - mean).square() * weights).mean(1, keepdim=True)
    aim_mean, aim = _spread(F_s, torch.ones_like(F_s[0]))
    return aim * (F_c - mean) / (variance + EPSILON).sqrt() + aim_mean


def _only_inside(F_c: Tensor, F_s: Tensor, weights: Tensor) -> Tensor:
    return weights * _masked_adain(F_c, F_s, weights) + (1 - weights) * F_c


def _variances(F_c: Tensor, F_s: Tensor, weights: Tensor) -> Tensor:
    mean, deviation = _spread(F_c, weights)
    aim_mean, aim = _spread(F_s, torch.ones_like(F_s[0]))
    return aim.square() * (F_c - mean) / deviation.square() + aim_mean


def _masked(generator: Generator) -> list[Case]:
    """Return cases (features (C, N), features (C, M), weights (N,) in [0, 1])."""
    return [
        (
            normal(generator, 3, n) + 2,
            3 * normal(generator, 3, m) - 1,
            (torch.rand(n, generator=generator, **ON_CPU).double() - 0.3).clamp(0, 1),
        )
        for n, m in ((12, 9), (20, 7), (30, 40))
    ]


def _centered(points: Tensor) -> tuple[Tensor, Tensor]:
    centered = points - points.mean(1, keepdim=True)
    return centered, centered @ centered.mT / points.shape[1]


def _power(matrix: Tensor, exponent: float) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return vectors * values.pow(exponent) @ vectors.mT


def _whitened(points: Tensor) -> Tensor:
    centered, S = _centered(points)
    return _power(S, -0.5) @ centered


def _each_alone(points: Tensor) -> Tensor:
    centered, S = _centered(points)
    return centered / S.diagonal().sqrt()[:, None]


def _not_centered(points: Tensor) -> Tensor:
    return _power(_centered(points)[1], -0.5) @ points


def _inverse(points: Tensor) -> Tensor:
    centered, S = _centered(points)
    return torch.linalg.inv(S) @ centered


def _colored(points: Tensor) -> Tensor:
    centered, S = _centered(points)
    return _power(S, 0.5) @ centered


def _triangular(points: Tensor) -> Tensor:
    centered, S = _centered(points)
    return torch.linalg.inv(torch.linalg.cholesky(S)) @ centered


def _turned(points: Tensor) -> Tensor:
    centered, S = _centered(points)
    values, vectors = torch.linalg.eigh(S)
    return (vectors * values.pow(-0.5)).mT @ centered


def _points(generator: Generator) -> list[Case]:
    mix = torch.tensor([[2.0, 0], [1.2, 0.6]], dtype=torch.float64)
    turned = torch.tensor([[1.0, -0.4], [0.9, 1.5]], dtype=torch.float64)
    return [(m @ normal(generator, 2, n) + 1.5,) for m, n in ((mix, 15), (turned, 40), (mix, 60))]


def _faded(F_c: Tensor, one: Tensor, other: Tensor, share: float, alpha: float) -> Tensor:
    return (1 - alpha) * F_c + alpha * ((1 - share) * one + share * other)


def _shares_swapped(F_c: Tensor, one: Tensor, other: Tensor, share: float, alpha: float) -> Tensor:
    return _faded(F_c, other, one, share, alpha)


def _alpha_swapped(F_c: Tensor, one: Tensor, other: Tensor, share: float, alpha: float) -> Tensor:
    return _faded(F_c, one, other, share, 1 - alpha)


def _added(F_c: Tensor, one: Tensor, other: Tensor, share: float, alpha: float) -> Tensor:
    return F_c + alpha * ((1 - share) * one + share * other)


def _share_of_one(F_c: Tensor, one: Tensor, other: Tensor, share: float, alpha: float) -> Tensor:
    return (1 - alpha) * F_c + alpha * (one + share * other)


def _features(generator: Generator) -> list[Case]:
    """Return cases (three features (1, C, h, w), share, alpha)."""
    return [
        (*(normal(generator, 1, 3, 4, 5) for _ in range(3)), share, alpha)
        for share, alpha in ((0.25, 0.6), (0.0, 1.0), (0.7, 0.0), (1.0, 0.3))
    ]


def _normed(F_l: Tensor, over: tuple[int, ...]) -> Tensor:
    mean, variance = F_l.mean(over, keepdim=True), F_l.var(over, correction=0, keepdim=True)
    return (F_l - mean) / (variance + EPSILON).sqrt()


def _instance_norm(F_l: Tensor) -> Tensor:
    return _normed(F_l, (2, 3))


def _batch_norm(F_l: Tensor) -> Tensor:
    return _normed(F_l, (0, 2, 3))


def _layer_norm(F_l: Tensor) -> Tensor:
    return _normed(F_l, (1, 2, 3))


def _by_variance(F_l: Tensor) -> Tensor:
    mean, variance = (
        F_l.mean((2, 3), keepdim=True),
        F_l.var((2, 3), correction=0, keepdim=True),
    )
    return (F_l - mean) / (variance + EPSILON)


def _only_centered(F_l: Tensor) -> Tensor:
    return F_l - F_l.mean((2, 3), keepdim=True)


def _batches(generator: Generator) -> list[Case]:
    return [
        (normal(generator, *shape) * (1 + torch.arange(shape[1]).double()[:, None, None]) + 2,)
        for shape in ((2, 3, 4, 5), (3, 2, 6, 3), (1, 4, 5, 5))
    ]


EXERCISES = {
    "9.1": Exercise(
        _masked_adain,
        {
            "All positions count alike here. Weigh the sums, and divide by the sum of the weights.":
                _all_counted,
            "Weighted sums are divided by the sum of the weights, not by the number of positions.":
                _not_divided,
            "Move all positions. The mask only says which of them are counted.": _only_inside,
            "These are variances. The deviation is their root.": _variances,
        },
        _masked,
    ),
    "9.2": Exercise(
        _whitened,
        {
            "The channels still go together: their covariance is not 0. Use the whole matrix.":
                _each_alone,
            "The mean is still there. Subtract it first.": _not_centered,
            "This multiplies by the inverse of S. Its root is enough: A S A^T must be 1.": _inverse,
            "This stretches what is long already. The exponent is -1/2.": _colored,
            "This is white too, but it is triangular. Take the symmetric root.": _triangular,
            "This is white too, but the cloud is turned. Turn it back.": _turned,
        },
        _points,
    ),
    "9.3": Exercise(
        _faded,
        {
            "The share is that of the other artwork, and 1 - share that of the first.":
                _shares_swapped,
            "At alpha 1, nothing of the photograph's features is left.": _alpha_swapped,
            "Features of the photograph and moved ones share 1: the first count 1 - alpha.": _added,
            "The shares of both artworks add up to 1.": _share_of_one,
        },
        _features,
    ),
    "9.4": Exercise(
        _instance_norm,
        {
            "This is batch norm. Each picture of the batch is normalized alone.": _batch_norm,
            "This is layer norm. Each channel is normalized alone.": _layer_norm,
            "Divide by the deviation, the root of the variance.": _by_variance,
            "Divide by the deviation too.": _only_centered,
        },
        _batches,
    ),
}  # fmt: skip
