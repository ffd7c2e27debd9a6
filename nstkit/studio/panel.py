"""The studio: a panel in the notebook that shows a running painting and steers it."""

from __future__ import annotations

import html
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from nstkit.painting.result import Result
from nstkit.painting.start import SIZE, Given
from nstkit.recipes import DEFAULT, Published, Recipe
from nstkit.recipes.common import normalized
from nstkit.studio import page
from nstkit.studio.controls import PRESETS, Controls
from nstkit.studio.engine import Engine
from nstkit.studio.pictures import Picker
from nstkit.studio.screen import Screen
from nstkit.studio.settings import ROUTE, Settings
from nstkit.studio.worker import Worker
from nstkit.translate import for_network
from nstkit.vgg.devices import Precision

REDRAW = 0.5  # seconds between two pictures while `run` paints


class Studio:
    """A panel whose controls steer a painting while it is being painted.

    As the last line of a cell it shows itself. A cell that is run again closes the panel that it
    made before, and starting one panel pauses the others.

    Args:
        content: photograph, as `nstkit.stylize` takes it; style: artwork, the same.
        recipe: what to minimize and how; its steps are not used.
        size: long side in px; seed: of noise; precision, device: as in `nstkit.stylize`.

    Attributes:
        engine: what paints; it has the settings, the newest picture, and the history.

    Raises:
        ValueError: A picture cannot be read, or the recipe leaves nothing to minimize.
    """

    def __init__(
        self, content: Given = "cat", style: Given = "great_wave", recipe: Recipe = DEFAULT, *,
        size: int = SIZE, seed: int = 0, precision: Precision = "auto",
        device: torch.device | str | None = None,
    ) -> None:  # fmt: skip
        settings = Settings(content, style, recipe, size, seed)
        self.engine = Engine(settings, precision, device)
        self._screen, self._worker = Screen(), Worker(self.engine.advance)
        self._pulse = page.Pulse(self._worker, partial(self._screen.say, ""), self._on_pulse)
        self._controls = Controls(settings, partial(self._answer, self._on_control))
        watched = {self._screen.view: self._refresh, self._controls.preset: self._on_preset}
        for picker in (self._controls.content, self._controls.style):
            watched[picker.upload] = partial(self._on_upload, picker)
        for widget, action in watched.items():
            widget.observe(partial(self._answer, action), "value")
        actions = {"step": self._on_step, "reset": self.reset, "undo": self.undo,
                   "save": self.save, "copy": self._on_copy}  # fmt: skip
        buttons = {name: partial(self._answer, action) for name, action in actions.items()}
        self._box = page.arranged(self._pulse, buttons, self._screen, self._controls)
        self._refresh()
        page.take_the_cell(self)

    # ------------------------------------------------------------ for cells

    def run(self, steps: int, progress: bool = True) -> Result:
        """Paint here and now, without a page; Ctrl-C keeps what there is. Return the picture."""
        from tqdm.auto import tqdm

        self.pause()
        self._pulse.blocked, shown = True, time.monotonic()
        try:
            for _ in tqdm(range(steps), disable=not progress, unit="step"):
                self.engine.advance()
                if time.monotonic() - shown > REDRAW:
                    self._refresh()
                    shown = time.monotonic()
        except KeyboardInterrupt:
            self._screen.say("Interrupted. The picture is the newest one.", "info")
        finally:
            self._pulse.blocked = False
            self._controls.show(self.engine.settings)
            self._refresh()
        return self.engine.result()

    def set(self, **changes: Any) -> None:
        """Change settings, or fields of the recipe, as the controls do: ``set(beta=100)``.

        Raises:
            ValueError: They name nothing that there is, leave nothing to minimize, or have more
                style layers than the panel has rows.
        """
        settings = self.engine.settings.replace(**changes)

        def _follow() -> None:
            self._controls.show(settings)  # fails first where the panel cannot show them
            self.engine.prepare(settings)

        self._between_steps(_follow)

    def reset(self) -> None:
        """Begin again."""
        self._between_steps(self.engine.reset)

    def undo(self) -> None:
        """Go back to the best picture, or from there to that of the settings before."""
        self._between_steps(self.engine.undo)

    def forget(self) -> None:
        """Go on with an optimizer that has learned nothing."""
        self._between_steps(self.engine.forget)

    def result(self) -> Result:
        """Return the newest picture as `nstkit.stylize` would."""
        return self.engine.result()

    def save(self, path: str | Path | None = None) -> Path:
        """Write the newest picture with its recipe, under a new name if none is given."""
        self._between_steps(lambda: None)
        saved = page.save(self.engine, path)
        self._screen.say(f"Saved as {saved.name}, with its recipe inside.", "info")
        return saved

    def pause(self) -> None:
        """Stop after the step that is being made."""
        self._pulse.pause()

    def close(self) -> None:
        """Stop, and take the panel off the page; the engine keeps its picture."""
        self.pause()
        self._worker.end()
        page.close_all(self._box)

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        text = f"<Studio at step {self.engine.frame.index}; its panel needs a running kernel>"
        view = {"version_major": 2, "version_minor": 0, "model_id": self._box.model_id}
        return {"application/vnd.jupyter.widget-view+json": view, "text/plain": text}

    # ------------------------------------------------------------ for widgets

    def _answer(self, action: Callable[[], object], _: object = None) -> None:
        """Do what a widget asks for, one thing at a time, and show what fails."""
        with page.GUARD:
            try:
                action()
            except Exception as error:  # elsewhere nobody would see it
                self._screen.say(page.explained(error))

    def _between_steps(self, action: Callable[[], object]) -> None:
        """Do something to the engine while it rests, and show what comes of it."""
        with page.GUARD:
            if self._pulse.blocked:
                raise RuntimeError("A cell is painting. Wait for its end, or interrupt it.")
            self._worker.stop()
            self._worker.take_failure()  # whatever it was, it is past
            self._screen.say("")
            try:
                action()
            finally:
                self._controls.show(self.engine.settings)
                self._refresh()

    def _on_pulse(self, failure: Exception | None) -> int:
        if failure:
            self._controls.show(self.engine.settings)
            self._screen.say(page.explained(failure))
        elif note := self.engine.history[-1].note:
            self._screen.say(note, "info")
        self._answer(self._refresh)
        return page.interval(self.engine)

    def _on_step(self) -> None:
        self.pause()
        self._between_steps(self.engine.advance)

    def _on_control(self) -> None:
        """Hand the settings to the engine, which follows them at its next step."""
        self.engine.settings = self._controls.read(self.engine.settings)
        self._screen.say("")
        if not self._pulse.busy:
            self._between_steps(self.engine.prepare)

    def _on_preset(self) -> None:
        recipe = PRESETS[self._controls.preset.value]
        if isinstance(recipe, Published):  # its objective; the reader's own way through it stays
            route = {name: getattr(self.engine.settings.recipe, name) for name in ROUTE}
            recipe = for_network(recipe.recipe, "embedded", *self.engine.pictures)
            recipe = normalized(recipe).replace(**route, scales=1)
        if recipe is not None:
            self.set(recipe=recipe)

    def _on_upload(self, picker: Picker) -> None:
        if picker.upload.value:
            with self._controls.silently():
                picker.take()
            self._on_control()

    def _on_copy(self) -> None:
        self._screen.script.value = f"<pre>{html.escape(self.engine.frame.script())}</pre>"

    def _refresh(self) -> None:
        self._screen.show(self.engine, self._pulse.busy)
