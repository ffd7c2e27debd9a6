"""The studio as a reader meets it, in JupyterLab 4 and Notebook 7: a live panel in a notebook."""

from __future__ import annotations

import re
import statistics
import time

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from panel_page import CUT, OVERLAPS, SOON, WITHOUT_TOOLTIP, Panel, folder
from PIL import Image
from playwright.sync_api import expect

from nstkit import DEFAULT, read_metadata

# The scope makes pytest finish with one application before it starts the other.
pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize("app", ["lab", "notebook"], scope="module"),
]

CELL = "import nstkit\n{name} = nstkit.Studio('cat', 'great_wave', size=64, more=True)\n{name}"
NAMES = ("studio", "other")  # of the panels in the cells 1 and 2
ANOTHER = 4.0  # mean difference of two thumbnails, of 255, that makes two pictures of them
# A thread rests between two stretches of work, and ends with its panel.
AT_WORK = "from nstkit.studio import worker; print(sum(w.running for w in worker.WORKERS))"
THREADS = "import threading; print([t.name for t in threading.enumerate()].count('nstkit-studio'))"
TRIM = "import ctypes, gc; gc.collect(); ctypes.CDLL(None).malloc_trim(0)"
# Hands the kernel's steps to a file, which can be watched when no page is open.
NOTE_STEPS = """
from pathlib import Path
def noted(work=studio.engine.advance):
    work()
    Path("step").write_text(str(studio.engine.frame.index))
studio.engine.advance = noted
"""

# ---------------------------------------------------------------- in the page
# Keeps what the panel has shown: whenever its text or a picture changes, or a picture is decoded.
RECORD = """panel => {
  const status = panel.querySelector('.nstkit-status');
  const image = panel.querySelector('img.nstkit-picture');
  const told = pattern => pattern.exec(status.textContent)?.[1];
  const note = () => window.shown.push({at: performance.now(), step: Number(told(/step (\\d+)/)),
    ratio: told(/β\\/α = (\\S+)/), picture: image.complete ? image.src : ''});
  window.shown = []; window.moved = 0;
  panel.addEventListener('pointermove', event => {
    if (event.buttons) window.moved = performance.now(); }, true);
  image.addEventListener('load', note);
  new MutationObserver(note).observe(panel, {
    subtree: true, childList: true, characterData: true, attributes: true,
    attributeFilter: ['src']}); }"""
SHOWS = """([ratio, before]) => window.shown.find(
  ({at, ...now}) => at > window.moved && now.ratio === ratio && ![before, ''].includes(now.picture)
)?.at - window.moved || 0"""
# The largest gap between two frames that the browser draws, in seconds.
LARGEST_GAP = """seconds => new Promise(done => {
  const began = performance.now(); let last = began, largest = 0;
  const tick = () => {
    const now = performance.now();
    largest = Math.max(largest, now - last); last = now;
    if (now - began < 1000 * seconds) requestAnimationFrame(tick); else done(largest / 1000); };
  requestAnimationFrame(tick); })"""
# ---------------------------------------------------------------- fixtures


def with_panels(nb: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a notebook with two panels, in place of one of the course: fast, and of few words."""
    cells = [new_code_cell(CELL.format(name=name)) for name in NAMES]
    return new_notebook(cells=[new_markdown_cell("# Studio"), *cells], metadata=nb.metadata)


@pytest.fixture
def panels(open_once) -> list[Panel]:
    """The panels of a notebook that has been opened; none has been made yet."""
    book = open_once("00_first_painting", with_panels)
    return [Panel(book, number, name) for number, name in enumerate(NAMES, 1)]


@pytest.fixture
def panel(panels):
    """A new studio, alone in its notebook, with the kernel of the tests before."""
    yield panels[0].make()
    if not panels[0].page.is_closed():
        panels[0].kernel("studio.pause()")


def kernel_process(panel: Panel) -> psutil.Process:
    """Return the kernel's process."""
    return psutil.Process(int(panel.kernel("import os; print(os.getpid())")))


# ---------------------------------------------------------------- at rest


def test_nothing_runs_before_play_and_then_it_paints(panel, app):
    assert panel.step() == 0
    assert panel.stays()
    assert panel.kernel(AT_WORK) == "0"
    panel.book.shot(f"studio_{app}_at_rest")
    before = panel.thumbnail(64)

    panel.play()
    panel.wait_steps(8)

    assert panel.thumbnail(64) != before
    panel.wait_steps(4)
    panel.book.shot(f"studio_{app}_painting")
    assert panel.book.failures() == []


def test_the_panel_fits_and_explains_itself(panel, app):
    box = panel.box
    told = " ".join(panel.part("caption").all_inner_texts())
    assert all(sign in told for sign in ("α", "β", "Smoothing", "relu1_1", "relu5_1"))
    assert box.evaluate(OVERLAPS) == box.evaluate(CUT) == []

    panel.play()
    panel.wait_steps(3)
    panel.pause()
    box.get_by_role("button", name="all three").click()
    panel.press("copy")
    expect(panel.part("script").locator("pre")).to_contain_text("nstkit.stylize(")
    panel.kernel("studio.screen.say('What went wrong, and what to do. ' * 5)")
    expect(panel.message).to_contain_text("What went wrong")
    assert box.evaluate(OVERLAPS) == box.evaluate(CUT) == []
    panel.book.shot(f"studio_{app}_all_three")

    assert box.evaluate(WITHOUT_TOOLTIP) == []


# ---------------------------------------------------------------- steering


def test_beta_steers_the_running_painting(panel, app):
    panel.drag("beta", 0.05)
    panel.play()
    panel.wait_steps(10)
    shown = panel.step()
    panel.box.evaluate(RECORD)  # afterwards: what it records is never older
    before = panel.thumbnail()

    beta = float(panel.drag("beta", 0.98))

    assert beta > 1000
    expect(panel.status).to_contain_text(f"β/α = {beta:g} ", timeout=1000 * SOON)
    panel.wait_steps(12)
    assert panel.differs(before) > ANOTHER
    if app == "lab":  # Notebook 7 takes the arrow keys for itself (jupyter/notebook#7716)
        panel.part("beta").locator(".noUi-handle").press("ArrowLeft")
        expect(panel.part("beta").locator(".widget-readout")).not_to_have_text(f"{beta:g}")
        ratio = f"β/α = {float(panel.readout('beta')):g} "
        expect(panel.status).to_contain_text(ratio, timeout=1000 * SOON)
    panel.wait_steps(2)
    steps = [now["step"] for now in panel.page.evaluate("window.shown")]
    assert steps == sorted(steps) and steps[0] >= shown > 0


def test_pause_step_undo_and_reset(panel):
    panel.play()
    panel.wait_steps(6)
    panel.pause()
    assert panel.stays()
    first = panel.step()

    panel.press("step")
    expect(panel.status).to_contain_text(f"step {first + 1} ")
    assert panel.stays()

    panel.drag("beta", 0.95)
    panel.play()
    panel.wait_steps(6)
    panel.pause()
    last = panel.step()
    for _ in range(2):  # back to the best picture under these weights, then to that before
        panel.press("undo")
    # A pattern, since Playwright trims texts, and 5 is a part of 5000.
    expect(panel.status).to_contain_text(re.compile(rf"β/α = {DEFAULT.beta:g}\s"))
    assert 0 < panel.step() <= first + 1 < last
    assert panel.readout("beta") == f"{DEFAULT.beta:g}"
    assert panel.stays()

    panel.press("reset")
    expect(panel.status).to_contain_text("step 0 ")
    assert panel.stays()
    panel.play()
    panel.wait_steps(3)


def test_layers_can_be_switched_and_chosen(panel):
    used = "print(sorted(studio.engine.frame.settings.recipe.style_layers))"
    layers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]
    panel.play()
    panel.wait_steps(2)

    panel.switch("layer-1").click()
    panel.wait_followed()
    assert panel.kernel(used) == str(layers[1:])
    panel.switch("layer-1").click()
    panel.wait_followed()  # else the next wait may see this change and not the one after it
    panel.choose("layer-5", "relu5_2")
    panel.wait_followed()
    assert panel.kernel(used) == str([*layers[:4], "relu5_2"])

    for number in range(1, 6):
        panel.switch(f"layer-{number}").click()
    expect(panel.message).to_contain_text("No style layer is on.")
    panel.wait_followed()
    assert panel.kernel(used) == "['relu5_2']"  # the last that was on
    expect(panel.switch("layer-5")).to_be_checked()  # so it is back
    panel.switch("layer-2").click()
    expect(panel.message).to_have_text("")
    panel.wait_followed()
    assert panel.kernel(used) == "['relu2_1', 'relu5_2']"

    for name in ("alpha", "beta", "tv"):
        panel.switch(name).click()
    expect(panel.message).to_contain_text("nothing to minimize")
    expect(panel.switch("tv")).to_be_checked()
    expect(panel.switch("beta")).not_to_be_checked()
    panel.wait_followed()
    panel.switch("beta").click()
    expect(panel.message).to_have_text("")
    expect(panel.status).to_contain_text("α = 0 ")
    panel.wait_followed()
    assert panel.book.failures() == []


USED = "s = studio.engine.frame.settings; print({})"


def wait_used(panel, what, expected):
    """Wait until the engine paints with what the controls say: the kernel may answer code first."""
    deadline = time.monotonic() + 30
    while (found := panel.kernel(USED.format(what))) != expected:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def test_two_artworks_colors_and_strokes_are_mixed(panel, app):
    panel.play()
    panel.wait_steps(3)
    before = panel.thumbnail()

    panel.choose("second", "scream")
    wait_used(panel, "s.style", "[('great_wave', 0.5), ('scream', 0.5)]")
    panel.drag("share", 0.99)
    wait_used(panel, "s.style", "[('great_wave', 0.0), ('scream', 1.0)]")
    panel.wait_steps(4)
    assert panel.differs(before) > ANOTHER

    panel.choose("color", "the photo's")
    panel.wait_followed()
    panel.choose("color", "kept exactly")
    wait_used(panel, "s.recipe.color", "luminance")
    panel.drag("scale", 0.99)
    wait_used(panel, "s.recipe.style_scale", "4.0")
    panel.box.get_by_role("button", name="artwork", exact=True).click()
    panel.book.shot(f"studio_{app}_mixed")
    panel.choose("second", "none")
    wait_used(panel, "s.style", "great_wave")
    assert panel.box.evaluate(OVERLAPS) == panel.box.evaluate(CUT) == []
    assert panel.book.failures() == []


def draw(panel, begin, end):
    """Drag with the mouse over the photograph, between two places in shares of its sides."""
    canvas = panel.part("canvas")
    canvas.scroll_into_view_if_needed()
    box, mouse = canvas.bounding_box(), panel.page.mouse
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (begin, end)]
    mouse.move(*places[0])
    mouse.down()
    mouse.move(*places[1], steps=5)
    mouse.up()


def region(panel):
    """Return the regions that are painted with: mask and sides or color."""
    return panel.kernel(USED.format("*(repr(region.mask) for region in s.regions)"))


def wait_drawn(panel, expected):
    """Wait until a shape with these sides is painted with: the kernel may answer code first."""
    deadline = time.monotonic() + 30
    while True:
        sides = [float(n) for n in re.findall(r"=([0-9.]+)", region(panel))]
        if sides[:4] == pytest.approx(expected, abs=0.02):
            return
        assert time.monotonic() < deadline, sides
        time.sleep(0.1)


def test_a_region_is_drawn_with_the_mouse(panel, app):
    panel.play()
    panel.wait_steps(2)
    panel.choose("kind", "an ellipse")
    expect(panel.part("canvas")).to_be_visible()

    draw(panel, (0.25, 0.1), (0.75, 0.6))
    wait_drawn(panel, [0.25, 0.1, 0.75, 0.6])
    assert region(panel).startswith("~ellipse")
    panel.wait_steps(12)
    panel.book.shot(f"studio_{app}_ellipse")
    assert panel.box.evaluate(OVERLAPS) == panel.box.evaluate(CUT) == []

    panel.choose("kind", "a rectangle")
    panel.wait_followed()
    draw(panel, (0.9, 0.9), (0.5, 0.3))  # from the lower right
    wait_drawn(panel, [0.5, 0.3, 0.9, 0.9])
    panel.switch("inverse").click()
    panel.wait_followed()
    assert region(panel).startswith("rectangle")
    assert panel.book.failures() == []


def test_a_click_picks_a_color_and_a_slider_widens_it(panel, app):
    panel.choose("kind", "a rectangle")
    draw(panel, (0.5, 0.5), (0.5, 0.5))
    expect(panel.part("kind").locator("select")).to_have_value("a color")
    panel.kernel("studio.run(2, progress=False)")
    assert region(panel).startswith("~color_range")
    dark = "print(studio.controls.region._kept().mean().item())"
    before = float(panel.kernel(dark))
    shown = panel.part("canvas").locator("img").get_attribute("src")
    track = panel.part("tolerance").locator(".noUi-base").bounding_box()
    assert track["width"] > 100  # beside the color it had no room
    panel.drag("tolerance", 0.7)
    expect(panel.part("canvas").locator("img")).not_to_have_attribute("src", shown)
    assert float(panel.kernel(dark)) < before
    panel.book.shot(f"studio_{app}_color")
    panel.choose("kind", "the whole picture")
    expect(panel.part("canvas")).to_be_hidden()
    panel.kernel("studio.run(1, progress=False)")
    assert region(panel) == ""
    assert panel.book.failures() == []


def test_an_upload_is_painted_and_a_bad_one_is_told(panel, tmp_path):
    photo, broken = tmp_path / "my photo.png", tmp_path / "no photo.png"
    Image.radial_gradient("L").resize((60, 120)).convert("RGB").save(photo)
    broken.write_text("not a picture")
    panel.play()
    panel.wait_steps(3)
    before = panel.thumbnail()

    panel.upload("content", photo)

    # A new photograph is read and seen by the network first, on a busy core in some seconds.
    expect(panel.status).to_contain_text("32 × 64 px", timeout=3000 * SOON)
    panel.wait_step("at least", 3)
    assert panel.differs(before) > ANOTHER
    content = panel.part("content").locator("select")
    expect(content).to_have_value("my photo.png")

    shown = panel.step()
    panel.upload("content", broken)
    expect(panel.message).not_to_have_text("")
    assert re.search(r"\w+ \w+.*\.$", panel.message.inner_text())
    panel.wait_step("at least", shown + 3)
    expect(panel.status).to_contain_text("32 × 64 px")
    expect(content).to_have_value("my photo.png")
    assert panel.book.failures() == []


def test_save_and_copy_give_the_picture_and_its_recipe_away(panel):
    panel.play()
    panel.wait_steps(4)
    panel.pause()

    panel.press("save")
    expect(panel.message).to_contain_text("Saved as ")
    name = re.search(r"Saved as (\S+\.png)", panel.message.inner_text())[1]
    facts = read_metadata(folder(panel) / name)
    assert facts["steps_done"] == str(panel.step())
    assert (facts["content"], facts["style"]) == ("cat", "great_wave")

    panel.press("copy")
    script = panel.part("script").locator("pre")
    expect(script).to_contain_text("nstkit.stylize('cat', 'great_wave'")
    assert script.inner_text().strip() == f"import nstkit\n\n{facts['script'].strip()}"


# ---------------------------------------------------------------- when something goes wrong


def test_an_error_in_the_loop_is_shown_and_play_goes_on(panel, app):
    panel.play()
    panel.wait_steps(3)
    panel.kernel(
        "kept, brushes = studio.engine.advance, []\n"
        "def fail():\n"
        "    brushes.append('broken')\n"
        "    raise RuntimeError(f'brush {len(brushes)} broke')\n"
        "studio.engine.advance = fail"
    )
    expect(panel.message).to_contain_text("brush 1 broke")
    expect(panel.status).to_contain_text("paused")
    assert panel.stays()
    panel.book.shot(f"studio_{app}_error")
    assert panel.box.evaluate(OVERLAPS) == []

    panel.press("play")  # the cause is still there
    expect(panel.message).to_contain_text("brush 2 broke")
    expect(panel.status).to_contain_text("paused")
    panel.kernel("studio.engine.advance = kept")
    panel.play()
    expect(panel.message).to_have_text("")
    panel.wait_steps(3)


def test_a_cell_that_runs_again_replaces_its_panel(panel):
    panel.play()
    panel.wait_steps(3)
    panel.kernel("first = studio")

    panel.make()

    assert panel.kernel("print(first is studio)") == "False"
    expect(panel.box).to_have_count(1)
    assert panel.step() == 0
    stopped = panel.kernel("print(first.engine.frame.index)")
    assert panel.stays()
    panel.play()
    panel.wait_steps(6)
    assert panel.kernel("print(first.engine.frame.index)") == stopped
    assert panel.kernel(AT_WORK) == panel.kernel(THREADS) == "1"
    panel.pause()
    assert panel.kernel(AT_WORK) == "0"
    assert panel.book.failures() == []


def test_of_two_panels_one_paints(panels):
    one, other = (panel.make() for panel in panels)
    one.play()
    one.wait_steps(2)
    for _ in range(2):
        for starts, rests in ((other, one), (one, other)):
            starts.play()
            expect(rests.status).to_contain_text("paused")
            stopped = rests.step()
            starts.wait_steps(4)
            assert rests.step() == stopped
            assert one.kernel(AT_WORK) == "1"
    assert other.stays() and not one.stays()
    one.pause()
    panels[0].kernel("other.close()")
    one.book.clear_outputs()


def test_a_closed_tab_stops_the_work(panel):
    panel.book.command("docmanager:save")  # so that the panel is there again
    panel.kernel(NOTE_STEPS)
    panel.play()
    panel.wait_steps(3)
    noted = folder(panel) / "step"
    took = 1 / float(panel.kernel("print(studio.engine.rate)"))

    panel.page.goto("about:blank")
    closed, deadline = time.time(), time.monotonic() + 15
    while time.time() - noted.stat().st_mtime < 2:  # nothing moves for 2 seconds
        assert time.monotonic() < deadline, "it paints on"
        time.sleep(0.1)
    assert noted.stat().st_mtime - closed < 5 + 2 * took  # patience, and a step or two

    panel.book.reopen()
    assert panel.kernel(AT_WORK) == "0"
    expect(panel.message).to_contain_text("Paused, because this page was away.")
    expect(panel.status).to_contain_text("paused")
    assert panel.kernel("print(studio.engine.frame.index)") == str(panel.step())  # the newest one
    panel.play()
    panel.wait_steps(3)
    expect(panel.message).to_have_text("")


def test_the_kernel_can_be_interrupted_and_restarted_while_it_paints(panel):
    book, server = panel.book, panel.book.server
    panel.play()
    panel.wait_steps(3)
    book.command("notebook:interrupt-kernel")
    panel.wait_steps(5)
    panel.drag("beta", 0.9)
    expect(panel.status).to_contain_text(f"β/α = {float(panel.readout('beta')):g} ")

    old = kernel_process(panel)
    book.start("notebook:restart-kernel")
    book.page.locator(".jp-Dialog button.jp-mod-warn, .jp-Dialog button.jp-mod-accept").last.click()
    book.finish()
    panel.make()
    assert panel.step() == 0
    panel.play()
    panel.wait_steps(3)

    assert panel.kernel("print(type(studio.engine).__name__)") == "Engine"
    old.wait(10)
    now = kernel_process(panel)
    assert now.pid in [child.pid for child in psutil.Process(server.process.pid).children()]
    assert len(psutil.Process(server.process.pid).children()) == 1
    log = server.log.read_text(errors="replace")
    assert not re.findall("Aborted|core dumped|terminate called", log)


# ---------------------------------------------------------------- numbers


def test_the_page_answers_soon(panel, app, tell):
    """Bounds for 2 cores with nothing else to do; a slow machine has slower steps in the bound."""
    panel.choose("size", "192")
    idle = any(psutil.cpu_percent(1) < 20 for _ in range(5))
    panel.play()
    panel.wait_steps(5)
    panel.box.evaluate(RECORD)

    gap = panel.page.evaluate(LARGEST_GAP, 3)
    bf16 = panel.kernel("print(studio.engine.dtype)") == "torch.bfloat16"
    for _ in range(3):  # whatever else the machine does may disturb ten moves, hardly thirty
        waits, took = ten_moves(panel)
        bound, (*_, ninth, maximum) = 1.5 * took + 0.3, sorted(waits)
        tell(
            f"{app}: {1 / took:.2f} steps/s, step {took:.2f} s; slider to picture: median "
            f"{statistics.median(waits):.2f}, maximum {maximum:.2f}, bound {bound:.2f} s; largest "
            f"gap {gap:.2f} s; {'bf16' if bf16 else 'fp32'}, {'idle' if idle else 'busy'} machine"
        )
        soon = ninth <= bound and maximum <= 2 * bound
        if soon:
            break
    assert soon
    assert 1 / took >= (3 if bf16 and idle else 1)
    assert gap < 0.5


def ten_moves(panel: Panel) -> tuple[list[float], float]:
    """Return the seconds from ten moves to their pictures, and those of a step."""
    took, waits = seconds_a_step(panel, 12), []
    for number in range(10):
        panel.wait_steps(2)
        # A step just shown has just begun: the moves are spread over the length of a step.
        panel.page.wait_for_timeout(100 * number * took)
        waits.append(latency(panel, (0.3, 0.8)[number % 2] + number / 100))
    return waits, max(took, seconds_a_step(panel, 8))  # its speed changes meanwhile


def seconds_a_step(panel: Panel, steps: int) -> float:
    """Return the seconds that a step takes, by what the panel shows."""
    begun = len(panel.page.evaluate("window.shown"))
    panel.wait_steps(steps)
    first, *_, last = panel.page.evaluate("window.shown")[begun:]
    return (last["at"] - first["at"]) / (last["step"] - first["step"]) / 1000


def latency(panel: Panel, fraction: float) -> float:
    """Return the seconds from a move of beta to a picture, and its label, that include it."""
    before = panel.part("picture").get_attribute("src")
    ratio = f"{float(panel.drag('beta', fraction, moves=1)):g}"
    return panel.book.wait(SHOWS, [ratio, before], timeout=2 * SOON) / 1000


def test_painting_on_and_on_takes_no_memory(panel, app, tell):
    """Memory in use, without what malloc keeps: some tens of MB, which differ from run to run."""
    process = kernel_process(panel)
    steps, resets = (500, 20) if app == "lab" else (60, 2)  # the kernel is the same
    panel.kernel("studio.set(size=48)")
    panel.play()
    panel.wait_steps(50)
    panel.kernel(TRIM)
    before, done = process.memory_info().rss, 0

    for _ in range(resets):
        panel.wait_step("at least", 15)
        done += (shown := panel.step())
        panel.press("reset")
        panel.wait_step("below", shown)
    panel.wait_step("at least", max(15, steps - done))
    done += panel.step()

    untrimmed = (process.memory_info().rss - before) / 1e6
    panel.kernel(TRIM)
    grown = (process.memory_info().rss - before) / 1e6
    tell(
        f"{app}: {before / 1e6:.0f} MB; {grown:+.1f} MB after {done} steps and {resets} resets, "
        f"{untrimmed:+.1f} MB with what malloc keeps"
    )
    assert grown < 60
