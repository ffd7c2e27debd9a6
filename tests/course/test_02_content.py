"""Notebook 02's own functions are nstkit's, or autograd's."""

import pytest
import torch

import nstkit
from course.cells import definition


def features(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 2, 7, 3)])
def test_content_loss_is_the_packages(shape):
    content_loss = definition("02_content", "content_loss")
    a, b = features(*shape), features(*shape, seed=1)
    torch.testing.assert_close(content_loss(a, b), nstkit.content_loss(a, b))
    assert content_loss(a, a) == 0


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 2, 7, 3)])
def test_content_gradient_is_autograds_of_eq_1_before_the_relu(shape):
    content_gradient = definition("02_content", "content_gradient")
    z, target = features(*shape).requires_grad_(), features(*shape, seed=1).relu()
    loss = 0.5 * nstkit.content_loss(z.relu(), target, reduce="sum")
    (gradient,) = torch.autograd.grad(loss, z)
    torch.testing.assert_close(content_gradient(z.detach().relu(), target), gradient)


def test_content_gradient_is_zero_where_a_detector_is_silent():
    content_gradient = definition("02_content", "content_gradient")
    F_l = torch.tensor([[[[0.0, 2.0, 1.0]]]], dtype=torch.float64)
    P_l = torch.tensor([[[[3.0, 2.0, 4.0]]]], dtype=torch.float64)
    assert content_gradient(F_l, P_l).flatten().tolist() == [0, 0, -3]
