"""Notebook 08: its definitions are the functions of the package, and its wrong answers fail."""

import pytest
import torch

from course.cells import definition
from nstkit import SlicedWasserstein, gram_matrix
from nstkit.losses.neighbors import nearest, units
from nstkit.losses.sliced import directions
from nstkit.losses.statistics import Extent

STEM = "08_distributions"


def numbers(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("sizes", [(20, 20), (20, 35)])
def test_mmd_is_the_distance_of_gram_matrices(sizes):
    F_l, A_l = (numbers(1, 4, size, 1, seed=size) for size in sizes)
    grams = (gram_matrix(F_l) - gram_matrix(A_l)).square().sum()
    found = definition(STEM, "mmd")(F_l[0, ..., 0], A_l[0, ..., 0])
    torch.testing.assert_close(found, grams)


def test_sliced_is_the_statistic():
    F_l, A_l, statistic = numbers(1, 4, 5, 6), numbers(1, 4, 5, 6, seed=1), SlicedWasserstein(9)
    found = definition(STEM, "sliced")(
        F_l[0].flatten(1), A_l[0].flatten(1), directions(4, 9).double()
    )
    known = statistic.distance(statistic.sums(F_l), Extent(30, 30), statistic.sums(A_l))
    torch.testing.assert_close(found, known[0])


def test_nearest_is_that_of_the_package():
    queries, keys = numbers(30, 5) + 1, numbers(40, 5, seed=1) - 1
    found = definition(STEM, "nearest")(queries, keys)
    assert torch.equal(found, nearest(units(queries), units(keys)))
