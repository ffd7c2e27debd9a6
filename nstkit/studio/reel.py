"""`Reel`: earlier pictures of a run, as many as the memory allows, to look at and to go back to."""

from __future__ import annotations

from nstkit.studio.run import Frame

ROOM = 192_000_000  # bytes of pictures that are kept
FEWEST, MOST = 2, 120  # pictures, however large or small they are
APART = 20  # updates between two pictures that are compared
# Mean change of a value in [0, 1] over that many updates, below which nobody sees a difference:
# half a step of the 256 that a screen has.
STILL = 0.5 / 255


class Reel:
    """Keep pictures of a run at even distances, the first and the newest among them.

    When there are too many, every second one is let go, and from then on half as many are kept.

    Args:
        room: bytes that the pictures may take; None is ``ROOM``.

    Attributes:
        frames: the pictures that are kept, in order.
        still: whether the painting hardly changes any more.
    """

    def __init__(self, room: int | None = None) -> None:
        self._room = ROOM if room is None else room
        self._clear()

    def _clear(self) -> None:
        self.frames: list[Frame] = []
        self.still = False
        self._every = 1  # updates between two pictures that are kept
        self._before: Frame | None = None  # what the newest picture is compared with

    def add(self, frame: Frame) -> None:
        """Keep a picture that has just been painted, or not, as it comes."""
        if self.frames and frame.changes[0] is not self.frames[0].changes[0]:  # a new painting
            self._clear()
        self.frames = [kept for kept in self.frames if kept.index < frame.index]
        if self.frames and frame.index % self._every and frame.index not in frame.begun:
            self._compare(frame)
            return
        self.frames.append(frame)
        self._compare(frame)
        size = frame.image.numel() * frame.image.element_size()
        if len(self.frames) > max(FEWEST, min(MOST, self._room // max(size, 1))):
            self._every *= 2
            begun = set(frame.begun)
            self.frames = [f for f in self.frames if not f.index % self._every or f.index in begun]

    def _compare(self, frame: Frame) -> None:
        """Tell whether the painting hardly changes any more."""
        before = self._before
        comparable = (
            before is not None
            and before.index < frame.index
            and before.changes is frame.changes
            and before.begun == frame.begun
        )
        if not comparable:
            self._before, self.still = frame, False
        elif frame.index - before.index >= APART:
            self.still = bool((frame.image - before.image).abs().mean() < STILL)
            self._before = frame
