"""Style as a set of patches: each feature of a painting is compared with its nearest in an artwork.

Statistics such as a Gram matrix forget where features are, and compare all of them at once. Here
nothing is summed up. Every position looks for the feature of the artwork that is most like its own,
and takes it as its target. "Like" means a small angle: features are centered by the mean of their
own picture, divided by their length, and compared by the cosine. So dark and bright, or weak and
strong, may match (Kolkin et al. 2022, "Neural Neighbor Style Transfer", arXiv 2203.13215).

All matrices of features here are (N, D): N positions in rows, D numbers each.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor

STRIDE = 4  # px between hypercolumns
COSINES = 2**24  # computed at once: they set the memory, not the results
EPSILON = 1e-8  # the least length that a feature is divided by


def units(rows: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return features (N, D) without their mean, each divided by its length.

    Args:
        rows: the features, in at least float32.
        weights: of the rows in the mean, (N,), not all 0; None weighs all alike.
    """
    mean = rows.mean(0) if weights is None else weights @ rows / weights.sum()
    return F.normalize(rows - mean, dim=1, eps=EPSILON)


@torch.no_grad()
def nearest(queries: Tensor, keys: Tensor, chunk: int | None = None) -> Tensor:
    """Return for each query the index of the key with the greatest cosine.

    N x M cosines would fill the memory, so they are computed for a few queries at a time.

    Args:
        queries: (N, D) of `units`.
        keys: (M, D) of `units`, of the same dtype.
        chunk: how many queries are compared at once; None is as many as `COSINES` allow.

    Returns:
        (N,) int64. Of keys that are equally near, any.
    """
    chunk = max(COSINES // len(keys), 1) if chunk is None else chunk
    return torch.cat([(part @ keys.mT).argmax(1) for part in queries.split(chunk)])


def hypercolumns(maps: Iterable[Tensor], size: tuple[int, int]) -> Tensor:
    """Return what several layers see at each position of a grid, (B, D, h, w).

    Args:
        maps: features of some layers, each (B, C, H, W), of any sizes. Each is divided by its
            number of channels, so that layers with many do not drown the others, and resized.
        size: h and w of the grid.

    Source: arXiv 2203.13215, section 3.2.
    """
    resized = [F.interpolate(F_l / F_l.shape[1], size, mode="bilinear") for F_l in maps]
    return torch.cat(resized, dim=1)


def grid(height: int, width: int) -> tuple[int, int]:
    """Return h and w of the hypercolumns of a picture of H x W px, at least 1 x 1."""
    return max(height // STRIDE, 1), max(width // STRIDE, 1)


def matched(
    guide: Tensor, artwork: Tensor, values: Tensor | None = None, weights: Tensor | None = None
) -> Tensor:
    """Return what an artwork has where it is most like a guide, laid out like the guide.

    Args:
        guide: hypercolumns (B, D, h, w).
        artwork: hypercolumns (1, D, h', w'), or one for each guide.
        values: what to return of the artwork, of its shape; None returns its hypercolumns.
        weights: of the guide's positions in its mean, (1, 1, h, w), not all 0; None weighs all
            alike.

    Returns:
        (B, D, h, w).
    """
    values = artwork if values is None else values
    theirs, taken = (a.expand(len(guide), -1, -1, -1).flatten(2) for a in (artwork, values))
    where = None if weights is None else weights.flatten().to(guide)
    found = []
    for columns, keys, part in zip(guide, theirs, taken, strict=True):
        places = nearest(units(columns.flatten(1).mT, where), units(keys.mT))
        found.append(part[:, places].view(-1, *guide.shape[2:]))
    return torch.stack(found)


def cosine_distance(a: Tensor, b: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the mean over positions of 1 - cos between features (B, D, h, w), as (B,).

    Args:
        a: (B, D, h, w).
        b: the same.
        weights: of the positions in the mean, (1, 1, h, w), not all 0; None weighs all alike.
    """
    cosines = F.cosine_similarity(a, b, dim=1, eps=EPSILON)
    if weights is None:
        return 1 - cosines.mean((1, 2))
    shares = weights[0] / weights.sum()
    return 1 - (cosines * shares).sum((1, 2))


def nearest_distance(features: Tensor, artwork: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the mean over features of 1 - cos to their nearest feature of an artwork, a scalar.

    The gradient treats which one is nearest as known.

    Args:
        features: (N, D), in at least float32.
        artwork: (M, D), of the same dtype.
        weights: of the features, (N,), not all 0; None weighs all alike.

    Source: arXiv 2203.13215, section 3.4, one layer of its sum.
    """
    ours, theirs = units(features, weights), units(artwork)
    apart = 1 - (ours * theirs[nearest(ours.detach(), theirs)]).sum(1)
    return apart.mean() if weights is None else weights @ apart / weights.sum()
