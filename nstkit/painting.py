"""`stylize`: from two pictures to a painting, and the `Result` that it returns."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from nstkit.images import Source, load_image, save_image, to_pil
from nstkit.objective import Objective, network
from nstkit.optimize import Record, Step, optimize
from nstkit.recipes import DEFAULT, Recipe
from nstkit.start import coarse_to_fine
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
    start: Tensor | None = None,
    seed: int = 0,
    precision: Precision = "auto",
    device: torch.device | str | None = None,
    progress: bool = True,
    callback: Callable[[Step], object] | None = None,
    keep: Iterable[int] = (),
    vgg: VGG | None = None,
) -> Result:
    """Paint a photograph in the style of an artwork; Ctrl-C returns the best picture so far.

    Args:
        content: photograph: (1, 3, H, W) in [0, 1], or whatever `nstkit.load_image` takes.
        style: artwork, the same; any size.
        recipe: what to minimize and how.
        steps: updates of the picture; None is the recipe's number.
        size: long side in px to which pictures that are not tensors are scaled.
        start: a picture to start from, of the content's shape; None is the recipe's start.
        seed: of the noise in the start.
        precision: of the network: "fp32", "bf16", or "auto"; see `nstkit.vgg.feature_dtype`.
        device: where to compute; None is where ``vgg`` is, a CUDA GPU, or where content is.
        progress: whether to show a bar with the losses.
        callback: called with every `Step`; returning True ends the run.
        keep: indices of steps whose pictures go into ``Result.snapshots``.
        vgg: a network to use instead of the recipe's, as it is.

    Raises:
        ValueError: a bad picture, option or number.
    """
    from tqdm.auto import tqdm  # here, so that importing nstkit stays light

    device = default_device(content, vgg) if device is None else device
    recipe = recipe if steps is None else recipe.replace(steps=steps)
    sources = name_of(content), name_of(style)
    content, style = (as_image(source, size, device) for source in (content, style))
    if vgg is None:
        dtype = feature_dtype(precision, device)
        vgg = network(recipe).to(device, dtype, memory_format=torch.channels_last)
    if start is None:
        run = coarse_to_fine(content, style, vgg, recipe, seed)
    else:
        recipe = recipe.replace(scales=1)
        start, objective = _as_start(start, content), Objective(content, style, vgg, recipe)
        run = optimize(objective, start, recipe.optimizer, recipe.learning_rate, recipe.steps)
    total = recipe.scales * (recipe.steps + 1) - 1
    with tqdm(total=total, disable=not progress, unit="step") as bar:
        best, history, snapshots, stopped = _collect(run, bar, callback, set(keep))
    dtype = str(next(vgg.parameters()).dtype).removeprefix("torch.")
    return Result(
        best.image, history, best.record(), recipe, seed, history[-1].seconds, dtype, stopped,
        snapshots, sources,
    )  # fmt: skip


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


def as_image(source: Given, size: int, device: torch.device | str) -> Tensor:
    """Return a picture on a device: loaded at a size, or a tensor as it is, if it is in [0, 1]."""
    if not isinstance(source, Tensor):
        return load_image(source, size, device)
    low, high = source.min().item(), source.max().item()
    if not -0.01 <= low <= high <= 1.01:
        raise ValueError(f"The values lie in [{low:g}, {high:g}]; expected [0, 1]. Divide by 255?")
    return source.to(device)


def _as_start(start: Any, content: Tensor) -> Tensor:
    if isinstance(start, Tensor) and start.shape == content.shape:
        return start.to(content.device)
    got = tuple(start.shape) if isinstance(start, Tensor) else repr(start)
    want = f"expected a picture of shape {tuple(content.shape)}, like the content"
    raise ValueError(f"start is {got}; {want}. For a kind: recipe.replace(start='noise').")


def _show(bar: Any, step: Step) -> None:
    bar.set_postfix({n: f"{v:.3g}" for n, v in step.losses.terms.items() if v}, refresh=False)
    if step.note:
        bar.write(step.note)
    bar.update(step.index - bar.n)
