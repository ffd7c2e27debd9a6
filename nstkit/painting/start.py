"""Where a painting begins: its pictures, the start, and the device that computes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor

from nstkit.descent import Solver, evaluate
from nstkit.modes import ON_CPU, plain
from nstkit.objective import Objective
from nstkit.options import check_choice
from nstkit.pictures.artworks import Artworks
from nstkit.pictures.color import match_colors
from nstkit.pictures.images import Source, check_picture, load_image
from nstkit.pictures.scene import Scene
from nstkit.pictures.sizes import cover
from nstkit.recipes import STARTS, Recipe
from nstkit.recipes.network import network
from nstkit.vgg import VGG
from nstkit.vgg.fast import to_paint
from nstkit.vgg.names import shallowest

Given = Tensor | Source  # what `nstkit.stylize` takes for a picture
SIZE = 256  # px of the long side, unless another is given

GRAY = (0.485, 0.456, 0.406)  # the mean color of ImageNet's pictures: zero to most networks
# The most that a color difference grows in the start "recolored": the colors of a nearly gray
# photograph are noise, which should stay unseen.
START_GAIN = 2.0
AGREEMENT = 0.01  # relative difference that a GPU's gradient may have from the CPU's


def as_image(source: Given, size: int | None, device: torch.device | str) -> Tensor:
    """Return a picture on a device: loaded at a size, or a tensor as it is, if it is in [0, 1].

    Args:
        source: (1, 3, H, W) in [0, 1], or whatever `nstkit.load_image` takes.
        size: long side in px of what is loaded.
        device: where to.

    Raises:
        ValueError: The picture cannot be read, has another shape, or holds other values.
    """
    if not isinstance(source, Tensor):
        return load_image(source, size, device)
    check_picture("the picture", source)
    return plain(source).to(device, torch.promote_types(source.dtype, torch.float32))


# ---------------------------------------------------------------- the start


def first_picture(kind: str, scene: Scene, layers: Mapping[str, float], seed: int = 0) -> Tensor:
    """Return the picture from which a painting starts: each part begins with its own artwork.

    What is not painted begins with the photograph.

    Args:
        kind: as in `start_image`.
        scene: the pictures, of the size of the painting.
        layers: of the recipe's style. If artworks have other shares in each, those in the
            shallowest count, which sees colors best.
        seed: of the noise.
    """
    content, layer = scene.content, shallowest(layers) or kind
    if not scene.parts:  # a painting without a style
        return start_image(kind, content, content, seed)
    starts = [
        content.clone() if part.works is None
        else start_image(kind, content, part.works, seed, part.where, layer)
        for part in scene.parts
    ]  # fmt: skip
    masks = [content.new_ones(1) if part.where is None else part.where for part in scene.parts]
    if len(starts) == 1:
        return starts[0]
    weighted = (mask * start for mask, start in zip(masks, starts, strict=True))
    return sum(weighted) / sum(masks)


def start_image(
    kind: str, content: Tensor, style: Tensor | Artworks, seed: int = 0,
    where: Tensor | None = None, layer: str = "",
) -> Tensor:  # fmt: skip
    """Return the picture from which an optimization starts, of the content's size and device.

    Args:
        kind: "content"; "recolored", the content in the style's colors; "noise", uniform in
            [0, 1]; "white"; "gray", ImageNet's mean color; "style", scaled to cover and cropped
            around the center; "blend", half content and half noise.
        content: (1, 3, H, W).
        style: (1, 3, H', W'), or several.
        seed: of the noise, drawn on the CPU so that all devices start alike.
        where: the part of the content whose colors count, (1, 1, H, W); None is all of it.
        layer: whose shares count, if those of the artworks differ between layers.

    Raises:
        ValueError: kind is unknown.
    """
    check_choice("start", kind, STARTS)
    if kind == "content":
        return content.clone()
    if kind == "recolored":
        return _recolored(content, Artworks.of(style), where, layer)
    if kind == "white":
        return torch.ones_like(content)
    if kind == "gray":
        return content.new_tensor(GRAY).view(1, 3, 1, 1).expand_as(content).contiguous()
    if kind == "style":
        works = Artworks.of(style)
        shares = works.in_layer(layer)
        return cover(works.pictures[shares.index(max(shares))], *content.shape[-2:]).to(content)
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(content.shape, generator=generator, **ON_CPU).to(content)
    return noise if kind == "noise" else (content + noise) / 2


def _recolored(content: Tensor, artworks: Artworks, where: Tensor | None, layer: str) -> Tensor:
    """Return the content in the artworks' colors: for several, the mean of what each makes."""
    made = [
        (share, match_colors(content, picture.to(content), "transport", START_GAIN, where, mask))
        for picture, share, mask in zip(
            artworks.pictures, artworks.in_layer(layer), artworks.where, strict=True
        )
        if share
    ]
    return made[0][1] if len(made) == 1 else sum(share * picture for share, picture in made)


def noise_like(picture: Tensor, seed: int = 0) -> Tensor:
    """Return noise of mean 0 and deviation 1, with a picture's shape, dtype and device.

    Args:
        picture: (1, 3, H, W).
        seed: of the noise, drawn on the CPU so that it is the same on all devices.
    """
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(picture.shape, generator=generator, **ON_CPU).to(picture)


def check_start(start: Tensor, content: Tensor) -> Tensor:
    """Return a given start on the content's device.

    Raises:
        ValueError: It has another shape than the content, or holds other values.
    """
    if not isinstance(start, Tensor) or start.shape != content.shape:
        got = tuple(start.shape) if isinstance(start, Tensor) else repr(start)
        raise ValueError(
            f"start is {got}; expected a picture of shape {tuple(content.shape)}, like the "
            f"content, or one of {', '.join(STARTS)}."
        )
    check_picture("start", start)
    return plain(start).to(content)


# ---------------------------------------------------------------- the device


def default_device(picture: object, vgg: VGG | None = None) -> torch.device:
    """Return where to paint: where a network is; else a GPU, a tensor's own device, or the CPU.

    Apple's GPU is taken only if a tiny painting there agrees with the CPU's. A warning says so if
    it does not.
    """
    if vgg is not None:
        return next(vgg.parameters()).device
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        if agrees_with_cpu("mps"):
            return torch.device("mps")
        warnings.warn(
            "Apple's GPU does not compute what the CPU computes with this version of torch, so "
            "nstkit paints on the CPU. Pass device='mps' to use the GPU all the same.",
            stacklevel=6,  # points at the caller of `stylize`
        )
    return picture.device if isinstance(picture, Tensor) else torch.device("cpu")


def chosen_device(
    device: torch.device | str | None, picture: object, vgg: VGG | None = None
) -> torch.device:
    """Return a device that was asked for, or where to paint if none was; see `default_device`.

    Raises:
        ValueError: There is no such device here.
    """
    if device is None:
        return default_device(picture, vgg)
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f"device is {device!r}; expected 'cpu', 'cuda', 'cuda:1' or 'mps'."
        ) from error
    here = {"cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    if (found.index or 0) >= here.get(found.type, 1):
        raise ValueError(
            f"device is {device!r}, but torch sees no such GPU here. Leave device out, or install "
            "a torch that fits the GPU and its driver."
        )
    return found


@cache
def agrees_with_cpu(device: str) -> bool:
    """Try whether one step of a tiny painting on a device has the CPU's gradient and picture."""
    try:
        found, expected = (_trial(place) for place in (device, "cpu"))
    except (RuntimeError, NotImplementedError, TypeError):  # operations that the device lacks
        return False
    return all(
        bool((a - b).norm() <= AGREEMENT * b.norm()) for a, b in zip(found, expected, strict=True)
    )


def _trial(device: str) -> tuple[Tensor, Tensor]:
    """Return the gradient of a tiny start and how far the first update moves it, on the CPU."""
    recipe = Recipe()
    content, style = (
        torch.rand(1, 3, 32, 40, generator=torch.Generator().manual_seed(seed), **ON_CPU)
        for seed in (0, 1)
    )
    pictures = content.to(device), style.to(device)
    objective = Objective.of(*pictures, to_paint(network(recipe), device), recipe)
    x = pictures[0].flip(3).clone().requires_grad_()
    before = x.detach().cpu().clone()
    evaluate(objective, x)
    gradient = x.grad.cpu()
    Solver(x, recipe.optimizer).update()
    return gradient, x.detach().cpu() - before
