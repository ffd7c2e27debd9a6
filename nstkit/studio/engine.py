"""The studio's engine: a painting whose settings may change while it runs. No widget, no thread."""

from __future__ import annotations

import dataclasses
import operator
import time
from collections import deque
from collections.abc import Container, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from nstkit.descent import Record, Step
from nstkit.objective import Objective
from nstkit.painting.given import finished, loaded_works, pairs_of, scene_of
from nstkit.painting.result import Result
from nstkit.painting.scales import (
    Scale,
    enlarged,
    next_scale,
    shrunk,
    side_of,
    sized,
    steps_left,
    work,
)
from nstkit.painting.start import chosen_device, first_picture
from nstkit.pictures.artworks import Artworks, Share
from nstkit.pictures.scene import Scene
from nstkit.recipes import Recipe
from nstkit.recipes.network import NETWORK, network
from nstkit.studio.reel import Reel
from nstkit.studio.run import Change, Frame, Run
from nstkit.studio.settings import WEIGHTS, Settings
from nstkit.terms import Matched
from nstkit.tiles import check_memory
from nstkit.vgg.devices import Precision, feature_dtype
from nstkit.vgg.fast import to_paint

# Settings that begin a new painting.
NEW_PAINTING = {"content", "size", "scales", "start", "seed"}
# Settings that change what is painted after.
PICTURES = {"content", "style", "size", "style_scale", "color", "regions"}
# Settings that go on with a fresh optimizer.
NEW_OPTIMIZER = {"optimizer", "finer_optimizer", "learning_rate"}
PAST = 8  # pictures that `undo` can go back to
SHORT = 3  # steps; settings that were in force for fewer leave no picture for `undo`


class Pictures(NamedTuple):
    """The pictures of a painting, at full size.

    Attributes:
        content: the photograph as it was given, (1, 3, H, W) in [0, 1].
        style: the artwork as it was given, (1, 3, H', W') in [0, 1], or several `Artworks`.
        scene: what is painted, in its colors.
        remarks: what there is to say of them, such as that one was enlarged.
    """

    content: Tensor
    style: Tensor | Artworks
    scene: Scene
    remarks: tuple[str, ...]

    @property
    def works(self) -> Artworks:
        """The artworks, also if there is only one."""
        return Artworks.of(self.style)


class Engine:
    """Paint step by step; what is assigned to ``settings`` acts at the next step.

    It paints from coarse to fine, as `nstkit.painting.scales.coarse_to_fine` does. A scale that has
    had its steps hands its best picture over to the next one; the start of that is a step of its
    own. The finest scale has no end.

    Weights act on the running optimization: no target is computed again, and L-BFGS forgets what
    it learned under the old ones. After a new style, pooling, optimizer or form of the losses, the
    painting goes on from the current picture at its scale. New content, size, scales, start or
    seed begin a new painting. After any exception the settings are again those of the last picture,
    and the painting can go on. What does not fit into the memory is painted in tiles, or refused
    before it begins, as `nstkit.stylize` does.

    Attributes:
        settings: what is wanted; may be assigned at any time, also from another thread.
        frame: the newest picture whose losses are known.
        best: the picture with the lowest total at this scale since the settings last changed.
        pictures: all at the size of the painting, as `Pictures`.
        scales: that this painting goes through, from coarse to fine.
        history: a `Record` for each picture since the start, without what was undone.
        reel: earlier pictures of this painting.
        pace: seconds that a step takes, a mean of the last few; 0 before the first.
        seconds: spent on this painting.

    Raises:
        ValueError: A picture cannot be read, or the size does not fit into the memory.
    """

    def __init__(
        self, settings: Settings, precision: Precision = "auto",
        device: torch.device | str | None = None,
    ) -> None:  # fmt: skip
        self.settings = self._used = settings
        self.device = chosen_device(device, settings.content)
        self.dtype = feature_dtype(precision, self.device)
        self.history: list[Record] = []
        self.reel = Reel()
        self.pace = self.seconds = 0.0
        self.frame = self.best = Frame(0, torch.empty(0), (Change(0, settings),))
        self._past: deque[Frame] = deque(maxlen=PAST)
        self._objective: Objective | None = None
        self.pictures: Pictures | None = None
        self._small: dict[Tensor, Tensor] = {}  # pictures of the scene, at the size of its scale
        self.scales: list[Scale] = []
        self._run: Run | None = None
        self.reset()

    # ------------------------------------------------------------ what readers do

    def advance(self) -> None:
        """Follow the settings, then make one update of the picture, or begin the next scale."""
        self.prepare()
        began = time.perf_counter()
        try:
            before = self.frame.image.shape[-2:].numel()
            larger = next_scale(self.scales, self.frame.factor, self.frame.steps)
            if larger is None:
                self._take(*self._run.advance())
            else:
                self._enlarge(larger.factor)
        except BaseException:
            self._fall_back(self._used, self.frame.settings)
            raise
        took = time.perf_counter() - began
        self.seconds += took
        if larger is None:
            share = max(0.2, 1 / max(self.frame.steps, 1))  # a mean at first, then of the latest
            self.pace += share * (took - self.pace)
        else:  # a guess until there is a step of this size
            self.pace *= self.frame.image.shape[-2:].numel() / before

    def prepare(self, settings: Settings | None = None) -> None:
        """Put the settings, or these new ones, in force without an update of the picture."""
        self.settings = settings or self.settings
        if self.settings is not self._used or not self._run:
            self._follow(self.settings)

    def reset(self) -> None:
        """Begin again under the current settings."""
        self._follow(self.settings, restart=True)

    def undo(self) -> None:
        """Go back to the best picture under the current settings.

        If that is the current picture, go back to the best one under the settings before. Settings
        come back with their picture. A reset can be undone too.
        """
        target = self.best
        if target.index == self.frame.index and target.settings is self._used:
            target = self._past.pop() if self._past else target
        elif self._past and self._past[-1] is target:
            self._past.pop()
        self.settings = target.settings
        self._follow(self.settings, back_to=target)

    def go_back(self, frame: Frame) -> None:
        """Go on from an earlier picture, under its settings and with a fresh optimizer.

        `undo` finds the best picture of before.
        """
        self._keep_best()
        self.settings = frame.settings
        self._follow(self.settings, back_to=frame)

    def forget(self) -> None:
        """Go on from the current picture with a fresh optimizer."""
        self._follow(self.settings, back_to=self.frame)

    @property
    def rate(self) -> float:
        """Steps a second, from ``pace``; 0 before the first."""
        return 1 / self.pace if self.pace else 0.0

    @property
    def behind(self) -> bool:
        """Whether settings were assigned that are not in force yet."""
        return self.settings is not self._used

    @property
    def painted_scales(self) -> list[Scale]:
        """The scales, the finest with the steps that it has had if these are more than planned."""
        *coarser, finest = self.scales
        made = self.frame.steps if self.frame.factor == finest.factor else 0
        return [*coarser, finest._replace(steps=max(finest.steps, made))]

    @property
    def newest(self) -> Frame:
        """The newest picture; its losses may not be known yet."""
        run = self._run  # read once: another thread may set it to None
        return run.newest if run else self.frame

    @property
    def steps_left(self) -> int:
        """How often to `advance` to what `nstkit.stylize` paints; 0 from there on."""
        return steps_left(self.scales, self.frame.factor, self.frame.steps)

    def result(self) -> Result:
        """Return the picture of ``frame`` as `nstkit.stylize` would, with the steps it has."""
        return self.frame.result(self.seconds, self.dtype)

    def painted(self, frame: Frame) -> Tensor:
        """Return a picture of this painting in the colors in which it will be saved.

        It is (1, 3, H, W) in [0, 1], of the size of its scale.
        """
        content, scene, size = self.pictures.content, self.pictures.scene, frame.image.shape[-2:]
        small = scene.mapped(lambda picture: sized(picture, size), lambda artwork: artwork)
        return finished(frame.image, small, sized(content, size), frame.settings.recipe.color)

    def close(self) -> None:
        """Let go of the network and the optimizer now: the garbage collector may come late."""
        self._end_run()
        self._objective = None

    def moved(self, run: Run) -> bool:
        """Return whether weights have moved that a pass of this run can follow."""
        return run is self._run and self.settings.can_follow(self._used)

    def catch_up(self, run: Run) -> None:
        """Put weights that have moved in force, if a pass of this run can follow them."""
        wanted = self.settings
        if run is self._run and wanted.can_follow(self._used):
            self._keep_best()
            wanted.weigh(run.objective)
            run.change(wanted)
            self._used = wanted

    def _follow(
        self, wanted: Settings, restart: bool = False, back_to: Frame | None = None
    ) -> None:
        """Put settings in force, in the current run if that can follow them, else in a new one."""
        try:
            changed = set(self._used.changes(wanted))
            begins = restart or bool(changed & NEW_PAINTING and not back_to)
            pictures = self._load(wanted, changed)
            size = pictures.content.shape[-2:]
            if begins and not wanted.recipe.tiled:  # told now, not at the last scale
                check_memory(*size, pictures.content.device)
            scales = work(wanted.recipe, *size, side_of(pictures.scene, wanted.recipe))
            factor = scales[0].factor if begins else (back_to or self.frame).factor
            so_far = None if factor == scales[0].factor else (back_to or self.frame).image
            here = at_factor(wanted.recipe, scales, factor)
            scene, small = self._shrunk(pictures.scene, factor)
            objective = self._objective_for(wanted, here, changed, scene, so_far)
            if not back_to and (restart or changed):
                self._keep_best()
            if begins:
                start = first_frame(wanted, scene, factor)
                self._begin(objective, start, start.changes)
            elif (
                back_to
                or not self._run
                or objective is not self._objective
                or changed & NEW_OPTIMIZER
            ):
                source = back_to or self.frame
                self._begin(objective, source, source.with_change(wanted, fresh=True))
            else:
                self._run.change(wanted)
        except BaseException:
            self._fall_back(wanted, self._used)
            raise
        self._used, self.pictures, self.scales, self._small = wanted, pictures, scales, small

    def _enlarge(self, factor: float) -> None:
        """Begin the next scale with the best picture of this one."""
        # Totals under other weights do not compare, and then the newest picture is handed over.
        moved = set(self.best.settings.changes(self._used)).intersection(WEIGHTS)
        best = self.frame if moved else self.best
        scene, small = self._shrunk(self.pictures.scene, factor)
        index = self.frame.index + 1
        begun = *self.frame.begun, index
        before, seed = self._objective["content"].picture, self._used.seed
        image = enlarged(best.image, before, scene.content, self._used.recipe, seed).clamp(0, 1)
        start = Frame(index, image, self._run.changes, factor=factor, begun=begun)
        recipe = at_factor(self._used.recipe, self.scales, factor)
        objective = Objective.of_scene(scene, self._objective.vgg, recipe, so_far=image)
        self._begin(objective, start, start.changes)
        self._small = small

    def _objective_for(
        self, wanted: Settings, here: Recipe, changed: Container[str], scene: Scene,
        so_far: Tensor | None,
    ) -> Objective:  # fmt: skip
        """Return the current objective with other weights, or one that shares what stays.

        ``here`` is the recipe of the scale, and ``scene`` has its size. It begins with the picture
        ``so_far``, None if it is the first.
        """
        objective = self._objective
        before = at_factor(self._used.recipe, self.scales, self.frame.factor)
        same = wanted.form() == self._used.form() and here.statistic == before.statistic
        if not objective or not same:
            kept = objective and not any(name in changed for name in NETWORK)
            vgg = to_paint(objective.vgg if kept else network(here), self.device, self.dtype)
            return Objective.of_scene(scene, vgg, here, so_far=so_far)
        # The memory may now need other tiles, or none.
        if scene.content.shape != objective["content"].picture.shape or "regions" in changed:
            return Objective.of_scene(scene, objective.vgg, here, so_far=so_far)
        if not same_pictures(objective, scene):
            # Regions have pictures of their own, and a match needs what is painted so far.
            if len(scene.parts) > 1 or isinstance(objective["style"], Matched):
                return Objective.of_scene(scene, objective.vgg, here, so_far=so_far)
            works = scene.parts[0].works
            objective = objective.with_pictures(scene.content, works.plain)
        elif "style" in changed:
            remix(objective, scene)
        wanted.weigh(objective)
        return objective

    def _load(self, wanted: Settings, changed: set[str]) -> Pictures:
        """Return the pictures: those in use, where nothing has changed that they depend on."""
        before = self.pictures
        if before and not changed & PICTURES:
            return before
        if before and changed & PICTURES == {"style"} and not wanted.paints_other(self._used):
            return remixed(before, [share for _, share in pairs_of(wanted.style)])
        remarks: list[str] = []
        load = wanted.loader(self.device, remarks)
        if before and not changed & {"content", "size"}:
            content = before.content
        else:
            content = wanted.load_content(self.device)
        if before and not changed & {"style", "size", "style_scale"}:
            works = before.works
        else:
            works = loaded_works(wanted.style, load)
        scene = scene_of(content, works, wanted.regions, wanted.recipe.color, load)
        return Pictures(content, works.plain, scene, tuple(dict.fromkeys(remarks)))

    def _shrunk(self, scene: Scene, factor: float) -> tuple[Scene, dict[Tensor, Tensor]]:
        """Return a scene smaller by a factor, and which picture became which.

        Pictures that are in use at this scale stay the same objects, so that they keep targets.
        """
        small = shrunk(scene, factor, self._small if factor == self.frame.factor else {})
        return small, dict(zip(scene.tensors, small.tensors, strict=True))

    def _begin(self, objective: Objective, source: Frame, changes: tuple[Change, ...]) -> None:
        run = Run(objective, source, changes, self)
        try:
            frame, step = run.advance()
        except BaseException:  # the hooks of a run keep it, with its pictures and targets
            run.close()
            raise
        if run.changes[0] is self.frame.changes[0]:  # the same painting
            self.history = [record for record in self.history if record.index < frame.index]
        else:
            self.history, self.seconds = [], 0.0
        self._end_run()
        self._run, self._objective = run, objective
        self._take(frame, step)

    def _take(self, frame: Frame, step: Step) -> None:
        self.frame = frame
        self.best = frame if step.is_best else self.best
        self.history.append(Record(frame.index, step.losses, self.seconds, step.note))
        self.reel.add(frame)

    def _keep_best(self) -> None:
        """Remember, for `undo`, the best picture under settings that are about to change."""
        if self.best.index - self.best.changes[-1].index >= SHORT and self.best not in self._past:
            self._past.append(self.best)

    def _fall_back(self, failed: Settings, earlier: Settings) -> None:
        """Return to earlier settings, unless others were assigned meanwhile."""
        if self.settings is failed:
            self.settings = earlier
        self._end_run()

    def _end_run(self) -> None:
        if self._run:
            self._run.close()
        self._run = None


def at_factor(recipe: Recipe, scales: Sequence[Scale], factor: float) -> Recipe:
    """Return the recipe of the scale that makes pictures smaller by a factor.

    Of a scale that is not in the list, as settings may leave one, it is that of the next larger.
    """
    number = sum(scale.factor < factor for scale in scales)
    return recipe.at_scale(max(min(number, len(scales) - 1), 0), len(scales))


def first_frame(settings: Settings, scene: Scene, factor: float) -> Frame:
    """Return the start of a painting, at the scale of a scene."""
    recipe = settings.recipe
    image = first_picture(recipe.start, scene, recipe.style_layers, settings.seed)
    return Frame(0, image, (Change(0, settings),), factor=factor)


def same_pictures(objective: Objective, scene: Scene) -> bool:
    """Return whether an objective compares with these pictures, in whatever shares."""
    terms = [objective.terms[f"style{part.name}"] for part in scene.parts if part.works]
    mine = [objective["content"].picture, *(p for term in terms for p in term.artworks.pictures)]
    new = [scene.content, *scene.pictures]
    return len(mine) == len(new) and all(map(operator.is_, mine, new))


def remix(objective: Objective, scene: Scene) -> None:
    """Give the artworks of an objective, which stay the same, the shares of a scene."""
    for part in scene.parts:
        for name in (f"style{part.name}", f"palette{part.name}"):
            if part.works and name in objective.terms:
                objective[name].mix(part.works.shares)


def remixed(pictures: Pictures, shares: Sequence[Share]) -> Pictures:
    """Return the same pictures with other shares of the artworks that are for no region."""
    scene = pictures.scene
    parts = tuple(
        part if part.name or part.works is None
        else dataclasses.replace(part, works=part.works.mixed(shares))
        for part in scene.parts
    )  # fmt: skip
    style = pictures.works.mixed(shares)
    return pictures._replace(style=style, scene=dataclasses.replace(scene, parts=parts))
