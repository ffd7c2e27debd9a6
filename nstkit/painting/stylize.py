"""`stylize`: from two pictures to a painting."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from nstkit.descent import Record, Step
from nstkit.modes import usual_mode
from nstkit.painting.given import GivenStyle, finished
from nstkit.painting.plan import Plan, prepare
from nstkit.painting.result import Result
from nstkit.painting.scales import Scale, coarse_to_fine, done, last_index
from nstkit.painting.start import Given
from nstkit.pictures.scene import Region
from nstkit.pictures.sizes import named_side
from nstkit.recipes import DEFAULT, Published, Recipe
from nstkit.tiles import Tiling
from nstkit.vgg import VGG
from nstkit.vgg.devices import Precision, precision_name

BAR = "{l_bar}{bar}| {elapsed}<{remaining}{postfix}"


def stylize(
    content: Given,
    style: GivenStyle,
    recipe: Recipe | Published | str = DEFAULT,
    *,
    quality: str | None = None,
    steps: int | Sequence[int] | None = None,
    size: int | None = None,
    scales: int | Sequence[float] | None = None,
    start: Tensor | str | None = None,
    color: str | None = None,
    style_scale: float | None = None,
    regions: Sequence[Region] = (),
    seed: int = 0,
    precision: Precision = "auto",
    device: torch.device | str | None = None,
    progress: bool = True,
    callback: Callable[[Step], object] | None = None,
    keep: Iterable[int] = (),
    tile: Tiling = "auto",
    vgg: VGG | None = None,
) -> Result:
    """Paint a photograph in the style of an artwork; Ctrl-C returns the best picture so far.

    Args:
        content: photograph: (1, 3, H, W) in [0, 1], or whatever `nstkit.load_image` takes.
        style: artwork, the same; any size. Or several with their shares, {"starry_night": 2,
            "great_wave": 1} or pairs, [("starry_night", 2), ("great_wave", 1)]. Only the ratio
            counts. A share may be {layer: number} or a list of layers, so that layers are painted
            after other artworks. None paints only ``regions``.
        recipe: what to minimize and how: a `Recipe`, one of `RECIPES`, or the name of
            one, such as "neighbors".
        quality: "draft", "good" or "print": a size, scales and steps that belong together, see
            `nstkit.painting.quality`. They replace the recipe's; ``size``, ``scales`` and ``steps``
            that are given replace theirs. None is the recipe's own scales and steps.
        steps: updates of the picture: one number for every scale, or one for each, from coarse to
            fine. None is the recipe's or the quality's; if scales are given, fitted to them as in
            `Recipe.replace`.
        size: long side in px to which pictures that are not tensors are scaled. A photograph or an
            artwork that this enlarges gets a warning. None is the last of the scales in px, or at
            most the quality's size (without one, that of "good"): a smaller photograph then keeps
            its own. The artwork gets the long side of the painting.
        scales: sizes to paint one after another, each beginning with the one before: their number,
            their long sides in px, [256, 512, 1024], or shares of the size, [0.25, 0.5, 1]. None is
            the recipe's. Of a number or of shares, those that are too small to be worth painting
            are left out.
        start: a picture to start from, of the content's shape, or the name of a start such as
            "noise"; None is the recipe's start.
        color: "style" for the artwork's colors, "match" for the photograph's, "luminance" for those
            of each of its pixels; see `Recipe`. None is the recipe's.
        style_scale: size of the artwork: at 2 strokes are twice as large. None is the recipe's.
        regions: parts of the photograph with styles of their own, each a `Region`. ``style`` is for
            what is in none of them.
        seed: of the noise in the start, and of the grain.
        precision: of the network: "fp32", "bf16", "fp16", or "auto"; see `nstkit.vgg.devices`.
        device: where to compute; None is where ``vgg`` is, a GPU, or where content is.
        progress: whether to show a bar with the losses.
        callback: called with every `Step`; returning True ends the run.
        keep: indices of steps whose pictures go into ``Result.snapshots``. They count through all
            scales, and the start of each scale has one of its own.
        tile: side in px of parts computed one after another; "auto" does so if the whole does
            not fit into the memory, and refuses then what cannot be computed in parts; None never
            does. See `nstkit.tiles`.
        vgg: a network to use instead of the recipe's, as it is. The result's recipe names it.

    Raises:
        ValueError: a bad picture, option or number; ``size`` beside scales in px; or the memory is
            too small for a recipe that cannot paint in tiles.
    """
    plan = prepare(
        content,
        style,
        recipe,
        quality=quality,
        steps=steps,
        size=size,
        scales=scales,
        start=start,
        color=color,
        style_scale=style_scale,
        regions=regions,
        seed=seed,
        precision=precision,
        device=device,
        tile=tile,
        vgg=vgg,
    )
    return paint(plan, progress=progress, callback=callback, keep=keep)


@usual_mode()
def paint(
    plan: Plan,
    *,
    progress: bool = True,
    callback: Callable[[Step], object] | None = None,
    keep: Iterable[int] = (),
) -> Result:
    """Carry out a plan. Arguments as in `stylize`."""
    from tqdm.auto import tqdm  # here, so that importing nstkit stays light

    scales, tile = plan.scales(), plan.tile_used()
    run = coarse_to_fine(plan.scene, plan.vgg, plan.recipe, plan.seed, plan.start, plan.tile)
    finish = partial(finished, scene=plan.scene, photo=plan.content, color=plan.recipe.color)
    total = sum(scale.pixels for scale in scales)
    with tqdm(total=total, disable=not progress, bar_format=BAR) as bar:
        collected = _collect(run, _Bar(bar, scales), finish, callback, set(keep))
    return Result(
        image=finish(collected.best.image),
        history=collected.history,
        best=collected.best.record(),
        recipe=plan.recipe,
        seed=plan.seed,
        seconds=collected.history[-1].seconds,
        precision=precision_name(next(plan.vgg.parameters()).dtype),
        interrupted=collected.interrupted,
        snapshots=collected.snapshots,
        tile=tile,
        subject=plan.subject,
        content=plan.content,
        style=None if plan.works is None else plan.works.plain,
    )


@dataclass
class _Collected:
    """What a run has brought so far."""

    best: Step | None
    history: list[Record]
    snapshots: dict[int, Tensor]
    interrupted: bool = False


def _collect(
    run: Iterator[Step], bar: _Bar, finish: Callable[[Tensor], Tensor],
    callback: Callable[[Step], object] | None, keep: set[int],
) -> _Collected:  # fmt: skip
    """Run until the end, Ctrl-C, or the callback ends it. Return what there is by then.

    Only pictures that somebody sees are finished. ``best`` is as it was painted.
    """
    so_far = _Collected(None, [], {})
    try:
        for step in run:
            so_far.best = step if step.is_best else so_far.best
            so_far.history.append(step.record())
            if step.index in keep:
                so_far.snapshots[step.index] = finish(step.image)
            bar.show(step)
            if callback and callback(replace(step, image=finish(step.image))) is True:
                so_far.interrupted = True
                break
    except KeyboardInterrupt:
        if so_far.best is None:  # there is no picture to keep
            raise
        so_far.interrupted = True
    return so_far


@dataclass
class _Bar:
    """tqdm's bar, moved by the work that a step was: later scales take longer."""

    bar: Any
    scales: Sequence[Scale]
    size: str = ""

    def show(self, step: Step) -> None:
        """Move to a step, and show its size, its index, its losses and its note."""
        bar = self.bar
        terms = {n: f"{v:.3g}" for n, v in step.losses.terms.items()}
        bar.set_postfix(terms, refresh=False)
        if named_side(step.note):
            self.size = f"{step.note}, "
        elif step.note and not bar.disable:  # tqdm would write it all the same, and to stdout
            bar.write(step.note, file=bar.fp)
        told = f"{self.size}step {step.index}/{last_index(self.scales)}"
        bar.set_description(told, refresh=bool(step.note))
        bar.update(done(self.scales, step.index) - bar.n)
