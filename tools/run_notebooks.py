#!/usr/bin/env python
"""Execute the notebooks of the course, each in a fresh kernel of this Python, and store them clean.

    python tools/run_notebooks.py [NOTEBOOK ...]     execute and store in place
    python tools/run_notebooks.py --check            execute, solve, move panels, store nothing
    python tools/run_notebooks.py --extract DIR      write the stored pictures to DIR, run nothing

A notebook that fails (an exception, anything on stderr, a path of this machine in an output, more
than 2.8 MB) stays as it is on the disk, and the exit code is 1. Where all cells ran, what came out
is kept beside it as NAME.ipynb.refused, to look at. Cells are counted from 0.

What is stored is painted at full size, and a digest of the code is stored with it. A check paints
at draft size (see `nstkit.lesson.size`) and fails if the stored digest is not that of the code.
"""

from __future__ import annotations

import argparse
import ast
import base64
import copy
import os
import re
import socket
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import lint_notebooks as rules
import nbformat
import notebook_cells as cells
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, CellExecutionError, DeadKernelError
from nbformat import NotebookNode

from nstkit.files import write_whole

SLOW = 5.0  # seconds; cells that take longer are listed
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
TOOK = re.compile(r"Everything above took (\d+) s")  # the last line of each notebook
PROGRESS = re.compile(r"\d+%\||\d(?:it|B) \[\d\d:\d\d|\?it/s\]")
SUFFIXES = {"image/jpeg": ".jpg", "image/svg+xml": ".svg"}


class NotebookError(Exception):
    """A notebook could not be executed; the message names the cell and the reason."""


# ---------------------------------------------------------------- cleaning


def clean(nb: NotebookNode) -> NotebookNode:
    """Return a copy without what belongs to one run, one machine or one editor.

    Progress bars, widget views, timestamps and the metadata of editors go; pictures, text, their
    alt text and execution counts stay.
    """
    nb = copy.deepcopy(nb)
    accelerator = {k: v for k, v in nb.metadata.items() if k == "accelerator"}
    nb.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            **accelerator,
        }
    )
    for cell in nb.cells:
        for key in set(cell.metadata) - rules.CELL_METADATA:
            del cell.metadata[key]
        if cell.cell_type == "code":
            cell.outputs = clean_outputs(cell.outputs)
    return nb


def clean_outputs(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Return outputs without progress bars and widget views, with streams merged."""
    # Merged first, since a progress bar may be cut in two; and again, where one stood between.
    kept = [without_progress(output) for output in merge_streams(outputs)]
    kept = [without_widget_view(output) for output in kept if output is not None]
    return merge_streams([output for output in kept if output is not None])


def merge_streams(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Join consecutive pieces of one stream."""
    merged: list[NotebookNode] = []
    for output in outputs:
        if merged and output.get("name") and output.get("name") == merged[-1].get("name"):
            merged[-1] = nbformat.from_dict({**merged[-1], "text": merged[-1].text + output.text})
        else:
            merged.append(output)
    return merged


def without_progress(output: NotebookNode) -> NotebookNode | None:
    """Take progress bars out of a stream; return None where nothing else was in it."""
    if output.output_type != "stream":
        return output
    text = output.text
    if PROGRESS.search(text):
        lines = re.split(r"(?<=[\r\n])", text.replace("\x1b[A", ""))
        text = "".join(line for line in lines if not PROGRESS.search(line)).strip("\r")
    # The line break that ends a bar may come alone; a printed empty line stays.
    gone = not text.strip() and (text != output.text or output.name == "stderr")
    return None if gone else nbformat.from_dict({**output, "text": text})


def without_widget_view(output: NotebookNode) -> NotebookNode | None:
    """Take out a widget view; return None where only its text form would be left."""
    if cells.WIDGET_VIEW not in output.get("data", {}):
        return output
    data = {mime: value for mime, value in output.data.items() if mime != cells.WIDGET_VIEW}
    return nbformat.from_dict({**output, "data": data}) if set(data) - {"text/plain"} else None


# ---------------------------------------------------------------- executing


class ThisPython(AsyncKernelManager):
    """Starts this very interpreter, whatever kernels are installed."""

    @property
    def kernel_spec(self) -> KernelSpec:
        """How to start it."""
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        quiet = "--log-level=ERROR"  # else newer kernels warn that loopback is not encrypted
        return KernelSpec(argv=[*command, quiet], display_name="Python 3", language="python")


def kernel_environment(private: str, draft: bool = False) -> dict[str, str]:
    """Return the environment of the kernels: no profile, no network, no settings of nstkit but one.

    Args:
        private: The folder that IPython takes for its own.
        draft: Whether `nstkit.lesson.size` gives small pictures.
    """
    env = {name: value for name, value in os.environ.items() if not name.startswith("NSTKIT")}
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        env[name] = env[name.upper()] = "http://127.0.0.1:9"  # nobody listens there
    env.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # kernels that run side by side share the cores
    small = {"NSTKIT_DRAFT": "1"} if draft else {}
    return {**env, **small, "IPYTHONDIR": private, "no_proxy": "localhost,127.0.0.1"}


def execute(nb: NotebookNode, folder: Path, timeout: int, draft: bool = False) -> dict[int, float]:
    """Execute a notebook, which takes up the outputs, and return the seconds of each cell.

    Args:
        nb: The notebook; it is changed.
        folder: Where its kernel works.
        timeout: Seconds that a cell may take.
        draft: Whether it paints small pictures.

    Raises:
        NotebookError: A cell raised an exception or took too long, or the kernel died.
    """
    began: dict[int, float] = {}
    seconds: dict[int, float] = {}

    def start(cell: NotebookNode, cell_index: int) -> None:
        began[cell_index] = time.perf_counter()

    def done(cell: NotebookNode, cell_index: int, execute_reply: dict) -> None:
        seconds[cell_index] = time.perf_counter() - began[cell_index]

    with tempfile.TemporaryDirectory() as private:
        client = NotebookClient(
            nb,
            kernel_manager_class=ThisPython,
            timeout=timeout,
            record_timing=False,
            store_widget_state=False,
            resources={"metadata": {"path": str(folder)}},
            on_cell_execute=start,
            on_cell_executed=done,
        )
        try:
            client.execute(env=kernel_environment(private, draft))
        except (CellExecutionError, CellControlSignal, DeadKernelError) as error:
            tail = ANSI.sub("", str(error)).strip().splitlines()[-8:]
            raise NotebookError("\n    ".join([f"cell {max(began, default=0)}:", *tail])) from None
    return seconds


def machine_names() -> list[str]:
    """Return what would give this machine away in an output."""
    names = [str(Path.home()), str(cells.ROOT), sys.prefix, sysconfig.get_path("purelib")]
    host = socket.gethostname()
    # A host called like a common word, such as "laptop", is no secret.
    names += [host] if re.search(r"[\d.-]", host) else []
    return [name for name in names if len(name) > 3]


def output_findings(nb: NotebookNode, path: Path) -> list[str]:
    """Return what is wrong with the outputs of an executed notebook, at any size of pictures."""
    return [
        *rules.nothing_failed(nb, path),
        *rules.no_machine_paths(nb, path, machine_names()),
    ]


def solved(nb: NotebookNode) -> list[NotebookNode]:
    """Return the cells of the exercises, each with its folded solution in place of its stub."""
    answers = []
    for index, cell, number in cells.tagged(nb, cells.EXERCISE):
        solution = cells.solution(cells.text_after(nb, index))
        if not solution:
            raise NotebookError(f"cell {index}: exercise {number} has no solution after it")
        answer = copy.deepcopy(cell)
        answer.source = f"{solution}\n\n{cell.source.strip().splitlines()[-1]}"
        answers.append(answer)
    return answers


MOVE = """
for _control in _panel.children[0].children:
    for _option in _control.options:
        _control.value = _option
        assert "Error" not in _panel.children[2].value, (_control.description, _option)
"""


def moved(nb: NotebookNode) -> list[NotebookNode]:
    """Return cells that make the notebook's panels again and move each control through all."""
    found = []
    for _, cell in cells.code_cells(nb):
        if "explore(" in cell.source:
            panel = ast.parse(cell.source).body[-1].lineno - 1
            lines = cell.source.splitlines()
            lines[panel] = f"_panel = {lines[panel]}"
            found.append(nbformat.v4.new_code_cell("\n".join(lines) + MOVE))
    return found


def unsolved(nb: NotebookNode) -> Iterator[str]:
    """Yield the exercises whose check does not say that the answer is right."""
    for _, cell, number in cells.tagged(nb, cells.EXERCISE):
        told = "\n".join(map(cells.output_text, cell.outputs))
        if f"✓ {number}" not in told:
            yield f"the solution of exercise {number} fails: {told.strip()}"


def missing_pictures(stored: NotebookNode, fresh: NotebookNode) -> Iterator[str]:
    """Yield the cells that have a stored picture and did not show one now."""
    for index, (before, now) in enumerate(zip(stored.cells, fresh.cells, strict=True)):
        if cells.has_picture(before) and not cells.has_picture(now):
            yield f"cell {index}: has a stored picture, and shows none now"


# ---------------------------------------------------------------- the three commands


def write(nb: NotebookNode, path: Path) -> None:
    """Replace a notebook file, completely or not at all."""
    write_whole(path, nbformat.writes(nb) + "\n")


def run(path: Path, timeout: int, check: bool = False) -> list[str]:
    """Execute one notebook, report on it, store it if that is all; return what is wrong."""
    stored = nbformat.read(path, as_version=4)
    began = time.perf_counter()
    fresh, answers = copy.deepcopy(stored), []
    try:
        # At the end and in the same kernel: the notebook has done without them.
        answers = solved(stored) if check else []
        fresh.cells += [*answers, *(moved(stored) if check else [])]
        seconds = execute(fresh, path.resolve().parent, timeout, draft=check)
    except NotebookError as error:
        return [str(error)]
    fresh.cells = fresh.cells[: len(stored.cells)]
    fresh = clean(fresh)
    report(fresh, path, seconds, time.perf_counter() - began)
    findings = output_findings(fresh, path)
    if check:
        lint, pictures = rules.lint(stored, path), missing_pictures(stored, fresh)
        return [*findings, *lint, *pictures, *unsolved(nbformat.from_dict({"cells": answers}))]
    findings += rules.file_is_small(fresh, path)  # of a draft, the bytes say nothing
    refused = path.with_suffix(".ipynb.refused")
    if findings:
        write(fresh, refused)
        print(f"  kept to look at: {refused.name}")
        return findings
    refused.unlink(missing_ok=True)
    fresh.metadata["nstkit"] = {"code": cells.code_digest(fresh)}
    write(fresh, path)
    for finding in rules.lint(fresh, path):
        print(f"  still to do: {finding}")
    return []


def run_all(
    paths: list[Path], timeout: int, check: bool, jobs: int
) -> list[tuple[Path, list[str]]]:
    """Execute notebooks, some at a time, and return what is wrong with each.

    Threads of one small picture wait for each other more than two pictures do.
    """
    if jobs == 1:
        return [(path, run(path, timeout, check)) for path in paths]
    threads = max((os.cpu_count() or 1) // jobs, 1)
    paths = longest_first(paths)
    with ProcessPoolExecutor(jobs, initializer=set_threads, initargs=(threads,)) as pool:
        found = pool.map(run, paths, [timeout] * len(paths), [check] * len(paths))
        return list(zip(paths, found, strict=True))


def longest_first(paths: list[Path]) -> list[Path]:
    """Sort notebooks by what they say they took, so that none is left to run alone at the end."""

    def took(path: Path) -> int:
        return max(map(int, TOOK.findall(path.read_text(encoding="utf-8"))), default=0)

    return sorted(paths, key=took, reverse=True)


def set_threads(count: int) -> None:
    """Let kernels that this process starts use so many threads."""
    os.environ["OMP_NUM_THREADS"] = str(count)


def report(nb: NotebookNode, path: Path, seconds: dict[int, float], total: float) -> None:
    """Print a line on a notebook, and one for each of its slow cells."""
    size = cells.stored_size(nb) / 1e6
    print(f"{path.name}: {total:.1f} s, {len(nb.cells)} cells, {size:.2f} MB", flush=True)
    for index, took in seconds.items():
        if took > SLOW and index < len(nb.cells):
            first_line = nb.cells[index].source.strip().splitlines()[0]
            print(f"  cell {index:3d} {took:7.1f} s  {first_line[:60]}")


def extract(path: Path, folder: Path) -> None:
    """Write the stored pictures of a notebook to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, cell in enumerate(nbformat.read(path, as_version=4).cells):
        stored = [(m, o) for o in cell.get("outputs", []) for m in cells.pictures(o)]
        for number, (mime, output) in enumerate(stored):
            suffix = SUFFIXES.get(mime, "." + mime.removeprefix("image/"))
            name = f"{path.stem.split('_')[0]}_cell{index:02d}_{number}{suffix}"
            value = output.data[mime]
            is_text = mime == "image/svg+xml"
            print(write_whole(folder / name, value if is_text else base64.b64decode(value)))


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line asks for all notebooks; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK")
    parser.add_argument("--check", action="store_true", help="paint small, change no file")
    parser.add_argument("--timeout", type=int, default=900, help="seconds a cell may take")
    parser.add_argument(
        "--jobs", type=int, default=1, help="notebooks at a time, which share the cores"
    )
    parser.add_argument("--extract", type=Path, metavar="DIR", help="write stored pictures there")
    options = parser.parse_args(arguments)
    paths = options.notebooks or rules.default_notebooks()
    if unknown := [str(path) for path in paths if not path.is_file()]:
        parser.error(f"no such notebook: {', '.join(unknown)}")
    if not paths:
        parser.error(f"no notebooks in {cells.ROOT / 'notebooks'}")
    began = time.perf_counter()
    if options.extract:
        for path in paths:
            extract(path, options.extract)
    found = [] if options.extract else run_all(paths, options.timeout, options.check, options.jobs)
    findings = [f"{path.name}: {finding}" for path, one in found for finding in one]
    for finding in findings:
        print("FAILED", finding)
    print(f"{len(paths)} notebooks, {len(findings)} findings, {time.perf_counter() - began:.1f} s")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
