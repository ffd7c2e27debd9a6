"""What the fields of a recipe may be."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any, get_args

from nstkit.descent.solver import OPTIMIZERS
from nstkit.losses import FORMS, REDUCTIONS
from nstkit.losses.statistics import STATISTICS, Gram, Moments, Statistic
from nstkit.vgg import Padding, Pooling
from nstkit.vgg.names import BLOCKS
from nstkit.vgg.pretrained import PREPROCESSING

STARTS = ("content", "noise", "white", "gray", "style", "blend")
GIVEN = "given"  # the start of a painting that began with a picture of the painter's own
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")

CHOICES: dict[str, Collection[object]] = {
    "content_reduce": REDUCTIONS,
    "tv_form": FORMS,
    "tv_reduce": ("mean", "sum"),
    "tv_values": ("image", "input"),
    "network": BLOCKS,
    "pooling": get_args(Pooling),
    "padding": get_args(Padding),
    "preprocessing": (None, *PREPROCESSING),
    "start": (*STARTS, GIVEN),
    "optimizer": OPTIMIZERS,
}


def equal_weights(layers: Iterable[str]) -> dict[str, float]:
    """Return {layer: 1/n} for n layers."""
    names = list(layers)
    return {name: 1 / len(names) for name in names}


def check_weight(name: str, value: float, positive: bool = False) -> None:
    """Raise ValueError unless a weight is a number of 0 or more, or above 0 if ``positive``."""
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


# ---------------------------------------------------------------- the statistic as plain data


def check_statistic(statistic: object) -> None:
    """Raise ValueError unless an object has what a `Statistic` has."""
    if isinstance(statistic, type) or not all(
        hasattr(statistic, part) for part in ("degree", "tiled", "sums", "target", "distance")
    ):
        raise ValueError(
            f"statistic is {statistic!r}; expected an object such as Gram(), Gram(reduce='rms') or "
            "Moments() of nstkit.losses.statistics."
        )


def statistic_data(statistic: Statistic) -> dict[str, Any]:
    """Return a statistic as plain data: the name of its class, and its options."""
    options = asdict(statistic) if is_dataclass(statistic) else vars(statistic)
    return {"kind": type(statistic).__name__, **options}


def statistic_from(data: Mapping[str, Any]) -> Statistic:
    """Return the statistic that `statistic_data` wrote.

    Raises:
        ValueError: A class that is not in ``STATISTICS``, or options that it does not have.
    """
    options = dict(data)
    kind = options.pop("kind", None)
    if kind not in STATISTICS:
        raise ValueError(
            f"The statistic {kind!r} is not known; known are {', '.join(STATISTICS)}. Add its "
            "class to nstkit.losses.statistics.STATISTICS first."
        )
    try:
        return STATISTICS[kind](**options)
    except TypeError as error:
        raise ValueError(f"The statistic {kind} cannot be made of {options}: {error}.") from error


def from_earlier(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a recipe from those of nstkit 0.1, which spread the statistic over four.

    Recipes travel inside paintings, so those of earlier versions must stay readable.
    """
    values = dict(values)
    names = {"gram": "normalize", "style_reduce": "reduce", "style_divisor": "divisor"}
    kind = values.get("statistic", "gram")
    if kind in ("gram", "moments"):
        options = {new: values.pop(old) for old, new in names.items() if old in values}
        values["statistic"] = Moments() if kind == "moments" else Gram(**options)
    return values
