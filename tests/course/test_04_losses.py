"""Notebook 04: its definitions equal nstkit's, and its references agree with nstkit."""

from __future__ import annotations

import pytest
import torch

import nstkit
from course.cells import definition
from nstkit.checks import normal
from nstkit.checks.notebook_04 import EXERCISES, paper_style_loss
from nstkit.recipes.common import paper_alpha_beta

STEM = "04_two_losses"


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(4)


@pytest.mark.parametrize("batch", [1, 2])  # of artworks: one for all pictures, or one for each
def test_style_loss_equals_nstkit(generator: torch.Generator, batch: int) -> None:
    F_l = normal(generator, 2, 5, 4, 7)
    artwork = normal(generator, batch, 5, 3, 6)
    got = definition(STEM, "style_loss")(F_l, nstkit.gram_matrix(artwork))
    torch.testing.assert_close(got, nstkit.style_loss(F_l, artwork), rtol=1e-12, atol=0)


@pytest.mark.parametrize("shape", [(2, 3, 5, 8), (1, 3, 2, 2), (1, 1, 9, 2)])
def test_total_variation_equals_nstkit(generator: torch.Generator, shape: tuple) -> None:
    x = normal(generator, *shape)
    got = definition(STEM, "total_variation")(x)
    torch.testing.assert_close(got, nstkit.total_variation(x), rtol=1e-12, atol=0)


def test_total_loss_and_its_gradient_equal_the_objective(generator: torch.Generator) -> None:
    content, style, x = (
        torch.rand(1, 3, *size, generator=generator, dtype=torch.float64)
        for size in ((33, 48), (40, 32), (33, 48))
    )
    recipe = nstkit.Recipe(
        alpha=0.7,
        beta=3.0,
        tv=20.0,
        content_layers={"conv2_2": 0.4, "relu3_1": 0.6},
        style_layers={"relu1_1": 0.2, "relu2_1": 1.0},
    )
    vgg = nstkit.VGG().double()
    photograph = vgg(content, recipe.content_layers)
    artwork = {n: nstkit.gram_matrix(f) for n, f in vgg(style, recipe.style_layers).items()}
    x.requires_grad_()
    got = definition(STEM, "total_loss")(
        x, vgg, photograph, artwork, recipe.content_layers, recipe.style_layers, 0.7, 3.0, 20.0
    )
    want = nstkit.Objective.of(content, style, vgg, recipe)(x).total
    torch.testing.assert_close(got, want, rtol=1e-12, atol=0)
    gradients = [torch.autograd.grad(total, x)[0] for total in (got, want)]
    torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-15)


def test_the_papers_style_loss_is_a_quarter_of_the_mean(generator: torch.Generator) -> None:
    F_l, artwork = normal(generator, 1, 5, 4, 7), normal(generator, 1, 5, 4, 7)
    got = paper_style_loss(F_l, nstkit.gram_matrix(artwork, None))
    want = nstkit.style_loss(F_l, artwork) / 4
    torch.testing.assert_close(got, want, rtol=1e-12, atol=0)


def test_the_translated_ratio_agrees_with_paper_alpha_beta() -> None:
    recipe = nstkit.Recipe(beta=EXERCISES["4.4"].right)
    alpha, beta = paper_alpha_beta(recipe, 512, 512)
    assert beta / alpha == pytest.approx(1000)


def test_pull_is_the_norm_of_the_gradient_as_nstkit_measures_it(
    generator: torch.Generator,
) -> None:
    content, style, x = (torch.rand(1, 3, 32, 40, generator=generator) for _ in range(3))
    objective = nstkit.Objective.of(content, style, nstkit.VGG(), nstkit.Recipe(2, 3, 20))
    pull, leaf = definition(STEM, "pull"), x.clone().requires_grad_()
    found = {name: pull(term, leaf) for name, term in objective(leaf).terms.items()}
    assert found == pytest.approx(nstkit.pulls(objective, x))
    cubes = leaf.pow(3).sum() / 3  # its gradient is the square
    assert pull(cubes, leaf) == pytest.approx(x.square().norm().item())
