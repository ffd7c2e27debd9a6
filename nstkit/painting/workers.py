"""How a sweep's jobs run: one after another, or in other processes by joblib."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from nstkit.options import check_whole
from nstkit.painting.jobs import Job
from nstkit.painting.result import Result
from nstkit.painting.shelf import Place
from nstkit.painting.start import chosen_device
from nstkit.painting.stylize import stylize

if TYPE_CHECKING:
    from joblib import Parallel

Task = tuple[Job, Place | None]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of a job: a result or an error.

    Attributes:
        index: of the job.
        result: the painting; None if the job failed.
        error: what was raised, with the job's parameters; None if nothing was.
    """

    index: int
    result: Result | None
    error: RuntimeError | None = None


def carry_out(task: Task) -> Outcome:
    """Paint with one thread, and save if there is a place. An error is returned.

    Raises:
        KeyboardInterrupt: As it came; half a painting is not saved.
    """
    job, place = task
    try:
        with _ONE_THREAD():
            result = stylize(job.content, job.style, job.recipe, progress=False, **job.options)
        if result.interrupted:
            raise KeyboardInterrupt
        if place is not None:
            place.save(result)
    except Exception as error:  # whatever it is, it must not end the other jobs
        told = RuntimeError(f"{job}: {type(error).__name__}: {error}")
        return Outcome(job.index, None, told)
    return Outcome(job.index, result)


class _OneThread:
    """Lets torch compute with one thread, and counts who needs that.

    The number belongs to the process, and some backends run several jobs in one process. The first
    one sets it, and the last one restores it.
    """

    def __init__(self) -> None:
        self._lock, self._users, self._before = threading.Lock(), 0, 1

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            if not self._users:
                self._before = torch.get_num_threads()
            self._users += 1
            torch.set_num_threads(1)
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    torch.set_num_threads(self._before)


_ONE_THREAD = _OneThread()

Run = Callable[[Sequence[Task]], Generator[Outcome, None, None]]


def runner(jobs: int | None, device: object = None) -> Run:
    """Return what carries out tasks.

    Args:
        jobs: how many at a time. None is what `joblib.parallel_config` says around the call; or
            else one for each core, and one alone on a GPU.
        device: where they paint.

    Raises:
        ValueError: ``jobs`` is no whole number of 1 or more.
    """
    if jobs is not None:
        jobs = check_whole("jobs", jobs, 1)
    if jobs == 1:
        return _serial
    from joblib import Parallel, cpu_count, parallel_config  # here: most who paint need none of it
    from joblib.parallel import get_active_backend

    backend, wanted = get_active_backend()
    options = {"return_as": "generator_unordered", "batch_size": 1}
    if type(backend).__name__ != "LokyBackend":  # one that the caller chose
        chosen = {} if jobs is None else {"n_jobs": jobs}
        return _parallel(Parallel(**chosen, **options))
    if jobs is None and wanted is None and chosen_device(device, None).type != "cpu":
        return _serial
    jobs = jobs or wanted or cpu_count(only_physical_cores=True)
    # A worker with a single thread does not wait for others, so that nothing spins.
    with parallel_config("loky", n_jobs=jobs, inner_max_num_threads=1):
        return _parallel(Parallel(**options))


def _serial(tasks: Sequence[Task]) -> Generator[Outcome, None, None]:
    yield from map(carry_out, tasks)


def _parallel(parallel: Parallel) -> Run:
    def _run(tasks: Sequence[Task]) -> Generator[Outcome, None, None]:
        from joblib import delayed

        outcomes = parallel(delayed(carry_out)(task) for task in tasks)
        try:
            # By `yield from`, closing would reach joblib before its warning is silenced.
            for outcome in outcomes:  # noqa: UP028
                yield outcome
        except BrokenExecutor as error:
            raise RuntimeError(
                "A worker process ended, most likely for lack of memory. Take fewer jobs or a "
                "smaller size. With folder=... the next sweep goes on where this one ended."
            ) from error
        finally:
            with warnings.catch_warnings():  # joblib warns of what is stopped on purpose
                warnings.simplefilter("ignore")
                outcomes.close()

    return _run
