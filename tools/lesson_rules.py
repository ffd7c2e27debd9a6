"""How a lesson, any notebook but the first, is built: rules for its parts, exercises and widget.

Each rule is a function of a notebook and its path that yields one message for each finding, as in
lint_notebooks.py. How long a lesson may be, and how it is written, language_rules.py says.
"""

from __future__ import annotations

import dis
import re
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

from nbformat import NotebookNode
from notebook_cells import (
    DEFINES,
    EXERCISE,
    Rule,
    code_cells,
    collector,
    has_picture,
    markdown,
    output_text,
    solution,
    tagged,
    text_after,
)

LESSON_RULES: list[Rule] = []
of_lessons = collector(LESSON_RULES, lambda path: not path.name.startswith("00_"))
of_all = collector(LESSON_RULES)

PARTS = (  # each in this order
    r"^\*\*What you will learn\*\*",
    r"^\*\*What you need:\*\*",
    r"^\*\*How long it runs:\*\*",
    r"^## When it goes wrong",
    r"^## Summary",
    r"^## Check yourself",
    r"^## Open task",
    r"^\*\*Next:\*\*",
    r"^\*\*Sources\.\*\*",
)
WIDGET = re.compile(r"explore\(|\A(?:studio|panel)\Z")  # a panel, or one that shows itself
DRAWN = re.compile(r"^lesson\.(?:diagram|still)\(", re.MULTILINE)  # it explains itself
PICTURE = re.compile(r"!\[[^\]]*\]\((?!https://colab\.)|<img\b", re.IGNORECASE)  # but no badge
DRAWS, SEED = re.compile(r"torch\.(?:rand\w*|normal)\("), re.compile(r"manual_seed\(|seed=")


def prose(nb: NotebookNode) -> str:
    """Return all Markdown, without code."""
    return "\n\n".join(text for _, text in markdown(nb))


@of_lessons
def it_has_all_parts(nb: NotebookNode, path: Path) -> Iterator[str]:
    """Readers find the same parts in the same order everywhere."""
    at = 0
    for part in PARTS:
        if found := re.compile(part, re.MULTILINE).search(prose(nb), at):
            at = found.end()
        else:
            yield f"no part {part!r} in its place"
    if not re.search(r"^\*\*[^*\n]{20,}\*\*", nb.cells[0].source, re.MULTILINE):
        yield "cell 0: expected the claim as a bold sentence"


@of_all
def the_opening_gives_nothing_away(nb: NotebookNode, path: Path) -> Iterator[str]:
    """A picture of the result above the predictions would answer them."""
    if PICTURE.search(nb.cells[0].source):
        yield "cell 0: no picture, for readers are asked to predict what comes"


@of_all
def pictures_reach_colab(nb: NotebookNode, path: Path) -> Iterator[str]:
    """Colab opens a notebook without its folder, where a relative picture in the text is missing.

    So pictures are outputs of cells, or have an address.
    """
    for index, text in markdown(nb):
        for target in re.findall(r"!\[[^\]]*\]\(([^)\s]+)|<img\b[^>]*\bsrc=[\"']([^\"']+)", text):
            if not re.match(r"https?://", "".join(target)):
                yield f"cell {index}: Colab does not show {''.join(target)}; let a cell show it"


@of_all
def it_says_where_we_are(nb: NotebookNode, path: Path) -> Iterator[str]:
    """The first code cell after the set-up ends with the strip that marks this lesson."""
    strip = f'lesson.diagram("here_{path.name[:2]}")'
    after = [cell for _, cell in code_cells(nb)][1:2]
    if not (after and after[0].source.strip().splitlines()[-1] == strip and has_picture(after[0])):
        yield f"the first code cell after the set-up does not end with {strip}, or shows nothing"


@of_lessons
def figures_are_explained(nb: NotebookNode, path: Path) -> Iterator[str]:
    """The cell after each figure says what to notice in it; diagrams and stills need no such."""
    for index, cell in enumerate(nb.cells):
        explained = "**What to notice" in text_after(nb, index) or WIDGET.search(cell.source)
        if has_picture(cell) and not (explained or DRAWN.search(cell.source)):
            yield f"cell {index}: no **What to notice.** after the figure"


@of_lessons
def definitions_are_checked(nb: NotebookNode, path: Path) -> Iterator[str]:
    """The next code cell compares what is written from scratch with what is known."""
    code = dict(code_cells(nb))
    defined = list(tagged(nb, DEFINES))
    if not defined:
        yield "no cell is tagged defines:<name>"
    for index, cell, name in defined:
        if f"def {name}(" not in cell.source:
            yield f"cell {index}: does not define {name}"
        following = next((later for later in code if later > index), None)
        if following is None or "assert" not in code[following].source:
            yield f"cell {index}: the next code cell does not check {name} by an assert"


@of_lessons
def exercises_are_complete(nb: NotebookNode, path: Path) -> Iterator[str]:
    """Each has a heading, a stub with an instant check, hints, and a solution with a warning."""
    found = list(tagged(nb, EXERCISE))
    if not found:
        yield "no cell is tagged exercise:<number>"
    for number, (index, cell, name) in enumerate(found, start=1):
        if name != f"{int(path.name[:2])}.{number}":
            yield f"cell {index}: exercise {name}, expected number {number} of this notebook"
        if not re.search(
            rf"^## Exercise {name}: .+ \([●○]{{3}}, \d+ min\)$", prose(nb), re.MULTILINE
        ):
            yield f"cell {index}: no heading '## Exercise {name}: ... (●●○, 10 min)'"
        lines = cell.source.strip().splitlines()
        if not lines[-1].startswith(f'nstkit.checks.check("{name}", '):
            yield f"cell {index}: its last line does not check exercise {name}"
        if not any(f"○ {name} not attempted" in output_text(o) for o in cell.get("outputs", [])):
            yield f"cell {index}: the stored check does not say 'not attempted'"
        text = text_after(nb, index)
        if "<summary>Hint" not in text or not solution(text) or "ommon mistake" not in text:
            yield f"cell {index}: no hint, solution (one code block) and common mistake after it"


@of_lessons
def a_widget_has_tasks_and_a_still_figure(nb: NotebookNode, path: Path) -> Iterator[str]:
    """GitHub shows no widget, so it leaves frames or follows a figure; playing needs a question."""
    code = code_cells(nb)
    for n in (n for n, (_, cell) in enumerate(code) if WIDGET.search(cell.source)):
        index = code[n][0]
        if not has_picture(code[n][1]) and not has_picture(code[n - 1][1]):
            yield f"cell {index}: no figure for readers without a kernel, in it or before it"
        text = text_after(nb, index)
        if not re.search(r"^1\. ", text, re.MULTILINE) or "<details>" not in text:
            yield f"cell {index}: no numbered tasks with folded answers after the widget"


@of_all
def panels_leave_frames(nb: NotebookNode, path: Path) -> Iterator[str]:
    """People who only read can answer a panel's tasks from what it leaves."""
    for index, cell in code_cells(nb):
        if "explore(" in cell.source and not has_picture(cell):
            yield f"cell {index}: the panel leaves no frames=, so its tasks need a kernel"


def compiled(source: str) -> CodeType:
    """Return the code of a cell, or none of it where IPython must read it first."""
    try:
        return compile(source, "cell", "exec")
    except SyntaxError:
        return compile("", "cell", "exec")


def named(code: CodeType, *operations: str) -> set[str]:
    """Return the names that these operations of some code get, without its inner functions."""
    return {op.argval for op in dis.get_instructions(code) if op.opname in operations}


def inner(code: CodeType) -> list[CodeType]:
    """Return the functions that some code makes."""
    return [part for part in code.co_consts if isinstance(part, CodeType)]


def globals_of(code: CodeType) -> set[str]:
    """Return the global names that a function reads, with those of its inner functions."""
    return named(code, "LOAD_GLOBAL").union(*map(globals_of, inner(code)))


def needed(names: set[str], functions: dict[str, set[str]]) -> set[str]:
    """Return names with all that they read, where functions says which globals a name reads."""
    found: set[str] = set()
    while names:
        found |= names
        names = set().union(*(functions.get(name, ()) for name in names)) - found
    return found


@of_all
def panels_keep_what_they_read(nb: NotebookNode, path: Path) -> Iterator[str]:
    """A reader moves a panel after all cells have run, so no later cell may change its names."""
    cells = [(index, cell.source, compiled(cell.source)) for index, cell in code_cells(nb)]
    functions: dict[str, set[str]] = {}
    for n, (index, source, code) in enumerate(cells):
        functions |= {part.co_name: globals_of(part) for part in inner(code)}
        for shown in re.findall(r"explore\(\s*(\w+)", source):
            reads = needed({"<lambda>" if shown == "lambda" else shown}, functions)
            for later, _, other in cells[n + 1 :]:
                for name in sorted(reads & named(other, "STORE_NAME", "DELETE_NAME")):
                    yield f"cell {later}: changes {name}, which the panel of cell {index} reads"


@of_lessons
def questions_have_folded_answers(nb: NotebookNode, path: Path) -> Iterator[str]:
    """Readers can test themselves at the end."""
    text = prose(nb).partition("## Check yourself")[2]
    if "<details>" not in text:
        yield "no question with a folded answer under 'Check yourself'"


@of_lessons
def random_numbers_have_a_seed(nb: NotebookNode, path: Path) -> Iterator[str]:
    """What is drawn is the same at the next run, in whatever order the cells are run."""
    for index, cell in code_cells(nb):
        if DRAWS.search(cell.source) and not SEED.search(cell.source):
            yield f"cell {index}: draws random numbers without naming a seed"


@of_lessons
def it_ends_with_the_time_it_took(nb: NotebookNode, path: Path) -> Iterator[str]:
    """The last cell says how long the notebook took, and on what."""
    if "colophon(began)" not in nb.cells[-1].source:
        yield "the last cell does not print lesson.colophon(began)"
