"""Style as the means and covariances of features, and how far two of them are apart.

A Gram matrix mixes both: G/M = covariance + mean mean^T. Mroueh ("Wasserstein Style Transfer",
AISTATS 2020) and crowsonkb's style-transfer-pytorch tell them apart: the features of each layer are
taken for a Gaussian, and N(mu, Sigma), N(mu', Sigma') are compared by the 2-Wasserstein distance

    W2^2 = |mu - mu'|^2 + tr(Sigma + Sigma' - 2 (Sigma'^1/2 Sigma Sigma'^1/2)^1/2).

It is of degree 2 in the features, as the content loss is; the Gram distance is of degree 4.
"""

from __future__ import annotations

import torch
from torch import Tensor

from nstkit.losses import at_least_float32
from nstkit.losses.products import products

# On the diagonal of every covariance: a layer with fewer positions than channels has a singular
# one, where the root has no gradient. The value is crowsonkb's.
RIDGE = 1e-4


def moments_loss(features: Tensor, target: Tensor, ridge: float = RIDGE) -> Tensor:
    """Return W2^2 / C between the Gaussians of features and of an artwork, as a scalar.

    Args:
        features: (B, C, H, W), of the generated image.
        target: features of the artwork in the same layer, (B, C, H', W') or (1, C, H', W'). The
            artwork may have any size.
        ridge: added to the diagonals of both covariances, above 0.

    Returns:
        The mean over the batch in float32 (float64 for float64 features).

    Raises:
        ValueError: The channels differ, or features are not 4-D.

    Source: crowsonkb, style-transfer-pytorch, 2021, which finds the same root by iteration.
    """
    aim = moments(moment_sums(target), target[0, 0].numel(), ridge)
    apart = moments_distance(moment_sums(features), features[0, 0].numel(), aim, ridge)
    return apart.mean().to(torch.promote_types(features.dtype, torch.float32))


def moment_sums(features: Tensor, where: Tensor | None = None) -> Tensor:
    """Return the sums of F and of F F^T over positions, (B, C, 1 + C) in float64.

    Products are summed in float32, where nearly all the time goes, and without the mean, so that
    a channel of large mean and little deviation loses no digits. The rest is float64.

    Args:
        features: F, (B, C, H, W), any floating dtype.
        where: weights of the positions, (B, 1, H, W) or (1, 1, H, W), each >= 0; None is 1
            everywhere.

    Raises:
        ValueError: features is not 4-D.
    """
    if features.dim() != 4:
        raise ValueError(f"features has shape {tuple(features.shape)}; expected (B, C, H, W).")
    # Apple's GPU has no float64.
    features = features.cpu() if features.device.type == "mps" else features
    F_l = at_least_float32(features)  # a gradient rounded to bfloat16 would spoil the covariance
    m = F_l.detach().mean((2, 3), keepdim=True)
    weighted, rest, count = F_l, F_l - m, F_l[0, 0].numel()
    if where is not None:
        weights = where.to(F_l)
        weighted, rest = F_l * weights, rest * weights.sqrt()
        count = weights.sum((2, 3), dtype=torch.float64)[..., None]
    first = weighted.sum((2, 3), dtype=torch.float64)[..., None]
    centered, m = products(rest).double(), m.flatten(2).double()
    cross = m @ first.mT
    return torch.cat([first, centered + cross + cross.mT - count * (m @ m.mT)], dim=2)


def moments(sums: Tensor, positions: float, ridge: float = RIDGE) -> Tensor:
    """Return means and roots of covariances, what `moments_distance` aims at.

    Args:
        sums: (B, C, 1 + C): `moment_sums` of an artwork.
        positions: how many positions they ran over.
        ridge: added to the diagonal of the covariance.

    Returns:
        (B, C, 1 + C) float64: the mean, then the symmetric root of the covariance.
    """
    mean, covariance = mean_and_covariance(sums, positions, ridge)
    values, vectors = torch.linalg.eigh(covariance)
    root = vectors * values.clamp(min=0).sqrt()[:, None] @ vectors.mT
    return torch.cat([mean[..., None], root], dim=2)


def moments_distance(
    sums: Tensor, positions: float, target: Tensor, ridge: float = RIDGE
) -> Tensor:
    """Return W2^2 / C of each picture, (B,) in float64.

    Args:
        sums: (B, C, 1 + C): `moment_sums` of the pictures.
        positions: how many positions they ran over.
        target: (B, C, 1 + C) or (1, C, 1 + C): `moments` of the artwork.
        ridge: as in `moments`.

    Raises:
        ValueError: The shapes do not fit.
    """
    if target.shape[1:] != sums.shape[1:] or len(target) not in (1, len(sums)):
        raise ValueError(
            f"target has shape {tuple(target.shape)}; expected {tuple(sums.shape)}, the "
            "moments of an artwork in the same layer."
        )
    mean, covariance = mean_and_covariance(sums, positions, ridge)
    target_mean, root = target[..., 0], target[..., 1:]
    # The gradient of eigenvalues has no gaps in its denominators, so equal ones do no harm.
    between = torch.linalg.eigvalsh(root @ covariance @ root).clamp(min=ridge**2).sqrt().sum(1)
    apart = (mean - target_mean).square().sum(1)
    traces = covariance.diagonal(dim1=1, dim2=2).sum(1) + root.square().sum((1, 2))
    return (apart + traces - 2 * between) / mean.shape[1]


def mean_and_covariance(
    sums: Tensor, positions: float, ridge: float = RIDGE
) -> tuple[Tensor, Tensor]:
    """Return mean, (B, C), and covariance, (B, C, C), of features from `moment_sums`.

    Args:
        sums: (B, C, 1 + C).
        positions: how many positions they ran over; with weights, their sum.
        ridge: added to the diagonal of the covariance.
    """
    mean, second = sums[..., 0] / positions, sums[..., 1:] / positions
    diagonal = ridge * torch.eye(mean.shape[1], dtype=mean.dtype, device=mean.device)
    return mean, second - mean[..., None] * mean[:, None] + diagonal
