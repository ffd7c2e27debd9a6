"""Exercises of notebook 11, The Rosetta notebook."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from nstkit.checks import Case, Exercise, normal
from nstkit.losses import gram_matrix


def _coefficient(weight: float, N: int, M: int, kind: str) -> float:
    return weight * {"mean": 1, "sum": N * M, "paper": N * M / 2}[kind]


def _style_distance(features: Tensor, artwork: Tensor) -> Tensor:
    return (gram_matrix(features, "elements") - gram_matrix(artwork, "elements")).square().mean()


def _divided_twice(features: Tensor, artwork: Tensor) -> Tensor:
    return _style_distance(features, artwork) / features[0].numel() ** 2


def _divided_once_more(features: Tensor, artwork: Tensor) -> Tensor:
    return _style_distance(features, artwork) / features[0].numel()


def _by_one_size(features: Tensor, artwork: Tensor) -> Tensor:
    undivided = gram_matrix(features, None) - gram_matrix(artwork, None)
    return (undivided / features[0].numel()).square().mean()


def _undivided(features: Tensor, artwork: Tensor) -> Tensor:
    return (gram_matrix(features, None) - gram_matrix(artwork, None)).square().mean()


def _by_positions(features: Tensor, artwork: Tensor) -> Tensor:
    return (gram_matrix(features) - gram_matrix(artwork)).square().mean()


def _summed(features: Tensor, artwork: Tensor) -> Tensor:
    return (gram_matrix(features, "elements") - gram_matrix(artwork, "elements")).square().sum()


def _pairs(generator: torch.Generator) -> Sequence[Case]:
    return [
        (normal(generator, 2, 3, 4, 5), normal(generator, 2, 3, 6, 5)),
        (normal(generator, 1, 6, 3, 7), normal(generator, 1, 6, 8, 2)),
    ]


EXERCISES: dict[str, Exercise] = {
    "11.1": Exercise(
        right=_coefficient,
        mistakes={
            "Eq. 1 has 1/2 in front of its sum.": lambda weight, N, M, kind: _coefficient(
                weight, N, M, "mean" if kind == "mean" else "sum"
            ),
            "A sum is N M times the mean: multiply.": lambda weight, N, M, kind: (
                weight**2 / _coefficient(weight, N, M, kind)
            ),
            "The sum runs over channels, too.": lambda weight, N, M, kind: _coefficient(
                weight, 1, M, kind
            ),
            "The sum runs over positions, too.": lambda weight, N, M, kind: _coefficient(
                weight, N, 1, kind
            ),
            "You forgot the weight itself.": lambda weight, N, M, kind: _coefficient(1, N, M, kind),
            "Only a mean is left as it is; the others hide a number of terms.": (
                lambda weight, N, M, kind: weight
            ),
        },
        cases=lambda generator: [
            (weight, N, M, kind)
            for weight, N, M in ((2.0, 64, 35), (0.5, 512, 12))
            for kind in ("mean", "sum", "paper")
        ],
    ),
    "11.2": Exercise(
        right=lambda beta, k: beta * k**2,
        mistakes={
            "The content has grown as well, by the square: what is left of the fourth power?": (
                lambda beta, k: beta * k**4
            ),
            "The other way round: there the style counts for more, so here it needs more.": (
                lambda beta, k: beta / k**2
            ),
            "The other way round, and the content has grown as well.": (
                lambda beta, k: beta / k**4
            ),
            "Squares of features, and squares of products of features: not the first power.": (
                lambda beta, k: beta * k
            ),
            "It does change: the two terms have different degrees.": lambda beta, k: beta,
        },
        cases=lambda generator: [(10.0, 58.0), (1e6, 0.5), (3.0, 4.0)],
    ),
    "11.3": Exercise(
        right=_style_distance,
        mistakes={
            "It is still divided twice.": _divided_twice,
            "The distance needs no division of its own.": _divided_once_more,
            "Each Gram matrix is divided by its own size: the artwork has another one.": (
                _by_one_size
            ),
            "Now it is not divided at all.": _undivided,
            "The number of elements is channels times positions.": _by_positions,
            "The mean of the squares, not their sum.": _summed,
        },
        cases=_pairs,
    ),
}
