"""`Artworks`: pictures to paint after, and how much of each."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real

from torch import Tensor

from nstkit.options import check_weight

Share = float | Mapping[str, float]  # in all layers, or in each: {layer: share}


@dataclass(frozen=True, eq=False)
class Artworks:
    """Pictures to paint after, and how much of each.

    Attributes:
        pictures: each (1, 3, H, W) in [0, 1], of any size.
        shares: one for each picture: a number of 0 or more for all layers, or {layer: number}. Only
            their ratio counts.
        where: one for each picture: how much each of its pixels counts, (1, 1, H, W) in [0, 1], or
            None for all of it. Empty is None for each.

    Raises:
        ValueError: No picture, another number of shares, a negative share, or only zeros.
    """

    pictures: tuple[Tensor, ...]
    shares: tuple[Share, ...] = (1.0,)
    where: tuple[Tensor | None, ...] = ()

    def __post_init__(self) -> None:
        """Check that there is a share for each picture."""
        where = self.where or (None,) * len(self.pictures)
        object.__setattr__(self, "where", tuple(where))
        if not self.pictures or not len(self.pictures) == len(self.shares) == len(self.where):
            raise ValueError(
                f"Got {len(self.pictures)} artworks, {len(self.shares)} shares and "
                f"{len(self.where)} masks; expected as many of each, and at least one artwork."
            )
        check_shares(self.shares)

    @classmethod
    def of(cls, style: Tensor | Artworks) -> Artworks:
        """Return artworks as they are, and a single picture as the only one."""
        return style if isinstance(style, Artworks) else cls((style,))

    def in_layer(self, layer: str) -> tuple[float, ...]:
        """Return the share of each artwork in a layer; they add up to 1.

        Raises:
            ValueError: No artwork has a share there.
        """
        found = [s.get(layer, 0.0) if isinstance(s, Mapping) else s for s in self.shares]
        total = math.fsum(found)
        if not total:
            raise ValueError(
                f"No artwork has a share in {layer}. Give one of them a share there, or take the "
                "layer out of the recipe's style_layers."
            )
        return tuple(share / total for share in found)

    @property
    def by_layer(self) -> bool:
        """Whether shares differ between layers."""
        return any(isinstance(share, Mapping) for share in self.shares)

    def seen_in(self, layers: Iterable[str]) -> Artworks:
        """Return the artworks with the shares that they have in the first of some layers.

        Colors are seen best in the shallowest layer, so that one goes first.
        """
        if not self.by_layer:
            return self
        return dataclasses.replace(self, shares=self.in_layer(next(iter(layers))))

    def mapped(self, change: Callable[[Tensor], Tensor]) -> Artworks:
        """Return artworks with all pictures and their masks changed in the same way."""
        where = tuple(None if mask is None else change(mask) for mask in self.where)
        return dataclasses.replace(
            self, pictures=tuple(change(picture) for picture in self.pictures), where=where
        )


def check_shares(shares: Sequence[object]) -> None:
    """Raise ValueError unless shares are numbers or {layer: number}, 0 or more, not all 0."""
    numbers = []
    for share in shares:
        if not isinstance(share, Real | Mapping):
            raise ValueError(
                f"The share of an artwork is {share!r}; expected a number, or {{layer: number}}."
            )
        values = share.items() if isinstance(share, Mapping) else [("", share)]
        for layer, value in values:
            check_weight(f"The share in {layer}" if layer else "The share of an artwork", value)
            numbers.append(value)
    if not any(numbers):
        raise ValueError("The shares of all artworks are 0; expected one above 0.")
