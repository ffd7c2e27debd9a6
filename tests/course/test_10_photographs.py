"""Notebook 10: its definition is the function of the package."""

import torch

from course.cells import definition
from nstkit.losses.matting import matting_laplacian

STEM = "10_photographs"


def test_laplacian_is_that_of_the_package():
    picture = torch.rand(1, 3, 6, 7, generator=torch.Generator().manual_seed(0))
    found = definition(STEM, "laplacian")(picture[0], 1e-4)
    expected = torch.from_numpy(matting_laplacian(picture, 1e-4).toarray())
    torch.testing.assert_close(found, expected, atol=1e-8, rtol=1e-6)
