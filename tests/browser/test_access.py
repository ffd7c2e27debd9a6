"""The studio for everybody: small pages, keyboards, readers who hear it, and files of any size."""

from __future__ import annotations

import io
import re

import nbformat
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from panel_page import CUT, OVERLAPS, Panel
from PIL import Image
from playwright.sync_api import expect

from nstkit import read_metadata

pytestmark = pytest.mark.browser
# The two differ in widths, in shortcuts, and in what they do when a kernel is busy or gone.
BOTH = pytest.mark.parametrize("app", ["lab", "notebook"], scope="module")
LAB = pytest.mark.parametrize("app", ["lab"], scope="module")

STUDIO = "import nstkit\nstudio = nstkit.Studio('cat', 'great_wave', size=64)\nstudio"
WAIT = "import time\ntime.sleep(9)"
# Parts that a reader cannot see whole: beyond the output's right edge.
OUTSIDE = """panel => {
  const right = panel.closest('.jp-OutputArea-output').getBoundingClientRect().right + 1;
  return [...panel.querySelectorAll('button, select, img, .widget-readout, .noUi-base')]
    .filter(part => part.checkVisibility() && part.getBoundingClientRect().right > right)
    .map(part => part.className || part.tagName); }"""
PLACES = """panel => [...panel.querySelectorAll('button, select, .noUi-base, .nstkit-status')]
  .filter(part => part.checkVisibility())
  .map(part => { const box = part.getBoundingClientRect();
    const place = [Math.round(box.left), Math.round(box.top)];
    return `${part.textContent.trim().slice(0, 20)} ${place}`; })"""
# What those who hear the page are told of each control that is shown.
NAMES = """panel => [...panel.querySelectorAll(
    'button, select, input, [role=slider], img')].filter(part => part.checkVisibility())
  .filter(part => !part.labels?.[0]?.textContent.trim())
  .filter(part => part.tagName === 'SELECT' || !part.textContent.trim())
  .map(part => part.ariaLabel || part.alt || part.title || `nameless: ${part.outerHTML}`)"""
BROKEN = """panel => [...panel.querySelectorAll('.jupyter-widgets-disconnected')].filter(part => {
  const icon = getComputedStyle(part, '::before');
  return icon.display !== 'none' && icon.content !== 'none'; }).length"""
SERIOUS = ("serious", "critical")
THEME = "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})"
OTHERS = """from IPython.display import display
import nstkit
from nstkit import lesson
display(lesson.Choice('cat'))
nstkit.Instant('cat', 'great_wave', size=64)"""


def with_studio(nb: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a notebook with a studio as a reader first sees it, and a cell that takes long."""
    cells = [new_markdown_cell("# Studio"), new_code_cell(STUDIO), new_code_cell(WAIT)]
    return new_notebook(cells=cells, metadata=nb.metadata)


def with_other_panels(nb: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a notebook with a choice and a panel that paints at every move."""
    cells = [new_markdown_cell("# Others"), new_code_cell(OTHERS)]
    return new_notebook(cells=cells, metadata=nb.metadata)


@pytest.fixture
def panel(open_once):
    """A new studio, with the kernel of the tests before."""
    made = Panel(open_once("00_first_painting", with_studio), 1)
    yield made.make()
    if not made.page.is_closed():
        made.page.set_viewport_size({"width": 1280, "height": 1000})
        made.kernel("'studio' in globals() and studio.pause()")


def noise(side: tuple[int, int], seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (*side[::-1], 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def pixels(part) -> np.ndarray:
    """What a reader sees of a part of the page."""
    with Image.open(io.BytesIO(part.screenshot())) as picture:
        return np.asarray(picture.convert("RGB")).astype(float)


# ---------------------------------------------------------------- pages of any size


@BOTH
@pytest.mark.parametrize("width", [1440, 1024, 400])
def test_everything_fits_at_any_width_simple_and_with_more(panel, app, width):
    if app == "lab" and width == 400:
        panel.book.command("application:toggle-left-area")
    panel.page.set_viewport_size({"width": width, "height": 1000})
    for kind in ("simple", "more"):
        if kind == "more":
            panel.press("toggle")
            expect(panel.part("toggle")).to_have_text("less")
        panel.page.wait_for_timeout(300)
        assert panel.box.evaluate(OUTSIDE) == []
        assert panel.box.evaluate(OVERLAPS) == panel.box.evaluate(CUT) == []
        picture = panel.part("pictures").bounding_box()
        assert picture["width"] >= 220
        panel.book.shot(f"access_{app}_{width}_{kind}")
    if app == "lab" and width == 400:
        panel.book.command("application:toggle-left-area")


@LAB
def test_nothing_jumps_when_something_is_said_or_another_view_is_chosen(panel):
    before = panel.box.evaluate(PLACES)
    panel.kernel("studio.screen.say('What went wrong, and what to do. ' * 12)")
    expect(panel.message).to_contain_text("What went wrong")
    assert panel.box.evaluate(PLACES) == before
    panel.kernel("studio.screen.say('')")
    for view in ("all three", "wipe", "compare", "photograph", "artwork"):
        panel.box.get_by_role("button", name=view, exact=True).click()
        expect(panel.part("pictures")).to_have_class(re.compile("nstkit-view-"))
        panel.page.wait_for_timeout(300)
        assert panel.box.evaluate(PLACES) == before, view


@LAB
def test_all_three_are_labeled_and_large_enough_to_see(panel, app):
    panel.box.get_by_role("button", name="all three").click()
    figures = panel.box.locator(".nstkit-figure:visible")
    expect(figures).to_have_count(3)
    labels = panel.box.locator(".nstkit-label:visible").all_inner_texts()
    assert sorted(labels) == ["artwork: great_wave", "painting", "photograph: cat"]
    widths = sorted(figure.bounding_box()["width"] for figure in figures.all())
    assert widths[0] > 140 and widths[2] > 250
    panel.book.shot(f"access_{app}_all_three")


@LAB
def test_the_wipe_moves_from_photograph_to_painting(panel):
    panel.play()
    panel.wait_steps(8)
    panel.pause()
    panel.box.get_by_role("button", name="wipe").click()
    wipe = panel.box.get_by_role("slider", name=re.compile("how much of the photograph"))
    seen = {}
    for value in (0, 50, 100):
        wipe.fill(str(value))
        seen[value] = pixels(panel.part("pictures"))
    left, right = (
        np.s_[: seen[0].shape[0] // 2, part] for part in (np.s_[20:100], np.s_[-100:-20])
    )
    photograph, painting = seen[100], seen[0]
    assert np.abs(photograph[left] - painting[left]).mean() > 5
    assert np.abs(seen[50][left] - photograph[left]).mean() < 1
    assert np.abs(seen[50][right] - painting[right]).mean() < 1
    panel.box.get_by_role("button", name="photograph", exact=True).click()
    alone = pixels(panel.part("pictures"))
    assert np.abs(alone[left] - photograph[left]).mean() < 1


# ---------------------------------------------------------------- keyboard


@BOTH
def test_letters_typed_in_a_menu_stay_in_it(panel):
    """JupyterLab takes single letters for commands: m makes a text of the cell."""
    menu = panel.part("content").locator("select")
    menu.focus()
    panel.page.keyboard.type("macaw")
    expect(menu).to_have_value("macaw")
    assert panel.book.cells()[1]["cell_type"] == "code"
    expect(panel.box).to_have_count(1)
    expect(panel.part("picture")).to_be_visible()
    assert len(panel.book.cells()) == 3


@BOTH
def test_a_shortcut_with_ctrl_still_reaches_the_application(panel):
    panel.part("content").locator("select").focus()
    panel.page.keyboard.press("Control+s")
    panel.book.wait("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")


@BOTH
def test_all_of_it_can_be_used_by_keyboard_alone(panel):
    panel.part("play").locator("button").first.focus()
    panel.page.keyboard.press("Enter")
    expect(panel.status).to_contain_text("steps/s")
    panel.wait_steps(3)
    panel.page.keyboard.press("Enter")
    expect(panel.status).to_contain_text("paused")

    reached = []
    for _ in range(90):
        panel.page.keyboard.press("Tab")
        name = panel.page.evaluate(
            """() => { const part = document.activeElement;
            if (!part.closest('.nstkit-studio')) return null;
            return part.ariaLabel || part.textContent.trim() || part.labels?.[0]?.textContent
              || part.title; }"""
        )
        if name is None:
            break
        reached.append(name)
    order = ["save", "more", "painting", "all three", "upload", "macaw", "scream", "style β"]
    found = [reached.index(name) for name in order]
    assert found == sorted(found), reached

    slider = panel.part("beta").locator(".noUi-handle")
    slider.focus()
    before = panel.readout("beta")
    panel.page.keyboard.press("ArrowRight")
    expect(panel.part("beta").locator(".widget-readout")).not_to_have_text(before)
    expect(slider).to_have_attribute("aria-valuetext", panel.readout("beta"))


# ---------------------------------------------------------------- readers who hear the page


@LAB
def test_every_control_and_picture_has_a_name(panel):
    panel.press("toggle")
    expect(panel.part("toggle")).to_have_text("less")
    panel.page.wait_for_timeout(300)
    names = panel.box.evaluate(NAMES)
    assert not [name for name in names if name.startswith("nameless")], names
    told = " | ".join(names)
    for name in ("style β", "content α", "use smoothing", "relu1_1", "photograph", "castle"):
        assert name in told
    alt = panel.part("picture").get_attribute("alt")
    assert alt.startswith("painting: cat after great_wave, step 0") and "β/α = 5" in alt
    expect(panel.message).to_have_attribute("role", "status")
    expect(panel.message).to_have_attribute("aria-live", "polite")


@LAB
def test_the_chosen_thumbnail_is_announced(panel):
    thumbnails = panel.part("controls").locator(".nstkit-thumbnails").first.locator("button")
    pressed = [b.get_attribute("aria-pressed") for b in thumbnails.all()]
    assert pressed.count("true") == 1
    panel.box.get_by_role("button", name="castle").first.click()
    expect(panel.box.get_by_role("button", name="castle").first).to_have_attribute(
        "aria-pressed", "true"
    )


@LAB
def test_axe_finds_nothing_serious_of_our_making(panel):
    panel.press("toggle")
    panel.play()
    panel.wait_steps(6)
    panel.pause()
    panel.press("copy")
    panel.press("pin")
    panel.kernel("studio.controls.region.kind.value = 'a color'; studio.try_grid()")
    expect(panel.box.locator(".nstkit-sample")).to_have_count(9)
    panel.kernel("studio.screen.view.value = 'all three'")
    for kind in ("error", "info"):
        panel.kernel(f"studio.screen.say('What went wrong, and what to do.', {kind!r})")
        expect(panel.message.locator(f".nstkit-{kind}")).to_be_visible()
        assert serious(panel.page, contrasts=40) == []


@LAB
def test_axe_finds_nothing_serious_in_the_other_panels(open_once):
    book = open_once("00_first_painting", with_other_panels)
    book.run_cell(1)
    panels = book.page.locator(".nstkit-studio")
    expect(panels).to_have_count(2)
    expect(panels.locator(".nstkit-picture")).to_be_visible()
    assert serious(book.page, contrasts=15) == []


def serious(page, contrasts: int) -> list[tuple[str, ...]]:
    """Return what axe finds in the panels, in a light and in a dark theme.

    Args:
        page: the page.
        contrasts: texts whose contrast axe must have been able to judge, at least.
    """
    # JupyterLab's body has no height and hides what overflows. So axe takes all text for hidden.
    page.add_style_tag(content="body { height: 100vh; }")
    found = []
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        page.evaluate(THEME, theme)
        page.wait_for_timeout(1500)
        options = {"resultTypes": ["violations", "passes"]}
        told = Axe().run(page, context=".nstkit-studio", options=options).response
        judged = [one for one in told["passes"] if one["id"] == "color-contrast"]
        kinds = [node["any"][0]["data"] for one in judged for node in one["nodes"]]
        assert sum(bool(kind.get("contrastRatio")) for kind in kinds) >= contrasts
        found += [
            (theme, one["id"], node["html"][:160], node["failureSummary"][:200])
            for one in told["violations"] if one["impact"] in SERIOUS for node in one["nodes"]
        ]  # fmt: skip
    return found


# ---------------------------------------------------------------- files


@BOTH
def test_a_photograph_above_the_limit_of_the_server_is_painted_and_the_panel_lives(panel, tmp_path):
    large = tmp_path / "large photo.png"
    noise((2400, 1600)).save(large)
    assert large.stat().st_size > 10_500_000
    panel.upload("content", large)
    expect(panel.part("content").locator("select")).to_have_value("large photo.jpg", timeout=60_000)
    expect(panel.status).to_contain_text("64 × 43 px", timeout=30_000)
    panel.play()
    panel.wait_steps(3)
    assert panel.book.failures() == []


@LAB
def test_a_photograph_of_24_megapixels_is_there_in_seconds(panel, tmp_path, tell):
    large = tmp_path / "phone.jpg"
    small = noise((600, 400))
    small.resize((6000, 4000), Image.Resampling.BICUBIC).save(large, quality=92)
    before = int(panel.kernel(MEMORY))
    panel.page.evaluate("() => { window.began = performance.now(); }")
    panel.upload("content", large)
    expect(panel.part("content").locator("select")).to_have_value("phone.jpg", timeout=60_000)
    took = panel.page.evaluate("() => (performance.now() - window.began) / 1000")
    grown = int(panel.kernel(MEMORY)) - before
    tell(f"24 megapixels: {took:.1f} s, {grown / 1e3:+.0f} MB at the peak")
    assert took < 10 and grown < 250_000


MEMORY = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"


@LAB
def test_a_file_that_cannot_be_sent_is_told_and_the_next_one_is_painted(panel, tmp_path):
    (tmp_path / "scan.tif").write_bytes(noise((2200, 2000)).tobytes())
    panel.upload("content", tmp_path / "scan.tif")
    expect(panel.message).to_contain_text("'scan.tif' has 13 MB", timeout=30_000)
    noise((90, 60)).save(tmp_path / "small.png")
    panel.upload("content", tmp_path / "small.png")
    expect(panel.part("content").locator("select")).to_have_value("small.png", timeout=30_000)


@LAB
def test_files_chosen_while_another_is_sent_are_not_dropped(panel, tmp_path):
    for name, side in (("one.png", (1200, 800)), ("two.png", (90, 60)), ("three.png", (80, 60))):
        noise(side).save(tmp_path / name)
    for name in ("one.png", "two.png", "three.png"):
        panel.upload("content", tmp_path / name)
    menu = panel.part("content").locator("select")
    expect(menu).to_have_value("three.png", timeout=30_000)
    options = menu.locator("option").all_inner_texts()
    assert [name.split(".")[0] for name in options[-3:]] == ["one", "two", "three"]


@LAB
def test_a_saved_picture_is_downloaded_and_its_settings_come_back_by_a_drop(panel, tmp_path):
    panel.drag("beta", 0.9)
    beta = panel.readout("beta")
    panel.play()
    panel.wait_steps(3)
    panel.pause()
    panel.press("save")
    with panel.page.expect_download() as download:
        panel.box.locator(".nstkit-download").click()
    saved = tmp_path / "saved.png"
    download.value.save_as(saved)
    with Image.open(saved) as picture:
        assert picture.size == (64, 43)
    assert read_metadata(saved)["content"] == "cat"

    panel.drag("beta", 0.2)
    drop = """([panel, bytes]) => {
      const files = new DataTransfer();
      files.items.add(new File([new Uint8Array(bytes)], 'saved.png', {type: 'image/png'}));
      panel.dispatchEvent(new DragEvent('drop', {dataTransfer: files, bubbles: true})); }"""
    panel.page.evaluate(drop, [panel.box.element_handle(), list(saved.read_bytes())])
    expect(panel.part("beta").locator(".widget-readout")).to_have_text(beta)
    expect(panel.message).to_contain_text("These are the settings of saved.png.")


# ---------------------------------------------------------------- a kernel that is busy or gone


@BOTH
def test_a_busy_kernel_is_told_and_the_word_goes_when_it_answers(panel):
    panel.book.start_cell(2)
    panel.part("content").locator("select").select_option("castle")
    expect(panel.part("waiting")).to_contain_text("The kernel is busy", timeout=8_000)
    panel.book.finish(30)
    expect(panel.part("waiting")).to_have_text("", timeout=10_000)
    panel.press("save")
    expect(panel.message).to_contain_text("Saved as castle")
    panel.page.wait_for_timeout(5_000)
    expect(panel.part("waiting")).to_have_text("")


@BOTH
def test_after_a_restart_one_sentence_says_what_to_do(panel, app):
    book = panel.book
    assert panel.box.evaluate(BROKEN) == 0
    book.start("notebook:restart-kernel")
    book.page.locator(".jp-Dialog button.jp-mod-warn, .jp-Dialog button.jp-mod-accept").last.click()
    book.finish()
    expect(panel.box).to_have_class(re.compile("jupyter-widgets-disconnected"))
    assert panel.box.evaluate(BROKEN) == 0
    told = panel.box.evaluate("part => getComputedStyle(part, '::before').content")
    assert "Run this cell again" in told
    panel.part("content").locator("select").dispatch_event("click")
    panel.page.wait_for_timeout(6_000)  # a kernel that is only busy would be told by now
    expect(panel.part("waiting")).to_have_text("")
    book.shot(f"access_{app}_restarted")
    panel.make()
    assert panel.step() == 0


@LAB
def test_the_recipe_is_copied_and_can_be_closed(panel):
    panel.press("toggle")
    panel.press("copy")
    script = panel.part("script").locator("pre")
    expect(script).to_contain_text("import nstkit")
    told = panel.part("script").locator(".nstkit-copied")
    expect(told).to_contain_text(re.compile("Copied|Selected"))
    if "Selected" in told.inner_text():
        assert panel.page.evaluate("getSelection().toString()").strip() == script.inner_text()
    panel.press("close")
    expect(script).to_be_hidden()
