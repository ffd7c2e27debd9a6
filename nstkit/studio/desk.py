"""The studio's desk: the row that starts longer work, and the grid of what came out of it."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets
from torch import Tensor

from nstkit.painting.estimate import in_words
from nstkit.studio.dials import offer
from nstkit.studio.engine import Engine
from nstkit.studio.jobs import LARGE, Grid, Job, seconds_of, told
from nstkit.studio.kit import Kit
from nstkit.studio.screen import jpeg
from nstkit.studio.settings import Settings

HELP = (
    "Paint this large repaints the picture with more pixels, and saves it. Grid tries three β with "
    "shallow, all and deep layers. Your painting waits until they are done."
)


class Done(Exception):  # noqa: N818 - nothing has gone wrong
    """Ends the worker where there is nothing more to do; its text says why."""


class Desk:
    """Start a job, show how it goes on, and end it.

    Args:
        kit: makes its widgets.
        take: called with the settings of a sample that a reader has chosen.

    Attributes:
        job: what is being done, None for nothing.
        size: the menu of sizes; large, grid, end: buttons; box: what to display; samples: the
            grid, in grid_box with a button that closes it.
    """

    def __init__(self, kit: Kit, take: Callable[[Settings], object]) -> None:
        self.job: Job | None = None
        self._kit, self._take = kit, take
        self.size = kit.make(widgets.Dropdown, "large-size", tooltip="px of the long side")
        self.large = kit.button("large", "paint this large", "repaint with more pixels")
        self.grid = kit.button("try", "grid", "nine small pictures: β by layers")
        self.end = kit.make(
            widgets.Button, "end", description="end this", layout=widgets.Layout(display="none"),
            tooltip="stop it, and keep what there is",
        )  # fmt: skip
        self._per_px = 0.0  # seconds of a step at the finest scale, per px
        self._cells: dict[str, widgets.Image] = {}
        self._shown: dict[str, Tensor] = {}
        self.samples = kit.make(widgets.Box, "grid")
        close = kit.button("close-grid", "close the grid", "hide these pictures")
        close.on_click(lambda _: setattr(self.grid_box.layout, "display", "none"))
        self.grid_box = kit.column("", [self.samples, close], layout=widgets.Layout(display="none"))
        row = kit.row(self.large, self.size, self.grid, self.end)
        self.box = kit.column("desk", [row, kit.caption(HELP)])

    def offer(self, engine: Engine) -> None:
        """Offer the sizes that are larger than a painting, each with an estimate."""
        last = engine.scales[-1]
        sides = [side for side in LARGE if side > max(last.height, last.width)]
        sides = sides or [2 * max(last.height, last.width)]
        options = []
        for side in sides:
            seconds = seconds_of(engine.painted_scales, side, self._pace(engine))
            options.append((f"{side} px, {in_words(seconds)}" if seconds else f"{side} px", side))
        chosen = self.size.value if self.size.value in sides else sides[min(1, len(sides) - 1)]
        offer(self.size, options, chosen)

    def check_free(self) -> None:
        """Raise ValueError while there is a job."""
        if self.job:
            raise ValueError(
                f"{self.job.name} is not done yet. Press \u25b6, or press *end this* first."
            )

    def begin(self, job: Job, empty: bytes = b"") -> None:
        """Take a job on.

        Args:
            job: the job.
            empty: JPEG data that a grid shows in place of what is not painted yet.
        """
        self.job = job
        self.end.layout.display = None
        if isinstance(job, Grid):
            self._lay_out(job, empty)

    def step(self) -> None:
        """Make one step of the job; `Done` after its last one."""
        if self.job.done < self.job.steps:
            self.job.advance()
        if self.job.done >= self.job.steps:
            raise Done

    def drop(self) -> None:
        """Have no job any more, and let go of what it needed."""
        if self.job:
            self.job.engine.close()
        self.job = None
        self.end.layout.display = "none"

    def _pace(self, engine: Engine) -> float:
        """Return about the seconds of a step at the finest scale; 0 if none was made.

        A step of a small picture takes longer than its px say, so a later one tells more.
        """
        frame, finest = engine.frame, engine.scales[-1]
        per_px = engine.pace / frame.image.shape[-2:].numel()
        if frame.factor == finest.factor and frame.steps:
            self._per_px = per_px
        return (self._per_px or per_px) * finest.height * finest.width

    @property
    def told(self) -> str:
        """How the job goes on, in a sentence."""
        return told(self.job)

    def show(self, grid: Grid) -> None:
        """Show the samples as they are now."""
        for label, picture in grid.pictures.items():
            if self._shown.get(label) is not picture:
                self._cells[label].value, self._shown[label] = jpeg([picture]), picture

    def _lay_out(self, grid: Grid, empty: bytes) -> None:
        """Make an empty cell for each sample, with a button that takes its settings."""
        self._cells, self._shown = {}, {}
        boxes = []
        for label, settings in grid.choices.items():
            self._cells[label] = self._kit.make(widgets.Image, "", format="jpeg", value=empty)
            taker = self._kit.button("take", label, "take these settings")
            taker.on_click(lambda _, chosen=settings: self._take(chosen))
            boxes.append(self._kit.column("sample", [self._cells[label], taker]))
        self._kit.discard(self.samples.children)
        self.samples.children = boxes
        self.grid_box.layout.display = None
