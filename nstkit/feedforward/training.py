"""Train a `TransformerNet` for one style: a loop as a generator, which can stop and go on.

The losses are those that `nstkit.stylize` minimizes over pixels, and a recipe names them. Here they
are minimized over the weights of a network, for many photographs at once (Johnson, Alahi and
Fei-Fei 2016, arXiv 1603.08155). The photograph of each step is another one, so the network learns
what all of them need.
"""

from __future__ import annotations

import copy
import hashlib
import math
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from time import perf_counter

import torch
from torch import Tensor

from nstkit.feedforward.checkpoint import Checkpoint
from nstkit.feedforward.transformer import TransformerNet, painted
from nstkit.losses.values import Losses
from nstkit.modes import ON_CPU
from nstkit.objective import Objective
from nstkit.options import check_weight, check_whole
from nstkit.painting.given import LEAST, GivenStyle, artwork_loader, loaded_works
from nstkit.painting.start import Given, as_image, chosen_device
from nstkit.pictures.images import load_at
from nstkit.pictures.sizes import cover, resize
from nstkit.recipes import DEFAULT, Recipe
from nstkit.recipes.network import network
from nstkit.vgg import VGG
from nstkit.vgg.devices import Precision, feature_dtype, precision_name
from nstkit.vgg.fast import to_paint

# What a network is trained with. It sees small crops, in which relu5_1 would look over the edges.
TRAINING = DEFAULT.replace(
    content_layers=("relu3_2",),
    style_layers={"relu1_1": 0.27, "relu2_1": 0.27, "relu3_1": 0.26, "relu4_1": 0.2},
)
WARM_UP = 0.05  # share of the steps in which the rate rises
LAST_RATE = 0.02  # of the highest rate, at the last step
LONGEST_GRADIENT = 10.0  # longer ones are shortened: single batches would throw the weights far off
LONG_SIDE = 512  # px at which photographs from files are read, if they are larger
HELD_OUT = 10  # one photograph out of this many is held out
# Weight of the squared distance of pixels from [0, 1], where a saved picture cannot go.
OUT_OF_RANGE = 100.0
FAILURES = 5  # updates in a row that may fail


@dataclass(frozen=True)
class TrainingRecord:
    """What is remembered of a step of training.

    Attributes:
        index: how many updates there were.
        losses: of the batch that comes next, before its update.
        held_out: losses of the held-out photographs, as they are saved: clamped. They are those of
            the last check, which is this step's if ``checked``.
        checked: whether the held-out photographs were painted at this step.
        is_best: they were, and no earlier check had a lower total.
        seconds: spent on training, over all sessions.
        note: of an update that was left out.
    """

    index: int
    losses: Losses
    held_out: Losses
    checked: bool
    is_best: bool
    seconds: float
    note: str


@dataclass(frozen=True)
class TrainingStep(TrainingRecord):
    """A network after ``index`` updates.

    Attributes:
        net: the network that is trained. The next step changes it.
        best: the best one so far, by the held-out photographs. It stays as it is.
        photographs: the held-out ones, (n, 3, crop, crop) in [0, 1].
    """

    net: TransformerNet
    best: TransformerNet
    photographs: Tensor

    def preview(self) -> Tensor:
        """Return the held-out photographs, painted by the newest network, in [0, 1]."""
        return painted(self.net, self.photographs)

    def record(self) -> TrainingRecord:
        """Return what is worth keeping of every step: all but networks and pictures."""
        return TrainingRecord(**{f.name: getattr(self, f.name) for f in fields(TrainingRecord)})


@dataclass(frozen=True)
class Trained:
    """What a run of training has brought.

    Attributes:
        net: the best network, by the held-out photographs.
        history: of all steps.
        interrupted: whether Ctrl-C or a failure ended it early.
    """

    net: TransformerNet
    history: list[TrainingRecord]
    interrupted: bool


def trained(run: Iterable[TrainingStep], steps: int, progress: bool = True) -> Trained:
    """Carry out a run of `train` and return the best network; Ctrl-C returns the best so far.

    So does a run that fails after some steps, with a warning.

    Args:
        run: what `train` returned.
        steps: how many it makes, for the bar.
        progress: whether to show a bar with the losses.
    """
    from tqdm.auto import tqdm  # here, so that importing nstkit stays light

    history: list[TrainingRecord] = []
    step, interrupted = None, False
    try:
        with tqdm(total=steps, disable=not progress, unit="step") as bar:
            for step in run:
                history.append(step.record())
                losses = {"batch": step.losses.total, "held out": step.held_out.total}
                bar.set_postfix({n: f"{value:.3g}" for n, value in losses.items()}, refresh=False)
                bar.update(step.index - bar.n)
    except (KeyboardInterrupt, Exception) as error:  # whatever happens, hours of work stay
        if step is None:  # there is no network to keep
            raise
        interrupted = True
        if not isinstance(error, KeyboardInterrupt):
            what = error if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
            warnings.warn(f"{what} The network is the best so far.", stacklevel=2)
    if step is None:
        raise ValueError("The run has no steps; expected a new one, as nstkit's train returns it.")
    return Trained(step.best, history, interrupted)


def train(
    style: GivenStyle, pictures: Sequence[Given], steps: int, *, net: TransformerNet | None = None,
    recipe: Recipe = TRAINING, size: int = 384, crop: int = 192, batch: int = 2,
    rate: float = 2e-3, held_out: Sequence[Given] | None = None, check_every: int = 50,
    checkpoint: str | Path | None = None, seed: int = 0, precision: Precision = "auto",
    device: torch.device | str | None = None, vgg: VGG | None = None,
) -> Iterator[TrainingStep]:  # fmt: skip
    """Train a network to paint in a style, one update between two yields.

    The first step that is yielded is the untrained network, or the one of the checkpoint. Each
    batch depends on ``seed`` and on the step's index alone. So a run that was stopped and goes on
    gives the same network as one that was not.

    Args:
        style: the artwork, or several with their shares, as in `nstkit.stylize`.
        pictures: photographs to learn from, at least one: files, bundled names or tensors.
        steps: how many updates in all.
        net: what to begin with, such as a network of another style; it stays as it is. None is an
            untrained one.
        recipe: the losses, and ``style_scale``. Its start, scales, steps and optimizer play no
            part.
        size: long side of the artwork in px, before ``style_scale``. It sets the size of strokes.
        crop: side in px of the parts of photographs that the network learns from.
        batch: how many parts in a step.
        rate: the highest learning rate of Adam. It rises to that, and falls to a fiftieth.
        held_out: photographs to judge with. None takes one of ten out of ``pictures``, or uses the
            only one.
        check_every: how many steps lie between two checks with the held-out photographs.
        checkpoint: a .safetensors file. At each check the state is written there. If it exists, the
            run goes on from it.
        seed: of the first weights and of the parts.
        precision: of VGG, see `nstkit.vgg.devices`; the trained network is in float32.
        device: where to compute; None is where ``vgg`` is, a GPU, or the CPU.
        vgg: a network to use instead of the recipe's.

    Raises:
        ValueError: A bad picture or number, a recipe that recolors, a checkpoint of other settings,
            or a gradient that is not finite in several steps in a row.
    """
    _check_given(style, pictures, held_out, recipe, net)
    _check_numbers(steps, size, crop, batch, rate, check_every)
    check_whole("seed", seed, 0)
    device = chosen_device(device, None, vgg)
    if vgg is None:
        vgg = to_paint(network(recipe), device, feature_dtype(precision, device))
    photographs, judges = _photographs(pictures, held_out, crop)
    remarks: list[str] = []
    works = loaded_works(style, artwork_loader(size, recipe.style_scale, device, remarks))
    for remark in dict.fromkeys(remarks):
        warnings.warn(remark, UserWarning, stacklevel=2)
    net = TransformerNet(seed=seed) if net is None else copy.deepcopy(net).float()
    net.facts = {}  # those of a network that it begins with would be wrong
    plan = _Plan(photographs, crop, batch, rate, steps, seed, device)
    objective = Objective.of(plan.batch_at(0), works.plain, vgg, recipe, None)
    settings = {
        "artwork": _hash(works.pictures),
        "shares": repr(works.shares),
        "photographs": _hash([*photographs, judges]),
        "recipe": recipe.to_json(),
        "vgg": [vgg.source, precision_name(next(vgg.parameters()).dtype)],
        "net": net.options,
        "begin": _hash(net.state_dict().values()),
        **{name: getattr(plan, name) for name in ("crop", "batch", "rate", "steps", "seed")},
    }
    run = _Run(net.to(device), objective, judges.to(device), plan)
    path = None if checkpoint is None else Path(os.path.expanduser(checkpoint))
    if path is not None and (path.is_dir() or not path.parent.is_dir()):
        raise ValueError(f"checkpoint is '{path}'; expected a file in a folder that exists.")
    if path is not None and path.exists():
        run.go_on_from(Checkpoint.read(path, settings))
    return _steps(run, check_every, path, settings)


def _steps(
    run: _Run, check_every: int, path: Path | None, settings: Mapping[str, object]
) -> Iterator[TrainingStep]:
    """Yield a step before each update, and after the last one."""
    began, first = perf_counter() - run.seconds, run.index
    while True:
        checked = run.index in (first, run.plan.steps) or run.index % check_every == 0
        is_best = checked and run.check()
        run.seconds = perf_counter() - began
        if checked and path is not None:  # before a batch norm learns from the next batch
            run.checkpoint().write(path, settings)
        beyond = run.evaluate()
        yield TrainingStep(
            index=run.index,
            losses=run.losses.floats(),
            held_out=run.held_out,
            checked=checked,
            is_best=is_best,
            seconds=run.seconds,
            note=run.note,
            net=run.net,
            best=run.best,
            photographs=run.photographs,
        )
        if run.index >= run.plan.steps:
            return
        run.update(beyond)


class _Run:
    """A network that is trained, and all that changes with it.

    Attributes:
        index: how many updates there were; seconds: spent so far.
        losses: of the newest batch; held_out: of the last check; best_total: of the best check.
        note: of the last update.
        failures: how many updates failed in a row.
    """

    def __init__(
        self, net: TransformerNet, objective: Objective, photographs: Tensor, plan: _Plan
    ) -> None:
        self.net, self.best = net.train(), copy.deepcopy(net).eval()
        self.objective, self.plan, self.photographs = objective, plan, photographs
        self.judge = objective.with_pictures(photographs, objective["style"].picture)
        self.optimizer = torch.optim.Adam(net.parameters(), plan.rate)
        self.index, self.seconds, self.best_total = 0, 0.0, math.inf
        self.losses: Losses | None = None
        self.held_out: Losses | None = None
        self.note, self.failures = "", 0

    def go_on_from(self, state: Checkpoint) -> None:
        """Take over the state of a run that was stopped."""
        state.restore(self.net, self.best, self.optimizer)
        self.index, self.seconds, self.best_total = state.index, state.seconds, state.best_total

    def checkpoint(self) -> Checkpoint:
        """Return the state, to go on from later."""
        numbers = self.index, self.seconds, self.best_total
        return Checkpoint.of(*numbers, self.net, self.best, self.optimizer)

    def evaluate(self) -> Tensor:
        """Paint the next batch and keep its losses; return what is minimized beside them."""
        photos = self.plan.batch_at(self.index)
        self.objective["content"].picture = photos
        paintings = self.net(photos)
        self.losses = self.objective(paintings)
        return OUT_OF_RANGE * (paintings - paintings.clamp(0, 1)).square().mean()

    def check(self) -> bool:
        """Judge the network by held-out photographs; return whether it is the best so far."""
        with torch.no_grad():
            self.held_out = self.judge(painted(self.net, self.photographs)).floats()
        is_best = self.held_out.total <= self.best_total
        if is_best:
            # In this order: whoever interrupts here has the one before, or this one.
            self.best = copy.deepcopy(self.net).eval()
            self.best_total = self.held_out.total
        return is_best

    def update(self, beyond: Tensor) -> None:
        """Change the weights once; leave them as they are if the gradient is not finite.

        Raises:
            ValueError: It was not finite in several steps in a row.
        """
        self.optimizer.zero_grad()
        (self.losses.total + beyond).backward()
        length = torch.nn.utils.clip_grad_norm_(self.net.parameters(), LONGEST_GRADIENT)
        if torch.isfinite(length):
            for group in self.optimizer.param_groups:
                group["lr"] = self.plan.rate_at(self.index)
            self.optimizer.step()
            self.note, self.failures = "", 0
        else:
            self.note = "gradient not finite: the update is left out"
            self.failures += 1
        if self.failures == FAILURES:
            raise ValueError(
                f"The gradient was not finite in {FAILURES} steps in a row. Lower the rate, which "
                f"is {self.plan.rate:g}, or use precision='fp32'."
            )
        self.index += 1


@dataclass(frozen=True)
class _Plan:
    """All that a step needs besides networks. What it returns depends on the index alone."""

    photographs: Sequence[Tensor]
    crop: int
    batch: int
    rate: float
    steps: int
    seed: int
    device: torch.device

    def batch_at(self, index: int) -> Tensor:
        """Return the parts of photographs of a step, (batch, 3, crop, crop)."""
        generator = torch.Generator().manual_seed(self.seed + 1_000_003 * (index + 1))
        parts = [self._part(generator) for _ in range(self.batch)]
        return torch.cat(parts).to(self.device)

    def rate_at(self, index: int) -> float:
        """Return the learning rate of a step: up in a line, down in half a cosine."""
        share = (index + 1) / max(self.steps, 1)
        if share < WARM_UP:
            return self.rate * share / WARM_UP
        fall = 0.5 + 0.5 * math.cos(math.pi * (share - WARM_UP) / (1 - WARM_UP))
        return self.rate * (LAST_RATE + (1 - LAST_RATE) * fall)

    def _part(self, generator: torch.Generator) -> Tensor:
        """Return a random part of a random photograph, at a random scale, perhaps mirrored."""
        number, mirrored = (
            int(torch.randint(n, (1,), generator=generator, device="cpu"))
            for n in (len(self.photographs), 2)
        )
        photo = self.photographs[number]
        least = self.crop / min(photo.shape[-2:])
        scale = least + (1 - least) * float(torch.rand(1, generator=generator, **ON_CPU))
        height, width = (max(round(side * scale), self.crop) for side in photo.shape[-2:])
        photo = resize(photo, height, width)
        top, left = (
            int(torch.randint(side - self.crop + 1, (1,), generator=generator, device="cpu"))
            for side in (height, width)
        )
        part = photo[..., top : top + self.crop, left : left + self.crop]
        return part.flip(-1) if mirrored else part


def _photographs(
    pictures: Sequence[Given], held_out: Sequence[Given] | None, crop: int
) -> tuple[list[Tensor], Tensor]:
    """Return photographs to learn from, and the middles of those to judge with, (n, 3, c, c)."""
    learned = list(pictures)
    if held_out is None:
        count = len(learned) // HELD_OUT or (len(learned) > 1)
        held_out = learned[:count] if count else learned
        learned = learned[count:]
    if not learned or not held_out:
        raise ValueError(
            f"Got {len(learned)} photographs to learn from and {len(held_out)} to judge with; "
            "expected at least one of each."
        )
    middles = [cover(_photograph(picture, crop), crop, crop) for picture in held_out]
    return [_photograph(picture, crop) for picture in learned], torch.cat(middles)


def _photograph(source: Given, crop: int) -> Tensor:
    """Return a photograph on the CPU, not larger than needed, that holds a part."""
    if isinstance(source, Tensor):
        photo = as_image(source, None, "cpu").float()
    else:
        photo, own = load_at(source, LONG_SIDE, enlarge=False)
        if (short := min(photo.shape[-2:])) < crop and own > LONG_SIDE:
            photo, _ = load_at(source, math.ceil(LONG_SIDE * crop / short), enlarge=False)
    short = min(photo.shape[-2:])
    if short < crop:
        photo = resize(photo, *(math.ceil(side * crop / short) for side in photo.shape[-2:]))
    return photo


def _hash(tensors: Iterable[Tensor]) -> str:
    """Return a text that differs between different tensors."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(repr(tuple(tensor.shape)).encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _check_given(
    style: GivenStyle, pictures: Sequence[Given], held_out: Sequence[Given] | None, recipe: Recipe,
    net: TransformerNet | None,
) -> None:  # fmt: skip
    if style is None:
        raise ValueError("style is None; expected an artwork.")
    for name, given in (("pictures", pictures), ("held_out", held_out)):
        if isinstance(given, str | Path | Tensor):
            raise ValueError(
                f"{name} is one {type(given).__name__}; expected several photographs: a list."
            )
    if not isinstance(recipe, Recipe):
        raise ValueError(f"recipe is {recipe!r}; expected a Recipe, such as TRAINING.")
    if net is not None and not isinstance(net, TransformerNet):
        raise ValueError(
            f"net is {net!r}; expected a TransformerNet, such as TransformerNet.load('great_wave')."
        )
    if recipe.photo:
        raise ValueError(
            f"The recipe's photo is {recipe.photo:g}, but that term compares with one photograph, "
            "and a network paints all. Set photo=0."
        )
    if recipe.color != "style":
        raise ValueError(
            f"The recipe's color is {recipe.color!r}, but a network has one artwork for all "
            "photographs; expected 'style'. Recolor its paintings instead, by nstkit.keep_colors."
        )


def _check_numbers(
    steps: int, size: int, crop: int, batch: int, rate: float, check_every: int
) -> None:
    check_whole("steps", steps, 0)
    check_whole("size", size, LEAST)
    check_whole("crop", crop, LEAST)
    check_whole("batch", batch, 1)
    check_whole("check_every", check_every, 1)
    check_weight("rate", rate, positive=True)
