"""Measure how large the features of networks are (nstkit/scales.json).

    python tools/measure_scales.py               downloads torchvision's VGG-16
    python tools/measure_scales.py VGG16.pth     takes its state dict from a file

The size of a layer is the root of the mean entry of its Gram matrix divided by positions, its mean
over the bundled photographs at 256 px: that is what TensorFlow's tutorial prints for the original
VGG-19, which is not shipped here. Every entry says how it was come by.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from nstkit.files import write_whole
from nstkit.losses import gram_matrix
from nstkit.painting.start import start_image
from nstkit.pictures.images import load_image, sample_path, samples
from nstkit.vgg import VGG

TARGET = Path(__file__).parents[1] / "nstkit" / "scales.json"
LAYERS = [*(f"relu{block}_1" for block in range(1, 6)), "relu4_2", "relu5_2"]

# Keras' VGG-19 in TensorFlow's tutorial, picture of 512 px: mean entries of F F^T / M that it
# printed for block1_conv1 ... block5_conv1, and the mean of block5_conv2.
PRINTED_GRAM, PRINTED_MEAN = (366.3, 9182.0, 7853.0, 159650.0, 1300.0), 13.31
# The first content losses in the logs of neural-style and neural-style-pt, 5 times the mean square
# of a photograph's relu4_2 minus that of a gray picture.
LOGGED = (2091178.6, 1616196.1)

PHOTOGRAPHS = "measured, mean over the bundled photographs at 256 px"


def main() -> None:
    """Write scales.json."""
    vgg16 = sys.argv[1] if len(sys.argv) > 1 else "torchvision"
    embedded = sizes(VGG())
    entries = {
        "vgg19 embedded caffe": (embedded, PHOTOGRAPHS),
        "vgg19 caffe caffe": (original(embedded), "from numbers printed by others, see the tool"),
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


def original(embedded: dict[str, float]) -> dict[str, float]:
    """Return the sizes of the original VGG-19, put together from what others printed."""
    found = {n: mean**0.5 for n, mean in zip(LAYERS, PRINTED_GRAM, strict=False)}
    network, means, apart = VGG(), [], []
    for name in samples("content"):
        photograph = load_image(sample_path(name), size=256)
        gray = start_image("gray", photograph, photograph)
        with torch.no_grad():
            f, g = (network(picture, LAYERS[5:]) for picture in (photograph, gray))
        means.append(f["relu5_2"].mean().item())
        apart.append((f["relu4_2"] - g["relu4_2"]).square().mean().sqrt().item())
    logged = sum((loss / 5) ** 0.5 for loss in LOGGED) / len(LOGGED)
    found["relu4_2"] = embedded["relu4_2"] * logged / (sum(apart) / len(apart))
    found["relu5_2"] = embedded["relu5_2"] * PRINTED_MEAN / (sum(means) / len(means))
    return found


if __name__ == "__main__":
    main()
