"""The papers' names for the layers of a VGG, and what follows from a name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from nstkit.options import check_choice

Arch = Literal["vgg19", "vgg16"]

# Convolutions in each of the five blocks, and the channels of a block.
BLOCKS = {"vgg19": (2, 2, 4, 4, 4), "vgg16": (2, 2, 3, 3, 3)}
CHANNELS = (64, 128, 256, 512, 512)


def layer_names(arch: Arch = "vgg19") -> tuple[str, ...]:
    """Return all layer names in order: conv1_1, relu1_1, conv1_2, relu1_2, pool1, ... pool5.

    A layer's position is its index in torchvision's ``vgg19().features``.
    """
    check_choice("arch", arch, BLOCKS)
    names: list[str] = []
    for block, count in enumerate(BLOCKS[arch], start=1):
        for i in range(1, count + 1):
            names += [f"conv{block}_{i}", f"relu{block}_{i}"]
        names.append(f"pool{block}")
    return tuple(names)


def equal_weights(layers: Iterable[str]) -> dict[str, float]:
    """Return {layer: 1/n} for n layers; ValueError if one is named twice."""
    names = list(layers)
    if len(set(names)) < len(names):
        raise ValueError(f"The layers are {names}; expected each once. Give weights: {{layer: 2}}.")
    return {name: 1 / len(names) for name in names}


def layer_weights(layers: Mapping[str, float] | Iterable[str] | str) -> dict[str, float]:
    """Return {layer: weight}; names alone share the weight 1 equally.

    Raises:
        ValueError: It is neither weights nor names.
    """
    if isinstance(layers, Mapping):
        return dict(layers)
    names = [layers] if isinstance(layers, str) else layers
    if not isinstance(names, Iterable):
        raise ValueError(
            f"layers is {layers!r}; expected names, ['relu1_1', 'relu2_1'], or weights, "
            "{'relu1_1': 0.5, 'relu2_1': 1}."
        )
    return equal_weights(names)


def channels(layer: str) -> int:
    """Return the number of channels N_l of a layer, e.g. 512 for ``relu4_2``."""
    return CHANNELS[block_of(layer) - 1]


def positions(layer: str, height: int, width: int) -> int:
    """Return the number of positions M_l of a layer, for a picture of height x width px."""
    rows, columns = map_size(layer, height, width)
    return rows * columns


def map_size(layer: str, height: int, width: int) -> tuple[int, int]:
    """Return H_l and W_l of a layer, for a picture of height x width px."""
    pools = pools_before(layer)
    return height >> pools, width >> pools


def pools_before(layer: str) -> int:
    """Return how often the sides of a picture are halved, rounding down, until a layer's output."""
    return block_of(layer) - (not layer.startswith("pool"))


def shallowest(layers: Mapping[str, float]) -> str | None:
    """Return the first layer of the network that has a weight; None if none has."""
    used = [name for name, weight in layers.items() if weight]
    return min(used, key=layer_names().index, default=None)


def block_of(layer: str) -> int:
    """Return the block of a layer: 4 for ``conv4_2`` and ``pool4``."""
    return int(layer[4])
