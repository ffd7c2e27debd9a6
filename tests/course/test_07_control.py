"""Notebook 07: its definitions are the functions of the package, and its wrong answers fail."""

import pytest
import torch

from course.cells import definition
from nstkit import Gram, gram_matrix, load_image
from nstkit.checks.exercises import EXERCISES
from nstkit.losses.statistics import Extent, blended
from nstkit.pictures.color import color_map, keep_colors
from nstkit.terms.where import Where

STEM = "07_in_control"


def numbers(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("pair", [("starry_night", "castle"), ("ink_landscape", "macaw")])
def test_the_transport_map_is_that_of_the_package(pair):
    pictures = [load_image(name, 64) for name in pair]
    found = definition(STEM, "transport_map")(*(p[0].flatten(1).double() for p in pictures))
    for one, other in zip(found, color_map(*pictures), strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-6)


def test_the_masked_gram_matrix_is_that_of_the_package():
    F_l, mask = numbers(6, 5, 7), torch.rand(5, 7, dtype=torch.float64)
    found = definition(STEM, "masked_gram")(F_l, mask)
    sums, total = Gram().sums(F_l[None], mask[None, None]), mask.sum().item()
    torch.testing.assert_close(found, Gram().target(sums, Extent(total, 35))[0])
    whole = definition(STEM, "masked_gram")(F_l, torch.ones_like(mask))
    torch.testing.assert_close(whole, gram_matrix(F_l[None])[0])


# ---------------------------------------------------------------- exercises


def test_the_answer_to_colors_is_what_the_package_does_where_nothing_is_clamped():
    painting, photo = (0.4 + 0.2 * torch.rand(1, 3, 6, 5, dtype=torch.float64) for _ in range(2))
    found = EXERCISES["7.1"].right(painting[0].flatten(1), photo[0].flatten(1))
    torch.testing.assert_close(found.view_as(painting), keep_colors(painting, photo))


def test_the_answer_to_blending_is_what_the_package_does():
    artworks, weights = [numbers(1, 4, 3, 5, seed=n) for n in range(3)], torch.tensor([2.0, 1, 5])
    parts = [(Gram().sums(a), Extent(15, 15)) for a in artworks]
    grams = torch.stack([gram_matrix(a)[0] for a in artworks])
    found = EXERCISES["7.2"].right(grams, weights.double())
    torch.testing.assert_close(found, blended(Gram(), parts, (weights / 8).tolist())[0])


def test_the_answer_to_masks_is_what_the_package_does():
    mask = torch.rand(1, 1, 45, 70)
    for layer, pools in (("relu1_2", 0), ("relu3_1", 2), ("relu5_1", 4)):
        assert EXERCISES["7.3"].right(mask, pools).equal(Where(mask).in_layer(layer))
