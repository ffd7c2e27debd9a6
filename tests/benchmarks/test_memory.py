"""A peak is that of a program of its own, when L-BFGS remembers all that it may."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import memory
import peaks
import pytest
import torch
from torch import Tensor

from nstkit import Losses
from nstkit.descent.solver import PAIRS


def test_the_memory_of_lbfgs_is_filled_before_the_first_true_evaluation() -> None:
    def objective(image: Tensor) -> Losses:
        return Losses(7 * image.sum())

    filling, image = memory.Filling(objective, 2), torch.rand(1, 3, 4, 4)
    totals = [filling(image).total for _ in range(4)]
    assert totals[0] == totals[1] != totals[2] == totals[3] == 7 * image.sum()


def test_a_row_tells_the_peak_of_a_painting() -> None:
    row = memory.paint("cat", 48, None, "cpu")
    assert row["pairs"] == PAIRS and max(row["shape"]) == 48
    assert row["peak_gb"] > 0.1 and row["seconds_a_step"] > 0


def test_of_several_processes_the_peak_in_the_middle_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = iter([3.0, 1.0, 2.5])
    row = {"shape": [256, 170], "pairs": 20, "seconds_a_step": 0.1}
    monkeypatch.setattr(
        memory, "elsewhere", lambda given: json.dumps({**row, "peak_gb": next(found)})
    )
    (middle,) = memory.measure("cpu", sizes=(256,))
    assert (middle["least_gb"], middle["peak_gb"], middle["most_gb"]) == (1.0, 2.5, 3.0)


def peak_after(work: str) -> int:
    """Return the peak that a program of its own tells of itself."""
    code = f"import peaks; {work}; print(peaks.resident_peak())"
    folder = Path(peaks.__file__).parent
    return int(subprocess.check_output([sys.executable, "-c", code], cwd=folder))


def test_a_peak_is_the_programs_own_and_not_of_the_one_that_started_it() -> None:
    alone = peak_after("pass")
    assert peak_after("b'x' * 100_000_000") - alone == pytest.approx(1e8, rel=0.1)
    held = b"x" * 200_000_000  # more than such a program takes
    assert peak_after("pass") == pytest.approx(alone, rel=0.2) and held
