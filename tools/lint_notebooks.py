#!/usr/bin/env python
"""Check stored notebooks against the rules of the course, without executing them.

Each rule is a function of a notebook and its path that yields one message for each finding. Cells
are counted from 0, as in ``nb.cells``.

    python tools/lint_notebooks.py [NOTEBOOK ...]
"""

from __future__ import annotations

import argparse
import base64
import io
import itertools
import re
import sys
import urllib.parse
from collections.abc import Iterable, Iterator
from pathlib import Path

import nbformat
from language_rules import LANGUAGE_RULES
from lesson_rules import LESSON_RULES
from nbformat import NotebookNode
from notebook_cells import (
    ROOT,
    WIDGET_VIEW,
    code_cells,
    code_digest,
    has_picture,
    markdown,
    output_text,
    outputs,
    pictures,
    stored_size,
)
from PIL import Image

MAX_BYTES = 2_800_000  # larger pictures are worth it, and a page still loads quickly
# "accelerator" gives a GPU in Colab; "nstkit" holds the digest of the code that was executed.
NOTEBOOK_METADATA = {"kernelspec", "language_info", "accelerator", "nstkit"}
CELL_METADATA = {"tags"}
PHOTO_COLORS = 20_000  # a chart has a few thousand colors at most, counting soft edges

MARKDOWN_IMAGE = re.compile(r"!\[([^\]]*)\]\(")
HTML_IMAGE = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
HTML_ALT = re.compile(r"""\balt=(["'])\s*\S.*?\1""", re.IGNORECASE)
TARGET = re.compile(r"""\]\(\s*<?([^)\s>]+)|\b(?:src|href)=["']([^"']+)""", re.IGNORECASE)
BADGE = re.compile(
    r"\]\(https://colab\.research\.google\.com/github/[\w.-]+/[\w.-]+/blob/[\w./-]+?/"
    r"(notebooks/[^)\s]+)\)"
)
HOME = re.compile(r"/(?:home|Users|root)/\w|\b[A-Za-z]:\\+Users\b")
ABSOLUTE_PATH = re.compile(r"(?<![\w.:/~<-])/(?:[\w.@+-]+/)+[\w.@+-]+|\b[A-Za-z]:\\+\w")
SHELL = re.compile(r"^\s*(?:!|%%(?:bash|sh|script)\b|%(?:pip|conda|sx|system)\b)", re.MULTILINE)
SILENCED = re.compile(r"(?:simplefilter|filterwarnings)\(\s*[\"']ignore[\"']\s*[),]")
VAGUE_ALT = re.compile(r"(?:(?:a|an|the|\d+)\s+)?(?:picture|image|figure|plot|chart)s?( in .*)?")


# ---------------------------------------------------------------- what may be stored


def outputs_are_stored(nb: NotebookNode, path: Path) -> Iterator[str]:
    """Readers on GitHub see what is stored, so something must be."""
    if not any(True for _ in outputs(nb)):
        yield "no stored outputs: execute it with tools/run_notebooks.py"


def nothing_failed(nb: NotebookNode, path: Path) -> Iterator[str]:
    """Neither exceptions nor anything on stderr is stored."""
    for index, output in outputs(nb):
        if output.output_type == "error":
            yield f"cell {index}: a stored {output.ename}: {output.evalue}"
        if output.get("name") == "stderr":
            yield f"cell {index}: stderr in the outputs: {output.text.strip()[-300:]}"


def cells_were_run_in_order(nb: NotebookNode, path: Path) -> Iterator[str]:
    """Execution counts are 1, 2, 3, ... as after Restart & Run All."""
    for number, (index, cell) in enumerate(code_cells(nb), start=1):
        if cell.get("execution_count") != number:
            yield f"cell {index}: execution count {cell.get('execution_count')}, expected {number}"


def outputs_are_of_this_code(nb: NotebookNode, path: Path) -> Iterator[str]:
    """Nobody edited a code cell after the notebook was executed."""
    stored = nb.metadata.get("nstkit", {}).get("code")
    if stored is None:
        yield "no digest of the code that was executed: execute it with tools/run_notebooks.py"
    elif stored != code_digest(nb):
        yield "the stored outputs belong to other code: execute it with tools/run_notebooks.py"


def metadata_is_clean(nb: NotebookNode, path: Path) -> Iterator[str]:
    """No widget state, timestamps or other traces of an editor are stored."""
    if extra := set(nb.metadata) - NOTEBOOK_METADATA:
        yield f"notebook metadata {sorted(extra)}"
    if nb.metadata.get("kernelspec", {}).get("name") != "python3":
        yield "the kernel is not called python3"
    for index, cell in enumerate(nb.cells):
        if extra := set(cell.metadata) - CELL_METADATA:
            yield f"cell {index}: metadata {sorted(extra)}"


def no_widget_views(nb: NotebookNode, path: Path) -> Iterator[str]:
    """A stored widget view shows nothing without its kernel."""
    for index, output in outputs(nb):
        if WIDGET_VIEW in output.get("data", {}):
            yield f"cell {index}: a widget view in the outputs"


def file_is_small(nb: NotebookNode, path: Path) -> Iterator[str]:
    """Larger notebooks are slow to open, and GitHub may refuse to show them."""
    if (size := stored_size(nb)) > MAX_BYTES:
        yield f"{size / 1e6:.2f} MB, at most {MAX_BYTES / 1e6} MB are allowed"


def pictures_have_alt_text(nb: NotebookNode, path: Path) -> Iterator[str]:
    """Each stored picture is described for those who do not see it."""
    for index, output in outputs(nb):
        for mime in pictures(output):
            alt = output.get("metadata", {}).get(mime, {}).get("alt", "").strip()
            if not alt:
                yield f"cell {index}: a picture without alt text"
            elif VAGUE_ALT.fullmatch(alt.lower()):
                yield f"cell {index}: alt text that tells nothing: {alt!r}"


def photographs_are_jpeg(nb: NotebookNode, path: Path) -> Iterator[str]:
    """As PNG, photographs take five times the space."""
    for index, output in outputs(nb):
        if data := output.get("data", {}).get("image/png"):
            with Image.open(io.BytesIO(base64.b64decode(data))) as image:
                if image.convert("RGBA").getcolors(PHOTO_COLORS) is None:
                    yield f"cell {index}: a photograph stored as PNG"


def no_machine_paths(nb: NotebookNode, path: Path, secrets: Iterable[str] = ()) -> Iterator[str]:
    """Nothing tells on which machine and in which folder the notebook was executed."""
    secret = re.compile("|".join(rf"(?<![\w-]){re.escape(s)}(?![\w-])" for s in secrets) or r"(?!)")
    for index, output in outputs(nb):
        text = output_text(output)
        if found := secret.search(text) or ABSOLUTE_PATH.search(text):
            yield f"cell {index}: its output holds {found[0]!r}"
    for index, cell in enumerate(nb.cells):
        if found := secret.search(cell.source) or HOME.search(cell.source):
            yield f"cell {index}: holds {found[0]!r}"


# ---------------------------------------------------------------- how it is written


def first_cell_is_title_and_badge(nb: NotebookNode, path: Path) -> Iterator[str]:
    """The first cell has the only H1, and a Colab badge that opens this very notebook."""
    first = nb.cells[0].source if nb.cells and nb.cells[0].cell_type == "markdown" else ""
    titles = [i for i, text in markdown(nb) for _ in re.findall(r"^# \S", text, re.MULTILINE)]
    if titles != [0]:
        yield f"H1 titles in cells {titles}, expected one in cell 0"
    badge = BADGE.search(first)
    if not badge or badge[1] != f"notebooks/{path.name}":
        yield f"cell 0: no Colab badge for notebooks/{path.name}"


def no_shell_outside_setup(nb: NotebookNode, path: Path) -> Iterator[str]:
    """Only the set-up cell may install anything."""
    for index, cell in code_cells(nb)[1:]:
        if found := SHELL.search(cell.source):
            yield f"cell {index}: {found[0].strip()!r} outside the set-up cell"


def warnings_are_not_silenced(nb: NotebookNode, path: Path) -> Iterator[str]:
    """Warnings are mended, not hidden from readers."""
    for index, cell in code_cells(nb):
        if SILENCED.search(cell.source):
            yield f"cell {index}: silences all warnings"


def figures_are_followed_by_text(nb: NotebookNode, path: Path) -> Iterator[str]:
    """After each figure stands what there is to notice."""
    kinds = [cell.cell_type for cell in nb.cells] + ["end"]
    for index, cell in enumerate(nb.cells):
        if has_picture(cell) and kinds[index + 1] != "markdown":
            yield f"cell {index}: no Markdown cell after the figure"


def markdown_images_have_alt_text(nb: NotebookNode, path: Path) -> Iterator[str]:
    """Each image in the text is described for those who do not see it."""
    for index, text in markdown(nb):
        bare = [alt for alt in MARKDOWN_IMAGE.findall(text) if not alt.strip()]
        bare += [tag for tag in HTML_IMAGE.findall(text) if not HTML_ALT.search(tag)]
        if bare:
            yield f"cell {index}: {len(bare)} images without alt text"


def links_lead_somewhere(nb: NotebookNode, path: Path) -> Iterator[str]:
    """Relative links and images name files that exist, in the folder of the notebooks.

    A Jupyter server does not serve what lies above its root, and its root may be this folder.
    """
    for index, text in markdown(nb):
        for target in (one or other for one, other in TARGET.findall(text)):
            address = urllib.parse.urlsplit(target)
            if address.scheme or address.netloc or not address.path:
                continue
            if address.path.startswith("../"):
                yield f"cell {index}: {target} lies above the folder of the notebooks"
            elif not (path.parent / urllib.parse.unquote(address.path)).exists():
                yield f"cell {index}: {target} does not exist"


def details_are_closed(nb: NotebookNode, path: Path) -> Iterator[str]:
    """Each cell closes the foldable parts that it opens; else the rest of the page folds too."""
    for index, text in markdown(nb):
        signs = [-1 if tag[1] == "/" else 1 for tag in re.findall(r"(?i)</?details\b", text)]
        if sum(signs) or min(itertools.accumulate(signs), default=0) < 0:
            yield f"cell {index}: <details> and </details> do not match"


def folds_look_right(nb: NotebookNode, path: Path) -> Iterator[str]:
    """A summary is HTML, where Markdown's signs stay as they are; and a fold has no room below it.

    So code in a summary is ``<code>``, and a line stands between a fold and "Next:".
    """
    cells = [(index, cell.source) for index, cell in enumerate(nb.cells)]
    for index, text in [pair for pair in cells if nb.cells[pair[0]].cell_type == "markdown"]:
        for summary in re.findall(r"<summary>(.*?)</summary>", text, re.DOTALL):
            if "`" in summary or "**" in summary:
                yield f"cell {index}: Markdown in a summary: {summary.strip()}"
        if re.search(r"</details>\s+\*\*Next:", text):
            yield f"cell {index}: 'Next:' sticks to the fold before it; put --- between them"


RULES = (
    outputs_are_stored,
    nothing_failed,
    no_machine_paths,
    file_is_small,
    cells_were_run_in_order,
    outputs_are_of_this_code,
    metadata_is_clean,
    no_widget_views,
    pictures_have_alt_text,
    photographs_are_jpeg,
    first_cell_is_title_and_badge,
    no_shell_outside_setup,
    warnings_are_not_silenced,
    figures_are_followed_by_text,
    markdown_images_have_alt_text,
    links_lead_somewhere,
    details_are_closed,
    folds_look_right,
    *LESSON_RULES,
    *LANGUAGE_RULES,
)


def lint(nb: NotebookNode, path: Path) -> list[str]:
    """Return the findings of all rules; empty if the notebook is as it should be."""
    return [finding for rule in RULES for finding in rule(nb, path)]


def default_notebooks() -> list[Path]:
    """Return the notebooks of the course in reading order."""
    return sorted((ROOT / "notebooks").glob("*.ipynb"))


def main(arguments: list[str] | None = None) -> int:
    """Lint the given notebooks, or all; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK")
    paths = parser.parse_args(arguments).notebooks or default_notebooks()
    count = 0
    for path in paths:
        for finding in lint(nbformat.read(path, as_version=4), path):
            print(f"{path.name}: {finding}")
            count += 1
    print(f"{len(paths)} notebooks, {count} findings")
    return 1 if count or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
