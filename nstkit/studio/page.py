"""The studio on its page: the beat, the arrangement, its cell, and the files that it saves.

The page beats: an `ipywidgets.Play` sends a message several times a second, and what answers it
keeps the worker going and shows the newest picture. So a slider never waits for a step, every
update of the page answers a message of the page (Google Colab drops those that a thread sends),
and where no page is open nothing runs.
"""

from __future__ import annotations

import asyncio
import base64
import html
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from mimetypes import guess_type
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, Protocol

import ipywidgets as widgets

from nstkit.files import free_name
from nstkit.studio.controls import Controls
from nstkit.studio.desk import Desk
from nstkit.studio.engine import Engine
from nstkit.studio.film import Film
from nstkit.studio.kit import Kit
from nstkit.studio.screen import Screen, awaited
from nstkit.studio.uploads import Uploads
from nstkit.studio.worker import Worker

DOT = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
LINKED = 24_000_000  # bytes of a file that a link may hold
BEAT, CALM = 100, 300  # ms; each beat takes time from the painting
GUARD = threading.RLock()  # one lock for all panels: starting one pauses the others
_PULSES: weakref.WeakSet[Pulse] = weakref.WeakSet()
_PANELS: dict[Place, Closable] = {}


class Closable(Protocol):
    """What this module needs of a panel."""

    def close(self) -> None:
        """Stop, and leave the page."""


class Place(NamedTuple):
    """Where a panel was made.

    Attributes:
        cell: as of `cell_id`.
        execution: of the cell, as of `execution_id`.
        number: tells panels of one execution apart.
    """

    cell: str
    execution: str
    number: int


# What a button says, its tooltip, and whether it is shown from the beginning.
BUTTONS = {
    "save": (
        "save",
        "write a PNG, with its recipe inside, and offer it for download",
        True,
    ),
    "step": ("step", "one step", False),
    "reset": ("reset", "start this picture over", True),
    "unmove": ("undo move", "only put the last control back; the painting goes on", False),
    "undo": ("undo to best", "the best picture since the last move; again: before it", False),
    "copy": ("copy recipe", "the lines of Python that paint this picture again", False),
}
HINT = "Press \u25b6, then move anything. While another cell runs, the panel waits."


class Pulse:
    """The beat of the page, which keeps a worker going. One panel beats at a time.

    Args:
        kit: makes its widget.
        worker: starts at the first beat.
        started: called when the page begins to beat.
        away: called after a pause because the page was not heard of.
        show: called at each beat and when the page has paused, with the exception that has ended
            the work, if one has; returns the ms until the next beat.

    Attributes:
        play: the widget that beats, an `ipywidgets.Play`.
        blocked: whether a cell is painting; then no worker starts.
    """

    def __init__(
        self, kit: Kit, worker: Worker, started: Callable[[], None],
        show: Callable[[Exception | None], int], away: Callable[[], None],
    ) -> None:  # fmt: skip
        options = {"max": 10**8, "interval": BEAT, "show_repeat": False}
        self.play = kit.make(widgets.Play, "play", tooltip="paint, and pause", **options)
        self.blocked = False
        # ipywidgets 7 calls it _playing, and there only the page can start it.
        self._playing = "playing" if self.play.has_trait("playing") else "_playing"
        self._worker, self._started, self._show = worker, started, show
        self._away, self._loop = away, _running_loop()
        worker.gone = self._from_the_thread
        self.play.observe(self._beat, "value")
        self.play.observe(self._switch, self._playing)
        _PULSES.add(self)

    @property
    def busy(self) -> bool:
        """Whether something is painting."""
        return self.blocked or self._worker.running

    def start(self) -> bool:
        """Press play; False where only the reader can, as on ipywidgets 7."""
        if self._playing == "playing":
            self.play.playing = True
        return getattr(self.play, self._playing)

    def pause(self) -> None:
        """Stop the beat, and the worker after the step that is being made."""
        with GUARD:
            setattr(self.play, self._playing, False)
            self._worker.stop()

    def _beat(self, _: object) -> None:
        with GUARD:
            if self.blocked or not getattr(self.play, self._playing):
                return
            failure = self._worker.take_failure()
            if failure:
                self.pause()
            else:
                if not self._worker.running:
                    for other in [pulse for pulse in _PULSES if pulse is not self]:
                        other.pause()
                self._worker.beat()
            self.play.interval = self._show(failure)

    def _from_the_thread(self) -> None:
        """Let the kernel pause the panel: the page has not been heard of, and is perhaps closed."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._rest)

    def _rest(self) -> None:
        with GUARD:
            if getattr(self.play, self._playing) and not self._worker.running:
                self.pause()
                self._away()

    def _switch(self, change: Mapping[str, bool]) -> None:
        with GUARD:
            if change["new"]:
                self._started()
            else:
                self._worker.stop()
                self._show(self._worker.take_failure())


def _running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the loop in which the kernel answers the page; None outside of a kernel."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def interval(engine: Engine) -> int:
    """Return the ms until the next beat: more if steps are slow and no control has moved."""
    return BEAT if awaited(engine) or engine.rate > 1000 / CALM else CALM


class Parts(NamedTuple):
    """What a studio consists of.

    Attributes:
        pulse, screen, controls, film, desk: of the classes of these names.
        more: further widgets for the bar.
        rows: widgets below the picture, such as the script.
        open: what opens the rest, a toggle.
    """

    pulse: Pulse
    screen: Screen
    controls: Controls
    film: Film
    desk: Desk
    more: Sequence[widgets.Widget]
    rows: Sequence[widgets.Widget]
    open: widgets.ToggleButton


def arranged(kit: Kit, parts: Parts, buttons: Mapping[str, Callable[..., None]]) -> widgets.VBox:
    """Return the panel: a bar of buttons, the screen, the controls."""
    pulse, screen, controls, film, desk, more, rows, toggle = parts
    bar = [pulse.play]
    for name, (label, tooltip, first) in BUTTONS.items():
        button = kit.button(name if first else f"{name} more", label, tooltip)
        button.on_click(buttons[name])
        bar.append(button)
    bar = kit.make(widgets.HBox, "bar", [*bar, *more, toggle])
    below = kit.column("more", [film.box, desk.box, screen.chart])
    left = kit.column("screen", [screen.box, *rows, below, controls.below])
    columns = kit.make(widgets.HBox, "columns", [left, controls.box])
    return kit.column("studio", [looks(kit), bar, screen.message, columns])


def looks(kit: Kit) -> widgets.HTML:
    """Return the widget that brings the style sheet and the script of a panel into its page."""
    sheet, script = (
        Path(__file__).with_name(name).read_text(encoding="utf-8")
        for name in ("style.css", "page.js")
    )
    # A page runs no <script> of a widget, but it runs what a picture does when it is there.
    picture = f'<img src="{DOT}" alt="" onload="{html.escape(script)}">'
    return kit.hidden(f"<style>{sheet}</style>{picture}")


def bundle(box: widgets.Widget, name: str) -> dict[str, Any]:
    """Return what shows a panel as the last line of a cell; of a closed one, only its name."""
    if box.comm is None:
        return {"text/plain": f"<{name}, closed>"}
    view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    text = f"<{name}; run this cell to see its panel>"
    return {"application/vnd.jupyter.widget-view+json": view, "text/plain": text}


def leave_room() -> None:
    """Close the panels that the current cell made when it ran before.

    That comes before a new one is made, so that fewer messages go to the page at once. What the
    cell has made in the same run stays: it may show several panels.
    """
    with GUARD:
        cell, execution = cell_id(), execution_id()
        for place in list(_PANELS):
            earlier = not execution or place.execution != execution
            if place.cell == cell and earlier:
                _PANELS.pop(place).close()


def take_the_cell(panel: Closable) -> None:
    """Close the panels that the current cell has made before, and remember this one."""
    with GUARD:
        leave_room()
        _PANELS[Place(cell_id(), execution_id(), id(panel))] = panel


def leave_the_cell(panel: Closable) -> None:
    """Forget a panel that is closed, so that its pictures and networks can be freed."""
    with GUARD:
        for place in [place for place, known in _PANELS.items() if known is panel]:
            del _PANELS[place]


def cell_id() -> str:
    """Return an identifier of the cell that is running; "" outside of notebooks."""
    asked = _asked()
    if asked is None:
        return ""
    known = asked.get("metadata", {}).get("cellId")
    return known or _shell().user_ns.get("In", [""])[-1]  # else its text


def execution_id() -> str:
    """Return an identifier of this run of the cell that is running; "" outside of notebooks."""
    return (_asked() or {}).get("header", {}).get("msg_id", "")


def _asked() -> Mapping[str, Any] | None:
    """Return the message of the page that the kernel answers now; None outside of notebooks."""
    shell = _shell()
    return shell.get_parent() if hasattr(shell, "get_parent") else None


def _shell() -> Any:
    from IPython import get_ipython

    return get_ipython()


def download(path: Path) -> str:
    """Return HTML: a link that brings a file to the reader's disk, wherever the kernel runs.

    The link holds the file. One that is too large for that has none: "".
    """
    if path.stat().st_size > LINKED:
        return ""
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    name, kind = html.escape(path.name), guess_type(path.name)[0] or "image/png"
    return (f' <a class="nstkit-download" download="{name}" href="data:{kind};base64,{data}">'
            f"Download {name}</a>")  # fmt: skip


def keep_uploads(uploads: Uploads, names: set[str], folder: Path) -> str:
    """Write the uploads that a recipe names into a folder; return what to say of it, or ""."""
    kept = uploads.keep(names, folder)
    told = f" Your upload is kept as {' and '.join(kept.written)}." if kept.written else ""
    return told + "".join(
        f" Your upload {name} is not kept, because another file there has that name. Save into "
        "another folder."
        for name in kept.refused
    )


def save(engine: Engine, path: str | Path | None, mark: str = "") -> Path:
    """Write the current picture, by default into this folder under a new name.

    Args:
        engine: has the picture.
        path: where to; None makes up a name.
        mark: what ends that name, the step if nothing is given.
    """
    result = engine.result()
    path = path or new_name(result.subject.pictures, mark or f"{engine.frame.index:04d}")
    return result.save(path, script=engine.frame.script())


def new_name(pictures: Sequence[str], mark: str) -> Path:
    """Return a free name for a painting, of the names of its pictures and what tells it apart."""
    return free_name("_".join([*(Path(name).stem for name in pictures), mark]))


def in_a_link(engine: Engine, name: str) -> str:
    """Return HTML: a link that holds the current picture, which cannot be written here."""
    with TemporaryDirectory() as folder:
        return download(save(engine, Path(folder, name)))


def explained(
    error: Exception, again: str = "press \u25b6 or reset", what: str = "painting"
) -> str:
    """Return what went wrong and what to do, in a sentence.

    Args:
        error: of a kind that nobody foresaw, or not.
        again: how to go on after one that nobody foresaw.
        what: has stayed as it was.
    """
    kept = f"The {what} is as it was"
    if isinstance(error, ValueError | OSError):
        said = str(error).strip()
        return f"{said}{'' if said.endswith(('.', '?', '!')) else '.'} {kept}."
    # Torch has classes of its own for it.
    if isinstance(error, MemoryError) or "memory" in str(error).lower():
        return f"This does not fit into the memory. Choose a smaller size. {kept}."
    return f"{type(error).__name__}: {error}. {kept}; {again}."
