"""Measure the factors of ``pooling="avg_scaled"`` (``AVG_SCALE`` in nstkit/vgg/__init__.py).

Average pooling gives smaller numbers than max pooling, and the loss grows from block to block.
The factor of a pool makes its mean output over the bundled pictures that of max pooling:

    python tools/measure_pooling.py
"""

from __future__ import annotations

import torch

from nstkit import vgg
from nstkit.pictures.images import load_image, sample_path, samples


def mean_outputs(pooling: vgg.Pooling, pictures: list[torch.Tensor]) -> list[float]:
    """Return the mean output of pool1 ... pool5 over all pictures, each weighted alike."""
    network = vgg.VGG(pooling=pooling)
    pools = [name for name in network.names if name.startswith("pool")]
    means = torch.zeros(len(pools))
    with torch.no_grad():
        for picture in pictures:
            features = network(picture, pools)
            means += torch.tensor([features[name].mean() for name in pools])
    return (means / len(pictures)).tolist()


def main() -> None:
    """Find the factors one pool after the other: each depends on those before it."""
    pictures = [load_image(sample_path(name), size=256) for name in samples()]
    target = mean_outputs("max", pictures)
    factors: list[float] = [1.0] * len(target)
    for block in range(len(factors)):
        vgg.AVG_SCALE = tuple(factors)
        factors[block] = round(target[block] / mean_outputs("avg_scaled", pictures)[block], 3)
    print("without factors:", [round(m, 2) for m in mean_outputs("avg", pictures)])
    print("max pooling:    ", [round(m, 2) for m in target])
    print(f"AVG_SCALE = {tuple(factors)}")


if __name__ == "__main__":
    main()
