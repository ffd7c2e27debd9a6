"""`stylize`: from two pictures to a painting, and the `Result` that it returns."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from nstkit.images import Source, save_image, to_pil
from nstkit.objective import network
from nstkit.optimize import Record, Step
from nstkit.recipes import DEFAULT, Recipe
from nstkit.start import as_image, as_start, coarse_to_fine
from nstkit.tiles import Tiling
from nstkit.vgg import VGG, Precision, default_device, feature_dtype

Given = Tensor | Source  # what stylize takes for a picture


@dataclass(frozen=True)
class Result:
    """A painting and how it came about. As the last line of a notebook cell it shows itself.

    Attributes:
        image: (1, 3, H, W) float32 in [0, 1]: the picture with the lowest total.
        history: a `Record` for every step, the start included; best: that of ``image``.
        recipe: what was minimized and how.
        seed: of the noise in the start.
        seconds: it took; precision: "float32" or "bfloat16" features.
        interrupted: whether Ctrl-C or the callback ended it early.
        snapshots: {index: image} for the steps asked for by ``keep``.
        sources: names of content and style; "tensor" or the like without one.
    """

    image: Tensor
    history: list[Record]
    best: Record
    recipe: Recipe
    seed: int
    seconds: float
    precision: str
    interrupted: bool
    snapshots: dict[int, Tensor]
    sources: tuple[str, str]

    def save(self, path: str | PathLike[str], **more: str) -> Path:
        """Write the picture with its recipe and more texts for `nstkit.read_metadata`."""
        from nstkit import __version__

        facts = {
            "software": f"nstkit {__version__}, torch {torch.__version__}",
            "recipe": self.recipe.to_json(),
            "seed": str(self.seed),
            "steps_done": str(self.history[-1].index),
            "precision": self.precision,
            "losses": json.dumps(self.best.losses.terms),
            "content": self.sources[0],
            "style": self.sources[1],
            "size": "{} x {}".format(*self.image.shape[:1:-1]),
        }
        return save_image(self.image, path, facts | more)

    def to_pil(self) -> Image.Image:
        """Return the picture as an 8-bit RGB `PIL.Image.Image`."""
        return to_pil(self.image)

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, Any], dict[str, Any]]:
        from nstkit.plots import show_images

        alt = f"the painting after {self.history[-1].index} steps ({self.seconds:.0f} s)"
        return show_images([self.image], alt=alt)._repr_mimebundle_()

    def __repr__(self) -> str:
        """Return size, steps, seconds and total."""
        height, width = self.image.shape[-2:]
        done = f"{self.history[-1].index} steps in {self.seconds:.1f} s"
        return f"<Result {width} x {height} px, {done}, total {self.best.losses.total:.4g}>"


def stylize(
    content: Given,
    style: Given,
    recipe: Recipe = DEFAULT,
    *,
    steps: int | None = None,
    size: int = 256,
    scales: Sequence[int] | None = None,
    start: Tensor | None = None,
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
        steps: updates of the picture; None is the recipe's number.
        size: long side in px to which pictures that are not tensors are scaled.
        scales: long sides in px to paint one after another, [256, 512, 1024], each beginning with
            the one before; the last takes the place of ``size``.
        start: a picture to start from, of the content's shape; None is the recipe's start.
        seed: of the noise in the start.
        precision: of the network: "fp32", "bf16", or "auto"; see `nstkit.vgg.feature_dtype`.
        device: where to compute; None is where ``vgg`` is, a CUDA GPU, or where content is.
        progress: whether to show a bar with the losses.
        callback: called with every `Step`; returning True ends the run.
        keep: indices of steps whose pictures go into ``Result.snapshots``.
        tile: side in px of parts computed one after another; "auto" does so if the whole does
            not fit into the memory; None never. See `nstkit.tiles`.
        vgg: a network to use instead of the recipe's, as it is.

    Raises:
        ValueError: a bad picture, option or number.
    """
    from tqdm.auto import tqdm  # here, so that importing nstkit stays light

    device = default_device(content, vgg) if device is None else device
    scales = 1 if scales is None and start is not None else scales  # a start is of the full size
    given = {"steps": steps, "scales": scales}
    recipe = recipe.replace(**{name: value for name, value in given.items() if value is not None})
    size = size if isinstance(recipe.scales, int) else recipe.scales[-1]
    sources = name_of(content), name_of(style)
    content, style = (as_image(source, size, device) for source in (content, style))
    start = None if start is None else as_start(start, content)
    if vgg is None:
        dtype = feature_dtype(precision, device)
        vgg = network(recipe).to_paint(device, dtype)
    run = coarse_to_fine(content, style, vgg, recipe, seed, start, tile)
    with tqdm(total=_last_index(recipe), disable=not progress, unit="step") as bar:
        best, history, snapshots, stopped = _collect(run, bar, callback, set(keep))
    dtype = str(next(vgg.parameters()).dtype).removeprefix("torch.")
    return Result(
        best.image, history, best.record(), recipe, seed, history[-1].seconds, dtype, stopped,
        snapshots, sources,
    )  # fmt: skip


def _last_index(recipe: Recipe) -> int:
    scales = recipe.scales if isinstance(recipe.scales, int) else len(recipe.scales)
    return scales * (recipe.steps + 1) - 1


def _collect(
    run: Iterator[Step], bar: Any, callback: Callable[[Step], object] | None, keep: set[int]
) -> tuple[Step, list[Record], dict[int, Tensor], bool]:
    """Run to the end, to Ctrl-C or to the callback's word; return what was gained until then."""
    history: list[Record] = []
    snapshots: dict[int, Tensor] = {}
    best: Step | None = None
    try:
        for step in run:
            best = step if step.is_best else best
            history.append(step.record())
            if step.index in keep:
                snapshots[step.index] = step.image
            _show(bar, step)
            if callback is not None and callback(step) is True:
                return best, history, snapshots, True
    except KeyboardInterrupt:
        if best is None:
            raise
        return best, history, snapshots, True
    return best, history, snapshots, False


def name_of(source: Given) -> str:
    """Return what to call a picture in a file's metadata: never a folder of this machine."""
    name = source if isinstance(source, str | PathLike) else getattr(source, "filename", "")
    return Path(name).name or type(source).__name__.lower()


def _show(bar: Any, step: Step) -> None:
    bar.set_postfix({n: f"{v:.3g}" for n, v in step.losses.terms.items() if v}, refresh=False)
    if step.note:
        bar.write(step.note)
    bar.update(step.index - bar.n)
