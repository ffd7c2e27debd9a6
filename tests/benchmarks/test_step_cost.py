"""The limit of a step counts the arithmetic that torch counts."""

from __future__ import annotations

import pytest
import step_cost
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from nstkit import TEXTBOOK, VGG, Objective, Recipe


@pytest.mark.parametrize("recipe", [TEXTBOOK, Recipe(style_layers=["conv3_2"])])
def test_flops_are_those_that_torch_counts(recipe: Recipe, vgg: VGG) -> None:
    picture = torch.rand(1, 3, 64, 96)
    objective = Objective.of(picture, picture.flip(3), vgg, recipe)
    x = picture.clone().requires_grad_()
    with FlopCounterMode(display=False) as counter:
        objective(x).total.backward()
    assert step_cost.flops(recipe, 64, 96) == pytest.approx(counter.get_total_flops(), rel=0.02)


def test_a_step_takes_some_time(cat: Tensor, wave: Tensor) -> None:
    small = cat[..., :32, :32], wave[..., :32, :32]
    assert step_cost.step_seconds(*small, torch.float32, repeats=1) > 0
