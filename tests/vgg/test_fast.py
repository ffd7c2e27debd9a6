"""The layers of a network that paints: the same numbers as torch's own, by quicker ways."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nstkit import VGG, load_image
from nstkit.vgg import Padding, Pooling, layers

WANTED = [["relu1_1", "relu3_1"], ["conv1_2", "relu2_2", "conv3_1"], ["relu1_2", "pool2", "pool3"]]


@pytest.fixture
def cat() -> Tensor:
    return load_image("cat", 66)[..., :43, :]  # odd: poolings leave a row out


def features_and_slope(vgg: VGG, image: Tensor, wanted: list[str]) -> list[Tensor]:
    """Return the features, and the gradient of a sum of them with a different weight each."""
    x = image.clone().requires_grad_()
    features = vgg(x, wanted)
    generator = torch.Generator().manual_seed(0)
    total = sum(
        (f.float() * torch.randn(f.shape, generator=generator)).sum() for f in features.values()
    )
    return [*(f.detach().float() for f in features.values()), torch.autograd.grad(total, x)[0]]


def assert_close(found: list[Tensor], expected: list[Tensor], relative: float = 1e-5) -> None:
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape and b.abs().max() > 0
        assert (a - b).abs().max() <= relative * b.abs().max()


@pytest.mark.parametrize("wanted", WANTED, ids=" ".join)
@pytest.mark.parametrize("pooling", ["max", "avg", "avg_scaled"])
@pytest.mark.parametrize("padding", ["zeros", "reflect", "replicate_first"])
def test_a_network_that_paints_computes_the_same(
    wanted: list[str], pooling: Pooling, padding: Padding, cat: Tensor
) -> None:
    plain = VGG(pooling=pooling, padding=padding).to(memory_format=torch.channels_last)
    paints = VGG(pooling=pooling, padding=padding).to_paint("cpu")
    expected = features_and_slope(plain, cat, wanted)
    assert_close(features_and_slope(paints, cat, wanted), expected)
    assert list(paints(cat, wanted)) == list(plain(cat, wanted))


@pytest.mark.parametrize("wanted", WANTED, ids=" ".join)
def test_it_does_so_in_bfloat16(wanted: list[str]) -> None:
    image = load_image("cat", 49)
    plain = VGG().to(torch.bfloat16, memory_format=torch.channels_last)
    paints = VGG().to_paint("cpu", torch.bfloat16)
    assert {f.dtype for f in paints(image, wanted).values()} == {torch.bfloat16}
    # Where both ways round alike they are equal; elsewhere a rounding of 2^-9 grows on its way.
    expected = features_and_slope(plain, image, wanted)
    assert_close(features_and_slope(paints, image, wanted), expected, 0.05)


def test_it_does_so_for_sizes_that_change_and_for_several_images(cat: Tensor) -> None:
    plain, paints = VGG(), VGG().to_paint("cpu")
    for image in (cat, cat[..., :32], cat, torch.cat([cat, cat.flip(3)])):
        expected = features_and_slope(plain, image, ["relu2_1"])
        assert_close(features_and_slope(paints, image, ["relu2_1"]), expected)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How often weights were put in order, and a convolution used them."""
    counts = {"pack": 0, "convolved": 0}

    def counted(name: str, function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def call(*given: object) -> Tensor:
            counts[name] += 1
            return function(*given)

        return call

    assert layers.can_pack(torch.float32)  # so that its own trial is not counted
    for name in counts:
        monkeypatch.setattr(layers, name, counted(name, getattr(layers, name)))
    return counts


def test_weights_are_put_in_order_once_for_a_size(calls: dict[str, int], cat: Tensor) -> None:
    paints = VGG().to_paint("cpu")
    for _ in range(3):
        features_and_slope(paints, cat, ["relu2_1"])
    assert calls == {"pack": 2 * 3, "convolved": 3 * 2 * 3}  # 3 convolutions, there and back
    paints(cat[..., :32], ["relu1_1"])
    assert calls == {"pack": 2 * 3 + 2, "convolved": 3 * 2 * 3 + 1}


def test_a_network_asked_for_nothing_special_is_torchs_own(
    calls: dict[str, int], cat: Tensor
) -> None:
    features_and_slope(VGG(), cat, ["relu2_1"])
    assert calls == {"pack": 0, "convolved": 0}


def test_weights_that_are_changed_all_the_same_are_followed(cat: Tensor) -> None:
    plain, paints = VGG(), VGG().to_paint("cpu")
    before = features_and_slope(paints, cat, ["relu2_1"])
    for vgg in (plain, paints):
        vgg.convs["conv1_2"].weight.mul_(0.5)
        vgg.convs["conv2_1"].weight.data = vgg.convs["conv2_1"].weight.data * 2
        vgg.convs["conv1_1"].bias.add_(1)
        vgg.convs["conv1_2"].bias.data = vgg.convs["conv1_2"].bias.data - 1
    after = features_and_slope(paints, cat, ["relu2_1"])
    assert not torch.allclose(after[0], before[0], rtol=0.1)
    assert_close(after, features_and_slope(plain, cat, ["relu2_1"]))
    assert paints.double()(cat, ["relu2_1"])["relu2_1"].dtype == torch.float64


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda vgg: pickle.loads(pickle.dumps(vgg))], ids=["copy", "pickle"]
)
def test_it_can_be_copied_after_it_has_painted(copied: Callable[[VGG], VGG], cat: Tensor) -> None:
    paints = VGG().to_paint("cpu")
    expected = features_and_slope(paints, cat, ["relu2_1"])
    assert_close(features_and_slope(copied(paints), cat, ["relu2_1"]), expected, 0)


def test_where_nothing_can_be_packed_it_computes_the_same(
    monkeypatch: pytest.MonkeyPatch, cat: Tensor
) -> None:
    expected = features_and_slope(VGG(), cat, ["relu1_1", "relu2_1"])
    monkeypatch.setattr(layers, "can_pack", lambda dtype: False)
    found = features_and_slope(VGG().to_paint("cpu"), cat, ["relu1_1", "relu2_1"])
    assert_close(found, expected)


def test_a_hook_that_replaces_an_input_loses_nothing_else(cat: Tensor) -> None:
    """The benchmarks imitate bfloat16 so; given by position, the wish for a ReLU got lost."""
    plain, paints = VGG(), VGG().to_paint("cpu")
    for vgg in (plain, paints):
        vgg.convs["conv1_1"].register_forward_pre_hook(lambda conv, inputs: inputs[0] / 2)
    expected = features_and_slope(plain, cat, ["relu1_1", "relu2_1"])
    assert_close(features_and_slope(paints, cat, ["relu1_1", "relu2_1"]), expected)
    assert expected[0].min() == 0


def fails(*_: object) -> Tensor:
    raise RuntimeError("no such operation")


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("pack", fails),
        ("convolved", fails),
        ("convolved", lambda x, *_: torch.zeros(1, 3, *x.shape[2:])),  # wrong numbers
    ],
)
def test_what_this_torch_cannot_do_rightly_is_not_used(
    name: str, other: Callable[..., Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    layers.can_pack.cache_clear()
    assert layers.can_pack(torch.float32)
    assert not layers.can_pack(torch.float64)
    layers.can_pack.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(layers, name, other)
        assert not layers.can_pack(torch.float32)
    layers.can_pack.cache_clear()


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(2, 9), width=st.integers(2, 9), seed=st.integers(0, 99),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]), last=st.booleans(),
)  # fmt: skip
def test_max_pooling_is_torchs_there_and_back(
    height: int, width: int, seed: int, dtype: torch.dtype, last: bool
) -> None:
    generator = torch.Generator().manual_seed(seed)
    layout = torch.channels_last if last else torch.contiguous_format
    values = torch.randint(-2, 3, (2, 3, height, width), generator=generator)  # many are equal
    slope = torch.randn(2, 3, height // 2, width // 2, generator=generator).to(dtype)
    results = []
    for pool in (layers.max_pool, lambda x: F.max_pool2d(x, 2)):
        x = values.to(dtype).contiguous(memory_format=layout).requires_grad_()
        y = pool(x)
        results.append((y, *torch.autograd.grad(y, x, slope)))
    for ours, same in zip(*results, strict=True):
        assert ours.dtype == dtype and torch.equal(ours, same)
