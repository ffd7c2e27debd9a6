"""Measure how large the features of networks are (nstkit/recipes/scales.json).

    python tools/measure_scales.py               downloads torchvision's VGG-16
    python tools/measure_scales.py VGG16.pth     takes its state dict from a file

The size of a layer is the root of the mean entry of its Gram matrix divided by positions, its mean
over the bundled photographs at 256 px. Every entry says where it comes from.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from nstkit.files import write_whole
from nstkit.losses import gram_matrix
from nstkit.pictures.images import load_image, sample_path, samples
from nstkit.vgg import VGG

TARGET = Path(__file__).parents[1] / "nstkit" / "recipes" / "scales.json"
LAYERS = [*(f"relu{block}_1" for block in range(1, 6)), "relu4_2", "relu5_2"]

PHOTOGRAPHS = "measured, mean over the bundled photographs at 256 px"


def main() -> None:
    """Write scales.json."""
    vgg16 = sys.argv[1] if len(sys.argv) > 1 else "torchvision"
    entries = {
        f"vgg19 {weights} caffe": (sizes(VGG(weights=weights)), PHOTOGRAPHS)
        for weights in ("embedded", "caffe")
    }
    for preprocessing in ("torchvision", "torchvision_255"):
        measured = sizes(VGG("vgg16", vgg16, preprocessing=preprocessing))
        guess = measured, "estimated as torchvision's VGG-16"
        entries[f"vgg16 torchvision {preprocessing}"] = measured, PHOTOGRAPHS
        entries[f"vgg19 torchvision {preprocessing}"] = guess
    guess = entries["vgg19 caffe caffe"][0], "estimated as the original VGG-19"
    entries["vgg16 caffe caffe"] = guess
    table = {
        key: {"source": source, "layers": {n: float(f"{size:.3g}") for n, size in layers.items()}}
        for key, (layers, source) in entries.items()
    }
    text = json.dumps(table, indent=2) + "\n"
    write_whole(TARGET, text)
    print(text)


def sizes(network: VGG) -> dict[str, float]:
    """Return the typical size of features in each of the layers."""
    found, names = torch.zeros(len(LAYERS)), samples("content")
    with torch.no_grad():
        for name in names:
            features = network(load_image(sample_path(name), size=256), LAYERS)
            found += torch.stack([gram_matrix(features[n]).mean().sqrt() for n in LAYERS])
    return dict(zip(LAYERS, (found / len(names)).tolist(), strict=True))


if __name__ == "__main__":
    main()
