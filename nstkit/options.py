"""Checks that many modules share: is this option one of its choices?"""

from __future__ import annotations

from collections.abc import Collection


def check_choice(option: str, value: object, choices: Collection[object]) -> None:
    """Raise ValueError unless an option has one of its values.

    Args:
        option: its name, for the message.
        value: what was given.
        choices: the values that it may have; the keys of a mapping count too.
    """
    if value not in choices:
        raise ValueError(f"{option} is {value!r}; expected one of {list(choices)}.")
