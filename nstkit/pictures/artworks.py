"""`Artworks`: pictures to paint after, and how much of each."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
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
        shares: one for each picture: a number of 0 or more for all layers, or {layer: number}, or a
            list of layers, where it is 1. Only their ratio counts.
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
        object.__setattr__(self, "shares", plain_shares(self.shares))

    @classmethod
    def of(cls, style: Tensor | Artworks) -> Artworks:
        """Return artworks as they are, and a single picture as the only one."""
        return style if isinstance(style, Artworks) else cls((style,))

    def in_layer(self, layer: str) -> tuple[float, ...]:
        """Return the share of each artwork in a layer; they add up to 1.

        Args:
            layer: any name will do if shares are numbers.

        Raises:
            ValueError: No artwork has a share there.
        """
        found = [s.get(layer, 0.0) if isinstance(s, Mapping) else s for s in self.shares]
        largest = max(found)
        if not largest:
            raise ValueError(
                f"No artwork has a share in {layer}. Give one of them a share there, or take the "
                "layer out of the recipe's style_layers."
            )
        found = [share / largest for share in found]  # a sum of huge numbers would overflow
        total = math.fsum(found)
        return tuple(share / total for share in found)

    @property
    def by_layer(self) -> bool:
        """Whether shares differ between layers."""
        return any(isinstance(share, Mapping) for share in self.shares)

    @property
    def plain(self) -> Tensor | Artworks:
        """The picture, if there is only one and all of it counts; else all of this."""
        return self.pictures[0] if len(self.pictures) == 1 and self.where[0] is None else self

    def mixed(self, shares: Sequence[Share]) -> Artworks:
        """Return the same pictures with other shares."""
        return dataclasses.replace(self, shares=tuple(shares))

    def mapped(self, change: Callable[[Tensor], Tensor]) -> Artworks:
        """Return artworks with all pictures and their masks changed in the same way."""
        where = tuple(None if mask is None else change(mask) for mask in self.where)
        return dataclasses.replace(
            self, pictures=tuple(change(picture) for picture in self.pictures), where=where
        )


def plain_shares(shares: Sequence[object]) -> tuple[Share, ...]:
    """Return shares as floats, or as {layer: float}.

    Raises:
        ValueError: Neither numbers nor {layer: number}, a negative number, or only zeros.
    """
    found = tuple(map(_plain, shares))
    if not any(any(s.values()) if isinstance(s, Mapping) else s for s in found):
        raise ValueError("The shares of all artworks are 0; expected one above 0.")
    return found


def _plain(share: object) -> Share:
    if isinstance(share, Mapping):
        for layer, value in share.items():
            check_weight(f"The share in {layer}", value)
        return {str(layer): float(value) for layer, value in share.items()}
    if isinstance(share, list | tuple | set):  # layers alone
        return dict.fromkeys(map(str, share), 1.0)
    if not isinstance(share, Real):
        raise ValueError(
            f"The share of an artwork is {share!r}; expected a number, {{layer: number}}, or a "
            "list of layers."
        )
    check_weight("The share of an artwork", share)
    return float(share)
