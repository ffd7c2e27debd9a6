"""What the fields of a recipe may be."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import get_args

from nstkit.losses import NORMALIZE, REDUCE, VARIATION
from nstkit.pretrained import BLOCKS, PREPROCESSING
from nstkit.vgg import Padding, Pooling

STARTS = ("content", "noise", "white", "gray", "style", "blend")
OPTIMIZERS = ("fourier_lbfgs", "lbfgs", "adam", "sgd")
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")

CHOICES: dict[str, tuple[object, ...]] = {
    "content_reduce": REDUCE,
    "style_reduce": REDUCE,
    "gram": NORMALIZE,
    "style_divisor": ("none", "features", "image"),
    "statistic": ("gram", "moments"),
    "tv_form": VARIATION,
    "tv_reduce": ("mean", "sum"),
    "tv_values": ("image", "input"),
    "network": tuple(BLOCKS),
    "pooling": get_args(Pooling),
    "padding": get_args(Padding),
    "preprocessing": (None, *PREPROCESSING),
    "start": STARTS,
    "optimizer": OPTIMIZERS,
}


def equal_weights(layers: Iterable[str]) -> dict[str, float]:
    """Return {layer: 1/n} for n layers."""
    names = list(layers)
    return {name: 1 / len(names) for name in names}


def check_weight(name: str, value: float, positive: bool = False) -> None:
    """Raise ValueError unless a weight is a number of 0 or more."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value < 0 or (positive and not value):
        least = "above 0" if positive else "0 or more"
        raise ValueError(f"{name} is {value!r}; expected a finite number, {least}.")


def check_whole(name: str, value: object, least: int) -> None:
    """Raise ValueError unless a value is a whole number of some size."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} is {value!r}; expected a whole number, {least} or more.")


def rising(scales: int | Sequence[int]) -> int | tuple[int, ...]:
    """Return scales as a recipe keeps them.

    Raises:
        ValueError: Neither a number of scales, 1 or more, nor rising sides in px.
    """
    if not isinstance(scales, list | tuple):
        check_whole("scales", scales, 1)
        return scales
    for side in scales:
        check_whole("each of scales", side, 32)
    if not scales or list(scales) != sorted(set(scales)):
        raise ValueError(f"scales are {list(scales)}; expected sides in px that rise: [256, 512].")
    return tuple(scales)
