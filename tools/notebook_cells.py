"""Read what the rules, the tools and the tests want to know of a notebook's cells."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path

from nbformat import NotebookNode

Rule = Callable[[NotebookNode, Path], Iterator[str]]
ROOT = Path(__file__).resolve().parents[1]
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
DEFINES, EXERCISE = "defines:", "exercise:"  # what such tags begin with; a name or number follows
CODE_SPAN = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
SOLUTION = re.compile(r"<summary>Solution</summary>(.*?)</details>", re.DOTALL)
PYTHON = re.compile(r"```python\n(.*?)\n```", re.DOTALL)
ADDRESS = re.compile(r'^REPOSITORY = "[^"\n]*"', re.MULTILINE)  # in the set-up cell, the first one


def collector(
    rules: list[Rule], applies: Callable[[Path], bool] = lambda path: True
) -> Callable[[Rule], Rule]:
    """Return a decorator that adds a rule to a list, and makes it pass over other notebooks.

    Args:
        rules: takes up the rules.
        applies: says of a notebook's path whether the rules hold for it; by default for all.
    """

    def collect(rule: Rule) -> Rule:
        @wraps(rule)
        def only(nb: NotebookNode, path: Path) -> Iterator[str]:
            if applies(path):
                yield from rule(nb, path)

        rules.append(only)
        return only

    return collect


def code_cells(nb: NotebookNode) -> list[tuple[int, NotebookNode]]:
    """Return index and cell of each code cell that holds any code."""
    return [(i, c) for i, c in enumerate(nb.cells) if c.cell_type == "code" and c.source.strip()]


def code_digest(nb: NotebookNode) -> str:
    """Return a digest of all code, in order: other code has another one.

    Markdown does not count. Nor does the repository's address in the set-up cell, because
    tools/set_repo.py writes it into notebooks that were executed before.
    """
    sources = [cell.source for cell in nb.cells if cell.cell_type == "code"]
    sources[:1] = [ADDRESS.sub("", source) for source in sources[:1]]
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()


def markdown(nb: NotebookNode) -> Iterator[tuple[int, str]]:
    """Yield index and text of each Markdown cell, with code taken out."""
    for index, cell in enumerate(nb.cells):
        if cell.cell_type == "markdown":
            yield index, CODE_SPAN.sub("", cell.source)


def outputs(nb: NotebookNode) -> Iterator[tuple[int, NotebookNode]]:
    """Yield cell index and output of each stored output."""
    for index, cell in enumerate(nb.cells):
        for output in cell.get("outputs", []):
            yield index, output


def pictures(output: NotebookNode) -> list[str]:
    """Return the image types that an output holds."""
    return [mime for mime in output.get("data", {}) if mime.startswith("image/")]


def has_picture(cell: NotebookNode) -> bool:
    """Return whether a cell has a picture among its outputs."""
    return any(pictures(output) for output in cell.get("outputs", []))


def output_text(output: NotebookNode) -> str:
    """Return all that can be read in an output: printed text, text forms and descriptions."""
    parts = [output.get("text", ""), *output.get("traceback", [])]
    parts += [str(v) for mime, v in output.get("data", {}).items() if not mime.startswith("image/")]
    return "\n".join([*parts, str(output.get("metadata", {}))])


def stored_size(nb: NotebookNode) -> int:
    """Return how many bytes a notebook takes as a file, nearly."""
    return len(json.dumps(nb, indent=1, ensure_ascii=False).encode())


def tagged(nb: NotebookNode, prefix: str) -> Iterator[tuple[int, NotebookNode, str]]:
    """Yield index, cell and the rest of the tag for each code cell with a tag that begins so."""
    for index, cell in enumerate(nb.cells):
        for tag in cell.metadata.get("tags", []):
            if cell.cell_type == "code" and tag.startswith(prefix):
                yield index, cell, tag.removeprefix(prefix)


def text_after(nb: NotebookNode, index: int) -> str:
    """Return the Markdown cell that follows a cell; empty if none does."""
    following = nb.cells[index + 1 : index + 2]
    return following[0].source if following and following[0].cell_type == "markdown" else ""


def solution(text: str) -> str:
    """Return the code of the folded solution in a Markdown cell; empty unless it is one block."""
    blocks = [block for fold in SOLUTION.findall(text) for block in PYTHON.findall(fold)]
    return blocks[0] if len(blocks) == 1 else ""
