"""Many paintings are timed in both ways."""

from __future__ import annotations

import joblib
import pytest
import sweeping


@pytest.mark.long
def test_both_ways_are_in_the_row(capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    measure = sweeping.measure
    monkeypatch.setattr(sweeping, "measure", lambda sizes: measure(sizes, rounds=1, steps=1))
    with joblib.parallel_config("threading", n_jobs=2):  # processes would take seconds to start
        (row,) = sweeping.measure([48])
        assert row["ratio"] == row["one"] / row["sweep"] > 0
        assert sweeping.main(["--sizes", "48"]) == 0
    assert "48 px: " in (said := capsys.readouterr().out) and "times as fast" in said
