"""Style as the distribution of features, seen along single directions.

Projected on a direction, the features of a layer are a list of numbers. Two sorted lists tell how
far their distributions are apart: the smallest number is moved to the smallest, and so on, which is
the cheapest way to turn one into the other. The mean over all directions is the squared sliced
Wasserstein distance. It is 0 only where the distributions are equal, so it sees what means,
covariances and Gram matrices cannot (Heitz et al. 2021, "A Sliced Wasserstein Loss for Neural
Texture Synthesis", arXiv 2006.07229). Here the mean is over a number of fixed directions.
"""

from __future__ import annotations

import torch
from torch import Tensor

from nstkit.modes import ON_CPU


def directions(channels: int, count: int, seed: int = 0) -> Tensor:
    """Return unit vectors drawn at random, (count, channels) float32; a seed fixes them.

    They are drawn on the CPU, so that they are the same on all devices.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(count, channels, generator=generator, **ON_CPU)
    return drawn / drawn.norm(dim=1, keepdim=True)


def sorted_along(values: Tensor, where: Tensor | None = None) -> Tensor:
    """Return each row of values in rising order, differentiable.

    Args:
        values: (B, D, M): B pictures, D rows, M positions.
        where: weights of the positions, (B, M) or (1, M), each >= 0; None is 1 everywhere. Under
            weights, a value counts as often as its weight says, and the result is the M quantiles
            in the middle of M equal parts.

    Returns:
        (B, D, M).

    Raises:
        ValueError: All weights of a picture are 0.
    """
    rows, order = values.sort(dim=2)
    if where is None:
        return rows
    if not bool((where.sum(1) > 0).all()):
        raise ValueError("The weights of all positions are 0; expected at least one above 0.")
    # On the CPU in float64, which Apple's GPU lacks: float32 would lose weights among many.
    weights = where.cpu().double()[:, None].expand(values.shape).gather(2, order.cpu())
    reached, count = weights.cumsum(2), values.shape[2]
    middles = (torch.arange(count).double() + 0.5) / count * reached[..., -1:]
    return rows.gather(2, torch.searchsorted(reached, middles).clamp(max=count - 1).to(rows.device))


def wasserstein_1d(a: Tensor, b: Tensor, power: float = 2) -> Tensor:
    """Return W_p^p between lists of numbers, where every number of a list counts alike.

    That is the mean of |difference|^p between the quantile functions, which are staircases. Both
    are constant between the edges i/n and j/m, so the mean is exact.

    Args:
        a: (..., n), in rising order.
        b: (..., m), in rising order; the dimensions before may broadcast.
        power: p, 1 or more.

    Returns:
        (...), differentiable.
    """
    n, m = a.shape[-1], b.shape[-1]
    if n == m:
        return (a - b).abs().pow(power).mean(-1)
    # In units of 1 / (n m) the edges are whole numbers.
    edges = torch.cat([torch.arange(1, n + 1) * m, torch.arange(1, m + 1) * n]).unique()
    widths = edges.diff(prepend=edges.new_zeros(1)).double() / (n * m)
    steps = (edges - 1).to(a.device)
    apart = (a[..., steps // m] - b[..., steps // n]).abs().pow(power)
    return apart @ widths.to(apart)
