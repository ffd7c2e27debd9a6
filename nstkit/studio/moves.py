"""`Moves`: the settings before each move of a control, to go back to."""

from __future__ import annotations

import time

from nstkit.studio.settings import Settings

ONE_MOVE = 2.0  # seconds: what one control reports within them is one drag
MOST = 100  # moves


class Moves:
    """Remember settings before a control has moved.

    A slider that is dragged reports every value on its way. All of them are one move.
    """

    def __init__(self) -> None:
        self._before: list[Settings] = []
        self._mover: object = None
        self._moved_at = 0.0

    def remember(self, before: Settings, mover: object = None) -> None:
        """Remember the settings before a move.

        Args:
            before: the settings.
            mover: the control that has moved; None is always a move of its own.
        """
        now = time.monotonic()
        same = mover is not None and mover is self._mover and now - self._moved_at < ONE_MOVE
        self._mover, self._moved_at = mover, now
        if not same:
            self._before = [*self._before[1 - MOST :], before]

    def back(self, now: Settings) -> Settings:
        """Return the settings before the last move, and forget that move.

        Args:
            now: the current settings. Moves that led to equal ones are forgotten too.

        Raises:
            ValueError: There is no move to take back.
        """
        self._mover = None
        while self._before:
            before = self._before.pop()
            if now.changes(before):
                return before
        raise ValueError("No control has moved, so there is nothing to take back.")
