"""How hard each term of an objective pulls: the norm of its gradient at the pixels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import torch
from torch import Tensor

from nstkit.objective import Objective
from nstkit.pictures.sizes import cover

Name = TypeVar("Name")


def halfway(content: Tensor, style: Tensor) -> Tensor:
    """Return the mean of photograph and artwork: a picture at which no pull vanishes.

    Args:
        content: the photograph, (B, 3, H, W) in [0, 1].
        style: the artwork, of any size; it is scaled and cropped to the photograph's.
    """
    return (content + cover(style, *content.shape[-2:])) / 2


def pulls(objective: Objective, image: Tensor) -> dict[str, float]:
    """Return {term: norm of the gradient of its weighted loss with respect to the pixels}.

    Where the total is at its minimum, all gradients cancel, whatever the weights are. So compare
    pulls at a picture that none of the weights has made, such as `halfway`.

    Args:
        objective: of terms and their weights.
        image: where to measure, (B, 3, H, W) in [0, 1].
    """
    x = image.detach().clone().requires_grad_()
    return norms(objective(x).terms, x)


def layer_pulls(objective: Objective, image: Tensor, term: str = "style") -> dict[str, float]:
    """Return {layer: norm of the gradient of its weighted part of a term}.

    They add up to more than the pull of the term, because layers pull in different directions.

    Args:
        objective: of terms and their weights.
        image: where to measure, (B, 3, H, W) in [0, 1].
        term: a name in ``objective.terms``.

    Raises:
        ValueError: There is no such term, or its weight is 0.
    """
    x = image.detach().clone().requires_grad_()
    losses, weighed = objective(x), objective[term]
    losses.value(term)  # says so if the term is absent
    parts = {
        layer: weighed.weight * weighed.layers.get(layer, 1) * distance
        for (name, layer), distance in losses.per_layer.items()
        if name == term
    }
    return norms(parts, x)


def norms(values: Mapping[Name, Tensor], x: Tensor) -> dict[Name, float]:
    """Return {name: norm of the gradient of its value with respect to ``x``}."""
    return {
        name: torch.autograd.grad(value, x, retain_graph=True)[0].norm().item()
        for name, value in values.items()
    }
