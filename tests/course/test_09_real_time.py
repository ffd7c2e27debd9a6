"""Notebook 09: its definition is the package's, and its answers are what the package does."""

import pytest
import torch

from course.cells import definition
from nstkit.checks.exercises import EXERCISES
from nstkit.feedforward.transfer import Encoded, moved
from nstkit.feedforward.transformer import normalization
from nstkit.gaussian import Gaussian

STEM = "09_in_real_time"


def numbers(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@pytest.fixture
def features():
    return 2 + numbers(1, 6, 7, 5), 3 * numbers(1, 6, 4, 9, seed=1)


def test_adain_is_that_of_the_package(features):
    found = definition(STEM, "adain")(*features)
    expected = moved(Encoded(features[0]), [(Encoded(features[1]), 1.0)], "adain")
    torch.testing.assert_close(found.float(), expected, atol=1e-4, rtol=1e-4)


# ---------------------------------------------------------------- exercises


def test_the_answer_to_masks_is_what_the_package_does(features):
    photo, artwork = features
    where = torch.rand(1, 1, 7, 5, dtype=torch.float64)
    flat = photo[0].flatten(1), artwork[0].flatten(1), where.flatten()
    found = EXERCISES["9.1"].right(*flat).view_as(photo)
    expected = moved(Encoded(photo, where), [(Encoded(artwork), 1.0)], "adain")
    torch.testing.assert_close(found.float(), expected, atol=1e-4, rtol=1e-4)


def test_the_answer_to_whitening_is_what_the_package_does():
    points = torch.tensor([[2.0, 0.3], [0.5, 1.0]], dtype=torch.float64) @ numbers(2, 30) + 4
    mean = points.mean(1, keepdim=True)
    expected = Gaussian(mean, torch.cov(points, correction=0)).power(-0.5) @ (points - mean)
    found = EXERCISES["9.2"].right(points)
    torch.testing.assert_close(found, expected)
    unit = torch.eye(2, dtype=torch.float64)
    torch.testing.assert_close(torch.cov(found, correction=0), unit)


def test_the_answer_to_instance_norm_is_torchs(features):
    layer = normalization("instance", 6).double()
    layer.eps = 1e-4
    torch.testing.assert_close(EXERCISES["9.3"].right(features[0]), layer(features[0]).detach())
