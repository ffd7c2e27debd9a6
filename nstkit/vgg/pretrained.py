"""Pretrained weights: embedded in nstkit, torchvision's, or from a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from nstkit.vgg.names import Arch, channels, layer_names

EMBEDDED = Path(__file__).parents[1] / "weights" / "vgg19_normalised.safetensors"
ORIGINAL = EMBEDDED.with_name("vgg19_caffe.safetensors")  # what makes Caffe's network of it

# How each family of weights wants its pixels: (mean, std) of RGB in [0, 1], and channel order.
# "torchvision_255" is [0, 255] minus the mean. That is 58 times what the network was trained on,
# but some published recipes use it.
PREPROCESSING = {
    "caffe": ((123.68 / 255, 116.779 / 255, 103.939 / 255), (1 / 255,) * 3, "bgr"),
    "torchvision": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "rgb"),
    "torchvision_255": ((0.485, 0.456, 0.406), (1 / 255,) * 3, "rgb"),
}

CAFFE = ("embedded", "caffe")  # weights whose pixels are BGR in [0, 255] minus the mean
NAMED_WEIGHTS = (*CAFFE, "torchvision", "given")  # what is no path
GIVEN_WEIGHTS = "given"  # in a recipe: the network was supplied, and no name or path leads to it


def native_preprocessing(weights: object) -> str:
    """Return the key of ``PREPROCESSING`` that weights were made for."""
    return "caffe" if isinstance(weights, str) and weights in CAFFE else "torchvision"


def read_state(arch: Arch, weights: str | Path | Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Return the state dict that ``weights`` stands for; see `VGG` for the choices."""
    if isinstance(weights, Mapping):
        return weights
    if weights == "torchvision":
        return _download(arch)
    if weights == "caffe" and arch == "vgg19":
        return _original()
    if weights == "caffe":
        raise FileNotFoundError(
            f"nstkit has the original (Caffe) weights of vgg19, not of {arch}. Give the path of a "
            "state dict with them, or translate the recipe by nstkit.translate: "
            "for_network(recipe, 'embedded', content, style)."
        )
    if weights == GIVEN_WEIGHTS:
        raise ValueError(
            "This recipe was painted with a network that its painter supplied. Pass that network: "
            "stylize(..., vgg=network)."
        )
    if weights == "embedded" and arch != "vgg19":
        raise ValueError(
            f"The embedded weights are those of vgg19, not {arch}. "
            "Use weights='torchvision' or a path to a state dict."
        )
    path = EMBEDDED if weights == "embedded" else Path(weights).expanduser()
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
    return arch == "vgg19" if weights in CAFFE else Path(weights).is_file()


def filter_scales() -> dict[str, Tensor]:
    """Return {"conv1_1": (64,), ...}: the factor of each filter of the normalized VGG-19.

    Its features are these times those of the original (Caffe) network, channel by channel, after
    the convolution as after the ReLU. So its Gram matrix is D G D with D = diag(factors).
    """
    return {k.removesuffix(".scale"): s for k, s in _loaded(ORIGINAL).items() if "scale" in k}


def _original() -> dict[str, Tensor]:
    """Return Caffe's VGG-19, its filters rounded as the embedded ones are, its biases exact."""
    state, told = _loaded(EMBEDDED), _loaded(ORIGINAL)
    original, before = {}, torch.ones(3)
    for name, scale in filter_scales().items():
        weight = state[f"{name}.weight"].float()
        original[f"{name}.weight"] = weight * before[:, None, None] / scale[:, None, None, None]
        original[f"{name}.bias"], before = told[f"{name}.bias"], scale
    return original


def _loaded(path: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file  # here, so that importing nstkit stays light

    return load_file(path)


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
    """Return the convolutions' tensors in float32 under the keys ``conv1_1.weight`` ...

    Tensors that are float32 already are not copied.
    """
    named: dict[str, Tensor] = {}
    depth = 3
    for index, name in enumerate(layer_names(arch)):
        if not name.startswith("conv"):
            continue
        for kind in ("weight", "bias"):
            names = (name, f"features.{index}", str(index), f"convs.{name}")
            keys = tuple(f"{prefix}.{kind}" for prefix in names)
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
