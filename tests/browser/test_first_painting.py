"""notebooks/00_first_painting.ipynb as a newcomer meets it in JupyterLab."""

from __future__ import annotations

import copy
import re

import pytest
from PIL import Image
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

NOTEBOOK = "00_first_painting"
LOAD, PAINT = 'nstkit.load_image("cat"', "painting = nstkit.stylize("
STEPS = 60  # of the small paintings, which have one scale
SMALL = f"size=128, scales=1, steps={STEPS}"
WIDGET = "application/vnd.jupyter.widget-view+json"
# Step of the progress bar in a cell: "step 7/60:  12%", with spaces of tqdm's own.
STEPS_SHOWN = r"""([index, steps]) => {
  const cell = document.querySelectorAll('.jp-Notebook-cell')[index];
  const bar = cell.querySelector('.jupyter-widgets')?.textContent ?? '';
  const shown = /step\s(\d+)\/\d+:/.exec(bar);
  return shown !== null && Number(shown[1]) >= steps; }"""


def smaller(nb):
    """Paint small pictures: `tools/run_notebooks.py --check` paints those of the notebook."""
    nb = copy.deepcopy(nb)
    for cell in nb.cells:
        cell.source = re.sub(r"lesson\.size\(\d+\)", "128", cell.source)
        cell.source = cell.source.replace("quality=good", SMALL)
    return nb


@pytest.fixture
def book(open_notebook):
    return open_notebook(NOTEBOOK, change=smaller)


def run_to(book, last: int) -> None:
    """Run the code cells up to this one, without it."""
    for index, cell in enumerate(book.cells()[:last]):
        if cell["cell_type"] == "code":
            book.run_cell(index)


def test_everything_runs_and_brings_the_stored_pictures_back(book):
    stored, paint = book.cells_with_pictures(), book.find(PAINT)
    book.clear_outputs()
    assert book.outputs() == book.images() == []

    book.run_all(timeout=480)

    assert book.failures() == []
    assert book.cells_with_pictures() == stored
    book.check_pictures()
    code = [cell for cell in book.cells() if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert any(WIDGET in output.get("data", {}) for output in book.outputs(paint))
    bar = book.cell(paint).locator(".jupyter-widgets.widget-hprogress")
    expect(bar).to_be_visible()
    steps = book.kernel("print(len(painting.history) - 1)")
    expect(book.cell(paint).locator(".widget-hbox")).to_contain_text(
        re.compile(rf"step\s{steps}/{steps}:")
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
    interrupted, done = book.kernel("print(painting.interrupted, len(painting.history))").split()
    assert interrupted == "True"
    assert 4 < int(done) < STEPS + 1
    # A reader goes on from here, though some of the snapshots are missing.
    for text in ("painting.snapshots", "nstkit.show_losses(painting"):
        book.run_cell(book.find(text))
    assert book.failures() == []
    book.check_pictures()


def test_an_uploaded_photograph_is_painted(book, tmp_path):
    photo = tmp_path / "my photo.png"
    Image.linear_gradient("L").resize((120, 60)).convert("RGB").save(photo)
    choose, use = book.find("lesson.Choice("), book.find("choice.picture")
    book.clear_outputs()
    run_to(book, book.find(LOAD) + 1)  # the set-up, and what it loads
    book.run_cell(choose)
    panel = book.cell(choose).locator(".nstkit-studio")
    expect(panel).to_contain_text("Chosen: castle.")
    with book.page.expect_file_chooser() as chooser:
        panel.locator(".nstkit-upload").click()
    chooser.value.set_files(photo)
    expect(panel).to_contain_text("Chosen: my photo.png. The next cell paints it.")

    book.run_cell(use)

    assert book.failures() == []
    strip = book.find('lesson.diagram("here_00")')
    assert [image["cell"] for image in book.images()] == [strip, book.find(LOAD), use]
    assert "painting my photo.png after" in str(book.outputs(use))
    # The photograph is twice as wide as high; this copy of the notebook asks for 128 px.
    assert book.kernel("print(*mine.image.shape)") == "1 3 64 128"
