"""The studio on its page: the beat, the arrangement, its cell, and the files that it saves.

The page beats: an `ipywidgets.Play` sends a message several times a second, and what answers it
keeps the worker going and shows the newest picture. So a slider never waits for a step, every
update of the page answers a message of the page (Google Colab drops those that a thread sends),
and where no page is open nothing runs.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import ipywidgets as widgets

from nstkit.files import free_name
from nstkit.studio.controls import Controls
from nstkit.studio.dials import hinted, named
from nstkit.studio.engine import Engine
from nstkit.studio.screen import Screen, awaited
from nstkit.studio.worker import Worker

BEAT, CALM = 100, 300  # ms; each beat takes time from the painting
GUARD = threading.RLock()  # one lock for all panels: starting one pauses the others
_PULSES: weakref.WeakSet[Pulse] = weakref.WeakSet()
_PANELS: dict[str, Closable] = {}  # by cell


class Closable(Protocol):
    """What this module needs of a panel."""

    def close(self) -> None:
        """Stop, and leave the page."""


BUTTONS = {
    "step": ("step", "one step"),
    "reset": ("reset", "begin again from the start that is chosen"),
    "undo": ("undo to best", "back to the best picture; again: to that of the settings before"),
    "save": ("save", "write a PNG with its recipe inside into the folder of the notebook"),
    "copy": ("copy recipe", "show the lines of Python that paint this picture again"),
}
HINT = "Press \u25b6, then move anything."


class Pulse:
    """The beat of the page, which keeps a worker going. One panel beats at a time.

    Args:
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
        self, worker: Worker, started: Callable[[], None],
        show: Callable[[Exception | None], int], away: Callable[[], None],
    ) -> None:  # fmt: skip
        play = widgets.Play(max=10**8, interval=BEAT, show_repeat=False)
        self.play = named("play", hinted("paint, and pause", play))
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


def arranged(
    pulse: Pulse, buttons: Mapping[str, Callable[..., None]], screen: Screen,
    controls: Controls,
) -> widgets.VBox:  # fmt: skip
    """Return the panel: a bar of buttons, the screen, the controls."""
    bar = [pulse.play]
    for name, (label, tooltip) in BUTTONS.items():
        button = widgets.Button(description=label, tooltip=tooltip)
        button.on_click(buttons[name])
        bar.append(named(name, button))
    bar = named("bar", widgets.HBox([*bar, named("hint", widgets.HTML(HINT))]))
    left = named("screen", widgets.VBox([screen.box, controls.below]))
    columns = named("columns", widgets.HBox([left, named("controls", controls.box)]))
    rows = [style_sheet(), bar, screen.message, screen.script, columns]
    return named("studio", widgets.VBox(rows))


def style_sheet() -> widgets.HTML:
    """Return the widget that gives a panel its looks."""
    sheet = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
    return widgets.HTML(f"<style>{sheet}</style>", layout={"display": "none"})


def close_all(widget: widgets.Widget) -> None:
    """Close a widget with all that is in it; ipywidgets would keep them all for good."""
    for part in getattr(widget, "children", ()):
        close_all(part)
    for part in (getattr(widget, name, None) for name in ("style", "layout")):
        if part is not None:
            part.close()
    widget.close()


def take_the_cell(panel: Closable) -> None:
    """Close the panel that the current cell made when it ran before, if it made one."""
    with GUARD:
        before = _PANELS.get(cell := cell_id())
        _PANELS[cell] = panel
        if before is not None:
            before.close()


def leave_the_cell(panel: Closable) -> None:
    """Forget a panel that is closed, so that its pictures and networks can be freed."""
    with GUARD:
        for cell in [cell for cell, known in _PANELS.items() if known is panel]:
            del _PANELS[cell]


def cell_id() -> str:
    """Return an identifier of the cell that is running; "" outside of notebooks."""
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None or not hasattr(shell, "get_parent"):
        return ""
    known = shell.get_parent().get("metadata", {}).get("cellId")
    return known or shell.user_ns.get("In", [""])[-1]  # else its text


def save(engine: Engine, path: str | Path | None) -> Path:
    """Write the current picture, by default into this folder under a new name."""
    result = engine.result()
    names = [result.subject.content, *(name for name, _ in result.subject.style)]
    stem = "_".join([*(Path(name).stem for name in names), f"{engine.frame.index:04d}"])
    return result.save(path or free_name(stem), script=engine.frame.script())


def explained(error: Exception, again: str = "press \u25b6 or reset") -> str:
    """Return what went wrong and what to do, in a sentence.

    Args:
        error: of a kind that nobody foresaw, or not.
        again: how to go on after one that nobody foresaw.
    """
    if isinstance(error, ValueError | OSError):
        said = str(error).strip()
        return f"{said}{'' if said.endswith(('.', '?', '!')) else '.'} The painting is as it was."
    # Torch has classes of its own for it.
    if isinstance(error, MemoryError) or "memory" in str(error).lower():
        return (
            "This does not fit into the memory. Choose a smaller size. The painting is as it was."
        )
    return f"{type(error).__name__}: {error}. The painting is as it was; {again}."
