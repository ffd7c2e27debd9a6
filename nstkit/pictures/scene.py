"""`Scene`: all pictures of a painting, and `Region`: a part of it with a style of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor

from nstkit.options import check_weight
from nstkit.pictures.artworks import Artworks
from nstkit.pictures.masks import EMPTY, as_mask

# Weight of the squared distance of pixels from the photograph's, in what is not painted.
KEEP = 1e4


@dataclass(frozen=True, eq=False)
class Region:
    """A part of the photograph, and what becomes of it.

    Attributes:
        mask: which part: a mask such as ``nstkit.rectangle(0, 0, 1, 0.5)``, numbers in [0, 1], or a
            picture; see `nstkit.pictures.masks.as_mask`. In a `Scene` it is (1, 1, H, W).
        style: what to paint the part after, as `nstkit.stylize` takes it; None does not paint it.
            In a `Scene` it is `Artworks` or None.
        beta: weight of the style in this part; None is the recipe's.
        keep: weight of the squared distance of pixels from those of the photograph in this part;
            None is 0 in a part with a style, and without one so much that it stays as it is.
        artwork_mask: which part of the artwork counts, as ``mask``; None is all of it.

    Raises:
        ValueError: A mask that is none, or a negative weight.
    """

    mask: Any
    style: Any = None
    beta: float | None = None
    keep: float | None = None
    artwork_mask: Any = None

    def __post_init__(self) -> None:
        """Check the weights, and turn what is given for a mask into one."""
        for name in ("beta", "keep"):
            if getattr(self, name) is not None:
                check_weight(f"{name} of a region", getattr(self, name))
        if not _drawn(self.mask):
            object.__setattr__(self, "mask", as_mask(self.mask))
        if self.artwork_mask is not None:
            object.__setattr__(self, "artwork_mask", as_mask(self.artwork_mask))


def _drawn(mask: object) -> bool:
    return isinstance(mask, Tensor) and mask.dim() == 4


class Part(NamedTuple):
    """A part of the painting.

    Attributes:
        name: what its terms are called after: "" for what is in no region, else " 1", " 2" ...
        where: its mask, (1, 1, H, W); None is the whole picture.
        style: what it is painted after; None if it is not painted.
        beta: weight of the style; None is the recipe's.
        keep: weight of the pixels' distance from those of the photograph.
    """

    name: str
    where: Tensor | None
    style: Tensor | Artworks | None
    beta: float | None = None
    keep: float = 0.0


@dataclass(frozen=True, eq=False)
class Scene:
    """The pictures that an objective is made of.

    Attributes:
        content: the photograph, (1, 3, H, W) in [0, 1]; None where nothing needs it.
        style: the artwork, or several `Artworks`, for all that is in no region; None leaves that as
            it is.
        regions: with masks (1, 1, H, W), and `Artworks` as their styles.
    """

    content: Tensor | None
    style: Tensor | Artworks | None
    regions: tuple[Region, ...] = ()

    def parts(self) -> list[Part]:
        """Return the parts of the painting: what is in no region, if there is any, and each region.

        Without regions, that is the whole picture, if there is an artwork.
        """
        if not self.regions:
            return [] if self.style is None else [Part("", None, self.style)]
        found = [_part(region, number) for number, region in enumerate(self.regions, 1)]
        rest = (1 - sum(region.mask for region in self.regions)).clamp(0, 1)
        if rest.max() <= EMPTY:
            return found
        return [_part(Region(rest, self.style), 0), *found]

    def mapped(self, change: Callable[[Tensor], Tensor]) -> Scene:
        """Return the scene with all its pictures and masks changed in the same way."""
        regions = tuple(
            dataclasses.replace(r, mask=change(r.mask), style=_mapped(r.style, change))
            for r in self.regions
        )
        return Scene(change(self.content), _mapped(self.style, change), regions)

    @property
    def artworks(self) -> list[Tensor]:
        """All pictures that the scene is painted after."""
        styles = [self.style, *(region.style for region in self.regions)]
        return [p for style in styles if style is not None for p in Artworks.of(style).pictures]


def _part(region: Region, number: int) -> Part:
    """Return a region as a part; one whose mask is full is the whole picture."""
    where = None if region.mask.min() > 1 - EMPTY else region.mask
    painted = region.style is not None and region.beta != 0
    keep = region.keep
    if keep is None:
        keep = 0.0 if painted else KEEP
    style = region.style if painted else None
    return Part(f" {number}" if number else "", where, style, region.beta, keep)


def _mapped(
    style: Tensor | Artworks | None, change: Callable[[Tensor], Tensor]
) -> Tensor | Artworks | None:
    if style is None:
        return None
    return style.mapped(change) if isinstance(style, Artworks) else change(style)
