"""A real JupyterLab server, a real kernel and a real Chromium for the tests in this folder.

    python -m pytest -m browser tests/browser       CHROMIUM=/path/to/chromium picks the browser

How a page is driven, tools/jupyter_page.py says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import jupyter_page
import pytest
from jupyter_page import Change, NotebookPage, Server
from playwright.sync_api import Browser

# ---------------------------------------------------------------- fixtures
FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    """Remember whether a test failed, for the fixture that closes its pages."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Server]]:
    """A function that returns the server of an application, started when first asked for."""
    running: dict[str, Server] = {}

    def get(app: str) -> Server:
        if app not in running:
            running[app] = Server(app, tmp_path_factory.mktemp(app))
        return running[app]

    yield get
    for server in running.values():
        server.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, as the tools find it."""
    with jupyter_page.chromium() as instance:
        yield instance


@pytest.fixture(scope="module")
def new_page(servers: Callable[[str], Server], browser: Browser) -> Callable[[str], NotebookPage]:
    """A function that returns an empty page for an application."""

    def new(app: str) -> NotebookPage:
        return jupyter_page.new_page(browser, servers(app))

    return new


@pytest.fixture
def end_of_test(request: pytest.FixtureRequest) -> Callable[[list[NotebookPage]], list[str]]:
    """A function that leaves evidence of the pages of a failed test and returns complaints."""

    def end(books: list[NotebookPage]) -> list[str]:
        complaints = [complaint for book in books for complaint in book.complaints]
        if complaints or request.node.stash.get(FAILED, True):
            for number, book in enumerate(books):
                book.leave_evidence(re.sub(r"\W+", "_", f"{request.node.name}_{number}"))
        return complaints

    return end


@pytest.fixture
def open_notebook(
    new_page: Callable[[str], NotebookPage],
    end_of_test: Callable[[list[NotebookPage]], list[str]],
) -> Iterator[Callable[..., NotebookPage]]:
    """A function ``(notebook, app="lab")`` that opens a fresh copy of a notebook in a new page.

    ``change`` is a function of the notebook that makes another one of it before it is opened.

    At the end the kernels are shut down, and the test fails if a page raised an error, wrote one
    to the console, or asked for anything that is not on this machine.
    """
    books: list[NotebookPage] = []

    def open_(notebook: str, app: str = "lab", change: Change | None = None) -> NotebookPage:
        books.append(new_page(app))
        return books[-1].open(notebook, change)

    yield open_
    complaints = end_of_test(books)
    for book in books:
        book.close()
    assert not complaints, "\n".join(complaints)


@pytest.fixture(scope="module")
def desk(app: str, new_page: Callable[[str], NotebookPage]) -> Iterator[NotebookPage]:
    """A page that stays open from one test to the next, for a file that has an ``app``."""
    book = new_page(app)
    yield book
    book.close()


@pytest.fixture
def open_once(
    desk: NotebookPage,
    end_of_test: Callable[[list[NotebookPage]], list[str]],
    request: pytest.FixtureRequest,
) -> Iterator[Callable[..., NotebookPage]]:
    """A function like that of `open_notebook`, of the notebook alone, without the price of it.

    It finds page and kernel as the test before has left them, if that asked for the same notebook
    with the same change and has passed; else it opens a fresh copy with a fresh kernel.
    """

    def open_(notebook: str, change: Change | None = None) -> NotebookPage:
        if desk.holds != (notebook, change):
            desk.server.stop_kernels()
            desk.open(notebook, change)
            desk.holds = notebook, change
        return desk

    yield open_
    complaints = end_of_test([desk])
    if complaints or request.node.stash.get(FAILED, True):
        desk.holds, desk.complaints = None, []
    assert not complaints, "\n".join(complaints)


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """A function that prints numbers also when the test passes."""

    def tell_(text: str) -> None:
        with capsys.disabled():
            print(f"\n    {text}", end="", flush=True)

    return tell_
