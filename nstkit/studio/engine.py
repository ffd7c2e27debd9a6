"""The studio's engine: a painting whose settings may change while it runs. No widget, no thread."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Container

import torch
from torch import Tensor

from nstkit.objective import Objective, network
from nstkit.optimize import Record, Step
from nstkit.painting import Result
from nstkit.start import start_image
from nstkit.studio.run import Change, Frame, Run
from nstkit.studio.settings import Settings
from nstkit.vgg import Precision, default_device, feature_dtype

ANEW, AFRESH = {"content", "size", "start", "seed"}, {"optimizer", "learning_rate"}
NETWORK = ("network", "weights", "pooling", "padding", "preprocessing")
PAST, SHORT = 8, 3  # stretches that `undo` remembers; fewer steps than this make none


class Engine:
    """Paint step by step; what is assigned to ``settings`` acts at the next step.

    Weights act on the running optimization: no target is computed again, and L-BFGS forgets what
    it learned under the old ones. A new style, pooling, optimizer or form of the losses goes on
    from the picture of now. New content, size, start or seed begin anew. After any exception the
    settings are again those of the last picture, and the painting can go on.

    Attributes:
        settings: what is wanted; may be assigned at any time, also from another thread.
        frame: the newest picture whose losses are known.
        best: the picture with the lowest total since the settings last changed.
        history: a `Record` for each picture since the start, without what was undone.
        rate: steps a second, lately; seconds: spent on this painting.

    Raises:
        ValueError: A picture cannot be read, or the size does not fit into the memory.
    """

    def __init__(
        self, settings: Settings, precision: Precision = "auto",
        device: torch.device | str | None = None,
    ) -> None:  # fmt: skip
        self.settings = self._used = settings
        self.device = default_device(settings.content) if device is None else torch.device(device)
        self.dtype = feature_dtype(precision, self.device)
        self.history: list[Record] = []
        self.rate = self.seconds = 0.0
        self.frame = self.best = Frame(0, torch.empty(0), (Change(0, settings),))
        self._past: deque[Frame] = deque(maxlen=PAST)
        self._objective: Objective | None = None
        self._run: Run | None = None
        self.reset()

    # ------------------------------------------------------------ what readers do

    def advance(self) -> None:
        """Follow the settings, then make one update of the picture."""
        self.prepare()
        began = time.perf_counter()
        try:
            self._take(*self._run.advance())
        except BaseException:
            self._fall_back(self._used)
            raise
        took = time.perf_counter() - began
        self.seconds += took
        self.rate = 1 / (0.8 / self.rate + 0.2 * took) if self.rate else 1 / took

    def prepare(self, settings: Settings | None = None) -> None:
        """Bring the painting up to its settings, or to these, without an update of the picture."""
        self.settings = settings or self.settings
        if self.settings is not self._used or not self._run:
            self._follow(self.settings)

    def reset(self) -> None:
        """Begin anew under the settings of now."""
        self._follow(self.settings, anew=True)

    def undo(self) -> None:
        """Go back to the best picture under these settings; from there, to that of those before.

        The settings come back with the picture, also over a reset.
        """
        target = self.best
        if target.index == self.frame.index and target.settings is self._used:
            target = self._past.pop() if self._past else target
        elif self._past and self._past[-1] is target:
            self._past.pop()
        self.settings = target.settings
        self._follow(self.settings, back_to=target)

    def forget(self) -> None:
        """Go on from the picture of now with an optimizer that has learned nothing."""
        self._follow(self.settings, back_to=self.frame)

    @property
    def newest(self) -> Frame:
        """The newest picture; its losses may not be known yet."""
        run = self._run  # one look, since another thread may take it away
        return run.newest if run else self.frame

    @property
    def pictures(self) -> tuple[Tensor, Tensor]:
        """Content and style at the size of the painting, (1, 3, H, W) in [0, 1]."""
        return self._objective.content, self._objective.style

    def result(self) -> Result:
        """Return the picture of ``frame`` as `nstkit.stylize` would, with the steps it has."""
        return self.frame.result(self.seconds, self.dtype)

    def moved(self, run: Run) -> bool:
        """Return whether weights have moved that a pass of this run can follow."""
        return run is self._run and self.settings.overtake(self._used)

    def overtake(self, run: Run) -> None:
        """Put such weights in force."""
        wanted = self.settings
        if run is self._run and wanted.overtake(self._used):
            self._keep_best()
            wanted.weigh(run.objective)
            run.change(wanted)
            self._used = wanted

    def _follow(self, wanted: Settings, anew: bool = False, back_to: Frame | None = None) -> None:
        """Put settings in force: in the run of now if that can follow them, else in a new one."""
        try:
            changed = set(self._used.changes(wanted))
            objective = self._objective_for(wanted, changed)
            if not back_to and (anew or changed):
                self._keep_best()
            if anew or (changed & ANEW and not back_to):
                pictures = objective.content, objective.style
                image = start_image(wanted.recipe.start, *pictures, wanted.seed)
                start = Frame(0, image, (Change(0, wanted),))
                self._begin(objective, start, start.changes)
            elif back_to or not self._run or objective is not self._objective or changed & AFRESH:
                source = back_to or self.frame
                self._begin(objective, source, source.with_change(wanted, fresh=True))
            else:
                self._run.change(wanted)
        except BaseException:
            self._fall_back(wanted)
            raise
        self._used = wanted

    def _objective_for(self, wanted: Settings, changed: Container[str]) -> Objective:
        """Return the objective of now with other weights, or one that shares what stays."""
        objective, recipe = self._objective, wanted.recipe
        content, style = (
            wanted.load(name, self.device)
            if not objective or name in changed or "size" in changed
            else getattr(objective, name)
            for name in ("content", "style")
        )
        if not objective or wanted.form() != self._used.form():
            kept = objective and not any(name in changed for name in NETWORK)
            vgg = objective.vgg if kept else network(recipe)
            return Objective(content, style, vgg.to_paint(self.device, self.dtype), recipe)
        if content is not objective.content or style is not objective.style:
            objective = objective.with_pictures(content, style)
        wanted.weigh(objective)
        return objective

    def _begin(self, objective: Objective, source: Frame, changes: tuple[Change, ...]) -> None:
        run = Run(objective, source, changes, self)
        frame, step = run.advance()
        same_painting = run.changes[0] is self.frame.changes[0]
        self.history = [r for r in self.history if same_painting and r.index < frame.index]
        self.seconds *= same_painting
        self._end_run()
        self._run, self._objective = run, objective
        self._take(frame, step)

    def _take(self, frame: Frame, step: Step) -> None:
        self.frame = frame
        self.best = frame if step.is_best else self.best
        self.history.append(Record(frame.index, step.losses, self.seconds, step.note))

    def _keep_best(self) -> None:
        """Remember the best picture of a stretch that ends, for `undo`."""
        if self.best.index - self.best.changes[-1].index >= SHORT and self.best not in self._past:
            self._past.append(self.best)

    def _fall_back(self, failed: Settings) -> None:
        """Return to the settings of the last picture, unless others are wanted meanwhile."""
        if self.settings is failed:
            self.settings = self.frame.settings
        self._end_run()

    def _end_run(self) -> None:
        if self._run:
            self._run.close()
        self._run = None
