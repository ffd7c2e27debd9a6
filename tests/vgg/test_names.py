"""The papers' names of layers, and what follows from a name."""

from __future__ import annotations

import pytest
import torch

from nstkit import VGG
from nstkit.vgg.names import (
    block_of,
    channels,
    equal_weights,
    layer_names,
    pools_before,
    positions,
)


def test_layer_names_are_positions_in_torchvisions_features() -> None:
    assert layer_names("vgg19").index("conv4_2") == 21 and layer_names("vgg19")[28] == "conv5_1"
    assert len(layer_names("vgg19")) == 37 and len(layer_names("vgg16")) == 31
    with pytest.raises(ValueError, match="arch is 'vgg11'"):
        layer_names("vgg11")


@pytest.mark.parametrize("size", [(43, 64), (32, 33)])
def test_a_name_tells_channels_positions_and_poolings(size: tuple[int, int], vgg: VGG) -> None:
    height, width = size
    for name, features in vgg(torch.ones(1, 3, *size), vgg.names).items():
        assert features.shape == (
            1, channels(name), height >> pools_before(name), width >> pools_before(name),
        )  # fmt: skip
        assert positions(name, *size) == features[0, 0].numel()


def test_a_name_tells_the_block() -> None:
    assert [block_of(name) for name in ("conv1_2", "relu4_2", "pool5")] == [1, 4, 5]


def test_a_layer_named_twice_is_told() -> None:
    with pytest.raises(ValueError, match="expected each once"):
        equal_weights(["relu1_1", "relu2_1", "relu1_1"])
