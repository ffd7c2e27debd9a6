"""Notebook 12: counted work and tiles are what torch and nstkit do, and so is reach."""

import pytest
import step_cost
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from course.cells import definition
from nstkit import VGG, Recipe, gram_matrix
from nstkit.checks.exercises import EXERCISES
from nstkit.descent.variables import smoother
from nstkit.tiles import halo
from nstkit.vgg.names import pools_before

STEM = "12_fast_and_big"


@pytest.fixture(scope="module")
def vgg():
    return VGG()


@pytest.mark.parametrize("shape", [(3, 64, 8, 12), (5, 7, 4, 3)])
def test_conv_flops_are_those_that_torch_counts(shape):
    c_in, c_out, height, width = shape
    image, weight = torch.zeros(1, c_in, height, width), torch.zeros(c_out, c_in, 3, 3)
    with FlopCounterMode(display=False) as counter:
        F.conv2d(image, weight, padding=1)
    assert definition(STEM, "conv_flops")(*shape) == counter.get_total_flops()


def test_conv_flops_add_up_to_those_of_the_benchmark(vgg):
    conv_flops, total = definition(STEM, "conv_flops"), 0
    for name in (name for name in vgg.convs if name <= "conv3_1"):
        conv, pools = vgg.convs[name], pools_before(name)
        total += conv_flops(conv.in_channels, conv.out_channels, 64 >> pools, 96 >> pools)
    recipe = Recipe(alpha=0, content_layers="conv3_1", style_layers="conv3_1", beta=1)
    gram = 2 * 2 * 256**2 * 16 * 24
    assert step_cost.flops(recipe, 64, 96) == 2 * total + gram


def test_over_frequencies_is_the_filter_of_fourier_lbfgs():
    over_frequencies = definition(STEM, "over_frequencies")
    for shape in ((24, 36), (31, 17), (1, 8)):
        z = torch.randn(1, 3, *shape, generator=torch.Generator().manual_seed(0))
        torch.testing.assert_close(over_frequencies(z), smoother(z)(z))


def test_gram_of_tiles_is_that_of_the_whole(vgg):
    gram_of_tiles = definition(STEM, "gram_of_tiles")
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(1, 6, 9, 14, generator=generator, dtype=torch.float64)
    parts = [p for rows in features.split(4, dim=2) for p in rows.split([5, 2, 7], dim=3)]
    torch.testing.assert_close(gram_of_tiles(parts), gram_matrix(features))
    torch.testing.assert_close(gram_of_tiles(iter(parts)), gram_matrix(features))
    mean = torch.stack([gram_matrix(part) for part in parts]).mean(0)
    assert not torch.allclose(mean, gram_matrix(features))  # what exercise 12.2 warns of
    grams = torch.cat([gram_matrix(part) for part in parts])
    positions = torch.tensor([part[0, 0].numel() for part in parts]).double()
    merged = EXERCISES["12.2"].right(grams, positions)
    torch.testing.assert_close(merged, gram_matrix(features)[0])


@pytest.mark.parametrize("layer", ["conv1_1", "relu1_2", "relu2_1", "conv3_2", "relu4_2"])
def test_reach_is_how_far_the_features_of_a_tile_see(vgg, layer):
    """The gradients of a tile's features end so many pixels beyond its edge."""
    names = vgg.names[: vgg.names.index(layer) + 1]
    reach, grid = EXERCISES["12.3"].right(list(names)), 2 ** pools_before(layer)
    edge = -(-reach // grid) * grid + grid  # of a tile that begins here and ends with the picture
    x = torch.rand(1, 3, 16, edge + 2 * grid, generator=torch.Generator().manual_seed(0))
    seen = linear(vgg, x.requires_grad_(), names)[..., edge // grid :].sum()
    columns = torch.autograd.grad(seen, x)[0].abs().sum((0, 1, 2)).nonzero()
    assert columns.min() == edge - reach


def linear(vgg, x, names):
    """Return what layers give whose every input counts: means for maxima, no ReLU."""
    for name in names:
        if name in vgg.convs:
            x = F.conv2d(x, vgg.convs[name].weight.abs(), padding=1)
        elif name.startswith("pool"):
            x = F.avg_pool2d(x, 2)
    return x


@pytest.mark.parametrize("layer", ["relu1_1", "relu2_1", "relu4_2", "relu5_1"])
def test_reach_rounded_to_the_grid_is_the_halo_of_the_package(vgg, layer):
    reach = EXERCISES["12.3"].right(list(vgg.names[: vgg.names.index(layer) + 1]))
    wide, grid = halo(vgg, [layer])
    assert wide == -(-reach // grid) * grid
    assert layer != "relu5_1" or (reach, wide) == (70, 80)  # as the notebook says


def test_the_line_of_exercise_1_is_that_of_the_measurements():
    seconds_for = EXERCISES["12.1"].right
    first, second = (10_000, 0.02 + 1e-5 * 10_000), (40_000, 0.02 + 1e-5 * 40_000)
    assert seconds_for(first, second, 700_000) == pytest.approx(0.02 + 7)
