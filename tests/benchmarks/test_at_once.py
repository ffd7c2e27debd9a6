"""Paintings without optimization are measured in both precisions."""

from __future__ import annotations

import at_once
import pytest

from nstkit.feedforward import HOWS


@pytest.mark.long
def test_each_way_has_a_row(capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.setattr(at_once, "measure", lambda device, sizes: at_once_rows(device, sizes))
    assert at_once.main(["--sizes", "48"]) == 0
    said = capsys.readouterr().out
    assert all(f"48 px, {how}: " in said for how in HOWS) and "times as long" in said


def at_once_rows(device: str, sizes: list[int], measure=at_once.measure) -> list[dict]:
    rows = list(measure(device, sizes, rounds=1))
    for row in rows:
        assert row["ratio"] == row["float32"] / row["seconds"]
        assert row["move"] > 0
    return rows
