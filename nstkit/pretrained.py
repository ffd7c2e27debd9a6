"""Layer names, and pretrained weights from where they lie: embedded, torchvision's, or a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

Arch = Literal["vgg19", "vgg16"]

EMBEDDED = Path(__file__).parent / "weights" / "vgg19_normalised.safetensors"

# Convolutions in each of the five blocks, and the channels of a block.
BLOCKS = {"vgg19": (2, 2, 4, 4, 4), "vgg16": (2, 2, 3, 3, 3)}
CHANNELS = (64, 128, 256, 512, 512)

# How each family of weights wants its pixels: (mean, std) of RGB in [0, 1], and channel order.
# "torchvision_255" is [0, 255] minus the mean: 58 times what the network was trained on, but used.
PREPROCESSING = {
    "caffe": ((123.68 / 255, 116.779 / 255, 103.939 / 255), (1 / 255,) * 3, "bgr"),
    "torchvision": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "rgb"),
    "torchvision_255": ((0.485, 0.456, 0.406), (1 / 255,) * 3, "rgb"),
}


CAFFE = ("embedded", "caffe")  # weights whose pixels are BGR in [0, 255] minus the mean


def layer_names(arch: Arch = "vgg19") -> tuple[str, ...]:
    """Return all layer names in order: conv1_1, relu1_1, conv1_2, relu1_2, pool1, ... pool5.

    A layer's position is its index in torchvision's ``vgg19().features``.
    """
    if arch not in BLOCKS:
        raise ValueError(f"arch is {arch!r}; expected one of {list(BLOCKS)}.")
    names: list[str] = []
    for block, count in enumerate(BLOCKS[arch], start=1):
        for i in range(1, count + 1):
            names += [f"conv{block}_{i}", f"relu{block}_{i}"]
        names.append(f"pool{block}")
    return tuple(names)


def relus_last(names: Sequence[str], wanted: set[str]) -> list[str]:
    """Return layers in an order that computes the same faster: a ReLU after its max pooling.

    Both orders give max(0, a, b, c, d), to the last bit, but then the ReLU has a quarter to do. A
    block whose last ReLU or pooling is wanted stays as it is.
    """
    order = list(names)
    for i, name in enumerate(names):
        if name.startswith("pool") and wanted.isdisjoint(names[i - 1 : i + 1]):
            order[i - 1], order[i] = order[i], order[i - 1]
    return order


def channels(layer: str) -> int:
    """Return the number of channels N_l of a layer, e.g. 512 for ``relu4_2``."""
    return CHANNELS[block_of(layer) - 1]


def positions(layer: str, height: int, width: int) -> int:
    """Return M_l of a layer for a picture of a size in px."""
    pools = pools_before(layer)
    return (height >> pools) * (width >> pools)


def pools_before(layer: str) -> int:
    """Return how often the sides of a picture are halved, rounding down, until a layer's output."""
    return block_of(layer) - (not layer.startswith("pool"))


def block_of(layer: str) -> int:
    """Return the block of a layer: 4 for ``conv4_2`` and ``pool4``."""
    return int(layer[4])


def native_preprocessing(weights: object) -> str:
    """Return the key of ``PREPROCESSING`` that weights were made for."""
    return "caffe" if isinstance(weights, str) and weights in CAFFE else "torchvision"


def read_state(arch: Arch, weights: str | Path | Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Return the state dict that ``weights`` stands for; see `VGG` for the choices."""
    if isinstance(weights, Mapping):
        return weights
    if weights == "torchvision":
        return _download(arch)
    if weights == "caffe":
        raise FileNotFoundError(
            "The original (Caffe) weights of VGG are not shipped with nstkit. Give the path of a "
            "state dict of them, or translate: recipe.for_network('embedded', content, style)."
        )
    if weights == "embedded" and arch != "vgg19":
        raise ValueError(
            f"The embedded weights are those of vgg19, not {arch}. "
            "Use weights='torchvision' or a path to a state dict."
        )
    path = EMBEDDED if weights == "embedded" else Path(weights)
    if not path.is_file():
        raise FileNotFoundError(
            f"No weights file {path}; expected 'embedded', 'torchvision' or a path to a state dict."
        )
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # each format has its own kinds of damage
        raise ValueError(
            f"{path} could not be read as a state dict ({type(error).__name__}: {error}). "
            "Expected a file of tensors written by torch.save or safetensors; fetch it again."
        ) from error


def is_present(arch: Arch, weights: str) -> bool:
    """Return whether weights can be read without a download."""
    if weights == "torchvision":
        from torchvision.models import VGG16_Weights, VGG19_Weights

        url = {"vgg19": VGG19_Weights, "vgg16": VGG16_Weights}[arch].IMAGENET1K_V1.url
        return (Path(torch.hub.get_dir()) / "checkpoints" / Path(url).name).is_file()
    return arch == "vgg19" if weights == "embedded" else Path(weights).is_file()


def _download(arch: Arch) -> Mapping[str, Tensor]:
    from torchvision.models import VGG16_Weights, VGG19_Weights

    enum = {"vgg19": VGG19_Weights, "vgg16": VGG16_Weights}[arch]
    try:
        return enum.IMAGENET1K_V1.get_state_dict(progress=True, check_hash=True)
    except OSError as error:
        raise ConnectionError(
            f"torchvision's weights of {arch} could not be downloaded ({error}). Check the "
            "network connection, or use weights='embedded' (VGG-19), which needs none."
        ) from error


def named_state(state: Mapping[str, Tensor], arch: Arch) -> dict[str, Tensor]:
    """Return float32 copies of the convolutions' tensors under the keys ``conv1_1.weight`` ..."""
    named: dict[str, Tensor] = {}
    depth = 3
    for index, name in enumerate(layer_names(arch)):
        if not name.startswith("conv"):
            continue
        for kind in ("weight", "bias"):
            keys = (f"{name}.{kind}", f"features.{index}.{kind}", f"{index}.{kind}")
            key = next((k for k in keys if k in state), None)
            if key is None:
                raise ValueError(
                    f"The state dict has no tensor for {name} of {arch}; expected one of the keys "
                    f"{', '.join(keys)} but it starts with {list(state)[:3]}."
                )
            shape = (channels(name), depth, 3, 3) if kind == "weight" else (channels(name),)
            if state[key].shape != shape:
                raise ValueError(
                    f"{key} has shape {tuple(state[key].shape)}; {name} of {arch} expects {shape}. "
                    "These are the weights of another network."
                )
            named[f"{name}.{kind}"] = state[key].float()
        depth = channels(name)
    return named
