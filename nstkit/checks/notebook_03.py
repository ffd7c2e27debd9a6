"""Exercises of notebook 03, Style: the Gram matrix."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from nstkit.checks import Case, Exercise, normal
from nstkit.losses import gram_matrix


def _grams_and_means(generator: Generator) -> list[Case]:
    """Return cases (gram, mean) that belong to features, batches of 1 to 3."""
    shapes = [(2, 3, 4, 5), (1, 4, 2, 6), (3, 2, 5, 3)]
    batches = [normal(generator, *shape) + 1 for shape in shapes]
    return [(gram_matrix(features), features.mean((2, 3))) for features in batches]


def _mixed_pictures(features: Tensor) -> Tensor:
    rows = features.flatten(0, 1).flatten(1)
    return rows @ rows.T / features.numel()


def _over_positions(features: Tensor) -> Tensor:
    F_l = features.flatten(2)
    return F_l.transpose(1, 2) @ F_l / F_l.shape[2]


EXERCISES: dict[str, Exercise] = {
    "3.1": Exercise(
        right="own shuffles",
        mistakes={
            "To mirror is to permute positions; a sum over them does not care.": "mirror",
            "The sum doubles, but so does the number of positions by which it is divided.": "twice",
            "All channels move together, so those that met before meet again.": "same shuffle",
        },
    ),
    "3.2": Exercise(
        right=24,
        mistakes={
            "That is N, the number of channels; the other bound is smaller.": 512,
            "Both sides are halved four times; you divided the area by 16 once.": 96 * 64 // 16,
            "That is with three poolings; there are four before relu5_1.": 96,
            "That is with five poolings; pool5 comes after relu5_1.": 6,
            "Those are all pixels; the poolings are missing.": 96 * 64,
        },
    ),
    "3.3": Exercise(
        right=gram_matrix,
        mistakes={
            "Channels of different pictures are still multiplied: keep the batch apart, with "
            "flatten(2).": _mixed_pictures,
            "The shape is right, the divisor is not: divide by the number of positions H * W "
            "only.": lambda features: gram_matrix(features, "elements"),
            "Divide by the number of positions; this is the plain sum.": (
                lambda features: gram_matrix(features, None)
            ),
            "Divide by the number of positions only, not by the size of the batch.": (
                lambda features: gram_matrix(features) / len(features)
            ),
            "This compares positions, not channels: the sum must run over positions.": (
                _over_positions
            ),
            "The pictures of the batch are added up: keep the letter b in the result.": (
                lambda features: gram_matrix(features).sum(0)
            ),
        },
        cases=lambda g: [(normal(g, 2, 3, 4, 5),), (normal(g, 3, 4, 2, 3),)],
    ),
    "3.4": Exercise(
        right=lambda gram, mean: gram - mean[:, :, None] * mean[:, None, :],
        mistakes={
            "mean.T @ mean adds up the pictures of the batch: each needs a product of its own.": (
                lambda gram, mean: gram - mean.T @ mean
            ),
            "The squares are taken out on the diagonal only; off it, the products of two "
            "different means are in the way too.": (
                lambda gram, mean: gram - torch.diag_embed(mean.square())
            ),
            "That takes out the means, not their products.": (
                lambda gram, mean: gram - mean[:, :, None]
            ),
            "The sign is wrong: the Gram matrix is covariance plus products of means.": (
                lambda gram, mean: gram + mean[:, :, None] * mean[:, None, :]
            ),
        },
        cases=_grams_and_means,
    ),
}
