"""Exercises of notebook 12, Fast and big."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from nstkit.checks import Case, Exercise, normal

Measured = tuple[float, float]  # pixels, seconds


def _line(first: Measured, second: Measured, pixels: float) -> float:
    per_pixel = (second[1] - first[1]) / (second[0] - first[0])
    return first[1] + per_pixel * (pixels - first[0])


def _without_constant(first: Measured, second: Measured, pixels: float) -> float:
    return _line(first, second, pixels) - _line(first, second, 0)


def _proportional(first: Measured, second: Measured, pixels: float) -> float:
    return second[1] * pixels / second[0]


def _by_smaller(first: Measured, second: Measured, pixels: float) -> float:
    return first[1] * pixels / first[0]


def _by_sides(first: Measured, second: Measured, pixels: float) -> float:
    (a, s), (b, t) = first, second
    return _line((math.sqrt(a), s), (math.sqrt(b), t), math.sqrt(pixels))


def _squared(first: Measured, second: Measured, pixels: float) -> float:
    return second[1] * (pixels / second[0]) ** 2


def _from_zero(first: Measured, second: Measured, pixels: float) -> float:
    return first[1] + (second[1] - first[1]) / (second[0] - first[0]) * pixels


def _merged(grams: Tensor, positions: Tensor) -> Tensor:
    return _undivided(grams, positions) / positions.sum()


def _undivided(grams: Tensor, positions: Tensor) -> Tensor:
    return (grams * positions.view(-1, 1, 1)).sum(0)


def _parts(generator: torch.Generator) -> Sequence[Case]:
    cases = []
    for channels, counts in ((3, [12, 20]), (4, [6, 30, 9])):
        features = [normal(generator, channels, count).relu() for count in counts]
        grams = torch.stack([f @ f.T / f.shape[1] for f in features])
        cases.append((grams, torch.tensor(counts, dtype=torch.float64)))
    return cases


def _reach(layers: list[str], conv: int = 1, relu: int = 0, pool: int = 0, factor: int = 2) -> int:
    pixels = 0
    for name in reversed(layers):
        if name.startswith("pool"):
            pixels = factor * pixels + pool
        else:
            pixels += conv if name.startswith("conv") else relu
    return pixels


def _forward(layers: list[str]) -> int:
    return _reach(list(reversed(layers)))


def _positions_spoiled(layers: list[str]) -> int:
    spoiled = 0
    for name in layers:
        if name.startswith("conv"):
            spoiled += 1
        elif name.startswith("pool"):
            spoiled = (spoiled + 1) // 2
    return spoiled


def _layers(generator: torch.Generator) -> Sequence[Case]:
    one = ["conv1_1", "relu1_1", "conv1_2", "relu1_2"]
    two = [*one, "pool1", "conv2_1", "relu2_1"]
    three = [*two, "conv2_2", "relu2_2", "pool2", "conv3_1", "relu3_1", "conv3_2"]
    return [(one,), (two,), (three,)]


EXERCISES: dict[str, Exercise] = {
    "12.1": Exercise(
        right=_line,
        mistakes={
            "Some of the time does not depend on the size: it is left out.": _without_constant,
            "That scales the second measurement, with what does not grow in it.": _proportional,
            "That scales the first measurement, with what does not grow in it.": _by_smaller,
            "Time is a line over pixels, not over the length of a side.": _by_sides,
            "Pixels are counted already: nothing is squared.": _squared,
            "The line goes through the first point, not through its height at 0 pixels.": (
                _from_zero
            ),
        },
        cases=lambda generator: [
            ((10_000.0, 0.2), (40_000.0, 0.65), 160_000.0),
            ((1_000.0, 0.011), (9_000.0, 0.019), 4_000.0),
        ],
    ),
    "12.2": Exercise(
        right=_merged,
        mistakes={
            "A mean of means counts a small tile as much as a large one.": (
                lambda grams, positions: grams.mean(0)
            ),
            "That is the sum over all positions: divide by their number.": _undivided,
            "Divide by the number of positions, not of tiles.": (
                lambda grams, positions: _undivided(grams, positions) / len(grams)
            ),
            "Each was divided by its own number of positions: undo that before adding.": (
                lambda grams, positions: grams.sum(0)
            ),
            "Multiply each by its number of positions first, or it is divided twice.": (
                lambda grams, positions: grams.sum(0) / positions.sum()
            ),
            "A larger tile counts more, not less.": (
                lambda grams, positions: _merged(grams, 1 / positions)
            ),
        },
        cases=_parts,
    ),
    "12.3": Exercise(
        right=_reach,
        mistakes={
            "Begin at the last layer: a pooling doubles what the layers after it need.": _forward,
            "That is in positions of the last layer; pixels are asked for.": _positions_spoiled,
            "A pooling halves the sides, so each position after it is two pixels wide.": partial(
                _reach, factor=1
            ),
            "A ReLU looks at one position at a time: it needs nothing from beside it.": partial(
                _reach, relu=1
            ),
            "Tiles are cut between the windows of a pooling, so it adds nothing of its own.": (
                partial(_reach, pool=1)
            ),
            "A window of 3 reaches 1 beyond its middle, not 2.": partial(_reach, conv=2),
        },
        cases=_layers,
    ),
}
