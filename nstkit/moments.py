"""Style as the means and covariances of features, and how far two of them are apart.

Where a Gram matrix mixes both (G/M = covariance + mean mean^T), Mroueh ("Wasserstein Style
Transfer", AISTATS 2020) and crowsonkb's style-transfer-pytorch tell them apart: features of each
layer are taken for a Gaussian, and N(mu, Sigma), N(mu', Sigma') are compared by the 2-Wasserstein
distance

    W2^2 = |mu - mu'|^2 + tr(Sigma + Sigma' - 2 (Sigma'^1/2 Sigma Sigma'^1/2)^1/2).

It is of degree 2 in the features, as the content loss is; the Gram distance is of degree 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from nstkit.losses import distance, gram_divisor, gram_matrix

if TYPE_CHECKING:
    from nstkit.recipes import Recipe

# On the diagonal of every covariance: a layer with fewer positions than channels has a singular
# one, where the root has no gradient. The value is crowsonkb's.
RIDGE = 1e-4


def moments(features: Tensor) -> Tensor:
    """Return the mean of features and the root of their covariance: what `moments_loss` aims at.

    Args:
        features: (1, C, H, W), any floating dtype.

    Returns:
        (C, 1 + C) float64: the mean, then the symmetric root of the covariance plus ``RIDGE``.

    Raises:
        ValueError: features is not one image's.
    """
    return moments_of(feature_sums(features), features[0, 0].numel())


def moments_loss(features: Tensor, target: Tensor) -> Tensor:
    """Return W2^2 / C between the Gaussians of features and of an artwork.

    Args:
        features: (1, C, H, W), of the generated image.
        target: (C, 1 + C): `moments` of the artwork, which may have any size.

    Returns:
        A float32 scalar (float64 for float64 features).

    Source: crowsonkb, style-transfer-pytorch, 2021, which finds the same root by iteration.
    """
    loss = moments_distance(feature_sums(features), features[0, 0].numel(), target)
    return loss.to(torch.promote_types(features.dtype, torch.float32))


def feature_sums(features: Tensor) -> Tensor:
    """Return the sums of F and of F F^T over positions, (C, 1 + C) float64.

    Those of a picture are those of its parts added up, see `nstkit.tiles`.
    """
    if features.dim() != 4 or len(features) != 1:
        raise ValueError(
            f"features has shape {tuple(features.shape)}; expected (1, channels, height, width)."
        )
    # Eigenvalues reach from 1e-4 squared to thousands: float32 would leave nothing of the small.
    F_l = features[0].flatten(1).double()
    return torch.cat([F_l.sum(1, keepdim=True), F_l @ F_l.T], dim=1)


def moments_of(sums: Tensor, positions: int) -> Tensor:
    """Return `moments` from `feature_sums` and the number of positions."""
    mean, covariance = _mean_and_covariance(sums, positions)
    values, vectors = torch.linalg.eigh(covariance)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    return torch.cat([mean[:, None], root], dim=1)


def moments_distance(sums: Tensor, positions: int, target: Tensor) -> Tensor:
    """Return `moments_loss` from `feature_sums` and the number of positions, in float64."""
    mean, covariance = _mean_and_covariance(sums, positions)
    if target.shape != sums.shape:
        raise ValueError(
            f"target has shape {tuple(target.shape)}; expected {tuple(sums.shape)}, the "
            "moments of an artwork in the same layer."
        )
    target_mean, root = target[:, 0], target[:, 1:]
    # The eigenvalues' gradient has no gaps in its denominators: it is safe for equal ones.
    between = torch.linalg.eigvalsh(root @ covariance @ root).clamp(min=RIDGE**2).sqrt().sum()
    apart = (mean - target_mean).square().sum()
    return (apart + covariance.trace() + root.square().sum() - 2 * between) / len(mean)


def _mean_and_covariance(sums: Tensor, positions: int) -> tuple[Tensor, Tensor]:
    mean, second = sums[:, 0] / positions, sums[:, 1:] / positions
    ridge = RIDGE * torch.eye(len(mean), dtype=mean.dtype, device=mean.device)
    return mean, second - mean[:, None] * mean + ridge


# What an objective asks of the statistic that its recipe names.


def style_sums(features: Tensor, recipe: Recipe) -> Tensor:
    """Return the sums over positions from which a style distance follows."""
    moments = recipe.statistic == "moments"
    return feature_sums(features) if moments else gram_matrix(features, None)


def style_target(sums: Tensor, positions: int, recipe: Recipe) -> Tensor:
    """Return what `style_distance` aims at, from the `style_sums` of an artwork."""
    if recipe.statistic == "moments":
        return moments_of(sums, positions)
    return sums / gram_divisor(recipe.gram, sums.shape[-1], positions)


def style_distance(sums: Tensor, positions: int, target: Tensor, recipe: Recipe) -> Tensor:
    """Return how far the style of a picture is from an artwork's in one layer."""
    if recipe.statistic == "moments":
        return moments_distance(sums, positions, target)
    return distance(style_target(sums, positions, recipe), target, recipe.style_reduce)
