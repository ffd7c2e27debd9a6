"""Pictures larger than the memory: sums over positions, and their exact gradient, tile by tile.

A Gram matrix is a sum over positions, and so is the content loss. So what the losses need of a
picture can be computed from its parts, one after another. In the backward pass, the gradient of the
loss with respect to those few sums is known, and the same for all parts. Each part is computed a
second time and gives its share of the gradient of the pixels. Nothing is approximated. The price is
that second time, and the halo: around each tile lie pixels that its features see.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Literal

import torch
from torch import Tensor

from nstkit.memory import free_memory, needs_more
from nstkit.vgg import VGG
from nstkit.vgg.fast import FastVGG
from nstkit.vgg.names import pools_before

Tiling = int | Literal["auto"] | None
Features = Mapping[str, Tensor]
Area = tuple[Any, slice, slice]  # the first is an Ellipsis

# Peak of a step beyond the weights, measured on a CPU at 512 px: 3.9 kB a pixel in fp32, 2.5 kB in
# bf16; less at larger sizes.
BYTES_A_PIXEL = 4000
COPIES = 15  # of a large picture in float32 that the loop and L-BFGS hold: 12 to 13 are measured
SMALLEST = 256  # px that "auto" chooses: around smaller tiles, halos cost many times the tile
LEAST = 32  # px of a tile


@dataclass(frozen=True)
class Tile:
    """A part of a picture.

    Attributes:
        inner: (top, bottom, left, right) in px: the part itself; features belong to one part only.
        outer: the same with its halo, as far as the picture reaches.
    """

    inner: tuple[int, int, int, int]
    outer: tuple[int, int, int, int]

    def pixels(self) -> Area:
        """Return where the part and its halo lie in the picture."""
        return ..., slice(*self.outer[:2]), slice(*self.outer[2:])

    def in_whole(self, layer: str) -> Area:
        """Return where the part lies in a layer of the whole picture."""
        return self._inner(pools_before(layer), (0, 0))

    def in_tile(self, layer: str) -> Area:
        """Return where the part lies in a layer of itself with its halo."""
        return self._inner(pools_before(layer), (self.outer[0], self.outer[2]))

    def _inner(self, pools: int, corner: tuple[int, int]) -> Area:
        top, bottom, left, right = (side >> pools for side in self.inner)
        y, x = (side >> pools for side in corner)
        return ..., slice(top - y, bottom - y), slice(left - x, right - x)


Sums = Callable[[Features, "Tile | None"], list[Tensor]]


def tiles(height: int, width: int, side: int, layers: Iterable[str], vgg: VGG) -> list[Tile]:
    """Cut a picture into parts of about equal size.

    No side is longer than ``side``, rounded up to the grid. Edges lie on the grid of the deepest
    layer's poolings, so that each pooling takes the maximum over the same pixels as in the whole
    picture.
    """
    reach, grid = halo(vgg, layers)
    rows, columns = (_edges(length, side, grid) for length in (height, width))
    parts = []
    for (top, bottom), (left, right) in itertools.product(rows, columns):
        near = max(top - reach, 0), min(bottom + reach, height)
        outer = *near, max(left - reach, 0), min(right + reach, width)
        parts.append(Tile((top, bottom, left, right), outer))
    return parts


def halo(vgg: VGG, layers: Iterable[str]) -> tuple[int, int]:
    """Return how far a tile must see beyond itself, and the grid of its edges, both in px.

    At the edge of a tile, convolutions see padding in place of the picture. Each convolution spoils
    one more position, and each pooling halves their number.
    """
    deepest = max(layers, key=vgg.names.index)
    spoiled = 0
    for name in vgg.names[: vgg.names.index(deepest) + 1]:
        if name.startswith("conv"):
            spoiled += 1
        elif name.startswith("pool"):
            spoiled = (spoiled + 1) // 2
    grid = 1 << pools_before(deepest)
    return spoiled * grid, grid


def _edges(length: int, side: int, grid: int) -> Iterator[tuple[int, int]]:
    count = -(-length // side)
    step = -(-length // (count * grid)) * grid
    return itertools.pairwise([*range(0, length, step), length])


def summed(
    vgg: VGG, image: Tensor, layers: Iterable[str], sums: Sums, side: int | None = None
) -> list[Tensor]:
    """Return sums over the positions of images' features, differentiable in the images.

    Args:
        vgg: the network.
        image: (B, 3, H, W).
        layers: whose features are needed.
        sums: called with the features of a tile and the tile, or with those of the whole picture
            and None. Returns the same number of tensors each time.
        side: of the tiles in px; None computes the whole picture at once.
    """
    if side is None or not layers or max(image.shape[-2:]) <= side:
        return sums(vgg(image, layers), None)
    parts, network = tiles(*image.shape[-2:], side, layers, vgg), for_parts(vgg)

    def _part(pixels: Tensor, tile: Tile) -> list[Tensor]:
        features = network(pixels, layers)
        return sums({n: f[tile.in_tile(n)] for n, f in features.items()}, tile)

    return list(_Summed.apply(image, _part, parts))


def for_parts(vgg: VGG) -> VGG:
    """Return the network for tiles, which are of many sizes: packing weights would not pay."""
    return vgg.unpacked() if isinstance(vgg, FastVGG) else vgg


class _Summed(torch.autograd.Function):
    """Add up what parts of an image give; in the backward pass, compute each a second time."""

    @staticmethod
    def forward(
        ctx: Any, image: Tensor, part: Callable[[Tensor, Tile], list[Tensor]], parts: list[Tile]
    ) -> tuple[Tensor, ...]:
        """Return the sums. Nothing else is kept."""
        ctx.save_for_backward(image)
        ctx.part, ctx.parts = part, parts
        total: list[Tensor] = []
        for tile in parts:
            found = part(image[tile.pixels()], tile)
            total = [a + b for a, b in zip(total, found, strict=True)] if total else found
        return tuple(total)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """Return the gradient of the image from those of the sums."""
        (image,) = ctx.saved_tensors
        gradient = torch.zeros_like(image)
        for tile in ctx.parts:
            pixels = image[tile.pixels()].clone().requires_grad_()
            with torch.enable_grad():
                found = ctx.part(pixels, tile)
            (share,) = torch.autograd.grad(found, pixels, gradients)
            gradient[tile.pixels()] += share
        return gradient, None, None


def assembled(vgg: VGG, image: Tensor, layers: Iterable[str], side: int | None = None) -> Features:
    """Return the features of images (B, 3, H, W), put together from those of tiles."""
    if side is None or max(image.shape[-2:]) <= side:
        return vgg(image, layers)
    whole: dict[str, Tensor] = {}
    network = for_parts(vgg)
    for tile in tiles(*image.shape[-2:], side, layers, vgg):
        for name, features in network(image[tile.pixels()], layers).items():
            if name not in whole:
                size = (length >> pools_before(name) for length in image.shape[-2:])
                whole[name] = features.new_empty(*features.shape[:2], *size)
            whole[name][tile.in_whole(name)] = features[tile.in_tile(name)]
    return whole


# ---------------------------------------------------------------- memory


def fitting(side: Tiling, image: Tensor, vgg: VGG, layers: Iterable[str]) -> int | None:
    """Return the side of tiles in px with which an image can be painted, None for no tiles.

    Args:
        side: "auto" chooses by the memory that is free now; others are returned as they are.
        image: of the size of the painting.
        vgg: the network.
        layers: whose features are needed.

    Raises:
        ValueError: side is neither "auto", None nor a whole number of 32 px or more; or "auto"
            finds that not even small tiles fit into the memory.
    """
    if side != "auto":
        check_side(side)
        return side
    height, width = image.shape[-2:]
    free = free_memory(image.device)
    layers = list(layers)
    if bytes_needed(height, width) <= 0.8 * free or not layers:
        return None
    reach, grid = halo(vgg, layers)
    if (least := bytes_needed(height, width, SMALLEST + 2 * reach)) > free:
        raise ValueError(
            f"A picture of {width} x {height} px needs about {least / 1e9:.1f} GB of memory to be "
            f"painted, even in tiles, and {free / 1e9:.1f} GB are free. Choose a smaller size."
        )
    room = max(int(0.8 * free - bytes_needed(height, width, 0)), 0)
    fits = math.isqrt(room // BYTES_A_PIXEL) - 2 * reach
    return max(fits // grid * grid, SMALLEST)


def check_memory(height: int, width: int, device: torch.device) -> None:
    """Raise ValueError if a picture that cannot be painted in tiles needs more than is free."""
    needed, free = bytes_needed(height, width), free_memory(device)
    if needed > free:
        raise ValueError(
            f"{needs_more(f'A picture of {width} x {height} px', needed, free)} This recipe "
            "compares the whole picture at once, so it cannot paint in tiles. Choose a smaller "
            "size, or tile=None to try it."
        )


def computed_pixels(side: Tiling, image: Tensor, vgg: VGG, layers: Iterable[str]) -> int:
    """Return how many pixels a step computes: those of the picture, or more in tiles.

    In tiles it computes each pixel of every halo too, and all of it forward a second time, which
    is a third of a step.

    Args:
        side: as in `fitting`.
        image: of the size of the painting; only its shape and its device count.
        vgg: the network.
        layers: whose features are needed.

    Raises:
        ValueError: As `fitting` does.
    """
    height, width = image.shape[-2:]
    layers = list(layers)
    chosen = fitting(side, image, vgg, layers)
    if chosen is None or not layers or max(height, width) <= chosen:
        return height * width
    outers = [part.outer for part in tiles(height, width, chosen, layers, vgg)]
    seen = sum((bottom - top) * (right - left) for top, bottom, left, right in outers)
    return seen * 4 // 3


def check_side(side: object) -> None:
    """Raise ValueError unless a side of tiles is None or a whole number of 32 px or more."""
    whole = isinstance(side, Integral) and not isinstance(side, bool)
    if side is not None and (not whole or side < LEAST):
        raise ValueError(f"tile is {side!r}; expected 'auto', None or {LEAST} px or more.")


def bytes_needed(height: int, width: int, side: int | None = None) -> int:
    """Return about how many bytes of memory it takes to paint a picture.

    Args:
        height: of the picture in px.
        width: of the picture in px.
        side: of a tile with its halo in px; None for the whole picture at once.
    """
    at_once = height * width if side is None else side**2
    return COPIES * 12 * height * width + BYTES_A_PIXEL * at_once
