"""The studio on the widget generation that Google Colab has, in a real kernel, without a page.

The test makes a small environment with ipywidgets 7.7.1, IPython 7.34 and ipykernel 6.17.1, which
borrows torch and the rest from this one, starts a kernel in it, and plays the page: it sends the
messages that a browser's widgets would send, and reads the updates that come back.
"""

from __future__ import annotations

import io
import os
import subprocess
import sysconfig
import time
import venv
from pathlib import Path

import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager
from PIL import Image

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
# What Colab had in August 2026 (googlecolab/backend-info), and what these need that newer ones do
# not. All else is borrowed, for their own dependencies would bring a second Jupyter.
OLD = ("ipywidgets==7.7.1", "ipython==7.34.0", "ipykernel==6.17.1", "traitlets==5.7.1")
NEEDED = ("ipython-genutils", "backcall", "pickleshare", "decorator", "nest-asyncio")
LIMIT = 60.0  # seconds for anything
CODE = """
import nstkit
studio = nstkit.Studio("cat", "great_wave", size=96)
studio"""


@pytest.fixture(scope="module")
def old_python(tmp_path_factory) -> Path:
    """An environment of its own: what is installed in it goes before what it borrows."""
    folder = tmp_path_factory.mktemp("old")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    install = [python, "-m", "pip", "install", "-q", "--no-deps", *OLD, *NEEDED]
    subprocess.run(install, check=True, timeout=300)
    query = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    own = subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip()
    (Path(own) / "borrowed.pth").write_text(f"{sysconfig.get_path('purelib')}\n{ROOT}\n")
    return python


class OldKernel:
    """A kernel of the old generation, and the page that the test plays."""

    def __init__(self, python: Path, folder: Path) -> None:
        command = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        self.manager = KernelManager()
        self.manager._kernel_spec = KernelSpec(argv=command, display_name="old", language="python")
        env = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "IPYTHON"))}
        self.log = (folder / "kernel.log").open("w+")
        self.manager.start_kernel(
            cwd=str(folder), env={**env, "IPYTHONDIR": str(folder / "ipython")},
            stdout=self.log, stderr=self.log,
        )  # fmt: skip
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=LIMIT)
        self.state: dict[str, dict] = {}  # of each widget, as the page would have it
        self.printed = ""

    def run(self, code: str) -> str:
        """Run code and return what it printed or displayed as a view."""
        self.printed = ""
        self._await(self.client.execute(code, store_history=True))
        return self.printed

    def send(self, widget: str, files: tuple[bytes, ...] = (), **state: object) -> None:
        """Send what a page's widget would, with the contents of ``files`` as its ``data``."""
        self.state[widget].update(state)
        paths = [["data", number] for number in range(len(files))]
        state = {**state, "data": [None] * len(files)} if files else state
        self._send(widget, {"method": "update", "state": state, "buffer_paths": paths}, files)

    def click(self, widget: str) -> None:
        """Click a button."""
        self._send(widget, {"method": "custom", "content": {"event": "click"}})

    def _send(self, widget: str, data: dict, buffers: tuple[bytes, ...] = ()) -> None:
        message = self.client.session.msg("comm_msg", {"comm_id": widget, "data": data})
        self.client.shell_channel.send({**message, "buffers": list(buffers)})
        self._await(message["header"]["msg_id"])

    def _await(self, request: str) -> None:
        """Take messages until the kernel is done with a request; keep the widgets' states."""
        deadline = time.monotonic() + LIMIT
        while True:
            message = self.client.get_iopub_msg(timeout=max(0.1, deadline - time.monotonic()))
            self._take(message)
            done = message["content"].get("execution_state") == "idle"
            if done and message["parent_header"].get("msg_id") == request:
                return

    def _take(self, message: dict) -> None:
        kind, content = message["msg_type"], message["content"]
        if kind == "error":
            raise AssertionError("\n".join(content["traceback"]))
        if kind == "stream":
            assert content["name"] == "stdout", content["text"]
            self.printed += content["text"]
        if kind in ("comm_open", "comm_msg") and "state" in content["data"]:
            state = self.state.setdefault(content["comm_id"], {})
            state.update(content["data"]["state"])
            for path, buffer in zip(
                content["data"].get("buffer_paths", []), message["buffers"], strict=True
            ):
                state[path[0]] = bytes(buffer)

    def find(self, css: str) -> str:
        """Return the widget with a CSS class."""
        (found,) = [
            k for k, s in self.state.items() if f"nstkit-{css}" in s.get("_dom_classes", ())
        ]
        return found

    def status(self) -> str:
        """Return the line below the picture."""
        return self.state[self.find("status")]["value"]

    def step(self) -> int:
        """Return the step that the page shows."""
        return int(self.status().split("step ")[1].split("<")[0])

    def beat_until(self, condition) -> None:
        """Beat as a playing Play does, until something holds."""
        play, deadline = self.find("play"), time.monotonic() + LIMIT
        while not condition():
            assert time.monotonic() < deadline, f"in vain: {self.status()}"
            self.send(play, value=self.state[play]["value"] + 1)
            time.sleep(0.1)

    def close(self) -> str:
        """Shut down and return what the kernel wrote on its streams."""
        self.client.stop_channels()
        self.manager.shutdown_kernel()
        with self.log:
            self.log.seek(0)
            return self.log.read()


@pytest.fixture
def kernel(old_python, tmp_path):
    kernel = OldKernel(old_python, tmp_path)
    yield kernel
    log = kernel.close()
    assert not any(word in log for word in ("Traceback", "Aborted", "terminate called")), log


def test_the_studio_works_on_the_widgets_that_colab_has(kernel):
    versions = "import ipywidgets, IPython, ipykernel, torch\n"
    told = kernel.run(versions + "print(ipywidgets.__version__, IPython.__version__, end='')")
    assert told == "7.7.1 7.34.0"
    kernel.run(CODE)
    play, beta = kernel.find("play"), kernel.find("beta")
    slider = kernel.state[beta]["children"][2].removeprefix("IPY_MODEL_")

    # Nothing runs before the page has pressed play.
    kernel.send(play, value=1)
    assert kernel.step() == 0
    picture = kernel.state[kernel.find("picture")]["value"]

    kernel.send(play, _playing=True)
    kernel.beat_until(lambda: kernel.step() >= 3)
    assert kernel.state[kernel.find("picture")]["value"] != picture
    assert Image.open(io.BytesIO(kernel.state[kernel.find("picture")]["value"])).size[0] == 96

    # A slider steers, and nothing begins again.
    step = kernel.step()
    labels = kernel.state[slider]["_options_labels"]
    kernel.send(slider, index=labels.index("1000"))
    kernel.beat_until(lambda: "β/α = 1000" in kernel.status())
    assert kernel.step() > step

    # The pause button stops.
    kernel.send(play, _playing=False)
    assert "paused" in kernel.status()
    assert kernel.run("print(studio.painting, end='')") == "False"

    # So does Python, whose pause the page follows.
    kernel.send(play, _playing=True)
    kernel.beat_until(lambda: "steps/s" in kernel.status())
    kernel.run("studio.pause()")
    assert kernel.state[play]["_playing"] is False

    kernel.click(kernel.find("reset"))
    assert kernel.step() == 0
    kernel.click(kernel.find("step"))
    assert kernel.step() == 1


def test_uploads_of_the_old_kind_and_a_cell_run_again(kernel):
    kernel.run(CODE)
    file = io.BytesIO()
    Image.linear_gradient("L").resize((120, 60)).convert("RGB").save(file, "PNG")
    told = {"name": "mine.png", "type": "image/png", "size": len(file.getvalue())}
    upload = kernel.find("content-upload")
    kernel.send(upload, (file.getvalue(),), metadata=[told], error="", _counter=1)
    assert "96 × 48 px" in kernel.status()

    kernel.send(kernel.find("play"), _playing=True)
    kernel.beat_until(lambda: kernel.step() >= 1)
    kernel.run("old = studio")
    kernel.state.clear()
    kernel.run(CODE)
    assert kernel.run("print(old is studio, old.painting, end='')") == "False False"


def test_a_kernel_that_is_shut_down_while_painting_ends_in_peace(kernel):
    kernel.run(CODE)
    kernel.send(kernel.find("play"), _playing=True)
    kernel.beat_until(lambda: kernel.step() >= 1)
    assert kernel.run("print(studio.painting, end='')") == "True"
    # The fixture shuts it down now, and looks at what it wrote.


def test_artworks_colors_strokes_and_a_region_on_the_old_widgets(kernel):
    """A page of this generation would send the same: indices of menus, and the text of a field."""
    kernel.run(CODE)

    def choose(widget, label):
        labels = kernel.state[kernel.find(widget)]["_options_labels"]
        kernel.send(kernel.find(widget), index=labels.index(label))

    def used(what):
        return kernel.run(f"s = studio.engine.settings; print({what}, end='')")

    choose("second", "scream")
    choose("share", "25%")
    assert used("s.style") == "[('great_wave', 0.75), ('scream', 0.25)]"
    choose("color", "kept exactly")
    choose("scale", "1.4")
    assert used("s.recipe.color, s.recipe.style_scale") == "luminance 1.4"

    choose("kind", "an ellipse")
    before = kernel.state[kernel.find("photo")]["value"]
    assert "onpointerdown" in before and "data:image/jpeg" in before
    kernel.send(kernel.find("drawn"), value="0.1 0.2 0.6 0.9")
    assert used("s.regions[0].mask").startswith("~ellipse(left=0.1, top=0.2, right=0.6, bottom=0.9")
    assert kernel.state[kernel.find("photo")]["value"] != before
    assert kernel.state[kernel.find("drawn")]["value"] == ""

    choose("kind", "a color")
    kernel.send(kernel.find("picked"), value="#806040")
    kernel.send(kernel.find("tolerance"), value=0.3)
    assert used("s.regions[0].mask").startswith("~color_range(color=(0.50")
    kernel.click(kernel.find("step"))
    assert kernel.step() == 1
    choose("kind", "the whole picture")
    choose("second", "none")
    assert used("s.style, s.regions") == "great_wave ()"


def test_the_instant_panel_answers_on_the_old_widgets(kernel):
    """Each message is answered before the kernel is idle again: there is no thread and no beat."""
    kernel.run('import nstkit\npanel = nstkit.Instant("cat", "great_wave", size=96)\npanel')

    def picture():
        return kernel.state[kernel.find("picture")]["value"]

    def choose(widget, label):
        before, labels = picture(), kernel.state[kernel.find(widget)]["_options_labels"]
        began = time.monotonic()
        kernel.send(kernel.find(widget), index=labels.index(label))
        assert picture() != before, widget
        return time.monotonic() - began

    assert Image.open(io.BytesIO(picture())).size == (96, 64)
    seconds = [choose("strength", f"{n / 20:.2f}") for n in range(19, 9, -1)]
    seconds += [choose("how", "transport"), choose("style", "scream"), choose("content", "macaw")]
    seconds += [
        choose("second", "great_wave"),
        choose("share", "25%"),
        choose("color", "the photo's"),
    ]
    choose("size", "128")
    assert max(seconds) < 3.0, seconds
    told = kernel.run("r = panel.result(); print(r.how, r.strength, r.color, r.sources, end='')")
    assert told == "transport 0.5 match ('macaw', 'scream + great_wave')"

    file = io.BytesIO()
    Image.linear_gradient("L").resize((120, 60)).convert("RGB").save(file, "PNG")
    told = {"name": "mine.png", "type": "image/png", "size": len(file.getvalue())}
    kernel.send(
        kernel.find("content-upload"), (file.getvalue(),), metadata=[told], error="", _counter=1
    )
    assert "128 × 64 px" in kernel.status()
    kernel.click(kernel.find("save"))
    assert (
        "Saved as mine_scream_great_wave_transport.png"
        in (kernel.state[kernel.find("message")]["value"])
    )
