"""The network that paints: the same numbers as `VGG`, in less time."""

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
from nstkit.vgg import fast
from nstkit.vgg.fast import FastVGG, relus_last, to_paint

Networks = Callable[..., VGG]
WANTED = [["relu1_1", "relu3_1"], ["conv1_2", "relu2_2", "conv3_1"], ["relu1_2", "pool2", "pool3"]]


@pytest.fixture
def odd() -> Tensor:
    return load_image("cat", 66)[..., :43, :]  # poolings leave a row out


def features_and_gradient(vgg: VGG, image: Tensor, wanted: list[str]) -> list[Tensor]:
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


# ---------------------------------------------------------------- the same numbers


@pytest.mark.parametrize("wanted", WANTED, ids=" ".join)
@pytest.mark.parametrize("pooling", ["max", "avg", "avg_scaled"])
@pytest.mark.parametrize("padding", ["zeros", "reflect", "replicate", "replicate_first"])
def test_it_computes_what_the_plain_network_computes(
    wanted: list[str], pooling: str, padding: str, embedded: Networks, odd: Tensor
) -> None:
    plain = embedded(pooling=pooling, padding=padding)
    paints = to_paint(plain)
    expected = features_and_gradient(plain, odd, wanted)
    assert_close(features_and_gradient(paints, odd, wanted), expected)
    assert_close(features_and_gradient(paints.unpacked(), odd, wanted), expected)
    assert list(paints(odd, wanted)) == list(plain(odd, wanted))


@pytest.mark.parametrize("pooling", ["max", "avg", "avg_scaled"])
@pytest.mark.parametrize("padding", ["zeros", "reflect", "replicate", "replicate_first"])
def test_it_does_so_in_bfloat16(pooling: str, padding: str, embedded: Networks) -> None:
    wanted = ["relu1_1", "conv1_2", "relu2_2", "pool2", "conv3_1"]
    image = load_image("cat", 49)
    plain = embedded(torch.bfloat16, pooling=pooling, padding=padding)
    paints = to_paint(embedded(pooling=pooling, padding=padding), dtype=torch.bfloat16)
    assert {f.dtype for f in paints(image, wanted).values()} == {torch.bfloat16}
    # Where both round alike they are equal; elsewhere a rounding of 2^-9 grows on its way.
    expected = features_and_gradient(plain, image, wanted)
    assert_close(features_and_gradient(paints, image, wanted), expected, 0.05)


def test_it_does_so_for_sizes_that_change_and_for_several_images(
    vgg: VGG, network: FastVGG, odd: Tensor
) -> None:
    for image in (odd, odd[..., :32], odd, torch.cat([odd, odd.flip(3)])):
        expected = features_and_gradient(vgg, image, ["relu2_1"])
        assert_close(features_and_gradient(network, image, ["relu2_1"]), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("pooling", ["max", "avg", "avg_scaled"])
def test_layers_are_the_same_to_the_bit_whatever_else_is_asked_for(
    pooling: str, dtype: torch.dtype, embedded: Networks, odd: Tensor
) -> None:
    """A wanted ReLU stays before its pooling, and no ReLU overwrites a wanted convolution."""
    paints, results = to_paint(embedded(pooling=pooling), dtype=dtype), []
    for also in ([], ["relu1_2", "pool2"], ["relu1_2", "relu2_2"]):
        x = odd.clone().requires_grad_()
        features = paints(x, ["conv1_2", "relu3_1", *also])
        total = sum(features[n].sum() for n in ("conv1_2", "relu3_1"))
        (gradient,) = torch.autograd.grad(total, x)
        results.append([features["conv1_2"], features["relu3_1"], gradient])
    for other in results[1:]:
        for ours, same in zip(results[0], other, strict=True):
            assert torch.equal(ours, same)
    assert results[0][0].min() < 0 and results[0][2].abs().sum() > 0


def test_a_conv_output_is_not_overwritten_by_its_relu(network: FastVGG, odd: Tensor) -> None:
    x = odd.clone().requires_grad_()
    features = network(x, ["conv3_1", "relu3_1", "conv3_2"])
    assert features["conv3_1"].min() < 0 <= features["relu3_1"].min()
    assert torch.equal(features["conv3_1"].relu(), features["relu3_1"])
    (with_others,) = torch.autograd.grad(features["conv3_1"].square().sum(), x)
    alone = network(x, ["conv3_1"])["conv3_1"].square().sum()
    assert torch.equal(torch.autograd.grad(alone, x)[0], with_others)


def test_a_relu_comes_after_its_pooling_unless_one_of_them_is_wanted() -> None:
    names = ["conv1_1", "relu1_1", "conv1_2", "relu1_2", "pool1", "conv2_1"]
    late = ["conv1_1", "relu1_1", "conv1_2", "pool1", "relu1_2", "conv2_1"]
    assert relus_last(names, {"conv1_2", "conv2_1"}) == late
    assert relus_last(names, {"relu1_2"}) == relus_last(names, {"pool1"}) == names


def test_no_weight_asks_for_a_gradient(network: FastVGG, odd: Tensor) -> None:
    features_and_gradient(network, odd, ["relu3_1"])
    assert all(not p.requires_grad and p.grad is None for p in network.parameters())


# ---------------------------------------------------------------- the network that it is made of


def test_to_paint_leaves_the_network_as_it_is(embedded: Networks) -> None:
    plain = embedded(pooling="avg", padding="reflect")
    paints = to_paint(plain, dtype=torch.bfloat16)
    assert type(plain) is VGG and type(paints) is FastVGG
    weight = plain.convs["conv2_1"].weight
    assert weight.dtype == torch.float32 and weight.is_contiguous()
    assert paints.convs["conv2_1"].weight.dtype == torch.bfloat16


def test_a_network_that_paints_is_moved_and_returned_itself(embedded: Networks) -> None:
    paints = to_paint(embedded())
    assert to_paint(paints, dtype=torch.bfloat16) is paints
    assert paints.convs["conv2_1"].weight.dtype == torch.bfloat16


def test_it_is_described_as_the_network_that_it_is_made_of(vgg: VGG, embedded: Networks) -> None:
    special = embedded(arch="vgg16", pooling="avg_scaled", padding="reflect")
    special.mean, special.std, special.order = (0.5,) * 3, (0.1,) * 3, "rgb"
    for plain in (vgg, special):
        paints = to_paint(plain)
        for name in ("arch", "source", "pooling", "padding", "preprocessing", "names"):
            assert getattr(paints, name) == getattr(plain, name)
        image = torch.linspace(0, 1, 48).view(1, 3, 4, 4)
        assert torch.equal(paints.normalize(image), plain.normalize(image))


def test_without_packed_weights_it_shares_them_and_follows_them(
    embedded: Networks, odd: Tensor
) -> None:
    paints = to_paint(copy.deepcopy(embedded()))
    for_tiles = paints.unpacked()
    before = for_tiles(odd, ["relu2_1"])["relu2_1"]
    paints.convs["conv2_1"].weight.mul_(2)
    after = for_tiles(odd, ["relu2_1"])["relu2_1"]
    assert not torch.allclose(before, after, rtol=0.1)
    torch.testing.assert_close(after, paints(odd, ["relu2_1"])["relu2_1"], rtol=0, atol=1e-4)


# ---------------------------------------------------------------- packed weights


def fails(*_: object) -> Tensor:
    raise RuntimeError("no such operation")


def test_weights_are_packed_once_for_images_of_a_size(
    embedded: Networks, odd: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not fast.can_pack(torch.float32):
        pytest.skip("this processor packs no weights")
    paints = to_paint(embedded())
    expected = features_and_gradient(paints, odd, ["relu2_1"])
    monkeypatch.setattr(fast, "pack", fails)
    assert_close(features_and_gradient(paints, odd, ["relu2_1"]), expected, 0)
    paints.unpacked()(odd[..., :32], ["relu2_1"])
    with pytest.raises(RuntimeError, match="no such operation"):
        paints(odd[..., :32], ["relu2_1"])


def test_weights_that_are_changed_all_the_same_are_followed(
    embedded: Networks, odd: Tensor
) -> None:
    plain, paints = copy.deepcopy(embedded()), to_paint(copy.deepcopy(embedded()))
    before = features_and_gradient(paints, odd, ["relu2_1"])
    for vgg in (plain, paints):
        vgg.convs["conv1_2"].weight.mul_(0.5)
        vgg.convs["conv2_1"].weight.data = vgg.convs["conv2_1"].weight.data * 2
        vgg.convs["conv1_1"].bias.add_(1)
        vgg.convs["conv1_2"].bias.data = vgg.convs["conv1_2"].bias.data - 1
    after = features_and_gradient(paints, odd, ["relu2_1"])
    assert not torch.allclose(after[0], before[0], rtol=0.1)
    assert_close(after, features_and_gradient(plain, odd, ["relu2_1"]))
    assert paints.double()(odd, ["relu2_1"])["relu2_1"].dtype == torch.float64


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda vgg: pickle.loads(pickle.dumps(vgg))], ids=["copy", "pickle"]
)
def test_it_can_be_copied_after_it_has_painted(
    copied: Callable[[VGG], VGG], vgg: VGG, odd: Tensor
) -> None:
    network = to_paint(vgg)  # of its own: other tests may have left hooks on the shared one
    expected = features_and_gradient(network, odd, ["relu2_1"])
    other = copied(network)
    assert_close(features_and_gradient(other, odd, ["relu2_1"]), expected, 0)
    other.convs["conv1_1"].weight.mul_(2)
    assert_close(features_and_gradient(network, odd, ["relu2_1"]), expected, 0)


def test_where_nothing_can_be_packed_it_computes_the_same(
    monkeypatch: pytest.MonkeyPatch, vgg: VGG, network: FastVGG, odd: Tensor
) -> None:
    expected = features_and_gradient(vgg, odd, ["relu1_1", "relu2_1"])
    monkeypatch.setattr(fast, "can_pack", lambda dtype: False)
    assert_close(features_and_gradient(network, odd, ["relu1_1", "relu2_1"]), expected)


def test_a_hook_that_replaces_an_input_loses_nothing_else(embedded: Networks, odd: Tensor) -> None:
    """The benchmarks imitate bfloat16 so; given by position, the wish for a ReLU got lost."""
    plain = embedded()
    paints = to_paint(plain)
    for vgg in (plain, paints):
        vgg.convs["conv1_1"].register_forward_pre_hook(lambda conv, inputs: inputs[0] / 2)
    expected = features_and_gradient(plain, odd, ["relu1_1", "relu2_1"])
    assert_close(features_and_gradient(paints, odd, ["relu1_1", "relu2_1"]), expected)
    assert expected[0].min() == 0


def test_a_hook_sees_a_convolution_with_its_relu_unless_the_convolution_is_wanted(
    embedded: Networks, odd: Tensor
) -> None:
    paints, seen = to_paint(embedded()), []
    paints.convs["conv1_1"].register_forward_hook(lambda *call: seen.append(call[2].min().item()))
    paints(odd, ["relu1_1"])
    paints(odd, ["conv1_1"])
    assert seen[0] == 0 > seen[1]


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
    fast.can_pack.cache_clear()
    assert fast.can_pack(torch.float32)
    assert not fast.can_pack(torch.float64)
    fast.can_pack.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(fast, name, other)
        assert not fast.can_pack(torch.float32)
    fast.can_pack.cache_clear()


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(2, 9), width=st.integers(2, 9), seed=st.integers(0, 99),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]), last=st.booleans(),
)  # fmt: skip
def test_max_pooling_is_torchs_forward_and_backward(
    height: int, width: int, seed: int, dtype: torch.dtype, last: bool
) -> None:
    generator = torch.Generator().manual_seed(seed)
    layout = torch.channels_last if last else torch.contiguous_format
    values = torch.randint(-2, 3, (2, 3, height, width), generator=generator)  # many are equal
    above = torch.randn(2, 3, height // 2, width // 2, generator=generator).to(dtype)
    results = []
    for pool in (fast.max_pool, lambda x: F.max_pool2d(x, 2)):
        x = values.to(dtype).contiguous(memory_format=layout).requires_grad_()
        y = pool(x)
        results.append((y, *torch.autograd.grad(y, x, above)))
    for ours, same in zip(*results, strict=True):
        assert ours.dtype == dtype and torch.equal(ours, same)
