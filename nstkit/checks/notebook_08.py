"""Exercises of notebook 08, Style is a distribution."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from nstkit.checks import Case, Exercise, normal
from nstkit.modes import ON_CPU


def _nearest(queries: Tensor, keys: Tensor, chunk: int) -> Tensor:
    queries, keys = (F.normalize(rows - rows.mean(0), dim=1) for rows in (queries, keys))
    return (queries @ keys.mT).argmax(dim=1)


def _part_by_part(queries: Tensor, keys: Tensor, chunk: int) -> Tensor:
    return torch.cat([_nearest(part, keys, chunk) for part in queries.split(chunk)])


def _uncentered(queries: Tensor, keys: Tensor, chunk: int) -> Tensor:
    return (F.normalize(queries, dim=1) @ F.normalize(keys, dim=1).mT).argmax(dim=1)


def _longest(queries: Tensor, keys: Tensor, chunk: int) -> Tensor:
    queries, keys = (rows - rows.mean(0) for rows in (queries, keys))
    return (queries @ keys.mT).argmax(dim=1)


def _euclidean(queries: Tensor, keys: Tensor, chunk: int) -> Tensor:
    return torch.cdist(queries - queries.mean(0), keys - keys.mean(0)).argmin(dim=1)


def _rows(generator: Generator) -> list[Case]:
    """Return cases (queries, keys, chunk), whose parts have means of their own."""
    cases = []
    for n, m, c, chunk in [(40, 30, 4, 7), (25, 50, 6, 25), (33, 20, 3, 10)]:
        drift = torch.linspace(-2, 2, n, dtype=torch.float64)[:, None]
        keys = normal(generator, m, c) * (
            1 + 3 * torch.rand(m, 1, generator=generator, **ON_CPU).double()
        )
        cases.append((normal(generator, n, c) + drift + 1, keys - 1, chunk))
    return cases


def _split(cloud: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return a cloud (C, N) without its mean, the mean, and the root of its covariance."""
    mean = cloud.mean(1, keepdim=True)
    centered = cloud - mean
    return centered, mean, torch.linalg.cholesky(centered @ centered.mT / cloud.shape[1])


def _matched(colors: Tensor, like: Tensor) -> Tensor:
    (ours, _, L_S), (_, mean, L_T) = _split(colors), _split(like)
    return L_T @ torch.linalg.inv(L_S) @ ours + mean


def _wrong_order(colors: Tensor, like: Tensor) -> Tensor:
    (ours, _, L_S), (_, mean, L_T) = _split(colors), _split(like)
    return torch.linalg.inv(L_S) @ L_T @ ours + mean


def _mean_stays(colors: Tensor, like: Tensor) -> Tensor:
    (ours, mean, L_S), (_, _, L_T) = _split(colors), _split(like)
    return L_T @ torch.linalg.inv(L_S) @ ours + mean


def _deviations(colors: Tensor, like: Tensor) -> Tensor:
    ours, theirs = (cloud - cloud.mean(1, keepdim=True) for cloud in (colors, like))
    ratio = theirs.std(1, keepdim=True) / ours.std(1, keepdim=True)
    return ratio * ours + like.mean(1, keepdim=True)


def _not_centered(colors: Tensor, like: Tensor) -> Tensor:
    (_, _, L_S), (_, mean, L_T) = _split(colors), _split(like)
    return L_T @ torch.linalg.inv(L_S) @ colors + mean


def _covariance_for_root(colors: Tensor, like: Tensor) -> Tensor:
    (ours, _, L_S), (_, mean, L_T) = _split(colors), _split(like)
    return L_T @ L_T.mT @ torch.linalg.inv(L_S @ L_S.mT) @ ours + mean


def _colors(generator: Generator) -> list[Case]:
    mix = normal(generator, 3, 3)
    return [(normal(generator, 3, n) + 2, mix @ normal(generator, 3, m) - 1)
            for n, m in [(20, 20), (30, 15), (12, 40)]]  # fmt: skip


EXERCISES: dict[str, Exercise] = {
    "8.1": Exercise(
        right={"A", "B"},
        mistakes={
            "All products change when all points move: A is noticed, too.": {"B"},
            "B leaves each channel alone, but products of two channels need both of one point.": {
                "A"
            },
            "C turns every sign, so each product has two new signs, which cancel.": {"A", "B", "C"},
            "D only forgets positions, which a sum over positions does anyway.": {"A", "B", "D"},
        },
    ),
    "8.2": Exercise(
        right=_nearest,
        mistakes={
            "Each part is centered by its own mean: center all queries first, then split.": (
                _part_by_part
            ),
            "Take the mean away first, of queries and of keys.": _uncentered,
            "Divide by the length of each row: a long key is not a similar one.": _longest,
            "That is the smallest distance, not the greatest cosine.": _euclidean,
        },
        cases=_rows,
    ),
    "8.3": Exercise(
        right=_matched,
        mistakes={
            "The order is wrong: first L_S^-1, which stands at the right.": _wrong_order,
            "The covariance is right; the mean is still that of the picture.": _mean_stays,
            "Each channel has the right mean and deviation, but channels still go together as in "
            "the picture.": _deviations,
            "Take the picture's mean away before you multiply.": _not_centered,
            "Multiply by the roots L, not by the covariances.": _covariance_for_root,
        },
        cases=_colors,
    ),
}
