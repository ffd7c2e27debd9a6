"""What was measured is kept together, and the report shows all of it."""

from __future__ import annotations

import json
from pathlib import Path

import machine
import pytest
import report
import run
import torch

MEASURED = sorted(run.FOLDER.glob("*.json"))


def test_sizes_measured_one_after_the_other_are_kept_together() -> None:
    told = {"torch": "2"}
    small, large = [{"size": 256, "ratio": 1}], [{"size": 512, "ratio": 2}]
    before = {"machine": told, "results": small}
    assert run.joined(before, large, told) == small + large
    assert run.joined(before, [{"size": 256, "ratio": 3}], told) == [{"size": 256, "ratio": 3}]
    assert run.joined(before, large, {"torch": "3"}) == large  # another machine: nothing is mixed
    assert run.joined(None, large, told) == large


def test_a_part_that_is_measured_joins_the_others_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "FOLDER", tmp_path)
    monkeypatch.setattr(run.start_up, "measure", lambda device: {"weights": 1.0})
    monkeypatch.setattr(run.tricks, "measure", lambda device, sizes: [{"size": s} for s in sizes])
    assert run.main(["start_up"]) == run.main(["tricks", "--sizes", "48", "64"]) == 0
    (path,) = tmp_path.iterdir()
    found = json.loads(path.read_text())
    assert found["start_up"]["results"] == {"weights": 1.0}
    assert found["tricks"]["results"] == [{"size": 48}, {"size": 64}]
    told = found["tricks"]["machine"]
    assert path.stem == machine.name(told) and path.stem.endswith(told["auto_precision"])


def test_an_unknown_part_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run.main(["speed"])
    assert ended.value.code == 2 and "no such part: speed" in capsys.readouterr().err


def test_stored_names_of_dtypes_are_torchs() -> None:
    assert machine.dtype_name(torch.float32) == "float32"
    assert machine.dtype_name(torch.bfloat16) == "bfloat16"
    assert machine.dtype_name(torch.float16) == "float16"


@pytest.mark.parametrize("path", MEASURED, ids=[path.stem for path in MEASURED])
def test_the_report_shows_every_stored_number(path: Path) -> None:
    found = json.loads(path.read_text())
    assert found["studies"]["date"] < "2026-11-30"  # finished: no program measures them again
    for name, part in found.items():
        assert part["machine"]["torch"]
        columns, rows = report.TABLES[name](part["results"])
        assert rows and all(len(row) == len(columns) for row in rows)
    panels = report.draw(found).axes
    assert len(panels) == len(found.keys() & report.DRAWN.keys())
    for axes in panels:  # all of it is inside the frame
        tops = [max(line.get_ydata()) for line in axes.lines]
        tops += [bar.get_height() for bar in axes.patches]
        assert max(tops) < axes.get_ylim()[1]


def test_the_report_shows_each_number_of_the_studies() -> None:
    paths = MEASURED
    for path in paths:
        found = json.loads(path.read_text())["studies"]["results"]
        shown = "\n".join(report.table(*report.studies(found)))
        for row in (row for rows in found.values() for row in rows):
            (number,) = (row[key] for key in ("seconds", "steps", "loss") if key in row)
            assert row["name"] in shown and f"{number:.3g}" in shown


def test_the_report_says_what_a_trick_gains_and_what_was_never_reached() -> None:
    row = {"name": "packing", "size": 256, "precision": "float32", "seconds": 0.2}
    _, (cells,) = report.tricks([{**row, "ratio": 1.0312, "quartiles": [1.02, 1.04]}])
    assert cells == ["packing", 256, "float32", "1.031", "1.020 to 1.040", 0.2]
    found = {"size": 9, "mark": 9, "ratio": 0.0, "least": 0.0, "most": 0.0}
    plain, never = {"seconds": 7.0, "steps": 9}, {"seconds": None, "steps": None}
    _, (cells,) = report.equal_loss([found | {"plain": [plain], "nstkit": [never]}])
    assert cells[-3:] == ["7 s", "never", "-"]
