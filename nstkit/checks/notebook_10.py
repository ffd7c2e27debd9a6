"""Exercises of notebook 10, Photographs that stay photographs."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from nstkit.checks import Case, Exercise, normal
from nstkit.modes import ON_CPU


def _unexplained(I: Tensor, V: Tensor) -> Tensor:
    return _left(torch.cat([I, torch.ones_like(I[:, :1])], 1), V)


def _left(A: Tensor, V: Tensor) -> Tensor:
    return (V[:, None] - A @ torch.linalg.lstsq(A, V[:, None]).solution).square().sum()


def _no_constant(I: Tensor, V: Tensor) -> Tensor:
    return _left(I, V)


def _only_gray(I: Tensor, V: Tensor) -> Tensor:
    return _left(torch.stack([I.mean(1), torch.ones_like(I[:, 0])], 1), V)


def _mean_square(I: Tensor, V: Tensor) -> Tensor:
    return _unexplained(I, V) / 9


def _root(I: Tensor, V: Tensor) -> Tensor:
    return _unexplained(I, V).sqrt()


def _broadcast(I: Tensor, V: Tensor) -> Tensor:
    A = torch.cat([I, torch.ones_like(I[:, :1])], 1)
    return (V - A @ torch.linalg.lstsq(A, V[:, None]).solution).square().sum()


def _recolorings(generator: Generator) -> list[Case]:
    """Return cases (colors, new channel): two by chance, and one that nearly is a recoloring."""
    colors = [torch.rand(9, 3, generator=generator, **ON_CPU).double() for _ in range(3)]
    chance = [torch.rand(9, generator=generator, **ON_CPU).double() for _ in range(2)]
    nearly = colors[2] @ normal(generator, 3) + 2 + 0.1 * normal(generator, 9)
    return list(zip(colors, [*chance, nearly], strict=True))


EXERCISES: dict[str, Exercise] = {
    "10.1": Exercise(
        right=_unexplained,
        mistakes={
            "The offset v is missing: give the colors a column of ones.": _no_constant,
            "Red, green and blue each have a weight of their own.": _only_gray,
            "A (9,) minus a (9, 1) is a (9, 9): give both one shape.": _broadcast,
            "It is the sum of the squares, not their mean.": _mean_square,
            "It is the sum of the squares, not its root.": _root,
        },
        cases=_recolorings,
    ),
    "10.2": Exercise(
        right={"B", "D"},
        mistakes={
            "One more: a region without an artwork stays as it is, like what is in no region.": {
                "B"
            },
            "B does it too: what is in no region stays as it is.": {"D"},
            "In A the sky takes from all of the gateway's photograph: from the lit gate, too.": {
                "A",
                "B",
                "D",
            },
            "C paints everything except the sky.": {"B", "C", "D"},
        },
    ),
}
