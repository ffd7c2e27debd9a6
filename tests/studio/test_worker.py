"""The worker's thread: when it works, how it stops, and what becomes of failures."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from studio_tools import eventually

import nstkit
from nstkit.studio.worker import Worker

ROOT = Path(nstkit.__file__).parents[1]


def threads():
    return [t for t in threading.enumerate() if t.name == "nstkit-studio"]


def test_a_worker_works_while_it_is_asked_to_and_stops_without_beats():
    done = []
    worker = Worker(lambda: (done.append(1), time.sleep(0.005)), patience=0.1)
    assert not worker.running
    worker.beat()
    eventually(lambda: len(done) > 3)
    eventually(lambda: not worker.running)
    count = len(done)
    time.sleep(0.05)
    assert len(done) == count
    worker.beat()
    eventually(lambda: len(done) > count)
    worker.stop()


def test_it_tells_when_it_has_heard_no_beat_and_not_when_it_is_stopped():
    told, done = [], []
    worker = Worker(
        lambda: (done.append(1), time.sleep(0.005)), patience=0.1, gone=lambda: told.append(1)
    )
    worker.beat()
    eventually(lambda: done)
    worker.stop()
    time.sleep(0.15)
    assert not told
    worker.beat()
    eventually(lambda: told)
    assert told == [1] and not worker.running


def test_stop_returns_after_the_step_that_is_being_made():
    begun, ended = [], []
    worker = Worker(lambda: (begun.append(1), time.sleep(0.05), ended.append(1)))
    worker.beat()
    eventually(lambda: begun)
    worker.stop()
    assert not worker.running
    assert len(begun) == len(ended)
    worker.stop()  # at rest already


def test_a_failure_ends_the_work_and_is_told_once():
    def fail():
        raise FloatingPointError("not a number")

    worker = Worker(fail)
    worker.beat()
    eventually(lambda: not worker.running)
    assert isinstance(worker.take_failure(), FloatingPointError)
    assert worker.take_failure() is None


def test_one_thread_for_all_stretches_of_work_until_the_end():
    before, done = threads(), []
    worker = Worker(lambda: (done.append(threading.get_ident()), time.sleep(0.001)))
    for stretch in range(1, 4):
        for _ in range(5):
            worker.beat()
        eventually(lambda n=stretch: len(done) >= 3 * n)
        worker.stop()
    assert len(set(done)) == 1
    assert len(set(threads()) - set(before)) == 1
    worker.end()
    eventually(lambda: set(threads()) <= set(before))
    worker.beat()
    assert not worker.running


def test_stopping_at_once_after_a_beat_is_safe():
    worker = Worker(lambda: None)
    for _ in range(200):
        worker.beat()
        worker.stop()
        assert not worker.running
    worker.end()


def test_a_beat_that_comes_while_it_ends_starts_nothing():
    class Beaten(Worker):
        def stop(self):
            super().stop()
            self.beat()  # from another thread

    before = threads()
    worker = Beaten(lambda: None)
    worker.beat()
    worker.end()
    assert not worker.running
    eventually(lambda: set(threads()) <= set(before))


@pytest.mark.long
def test_python_ends_in_peace_while_a_worker_is_inside_torch():
    code = """
import time, torch
from nstkit.studio.worker import Worker
matrix, begun = torch.rand(700, 700), []
worker = Worker(lambda: (begun.append(1), [matrix @ matrix for _ in range(20)]))
worker.beat()
while not begun:
    time.sleep(0.01)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=ROOT
    )
    assert (done.returncode, done.stderr) == (0, "")
