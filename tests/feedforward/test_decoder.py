"""The decoder: its file, its layers, and parts of pictures."""

from __future__ import annotations

import hashlib

import build_decoder as build
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn
from weights_tools import a_source

from nstkit import load_image
from nstkit.feedforward import Coder
from nstkit.feedforward.decoder import CONVS, EMBEDDED, Decoder, decoded
from nstkit.vgg.names import channels

FILE_SHA256 = "0308689aad88f5c55f1197d715e60d1de9fc1ba5f6ebd5c3d0dcbfe39907af0b"


def test_the_embedded_file_is_the_one_that_was_built() -> None:
    assert hashlib.sha256(EMBEDDED.read_bytes()).hexdigest() == FILE_SHA256
    assert FILE_SHA256 in EMBEDDED.with_name("README.md").read_text()
    with safe_open(EMBEDDED, "pt") as file:
        assert file.metadata()["license"] == "MIT"
        assert file.metadata()["source_sha256"] == build.SOURCE_SHA256
        assert sum(file.get_tensor(name).numel() for name in file.keys()) == 3_505_219  # noqa: SIM118


def test_the_build_names_and_rounds_the_convolutions() -> None:
    source = a_source(build.POSITIONS.values())
    made = build.convert(source, build.POSITIONS)
    assert torch.equal(made["conv4_1.weight"], source["1.weight"].half())
    assert torch.equal(made["conv1_1.bias"], source["28.bias"].half())
    assert set(made) == {f"{conv}.{kind}" for conv in CONVS for kind in ("weight", "bias")}


def a_literal_decoder() -> nn.Sequential:
    """Return the decoder as Huang and Belongie's code writes it, layer by layer."""
    state = load_file(EMBEDDED)

    def conv(name: str) -> list[nn.Module]:
        layer = nn.Conv2d(*state[f"{name}.weight"].shape[1::-1], 3)
        layer.weight.data, layer.bias.data = (
            state[f"{name}.{kind}"].float() for kind in ("weight", "bias")
        )
        return [nn.ReflectionPad2d(1), layer]

    def up() -> nn.Module:
        return nn.Upsample(scale_factor=2, mode="nearest")

    return nn.Sequential(
        *conv("conv4_1"), nn.ReLU(), up(),
        *conv("conv3_4"), nn.ReLU(), *conv("conv3_3"), nn.ReLU(), *conv("conv3_2"), nn.ReLU(),
        *conv("conv3_1"), nn.ReLU(), up(),
        *conv("conv2_2"), nn.ReLU(), *conv("conv2_1"), nn.ReLU(), up(),
        *conv("conv1_2"), nn.ReLU(), *conv("conv1_1"),
    )  # fmt: skip


@torch.no_grad()
def test_it_is_the_published_sequence_of_layers() -> None:
    features = torch.rand(1, 512, 3, 4, generator=torch.Generator().manual_seed(0))
    found = Decoder()(features)
    assert found.shape == (1, 3, 24, 32)
    torch.testing.assert_close(found, a_literal_decoder()(features))
    weights = load_file(EMBEDDED)
    assert all(weights[f"{c}.weight"].shape[1] == channels(c) for c in CONVS)


def test_it_knows_the_cat(coder: Coder) -> None:
    cat = load_image("cat", 192)[..., :128, :]
    again = coder.decode(coder.encode(cat).features)
    psnr = -10 * (again - cat).square().mean().log10()
    assert 15 < psnr < 30  # next.md: 16 to 22; noise has 5, the very picture has no limit


@torch.no_grad()
@pytest.mark.parametrize("side", [32, 40, 63])
def test_parts_are_the_whole(side: int) -> None:
    features = torch.rand(1, 512, 7, 11, generator=torch.Generator().manual_seed(1))
    decoder = Decoder()
    torch.testing.assert_close(decoded(decoder, features, side), decoder(features))


@pytest.mark.parametrize("shape", [(1, 256, 4, 4), (512, 4, 4), (1, 512, 1, 4)])
def test_it_refuses_other_features(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected .B, 512, h, w. of relu4_1"):
        Decoder()(torch.zeros(shape))
