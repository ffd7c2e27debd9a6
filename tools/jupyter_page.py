"""A notebook in a real JupyterLab and a real Chromium, for the browser tests and make_stills.py.

Nothing waits for a length of time: the server's port comes from the file that it writes when it
listens, cells are run through JupyterLab's own commands, whose promises resolve when the cell has
finished, and outputs are read from the notebook's model. Every wait has a limit.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError

import nbformat
from notebook_cells import WIDGET_VIEW
from playwright.sync_api import Browser, BrowserContext, Locator, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
Change = Callable[[nbformat.NotebookNode], nbformat.NotebookNode]
ARTIFACTS = ROOT / "browser-artifacts"
# What is served: the notebooks and nothing beside them, for readers may start a server in there.
# nstkit and the sample pictures are found through PYTHONPATH.
PARTS = ("notebooks",)
SETTINGS: dict[str, dict[str, Any]] = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "docmanager-extension/plugin": {"autosave": False},
    "notebook-extension/tracker": {"windowingMode": "none"},  # every cell stays in the page
}
# The application's own name for its settings on the command line, and the address of a notebook. A
# workspace of its own keeps JupyterLab from opening the tabs of the test before.
APPS = {
    "lab": ("LabApp", "lab/workspaces/{folder}/tree"),
    "notebook": ("JupyterNotebookApp", "notebooks"),
}
START = 90.0  # seconds that a server or a first page may take on two busy cores
SOON = 30.0  # seconds for everything else that is not a computation

ELSEWHERE = re.compile(r"^(?:https?|wss?|ftp)://(?!(?:localhost|127\.0\.0\.1|\[::1\])[:/])")
# The badge in the first cell is the one thing that comes from the net, by design: offline, readers
# see its text. It is answered here, so that no test asks the net for it.
BADGE = "https://colab.research.google.com/assets/colab-badge.svg"
DRAWN_BADGE = '<svg xmlns="http://www.w3.org/2000/svg" width="117" height="20"/>'
# Errors that the applications themselves write to the console, each with its reason.
HARMLESS = (
    # Notebook 7.6 reads a setting of a plugin that it has not loaded, at each start, also when the
    # notebook is empty and the kernel has no widget.
    "Cannot read properties of undefined (reading 'schema')",
)

# ---------------------------------------------------------------- in the page
# Each is a JavaScript function of one argument; NOTEBOOK is the panel of the open notebook.
PANEL = "const NOTEBOOK = window.jupyterapp.shell.currentWidget;"
OPENED = "() => window.jupyterapp?.shell?.currentWidget?.sessionContext"
READY = f"""async () => {{ {PANEL}
  await NOTEBOOK.context.ready; await NOTEBOOK.sessionContext.ready;
  await NOTEBOOK.sessionContext.session.kernel.info; }}"""
IDLE = f"() => {{ {PANEL} return NOTEBOOK.sessionContext.session.kernel.status === 'idle'; }}"
# Cells are rendered one after the other, also with windowing off.
RENDERED = f"""() => {{ {PANEL}
  const cells = NOTEBOOK.content.widgets;
  return cells.every(cell => cell.isPlaceholder && !cell.isPlaceholder())
    && cells.every(cell => cell.model.type !== 'markdown' || cell.node.querySelector(
         '.jp-MarkdownOutput')?.childElementCount > 0)
    && [...NOTEBOOK.node.querySelectorAll('img')].every(img => img.complete); }}"""
CELLS = f"() => {{ {PANEL} return NOTEBOOK.context.model.toJSON().cells; }}"
SELECT = f"""index => {{ {PANEL}
  NOTEBOOK.content.deselectAll(); NOTEBOOK.content.activeCellIndex = index; }}"""
# The kernel's status does not tell when a cell is done: widgets' messages make it idle in between.
START_COMMAND = "name => { window.started = window.jupyterapp.commands.execute(name); }"
DONE = """seconds => Promise.race([
  Promise.resolve(window.started).then(() => true),
  new Promise(resolve => setTimeout(resolve, 1000 * seconds, false))])"""
INTERRUPT = "() => window.jupyterapp.commands.execute('notebook:interrupt-kernel')"
KERNEL = f"""async ([code, seconds]) => {{ {PANEL}
  const replies = {{text: '', error: ''}};
  const request = {{code, store_history: false, stop_on_error: false}};
  const future = NOTEBOOK.sessionContext.session.kernel.requestExecute(request);
  future.onIOPub = ({{header, content}}) => {{
    if (header.msg_type === 'stream') replies.text += content.text;
    if (header.msg_type === 'error') replies.error = content.ename + ': ' + content.evalue; }};
  const late = new Promise(resolve => setTimeout(resolve, 1000 * seconds, 'late'));
  if (await Promise.race([future.done, late]) === 'late') replies.error = 'no answer in time';
  return replies; }}"""
IMAGES = f"""selector => {{ {PANEL}
  return NOTEBOOK.content.widgets.flatMap((cell, index) =>
    [...cell.node.querySelectorAll(selector)].map(img => ({{
      cell: index, alt: img.alt, pixels: img.naturalWidth, width: img.clientWidth}}))); }}"""


# The pictures that cells have shown; a panel's own picture is none of them.
OUTPUT_IMAGE = ".jp-Cell-outputArea img:not(.jupyter-widgets, .jupyter-widgets *)"


# ---------------------------------------------------------------- server
class Server:
    """A Jupyter server of its own: loopback, a free port, a token, private folders.

    Args:
        app: "lab" or "notebook", Notebook 7.
        folder: for settings, logs and copies of the course.
    """

    def __init__(self, app: str, folder: Path) -> None:
        self.app, self.folder, self.token = app, folder, secrets.token_hex(16)
        self.url = ""
        self.log = folder / "server.log"
        (folder / "work").mkdir()
        for name, values in SETTINGS.items():
            path = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values), encoding="utf-8")
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                self._command(), env=self._environment(), stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            self._wait()
        except BaseException:
            self.close()
            raise

    def _command(self) -> list[str]:
        trait = APPS[self.app][0]
        options = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": 0,
            "ServerApp.open_browser": False,
            "ServerApp.allow_root": True,
            "ServerApp.terminals_enabled": False,
            "ServerApp.root_dir": self.folder / "work",
            "IdentityProvider.token": self.token,
            f"{trait}.expose_app_in_browser": True,
            "LabApp.extension_manager": "readonly",
        }
        arguments = [f"--{name}={value}" for name, value in options.items()]
        return [sys.executable, "-m", "jupyter", self.app, *arguments]

    def _environment(self) -> dict[str, str]:
        """Return this environment without the user's Jupyter, with nstkit importable."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "IPYTHON"))}
        names = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "IPYTHONDIR": "ipython",
        }
        private = {name: str(self.folder / folder) for name, folder in names.items()}
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        return {**kept, **private, "PYTHONPATH": path}

    def _wait(self) -> None:
        deadline = time.monotonic() + START
        while time.monotonic() < deadline and self.process.poll() is None:
            for path in (self.folder / "runtime").glob("jpserver-*.json"):
                try:
                    self.url = json.loads(path.read_text(encoding="utf-8"))["url"]
                    self.api("status")
                    return
                except (URLError, ConnectionError, ValueError):  # half written, or not yet there
                    pass
            time.sleep(0.05)
        raise RuntimeError(f"jupyter {self.app} did not start:\n{self.log.read_text()}")

    def api(self, path: str, method: str = "GET") -> Any:
        """Ask the server's REST interface."""
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(f"{self.url}api/{path}", method=method, headers=headers)
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(request, timeout=SOON) as reply:
            body = reply.read()
        return json.loads(body) if body else None

    def copy(self, notebook: str, change: Change | None = None) -> str:
        """Copy what a notebook needs into a new folder; return the notebook's path in it."""
        folder = self.folder / "work" / secrets.token_hex(4)
        folder.mkdir()
        for part in (ROOT / name for name in PARTS if (ROOT / name).exists()):
            (shutil.copytree if part.is_dir() else shutil.copy)(part, folder / part.name)
        name = f"notebooks/{notebook}.ipynb"
        if change is not None:
            changed = change(nbformat.read(folder / name, as_version=4))
            nbformat.write(changed, folder / name)
        return f"{folder.name}/{name}"

    def address(self, path: str) -> str:
        """Return the URL that opens a notebook."""
        route = APPS[self.app][1].format(folder=path.split("/")[0])
        return f"{self.url}{route}/{path}?token={self.token}"

    def stop_kernels(self) -> None:
        """Shut down all kernels."""
        for session in self.api("sessions"):
            self.api(f"sessions/{session['id']}", "DELETE")

    def close(self) -> None:
        """Stop the server, which stops its kernels."""
        for kind in (signal.SIGTERM, signal.SIGKILL):
            if self.process.poll() is None:
                os.killpg(self.process.pid, kind)
            try:
                self.process.wait(15)
                return
            except subprocess.TimeoutExpired:
                pass


# ---------------------------------------------------------------- page
class NotebookPage:
    """A notebook in a browser tab. Cells are counted from 0.

    Args:
        context: a new browser context; closed with the page.
        server: where the notebook is opened.
    """

    def __init__(self, context: BrowserContext, server: Server) -> None:
        self.context, self.server = context, server
        self.complaints: list[str] = []
        self.path = ""  # of the notebook, from the server's folder
        self.holds: tuple[str, Change | None] | None = None  # what `open_once` has opened
        context.route(ELSEWHERE, self._refuse)
        context.route(
            BADGE, lambda route: route.fulfill(body=DRAWN_BADGE, content_type="image/svg+xml")
        )
        self.page = context.new_page()
        self.page.set_default_timeout(1000 * SOON)
        self.page.on("websocket", lambda socket: self._check_socket(socket.url))
        self.page.on("pageerror", lambda error: self._complain(f"page error: {error}"))
        self.page.on("console", self._on_console)

    def _complain(self, text: str) -> None:
        if not any(harmless in text for harmless in HARMLESS):
            self.complaints.append(text)

    def _refuse(self, route: Any) -> None:
        self._complain(f"asked the net for {route.request.url}")
        route.abort()

    def _check_socket(self, url: str) -> None:
        if ELSEWHERE.match(url):
            self._complain(f"opened a socket to {url}")

    def _on_console(self, message: Any) -> None:
        if message.type == "error":
            self._complain(f"console: {message.text} ({message.location.get('url', '')})")

    def open(self, notebook: str, change: Change | None = None) -> NotebookPage:
        """Open a copy of a notebook of the course and wait until all is shown, kernel idle."""
        self.path = self.server.copy(notebook, change)
        return self.reopen()

    def reopen(self) -> NotebookPage:
        """Open the same notebook again, with the kernel that it has."""
        self.page.goto(self.server.address(self.path), timeout=1000 * START)
        self.wait(OPENED, timeout=START)
        self.page.evaluate(READY)
        self.wait(IDLE, timeout=START)
        self.wait(RENDERED)
        return self

    def wait(self, condition: str, argument: Any = None, timeout: float = SOON) -> Any:
        """Wait until a JavaScript function returns something true.

        It asks 10 times a second: by default it would ask in every frame, and so make the browser
        draw 60 of them a second, with a core that the kernel is to paint with.
        """
        options = {"timeout": 1000 * timeout, "polling": 100}
        return self.page.wait_for_function(condition, arg=argument, **options).json_value()

    def start(self, command: str) -> None:
        """Execute a command of the application, such as running a cell, and do not wait."""
        self.page.evaluate(START_COMMAND, command)

    def finish(self, timeout: float = SOON) -> None:
        """Wait until what was started last is done."""
        assert self.page.evaluate(DONE, timeout), f"not done after {timeout:g} s"

    def command(self, name: str, timeout: float = SOON) -> None:
        """Execute a command of the application and wait until it is done."""
        self.start(name)
        self.finish(timeout)

    # ------------------------------------------------------------ cells
    def cells(self) -> list[dict[str, Any]]:
        """Return the cells as nbformat has them, with the outputs of now."""
        return self.page.evaluate(CELLS)

    def find(self, text: str) -> int:
        """Return the number of the one code cell whose source contains the text."""
        code = [
            n
            for n, cell in enumerate(self.cells())
            if cell["cell_type"] == "code" and text in "".join(cell["source"])
        ]
        assert len(code) == 1, f"expected one code cell with {text!r}, found {code}"
        return code[0]

    def cell(self, index: int) -> Locator:
        """Return a cell as it is shown."""
        return self.page.locator(".jp-Notebook-cell").nth(index)

    def outputs(self, index: int | None = None) -> list[dict[str, Any]]:
        """Return the outputs of one cell or of all, each with the number of its cell."""
        return [
            {"cell": n, **output}
            for n, cell in enumerate(self.cells())
            for output in cell.get("outputs", [])
            if index in (None, n)
        ]

    def failures(self) -> list[str]:
        """Return what looks like a failure in the outputs: errors, stderr, broken widgets."""
        errors = [o for o in self.outputs() if o["output_type"] == "error"]
        told = [f"cell {o['cell']}: {o['ename']}: {o['evalue']}" for o in errors]
        stderr = [o for o in self.outputs() if o.get("name") == "stderr"]
        told += [f"cell {o['cell']} on stderr: {''.join(o['text'])}" for o in stderr]
        broken = self.page.get_by_text("Error displaying widget").all_inner_texts()
        return told + broken

    def images(self, selector: str = OUTPUT_IMAGE) -> list[dict[str, Any]]:
        """Return cell, alt, pixels and width of the images that are shown."""
        self.wait(RENDERED)
        return self.page.evaluate(IMAGES, selector)

    def cells_with_pictures(self) -> list[int]:
        """Return the cells whose outputs hold pictures, once for each picture."""
        return cells_of_pictures(self.outputs())

    def check_pictures(self) -> None:
        """Assert that the pictures of all outputs, at least one, are shown and not tiny.

        A live widget takes the place of the picture that its output holds for other pages.
        """
        images = self.images()
        drawn = [o for o in self.outputs() if WIDGET_VIEW not in o.get("data", {})]
        assert [image["cell"] for image in images] == cells_of_pictures(drawn)
        assert images, "no cell shows a picture"
        assert not [image for image in images if image["pixels"] == 0 or image["width"] < 100]

    # ------------------------------------------------------------ running
    def run_all(self, timeout: float = 480) -> NotebookPage:
        """Run all cells."""
        self.command("notebook:run-all-cells", timeout)
        return self

    def run_cell(self, index: int, timeout: float = 120) -> NotebookPage:
        """Run one cell."""
        self.start_cell(index)
        self.finish(timeout)
        return self

    def start_cell(self, index: int) -> None:
        """Run one cell and do not wait."""
        self.page.evaluate(SELECT, index)
        self.start("notebook:run-cell")

    def interrupt(self, timeout: float = SOON) -> None:
        """Press the stop button and wait until the started cell has ended."""
        self.page.evaluate(INTERRUPT)
        self.finish(timeout)

    def clear_outputs(self) -> None:
        """Clear the outputs of all cells."""
        self.command("notebook:clear-all-cell-outputs")

    def kernel(self, code: str, timeout: float = SOON) -> str:
        """Run code in the notebook's kernel, beside the cells; return what it printed."""
        replies = self.page.evaluate(KERNEL, [code, timeout])
        assert not replies["error"], replies["error"]
        return replies["text"].strip()

    # ------------------------------------------------------------ the end
    def shot(self, name: str) -> Path:
        """Store a picture of what the tab shows now."""
        ARTIFACTS.mkdir(exist_ok=True)
        path = ARTIFACTS / f"{name}.png"
        self.page.screenshot(path=path)
        return path

    def leave_evidence(self, name: str) -> None:
        """Store a picture, the complaints, and the server's log."""
        self.shot(name)
        text = "\n".join([*self.complaints, "", self.server.log.read_text(errors="replace")])
        (ARTIFACTS / f"{name}.log").write_text(text, encoding="utf-8")

    def close(self) -> None:
        """Close the tab and shut its kernel down."""
        self.context.close()
        self.server.stop_kernels()


def cells_of_pictures(outputs: list[dict[str, Any]]) -> list[int]:
    """Return the cells of outputs that hold pictures, once for each picture."""
    kinds = [(output["cell"], mime) for output in outputs for mime in output.get("data", {})]
    return [cell for cell, mime in kinds if mime.startswith("image/")]


# ---------------------------------------------------------------- browser
@contextmanager
def chromium() -> Iterator[Browser]:
    """Yield Chromium: $CHROMIUM, else the system's, else Playwright's own."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        # Debian's start script and Chromium itself would take a proxy from the environment.
        flags = ["--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server"]
        instance = playwright.chromium.launch(executable_path=path, args=flags)
        yield instance
        instance.close()


def new_page(browser: Browser, server: Server, **options: Any) -> NotebookPage:
    """Return an empty page of its own; ``options`` are those of Playwright's contexts."""
    # Requests of a service worker would pass by the routes that refuse the net.
    context = browser.new_context(
        **{"viewport": {"width": 1280, "height": 1000}, "service_workers": "block"} | options
    )
    return NotebookPage(context, server)
