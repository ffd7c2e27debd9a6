"""Train a `TransformerNet` for one style: a loop as a generator, which can stop and go on.

The losses are those that `nstkit.stylize` minimizes over pixels, and a recipe names them. Here they
are minimized over the weights of a network, for many photographs at once (Johnson, Alahi and
Fei-Fei 2016, arXiv 1603.08155). The photograph of each step is another one, so the network learns
what all of them need.
"""

from __future__ import annotations

import copy
import hashlib
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import torch
from torch import Tensor

from nstkit.feedforward.checkpoint import Checkpoint
from nstkit.feedforward.transformer import LEAST, TransformerNet
from nstkit.losses.values import Losses
from nstkit.objective import Objective
from nstkit.options import check_weight, check_whole
from nstkit.painting.given import GivenStyle, artwork_loader, loaded_works
from nstkit.painting.start import Given, as_image, default_device
from nstkit.pictures.images import load_at
from nstkit.pictures.sizes import cover, resize
from nstkit.recipes import DEFAULT, Recipe
from nstkit.recipes.network import network
from nstkit.vgg import VGG
from nstkit.vgg.devices import Precision, feature_dtype
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
class TrainingStep:
    """What is known after ``index`` updates of a network.

    Attributes:
        index: how many updates there were.
        losses: of the batch that comes next, before its update.
        held_out: losses of the held-out photographs, as they are saved: clamped. They are those of
            the last check, which is this step's if ``checked``.
        checked: whether this step was checked with the held-out photographs.
        is_best: it was, and no earlier check had a lower total.
        seconds: spent on training, over all sessions.
        net: the network that is trained. It changes in the next step.
        best: a copy of the best one so far, by the held-out photographs.
        note: of an update that was left out.
    """

    index: int
    losses: Losses
    held_out: Losses
    checked: bool
    is_best: bool
    seconds: float
    net: TransformerNet
    best: TransformerNet
    note: str = ""


def train(
    style: GivenStyle, pictures: Sequence[Given], steps: int, *, net: TransformerNet | None = None,
    recipe: Recipe = TRAINING, size: int = 384, crop: int = 192, batch: int = 2,
    rate: float = 3e-3, held_out: Sequence[Given] | None = None, check_every: int = 50,
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
        recipe: the losses. Its steps and optimizer play no part.
        size: long side of the artwork in px. It sets the size of the strokes.
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
        ValueError: A bad picture or number, a checkpoint of other settings, or a loss that is not
            finite in several steps in a row.
    """
    _check_numbers(steps, size, crop, batch, rate, check_every)
    device = torch.device(default_device(None, vgg) if device is None else device)
    if vgg is None:
        vgg = to_paint(network(recipe), device, feature_dtype(precision, device))
    photographs, judges = _photographs(pictures, held_out, crop)
    works = loaded_works(style, artwork_loader(size, 1.0, "cpu", []))
    net = TransformerNet(seed=seed) if net is None else copy.deepcopy(net)
    plan = _Plan(photographs, crop, batch, rate, steps, check_every, seed, device)
    where = None if checkpoint is None else Path(checkpoint).expanduser()
    objective = Objective.of(
        plan.batch_at(0), works.mapped(plan.to_device).plain, vgg, recipe, None
    )
    judge = _Judge(objective, plan.to_device(judges))
    facts = {
        "artwork": _hash(works.pictures),
        "shares": repr(works.shares),
        "photographs": _hash([*photographs, judges]),
        "recipe": recipe.to_json(),
        "net": net.options,
        "begin": _hash(net.state_dict().values()),
        **{name: getattr(plan, name) for name in ("crop", "batch", "rate", "steps", "seed")},
    }
    return _train(net.to(device).train(), objective, judge, plan, where, facts)


def _train(
    net: TransformerNet, objective: Objective, judge: _Judge, plan: _Plan, where: Path | None,
    facts: dict[str, object],
) -> Iterator[TrainingStep]:  # fmt: skip
    optimizer = torch.optim.Adam(net.parameters(), plan.rate)
    first, spent, best_total = 0, 0.0, math.inf
    best = copy.deepcopy(net)
    if where is not None and where.exists():
        state = Checkpoint.read(where, facts)
        state.restore(net, best, optimizer)
        first, spent, best_total = state.index, state.seconds, state.best_total
    began = perf_counter() - spent
    held_out = judge(net)
    failures, note = 0, ""
    for index in itertools.count(first):
        photos = plan.batch_at(index)
        objective["content"].picture = photos
        paintings = net(photos)
        losses = objective(paintings)
        beyond = OUT_OF_RANGE * (paintings - paintings.clamp(0, 1)).square().mean()
        checked = index == first or index % plan.check_every == 0 or index == plan.steps
        is_best = False
        if checked:
            held_out = judge(net)
            if is_best := held_out.total <= best_total:
                best_total = held_out.total
                best.load_state_dict(net.state_dict())
            if where is not None:
                Checkpoint.of(
                    index, perf_counter() - began, best_total, net, best, optimizer
                ).write(where, facts)
        seconds = perf_counter() - began
        yield TrainingStep(
            index, losses.floats(), held_out, checked, is_best, seconds, net, best, note
        )
        if index >= plan.steps:
            return
        note = _update(net, optimizer, losses.total + beyond, plan.rate_at(index))
        failures = failures + 1 if note else 0
        if failures == FAILURES:
            raise ValueError(
                f"The loss was not finite in {FAILURES} steps in a row. Lower the rate, which is "
                f"{plan.rate:g}, or use precision='fp32'."
            )


def _update(
    net: TransformerNet, optimizer: torch.optim.Optimizer, loss: Tensor, rate: float
) -> str:
    """Change the weights once; leave them and return a note if the gradient is not finite."""
    optimizer.zero_grad()
    loss.backward()
    length = torch.nn.utils.clip_grad_norm_(net.parameters(), LONGEST_GRADIENT)
    if not torch.isfinite(length):
        return "gradient not finite: the update is left out"
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.step()
    return ""


@dataclass(frozen=True)
class _Plan:
    """All that a step needs besides networks. What it returns depends on the index alone."""

    photographs: Sequence[Tensor]
    crop: int
    batch: int
    rate: float
    steps: int
    check_every: int
    seed: int
    device: torch.device

    def to_device(self, picture: Tensor) -> Tensor:
        """Return a picture where the networks are."""
        return picture.to(self.device)

    def batch_at(self, index: int) -> Tensor:
        """Return the parts of photographs of a step, (batch, 3, crop, crop)."""
        generator = torch.Generator().manual_seed(self.seed + 1_000_003 * (index + 1))
        parts = [self._part(generator) for _ in range(self.batch)]
        return self.to_device(torch.cat(parts))

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
            int(torch.randint(n, (1,), generator=generator)) for n in (len(self.photographs), 2)
        )
        photo = self.photographs[number]
        least = self.crop / min(photo.shape[-2:])
        scale = least + (1 - least) * float(torch.rand(1, generator=generator))
        height, width = (max(round(side * scale), self.crop) for side in photo.shape[-2:])
        photo = resize(photo, height, width)
        top, left = (
            int(torch.randint(side - self.crop + 1, (1,), generator=generator))
            for side in (height, width)
        )
        part = photo[..., top : top + self.crop, left : left + self.crop]
        return part.flip(-1) if mirrored else part


class _Judge:
    """Returns the losses of held-out photographs as they would be saved: clamped, in float32."""

    def __init__(self, objective: Objective, photographs: Tensor) -> None:
        style = objective["style"].picture
        self.objective = objective.with_pictures(photographs, style)
        self.photographs = photographs

    @torch.no_grad()
    def __call__(self, net: TransformerNet) -> Losses:
        net.eval()
        losses = self.objective(net(self.photographs).clamp(0, 1)).floats()
        net.train()
        return losses


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
        photo = as_image(source, None, "cpu")
    else:
        photo, _ = load_at(source, LONG_SIDE, enlarge=False)
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


def _check_numbers(
    steps: int, size: int, crop: int, batch: int, rate: float, check_every: int
) -> None:
    check_whole("steps", steps, 0)
    check_whole("size", size, LEAST)
    check_whole("crop", crop, LEAST)
    check_whole("batch", batch, 1)
    check_whole("check_every", check_every, 1)
    check_weight("rate", rate, positive=True)
