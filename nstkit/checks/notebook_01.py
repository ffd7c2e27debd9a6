"""Exercises of notebook 01, What a CNN sees."""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from nstkit.checks import Exercise, normal


def _across(gray: Tensor) -> Tensor:
    kernel = torch.tensor([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]).to(gray)
    return F.conv2d(gray, kernel[None, None], padding=1)


def _down(gray: Tensor) -> Tensor:
    return _across(gray.mT).mT


def _prepare(
    pixels: Tensor, moved: bool = True, order: str = "mean, flip", divisor: float = 1
) -> Tensor:
    x = pixels.float()
    x = x.permute(2, 0, 1)[None] if moved else x.reshape(1, 3, *pixels.shape[:2])
    mean = torch.tensor([123.68, 116.779, 103.939]).view(3, 1, 1)
    for step in order.split(", "):
        x = x.flip(1) if step == "flip" else x - mean
    return x / divisor


EXERCISES: dict[str, Exercise] = {
    "1.1": Exercise(
        right=lambda gray: (_across(gray).square() + _down(gray).square()).sqrt(),
        mistakes={
            "Add the squares, not the answers: the two may cancel.": lambda gray: (
                _across(gray) + _down(gray)
            ).abs(),
            "That is |across| + |down|: take the root of the sum of squares.": lambda gray: (
                _across(gray).abs() + _down(gray).abs()
            ),
            "The root is missing.": lambda gray: _across(gray).square() + _down(gray).square(),
            "Both filters look across: turn one of them, kernel.T.": lambda gray: (
                _across(gray).abs() * 2**0.5
            ),
            "Only one of the two directions is in it.": lambda gray: _across(gray).abs(),
            "Only one of the two directions is in it: down.": lambda gray: _down(gray).abs(),
        },
        cases=lambda g: [(normal(g, 2, 1, 5, 7).float(),), (normal(g, 1, 1, 6, 3).float(),)],
    ),
    "1.2": Exercise(
        right=_prepare,
        mistakes={
            "All three bugs are still there.": partial(
                _prepare, moved=False, order="flip, mean", divisor=255
            ),
            "`reshape` does not move the colors to the front: use permute.": partial(
                _prepare, moved=False
            ),
            "`reshape` garbles the colors, and each mean meets the wrong color.": partial(
                _prepare, moved=False, order="flip, mean"
            ),
            "The means are in the order red, green, blue: subtract before the flip.": partial(
                _prepare, order="flip, mean"
            ),
            "The network wants -124 to 151, so nothing is divided by 255.": partial(
                _prepare, divisor=255
            ),
            "The means meet the wrong colors, and nothing should be divided by 255.": partial(
                _prepare, order="flip, mean", divisor=255
            ),
            "The network wants blue first: flip the channels.": partial(_prepare, order="mean"),
        },
        cases=lambda g: [
            (255 * torch.rand(shape, generator=g, dtype=torch.float64),)
            for shape in ((4, 6, 3), (5, 2, 3))
        ],
    ),
    "1.3": Exercise(
        right=84,
        mistakes={
            "The poolings look further, too: each adds one stride.": 77,
            "Each convolution adds 2 times the stride, which doubles at every pooling.": 21,
            "That is the stride: how far two neighboring positions are apart.": 8,
            "That is relu4_1: one convolution more.": 68,
            "That is relu4_3: one convolution less.": 100,
        },
    ),
}
