"""What was painted, as far as a file or a script can say it: `Subject`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nstkit.painting.given import GivenStyle, pairs_of
from nstkit.painting.start import Given
from nstkit.pictures.images import name_of
from nstkit.pictures.masks import Mask
from nstkit.pictures.scene import Region

LEFT_OUT = "left out: the file is too small"  # what a JPEG says of masks that it cannot hold


@dataclass(frozen=True, eq=False)
class Subject:
    """What was painted, as far as a file can say it.

    Attributes:
        content: the name of the photograph.
        style: [[name, share], ...] of the artworks; None if only regions were painted.
        regions: as they were given.
        side: long side in px at which artworks were loaded, before ``style_scale``.
    """

    content: str
    style: list[list[Any]] | None
    regions: tuple[Region, ...]
    side: int

    @classmethod
    def of(cls, content: Given, style: GivenStyle, regions: Sequence[Region], side: int) -> Subject:
        """Return what a file can say of pictures as a painter gives them."""
        return cls(name_of(content), told(style), tuple(regions), side)

    @property
    def names(self) -> tuple[str, str]:
        """The name of the photograph, and that of the artwork: "a + b" of several."""
        return self.content, " + ".join(self.pictures[1:]) or "none"

    @property
    def pictures(self) -> list[str]:
        """The names of the photograph and of each artwork."""
        return [self.content, *(name for name, _ in self.style or [])]

    def facts(self) -> dict[str, str]:
        """Return texts for a file; `nstkit.repaint` reads them."""
        content, style = self.names
        facts = {"content": content, "style": style, "loaded_at": str(self.side)}
        facts["styles"] = json.dumps(self.style)
        if self.regions:
            facts["regions"] = json.dumps([told_region(region) for region in self.regions])
        return facts


def told(style: GivenStyle) -> list[list[Any]] | None:
    """Return a style as plain data: [[name, share], ...]; see `name_of`. None of None."""
    if style is None:
        return None
    return [[name_of(picture), share] for picture, share in pairs_of(style)]


def told_region(region: Region) -> dict[str, Any]:
    """Return a region, as a painter gives it, as plain data."""
    data = {"mask": region.mask.to_data(), "style": told(region.style)}
    numbers = {"beta": region.beta, "keep": region.keep}
    if region.artwork_mask is not None:
        data["artwork_mask"] = region.artwork_mask.to_data()
    return data | {name: value for name, value in numbers.items() if value is not None}


def region_from(
    data: Mapping[str, Any], find: Callable[[list[list[Any]] | None], GivenStyle]
) -> Region:
    """Return the region that `told_region` wrote.

    Args:
        data: what it wrote.
        find: turns what `told` wrote into the style.
    """
    masks = {n: Mask.from_data(data[n]) for n in ("mask", "artwork_mask") if n in data}
    return Region(**{**data, **masks, "style": find(data["style"])})


def style_code(style: GivenStyle) -> str:
    """Return Python that names an artwork, or several with their shares."""
    pairs = [tuple(pair) for pair in told(style) or []]
    return repr(pairs) if len(pairs) > 1 else repr(pairs[0][0] if pairs else None)


def regions_code(regions: Sequence[Region]) -> str:
    """Return Python that makes regions, after ``import nstkit``."""
    return f"[{', '.join(map(_region_code, regions))}]"


def _region_code(region: Region) -> str:
    parts = [region.mask.code("nstkit.")]
    if region.style is not None:
        parts.append(style_code(region.style))
    for name in ("beta", "keep"):
        if (value := getattr(region, name)) is not None:
            parts.append(f"{name}={value!r}")
    if region.artwork_mask is not None:
        parts.append(f"artwork_mask={region.artwork_mask.code('nstkit.')}")
    return f"nstkit.Region({', '.join(parts)})"
