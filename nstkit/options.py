"""Checks of options and numbers that many modules share."""

from __future__ import annotations

import math
from collections.abc import Collection
from numbers import Real


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
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value < 0 or (positive and not value):
        least = "above 0" if positive else "0 or more"
        raise ValueError(f"{name} is {value!r}; expected a finite number, {least}.")


def check_share(name: str, value: object) -> None:
    """Raise ValueError unless a value is a number from 0 to 1."""
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not number or not 0 <= value <= 1:  # false of what is not a number, too
        raise ValueError(f"{name} is {value!r}; expected a number from 0 to 1.")


def check_whole(name: str, value: object, least: int) -> None:
    """Raise ValueError unless a value is a whole number of some size, which torch can hold."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} is {value!r}; expected a whole number, {least} or more.")
    if value >= 2**63:
        raise ValueError(f"{name} is {value!r}; expected less than 2**63.")
