"""The book, as a newcomer reads it: without the net, in a small and a large window, in the dark.

It is built by the command of CONTRIBUTING, which leaves what is built already and renews the rest.
"""

from __future__ import annotations

import functools
import html
import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "build" / "book"
ELSEWHERE = re.compile(r"^https?://(?!127\.0\.0\.1[:/])")
COMMAND = re.compile(r"python (-m sphinx -W [^#\n]*build/book)")
PAGES = (
    "docs/index.html",
    "docs/practical.html",
    "docs/gallery/README.html",
    "docs/notation.html",
    "docs/api/index.html",
    "docs/api/painting.html",
    "notebooks/04_two_losses.html",
    "README.html",
)
SERIOUS = ("serious", "critical")
AXE = {
    "preload": False,  # it would look for style sheets where they are not
    # Sphinx writes a long signature as a list of values without terms.
    "rules": {"definition-list": {"enabled": False}},
}
WIDER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Formulas that MathJax has set, and those that it could not set.
FORMULAS = "mjx-container mjx-math"
WRONG_FORMULAS = "mjx-merror, .math:not(:has(mjx-container))"
UNSEEN = """() => [...document.querySelectorAll('article img')].filter(img =>
  { img.loading = 'eager'; return !img.alt.trim(); }).map(img => img.src)"""
LOADED = "() => [...document.images].every(img => img.complete && img.naturalWidth > 0)"
# How light a color of the page is, from 0 to 255.
LIGHT = """() => { const color = getComputedStyle(document.body).backgroundColor;
  const [r, g, b] = color.match(/[\\d.]+/g).map(Number); return (r + g + b) / 3; }"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves the book and writes no log."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def book() -> Path:
    """The folder of the built book."""
    shutil.rmtree(BOOK / "_modules", ignore_errors=True)  # Sphinx would not renew their links
    arguments = COMMAND.search((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))[1].split()
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=540
    )
    assert done.returncode == 0, done.stderr
    return BOOK


@pytest.fixture(scope="module")
def address(book: Path) -> Iterator[str]:
    """Where the book is served, as on the net."""
    handler = functools.partial(Quiet, directory=str(book))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page without a net; at the end nothing has failed or asked for the net."""
    context = browser.new_context(
        viewport={"width": 1440, "height": 1000}, service_workers="block", color_scheme="light"
    )
    complaints: list[str] = []

    def refuse(route) -> None:
        complaints.append(f"asked the net for {route.request.url}")
        route.abort()

    def told(url: str, why: str | None) -> None:
        if why != "net::ERR_ABORTED":  # the reader went on before it was there
            complaints.append(f"{why}: {url}")

    context.route(ELSEWHERE, refuse)
    new = context.new_page()
    new.set_default_timeout(30_000)
    new.on("pageerror", lambda error: complaints.append(f"page error: {error}"))
    new.on("requestfailed", lambda failed: told(failed.url, failed.failure))
    new.on(
        "response",
        lambda reply: reply.status >= 400 and complaints.append(f"{reply.status}: {reply.url}"),
    )
    yield new
    context.close()
    assert not complaints, "\n".join(complaints)


def dead_links(folder: Path) -> list[str]:
    """Return the links in the pages of a folder that lead to no file or to no place in it."""
    texts = {path: path.read_text(encoding="utf-8") for path in folder.rglob("*.html")}
    pages = {path: text for path, text in texts.items() if "_static" not in path.parts}
    places = {path: set(re.findall(r'\bid="([^"]+)"', text)) for path, text in pages.items()}
    dead = []
    for page, text in pages.items():
        for address in set(
            re.findall(r'<(?:a|img|link|script)\b[^>]*?\b(?:href|src)="([^"]*)"', text)
        ):
            parts = urlsplit(html.unescape(address))
            if parts.scheme or parts.netloc:
                continue
            target = (
                Path(os.path.normpath(page.parent / unquote(parts.path))) if parts.path else page
            )
            place = unquote(parts.fragment)
            if not target.is_file() or (place and place not in places.get(target, {place})):
                dead.append(f"{page.relative_to(folder)}: {address}")
    return dead


def test_every_link_inside_of_the_book_leads_somewhere(book, tmp_path):
    assert dead_links(book) == []
    (tmp_path / "a.html").write_text(
        '<p id="x"><a href="a.html#y">y</a><img src="b.png"><a href="#x">'
    )
    assert sorted(dead_links(tmp_path)) == ["a.html: a.html#y", "a.html: b.png"]


def visit(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for_load_state("networkidle")


def test_the_folders_address_shows_the_front_page(page, address):
    visit(page, address)
    page.wait_for_url("**/docs/index.html")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Neural style transfer")


def test_a_newcomer_gets_from_the_front_page_to_a_cure_in_one_click(page, address):
    visit(page, f"{address}docs/index.html")
    page.locator("article").get_by_role("link", name="symptom and cure").click()
    page.wait_for_url("**/docs/practical.html#symptom-and-cure")
    row = page.get_by_role("row").filter(has_text="melted face")
    expect(row).to_contain_text("nstkit.PORTRAIT")
    lesson = row.get_by_role("link").last
    number = lesson.text_content()
    lesson.click()
    page.wait_for_url(f"**/notebooks/{number}_*.html")
    expect(page.locator("article")).to_contain_text("PORTRAIT")


@pytest.mark.parametrize("word", ["specks", "melted", "blurred", "memory"])
def test_the_search_leads_from_a_symptom_to_the_practical_page(page, address, word):
    visit(page, f"{address}docs/index.html")
    page.keyboard.press("Control+k")
    page.keyboard.type(word)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/search.html?q={word}*")
    results = page.locator("#search-results")
    results.get_by_role("link", name="In practice", exact=True).first.click()
    page.wait_for_url("**/docs/practical.html*")
    expect(page.locator("article")).to_contain_text(word)


def test_a_lesson_shows_its_formulas_and_pictures(page, address):
    visit(page, f"{address}notebooks/04_two_losses.html")
    expect(page.get_by_role("heading", level=1)).to_contain_text("04 Two losses")
    expect(page.locator(FORMULAS).first).to_be_visible()
    assert page.locator(FORMULAS).count() > 20
    assert page.locator(WRONG_FORMULAS).count() == 0
    assert page.locator(".cell_output img").count() >= 5
    folded = page.locator("details", has_text="Solution").first
    folded.locator("summary").click()
    expect(folded.locator("pre, p").first).to_be_visible()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_is_whole_and_shuts_nobody_out(page, address, name):
    visit(page, address + name)
    assert page.evaluate(UNSEEN) == []
    page.wait_for_function(LOADED)
    for theme in ("light", "dark"):
        page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        page.wait_for_timeout(300)  # colors fade
        found = Axe().run(page, context="article", options=AXE).response["violations"]
        serious = [
            f"{theme}: {rule['id']}: {node['html'][:150]}: {node['failureSummary'][:200]}"
            for rule in found
            if rule["impact"] in SERIOUS
            for node in rule["nodes"]
        ]
        assert serious == []
    for width in (1024, 400):
        page.set_viewport_size({"width": width, "height": 1000})
        page.wait_for_timeout(200)
        assert page.evaluate(WIDER) <= 0, width


def test_the_menu_makes_the_page_dark_and_the_next_page_too(page, address):
    visit(page, f"{address}docs/practical.html")
    assert page.evaluate(LIGHT) > 200
    page.get_by_role("button", name="Color mode").first.click()
    page.get_by_role("button", name="Dark", exact=True).first.click()
    page.wait_for_timeout(300)
    assert page.evaluate(LIGHT) < 60
    page.locator("nav").get_by_role("link", name="Notation").first.click()
    page.wait_for_url("**/docs/notation.html")
    assert page.evaluate(LIGHT) < 60


def test_the_folder_can_be_read_without_a_server(page, book):
    page.goto((book / "docs" / "practical.html").as_uri())
    expect(page.get_by_role("row").filter(has_text="garish specks")).to_be_visible()
    page.goto((book / "notebooks" / "04_two_losses.html").as_uri())
    expect(page.locator(FORMULAS).first).to_be_visible()
