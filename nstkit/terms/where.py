"""`Where`: how much each pixel of a picture counts, and so each position of a layer."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from nstkit.losses.statistics import Extent
from nstkit.tiles import Tile
from nstkit.vgg.names import pools_before, positions


class Where:
    """A mask of a picture at each layer: the mean over the pixels that a pooling puts together.

    Args:
        mask: (1, 1, H, W) in [0, 1]; None counts all alike.

    Attributes:
        mask: the same.
        share: how much of the picture counts: the mean of the mask, 1 without one.
    """

    def __init__(self, mask: Tensor | None) -> None:
        self.mask = mask
        self.share = 1.0 if mask is None else float(mask.mean())
        self._halved: list[Tensor] = [] if mask is None else [mask]
        self._shares: dict[str, float] = {}

    def in_layer(self, layer: str, tile: Tile | None = None) -> Tensor | None:
        """Return how much each position of a layer counts, (1, 1, h, w), cut to a tile."""
        if self.mask is None:
            return None
        pools = pools_before(layer)
        while len(self._halved) <= pools:
            self._halved.append(F.avg_pool2d(self._halved[-1], 2))
        found = self._halved[pools]
        return found if tile is None else found[tile.in_whole(layer)]

    def share_in(self, layer: str) -> float:
        """Return how much of a layer counts: the mean over its positions, 1 without a mask.

        It is 0 where a part lies in the last rows or columns only, which poolings drop.
        """
        if self.mask is None:
            return 1.0
        if layer not in self._shares:  # asked for in every step
            self._shares[layer] = float(self.in_layer(layer).mean())
        return self._shares[layer]

    def check(self, name: str, picture: Tensor) -> None:
        """Raise ValueError unless the mask has the size of pictures.

        Args:
            name: of the term, for the message.
            picture: (B, 3, H, W).
        """
        if self.mask is not None and self.mask.shape[-2:] != picture.shape[-2:]:
            raise ValueError(
                f"The mask of the {name} term has {tuple(self.mask.shape[-2:])} px, and the image "
                f"has {tuple(picture.shape[-2:])}; expected equal sizes. Resize one of them."
            )


def extent_of(layer: str, picture: Tensor) -> Extent:
    """Return what sums over a layer's positions run over, for pictures (B, 3, H, W)."""
    height, width = picture.shape[-2:]
    return Extent(positions(layer, height, width), height * width)
