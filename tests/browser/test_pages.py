"""Every notebook as it is stored, and the panel of every lesson in use, in JupyterLab."""

from __future__ import annotations

import copy
import re
import symtable
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
import lint_notebooks
import notebook_cells
import run_notebooks

pytestmark = pytest.mark.browser

ALL = [path.stem for path in lint_notebooks.default_notebooks()]
# All panels are moved by `tools/run_notebooks.py --check`; here are those that need least before.
LESSONS = [stem for stem in ALL if stem[:2] in ("06", "12")]
PANEL = "explore("
STEP = 60_000  # ms that a few steps of 384 px may take on a busy machine without bfloat16 units
# What is read as text: code may hold any sign, and a typeset formula holds its source.
PROSE = """nodes => nodes.map(node => {
  const copy = node.cloneNode(true);
  copy.querySelectorAll('code, mjx-container').forEach(part => part.remove());
  return copy.textContent; }).join('\\n')"""


# ---------------------------------------------------------------- as stored


@pytest.fixture(params=ALL)
def book(request, open_notebook):
    """A notebook as it is stored."""
    return open_notebook(request.param)


def test_the_stored_page_is_complete_before_anything_runs(book):
    check_pictures(book)
    check_formulas(book)
    check_folds(book)
    assert book.failures() == []


def prose(book) -> str:
    """Return the Markdown of a notebook, without its code."""
    text = "\n".join("".join(c["source"]) for c in book.cells() if c["cell_type"] == "markdown")
    return re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL)


def check_pictures(book) -> None:
    """Look for pictures that are not drawn, or have no text in their place."""
    book.check_pictures()
    written = book.images(".jp-MarkdownOutput img")
    assert written and not [image for image in written if not image["pixels"] or not image["alt"]]
    # JupyterLab 4.6 ignores the alt text of outputs; other viewers, and later ones, do not.
    for output in book.outputs():
        for mime in output.get("data", {}):
            if mime.startswith("image/"):
                assert output["metadata"][mime]["alt"]


def check_formulas(book) -> None:
    """Look for formulas that are not typeset, or are wrong."""
    count = len(re.findall(r"\$\$.+?\$\$|\$[^$\n]+\$", prose(book), flags=re.DOTALL))
    assert count > 0
    expect(book.page.locator(".jp-MarkdownOutput mjx-container")).to_have_count(count)
    expect(book.page.locator("mjx-merror, [data-mjx-error]")).to_have_count(0)


def check_folds(book) -> None:
    """Unfold each hint and solution, and look for raw Markdown."""
    details = book.page.locator(".jp-MarkdownOutput details")
    assert details.count() == prose(book).count("<details>") > 0
    for fold in details.all():
        inside = fold.locator("xpath=./*[not(self::summary)]").first
        expect(inside).to_be_hidden()
        fold.locator("summary").click()
        expect(inside).to_be_visible()
    shown = book.page.locator(".jp-MarkdownOutput").evaluate_all(PROSE)
    assert not re.findall(r"\$|\\[a-z]+|</?\w+>|\*\*|```", shown)


# ---------------------------------------------------------------- the panel, and what it needs


def names(source: str) -> tuple[set[str], set[str]]:
    """Return the names of the notebook that a cell reads, also in its functions, and makes."""
    plain = re.sub(r"^(\s*)%.*", r"\1pass", source, flags=re.MULTILINE)
    top = symtable.symtable(plain, "cell", "exec")
    made = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()}
    read, scopes = set(), [top]
    while scopes:
        scope = scopes.pop()
        scopes += scope.get_children()
        inside = scope is not top
        read |= {
            s.get_name()
            for s in scope.get_symbols()
            if s.is_referenced() and (s.is_global() or not inside)
        }
    return read, made


def is_panel(source: str) -> bool:
    return PANEL in source or source.strip() == "studio"


def with_panel_only(nb):
    """Keep of the code cells the panel's, the first exercise's, solved, and what they need.

    `tools/run_notebooks.py --check` executes all cells, and solves all exercises.
    """
    nb = copy.deepcopy(nb)
    index, _, _ = next(notebook_cells.tagged(nb, notebook_cells.EXERCISE))
    nb.cells[index] = run_notebooks.solved(nb)[0]
    code = dict(notebook_cells.code_cells(nb))
    todo = [index, *(i for i, cell in code.items() if is_panel(cell.source))]
    needed = {min(code)}  # the set-up
    while todo:
        needed.add(last := todo.pop())
        for name in names(code[last].source)[0]:
            makers = [i for i in code if i < last and name in names(code[i].source)[1]]
            todo += {*makers[-1:]} - needed
    kept = [c for i, c in enumerate(nb.cells) if c.cell_type != "code" or i in needed]
    nb.cells = kept
    return nb


def controls(panel: Locator) -> list[Locator]:
    """Return the menus, but for those of one choice, and the handles of the sliders of a panel."""
    menus = panel.locator("select:has(option:nth-of-type(2))")
    return [*menus.all(), *panel.locator(".noUi-handle").all()]


def move(control: Locator) -> None:
    """Choose the last option of a menu, or move a slider by one."""
    if control.evaluate("node => node.tagName") == "SELECT":
        control.select_option(index=control.locator("option").count() - 1)
    else:
        control.focus()
        control.press("ArrowRight")


def use_panel(book, stem: str) -> None:
    """Move each control of the panel of a lesson; the picture follows."""
    panel = book.cell(book.find(PANEL)).locator(".jp-OutputArea")
    panel.scroll_into_view_if_needed()
    image = panel.locator("img.jupyter-widgets")
    expect(image).to_be_visible()
    assert (shown := controls(panel))
    for control in shown:
        before = image.get_attribute("src")
        move(control)
        expect(image).not_to_have_attribute("src", before)
    assert image.evaluate("node => node.naturalWidth") > 100
    expect(panel).not_to_contain_text("Error")
    book.shot(f"panel_{stem}")  # for whoever wants to look


def use_studio(book, cell: int) -> None:
    """Press play and move beta: the painting of the notebook goes on under the new weight."""
    panel = book.cell(cell).locator(".nstkit-studio")
    status, beta = panel.locator(".nstkit-status"), panel.locator(".nstkit-beta .noUi-handle")
    panel.scroll_into_view_if_needed()
    before, painted = status.inner_text(), panel.locator("img.nstkit-picture").get_attribute("src")
    panel.locator(".nstkit-play button").first.click()
    expect(status).to_contain_text("steps/s", timeout=STEP)
    beta.focus()
    beta.press("End")
    expect(status).to_contain_text("β/α = 10000", timeout=STEP)
    expect(panel.locator("img.nstkit-picture")).not_to_have_attribute("src", painted, timeout=STEP)
    panel.locator(".nstkit-play button").first.click()
    expect(status).to_contain_text("paused", timeout=STEP)
    steps = [int(re.search(r"step (\d+)", text)[1]) for text in (before, status.inner_text())]
    assert steps[0] < steps[1]
    expect(panel.locator(".nstkit-message")).to_have_text("")
    book.shot("panel_studio")


@pytest.mark.parametrize("stem", LESSONS)
def test_the_panel_of_a_lesson_answers_and_an_exercise_is_checked(open_notebook, stem):
    book = open_notebook(stem, change=with_panel_only)
    stored = book.cells_with_pictures()
    book.clear_outputs()

    book.run_all(timeout=900)

    assert book.failures() == []
    assert book.cells_with_pictures() == stored
    book.check_pictures()
    told = "\n".join(str(o.get("data", {}).get("text/plain")) for o in book.outputs())
    assert len(re.findall(r"✓ \d+\.\d: right", told)) == 1

    sources = ["".join(cell["source"]) for cell in book.cells()]
    if any(PANEL in source for source in sources):
        use_panel(book, stem)
    else:
        use_studio(book, sources.index("studio"))
