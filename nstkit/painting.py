"""`stylize`: from two pictures to a painting, and the `Result` that it returns."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

import torch
from PIL import Image
from torch import Tensor

from nstkit.images import load_image, save_image, to_pil
from nstkit.objective import Objective, network, start_image
from nstkit.optimize import Record, Step, optimize
from nstkit.recipes import DEFAULT, Recipe
from nstkit.vgg import VGG, Precision, feature_dtype

Source = Tensor | str | PathLike[str] | BinaryIO | Image.Image


@dataclass(frozen=True)
class Result:
    """A painting and how it came about. As the last line of a notebook cell it shows itself.

    Attributes:
        image: (1, 3, H, W) float32 in [0, 1]: the picture with the lowest total.
        history: a `Record` for every step, the start included.
        recipe: what was minimized and how.
        seed: of the noise in the start.
        seconds: from the first evaluation to the last.
        precision: dtype of the network's features, "float32" or "bfloat16".
        interrupted: whether Ctrl-C or the callback ended it early.
        snapshots: {index: image} for the steps asked for by ``keep``.
    """

    image: Tensor
    history: list[Record]
    recipe: Recipe
    seed: int
    seconds: float
    precision: str
    interrupted: bool
    snapshots: dict[int, Tensor]

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the picture with its recipe in the metadata; return the path.

        `nstkit.read_metadata` gives back ``recipe`` (`Recipe.from_json` reads it) and the rest.
        """
        from nstkit import __version__

        facts = {
            "software": f"nstkit {__version__}, torch {torch.__version__}",
            "recipe": self.recipe.to_json(),
            "seed": str(self.seed),
            "steps_done": str(self.history[-1].index),
            "precision": self.precision,
            "losses": json.dumps(self.history[-1].losses.terms),
        }
        return save_image(self.image, path, facts)

    def to_pil(self) -> Image.Image:
        """Return the picture as an 8-bit RGB `PIL.Image.Image`."""
        return to_pil(self.image)

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, Any], dict[str, Any]]:
        from nstkit.plots import show_images

        told = f"the painting after {self.history[-1].index} steps ({self.seconds:.0f} s)"
        return show_images([self.image], alt=told)._repr_mimebundle_()

    def __repr__(self) -> str:
        """Return one line: size, steps, seconds, total."""
        height, width = self.image.shape[-2:]
        last = self.history[-1]
        return (
            f"<Result {width} x {height} px, {last.index} steps in {self.seconds:.1f} s, "
            f"total {last.losses.total:.4g}>"
        )


def stylize(
    content: Source,
    style: Source,
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
    """Paint a photograph in the style of an artwork.

    Ctrl-C, or the stop button of a notebook, ends it early and returns the best picture so far.

    Args:
        content: photograph: (1, 3, H, W) in [0, 1], or whatever `nstkit.load_image` takes.
        style: artwork, the same; any size.
        recipe: what to minimize and how.
        steps: updates of the picture; None is the recipe's number.
        size: long side in px to which pictures that are not tensors are scaled.
        start: a picture to start from, of the content's shape; None is the recipe's start.
        seed: of the noise in the start.
        precision: of the network: "fp32", "bf16", or "auto"; see `nstkit.vgg.feature_dtype`.
            Picture, losses and Gram matrices are float32 in all cases.
        device: where to compute; None is a CUDA GPU if there is one, else where the content is.
        progress: whether to show a bar with the losses.
        callback: called with every `Step`; returning True ends the run.
        keep: indices of steps whose pictures go into ``Result.snapshots``.
        vgg: a network to use instead of the recipe's, as it is.

    Raises:
        ValueError: a bad picture, option or number; the message says what to do.
    """
    device = default_device(content) if device is None else device
    recipe = recipe if steps is None else recipe.replace(steps=steps)
    content, style = (_as_image(source, size, device) for source in (content, style))
    if vgg is None:
        dtype = feature_dtype(precision, device)
        vgg = network(recipe).to(device, dtype, memory_format=torch.channels_last)
    if start is None:
        start = start_image(recipe.start, content, style, seed)
    elif start.shape != content.shape:
        raise ValueError(
            f"start has shape {tuple(start.shape)}; expected the content's {tuple(content.shape)}."
        )
    objective = Objective(content, style, vgg, recipe)
    run = optimize(
        objective, start.to(device), recipe.optimizer, recipe.learning_rate, recipe.steps
    )
    return _collect(run, recipe, seed, vgg, progress, callback, set(keep))


def _collect(
    run: Iterator[Step],
    recipe: Recipe,
    seed: int,
    vgg: VGG,
    progress: bool,
    callback: Callable[[Step], object] | None,
    keep: set[int],
) -> Result:
    history: list[Record] = []
    snapshots: dict[int, Tensor] = {}
    best: Step | None = None
    stopped = False
    with _bar(recipe.steps, progress) as bar:
        try:
            for step in run:
                best = step if step.is_best else best
                history.append(Record(step.index, step.losses, step.seconds, step.note))
                if step.index in keep:
                    snapshots[step.index] = step.image
                _show(bar, step)
                if callback is not None and callback(step) is True:
                    stopped = True
                    break
        except KeyboardInterrupt:
            if best is None:
                raise
            stopped = True
    dtype = str(vgg.convs["conv1_1"].weight.dtype).removeprefix("torch.")
    seconds = history[-1].seconds
    return Result(best.image, history, recipe, seed, seconds, dtype, stopped, snapshots)


def default_device(content: Source) -> torch.device:
    """Return a CUDA GPU if there is one, else the content's device, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return content.device if isinstance(content, Tensor) else torch.device("cpu")


def _as_image(source: Source, size: int, device: torch.device | str) -> Tensor:
    return source.to(device) if isinstance(source, Tensor) else load_image(source, size, device)


def _bar(steps: int, progress: bool) -> Any:
    from tqdm.auto import tqdm

    return tqdm(total=steps, disable=not progress, unit="step", leave=True)


def _show(bar: Any, step: Step) -> None:
    terms = {name: f"{value:.3g}" for name, value in step.losses.terms.items() if value}
    bar.set_postfix(terms, refresh=False)
    if step.note:
        bar.write(step.note)
    bar.update(step.index - bar.n)
