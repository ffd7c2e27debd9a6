"""A panel of nstkit on a real page, for the tests in tests/browser."""

from __future__ import annotations

import re
import statistics
from pathlib import Path

from playwright.sync_api import Locator, expect

SOON = 3.0  # seconds in which a reader must see what a control does

# ---------------------------------------------------------------- in the page
STEP_WHEN = """([status, condition, n]) => {
  const step = Number(/step (\\d+)/.exec(status.textContent)?.[1]);
  return condition === 'at least' ? step >= n : step < n; }"""
# The picture, shrunk: what differs there is another picture and not another JPEG of the same one.
THUMBNAIL = """([image, side]) => {
  if (!image.complete || !image.naturalWidth) return null;
  const canvas = document.createElement('canvas'), pen = canvas.getContext('2d');
  canvas.width = canvas.height = side;
  pen.drawImage(image, 0, 0, side, side);
  return Array.from(pen.getImageData(0, 0, side, side).data).filter((_, i) => i % 4 < 3); }"""
# Pairs of visible controls that cover each other by more than a pixel of their borders.
OVERLAPS = """panel => {
  const kinds = 'button, select, input, .noUi-base, .widget-readout, .widget-label, img, '
    + '.nstkit-caption, .nstkit-status, .nstkit-message, .nstkit-script';
  const parts = [...panel.querySelectorAll(kinds)].filter(
    part => part.checkVisibility() && part.type !== 'file');
  const name = part => part.textContent.trim().slice(0, 30) || part.className || part.tagName;
  const found = [];
  parts.forEach((one, index) => parts.slice(index + 1).forEach(other => {
    if (one.contains(other) || other.contains(one)) return;
    const [a, b] = [one.getBoundingClientRect(), other.getBoundingClientRect()];
    const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (width > 1 && height > 1) found.push(`${name(one)} / ${name(other)}`); }));
  return found; }"""
# Texts that do not fit into their box, and boxes that would have to be scrolled.
CUT = """panel => [panel, document.documentElement, ...panel.querySelectorAll(
    'button, .widget-label, .widget-readout, .widget-html-content, .nstkit-script pre')]
  .filter(part => part.scrollWidth > part.clientWidth + 1 && part.checkVisibility())
  .filter(part => getComputedStyle(part).display !== 'inline')
  .map(part => part.textContent.trim().slice(0, 40) || part.className)"""
# A browser shows the title of the element under the pointer, or of the nearest one around it.
WITHOUT_TOOLTIP = """panel => [...panel.querySelectorAll('button')]
  .filter(button => button.checkVisibility())
  .filter(button => ['', 'null', undefined].includes(button.closest('[title]')?.title))
  .map(button => button.textContent.trim() || button.innerHTML)"""


class Panel:
    """A studio in the output of a cell. Its parts are found by the classes ``nstkit-...``."""

    def __init__(self, book, cell: int, name: str = "studio") -> None:
        self.book, self.page, self.cell, self.name = book, book.page, cell, name
        self.box = book.cell(cell).locator(".nstkit-studio")
        self.status, self.message = self.part("status"), self.part("message")

    def part(self, name: str) -> Locator:
        """Return what the studio calls by this name."""
        return self.box.locator(f".nstkit-{name}")

    def kernel(self, code: str) -> str:
        """Run code in the kernel that knows this panel as ``studio``; return what it printed."""
        return self.book.kernel(code.replace("studio.", f"{self.name}."))

    def make(self) -> Panel:
        """Run the cell, which makes a new panel and closes the one before."""
        self.book.run_cell(self.cell)
        assert self.book.failures() == []
        expect(self.part("picture")).to_be_visible()
        return self

    # ------------------------------------------------------------ what it shows
    def step(self) -> int:
        """Return the step that the status line tells."""
        return int(re.search(r"step (\d+)", self.status.inner_text())[1])

    def wait_step(self, condition: str, n: int, timeout: float = 90) -> None:
        """Wait until the status line tells a step "below" or "at least" ``n``."""
        status = self.status.element_handle()
        self.book.wait(STEP_WHEN, [status, condition, n], timeout=timeout)

    def wait_steps(self, n: int, timeout: float = 90) -> None:
        """Wait until it has shown ``n`` more steps."""
        self.wait_step("at least", self.step() + n, timeout)

    def wait_followed(self) -> None:
        """Wait until it shows a picture that follows what the controls said before.

        The page tells a step later than the kernel makes it, by many steps where they are fast. The
        kernel answers after it has taken the controls' messages; the step that it is making may
        have begun before.
        """
        done = int(self.kernel("print(studio.engine.frame.index)"))
        self.wait_step("at least", done + 3)

    def thumbnail(self, side: int = 12) -> list[int]:
        """Return the picture, shrunk to a square, as numbers from 0 to 255."""
        image = self.part("picture").element_handle()
        return self.book.wait(THUMBNAIL, [image, side], timeout=SOON)

    def differs(self, before: list[int]) -> float:
        """Return the mean difference of the picture from the thumbnail of an earlier one."""
        now = self.thumbnail()
        return statistics.fmean(abs(a - b) for a, b in zip(now, before, strict=True))

    def stays(self, seconds: float = 1.5) -> bool:
        """Return whether step and picture stay as they are."""
        before = self.step(), self.thumbnail(64)
        self.page.wait_for_timeout(1000 * seconds)
        return (self.step(), self.thumbnail(64)) == before

    def readout(self, name: str) -> str:
        """Return the number beside a slider."""
        return self.part(name).locator(".widget-readout").inner_text()

    # ------------------------------------------------------------ what a reader does
    def press(self, name: str) -> None:
        """Press a button; of the two that play, the one that is shown."""
        part = self.part(name)
        (part.locator("button").first if name == "play" else part).click()

    def play(self) -> None:
        """Start."""
        self.press("play")
        expect(self.status).to_contain_text("steps/s")

    def pause(self) -> None:
        """Pause, and wait until the panel says so."""
        self.press("play")
        expect(self.status).to_contain_text("paused")

    def grip(self, name: str) -> tuple[float, float, float, float]:
        """Return the middle of a slider's handle, and the left end and the width of its track."""
        slider = self.part(name)
        slider.scroll_into_view_if_needed()
        handle = slider.locator(".noUi-handle").bounding_box()
        track = slider.locator(".noUi-base").bounding_box()
        x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
        return x, y, track["x"], track["width"]

    def drag(self, name: str, fraction: float, moves: int = 5) -> str:
        """Drag a slider to a fraction of its track; return what its readout says then.

        By pointer, since Notebook 7 takes the arrow keys for itself (jupyter/notebook#7716).
        """
        x, y, left, width = self.grip(name)
        before, mouse = self.readout(name), self.page.mouse
        mouse.move(x, y)
        mouse.down()
        mouse.move(left + fraction * width, y, steps=moves)
        mouse.up()
        expect(self.part(name).locator(".widget-readout")).not_to_have_text(before)
        return self.readout(name)

    def upload(self, kind: str, path: Path) -> None:
        """Upload a file as "content" or "style"."""
        with self.page.expect_file_chooser() as chooser:
            self.press(f"{kind}-upload")
        chooser.value.set_files(path)

    def choose(self, name: str, option: str) -> None:
        """Choose an option of a menu."""
        self.part(name).locator("select").select_option(option)

    def switch(self, name: str) -> Locator:
        """Return the checkbox that switches a weight off."""
        return self.part(name).locator("input[type=checkbox]")


def folder(panel: Panel) -> Path:
    """Return the folder of the notebook, which is the kernel's."""
    return (panel.book.server.folder / "work" / panel.book.path).parent
