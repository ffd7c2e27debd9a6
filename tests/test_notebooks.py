"""The stored notebooks keep the rules of the course, and each rule catches what it is for."""

import base64
import copy
import io
import sys
from functools import cache
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))
import lint_notebooks as rules
from language_rules import odd_words

ROOT = Path(__file__).parents[1]
NOTEBOOKS = rules.default_notebooks()


RULES = {rule.__name__: rule for rule in rules.RULES}


def test_there_are_notebooks():
    assert NOTEBOOKS, "no notebooks found"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_stored_notebook_is_as_it_should_be(path):
    nb = nbformat.read(path, as_version=4)
    nbformat.validate(nb)
    assert not rules.lint(nb, path)


# ------------------------------------------------------------------ a good notebook, and mutants

DOCS = sorted(
    str(page.relative_to(ROOT))
    for page in (ROOT / "docs").rglob("*.md")
    if "_build" not in page.parts
)
PATH = ROOT / "notebooks" / "07_example.ipynb"  # need not exist
BADGE = (
    "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
    "(https://colab.research.google.com/github/OWNER/NAME/blob/main/notebooks/07_example.ipynb)"
)
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def encoded(pixels: np.ndarray, kind: str) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format=kind)
    return base64.b64encode(file.getvalue()).decode()


@cache
def noise(kind: str = "jpeg") -> str:
    pixels = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    return encoded(pixels, kind)


def figure(mime: str = "image/jpeg", data: str | None = None, **metadata):
    data = data or noise()
    shown = {mime: data, "text/plain": "a cat becomes a wave"}
    metadata = metadata or {"alt": "a cat becomes a wave", "width": 900}
    return new_output("display_data", shown, metadata={mime: metadata})


OPENING = f"""# An example

{BADGE}

**What this notebook claims is told in one sentence.** With a [lesson](06_studio.ipynb).

**What you will learn**

**What you need:** nothing.

**How long it runs:** a minute.
"""
ENDING = "\n\n".join(
    ["## When it goes wrong", "## Summary", "## Check yourself"]
    + ["<details><summary>Why?</summary>Because.</details>"]
    + ["## Open task", "Paint four.", "**Next:** nothing.", "**Sources.** None."]
)
EXERCISE = """def answer():
    raise NotImplementedError

nstkit.checks.check("7.{0}", answer)"""
AFTER = """<details><summary>Hint 1</summary>think</details>
<details><summary>Solution</summary>

```python
def answer():
    return 1
```

The common mistake is another.

</details>"""
NOTICE = "**What to notice**\n\n- **A cat is a wave.** See its claws.\n- It has foam.\n"
TASKS = "1. Which?\n\n<details><summary>Answer</summary>That.</details>"


def exercise(number: int) -> list:
    verdict = new_output("execute_result", {"text/plain": f"○ 7.{number} not attempted yet"})
    stub = new_code_cell(EXERCISE.format(number), outputs=[verdict])
    stub.metadata["tags"] = [f"exercise:7.{number}"]
    heading = new_markdown_cell(f"## Exercise 7.{number}: an answer (●●○, 10 min)\n\nGive one.")
    return [heading, stub, new_markdown_cell(AFTER)]


def good():
    """Return a notebook without a finding; the mutants change its cells 0 to 7 by number."""
    definition = new_code_cell("def gram_matrix(f):\n    return f")
    definition.metadata["tags"] = ["defines:gram_matrix"]
    cells = [
        new_markdown_cell(OPENING),
        new_code_cell("%pip install -q nothing\nimport nstkit"),
        new_code_cell('import torch\n\nlesson.diagram("here_07")', outputs=[figure()]),
        new_markdown_cell(f"{NOTICE}\n![a cat](https://example.org/cat.jpg)\n"),
        new_code_cell("print(1)", outputs=[new_output("stream", text="1/2 m/s\n")]),
        new_markdown_cell(NOTICE),
        definition,
        new_code_cell("assert gram_matrix(1) == 1"),
    ]
    cells += [new_code_cell("show()", outputs=[figure()]), new_markdown_cell(NOTICE)]
    panel = new_code_cell("lesson.explore(show, frames=[{'n': 1}], n=[1, 2])", outputs=[figure()])
    cells += [panel, new_markdown_cell(TASKS)]
    cells += [cell for number in (1, 2) for cell in exercise(number)]
    cells += [new_markdown_cell(ENDING), new_code_cell("print(lesson.colophon(began))")]
    for number, cell in enumerate((c for c in cells if c.cell_type == "code"), start=1):
        cell.execution_count = number
    nb = copy.deepcopy(new_notebook(cells=cells, metadata=METADATA))
    nb.metadata["nstkit"] = {"code": rules.code_digest(nb)}
    return nb


def test_the_good_notebook_has_no_finding():
    nb = good()
    nbformat.validate(nb)
    assert rules.lint(nb, PATH) == []


def code(nb, source):
    nb.cells[4].source = source
    nb.metadata["nstkit"] = {"code": rules.code_digest(nb)}


def text(nb, source):
    nb.cells[3].source = f"{NOTICE}\n{source}"


def change(nb, old, new, cells=slice(None)):
    """Replace a text in all cells, at least once."""
    assert any(old in cell.source for cell in nb.cells[cells])
    for cell in nb.cells[cells]:
        cell.source = cell.source.replace(old, new)


def after_panel(nb, source):
    """Let the panel's function read gram_matrix, and put some code into the last cell."""
    change(
        nb, "def gram_matrix(f):", "def show(n):\n    return gram_matrix(n)\n\ndef gram_matrix(f):"
    )
    nb.cells[-1].source = f"{source}\n{nb.cells[-1].source}"


def find(nb, text):
    return next(cell for cell in nb.cells if text in cell.source)


def output(nb, *outputs):
    nb.cells[4].outputs = list(outputs)


def printed(nb, words, name="stdout"):
    output(nb, new_output("stream", text=words, name=name))


def without_outputs(nb):
    for cell in nb.cells:
        cell.pop("outputs", None)


def chart(colors: int = 256) -> np.ndarray:
    ramp = np.arange(colors, dtype=np.uint8)
    return np.stack([np.tile(ramp, (100, 1))] * 3, axis=-1)


MUTANTS = [
    ("outputs_are_stored", without_outputs),
    ("nothing_failed", lambda nb: printed(nb, "UserWarning: no", "stderr")),
    ("nothing_failed", lambda nb: output(nb, new_output("error", ename="E", evalue="v"))),
    ("no_machine_paths", lambda nb: printed(nb, "saved /srv/data/me/out.png")),
    ("no_machine_paths", lambda nb: printed(nb, "PosixPath('/srv/me/out.png')")),
    ("no_machine_paths", lambda nb: printed(nb, r"C:\data\out.png")),
    ("no_machine_paths", lambda nb: code(nb, "path = '/home/me/cat.jpg'")),
    ("no_machine_paths", lambda nb: output(nb, figure(alt="the file /srv/me/cat.jpg"))),
    ("file_is_small", lambda nb: printed(nb, "x" * 2_800_001)),
    ("cells_were_run_in_order", lambda nb: nb.cells[4].update(execution_count=None)),
    ("cells_were_run_in_order", lambda nb: nb.cells[1].update(execution_count=7)),
    ("outputs_are_of_this_code", lambda nb: nb.metadata.pop("nstkit")),
    ("outputs_are_of_this_code", lambda nb: nb.metadata.update(nstkit={"code": "0" * 64})),
    ("outputs_are_of_this_code", lambda nb: nb.cells[4].update(source="print(2)")),
    ("outputs_are_of_this_code", lambda nb: nb.cells.pop(4)),
    ("outputs_are_of_this_code", lambda nb: nb.cells.insert(4, nb.cells.pop(6))),
    ("metadata_is_clean", lambda nb: nb.metadata.update(widgets={"state": {}})),
    ("metadata_is_clean", lambda nb: nb.metadata.update(colab={"provenance": []})),
    ("metadata_is_clean", lambda nb: nb.metadata["kernelspec"].update(name="venv")),
    ("metadata_is_clean", lambda nb: nb.cells[1].metadata.update(execution={"iopub": 1})),
    (
        "no_widget_views",
        lambda nb: output(nb, new_output("display_data", {rules.WIDGET_VIEW: {"model_id": "1"}})),
    ),
    ("pictures_have_alt_text", lambda nb: nb.cells[2].outputs[0].update(metadata={})),
    ("pictures_have_alt_text", lambda nb: nb.cells[2].update(outputs=[figure(alt=" ")])),
    ("pictures_have_alt_text", lambda nb: nb.cells[2].update(outputs=[figure(alt="3 pictures")])),
    ("photographs_are_jpeg", lambda nb: output(nb, figure("image/png", noise("png"), alt="a b c"))),
    ("first_cell_is_title_and_badge", lambda nb: nb.cells[0].update(source=f"Hello\n{BADGE}")),
    ("first_cell_is_title_and_badge", lambda nb: text(nb, "# Another title")),
    ("first_cell_is_title_and_badge", lambda nb: nb.cells[0].update(source="# Title")),
    (
        "first_cell_is_title_and_badge",
        lambda nb: nb.cells[0].update(source="# Title\n" + BADGE.replace("07_", "08_")),
    ),
    ("no_shell_outside_setup", lambda nb: code(nb, "!ls")),
    ("no_shell_outside_setup", lambda nb: code(nb, "x = 1\n%pip install y")),
    ("no_shell_outside_setup", lambda nb: code(nb, "%%bash\nls")),
    ("warnings_are_not_silenced", lambda nb: code(nb, 'warnings.filterwarnings("ignore")')),
    ("warnings_are_not_silenced", lambda nb: code(nb, "warnings.simplefilter('ignore')")),
    ("figures_are_followed_by_text", lambda nb: nb.cells.insert(3, copy.deepcopy(nb.cells[4]))),
    (
        "figures_are_followed_by_text",
        lambda nb: nb.cells.append(copy.deepcopy(nb.cells[2])),
    ),
    ("markdown_images_have_alt_text", lambda nb: text(nb, "![](figures/cat.jpg)")),
    (
        "markdown_images_have_alt_text",
        lambda nb: text(nb, '<img src="figures/cat.jpg" alt="">'),
    ),
    ("links_lead_somewhere", lambda nb: text(nb, "[next](08_missing.ipynb)")),
    ("links_lead_somewhere", lambda nb: text(nb, "[credits](../CREDITS.md)")),
    ("links_lead_somewhere", lambda nb: text(nb, "![a castle](../docs/hero.jpg)")),
    ("links_lead_somewhere", lambda nb: text(nb, "![a cat](figures/dog.jpg)")),
    ("links_lead_somewhere", lambda nb: text(nb, '<img alt="a" src="missing.jpg">')),
    ("details_are_closed", lambda nb: text(nb, "<details><summary>Why?</summary>Because")),
    ("details_are_closed", lambda nb: text(nb, "</details> and <details>")),
    ("folds_look_right", lambda nb: text(nb, "<details><summary>`x`?</summary>y</details>")),
    (
        "folds_look_right",
        lambda nb: text(nb, "<details><summary>a</summary>b</details>\n\n**Next:**"),
    ),
    ("it_has_all_parts", lambda nb: change(nb, "## Summary", "## The end")),
    ("it_has_all_parts", lambda nb: change(nb, "## Open task", "## More")),
    ("it_has_all_parts", lambda nb: change(nb, "**How long it runs:**", "It runs")),
    ("it_has_all_parts", lambda nb: change(nb, "**What this", "What this", slice(1))),
    (
        "it_has_all_parts",
        lambda nb: change(nb, "## When it goes wrong\n\n## Summary", "## Summary"),
    ),
    (
        "the_opening_gives_nothing_away",
        lambda nb: change(nb, "**What you need", "![a wave](figures/cat.jpg)\n\n**What you need"),
    ),
    (
        "the_opening_gives_nothing_away",
        lambda nb: change(nb, "**What you need", '<img alt="a" src="x.jpg">\n\n**What you need'),
    ),
    ("pictures_reach_colab", lambda nb: text(nb, "![a castle](figures/cat.jpg)")),
    ("pictures_reach_colab", lambda nb: text(nb, '<img alt="a castle" src="figures/cat.jpg">')),
    ("it_says_where_we_are", lambda nb: change(nb, "here_07", "here_08")),
    ("it_says_where_we_are", lambda nb: change(nb, "lesson.diagram", "# lesson.diagram")),
    ("it_says_where_we_are", lambda nb: nb.cells[2].update(outputs=[])),
    ("it_says_where_we_are", lambda nb: nb.cells.insert(2, new_code_cell("show()"))),
    ("it_says_where_we_are", lambda nb: nb.update(cells=nb.cells[:2])),
    ("figures_are_explained", lambda nb: change(nb, "**What to notice**", "Look:", slice(9, 10))),
    ("definitions_are_checked", lambda nb: nb.cells[6].metadata.clear()),
    ("definitions_are_checked", lambda nb: change(nb, "def gram_matrix", "def gram")),
    ("definitions_are_checked", lambda nb: change(nb, "assert", "print")),
    ("exercises_are_complete", lambda nb: change(nb, "(●●○, 10 min)", "")),
    ("exercises_are_complete", lambda nb: change(nb, "nstkit.checks.check", "check")),
    ("exercises_are_complete", lambda nb: change(nb, "common mistake", "usual thing")),
    ("exercises_are_complete", lambda nb: change(nb, "Hint 1", "Help")),
    ("exercises_are_complete", lambda nb: change(nb, "```python", "```")),
    ("exercises_are_complete", lambda nb: change(nb, "return 1\n```", "x\n```\n```python\nx\n```")),
    ("exercises_are_complete", lambda nb: find(nb, 'check("7.2"').update(outputs=[])),
    ("exercises_are_complete", lambda nb: find(nb, 'check("7.1"').metadata.clear()),
    ("exercises_are_complete", lambda nb: nb.cells.extend(exercise(5))),
    ("exercises_are_complete", lambda nb: [cell.metadata.clear() for cell in nb.cells]),
    ("a_widget_has_tasks_and_a_still_figure", lambda nb: change(nb, "1. Which?", "Which?")),
    (
        "a_widget_has_tasks_and_a_still_figure",
        lambda nb: nb.cells.insert(5, new_code_cell("studio")),
    ),
    (
        "a_widget_has_tasks_and_a_still_figure",
        lambda nb: nb.cells.insert(5, new_code_cell("lesson.explore(f, n=[1])")),
    ),
    ("panels_leave_frames", lambda nb: find(nb, "explore(").update(outputs=[])),
    ("panels_keep_what_they_read", lambda nb: after_panel(nb, "show = 1")),
    ("panels_keep_what_they_read", lambda nb: after_panel(nb, "del gram_matrix")),
    ("panels_keep_what_they_read", lambda nb: after_panel(nb, "for show, n in []:\n    pass")),
    (
        "panels_keep_what_they_read",
        lambda nb: after_panel(nb, "try:\n    pass\nexcept ValueError as gram_matrix:\n    pass"),
    ),
    (
        "questions_have_folded_answers",
        lambda nb: nb.cells[-2].update(
            source=ENDING.replace("<details><summary>Why?</summary>Because.</details>", "Why?")
        ),
    ),
    ("random_numbers_have_a_seed", lambda nb: code(nb, "x = torch.rand(3)")),
    ("random_numbers_have_a_seed", lambda nb: code(nb, "x = torch.normal(0.0, 1.0, (3,))")),
    ("it_ends_with_the_time_it_took", lambda nb: change(nb, "colophon(began)", "x")),
    ("it_is_short", lambda nb: text(nb, "word " * 2500)),
    ("few_things_to_notice", lambda nb: change(nb, "- It has foam.", "- b\n- c\n- d")),
    ("few_things_to_notice", lambda nb: change(nb, "- **A cat", "**A cat")),
    ("few_things_to_notice", lambda nb: change(nb, "- **A cat is a wave.**", "- Claws.")),
    ("symbols_have_one_meaning", lambda nb: text(nb, "A step $x - \\lambda g$.")),
    ("symbols_have_one_meaning", lambda nb: text(nb, "Features $F^l$ and $F^{l}_{ij}$.")),
    ("symbols_have_one_meaning", lambda nb: text(nb, "$$L_\\text{style} = E_l$$")),
    ("symbols_have_one_meaning", lambda nb: text(nb, "$$\\mathcal{L}_{style} = E_l$$")),
    ("symbols_have_one_meaning", lambda nb: text(nb, "plus $\\epsilon$")),
    ("symbols_have_one_meaning", lambda nb: text(nb, "an angle $\\theta$")),
    ("words_are_plain", lambda nb: text(nb, "The slope at 0.")),
    ("words_are_plain", lambda nb: text(nb, "Compute it anew.")),
    ("words_are_plain", lambda nb: text(nb, "In family A it is weaker.")),
    ("words_are_plain", lambda nb: text(nb, "As notebook 04 shows.")),
]


@pytest.mark.parametrize(("rule", "spoil"), MUTANTS)
def test_each_rule_catches_what_it_is_for(rule, spoil):
    nb = good()
    spoil(nb)
    assert list(RULES[rule](nb, PATH))
    assert rules.lint(nb, PATH)


def test_every_rule_has_a_mutant():
    assert {rule for rule, _ in MUTANTS} == set(RULES)


@pytest.mark.parametrize(
    "spare",
    [
        lambda nb: printed(nb, "12.3 s/it, 256/192/3, https://example.org/a/b, ../images/a.jpg"),
        lambda nb: output(nb, figure("image/png", encoded(chart(), "png"), alt="a gray ramp")),
        lambda nb: code(nb, "x = not y\nassert x != 1"),
        lambda nb: code(nb, "with warnings.catch_warnings():\n    pass"),
        lambda nb: text(nb, "`![](nowhere.png)` and $G_{l,ij}$"),
        lambda nb: text(nb, "[a](https://example.org/x) [b](#part) [c](06_studio.ipynb#top)"),
        lambda nb: nb.cells[4].metadata.update(tags=["thumbnail"]),
        lambda nb: nb.cells[3].update(source="The route of the course."),
        lambda nb: nb.metadata.update(accelerator="GPU"),
        lambda nb: nb.cells.insert(6, new_markdown_cell("More words.")),
        lambda nb: text(nb, "![a cat of words](https://example.org/c.jpg) " + "word " * 2300),
        lambda nb: text(nb, "$$\\mathcal{L}_\\text{style} = \\sum_l w_l E_l$$ with $\\eta = 0.1$"),
        lambda nb: text(nb, "A castle stands in the corner. `slope(x)` is code."),
        lambda nb: code(nb, "torch.manual_seed(0)\nx = torch.rand(3)"),
        lambda nb: code(nb, "x = torch.rand(3, generator=torch.Generator().manual_seed(0))"),
    ],
)
def test_what_is_allowed_is_left_alone(spare):
    nb = good()
    spare(nb)
    if nb.cells[4].outputs and rules.has_picture(nb.cells[4]):
        assert nb.cells[5].cell_type == "markdown"
    assert rules.lint(nb, PATH) == []


@pytest.mark.parametrize(
    ("source", "explains_itself"),
    [
        ('lesson.diagram("gram")', True),
        ('lesson.still("studio")', True),
        ('show(lesson.still("studio"))', False),
        ("lesson.stills()", False),
    ],
)
def test_a_diagram_and_a_still_need_no_list_of_what_to_notice(source, explains_itself):
    nb = good()
    shown = new_code_cell(source, outputs=[figure()])
    nb.cells[8:10] = [shown, new_markdown_cell("This is the panel.")]
    assert list(RULES["figures_are_explained"](nb, PATH)) == (
        [] if explains_itself else ["cell 8: no **What to notice.** after the figure"]
    )


def test_a_still_shows_the_panel_to_readers_without_a_kernel():
    nb = good()
    still = new_code_cell('lesson.still("studio")', outputs=[figure()])
    nb.cells[10:11] = [still, new_markdown_cell("Here it is."), new_code_cell("studio")]
    assert not list(RULES["a_widget_has_tasks_and_a_still_figure"](nb, PATH))


def test_secrets_of_a_machine_are_found_as_whole_words_only():
    nb = good()
    printed(nb, "made on node-7 by hand")
    assert list(rules.no_machine_paths(nb, PATH, ["node-7"]))
    assert not list(rules.no_machine_paths(nb, PATH, ["node", "and"]))
    assert not list(rules.no_machine_paths(nb, PATH, []))


def test_the_digest_leaves_out_the_address_in_the_set_up_cell_and_nothing_else():
    def digest(*sources):
        return rules.code_digest(new_notebook(cells=[new_code_cell(s) for s in sources]))

    lines = 'import sys\nREPOSITORY = "{}"\nbegan = 1'
    mine, theirs = lines.format("OWNER/NAME"), lines.format("ada/art.kit")
    assert digest(mine, "1") == digest(theirs, "1")
    assert digest("1", mine) != digest("1", theirs)  # the set-up cell is the first
    assert digest(mine + "\n") != digest(mine)
    assert digest(mine, "1", "2") != digest(mine, "2", "1")
    assert digest(mine, "12") != digest(mine, "1", "2")


def test_the_command_prints_findings_and_fails(tmp_path, capsys):
    path = tmp_path / "07_example.ipynb"
    nb = good()
    printed(nb, "oh no", "stderr")
    nbformat.write(nb, path)
    assert rules.main([str(path)]) == 1
    assert "07_example.ipynb: cell 4: stderr in the outputs: oh no" in capsys.readouterr().out


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CREDITS.md", *DOCS])
def test_the_pages_use_plain_words(page):
    text = (ROOT / page).read_text(encoding="utf-8").partition("## Words")[0]
    assert list(odd_words(text)) == []
