"""`TransformerNet`: shapes, norms, files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from nstkit import load_image, save_image
from nstkit.feedforward import TransformerNet, nets
from nstkit.feedforward.transformer import NETS

TINY = {"channels": (4, 5, 6), "blocks": 1}


@pytest.mark.parametrize("height, width", [(32, 32), (33, 50), (47, 35), (64, 41)])
def test_any_size_comes_back(height: int, width: int) -> None:
    photo = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))
    painting = TransformerNet(**TINY).paint(photo)
    assert painting.shape == photo.shape
    assert painting.min() >= 0 and painting.max() <= 1


def test_it_is_johnsons_network_layer_by_layer() -> None:
    """The supplement's table, with half of the channels and instance norms."""
    convs = [m for m in TransformerNet().modules() if isinstance(m, nn.Conv2d)]
    sizes = [(c.in_channels, c.out_channels, c.kernel_size[0], c.stride[0]) for c in convs]
    blocks = [(64, 64, 3, 1)] * 10
    down = [(3, 16, 9, 1), (16, 32, 3, 2), (32, 64, 3, 2)]
    assert sizes == [*down, *blocks, (64, 32, 3, 1), (32, 16, 3, 1), (16, 3, 9, 1)]


@torch.no_grad()
def test_it_is_the_same_as_a_plain_sequence() -> None:
    net = TransformerNet(**TINY, seed=3)
    x = torch.rand(1, 3, 32, 40, generator=torch.Generator().manual_seed(0))

    def layer(x: torch.Tensor, layer: nn.Module, pad: int, stride: int = 1) -> torch.Tensor:
        x = nn.functional.pad(x, (pad,) * 4, mode="reflect")
        x = nn.functional.conv2d(x, layer.conv.weight, layer.conv.bias, stride)
        mean, var = x.mean((2, 3), keepdim=True), x.var((2, 3), correction=0, keepdim=True)
        x = (x - mean) / (var + 1e-5).sqrt()
        return x * layer.norm.weight[:, None, None] + layer.norm.bias[:, None, None]

    y = 2 * x - 1
    for number, (pad, stride) in enumerate(((4, 1), (1, 2), (1, 2))):
        y = layer(y, net.shrink[number], pad, stride).relu()
    block = net.blocks[0]
    y = y + layer(layer(y, block.first, 1).relu(), block.second, 1)
    for number in (0, 1):
        y = y.repeat_interleave(2, 2).repeat_interleave(2, 3)
        y = layer(y, net.grow[number], 1).relu()
    y = nn.functional.pad(y, (4,) * 4, mode="reflect")
    y = 0.5 + 0.5 * nn.functional.conv2d(y, net.last.weight, net.last.bias)
    torch.testing.assert_close(net(x), y)


@torch.no_grad()
def test_instance_norm_forgets_the_contrast_of_a_photograph() -> None:
    cat = load_image("cat", 64)
    flat = 0.5 + 0.2 * (cat - 0.5)

    def contrast_kept(norm: str) -> float:
        net = TransformerNet(**TINY, norm=norm)
        full, faint = (net(photo).std((2, 3)).mean().item() for photo in (cat, flat))
        return faint / full

    assert contrast_kept("instance") > 0.9
    assert contrast_kept("none") < 0.4


def test_a_seed_makes_the_same_weights_and_touches_no_other_random_numbers() -> None:
    torch.manual_seed(5)
    before = torch.rand(1)
    torch.manual_seed(5)
    one, other = TransformerNet(**TINY, seed=1), TransformerNet(**TINY, seed=1)
    assert torch.equal(torch.rand(1), before)
    assert torch.equal(one.last.weight, other.last.weight)
    assert not torch.equal(one.last.weight, TransformerNet(**TINY, seed=2).last.weight)


@pytest.mark.parametrize("norm", ["instance", "batch", "none"])
def test_a_file_gives_the_same_network_back(norm: str, tmp_path: Path) -> None:
    net = TransformerNet(**TINY, norm=norm, seed=4).eval()
    net.facts = {"artwork": "great_wave", "steps": 3}
    again = TransformerNet.load(net.save(tmp_path / "net.safetensors"))
    assert again.facts == net.facts and again.options == net.options and not again.training
    photo = torch.rand(1, 3, 40, 36, generator=torch.Generator().manual_seed(0))
    assert torch.equal(again.paint(photo), net.paint(photo))


def test_half_precision_halves_the_file_and_paints_nearly_the_same(tmp_path: Path) -> None:
    net = TransformerNet(seed=4)
    whole, half = (
        net.save(tmp_path / f"{name}.safetensors", half=name == "half")
        for name in ("whole", "half")
    )
    assert half.stat().st_size < 0.52 * whole.stat().st_size < 1e6
    photo = load_image("cat", 64)
    apart = (TransformerNet.load(half).paint(photo) - net.paint(photo)).abs().max()
    assert apart < 0.02


def test_it_refuses_what_is_no_network(tmp_path: Path) -> None:
    text, other = tmp_path / "text.safetensors", tmp_path / "other.safetensors"
    text.write_text("no tensors")
    with pytest.raises(ValueError, match="text.safetensors is no .safetensors file"):
        TransformerNet.load(text)
    from safetensors.torch import save_file

    for metadata in ({}, {"options": "no JSON", "facts": "{}"}, {"options": "{}", "facts": "3"}):
        save_file({"a": torch.zeros(1)}, other, metadata)
        with pytest.raises(ValueError, match="other.safetensors holds no TransformerNet"):
            TransformerNet.load(other)
    save_file({"a": torch.zeros(1)}, other)
    with pytest.raises(ValueError, match="holds no TransformerNet .*expected a file that net.save"):
        TransformerNet.load(other)
    with pytest.raises(FileNotFoundError, match="no file 'nowhere'; bundled networks are"):
        TransformerNet.load("nowhere")


@pytest.mark.parametrize(
    "options, message",
    [
        ({"norm": "layer"}, "norm is 'layer'; expected one of"),
        ({"channels": 5}, "channels are 5; expected three numbers"),
        ({"channels": (4, 5)}, "expected three numbers such as 16, 32, 64"),
        ({"channels": (4, 5, 0)}, "channels is 0; expected a whole number, 1 or more"),
        ({"blocks": -1}, "blocks is -1; expected a whole number, 0 or more"),
    ],
)
def test_it_refuses_bad_options(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TransformerNet(**options)


def test_painting_teaches_a_batch_norm_nothing() -> None:
    net = TransformerNet(**TINY, norm="batch").train()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    net.paint(torch.rand(1, 3, 40, 40))
    assert net.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())


def test_it_refuses_what_is_no_photograph() -> None:
    net = TransformerNet(**TINY)
    with pytest.raises(ValueError, match="31 x 40 px; expected 32 or more"):
        net.paint(torch.rand(1, 3, 40, 31))
    with pytest.raises(ValueError, match="expected .0, 1."):
        net.paint(255 * torch.rand(1, 3, 40, 40))


# ---------------------------------------------------------------- the bundled networks


@pytest.mark.parametrize("name", nets())
def test_a_bundled_network_is_small_and_says_how_it_was_trained(name: str) -> None:
    assert (NETS / f"{name}.safetensors").stat().st_size <= 1_000_000
    facts = TransformerNet.load(name).facts
    assert facts["artwork"] == name and facts["steps"] >= 2000 and facts["seconds"] > 0
    assert facts["machine"] and facts["photographs"] > 40


@pytest.mark.parametrize("name", nets())
def test_a_bundled_network_paints_in_the_palette_of_its_artwork(name: str, tmp_path: Path) -> None:
    photo, artwork = load_image("castle", 128), load_image(name, 128)
    painting = TransformerNet.load(name).paint(photo)
    save_image(painting, tmp_path / "painting.png")
    far = [(p.mean((2, 3)) - artwork.mean((2, 3))).norm() for p in (photo, painting)]
    assert far[1] < 0.6 * far[0]
    # And it shows the castle: where the photograph is dark, the painting is darker too.
    dark = photo.mean(1) < photo.mean(1).median()
    assert painting.mean(1)[dark].mean() < painting.mean(1)[~dark].mean() - 0.05


def test_there_are_three_bundled_networks() -> None:
    assert len(nets()) == 3
