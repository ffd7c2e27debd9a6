"""`stylize`: from two pictures to a painting."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nstkit.descent import Record, Step
from nstkit.options import check_whole
from nstkit.painting.result import Result, name_of
from nstkit.painting.scales import coarse_to_fine, last_index, work
from nstkit.painting.start import SIZE, Given, as_image, check_start, default_device
from nstkit.recipes import DEFAULT, STARTS, Recipe
from nstkit.recipes.fields import GIVEN_START, in_px
from nstkit.recipes.network import naming, network
from nstkit.tiles import Tiling
from nstkit.vgg import VGG
from nstkit.vgg.devices import Precision, feature_dtype, precision_name
from nstkit.vgg.fast import to_paint


def stylize(
    content: Given,
    style: Given,
    recipe: Recipe = DEFAULT,
    *,
    steps: int | Sequence[int] | None = None,
    size: int | None = None,
    scales: int | Sequence[float] | None = None,
    start: Tensor | str | None = None,
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
        style: artwork, the same; any size.
        recipe: what to minimize and how.
        steps: updates of the picture: one number for every scale, or one for each, from coarse to
            fine. None is the recipe's; if scales are given, fitted to them as in `Recipe.replace`.
        size: long side in px to which pictures that are not tensors are scaled; None is 256, or
            the last of the scales in px.
        scales: sizes to paint one after another, each beginning with the one before: their number,
            their long sides in px, [256, 512, 1024], or shares of the size, [0.25, 0.5, 1]. None is
            the recipe's. Of a number, those
            that are too small to be worth painting are left out.
        start: a picture to start from, of the content's shape, or the name of a start such as
            "noise"; None is the recipe's start.
        seed: of the noise in the start.
        precision: of the network: "fp32", "bf16", "fp16", or "auto"; see `nstkit.vgg.devices`.
        device: where to compute; None is where ``vgg`` is, a GPU, or where content is.
        progress: whether to show a bar with the losses.
        callback: called with every `Step`; returning True ends the run.
        keep: indices of steps whose pictures go into ``Result.snapshots``.
        tile: side in px of parts computed one after another; "auto" does so if the whole does
            not fit into the memory; None never. See `nstkit.tiles`.
        vgg: a network to use instead of the recipe's, as it is. The result's recipe names it.

    Raises:
        ValueError: a bad picture, option or number; or ``size`` beside scales in px.
    """
    from tqdm.auto import tqdm  # here, so that importing nstkit stays light

    if not isinstance(recipe, Recipe):
        raise ValueError(
            f"recipe is {recipe!r}; expected a Recipe, such as RECIPES['gatys_2016'].recipe."
        )
    check_whole("seed", seed, 0)
    changes = {"steps": steps, "scales": scales}
    recipe = recipe.replace(**{name: value for name, value in changes.items() if value is not None})
    device = default_device(content, vgg) if device is None else device
    pictures = _pictures(content, style, recipe, size, device)
    recipe, start = _start(recipe, start, pictures[0])
    if vgg is None:
        vgg = to_paint(network(recipe), device, feature_dtype(precision, device))
    recipe = naming(recipe, vgg)
    run = coarse_to_fine(*pictures, vgg, recipe, seed, start, tile)
    total = last_index(work(recipe, *pictures[0].shape[-2:], min(pictures[1].shape[-2:])))
    with tqdm(total=total, disable=not progress, unit="step") as bar:
        collected = _collect(run, bar, callback, set(keep))
    return Result(
        image=collected.best.image,
        history=collected.history,
        best=collected.best.record(),
        recipe=recipe,
        seed=seed,
        seconds=collected.history[-1].seconds,
        precision=precision_name(next(vgg.parameters()).dtype),
        interrupted=collected.interrupted,
        snapshots=collected.snapshots,
        sources=(name_of(content), name_of(style)),
        content=pictures[0],
        style=pictures[1],
    )


def _pictures(
    content: Given, style: Given, recipe: Recipe, size: int | None, device: torch.device | str
) -> tuple[Tensor, Tensor]:
    """Return both pictures on the device, at the size of the painting if they are loaded."""
    if in_px(recipe.scales):
        if size is not None:
            raise ValueError(
                f"Got size {size} and scales {list(recipe.scales)}, which both say how large to "
                "paint. Leave size out: the last of scales is the size."
            )
        size = recipe.scales[-1]
    size = SIZE if size is None else size
    return as_image(content, size, device), as_image(style, size, device)


def _start(
    recipe: Recipe, start: Tensor | str | None, content: Tensor
) -> tuple[Recipe, Tensor | None]:
    """Return the recipe with the start that will be used, and that picture if it was given."""
    if start is None and recipe.start == GIVEN_START:
        raise ValueError(
            "This recipe began with a picture that its painter supplied. Pass it, "
            f"stylize(start=...), or the name of a start: {', '.join(STARTS)}."
        )
    if start is None:
        return recipe, None
    if isinstance(start, str) and start in STARTS:
        return recipe.replace(start=start), None
    return recipe.replace(start=GIVEN_START), check_start(start, content)


@dataclass
class _Collected:
    """What a run has brought so far."""

    best: Step | None
    history: list[Record]
    snapshots: dict[int, Tensor]
    interrupted: bool = False


def _collect(
    run: Iterator[Step], bar: Any, callback: Callable[[Step], object] | None, keep: set[int]
) -> _Collected:
    """Run until the end, Ctrl-C, or the callback ends it. Return what there is by then."""
    so_far = _Collected(None, [], {})
    try:
        for step in run:
            so_far.best = step if step.is_best else so_far.best
            so_far.history.append(step.record())
            if step.index in keep:
                so_far.snapshots[step.index] = step.image
            _show(bar, step)
            if callback is not None and callback(step) is True:
                so_far.interrupted = True
                break
    except KeyboardInterrupt:
        if so_far.best is None:  # there is no picture to keep
            raise
        so_far.interrupted = True
    return so_far


def _show(bar: Any, step: Step) -> None:
    bar.set_postfix({n: f"{v:.3g}" for n, v in step.losses.terms.items()}, refresh=False)
    if step.note and not bar.disable:  # tqdm would write it all the same, and to standard output
        bar.write(step.note, file=bar.fp)
    bar.update(step.index - bar.n)
