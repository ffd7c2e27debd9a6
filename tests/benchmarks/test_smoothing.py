"""Smoothing is measured beside the guided filter."""

from __future__ import annotations

import pytest
import smoothing


def test_each_size_has_a_row(capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    def here(command: list[str]) -> str:
        assert smoothing.main(command[1:]) == 0
        return capsys.readouterr().out

    monkeypatch.setattr(smoothing.machine, "elsewhere", here)
    (row,) = smoothing.measure(["48x40"])
    assert row["size"] == "48x40" and row["seconds"] > 0 and row["gigabytes"] >= 0
    assert row["ratio"] == row["seconds"] / row["guided"]
    monkeypatch.setattr(smoothing, "measure", lambda sizes: [row] if sizes == ["48x40"] else [])
    assert smoothing.main(["--sizes", "48x40"]) == 0
    assert "48x40 px: " in capsys.readouterr().out
