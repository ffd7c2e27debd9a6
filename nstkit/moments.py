"""Style as the means and covariances of features, and how far two of them are apart.

Where a Gram matrix mixes both (G/M = covariance + mean mean^T), Mroueh ("Wasserstein Style
Transfer", AISTATS 2020) and crowsonkb's style-transfer-pytorch tell them apart: features of each
layer are taken for a Gaussian, and N(mu, Sigma), N(mu', Sigma') are compared by the 2-Wasserstein
distance

    W2^2 = |mu - mu'|^2 + tr(Sigma + Sigma' - 2 (Sigma'^1/2 Sigma Sigma'^1/2)^1/2).

It is of degree 2 in the features, as the content loss is; the Gram distance is of degree 4.
"""

from __future__ import annotations

import torch
from torch import Tensor

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
    mean, covariance = _mean_and_covariance(features)
    values, vectors = torch.linalg.eigh(covariance)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    return torch.cat([mean[:, None], root], dim=1)


def moments_loss(features: Tensor, target: Tensor) -> Tensor:
    """Return W2^2 / C between the Gaussians of features and of an artwork.

    Args:
        features: (1, C, H, W), of the generated image.
        target: (C, 1 + C): `moments` of the artwork, which may have any size.

    Returns:
        A float32 scalar (float64 for float64 features).

    Source: crowsonkb, style-transfer-pytorch, 2021, which finds the same root by iteration.
    """
    mean, covariance = _mean_and_covariance(features)
    if target.shape != (len(mean), len(mean) + 1):
        raise ValueError(
            f"target has shape {tuple(target.shape)}; expected {(len(mean), len(mean) + 1)}, the "
            "moments of an artwork in the same layer."
        )
    target_mean, root = target[:, 0], target[:, 1:]
    # The eigenvalues' gradient has no gaps in its denominators: it is safe for equal ones.
    between = torch.linalg.eigvalsh(root @ covariance @ root).clamp(min=RIDGE**2).sqrt().sum()
    apart = (mean - target_mean).square().sum()
    loss = (apart + covariance.trace() + root.square().sum() - 2 * between) / len(mean)
    return loss.to(torch.promote_types(features.dtype, torch.float32))


def _mean_and_covariance(features: Tensor) -> tuple[Tensor, Tensor]:
    if features.dim() != 4 or len(features) != 1:
        raise ValueError(
            f"features has shape {tuple(features.shape)}; expected (1, channels, height, width)."
        )
    # Eigenvalues reach from 1e-4 squared to thousands: float32 would leave nothing of the small.
    F_l = features[0].flatten(1).double()
    mean = F_l.mean(1)
    centered = F_l - mean[:, None]
    covariance = centered @ centered.T / F_l.shape[1]
    return mean, covariance + RIDGE * torch.eye(len(mean), dtype=mean.dtype, device=mean.device)
