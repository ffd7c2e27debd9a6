"""The studio: a panel in the notebook that shows a running painting and steers it."""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from nstkit.painting.given import GivenStyle
from nstkit.painting.quality import named
from nstkit.painting.result import Result
from nstkit.painting.start import Given
from nstkit.pictures.scene import Region
from nstkit.recipes import DEFAULT, Published, Recipe
from nstkit.recipes.common import normalized
from nstkit.studio import page
from nstkit.studio.controls import HOUSE, PRESETS, Controls
from nstkit.studio.engine import Engine
from nstkit.studio.pictures import Picker
from nstkit.studio.screen import Screen
from nstkit.studio.settings import ROUTE, Settings
from nstkit.studio.worker import Worker
from nstkit.translate import for_network
from nstkit.vgg.devices import Precision

AWAY = "Paused, for this page was away. Press \u25b6 to go on."
REDRAW = 0.5  # seconds between two pictures while `run` paints


class Studio:
    """A panel whose controls steer a painting while it is being painted.

    As the last line of a cell it shows itself. A cell that is run again closes the panel that it
    made before, and starting one panel pauses the others.

    Args:
        content: photograph, as `nstkit.stylize` takes it; style: artwork, or two with their shares,
            the same.
        recipe: what to minimize and how. Each of its scales hands over to the next after its
            steps; the finest goes on as long as you let it.
        quality: "draft", "good" or "print": size, scales and steps in place of the recipe's, as in
            `nstkit.stylize`.
        size: long side in px. None is the quality's, at most the photograph's own; without one the
            last of scales in px, or 256.
        seed: of noise; color, style_scale, regions, precision, device: as in `nstkit.stylize`.

    Attributes:
        engine: what paints; it has the settings, the newest picture, and the history.
        controls: the menus and sliders, a `nstkit.studio.controls.Controls`.
        screen: what is shown of the painting, a `nstkit.studio.screen.Screen`: picture, status,
            curves, message, script.
        box: the widget that is all of the panel.

    Raises:
        ValueError: A picture cannot be read, or the recipe leaves nothing to minimize.
    """

    def __init__(
        self, content: Given = "cat", style: GivenStyle = "great_wave", recipe: Recipe = DEFAULT,
        *, quality: str | None = None, size: int | None = None, color: str | None = None,
        style_scale: float | None = None, regions: Sequence[Region] = (), seed: int = 0,
        precision: Precision = "auto", device: torch.device | str | None = None,
    ) -> None:  # fmt: skip
        changes = {"color": color, "style_scale": style_scale}
        recipe = recipe.replace(**{n: value for n, value in changes.items() if value is not None})
        if quality is None:
            settings = Settings(content, style, recipe, size, seed, tuple(regions))
        else:
            given = {} if size is None else {"size": size}
            settings = Settings(content, style, seed=seed, regions=tuple(regions))
            settings = settings.replace(quality, recipe=recipe, **given)
        self.engine = Engine(settings, precision, device)
        self.screen, self._worker = Screen(), Worker(lambda: self.engine.advance())
        away = partial(self.screen.say, AWAY, "info")
        self._pulse = page.Pulse(self._worker, partial(self.screen.say, ""), self._on_pulse, away)
        self.controls = Controls(settings, partial(self._answer, self._on_control))
        watched = {self.screen.view: self._refresh, self.controls.preset: self._on_preset}
        for picker in (self.controls.content, self.controls.style):
            watched[picker.upload] = partial(self._on_upload, picker)
        for widget, action in watched.items():
            widget.observe(partial(self._answer, action), "value")
        actions = {"step": self._on_step, "reset": self.reset, "undo": self.undo,
                   "save": self.save, "copy": self._on_copy}  # fmt: skip
        buttons = {name: partial(self._answer, action) for name, action in actions.items()}
        self.box = page.arranged(self._pulse, buttons, self.screen, self.controls)
        self._refresh()
        page.take_the_cell(self)

    @property
    def painting(self) -> bool:
        """Whether the panel or a cell paints now."""
        return self._pulse.busy

    # ------------------------------------------------------------ for cells

    def run(self, steps: int | None = None, progress: bool = True) -> Result:
        """Paint in this cell, without the page, and return the picture; Ctrl-C ends it early.

        Args:
            steps: how many. They count as those of `nstkit.stylize`, where the start of each larger
                scale is one. None goes as far as the recipe's steps do.
            progress: whether to show a bar.
        """
        from tqdm.auto import tqdm

        self.pause()
        steps = self.engine.steps_left if steps is None else steps
        self._pulse.blocked, shown = True, time.monotonic()
        try:
            for _ in tqdm(range(steps), disable=not progress, unit="step"):
                self.engine.advance()
                if time.monotonic() - shown > REDRAW:
                    self._refresh()
                    shown = time.monotonic()
        except KeyboardInterrupt:
            self.screen.say("Interrupted. The picture is the newest one.", "info")
        finally:
            self._pulse.blocked = False
            self.controls.show(self.engine.settings)
            self._refresh()
        return self.engine.result()

    def set(self, **changes: Any) -> None:
        """Change settings, or fields of the recipe, as the controls do: ``set(beta=100)``.

        ``set(quality="good")`` is a size, scales and steps.

        Raises:
            ValueError: An unknown name, nothing to minimize, or more style layers than the panel
                has rows.
        """
        settings = self.engine.settings.replace(**changes)

        def _follow() -> None:
            self.controls.show(settings)  # raises before anything has changed
            self.engine.prepare(settings)

        self._between_steps(_follow)

    def reset(self) -> None:
        """Begin again."""
        self._between_steps(self.engine.reset)

    def undo(self) -> None:
        """Go back to the best picture; if it is shown, to the best under the settings before."""
        self._between_steps(self.engine.undo)

    def forget(self) -> None:
        """Go on with a fresh optimizer."""
        self._between_steps(self.engine.forget)

    def result(self) -> Result:
        """Return the newest picture as `nstkit.stylize` would."""
        return self.engine.result()

    def save(self, path: str | Path | None = None) -> Path:
        """Write the newest picture with its recipe, under a new name if none is given."""
        self._between_steps(lambda: None)
        saved = page.save(self.engine, path)
        self.screen.say(f"Saved as {saved.name}, with its recipe inside.", "info")
        return saved

    def pause(self) -> None:
        """Stop after the step that is being made."""
        self._pulse.pause()

    def close(self) -> None:
        """Stop, and take the panel off the page; the engine keeps its picture."""
        self.pause()
        self._worker.end()
        page.close_all(self.box)

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        text = f"<Studio at step {self.engine.frame.index}; its panel needs a running kernel>"
        view = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}
        return {"application/vnd.jupyter.widget-view+json": view, "text/plain": text}

    # ------------------------------------------------------------ for widgets

    def _answer(self, action: Callable[[], object], _: object = None) -> None:
        """Do what a widget asks for, one thing at a time, and show what fails."""
        with page.GUARD:
            try:
                action()
            except Exception as error:  # nobody would see it otherwise
                self.screen.say(page.explained(error))

    def _between_steps(self, action: Callable[[], object]) -> None:
        """Do something to the engine while it rests, and show the result."""
        with page.GUARD:
            if self._pulse.blocked:
                raise RuntimeError("A cell is painting. Wait for its end, or interrupt it.")
            self._worker.stop()
            self._worker.take_failure()  # an error of the time before no longer matters
            self.screen.say("")
            try:
                action()
                self.screen.say(" ".join(self.engine.pictures.remarks), "info")
            finally:
                self.controls.show(self.engine.settings)
                self._refresh()

    def _on_pulse(self, failure: Exception | None) -> int:
        if failure:
            self.controls.show(self.engine.settings)
            self.screen.say(page.explained(failure))
        else:
            self._say_note()
        self._answer(self._refresh)
        return page.interval(self.engine)

    def _on_step(self) -> None:
        self.pause()
        self._between_steps(self.engine.advance)
        self._say_note()

    def _say_note(self) -> None:
        """Say that the newest step has restarted the optimizer, if it has."""
        if note := self.engine.history[-1].note:
            self.screen.say(note, "info")

    def _on_control(self) -> None:
        """Hand the settings to the engine, which follows them at its next step.

        Where they leave nothing to paint, the control goes back, so that the panel shows what the
        engine does.
        """
        try:
            self.engine.settings = self.controls.read(self.engine.settings)
        except ValueError:
            self.controls.show(self.engine.settings)
            raise
        self.controls.show_size(self.engine.settings)
        self.screen.say("")
        if not self._pulse.busy:
            self._between_steps(self.engine.prepare)

    def _on_preset(self) -> None:
        recipe = PRESETS[name := self.controls.preset.value]
        settings = self.engine.settings
        if isinstance(recipe, Published):
            recipe = self._translated(recipe.recipe)
        elif name in HOUSE and settings.quality:  # a quality that was chosen stays
            recipe = named(settings.quality).of(recipe)
        if recipe is not None:
            self.set(recipe=recipe)

    def _translated(self, published: Recipe) -> Recipe:
        """Return a published objective, on the route of the reader.

        Only scales come with it if it has several, for these decide how large its forms are.
        """
        mine = self.engine.settings.recipe
        if published.scales != 1:
            mine = mine.replace(scales=published.scales, detail=published.detail)
        route = {name: getattr(mine, name) for name in ROUTE}
        pictures = self.engine.pictures
        style = pictures.works.pictures[0]
        recipe = for_network(published, "embedded", pictures.content, style)
        return normalized(recipe).replace(**route)

    def _on_upload(self, picker: Picker) -> None:
        if picker.upload.value:
            with self.controls.silently():
                picker.take()
            self._on_control()

    def _on_copy(self) -> None:
        self.screen.script.value = f"<pre>{html.escape(self.engine.frame.script())}</pre>"

    def _refresh(self) -> None:
        self.screen.show(self.engine, self.painting)
