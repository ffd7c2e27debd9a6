"""The network: names, values, options, errors. torchvision is the independent judge."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchvision import models

from nstkit import VGG, load_image
from nstkit.vgg.names import layer_names

Networks = Callable[..., VGG]
IMAGENET = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


# ------------------------------------------------------------------ against torchvision
def torchvision_features(arch: str) -> nn.Sequential:
    """torchvision's features without values, which would take seconds to draw."""
    with torch.device("meta"):
        return getattr(models, arch)(weights=None).features


def reference(arch: str, state: dict[str, Tensor], pooling: str = "max") -> nn.Sequential:
    """torchvision's features with the same values and without in-place ReLUs."""
    features = torchvision_features(arch)
    bare = {k.removeprefix("features."): v for k, v in state.items()}
    features.load_state_dict(bare, assign=True)
    for i, module in enumerate(features):
        if isinstance(module, nn.ReLU):
            features[i] = nn.ReLU()
        if pooling == "avg" and isinstance(module, nn.MaxPool2d):
            features[i] = nn.AvgPool2d(2)
    return features.requires_grad_(False)


def as_torchvision(vgg: VGG) -> dict[str, Tensor]:
    """A network's values under torchvision's keys, the first filters turned from BGR to RGB."""
    state, indexed = vgg.state_dict(), {}
    for index, name in enumerate(layer_names()):
        for kind in ("weight", "bias") if name.startswith("conv") else ():
            indexed[f"features.{index}.{kind}"] = state[f"convs.{name}.{kind}"]
    indexed["features.0.weight"] = indexed["features.0.weight"].flip(1)
    return indexed


def assert_equal_to(ours: VGG, theirs: nn.Sequential, image: Tensor, x: Tensor) -> None:
    with torch.no_grad():
        got = ours(image, ours.names)
        assert list(got) == list(ours.names)
        for index, name in enumerate(ours.names):
            x = theirs[index](x)
            scale = x.abs().max()
            assert scale > 0
            torch.testing.assert_close(got[name] / scale, x / scale, rtol=0, atol=2e-6, msg=name)


@pytest.mark.parametrize("arch", ["vgg19", "vgg16"])
@pytest.mark.parametrize("pooling", ["max", "avg"])
def test_every_layer_equals_torchvision_with_the_same_random_values(
    arch: str, pooling: str, random_state: Callable[[str], dict[str, Tensor]], cat: Tensor
) -> None:
    state = random_state(arch)
    mean, std = (v.view(3, 1, 1) for v in IMAGENET)
    assert_equal_to(
        VGG(arch, weights=state, pooling=pooling),
        reference(arch, state, pooling),
        cat,
        (cat - mean) / std,
    )


def test_every_layer_equals_torchvision_with_the_embedded_values(vgg: VGG, cat: Tensor) -> None:
    mean = torch.tensor([123.68, 116.779, 103.939]).view(3, 1, 1)
    assert_equal_to(vgg, reference("vgg19", as_torchvision(vgg)), cat, cat * 255 - mean)


# ------------------------------------------------------------------ depth, freezing, dtypes
def test_it_runs_no_deeper_than_the_deepest_layer_asked_for(
    embedded: Networks, cat: Tensor
) -> None:
    network, ran = embedded(), []
    for name, conv in network.convs.items():
        conv.register_forward_hook(lambda *_, name=name: ran.append(name))
    network(cat, ["relu1_1", "pool2"])
    assert ran == ["conv1_1", "conv1_2", "conv2_1", "conv2_2"]
    network(cat, [])
    assert len(ran) == 4


def test_it_is_frozen_and_passes_gradients_to_the_pixels_only(vgg: VGG, cat: Tensor) -> None:
    x = cat.clone().requires_grad_()
    vgg(x, ["relu3_1"])["relu3_1"].sum().backward()
    assert x.grad.abs().sum() > 0
    assert all(not p.requires_grad and p.grad is None for p in vgg.parameters())


def test_it_follows_dtype_and_layout(embedded: Networks, cat: Tensor) -> None:
    double = embedded(torch.float64)
    assert double(cat, ["relu1_1"])["relu1_1"].dtype == torch.float64
    network = embedded().to(memory_format=torch.channels_last)
    feature = network(cat, ["relu2_1"])["relu2_1"]
    assert feature.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(
        feature.double(), double(cat, ["relu2_1"])["relu2_1"], rtol=0, atol=1e-4
    )


def test_bf16_features_are_within_its_rounding(vgg: VGG, embedded: Networks, cat: Tensor) -> None:
    half = embedded(torch.bfloat16).to(memory_format=torch.channels_last)
    small = cat[..., :32, :32]
    got, want = half(small, ["relu2_1"])["relu2_1"], vgg(small, ["relu2_1"])["relu2_1"]
    assert got.dtype == torch.bfloat16
    assert 1e-4 < ((got.float() - want).norm() / want.norm()).item() < 0.02


def test_batches_are_treated_picture_by_picture(vgg: VGG, cat: Tensor) -> None:
    both = vgg(torch.cat([cat, cat.flip(3)]), ["relu3_1"])["relu3_1"]
    torch.testing.assert_close(
        both[1:], vgg(cat.flip(3), ["relu3_1"])["relu3_1"], rtol=0, atol=1e-4
    )


# ------------------------------------------------------------------ pooling and padding
@pytest.mark.long
def test_scaled_average_pooling_keeps_the_size_of_activations(embedded: Networks) -> None:
    def means(pooling: str) -> list[float]:
        network = embedded(pooling=pooling)
        totals = torch.zeros(4)
        for picture in pictures:
            features = network(picture, layers)
            totals += torch.tensor([features[layer].mean() for layer in layers])
        return totals.tolist()

    layers = ["pool1", "pool2", "pool3", "pool4"]
    names = "castle", "macaw", "starry_night", "great_wave"
    pictures = [load_image(name, size=128) for name in names]
    largest = means("max")
    ratios = [a / b for a, b in zip(means("avg_scaled"), largest, strict=True)]
    assert all(0.85 < ratio < 1.15 for ratio in ratios), ratios
    plain = [a / b for a, b in zip(means("avg"), largest, strict=True)]
    assert plain == sorted(plain, reverse=True) and plain[-1] < 0.25


@pytest.mark.parametrize("padding", ["reflect", "replicate"])
def test_padding_changes_the_border_and_nothing_else(
    padding: str, vgg: VGG, embedded: Networks, cat: Tensor
) -> None:
    want, got = (
        network(cat, ["conv1_1", "relu1_2"]) for network in (vgg, embedded(padding=padding))
    )
    inner = ..., slice(2, -2), slice(2, -2)
    torch.testing.assert_close(got["relu1_2"][inner], want["relu1_2"][inner], rtol=0, atol=1e-4)
    mode = {"reflect": "reflect", "replicate": "edge"}[padding]
    x = np.pad(vgg.normalize(cat)[0].numpy(), ((0, 0), (1, 1), (1, 1)), mode=mode)
    conv = vgg.convs["conv1_1"]
    first = nn.functional.conv2d(torch.tensor(x)[None], conv.weight, conv.bias)
    torch.testing.assert_close(got["conv1_1"], first, rtol=0, atol=1e-3)
    assert (got["conv1_1"] - want["conv1_1"]).abs().max() > 0.1


def test_replicate_first_repeats_edges_in_the_first_layer_alone(
    embedded: Networks, cat: Tensor
) -> None:
    edges, zeros, first = (
        embedded(padding=padding)(cat, ["conv1_1", "conv1_2"])
        for padding in ("replicate", "zeros", "replicate_first")
    )
    assert torch.equal(first["conv1_1"], edges["conv1_1"])
    for other in (edges, zeros):
        assert (first["conv1_2"] - other["conv1_2"]).abs().max() > 0.1


@pytest.mark.parametrize(
    ("name", "shift", "factor"),
    [("torchvision", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
     ("torchvision_255", (0.485, 0.456, 0.406), (1 / 255,) * 3)],
)  # fmt: skip
def test_preprocessing_can_be_chosen(
    name: str, shift: tuple, factor: tuple, embedded: Networks, cat: Tensor
) -> None:
    network = embedded(preprocessing=name)
    want = (cat[0].permute(1, 2, 0).numpy() - np.array(shift)) / np.array(factor)
    got = network.normalize(cat)[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
    assert torch.equal(network.standardize(cat), network.normalize(cat))


def test_a_network_tells_what_it_is(vgg: VGG, embedded: Networks) -> None:
    assert (vgg.arch, vgg.source, vgg.preprocessing) == ("vgg19", "embedded", "caffe")
    assert (vgg.pooling, vgg.padding) == ("max", "zeros")
    other = embedded(arch="vgg16", pooling="avg", padding="reflect", preprocessing="torchvision")
    assert (other.arch, other.source, other.preprocessing) == ("vgg16", "given", "torchvision")
    assert (other.pooling, other.padding) == ("avg", "reflect")


# ------------------------------------------------------------------ errors
@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: VGG("vgg11"), ValueError, "expected one of ['vgg19', 'vgg16']"),
        (lambda: VGG("vgg16"), ValueError, "weights='torchvision'"),
        (lambda: VGG(pooling="mean"), ValueError, "pooling is 'mean'"),
        (lambda: VGG(padding="same"), ValueError, "padding is 'same'"),
        (lambda: VGG(preprocessing="bgr"), ValueError, "preprocessing is 'bgr'"),
        (lambda: VGG(weights="nowhere.pth"), FileNotFoundError, "No weights file nowhere.pth"),
        (lambda: VGG(weights={"a": torch.zeros(1)}), ValueError, "no tensor for conv1_1 of vgg19"),
    ],
)
def test_bad_options_say_what_is_expected(make: Callable[[], VGG], error: type, says: str) -> None:
    with pytest.raises(error, match=re.escape(says)):
        make()


@pytest.mark.parametrize(
    ("shape", "layers", "says"),
    [
        ((1, 3, 64, 64), ["relu9_9"], "Unknown layers ['relu9_9']"),
        ((3, 64, 64), ["relu1_1"], "expected (batch, 3, height, width)"),
        ((1, 4, 64, 64), ["relu1_1"], "expected (batch, 3, height, width)"),
        (
            (1, 3, 15, 64),
            ["relu5_1"],
            "64 x 15 px, too small for relu5_1: each side needs at least 16",
        ),
        ((1, 3, 31, 31), ["pool5"], "at least 32 px"),
    ],
)
def test_bad_images_and_layers_say_what_is_expected(
    shape: tuple[int, ...], layers: list[str], says: str, vgg: VGG
) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        vgg(torch.zeros(shape), layers)


@pytest.mark.parametrize(("padding", "least"), [("zeros", 16), ("replicate", 16), ("reflect", 32)])
def test_the_smallest_picture_that_is_accepted_works(
    padding: str, least: int, embedded: Networks
) -> None:
    network = embedded(padding=padding)
    assert network(torch.ones(1, 3, least, least), ["relu5_1"])["relu5_1"].shape[1] == 512
    with pytest.raises(ValueError, match=f"at least {least} px"):
        network(torch.ones(1, 3, least - 1, 64), ["relu5_1"])


def test_a_single_layer_may_be_named_alone(vgg: VGG, cat: Tensor) -> None:
    assert list(vgg(cat, "relu1_1")) == ["relu1_1"]


def test_reflection_needs_two_positions_before_each_convolution_and_none_after_a_pooling() -> None:
    vgg = VGG(padding="reflect")
    assert vgg(torch.rand(1, 3, 32, 32), ["pool5"])["pool5"].shape[-2:] == (1, 1)
    with pytest.raises(ValueError, match="at least 32 px"):
        vgg(torch.rand(1, 3, 31, 40), ["relu5_1"])
