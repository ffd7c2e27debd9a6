"""Clouds of points by their mean and covariance, and the linear maps between two of them.

The colors of a picture are such a cloud in 3 dimensions, and the features of a layer are one in as
many as it has channels. A linear map moves one cloud so that it gets the mean and the covariance of
another. There are many such maps, and `MAPS` has four.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

LEAST_VARIANCE = 1e-10  # what a variance counts as at least, so that it has an inverse root


@dataclass(frozen=True, eq=False)
class Gaussian:
    """A mean and a covariance.

    Attributes:
        mean: (C, 1) float64.
        covariance: (C, C) float64, symmetric and positive definite: add a little to its diagonal
            where there may be fewer points than dimensions.
    """

    mean: Tensor
    covariance: Tensor

    @cached_property
    def _parts(self) -> tuple[Tensor, Tensor]:
        """Eigenvalues and eigenvectors, which take most of the time: computed once."""
        return torch.linalg.eigh(self.covariance)

    def power(self, exponent: float) -> Tensor:
        """Return a power of the covariance, such as its root."""
        return _power(*self._parts, exponent)


def power(matrix: Tensor, exponent: float) -> Tensor:
    """Return a power of a symmetric, positive semidefinite matrix."""
    return _power(*torch.linalg.eigh(matrix), exponent)


def _power(values: Tensor, vectors: Tensor, exponent: float) -> Tensor:
    return vectors * values.clamp(min=LEAST_VARIANCE).pow(exponent) @ vectors.mT


def _transport(source: Gaussian, target: Gaussian) -> Tensor:
    root, inverse = source.power(0.5), source.power(-0.5)
    return inverse @ power(root @ target.covariance @ root, 0.5) @ inverse


def _analogies(source: Gaussian, target: Gaussian) -> Tensor:
    return target.power(0.5) @ source.power(-0.5)


def _cholesky(source: Gaussian, target: Gaussian) -> Tensor:
    L_S, L_T = (torch.linalg.cholesky(cloud.covariance) for cloud in (source, target))
    return L_T @ torch.linalg.inv(L_S)


def _diagonal(source: Gaussian, target: Gaussian) -> Tensor:
    S, T = (cloud.covariance.diagonal() for cloud in (source, target))
    return (T / S).sqrt().diag()


# With S the covariance of the source and T that of the target, all but "diagonal" solve
# A S A^T = T. Each returns A, (C, C).
MAPS: dict[str, Callable[[Gaussian, Gaussian], Tensor]] = {
    "transport": _transport,
    "analogies": _analogies,
    "cholesky": _cholesky,
    "diagonal": _diagonal,
}
