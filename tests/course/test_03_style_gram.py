"""Notebook 03: its definition agrees with nstkit's, and its claims about Gram matrices hold."""

import pytest
import torch
import torch.nn.functional as F

import nstkit
from course.cells import definition

STEM = "03_style_gram"


@pytest.fixture(scope="module")
def gram_matrix():
    return definition(STEM, "gram_matrix")


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 7, 1, 3), (3, 1, 6, 2)])
def test_gram_matrix_is_nstkits(gram_matrix, shape):
    features = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(
        gram_matrix(features), nstkit.gram_matrix(features, "positions"), rtol=1e-12, atol=1e-12
    )


def test_gram_matrix_has_nstkits_gradient(gram_matrix, features):
    gradients = []
    for function in (gram_matrix, nstkit.gram_matrix):
        x = features.clone().requires_grad_()
        gradients += torch.autograd.grad(function(x).square().sum(), x)
    torch.testing.assert_close(*gradients)


def test_gram_matrix_takes_channels_last(gram_matrix, features):
    last = features.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(gram_matrix(last), nstkit.gram_matrix(features))


def test_equation_4_is_a_quarter_of_nstkits_style_loss(features):
    other = features.flip(0) ** 2
    N_l, M_l = features.shape[1], features[0, 0].numel()
    G_l, A_l = nstkit.gram_matrix(features, None), nstkit.gram_matrix(other, None)
    paper = (G_l - A_l).square().sum((1, 2)) / (4 * N_l**2 * M_l**2)
    torch.testing.assert_close(paper.mean(), nstkit.style_loss(features, other) / 4)


def test_exercise_3_1s_answer(gram_matrix, features):
    """One shuffle for all channels, a mirror and a copy beside it change nothing; many do."""
    generator = torch.Generator().manual_seed(0)
    flat, wanted = features.flatten(2), gram_matrix(features)
    shuffles = [torch.randperm(flat.shape[2], generator=generator) for _ in range(flat.shape[1])]
    one = flat[:, :, shuffles[0]].view_as(features)
    many = torch.stack([flat[:, i, order] for i, order in enumerate(shuffles)], 1).view_as(features)
    for same in (one, features.flip(3), torch.cat([features, features], 3)):
        torch.testing.assert_close(gram_matrix(same), wanted)
    assert not torch.allclose(gram_matrix(many), wanted)


def test_exercise_3_2s_answer(wave):
    """relu5_1 has 6 x 4 positions at 96 x 64 px, which bound the rank."""
    image = F.interpolate(wave, (64, 96)).double()
    features = nstkit.VGG().double()(image, ["relu5_1"])["relu5_1"]
    assert features[0, 0].numel() == 24
    assert torch.linalg.matrix_rank(nstkit.gram_matrix(features)[0], hermitian=True) <= 24
