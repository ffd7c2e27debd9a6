"""`Region`, what a painter wants of a part of the photograph; `Scene`, what is painted."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nstkit.options import check_weight
from nstkit.pictures.artworks import Artworks
from nstkit.pictures.masks import EMPTY, Mask, as_mask

# Weight of the squared distance of pixels from the photograph's, in what is not painted. It makes
# what is painted fit to what is not. `Scene.finished` then puts the photograph itself there.
KEEP = 1e4


@dataclass(frozen=True, eq=False)
class Region:
    """A part of the photograph, and what is to become of it.

    Attributes:
        mask: which part: a mask such as ``nstkit.rectangle(0, 0, 1, 0.5)``, numbers in [0, 1], or a
            picture; see `nstkit.pictures.masks.as_mask`.
        style: what to paint the part after, as `nstkit.stylize` takes it. None leaves it as it is.
        beta: weight of the style in this part, 0 or more; None is the recipe's.
        keep: weight of the squared distance of pixels from those of the photograph in this part, 0
            or more. None is 0 where the part is painted. Where it is not, None leaves it exactly as
            it is in the photograph.
        artwork_mask: which part of the artwork counts, as ``mask``; None is all of it.

    Raises:
        ValueError: A mask that is none, or a negative weight.
    """

    mask: Mask
    style: Any = None
    beta: float | None = None
    keep: float | None = None
    artwork_mask: Mask | None = None

    def __post_init__(self) -> None:
        """Check the weights, and make masks of whatever was given for them."""
        for name in ("beta", "keep"):
            if (weight := getattr(self, name)) is not None:
                check_weight(f"{name} of a region", weight)
                object.__setattr__(self, name, float(weight))
        object.__setattr__(self, "mask", as_mask(self.mask))
        if self.artwork_mask is not None:
            object.__setattr__(self, "artwork_mask", as_mask(self.artwork_mask))

    @property
    def painted(self) -> bool:
        """Whether it is painted after anything."""
        return self.style is not None and self.beta != 0


@dataclass(frozen=True, eq=False)
class Part:
    """A part of the painting, with its pictures.

    Attributes:
        where: how much each pixel belongs to it, (1, 1, H, W) in [0, 1]; None is the whole picture.
        works: what it is painted after; None if it is not painted.
        beta: weight of the style; None is the recipe's.
        keep: weight of the squared distance of pixels from the photograph's.
        fixed: whether it ends as the photograph itself.
        name: what its terms are called after: "" for what is in no region, " 1" for region 1.
    """

    where: Tensor | None
    works: Artworks | None
    beta: float | None = None
    keep: float = 0.0
    fixed: bool = False
    name: str = ""

    @classmethod
    def left(cls, where: Tensor | None) -> Part:
        """Return a part that stays as it is in the photograph."""
        return cls(where, None, keep=KEEP, fixed=True)

    def mask_of(self, picture: Tensor) -> Tensor:
        """Return the mask (1, 1, H, W) for a picture of its size, also if it is all of it."""
        return torch.ones_like(picture[:, :1]) if self.where is None else self.where


@dataclass(frozen=True, eq=False)
class Scene:
    """The pictures that an objective is made of.

    Attributes:
        content: the photograph, (1, 3, H, W) in [0, 1]; None where nothing needs it.
        parts: of the painting; together they are all of it. None at all: there is no style.
    """

    content: Tensor | None
    parts: tuple[Part, ...]

    @classmethod
    def of(
        cls, content: Tensor | None, style: Tensor | Artworks | None, regions: Sequence[Part] = ()
    ) -> Scene:
        """Return the scene of a photograph, an artwork, and regions.

        Args:
            content: the photograph, (1, 3, H, W) in [0, 1], or None.
            style: the artwork, (1, 3, H', W') in [0, 1], or several, for what is in no region. None
                leaves that as it is.
            regions: parts with masks.
        """
        works = None if style is None else Artworks.of(style)
        if not regions:
            return cls(content, () if works is None else (Part(None, works),))
        named = tuple(
            dataclasses.replace(part, where=_unless_full(part.where), name=f" {number}")
            for number, part in enumerate(regions, 1)
        )
        if any(part.where is None for part in named):
            return cls(content, named)
        rest = (1 - sum(part.where for part in named)).clamp(0, 1)
        if rest.max() <= EMPTY:
            return cls(content, named)
        return cls(content, (Part.left(rest) if works is None else Part(rest, works), *named))

    @property
    def pictures(self) -> list[Tensor]:
        """All pictures that the scene is painted after."""
        return [picture for part in self.parts if part.works for picture in part.works.pictures]

    @property
    def tensors(self) -> list[Tensor]:
        """All that `mapped` changes, in one order: photograph, masks, artworks and their masks."""
        masks = [part.where for part in self.parts]
        masks += [mask for part in self.parts if part.works for mask in part.works.where]
        return [self.content, *self.pictures, *(mask for mask in masks if mask is not None)]

    def mapped(
        self, change: Callable[[Tensor], Tensor], artwork: Callable[[Tensor], Tensor] | None = None
    ) -> Scene:
        """Return the scene with its photograph and masks changed in one way, artworks in another.

        Args:
            change: of the photograph and its masks.
            artwork: of artworks and their masks; None is the same.
        """
        parts = tuple(
            dataclasses.replace(
                part,
                where=None if part.where is None else change(part.where),
                works=None if part.works is None else part.works.mapped(artwork or change),
            )
            for part in self.parts
        )
        return Scene(change(self.content), parts)

    def finished(self, painting: Tensor, photo: Tensor) -> Tensor:
        """Return a painting with the photograph itself where the scene stays as it is.

        Args:
            painting: (1, 3, H, W) in [0, 1], of the scene's size.
            photo: as it was given, of the same size; ``content`` may have other colors.
        """
        fixed = [part for part in self.parts if part.fixed]
        if not fixed:
            return painting
        kept = sum(part.mask_of(painting) for part in fixed)
        return painting.lerp(photo.to(painting), kept.to(painting).clamp(0, 1))


def _unless_full(where: Tensor | None) -> Tensor | None:
    """Return a mask, or None if it is full: then nothing needs to be weighted."""
    return None if where is None or where.min() > 1 - EMPTY else where
