"""Exercises of notebook 10, Photographs that stay photographs."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from nstkit.checks import Case, Exercise, normal
from nstkit.modes import ON_CPU


def _window(
    I: Tensor,
    epsilon: float,
    count: int = 9,
    noise: float | None = None,
) -> Tensor:
    C = I - I.mean(0)
    noise = epsilon / 9 if noise is None else noise
    Sigma = C.T @ C / count + noise * torch.eye(3, dtype=I.dtype)
    return (1 + C @ torch.linalg.inv(Sigma) @ C.T) / 9


def _eight(I: Tensor, epsilon: float) -> Tensor:
    return _window(I, epsilon, count=8)


def _all_of_epsilon(I: Tensor, epsilon: float) -> Tensor:
    return _window(I, epsilon, noise=epsilon)


def _no_epsilon(I: Tensor, epsilon: float) -> Tensor:
    return _window(I, epsilon, noise=0.0)


def _not_a_ninth(I: Tensor, epsilon: float) -> Tensor:
    return 9 * _window(I, epsilon)


def _without_1(I: Tensor, epsilon: float) -> Tensor:
    return _window(I, epsilon) - 1 / 9


def _laplacian(I: Tensor, epsilon: float) -> Tensor:
    return torch.eye(9, dtype=I.dtype) - _window(I, epsilon)


def _ones(I: Tensor, epsilon: float) -> Tensor:
    C = I - I.mean(0)
    return (1 + C @ torch.linalg.inv(C.T @ C / 9 + epsilon / 9) @ C.T) / 9


def _not_centered(I: Tensor, epsilon: float) -> Tensor:
    Sigma = torch.cov(I.T, correction=0) + epsilon / 9 * torch.eye(3, dtype=I.dtype)
    return (1 + I @ torch.linalg.inv(Sigma) @ I.T) / 9


def _a_sum_of_squares(I: Tensor, epsilon: float) -> Tensor:
    return _window(I, epsilon, count=1)


def _windows(generator: Generator) -> list[Case]:
    """Return cases (colors, epsilon); in one the nine colors are nearly gray."""
    colors = [torch.rand(9, 3, generator=generator, **ON_CPU).double() for _ in range(3)]
    colors[2] = colors[2][:, :1] + 0.1 * colors[2]
    return [(colors[0], 1e-5), (colors[1], 0.01), (colors[2], 0.1)]


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


def _gradient(V: Tensor, L: Tensor, strength: float) -> Tensor:
    return 2 * strength * V @ L / V.shape[1]


def _once(V: Tensor, L: Tensor, strength: float) -> Tensor:
    return _gradient(V, L, strength) / 2


def _a_sum(V: Tensor, L: Tensor, strength: float) -> Tensor:
    return _gradient(V, L, strength) * V.shape[1]


def _over_all(V: Tensor, L: Tensor, strength: float) -> Tensor:
    return _gradient(V, L, strength) / 3


def _no_strength(V: Tensor, L: Tensor, strength: float) -> Tensor:
    return _gradient(V, L, 1.0)


def _pixels(generator: Generator) -> list[Case]:
    cases = []
    for count, strength in [(4, 1.0), (7, 30.0), (5, 0.2)]:
        root = normal(generator, count, count)
        cases.append((normal(generator, 3, count), root @ root.T, strength))
    return cases


EXERCISES: dict[str, Exercise] = {
    "10.1": Exercise(
        right=_window,
        mistakes={
            "The covariance is a mean over nine pixels, and not divided by 8.": _eight,
            "Add epsilon / 9 to the diagonal, and not all of epsilon.": _all_of_epsilon,
            "Add epsilon / 9 to the diagonal of the covariance before you invert it.": _no_epsilon,
            "Add epsilon / 9 to the diagonal alone: torch.eye(3) is the unit matrix.": _ones,
            "Take the mean color away first, in front and behind, too.": _not_centered,
            "Sigma is a mean over the nine pixels: divide by 9.": _a_sum_of_squares,
            "The 1/9 in front is missing.": _not_a_ninth,
            "The 1 in the bracket is missing: it stands for the constant b.": _without_1,
            "That is the window's part of L. W is what is taken away from the unit matrix.": (
                _laplacian
            ),
        },
        cases=_windows,
    ),
    "10.2": Exercise(
        right=_unexplained,
        mistakes={
            "The constant b is missing: give the colors a column of ones.": _no_constant,
            "Red, green and blue have a coefficient each.": _only_gray,
            "A (9,) minus a (9, 1) is a (9, 9): give both one shape.": _broadcast,
            "It is the sum of the squares, not their mean.": _mean_square,
            "It is the sum of the squares, not its root.": _root,
        },
        cases=_recolorings,
    ),
    "10.3": Exercise(
        right=_gradient,
        mistakes={
            "V stands in the product twice, so the derivative has a 2.": _once,
            "The loss is divided by the number of pixels, and so is its gradient.": _a_sum,
            "Divide by the number of pixels, and not by that of all numbers.": _over_all,
            "Lambda is missing.": _no_strength,
        },
        cases=_pixels,
    ),
    "10.4": Exercise(
        right={"B", "D"},
        mistakes={
            "One more: a region without an artwork stays as it is, like what is in no region.": {
                "B"
            },
            "B does it too: what is in no region stays as it is, for style is None.": {"D"},
            "In A the sky takes from all of the other photograph: from the lit building, too.": {
                "A",
                "B",
                "D",
            },
            "C paints all but the sky.": {"B", "C", "D"},
            "E takes from all but the sky over the gateway.": {"B", "D", "E"},
        },
    ),
}
