"""tools/run_notebooks.py on small notebooks, executed in real kernels."""

import base64
import io
import os
import re
import sys
from contextlib import nullcontext
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))
import lint_notebooks as rules
import run_notebooks as tool

DRAW = """\
import torch
from nstkit.pictures.plots import show_images
image = torch.zeros(1, 3, 32, 48)
image[:, 0] = 1
show_images(image, ["all red"])"""


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(rules.ROOT))


def write(folder: Path, *sources: str, name: str = "05_small.ipynb", **metadata) -> Path:
    cells = [new_markdown_cell("# Small"), *(new_code_cell(source) for source in sources)]
    nbformat.write(new_notebook(cells=cells, metadata=metadata), folder / name)
    return folder / name


def read(path: Path):
    return nbformat.read(path, as_version=4)


def stream(text: str, name: str = "stdout"):
    return new_output("stream", text=text, name=name)


def texts(outputs) -> list[tuple[str, str]]:
    return [(output.name, output.text) for output in outputs]


# ------------------------------------------------------------------ cleaning


BARS = "\r  0%|          | 0/6 [00:00<?, ?it/s]\r 50%|#####     | 3/6 [00:01<00:01, 2.9it/s]"


@pytest.mark.parametrize(
    "pieces",
    [
        [BARS + "\r100%|##########| 6/6 [00:02<00:00, 3.0it/s]\n"],
        [BARS[:30], BARS[30:]],
        ["0it [00:00, ?it/s]\r12it [00:01, 9.5it/s]\n"],
        [BARS + "\n\x1b[A"],
        ["\n"],
    ],
)
def test_a_progress_bar_is_removed_even_in_pieces(pieces):
    assert tool.clean_outputs([stream(piece, "stderr") for piece in pieces]) == []


def test_what_stands_beside_a_progress_bar_stays():
    outputs = [stream(BARS + "\nUserWarning: look\n", "stderr"), stream("done: 50% of it\n")]
    cleaned = tool.clean_outputs(outputs)
    assert [(o.name, o.text.strip()) for o in cleaned] == [
        ("stderr", "UserWarning: look"),
        ("stdout", "done: 50% of it"),
    ]


def test_a_printed_empty_line_stays():
    assert texts(tool.clean_outputs([stream("\n")])) == [("stdout", "\n")]


def test_pieces_of_a_stream_are_merged_also_across_a_removed_bar():
    outputs = [
        stream("a"),
        stream("b"),
        stream(BARS, "stderr"),
        stream("c\n"),
        stream("e", "stderr"),
    ]
    assert texts(tool.clean_outputs(outputs)) == [("stdout", "abc\n"), ("stderr", "e")]


def test_a_widget_view_goes_and_its_still_picture_stays():
    view = {rules.WIDGET_VIEW: {"model_id": "1"}, "text/plain": "IntSlider(value=0)"}
    still = {**view, "image/png": "aGk="}
    alt = {"image/png": {"alt": "a wave"}}
    outputs = [new_output("display_data", view), new_output("display_data", still, metadata=alt)]
    (kept,) = tool.clean_outputs(outputs)
    assert set(kept.data) == {"image/png", "text/plain"}
    assert kept.metadata == alt


def test_cleaning_returns_a_copy_with_only_the_metadata_that_readers_need():
    cell = new_code_cell("1", execution_count=4, outputs=[stream("a"), stream("b")])
    cell.metadata.update(
        tags=["defines:x"], execution={"iopub.status.busy": "now"}, colab={}, outputId="a", id="x"
    )
    nb = new_notebook(cells=[cell], metadata={"widgets": {"a": 1}, "accelerator": "GPU"})
    nb.metadata.update(kernelspec={"name": "venv", "display_name": "mine"}, colab={"toc": 1})
    before = nbformat.writes(nb)
    cleaned = tool.clean(nb)
    assert nbformat.writes(nb) == before
    assert cleaned.metadata == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "accelerator": "GPU",
    }
    assert cleaned.cells[0].metadata == {"tags": ["defines:x"]}
    assert cleaned.cells[0].execution_count == 4
    assert texts(cleaned.cells[0].outputs) == [("stdout", "ab")]
    assert tool.clean(cleaned) == cleaned


# ------------------------------------------------------------------ executing


@pytest.mark.long
def test_a_notebook_is_executed_in_place_in_this_python_and_in_its_folder(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("NSTKIT_FAST", "1")
    monkeypatch.setenv("NSTKIT_DRAFT", "1")  # of the shell: it must not reach what is stored
    monkeypatch.setenv("THIS_PYTHON", sys.executable)
    (tmp_path / "data.txt").write_text("found")
    path = write(
        tmp_path,
        "import os, sys\nx = 1\nprint(open('data.txt').read())",
        "assert sys.executable == os.environ['THIS_PYTHON']\nx + 1",
        "from tqdm import auto, std\n"
        "for _ in std.tqdm(range(3)): pass\n"
        "for _ in auto.tqdm(range(3)): pass\n"  # a widget
        "print('painted')",
        "sorted(name for name in os.environ if name.startswith('NSTKIT'))",
        DRAW,
        widgets={"state": {}},
    )
    assert tool.main([str(path)]) == 0
    nb = read(path)
    nbformat.validate(nb)
    assert [cell.execution_count for cell in nb.cells[1:]] == [1, 2, 3, 4, 5]
    first, second, third, fourth, fifth = (cell.outputs for cell in nb.cells[1:])
    assert texts(first) == [("stdout", "found\n")]
    assert second[0].data == {"text/plain": "2"}
    assert texts(third) == [("stdout", "painted\n")]
    assert fourth[0].data == {"text/plain": "[]"}
    with Image.open(io.BytesIO(base64.b64decode(fifth[0].data["image/jpeg"]))) as image:
        assert image.getpixel((image.width // 2, image.height // 2))[0] > 240
    assert fifth[0].metadata == {"image/jpeg": {"alt": "a picture: all red", "width": 600}}
    assert set(nb.metadata) == {"kernelspec", "language_info", "nstkit"}
    assert nb.metadata["nstkit"] == {"code": rules.code_digest(nb)}
    assert not list(rules.outputs_are_of_this_code(nb, path))
    assert all(cell.metadata == {} for cell in nb.cells)
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []
    printed = capsys.readouterr().out
    assert re.search(r"^05_small.ipynb: \d+\.\d s, 6 cells, 0\.\d\d MB$", printed, re.MULTILINE)
    assert re.search(r"^1 notebooks, 0 findings, \d+\.\d s$", printed, re.MULTILINE)


@pytest.mark.long
def test_an_exception_fails_names_the_cell_and_leaves_the_file_and_the_next_is_executed(
    tmp_path, capsys
):
    bad = write(tmp_path, "x = 1", "print('before')\n1 / 0", "print('after')", name="01_bad.ipynb")
    good = write(tmp_path, "print(1)", name="02_good.ipynb")
    refused = [path.with_suffix(".ipynb.refused") for path in (bad, good)]
    for file in refused:
        file.write_text("of an earlier run")
    before = bad.read_bytes()
    assert tool.main([str(bad), str(good)]) == 1
    printed = capsys.readouterr().out
    assert "FAILED 01_bad.ipynb: cell 2:" in printed
    assert "ZeroDivisionError: division by zero" in printed
    assert "\x1b" not in printed
    assert bad.read_bytes() == before
    assert texts(read(good).cells[1].outputs) == [("stdout", "1\n")]
    # What an earlier run gave is kept until a run is stored.
    assert [file.exists() for file in refused] == [True, False]


@pytest.mark.long
def test_a_cell_that_takes_too_long_fails(tmp_path, capsys):
    path = write(tmp_path, "import time\ntime.sleep(60)")
    before = path.read_bytes()
    assert tool.main([str(path), "--timeout", "1"]) == 1
    printed = capsys.readouterr().out
    assert "FAILED 05_small.ipynb: cell 1:" in printed
    assert "timed out" in printed
    assert path.read_bytes() == before


@pytest.mark.long
def test_stderr_and_paths_and_size_are_findings_of_one_run_and_what_it_gave_is_kept(
    tmp_path, capsys
):
    path = write(
        tmp_path,
        "import warnings\nwarnings.warn('deprecated thing')",
        "import os\nprint('folder', os.path.expanduser('~'))",
        "[os.environ['PYTHONPATH']]",
        f"print('x' * {rules.MAX_BYTES})",
    )
    before = path.read_bytes()
    assert tool.main([str(path)]) == 1
    printed = capsys.readouterr().out
    assert re.search(r"FAILED .*: cell 1: stderr in the outputs: .*", printed)
    assert "deprecated thing" in printed
    assert f"FAILED 05_small.ipynb: cell 2: its output holds '{Path.home()}'" in printed
    assert "FAILED 05_small.ipynb: cell 3: its output holds" in printed
    assert re.search(rf"FAILED .*: [\d.]+ MB, at most {rules.MAX_BYTES / 1e6} MB", printed)
    assert path.read_bytes() == before
    kept = tmp_path / "05_small.ipynb.refused"
    assert f"kept to look at: {kept.name}" in printed
    assert texts(read(kept).cells[2].outputs) == [("stdout", f"folder {Path.home()}\n")]


# ------------------------------------------------------------------ checking


def executed(path: Path) -> None:
    """Let the code of a notebook be that of its stored outputs."""
    nb = read(path)
    nb.metadata["nstkit"] = {"code": rules.code_digest(nb)}
    nbformat.write(nb, path)


def edit(path: Path, cell: int, more: str) -> None:
    """Write more behind a cell's source."""
    nb = read(path)
    nb.cells[cell].source += more
    nbformat.write(nb, path)


def only_the_code_is_linted(monkeypatch) -> None:
    monkeypatch.setattr(rules, "RULES", (rules.outputs_are_of_this_code,))


@pytest.mark.long
def test_a_check_tells_pictures_code_and_solutions_and_leaves_the_bytes_untouched(
    tmp_path, monkeypatch, capsys
):
    path = exercise(tmp_path, FOLD.format("answer = 4"))
    draw = "from IPython.display import Image\nImage(data=b'any', format='png')"
    nb = read(path)
    shown = new_output("display_data", {"image/png": "aGk="}, metadata={"image/png": {"alt": "a"}})
    nb.cells += [new_code_cell(source, outputs=[shown]) for source in (draw, "print('no picture')")]
    nbformat.write(nb, path)
    executed(path)
    edit(path, -1, "  # a comment")
    before, changed = path.read_bytes(), path.stat().st_mtime_ns
    only_the_code_is_linted(monkeypatch)
    assert tool.main(["--check", str(path)]) == 1
    failures = [line for line in capsys.readouterr().out.splitlines() if "FAILED" in line]
    assert [failure.removeprefix("FAILED 05_small.ipynb: ") for failure in failures] == [
        "the stored outputs belong to other code: execute it with tools/run_notebooks.py",
        "cell 5: has a stored picture, and shows none now",
        "the solution of exercise 5.1 fails: x",
    ]
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (before, changed)


def test_a_check_includes_the_lint(tmp_path, capsys):
    path = write(tmp_path, "print(1)")
    before = path.read_bytes()
    assert tool.main(["--check", str(path)]) == 1
    assert "FAILED 05_small.ipynb: no stored outputs" in capsys.readouterr().out
    assert path.read_bytes() == before


# ------------------------------------------------------------------ solving


def exercise(folder: Path, solution: str, name: str = "05_small.ipynb") -> Path:
    """Write a notebook with an exercise, whose check wants 3, and its folded solution."""
    path = write(
        folder, "def check(n, x): print(f'{chr(10003)} {n}' if x == 3 else 'x')", name=name
    )
    nb = read(path)
    stub = new_code_cell("answer = None\ncheck('5.1', answer)")
    stub.metadata["tags"] = ["exercise:5.1"]
    nb.cells += [stub, new_markdown_cell(solution)]
    nbformat.write(nb, path)
    return path


FOLD = "<details><summary>Solution</summary>\n\n```python\n{}\n```\n</details>"


def test_a_check_passes_where_all_is_well_solves_the_exercises_at_draft_size_and_stores_nothing(
    tmp_path, monkeypatch
):
    path = exercise(tmp_path, FOLD.format("answer = 1 + 2"))
    nb = read(path)
    nb.cells.append(new_code_cell("assert answer is None"))  # no cell sees the solution
    nb.cells.append(new_code_cell("import os\nassert os.environ['NSTKIT_DRAFT'] == '1'"))
    nbformat.write(nb, path)
    executed(path)
    edit(path, 0, "\n\nMore words are free.")
    before = path.read_bytes()
    only_the_code_is_linted(monkeypatch)
    assert tool.main(["--check", str(path)]) == 0
    assert path.read_bytes() == before
    (answer,) = tool.solved(read(path))
    assert answer.source == "answer = 1 + 2\n\ncheck('5.1', answer)"


@pytest.mark.long
@pytest.mark.parametrize(
    ("solution", "told"),
    [
        (FOLD.format("answer = 1 / 0"), "ZeroDivisionError"),
        ("no solution", "cell 2: exercise 5.1 has no solution after it"),
    ],
)
def test_a_solution_that_fails_or_is_none_is_a_failure(tmp_path, capsys, solution, told):
    assert tool.main(["--check", str(exercise(tmp_path, solution))]) == 1
    assert told in capsys.readouterr().out


PANEL = """import torch
from nstkit import lesson, show_images

def show(number, letter):
    assert {at} not in (number, letter)
    return show_images([torch.zeros(1, 3, 40, 40)], alt="black")

lesson.explore(
    show, number=[1, 2, 3], letter=["a", "b"])"""


@pytest.mark.parametrize(("at", "fails"), [(None, False), ("3", True), ("'b'", True)])
def test_every_control_of_a_panel_is_moved(tmp_path, at, fails):
    (cell,) = tool.moved(read(write(tmp_path, PANEL.format(at=at))))
    with pytest.raises(AssertionError) if fails else nullcontext():
        exec(cell.source, {})


@pytest.mark.long
def test_a_panel_that_fails_fails_the_check(tmp_path, capsys):
    assert tool.main(["--check", str(write(tmp_path, PANEL.format(at="'b'")))]) == 1
    assert "AssertionError" in capsys.readouterr().out


@pytest.mark.long
def test_two_notebooks_at_a_time_share_the_cores(tmp_path, capfd):
    told = "import os; print('threads', os.environ['OMP_NUM_THREADS'])"
    paths = [write(tmp_path, told, name="05_a.ipynb"), write(tmp_path, "1 / 0", name="06_b.ipynb")]
    assert tool.main(["--jobs", "2", *map(str, paths)]) == 1
    threads = max((os.cpu_count() or 1) // 2, 1)
    assert f"threads {threads}" in read(paths[0]).cells[1].outputs[0].text
    out = capfd.readouterr().out
    assert "FAILED 06_b.ipynb" in out and "ZeroDivisionError" in out and "2 notebooks" in out


def test_the_longest_notebook_is_begun_first():
    told = {path: tool.TOOK.findall(path.read_text()) for path in rules.default_notebooks()}
    assert len(told) > 7 and all(told.values())  # else the order would be that of the names
    first, *rest = tool.longest_first(list(told))
    assert rest and all(int(told[first][-1]) >= int(told[path][-1]) for path in rest)
    assert sorted([first, *rest]) == sorted(told)


# ------------------------------------------------------------------ extracting, and the command


def test_extract_writes_each_stored_picture_and_runs_nothing(tmp_path):
    path = write(tmp_path, "1 / 0", "2 / 0")
    nb = read(path)
    kinds = [("image/jpeg", b"jpeg data"), ("image/png", b"png data")]
    nb.cells[2].outputs = [
        new_output("display_data", {mime: base64.b64encode(data).decode()}) for mime, data in kinds
    ]
    nbformat.write(nb, path)
    assert tool.main([str(path), "--extract", str(tmp_path / "out")]) == 0
    written = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}
    assert written == {"05_cell02_0.jpg": b"jpeg data", "05_cell02_1.png": b"png data"}


def test_a_missing_notebook_is_a_usage_error(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        tool.main([str(tmp_path / "none.ipynb")])
    assert stop.value.code == 2
    assert "no such notebook" in capsys.readouterr().err


def test_kernels_get_no_network_and_no_profile():
    env = tool.kernel_environment("private")
    assert env["IPYTHONDIR"] == "private"
    assert env["HTTPS_PROXY"] == env["http_proxy"] == "http://127.0.0.1:9"
    assert env["PATH"] == os.environ["PATH"]


def test_threads_of_kernels_sleep_while_they_wait_unless_told_otherwise(monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    assert tool.kernel_environment("private")["OMP_WAIT_POLICY"] == "PASSIVE"
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    assert tool.kernel_environment("private")["OMP_WAIT_POLICY"] == "ACTIVE"


def test_machine_names_hold_the_folders_that_give_a_machine_away():
    names = tool.machine_names()
    assert {str(rules.ROOT), sys.prefix} <= set(names)
    assert all(len(name) > 3 for name in names)
