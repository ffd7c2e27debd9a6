"""Checks of options and numbers that many modules share."""

from __future__ import annotations

import math
from collections.abc import Collection
from numbers import Integral, Real


def check_choice(option: str, value: object, choices: Collection[object]) -> None:
    """Raise ValueError unless an option has one of its values.

    Args:
        option: its name, for the message.
        value: what was given.
        choices: the values that it may have; the keys of a mapping count too.
    """
    if value not in list(choices):  # a list, since a value may have no hash
        raise ValueError(f"{option} is {value!r}; expected one of {list(choices)}.")


def check_weight(name: str, value: object, positive: bool = False) -> None:
    """Raise ValueError unless a value is a finite number of 0 or more, or above 0."""
    number = _number(value)
    if not 0 <= number < math.inf or (positive and not number):  # true of what is not a number
        least = "above 0" if positive else "0 or more"
        raise ValueError(f"{name} is {value!r}; expected a finite number, {least}.")


def check_share(name: str, value: object) -> None:
    """Raise ValueError unless a value is a number from 0 to 1."""
    if not 0 <= _number(value) <= 1:  # true of what is not a number
        raise ValueError(f"{name} is {value!r}; expected a number from 0 to 1.")


def _number(value: object) -> float:
    """Return a value as a float; NaN if it is no number, or infinite if it is too large."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return math.nan
    try:
        return float(value)
    except OverflowError:  # whole numbers may have hundreds of digits
        return math.inf


def check_whole(name: str, value: object, least: int) -> int:
    """Return a whole number as Python's int; one of NumPy is a whole number too.

    Raises:
        ValueError: It is none, it is less than ``least``, or torch cannot hold it.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise ValueError(f"{name} is {value!r}; expected a whole number, {least} or more.")
    if value >= 2**63:
        raise ValueError(f"{name} is {value!r}; expected less than 2**63.")
    return int(value)
