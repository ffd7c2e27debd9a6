"""What a painter gives, turned into the pictures of a painting: `Scene`.

A style may be a picture, or a mapping of pictures to shares. A region has a mask and a style. This
module loads them all, at the sizes and in the colors that a recipe names.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from nstkit.painting.start import Given, as_image
from nstkit.pictures.artworks import Artworks, Share, check_shares
from nstkit.pictures.color import COLORS, ColorMode
from nstkit.pictures.images import load_at, name_of
from nstkit.pictures.masks import EMPTY, Mask
from nstkit.pictures.scene import Region, Scene
from nstkit.pictures.sizes import resize

# What `nstkit.stylize` takes for a style.
GivenStyle = Given | Mapping[Any, Share] | Sequence[tuple[Any, Share]] | Artworks | None
Load = Callable[[Given], Tensor]

# A picture may be enlarged this much without a word: a brush stroke of 10 px then gains one.
UNNOTICED = 1.1
ENLARGED = "The photograph {} has {} px and is enlarged to {} px, which adds no detail: leave the "
ENLARGED += "size out, or take a larger photograph."
BLURRED = "The artwork {} has {} px and is enlarged to {} px, so its strokes come out blurred: "
BLURRED += "take a larger scan."
LEAST = 32  # px of the long side of an artwork: `nstkit.load_image` loads no smaller ones


# ---------------------------------------------------------------- one picture


def loaded(
    source: Given, size: int, device: torch.device | str, remark: str, remarks: list[str]
) -> Tensor:
    """Return a picture, one that is loaded at a size in px.

    Args:
        source: a tensor stays as it is.
        size: long side in px.
        device: where to.
        remark: what to say of a picture that is enlarged, with its name, its side and the new one.
        remarks: where to say it.
    """
    if isinstance(source, Tensor):
        return as_image(source, None, device)
    picture, own = load_at(source, size, device)
    _note(remarks, remark, source, own, size)
    return picture


def artwork_loader(size: int, scale: float, device: torch.device | str, remarks: list[str]) -> Load:
    """Return a function that loads an artwork for a painting.

    Args:
        size: long side of the painting in px.
        scale: the artwork gets the long side of the painting, times this. A tensor is resized by
            this factor.
        device: where to.
        remarks: where to say that an artwork is enlarged.
    """

    def _load(source: Given) -> Tensor:
        if not isinstance(source, Tensor):
            try:
                return loaded(source, max(round(size * scale), LEAST), device, BLURRED, remarks)
            except ValueError as error:
                if scale >= 1:
                    raise
                raise ValueError(f"{error} (style_scale is {scale:g})") from error
        picture = as_image(source, None, device)
        if scale == 1:
            return picture
        sides = [max(round(side * scale), 1) for side in picture.shape[-2:]]
        _note(remarks, BLURRED, source, max(picture.shape[-2:]), max(sides))
        return resize(picture, *sides)

    return _load


def _note(remarks: list[str], remark: str, source: Given, own: int, size: int) -> None:
    if size > UNNOTICED * own:
        remarks.append(remark.format(name_of(source), own, size))


# ---------------------------------------------------------------- styles and regions


def pairs_of(style: GivenStyle) -> list[tuple[Any, Share]] | None:
    """Return (picture, share) of a style that names several pictures; None of a single one.

    Raises:
        ValueError: No picture at all, or a share that is none.
    """
    if isinstance(style, Artworks):
        return list(zip(style.pictures, style.shares, strict=True))
    if isinstance(style, Mapping):
        pairs = list(style.items())
    elif isinstance(style, list | tuple):
        pairs = [pair if isinstance(pair, tuple) else (pair, 1.0) for pair in style]
    else:
        return None
    if not pairs or any(len(pair) != 2 for pair in pairs):
        raise ValueError(
            f"style is {style!r}; expected a picture, or several with their shares, such as "
            "{'starry_night': 2, 'great_wave': 1}."
        )
    check_shares([share for _, share in pairs])
    return [(picture, _by_layer(share)) for picture, share in pairs]


def _by_layer(share: object) -> Share:
    return dict(share) if isinstance(share, Mapping) else float(share)


def loaded_style(style: GivenStyle, load: Load) -> Tensor | Artworks | None:
    """Return the artwork of a style, or several `Artworks`; None of None."""
    if style is None:
        return None
    if isinstance(style, Artworks):
        return style.mapped(load) if not any(m is not None for m in style.where) else style
    pairs = pairs_of(style)
    if pairs is None:
        return load(style)
    return Artworks(
        tuple(load(picture) for picture, _ in pairs), tuple(share for _, share in pairs)
    )


def loaded_region(region: Region, number: int, content: Tensor, load: Load) -> Region:
    """Return a region with its mask for the content, and with its artworks.

    Args:
        region: as a painter gives it.
        number: of the region, for messages; the first is 1.
        content: the photograph, (1, 3, H, W) in [0, 1].
        load: loads an artwork.

    Raises:
        ValueError: The mask is empty, or it does not fit; or the artwork's is.
    """
    mask = _mask(region.mask, content, f"The mask of region {number} ({region.mask!r})")
    style = loaded_style(region.style, load)
    if style is not None and region.artwork_mask is not None:
        works = Artworks.of(style)
        what = f"The artwork_mask of region {number} ({region.artwork_mask!r})"
        where = tuple(_mask(region.artwork_mask, p, what, "its artwork") for p in works.pictures)
        style = dataclasses.replace(works, where=where)
    return dataclasses.replace(region, mask=mask, style=style, artwork_mask=None)


def _mask(mask: Mask | Tensor, picture: Tensor, what: str, of: str = "the photograph") -> Tensor:
    found = mask.of(picture) if isinstance(mask, Mask) else mask.to(picture)
    if found.max() <= EMPTY:
        raise ValueError(
            f"{what} matches nothing in {of}. Move it, or widen its range, and look at it: "
            "mask.of(picture) is a picture of it."
        )
    return found


# ---------------------------------------------------------------- colors


def in_colors(scene: Scene, color: str) -> Scene:
    """Return the pictures that are painted in a mode of `nstkit.pictures.color.COLORS`.

    The artworks of a region get the colors of that part of the photograph.

    Args:
        scene: the pictures as they are.
        color: "style", "match" or "luminance".
    """
    mode = COLORS[color]
    photo = scene.content
    rest = scene.parts()[0].where if scene.regions and scene.style is not None else None
    regions = tuple(
        dataclasses.replace(region, style=_recolored(region.style, photo, region.mask, mode))
        for region in scene.regions
    )
    return Scene(mode.content(photo), _recolored(scene.style, photo, rest, mode), regions)


def _recolored(
    style: Tensor | Artworks | None, photo: Tensor, to_where: Tensor | None, mode: ColorMode
) -> Tensor | Artworks | None:
    if style is None:
        return None
    works = Artworks.of(style)
    made = tuple(
        mode.style(picture, photo, where, to_where)
        for picture, where in zip(works.pictures, works.where, strict=True)
    )
    return dataclasses.replace(style, pictures=made) if isinstance(style, Artworks) else made[0]


# ---------------------------------------------------------------- what a painting remembers


def told(style: GivenStyle) -> str | list[list[Any]] | None:
    """Return a style as plain data: a name, or [[name, share], ...]; see `name_of`."""
    if style is None:
        return None
    pairs = pairs_of(style)
    if pairs is None:
        return name_of(style)
    return [[name_of(picture), share] for picture, share in pairs]


def named_style(style: GivenStyle) -> str:
    """Return the name of an artwork; of several, what `told` says, as JSON."""
    found = told(style)
    return found if isinstance(found, str) else json.dumps(found)


def told_region(region: Region) -> dict[str, Any]:
    """Return a region, as a painter gives it, as plain data."""
    data = {"mask": region.mask.to_data(), "style": told(region.style)}
    numbers = {"beta": region.beta, "keep": region.keep}
    if region.artwork_mask is not None:
        data["artwork_mask"] = region.artwork_mask.to_data()
    return data | {name: value for name, value in numbers.items() if value is not None}
