"""Exercises of notebook 02, Content: what survives in deep layers."""

from __future__ import annotations

import torch

from nstkit.checks import Exercise, normal


def _features(generator: torch.Generator, *shape: int) -> torch.Tensor:
    """Return what a ReLU would: about half of the numbers are 0."""
    return normal(generator, *shape).relu()


EXERCISES: dict[str, Exercise] = {
    "2.1": Exercise(
        right=9.0,
        mistakes={
            "Eq. 1 has a factor 1/2 in front of the sum.": 18.0,
            "That is nstkit's mean; eq. 1 is half of the sum.": 4.5,
            "That is half of the mean; eq. 1 does not divide by the number of positions.": 2.25,
            "Square each difference before you add.": 3.0,
            "Differences are squared, so nothing of eq. 1 can be negative.": -3.0,
        },
    ),
    "2.2": Exercise(
        right=lambda features, target: (features - target).square().mean((2, 3)),
        mistakes={
            "That averages over channels and keeps positions; do the opposite.": (
                lambda features, target: (features - target).square().mean(1)
            ),
            "Each picture of the batch has its own errors: keep the batch.": (
                lambda features, target: (features - target).square().mean((0, 2, 3))
            ),
            "Average over positions instead of adding.": (
                lambda features, target: (features - target).square().sum((2, 3))
            ),
            "Square before averaging, or differences of opposite sign cancel.": (
                lambda features, target: (features - target).mean((2, 3)).square()
            ),
            "Those are absolute values; square the differences.": (
                lambda features, target: (features - target).abs().mean((2, 3))
            ),
            "Only the width is averaged; the height is a dimension of positions too.": (
                lambda features, target: (features - target).square().mean(3)
            ),
            "That is the content loss of everything together: keep batch and channels.": (
                lambda features, target: (features - target).square().mean()
            ),
            "Drop the averaged dimensions: the shape is (B, C).": (
                lambda features, target: (features - target).square().mean((2, 3), keepdim=True)
            ),
        },
        cases=lambda g: [
            (_features(g, 2, 3, 4, 5), _features(g, 2, 3, 4, 5)),
            (_features(g, 3, 2, 6, 4), _features(g, 3, 2, 6, 4)),
        ],
    ),
    "2.3": Exercise(
        right=lambda z, target: 2 / z.numel() * (z.relu() - target) * (z > 0),
        mistakes={
            "Where z is negative, the ReLU passes no gradient on: it is 0 there.": (
                lambda z, target: 2 / z.numel() * (z.relu() - target)
            ),
            "Features are relu(z), and where z is negative the gradient is 0.": (
                lambda z, target: 2 / z.numel() * (z - target)
            ),
            "What counts is whether z > 0, not whether the features exceed the target.": (
                lambda z, target: 2 / z.numel() * (z.relu() - target) * (z.relu() > target)
            ),
            "It is the features that must be positive, not the target.": (
                lambda z, target: 2 / z.numel() * (z.relu() - target) * (target > 0)
            ),
            "The derivative of a square brings a factor 2 (eq. 1's 1/2 would cancel it).": (
                lambda z, target: 1 / z.numel() * (z.relu() - target) * (z > 0)
            ),
            "That is eq. 2, of half the sum; the mean has a factor 2/n.": (
                lambda z, target: (z.relu() - target) * (z > 0)
            ),
            "That is the gradient of the sum; divide by n.": (
                lambda z, target: 2 * (z.relu() - target) * (z > 0)
            ),
            "n counts all numbers: batch and channels too, not positions alone.": (
                lambda z, target: 2 / z[0, 0].numel() * (z.relu() - target) * (z > 0)
            ),
            "n counts all numbers: the batch too.": (
                lambda z, target: 2 / z[0].numel() * (z.relu() - target) * (z > 0)
            ),
            "The sign is turned: the gradient points uphill, from target to features.": (
                lambda z, target: 2 / z.numel() * (target - z.relu()) * (z > 0)
            ),
        },
        cases=lambda g: [
            (normal(g, 2, 3, 4, 5), _features(g, 2, 3, 4, 5)),
            (normal(g, 3, 2, 5, 3), _features(g, 3, 2, 5, 3)),
        ],
    ),
}
