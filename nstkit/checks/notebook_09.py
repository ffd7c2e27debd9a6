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


def _masked_adain(P_l: Tensor, S_l: Tensor, weights: Tensor) -> Tensor:
    mean, deviation = _spread(P_l, weights)
    aim_mean, aim = _spread(S_l, torch.ones_like(S_l[0]))
    return aim * (P_l - mean) / deviation + aim_mean


def _all_counted(P_l: Tensor, S_l: Tensor, weights: Tensor) -> Tensor:
    return _masked_adain(P_l, S_l, torch.ones_like(weights))


def _not_divided(P_l: Tensor, S_l: Tensor, weights: Tensor) -> Tensor:
    mean = (P_l * weights).mean(1, keepdim=True)
    variance = ((P_l - mean).square() * weights).mean(1, keepdim=True)
    aim_mean, aim = _spread(S_l, torch.ones_like(S_l[0]))
    return aim * (P_l - mean) / (variance + EPSILON).sqrt() + aim_mean


def _only_inside(P_l: Tensor, S_l: Tensor, weights: Tensor) -> Tensor:
    return weights * _masked_adain(P_l, S_l, weights) + (1 - weights) * P_l


def _variances(P_l: Tensor, S_l: Tensor, weights: Tensor) -> Tensor:
    mean, deviation = _spread(P_l, weights)
    aim_mean, aim = _spread(S_l, torch.ones_like(S_l[0]))
    return aim.square() * (P_l - mean) / deviation.square() + aim_mean


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
    centered, Sigma = _centered(points)
    return _power(Sigma, -0.5) @ centered


def _each_alone(points: Tensor) -> Tensor:
    centered, Sigma = _centered(points)
    return centered / Sigma.diagonal().sqrt()[:, None]


def _not_centered(points: Tensor) -> Tensor:
    return _power(_centered(points)[1], -0.5) @ points


def _inverse(points: Tensor) -> Tensor:
    centered, Sigma = _centered(points)
    return torch.linalg.inv(Sigma) @ centered


def _colored(points: Tensor) -> Tensor:
    centered, Sigma = _centered(points)
    return _power(Sigma, 0.5) @ centered


def _triangular(points: Tensor) -> Tensor:
    centered, Sigma = _centered(points)
    return torch.linalg.inv(torch.linalg.cholesky(Sigma)) @ centered


def _turned(points: Tensor) -> Tensor:
    centered, Sigma = _centered(points)
    values, vectors = torch.linalg.eigh(Sigma)
    return (vectors * values.pow(-0.5)).mT @ centered


def _points(generator: Generator) -> list[Case]:
    mix = torch.tensor([[2.0, 0], [1.2, 0.6]], dtype=torch.float64)
    turned = torch.tensor([[1.0, -0.4], [0.9, 1.5]], dtype=torch.float64)
    return [(m @ normal(generator, 2, n) + 1.5,) for m, n in ((mix, 15), (turned, 40), (mix, 60))]


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
            "All positions count alike here. Weight the sums, and divide by the weights' sum.":
                _all_counted,
            "Weighted sums are divided by the sum of the weights, not by the number of positions.":
                _not_divided,
            "Move all positions. The mask only says which of them are counted.": _only_inside,
            "These are variances. The standard deviation is their root.": _variances,
        },
        _masked,
    ),
    "9.2": Exercise(
        _whitened,
        {
            "The channels still vary together: their covariance is not 0. Use the whole matrix.":
                _each_alone,
            "The mean is still there. Subtract it first.": _not_centered,
            "This multiplies by the inverse of Sigma. Its root is enough: T Sigma T^T must be the "
            "identity.": _inverse,
            "This stretches what is long already. The exponent is -1/2.": _colored,
            "This is white too, but it is triangular. Take the symmetric root.": _triangular,
            "This is white too, but the cloud is turned. Turn it back.": _turned,
        },
        _points,
    ),
    "9.3": Exercise(
        _instance_norm,
        {
            "This is batch norm. Each picture of the batch is normalized alone.": _batch_norm,
            "This is layer norm. Each channel is normalized alone.": _layer_norm,
            "Divide by the standard deviation, the root of the variance.": _by_variance,
            "Divide by the standard deviation too.": _only_centered,
        },
        _batches,
    ),
}  # fmt: skip
