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


def _both_sides(distances: Tensor) -> Tensor:
    return torch.maximum(_of_the_painting(distances), _of_the_artwork(distances))


def _of_the_painting(distances: Tensor) -> Tensor:
    return distances.min(dim=1).values.mean()


def _of_the_artwork(distances: Tensor) -> Tensor:
    return distances.min(dim=0).values.mean()


def _their_mean(distances: Tensor) -> Tensor:
    return (_of_the_painting(distances) + _of_the_artwork(distances)) / 2


def _worst_position(distances: Tensor) -> Tensor:
    return torch.maximum(*(distances.min(dim=side).values.max() for side in (1, 0)))


def _to_all(distances: Tensor) -> Tensor:
    return distances.mean()


def _smaller(distances: Tensor) -> Tensor:
    return torch.minimum(_of_the_painting(distances), _of_the_artwork(distances))


def _tables(generator: Generator) -> list[Case]:
    """Return tables of cosine distances; a side with fewer positions has larger answers."""
    return [(2 * torch.rand(*shape, generator=generator, **ON_CPU).double(),)
            for shape in [(30, 6), (5, 40), (12, 12)]]  # fmt: skip


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
        right=_both_sides,
        mistakes={
            "That asks only the painting. Where artwork is left out, only the artwork can tell.": (
                _of_the_painting
            ),
            "That asks only the artwork: take the smallest of each row, too.": _of_the_artwork,
            "The larger answer counts, not the mean of both.": _their_mean,
            "That is the worst position of all. Average each side first.": _worst_position,
            "Only the nearest position counts, not all of the other side.": _to_all,
            "That is the smaller answer.": _smaller,
        },
        cases=_tables,
    ),
}
