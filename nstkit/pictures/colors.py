"""The colors of one picture moved to those of another."""

from __future__ import annotations

import torch
from torch import Tensor

from nstkit.pictures.images import check_picture

RIDGE = 1e-5  # on the diagonal of each covariance, so that a gray picture has an inverse root too
GAIN = 2  # the most that a color difference grows: more turns a gray picture's noise into colors


def recolor(picture: Tensor, like: Tensor) -> Tensor:
    """Return a picture whose colors have the mean and covariance of another's.

    Of all linear maps of colors that do this, it is the one that changes the colors least:

        A = S^-1/2 (S^1/2 T S^1/2)^1/2 S^-1/2

    with S the covariance of the picture's colors and T that of the other's. It is the optimal
    transport between two Gaussians. What leaves [0, 1] is clamped, so mean and covariance agree
    only as far as the colors fit into the range. No difference of colors grows more than
    twofold, since the colors of a nearly gray photograph are noise, which should stay unseen.

    Args:
        picture: (1, 3, H, W) in [0, 1].
        like: (1, 3, H', W') in [0, 1].

    Returns:
        (1, 3, H, W) in [0, 1], with dtype and device of ``picture``.

    Raises:
        ValueError: One of them is not one picture of floats in [0, 1].

    Source: linear maps that match colors are in Gatys et al. 2017 (arXiv 1611.07865), section 5.
    This one is Pitie and Kokaram 2007, "The linear Monge-Kantorovitch linear colour mapping".
    """
    check_picture("picture", picture)
    check_picture("like", like)
    (mean, S), (target_mean, T) = _mean_and_covariance(picture), _mean_and_covariance(like)
    root, inverse = _power(S, 0.5), _power(S, -0.5)
    A = _limited(inverse @ _power(root @ T @ root, 0.5) @ inverse)
    offset = target_mean - A @ mean
    A, offset = (part.to(picture.device, picture.dtype) for part in (A, offset))
    return (A @ picture.flatten(2) + offset).view_as(picture).clamp_(0, 1)


def _limited(matrix: Tensor) -> Tensor:
    """Return a symmetric matrix whose eigenvalues are at most `GAIN`."""
    values, vectors = torch.linalg.eigh(matrix)
    return vectors * values.clamp(max=GAIN) @ vectors.mT


def _mean_and_covariance(picture: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean (3, 1) and covariance (3, 3) of a picture's colors, float64 on the CPU."""
    # Apple's GPU has no float64.
    colors = picture[0].flatten(1).to("cpu", torch.float64)
    mean = colors.mean(1, keepdim=True)
    centered = colors - mean
    covariance = centered @ centered.mT / colors.shape[1]
    return mean, covariance + RIDGE * torch.eye(3, dtype=torch.float64)


def _power(matrix: Tensor, exponent: float) -> Tensor:
    """Return a power of a symmetric, positive definite matrix."""
    values, vectors = torch.linalg.eigh(matrix)
    return vectors * values.clamp(min=RIDGE**2).pow(exponent) @ vectors.mT
