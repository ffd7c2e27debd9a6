"""Notebook 13: its distance is that of the package, and of numbers known by hand."""

import pytest
import torch

from course.cells import definition
from nstkit.losses.moments import mean_and_covariance, moment_sums, moments_loss

STEM = "13_after_gatys"


def cloud(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def of(features, ridge):
    sums = moment_sums(features)
    mean, covariance = mean_and_covariance(sums, features[0, 0].numel(), ridge)
    return mean[0], covariance[0]


@pytest.mark.parametrize("ridge", [1e-4, 0.5])
def test_frechet_distance_is_the_loss_of_the_package(ridge):
    ours, theirs = 2 * cloud(0, 1, 5, 6, 7) + 1, cloud(1, 1, 5, 4, 9)
    found = definition(STEM, "frechet_distance")(*of(ours, ridge), *of(theirs, ridge))
    torch.testing.assert_close(found / 5, moments_loss(ours, theirs, ridge))


def test_frechet_distance_of_independent_numbers_is_a_sum():
    """In each dimension alone: the squared differences of means and of deviations."""
    frechet_distance = definition(STEM, "frechet_distance")
    mean, deviation = torch.tensor([1.0, -2.0]), torch.tensor([3.0, 1.0])
    other, width = torch.tensor([0.0, 1.0]), torch.tensor([1.0, 5.0])
    found = frechet_distance(mean, deviation.square().diag(), other, width.square().diag())
    assert found.item() == pytest.approx(1 + 9 + 4 + 16, rel=1e-5)
    same = frechet_distance(mean, deviation.square().diag(), mean, deviation.square().diag())
    assert same.item() == pytest.approx(0, abs=1e-5)
