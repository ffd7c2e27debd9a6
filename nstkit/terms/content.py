"""`Content`: what the photograph shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import Tensor

from nstkit.losses import Reduce, at_least_float32, check_same_shape, for_batch, reduced
from nstkit.terms.term import Compared
from nstkit.tiles import Features, Tile, assembled
from nstkit.vgg import VGG
from nstkit.vgg.names import map_size


class Content(Compared):
    """The distance of features from those of a photograph. Gatys et al. 2016, eq. 1.

    Args:
        picture: the photograph, (1, 3, H, W) or (B, 3, H, W) in [0, 1], of the painting's size.
        weight: alpha.
        layers: {layer: weight}; names alone share the weight 1 equally.
        reduce: "mean" or "sum" of squared differences, or "rms".
        name: of the term.
    """

    def __init__(
        self, picture: Tensor, weight: float, layers: Mapping[str, float] | Iterable[str],
        reduce: Reduce = "mean", name: str = "content",
    ) -> None:  # fmt: skip
        super().__init__(picture, weight, layers, name)
        self.reduce = reduce

    def prepare(self, vgg: VGG, tile: int | None) -> None:
        """Compute the photograph's features in layers that have none yet."""
        if missing := self.missing(vgg):
            self.targets |= assembled(vgg, self.picture, missing, tile)

    def measure(self, features: Features, tile: Tile | None) -> dict[str, Tensor]:
        """Return the sums of squared differences from the photograph, {layer: (B,)}."""
        return {name: self._squares(name, F_l, tile) for name, F_l in features.items()}

    def losses(self, measured: Mapping[str, Tensor], image: Tensor) -> dict[str, Tensor]:
        """Return the distance in each layer."""
        for name in measured:
            _check_size(name, self.targets[name], image)
        counts = {name: self.targets[name][0].numel() for name in measured}
        return {n: reduced(s, counts[n], self.reduce).mean() for n, s in measured.items()}

    def _squares(self, layer: str, F_l: Tensor, tile: Tile | None) -> Tensor:
        P_l = self.targets[layer]
        P_l = P_l if tile is None else P_l[tile.in_whole(layer)]
        P_l = for_batch(P_l, F_l)
        check_same_shape(F_l, P_l)
        return (at_least_float32(F_l) - at_least_float32(P_l)).square().sum((1, 2, 3))


def _check_size(layer: str, target: Tensor, image: Tensor) -> None:
    """Raise ValueError unless a target has a number for each feature of an image.

    In tiles nobody else would notice: a tile of a larger target is as large as that of the image.
    """
    if tuple(target.shape[-2:]) != (expected := map_size(layer, *image.shape[-2:])):
        raise ValueError(
            f"The content has {tuple(target.shape[-2:])} positions in {layer}, and the image has "
            f"{expected}; expected equal sizes. Resize one of them."
        )
