"""notebooks/00_first_painting.ipynb as a newcomer meets it in JupyterLab."""

from __future__ import annotations

import re

import pytest
from PIL import Image
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

NOTEBOOK = "00_first_painting"
LOAD, PAINT = "content = nstkit.load_image(", "painting = nstkit.stylize("
WIDGET = "application/vnd.jupyter.widget-view+json"
# Step of the progress bar in a cell: " 7/60 [00:03<00:25, 2.1step/s]", with spaces of tqdm's own.
STEPS_SHOWN = r"""([index, steps]) => {
  const cell = document.querySelectorAll('.jp-Notebook-cell')[index];
  const bar = cell.querySelector('.jupyter-widgets')?.textContent ?? '';
  const shown = /(\d+)\/\d+\s\[/.exec(bar);
  return shown !== null && Number(shown[1]) >= steps; }"""


@pytest.fixture
def book(open_notebook):
    return open_notebook(NOTEBOOK)


def cells_with_pictures(book) -> list[int]:
    """Return the cells whose outputs hold pictures, once for each picture."""
    outputs = book.outputs()
    return [o["cell"] for o in outputs for mime in o.get("data", {}) if mime.startswith("image/")]


def assert_pictures_are_shown(book) -> None:
    images = book.images()
    assert [image["cell"] for image in images] == cells_with_pictures(book)
    assert images, "no cell shows a picture"
    assert not [image for image in images if image["pixels"] == 0 or image["width"] < 100]


def run_to(book, last: int) -> None:
    """Run the code cells up to this one, without it."""
    for index, cell in enumerate(book.cells()[:last]):
        if cell["cell_type"] == "code":
            book.run_cell(index)


# ---------------------------------------------------------------- as stored


def test_the_stored_page_is_complete_before_anything_runs(book):
    assert_pictures_are_shown(book)
    written = book.images(".jp-MarkdownOutput img")
    assert written and not [image for image in written if not image["pixels"] or not image["alt"]]
    # JupyterLab 4.6 ignores the alt text of outputs; other viewers, and later ones, do not.
    for output in book.outputs():
        for mime in output.get("data", {}):
            if mime.startswith("image/"):
                assert output["metadata"][mime]["alt"]
    assert book.failures() == []


def test_formulas_are_typeset_and_hints_unfold(book):
    text = "\n".join("".join(c["source"]) for c in book.cells() if c["cell_type"] == "markdown")
    text = re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL)
    formulas = re.findall(r"\$\$.+?\$\$|\$[^$\n]+\$", text, flags=re.DOTALL)
    page, count = book.page, len(formulas)
    assert count > 0
    expect(page.locator(".jp-MarkdownOutput mjx-container")).to_have_count(count)
    expect(page.locator("mjx-merror, [data-mjx-error]")).to_have_count(0)

    details = page.locator(".jp-MarkdownOutput details")
    assert details.count() == text.count("<details>") > 0
    for fold in details.all():
        inside = fold.locator("p").first
        expect(inside).to_be_hidden()
        fold.locator("summary").click()
        expect(inside).to_be_visible()
    shown = "\n".join(page.locator(".jp-MarkdownOutput").all_inner_texts())
    assert not re.findall(r"\$|\\[a-z]+|</?\w+>|\*\*|```", shown)
    for fold in details.all():
        fold.locator("summary").click()
        expect(fold.locator("p").first).to_be_hidden()


# ---------------------------------------------------------------- executed


def test_everything_runs_and_brings_the_stored_pictures_back(book):
    stored, paint = cells_with_pictures(book), book.find(PAINT)
    book.clear_outputs()
    assert book.outputs() == book.images() == []

    book.run_all(timeout=480)

    assert book.failures() == []
    assert cells_with_pictures(book) == stored
    assert_pictures_are_shown(book)
    code = [cell for cell in book.cells() if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert any(WIDGET in output.get("data", {}) for output in book.outputs(paint))
    bar = book.cell(paint).locator(".jupyter-widgets.widget-hprogress")
    expect(bar).to_be_visible()
    steps = book.kernel("print(painting.recipe.steps)")
    expect(book.cell(paint).locator(".widget-hbox")).to_contain_text(
        re.compile(rf"\b{steps}/{steps}\s\[")
    )
    last = book.outputs(len(book.cells()) - 1)
    assert "Everything above took" in "".join("".join(output["text"]) for output in last)


def test_the_stop_button_keeps_the_best_picture_so_far(book):
    paint = book.find(PAINT)
    book.clear_outputs()
    run_to(book, paint)
    book.start_cell(paint)
    book.wait(STEPS_SHOWN, [paint, 4], timeout=120)

    book.interrupt()

    assert book.failures() == []
    assert paint in [image["cell"] for image in book.images() if image["pixels"]]
    facts = "print(painting.interrupted, len(painting.history), painting.recipe.steps)"
    interrupted, done, steps = book.kernel(facts).split()
    assert interrupted == "True"
    assert 4 < int(done) < int(steps) + 1
    # A reader goes on from here, though some of the snapshots are missing.
    for text in ("nstkit.show_steps(painting", "nstkit.show_losses(painting"):
        book.run_cell(book.find(text))
    assert book.failures() == []
    assert_pictures_are_shown(book)


def test_an_uploaded_photograph_is_painted(book, tmp_path):
    photo = tmp_path / "my photo.png"
    Image.linear_gradient("L").resize((120, 40)).convert("RGB").save(photo)
    button_cell, use = book.find("ipywidgets.FileUpload("), book.find("upload.value")
    book.clear_outputs()
    run_to(book, book.find(LOAD))  # the set-up
    book.run_cell(button_cell)
    button = book.cell(button_cell).locator("button.jupyter-button")
    expect(button).to_contain_text("Upload (0)")
    with book.page.expect_file_chooser() as chooser:
        button.click()
    chooser.value.set_files(photo)
    expect(button).to_contain_text("Upload (1)")

    book.run_cell(use)

    assert book.failures() == []
    assert [image["cell"] for image in book.images()] == [use]
    # The photograph is three times as wide as high; the notebook asks for a long side of 256.
    assert book.kernel("print(*mine.image.shape)") == "1 3 85 256"
