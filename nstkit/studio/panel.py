"""The studio: a panel in the notebook that shows a running painting and steers it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import torch

from nstkit.painting.given import GivenStyle
from nstkit.painting.quality import named as quality_named
from nstkit.painting.result import Result
from nstkit.painting.start import Given
from nstkit.pictures.images import read_metadata
from nstkit.pictures.scene import Region
from nstkit.recipes import DEFAULT, Published, Recipe
from nstkit.recipes.common import normalized
from nstkit.studio import page
from nstkit.studio.controls import HOUSE, PRESETS, Controls
from nstkit.studio.desk import Desk, Done
from nstkit.studio.engine import NEW_PAINTING, Engine
from nstkit.studio.film import Film
from nstkit.studio.jobs import Grid, Job, Large
from nstkit.studio.kit import Kit
from nstkit.studio.moves import Moves
from nstkit.studio.parts import Script, more_toggle, named_in, settings_of, stop_field
from nstkit.studio.pictures import Picker
from nstkit.studio.run import Frame
from nstkit.studio.screen import Screen, fitted, jpeg
from nstkit.studio.settings import ROUTE, Settings
from nstkit.studio.uploads import Upload
from nstkit.studio.worker import Worker
from nstkit.translate import for_network
from nstkit.vgg.devices import Precision

AWAY = "Paused, because this page was away. Press \u25b6 to go on."
GOES_ON = "The painting goes on from where it is. Press reset to begin again with these settings."
TOLD = {"tv": "smoothing", "content": "photograph", "style": "artwork"}  # as controls call them
GRID_DONE = "Press the button below a picture to take its settings."
REDRAW = 0.5  # seconds between two pictures while `run` paints
OFFER = 5.0  # seconds between two lists of earlier steps while it paints


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
        more: whether to show all controls at once. The reader can: *more* opens the rest.

    Attributes:
        engine: what paints; it has the settings, the newest picture, and the history.
        controls: the menus and sliders, a `nstkit.studio.controls.Controls`.
        screen: what is shown of the painting, a `nstkit.studio.screen.Screen`: picture, status,
            curves, message.
        film: earlier pictures, a `nstkit.studio.film.Film`; desk: longer work, such as the picture
            at a larger size, a `nstkit.studio.desk.Desk`.
        stop_at: the field with the step at which to pause; 0 for none.
        more: the button that shows the rest of the controls; script: the lines that paint the
            picture again, and a button that closes them.
        box: the widget that is all of the panel.

    Raises:
        ValueError: A picture cannot be read, or the recipe leaves nothing to minimize.
    """

    def __init__(
        self, content: Given = "cat", style: GivenStyle = "great_wave", recipe: Recipe = DEFAULT,
        *, quality: str | None = None, size: int | None = None, color: str | None = None,
        style_scale: float | None = None, regions: Sequence[Region] = (), seed: int = 0,
        precision: Precision = "auto", device: torch.device | str | None = None, more: bool = False,
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
        self._given = precision, device
        self._moves, self._large_shown, self._offered_at = Moves(), None, 0.0
        page.leave_room()
        self._kit = kit = Kit()
        self.screen, self._worker = Screen(kit), Worker(self._work)
        away = partial(self.screen.say, AWAY, "info")
        begun = partial(self.screen.say, "")
        self._pulse = page.Pulse(kit, self._worker, begun, self._on_pulse, away)
        self.controls = Controls(kit, settings, partial(self._answer, self._on_control))
        self.film, self.desk = Film(kit, self._compare), Desk(kit, self._take_sample)
        self.stop_at = stop_field(kit)
        self.script = Script(kit)
        self._open = Upload(kit, "open", "open", "settings of a saved painting")
        self._dropped = Upload(kit, "drop", "", "")
        self.more = more_toggle(kit, more)
        for picker in (self.controls.content, self.controls.style):
            picker.upload.listen(partial(self._answer, partial(self._on_upload, picker)))
        self._open.listen(partial(self._answer, self._on_open))
        self._dropped.listen(partial(self._answer, self._on_drop))
        self.controls.preset.observe(partial(self._answer, self._on_preset), "value")
        self.more.observe(self._on_more, "value")
        opener = [self._open.button, self._open.sent, self._dropped.sent]
        parts = page.Parts(
            self._pulse, self.screen, self.controls, self.film, self.desk,
            [kit.make(widgets.HBox, "uploads more", opener), self.stop_at],
            [self.script.box, self.desk.grid_box], self.more,
        )  # fmt: skip
        self.box = page.arranged(kit, parts, self._buttons())
        self._on_more()
        self._refresh()
        self.screen.say(page.HINT, "info")
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

        before = self.engine.settings
        self._between_steps(_follow)
        self._moves.remember(before)

    def reset(self) -> None:
        """Begin again."""
        self._between_steps(self.engine.reset)

    def undo(self) -> None:
        """Go back to the best picture; if it is shown, to the best under the settings before."""
        self._between_steps(self.engine.undo)
        frame = self.engine.frame
        height, width = frame.image.shape[-2:]
        self.screen.say(f"Back at step {frame.index}, {width} \u00d7 {height} px.", "info")

    def forget(self) -> None:
        """Go on with a fresh optimizer."""
        self._between_steps(self.engine.forget)

    def result(self) -> Result:
        """Return the newest picture as `nstkit.stylize` would."""
        return self.engine.result()

    def save(self, path: str | Path | None = None) -> Path:
        """Write the newest picture with its recipe, under a new name if none is given.

        Pictures that were uploaded go beside it, since the recipe names them.
        """
        self._between_steps(lambda: None)
        saved = self._save(self.engine, path)
        self._keep(saved.stem)
        return saved

    def open(self, path: str | Path) -> None:
        """Take the settings of a saved painting: recipe, size, seed, regions, and the pictures.

        Of pictures that are not found, those of now stay.

        Raises:
            ValueError: The file does not say how it was painted.
        """
        self._open_facts(read_metadata(path), Path(path).name, Path(path).expanduser().parent)

    def undo_move(self) -> None:
        """Take back the last move of a control; ValueError if there was none."""
        now = self.engine.settings
        settings = self._moves.back(now)
        self._put(settings)
        names = (TOLD.get(name, name).replace("_", " ") for name in now.changes(settings))
        self.screen.say(f"Taken back: {', '.join(names)}.", "info")

    def pause(self) -> None:
        """Stop after the step that is being made."""
        self._pulse.pause()

    def paint_large(self, side: int) -> None:
        """Begin the picture of now at a larger size; it is painted while the page plays, and saved.

        Args:
            side: px of the long side.

        Raises:
            ValueError: It is no larger, or does not fit into the memory.
        """
        engine = self.engine
        self._begin(lambda: Large(engine.settings, engine.painted_scales, side, *self._given))

    def try_grid(self) -> None:
        """Begin small pictures of three weights of the style by three choices of its layers."""
        shape = self.engine.pictures.content.shape[-2:]
        self._begin(lambda: Grid(self.engine.settings, shape, *self._given))

    def close(self) -> None:
        """Stop, and take the panel off the page; the engine keeps its picture."""
        self.pause()
        self._worker.end()
        page.leave_the_cell(self)
        self.desk.drop()
        self._kit.close()

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        return page.bundle(self.box, f"Studio at step {self.engine.frame.index}")

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
            failure = self._worker.take_failure()  # an error of the time before no longer matters
            self.screen.say("")
            try:
                if isinstance(failure, Done):
                    self._done(failure)
                action()
                if remarks := " ".join(self.engine.pictures.remarks):
                    self.screen.say(remarks, "info")
            finally:
                self.controls.show(self.engine.settings)
                self._refresh()

    def _work(self) -> None:
        """Make one step, in the worker."""
        if self.desk.job:
            self.desk.step()
            return
        before = self.engine.frame.index
        self.engine.advance()
        if before < self.stop_at.value <= self.engine.frame.index:
            raise Done(f"Stopped at step {self.engine.frame.index}.")

    def _on_pulse(self, failure: Exception | None) -> int:
        if isinstance(failure, Done):
            self._answer(partial(self._done, failure))
        elif failure and self.desk.job:
            self._answer(partial(self._end_job, failure))
        elif failure:
            self.controls.show(self.engine.settings)
            self.screen.say(page.explained(failure))
        elif self.engine.behind and not self.painting:  # a control moved just before the pause
            self._answer(partial(self._between_steps, self.engine.prepare))
        else:
            self._say_note()
        self._answer(self._refresh)
        return page.CALM if self.desk.job else page.interval(self.engine)

    def _done(self, done: Done) -> None:
        """Rest where the worker had nothing more to do."""
        if self.desk.job:
            self._end_job()
        else:
            self.pause()
            self.screen.say(str(done), "info")

    def _begin(self, make: Callable[[], Job]) -> None:
        """Take on longer work, which goes on while the page plays."""
        if self.box.comm is None:
            raise ValueError("This panel is closed. Run its cell again.")
        self.desk.check_free()
        jobs: list[Job] = []
        self._between_steps(lambda: jobs.append(make()))
        self._large_shown = None
        self.desk.begin(jobs[0], self.screen.photograph.value)
        if not self._pulse.start():
            self.screen.say("Press \u25b6 to start it.", "info")

    def _end_job(self, failure: Exception | None = None) -> None:
        """End longer work, and keep what there is."""
        self.pause()
        job, early = self.desk.job, "" if failure is None else f"It has ended early: {failure}. "
        if isinstance(job, Large) and job.done:
            self._keep_large(job, early)
        elif isinstance(job, Large):
            self.screen.say(f"{early}Nothing was painted yet, so there is nothing to keep.", "info")
            self.screen.view.value = "painting"
        elif isinstance(job, Grid):
            self.screen.say(early + GRID_DONE, "info")
        self.desk.drop()
        self._large_shown = None
        self._refresh()

    def _keep_large(self, job: Large, early: str) -> None:
        """Save a large painting, and show it beside the small one."""
        picture, mark = jpeg([fitted(job.engine.painted(job.engine.frame))]), f"{job.side}px"
        try:
            name = self._save(job.engine, None, mark, early).stem
        except OSError as error:
            name = f"painting_{mark}"
            text = f"{early}It cannot be written here: {error}. You can still download it."
            self.screen.say(text, "error", page.in_a_link(job.engine, f"{name}.png"))
        self.film.keep(name, picture, None)
        self.film.release()
        self.screen.compare(picture, name)

    def _save(
        self, engine: Engine, path: str | Path | None, mark: str = "", before: str = ""
    ) -> Path:
        """Write the picture of an engine, offer it for download, and say so after other words."""
        saved = page.save(engine, path, mark)
        kept = page.keep_uploads(self.controls.uploads, named_in(engine.frame), saved.parent)
        text = f"{before}Saved as {saved.name}, with its recipe inside.{kept}"
        self.screen.say(text, "info", page.download(saved))
        return saved

    def _keep(self, label: str) -> None:
        """Add the picture of now to the film."""
        frame = self.engine.frame
        self.film.keep(label, jpeg([self.engine.painted(frame)]), frame)

    def _compare(self, picture: bytes | Frame, label: str) -> None:
        """Show an earlier picture beside the painting."""
        if isinstance(picture, Frame):
            picture = jpeg([self.engine.painted(picture)])
        self.screen.compare(picture, label)

    def _go_back(self) -> None:
        chosen = self.film.chosen
        self._between_steps(lambda: self.engine.go_back(chosen))

    def _put(self, settings: Settings) -> None:
        """Put settings in force, as moving the controls to them does."""
        if self._pulse.busy:
            self.engine.settings = settings
            self.controls.show(settings)
        else:
            self._between_steps(lambda: self.engine.prepare(settings))

    def _take_sample(self, settings: Settings) -> None:
        """Take the weights of a sample that was pressed; all else may have changed meanwhile."""
        before, recipe = self.engine.settings, settings.recipe

        def _take() -> None:
            self._put(before.replace(beta=recipe.beta, style_layers=recipe.style_layers))
            self._moves.remember(before)
            self.screen.say(GOES_ON, "info")

        self._answer(_take)

    def _on_step(self) -> None:
        self.pause()
        self._between_steps(self.engine.advance)
        self._say_note()

    def _say_note(self) -> None:
        """Say that the newest step has restarted the optimizer, if it has."""
        history = self.engine.history
        if history and history[-1].note:
            self.screen.say(history[-1].note, "info")

    def _on_control(self) -> None:
        """Hand the settings to the engine, which follows them at its next step.

        Where they leave nothing to paint, the control goes back, so that the panel shows what the
        engine does.
        """
        before = self.engine.settings
        try:
            wanted = self.controls.read(before)
            self.controls.follow(wanted)
        except Exception:
            self.controls.show(before)
            raise
        changed = before.changes(wanted).keys()
        if not changed:  # a page rounds some values when it first shows them
            return
        self.engine.settings = wanted
        self.screen.say("")
        if not self._pulse.busy:
            self._between_steps(self.engine.prepare)
        self._moves.remember(before, self.controls.moved)
        if wanted.paints_other(before) and not changed & NEW_PAINTING and self.engine.frame.index:
            remarks = [] if self._pulse.busy else self.engine.pictures.remarks
            self.screen.say(" ".join([GOES_ON, *remarks]), "info")

    def _on_preset(self) -> None:
        recipe = PRESETS[name := self.controls.preset.value]
        settings = self.engine.settings
        if isinstance(recipe, Published):
            recipe = self._translated(recipe.recipe)
        elif name in HOUSE and settings.quality:  # a quality that was chosen stays
            recipe = quality_named(settings.quality).of(recipe)
        if recipe is not None:
            self.controls.of_preset = recipe
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
        with self.controls.silently():
            picker.take()
        self._on_file()

    def _on_file(self) -> None:
        """Follow a picker that has taken a file: no control has moved, and no drag goes on."""
        self.controls.moved = None
        self._on_control()

    def _on_open(self) -> None:
        file = self._open.take()
        self._open_facts(read_metadata(file.open()), file.name, Path())

    def _on_drop(self) -> None:
        """Take a file that was dropped on the panel: a saved painting, or a photograph."""
        file = self._dropped.take()
        facts = read_metadata(file.open())
        if "recipe" in facts:
            self._open_facts(facts, file.name, Path())
            return
        with self.controls.silently():
            self.controls.content.accept(file)
        self._on_file()

    def _open_facts(self, facts: Mapping[str, str], name: str, folder: Path) -> None:
        before = self.engine.settings
        settings, missing = settings_of(facts, name, folder, before)

        def _follow() -> None:
            self.controls.show(settings)
            self.engine.prepare(settings)

        self._between_steps(_follow)
        self._moves.remember(before)
        told = [f"These are the settings of {name}."]
        if missing:
            told.append(f"Not found here, and so left as it was: {', '.join(missing)}.")
        self.screen.say(" ".join([*told, *self.engine.pictures.remarks]), "info")

    def _on_copy(self) -> None:
        self.script.show(f"import nstkit\n\n{self.engine.frame.script()}")
        # The lines name pictures that were uploaded, so these must lie where the lines are run.
        kept = page.keep_uploads(self.controls.uploads, named_in(self.engine.frame), Path())
        self.screen.say(kept.strip(), "info")

    def _on_more(self, _: object = None) -> None:
        change = self.box.remove_class if self.more.value else self.box.add_class
        change("nstkit-simple")
        self.more.description = "less" if self.more.value else "more"

    def _refresh(self) -> None:
        job = self.desk.job and not self._pulse.blocked  # a cell paints the painting itself
        self.screen.show(self.engine, self.painting, self.desk.told if job else "")
        if self.desk.job:
            if isinstance(self.desk.job, Grid):
                self.desk.show(self.desk.job)
            else:
                self._show_large(self.desk.job.engine)
        now = time.monotonic()
        if not self.painting or now - self._offered_at > OFFER:
            self.film.offer(self.engine.reel.frames)
            self._offered_at = now
        if not self.painting:  # a menu that is open would be redrawn
            self.desk.offer(self.engine)

    def _show_large(self, engine: Engine) -> None:
        """Show the large painting beside the small one, when there is a new picture of it."""
        if self._large_shown is not engine.frame:
            first, self._large_shown = self._large_shown is None, engine.frame
            picture = jpeg([fitted(engine.painted(engine.frame))])
            if first:
                self.film.release()
            self.screen.compare(picture, "large, so far", look=first)

    def _buttons(self) -> dict[str, Callable[..., None]]:
        """Return what each button of the bar does; and let those of film and desk do it."""
        actions = {"step": self._on_step, "reset": self.reset, "undo": self.undo, "save": self.save,
                   "copy": self._on_copy, "unmove": self.undo_move}  # fmt: skip
        others = {
            self.film.pin: lambda: self._keep(f"step {self.engine.frame.index}"),
            self.film.go_back: self._go_back,
            self.desk.large: lambda: self.paint_large(self.desk.size.value),
            self.desk.grid: self.try_grid,
            self.desk.end: self._end_job,
        }
        for button, action in others.items():
            button.on_click(partial(self._answer, action))
        return {name: partial(self._answer, action) for name, action in actions.items()}
