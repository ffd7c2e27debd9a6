"""The studio's worker: a thread that computes while a page asks for it, and touches no widget."""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections.abc import Callable

PATIENCE = 5.0  # seconds without a beat after which nobody is watching
_WORKERS: weakref.WeakSet[Worker] = weakref.WeakSet()


class Worker:
    """Call ``work`` again and again in a thread, as long as `beat` is called.

    Args:
        work: one step.
        patience: seconds that may pass without a beat.
    """

    def __init__(self, work: Callable[[], object], patience: float = PATIENCE) -> None:
        self._failure: Exception | None = None
        self._work, self._patience, self._heard = work, patience, 0.0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        _WORKERS.add(self)

    @property
    def running(self) -> bool:
        """Whether the thread is at work."""
        return self._thread is not None and self._thread.is_alive()

    def beat(self) -> None:
        """Go on working; start if at rest."""
        self._heard = time.monotonic()
        if not self.running:
            self._stop.clear()
            self._thread = threading.Thread(target=self._loop, name="nstkit-studio", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop, and return when the step that is being made has ended."""
        self._stop.set()
        if self.running:
            self._thread.join()

    def take_failure(self) -> Exception | None:
        """Return the exception that ended the work, once."""
        failure, self._failure = self._failure, None
        return failure

    def _loop(self) -> None:
        while not self._stop.is_set() and time.monotonic() - self._heard < self._patience:
            try:
                self._work()
            except Exception as error:  # nobody else would see it: the next beat shows it
                self._failure = error
                return


@atexit.register
def stop_all() -> None:
    """Stop all workers: Python cannot end while a thread is inside torch; it would abort."""
    for worker in list(_WORKERS):
        worker.stop()
