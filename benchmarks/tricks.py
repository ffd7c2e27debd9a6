"""What each trick gains: seconds an evaluation, one added after the other; and evaluations saved.

All stages are timed in turns, so that whatever else the machine does meets them alike.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from unittest import mock

import torch
import torch.nn.functional as F
from equal_loss import PAIRS, RECIPE, judged
from machine import in_turns
from plain_loop import CONTENT, STYLE, PlainVGG, gram, paint
from torch import Tensor

import nstkit
from nstkit.objective import Objective, network
from nstkit.optimize import Solver, evaluate, smoother
from nstkit.optimize.solver import PAIRS as PAIRS_KEPT
from nstkit.vgg import VGG, feature_dtype

Evaluation = Callable[[], Tensor]  # the gradient of the pixels
MARK = 100  # evaluations of the plain loop, whose loss the others are to reach


def measure(device: str, size: int = 256, small: int = 128, repeats: int = 7) -> dict[str, list]:
    """Return the seconds of each stage, and the evaluations that each way to descend needs."""
    return {"stages": stages(device, size, repeats), "descents": descents(device, small)}


# ---------------------------------------------------------------- an evaluation


def stages(device: str, size: int, repeats: int) -> list[dict]:
    content, style = (nstkit.load_image(name, size, device) for name in PAIRS[0])
    objectives = (Objective(content, style, vgg, RECIPE) for vgg in networks(device))
    whole, last, *half, paints = (step(objective, content) for objective in objectives)
    ways = {
        "targets at every step": plain(content, style, device, once=False),
        "targets once": plain(content, style, device, once=True),
        "no layer more than needed, ReLU in place": without(whole, *SUBSTITUTES),
        "+ channels last": without(last, *SUBSTITUTES),
        "+ one product for a Gram's slope": without(last, "nstkit.vgg.relus_last"),
        "+ a block's last ReLU after its pooling": last,
    }
    if half:
        ways["+ bfloat16 features"] = half[0]
    ways["+ packed weights, joined ReLUs"] = paints
    return compared(in_turns(ways, device, repeats), size)


def compared(taken: dict[str, float], size: int) -> list[dict]:
    """Return a row for each way: how many times as fast it is as the first."""
    first, *_ = taken.values()
    rows = []
    for name, value in taken.items():
        rows.append({"name": name, "size": size, "seconds": value, "ratio": first / value})
        print(f"  {size} px, {name}: {value:.3f} s, {first / value:.2f} times", flush=True)
    return rows


def plain(content: Tensor, style: Tensor, device: str, once: bool) -> Evaluation:
    vgg = PlainVGG(network(RECIPE).convs.state_dict()).to(device)

    @torch.no_grad()
    def targets() -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        here, there = vgg(content), vgg(style)
        return {n: here[n] for n in CONTENT}, {n: gram(there[n]) for n in STYLE}

    known = targets()

    def way() -> Tensor:
        x = content.flip(3).requires_grad_()
        aims, grams = known if once else targets()
        found = vgg(x)
        loss = sum(w * F.mse_loss(found[n], aims[n]) for n, w in CONTENT.items())
        style_loss = sum(w * F.mse_loss(gram(found[n]), grams[n]) for n, w in STYLE.items())
        loss = loss + RECIPE.beta * style_loss
        return torch.autograd.grad(loss, x)[0]

    return way


def networks(device: str) -> Iterator[VGG]:
    """Yield the network as it is, channels last, then in bfloat16 if native, and as it paints."""
    yield network(RECIPE).to(device)
    dtypes = dict.fromkeys([torch.float32, feature_dtype("auto", device)])
    for dtype in dtypes:
        yield network(RECIPE).to(device, dtype, memory_format=torch.channels_last)
    yield network(RECIPE).to_paint(device, dtype)


def without(way: Evaluation, *tricks: str) -> Evaluation:
    """Do the same in the way that was before each of these tricks."""

    def other() -> Tensor:
        with contextlib.ExitStack() as stack:
            for trick in tricks:
                stack.enter_context(mock.patch(trick, SUBSTITUTES[trick]))
            return way()

    return other


def two_products(features: Tensor) -> Tensor:
    """Leave the slope of a float32 Gram matrix to autograd: a product for each of its factors."""
    F_l = features.flatten(2)
    return F_l @ F_l.mT


SUBSTITUTES = {
    "nstkit.losses.Products.apply": two_products,
    "nstkit.vgg.relus_last": lambda names, wanted: names,
}


def step(objective: Objective, content: Tensor) -> Evaluation:
    return lambda: evaluate(objective, content.flip(3).requires_grad_())[1]


# ---------------------------------------------------------------- the descent


def descents(device: str, size: int) -> list[dict]:
    """Return how many evaluations each way needs to the loss of MARK of the plain loop's."""
    rows = []
    for pair in PAIRS:
        content, style = (nstkit.load_image(name, size, device) for name in pair)
        judge = judged(content, style, device)
        vgg = PlainVGG(network(RECIPE).convs.state_dict()).to(device)
        images = (image for _, image in paint(content, style, vgg, RECIPE.beta))
        goal = judge(next(itertools.islice(images, MARK, None)))
        objective = Objective(content, style, network(RECIPE).to(device), RECIPE)
        always = itertools.repeat(objective)
        ways = {
            "nstkit: Fourier, 1/sqrt f": descent(always, content),
            "Fourier, 1/f": fourier(objective, content, power=1.0),
            "pyramid of 5 levels": pyramid(objective, content),
            "pixels": descent(always, content, "lbfgs"),
            "pixels, history of 5": descent(always, content, "lbfgs", history=5),
            "pixels, history of 100": descent(always, content, "lbfgs", history=100),
        }
        for name, way in ways.items():
            enough = (i for i, x in enumerate(way) if i > 4 * MARK or judge(x) <= goal)
            rows.append({"name": name, "pair": list(pair), "size": size, "steps": next(enough)})
            print(f"  {size} px, {' x '.join(pair)}, {name}: {rows[-1]['steps']} evaluations to "
                  f"the loss of {MARK} of the plain loop", flush=True)  # fmt: skip
    return rows


def descent(
    objectives: Iterable[Objective], start: Tensor, optimizer: str = RECIPE.optimizer,
    history: int = PAIRS_KEPT,
) -> Iterator[Tensor]:  # fmt: skip
    """Yield the start, and the picture after an update under each objective."""
    x = start.clone().requires_grad_()
    solver = Solver(x, optimizer)
    solver.optimizer.param_groups[0]["history_size"] = history
    for objective in objectives:
        yield x.detach().clone()
        solver.update(evaluate(objective, x)[1])
    yield x.detach().clone()


def fourier(objective: Objective, start: Tensor, power: float) -> Iterator[Tensor]:
    """Descend over z where the picture is the start plus z with its frequencies f over f^power."""
    smooth = smoother(start, power)
    return reparametrized(objective, torch.zeros_like(start), lambda z: start + smooth(z))


def pyramid(objective: Objective, start: Tensor, levels: int = 5) -> Iterator[Tensor]:
    """Descend over a pyramid: the picture is the start plus maps of its size, half of it ..."""
    height, width = start.shape[-2:]
    shapes = [(1, 3, max(1, height >> k), max(1, width >> k)) for k in range(levels)]
    counts = [math.prod(shape) for shape in shapes]

    def image(z: Tensor) -> Tensor:
        maps = [part.view(shape) for part, shape in zip(z.split(counts), shapes, strict=True)]
        return start + sum(F.interpolate(m, (height, width), mode="bilinear") for m in maps)

    return reparametrized(objective, start.new_zeros(sum(counts)), image)


def reparametrized(
    objective: Objective, z: Tensor, image: Callable[[Tensor], Tensor]
) -> Iterator[Tensor]:
    """Descend over the numbers z of which the picture is made."""
    solver = Solver(z.requires_grad_(), "lbfgs")
    while True:
        x = image(z)
        yield x.detach().clone()
        gradient = evaluate(objective, x.detach().requires_grad_())[1]
        solver.update(torch.autograd.grad(x, z, gradient)[0])
