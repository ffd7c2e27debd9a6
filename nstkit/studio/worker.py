"""The studio's worker: a thread that computes while a page asks for it, and touches no widget."""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections.abc import Callable

PATIENCE = 5.0  # seconds without a beat after which the page must be gone
WORKERS: weakref.WeakSet[Worker] = weakref.WeakSet()


class Worker:
    """Call ``work`` again and again in a thread, as long as `beat` is called.

    The thread rests between two stretches of work and is used again: torch keeps threads of its
    own, and memory, for each thread that calls it.

    Args:
        work: one step.
        patience: seconds that may pass without a beat.
        gone: called in the thread when they have passed.

    Attributes:
        running: whether the thread is at work.
    """

    def __init__(
        self, work: Callable[[], object], patience: float = PATIENCE,
        gone: Callable[[], object] = lambda: None,
    ) -> None:  # fmt: skip
        self.running, self.gone = False, gone
        self._work, self._patience, self._heard = work, patience, 0.0
        self._wanted = self._ended = False
        self._failure: Exception | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        WORKERS.add(self)

    def beat(self) -> None:
        """Start to work if at rest, and go on for as long as ``patience``."""
        with self._changed:
            if self._ended:
                return
            self._heard = time.monotonic()
            self._wanted = self.running = True
            self._changed.notify_all()
        if self._thread is None:
            self._thread = threading.Thread(target=self._live, name="nstkit-studio", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop, and return when the step that is being made has ended."""
        with self._changed:
            self._wanted = False
            self._changed.wait_for(lambda: not self.running)

    def end(self) -> None:
        """Stop for good, and end the thread."""
        with self._changed:
            self._ended = True  # first, so that no beat starts it again
            self.stop()
            self._changed.notify_all()

    def take_failure(self) -> Exception | None:
        """Return the exception that ended the work, once."""
        failure, self._failure = self._failure, None
        return failure

    def _live(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self.running or self._ended)
            if not self.running:  # ended
                return
            here = True
            try:
                while self._wanted and (here := self._hears()):
                    self._work()
            except Exception as error:  # the next beat shows it
                self._failure = error
            with self._changed:
                self.running = False
                self._changed.notify_all()
            if self._wanted and self._failure is None and not here:
                self.gone()

    def _hears(self) -> bool:
        return time.monotonic() - self._heard < self._patience


@atexit.register
def stop_all() -> None:
    """Stop all workers: Python cannot end while a thread is inside torch; it would abort."""
    for worker in list(WORKERS):
        worker.stop()
