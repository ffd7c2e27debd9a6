"""What a painter gives, turned into the pictures of a painting: `Scene`.

A style may be a picture, or several with their shares. A region has a mask and a style. This module
loads them all, at the sizes and in the colors that a recipe names. `nstkit.painting.subject` writes
them as plain data.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from nstkit.options import check_choice, check_whole
from nstkit.painting.start import Given, as_image
from nstkit.pictures.artworks import Artworks, Share, plain_shares
from nstkit.pictures.color import COLORS, ColorMode
from nstkit.pictures.images import load_at, name_of
from nstkit.pictures.masks import EMPTY, Mask
from nstkit.pictures.scene import Part, Region, Scene
from nstkit.pictures.sizes import resize
from nstkit.vgg.names import layer_names

# What `nstkit.stylize` takes for a style.
GivenStyle = Given | Mapping[Any, Share] | Sequence[tuple[Any, Share]] | Artworks | None
Load = Callable[[Given], Tensor]

# A picture may be enlarged this much without a word: a brush stroke of 10 px then gains one.
UNNOTICED = 1.1
ENLARGED = "The photograph {} has {} px and is enlarged to {} px, which adds no detail: leave the "
ENLARGED += "size out, or take a larger photograph."
BLURRED = "The artwork {} has {} px and is enlarged to {} px, so its strokes come out blurred: "
BLURRED += "take a larger scan."
LEAST = 32  # px of a side of an artwork: `nstkit.load_image` loads no smaller ones


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


def photograph(
    content: Given, size: int | None, most: int, device: torch.device | str, remarks: list[str]
) -> tuple[Tensor, int]:
    """Return the photograph on a device, and the long side in px at which artworks are loaded.

    Args:
        content: a tensor keeps its size.
        size: long side in px that was asked for. None is its own, at most ``most``.
        most: see there.
        device: where to.
        remarks: where to say that it is enlarged.
    """
    if size is not None:
        size = check_whole("size", size, LEAST)
        return loaded(content, size, device, ENLARGED, remarks), size
    if isinstance(content, Tensor):
        photo = as_image(content, None, device)
    else:
        photo, _ = load_at(content, most, device, enlarge=False)
    return photo, max(photo.shape[-2:])


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
                if scale == 1:
                    raise
                raise ValueError(f"{error} (style_scale is {scale:g})") from error
        picture = as_image(source, None, device)
        if scale == 1:
            return picture
        sides = [round(side * scale) for side in picture.shape[-2:]]
        if min(sides) < LEAST:
            raise ValueError(
                f"style_scale is {scale:g}, so the artwork would have {sides[1]} x {sides[0]} px; "
                f"expected {LEAST} or more. Take a larger artwork, or a larger scale."
            )
        _note(remarks, BLURRED, source, max(picture.shape[-2:]), max(sides))
        return resize(picture, *sides)

    return _load


def _note(remarks: list[str], remark: str, source: Given, own: int, size: int) -> None:
    if size > UNNOTICED * own:
        remarks.append(remark.format(name_of(source), own, size))


# ---------------------------------------------------------------- styles and regions


def pairs_of(style: GivenStyle) -> list[tuple[Any, Share]]:
    """Return (picture, share) of all pictures that a style names.

    Raises:
        ValueError: No picture at all, or a share that is none.
    """
    if isinstance(style, Artworks):
        return list(zip(style.pictures, style.shares, strict=True))
    if isinstance(style, Mapping):
        pairs = list(style.items())
    elif isinstance(style, list | tuple):
        pairs = [pair if isinstance(pair, list | tuple) else (pair, 1.0) for pair in style]
    else:
        return [(style, 1.0)]
    if not pairs or any(len(pair) != 2 for pair in pairs) or any(_number(p) for p, _ in pairs):
        raise ValueError(
            f"style is {style!r}; expected a picture, or several with their shares, such as "
            "{'starry_night': 2, 'great_wave': 1} or [('starry_night', 2), ('great_wave', 1)]."
        )
    shares = plain_shares([share for _, share in pairs])
    for layer in {layer for share in shares if isinstance(share, Mapping) for layer in share}:
        check_choice("A layer of an artwork's share", layer, layer_names())
    return list(zip([picture for picture, _ in pairs], shares, strict=True))


def _number(picture: object) -> bool:
    return isinstance(picture, int | float)


def loaded_works(style: GivenStyle, load: Load) -> Artworks | None:
    """Return the artworks of a style; None of None."""
    if style is None:
        return None
    pairs = pairs_of(style)
    return Artworks(
        tuple(load(picture) for picture, _ in pairs), tuple(share for _, share in pairs)
    )


def scene_of(
    content: Tensor, works: Artworks | None, regions: Sequence[Region], color: str, load: Load
) -> Scene:
    """Return what is painted, in its colors.

    The artworks of a region get the colors of that part of the photograph.

    Args:
        content: the photograph, (1, 3, H, W) in [0, 1].
        works: for what is in no region; None leaves that as it is.
        regions: as a painter gives them.
        color: a key of `nstkit.pictures.color.COLORS`.
        load: loads an artwork.

    Raises:
        ValueError: A mask is empty, or it does not fit.
    """
    if not all(isinstance(region, Region) for region in regions):
        raise ValueError(f"regions are {regions!r}; expected a list of nstkit.Region(mask, style).")
    parts = [_part(region, number, content, load) for number, region in enumerate(regions, 1)]
    scene, mode = Scene.of(content, works, parts), COLORS[color]
    return Scene(mode.content(content), tuple(_recolored(p, content, mode) for p in scene.parts))


def _part(region: Region, number: int, content: Tensor, load: Load) -> Part:
    """Return a region with its mask for the photograph, and its artworks."""
    mask = _drawn(region.mask, content, f"The mask of region {number}", "the photograph")
    if not region.painted:
        left = Part.left(mask)
        return left if region.keep is None else Part(mask, None, keep=region.keep)
    works = loaded_works(region.style, load)
    if region.artwork_mask is not None:
        what = f"The artwork_mask of region {number}"
        masks = tuple(_drawn(region.artwork_mask, p, what, "its artwork") for p in works.pictures)
        works = dataclasses.replace(works, where=masks)
    return Part(mask, works, region.beta, region.keep or 0.0)


def _drawn(mask: Mask, picture: Tensor, what: str, of: str) -> Tensor:
    found = mask.of(picture)
    if found.max() <= EMPTY:
        raise ValueError(
            f"{what}, {mask!r}, matches nothing in {of}. Move it, or widen its range, and look at "
            "it: nstkit.show_images(mask.shown(picture))."
        )
    return found


def _recolored(part: Part, photo: Tensor, mode: ColorMode) -> Part:
    """Return a part whose artworks have the colors that a mode gives them."""
    if part.works is None:
        return part
    pictures = tuple(
        mode.style(picture, photo, where, part.where)
        for picture, where in zip(part.works.pictures, part.works.where, strict=True)
    )
    return dataclasses.replace(part, works=dataclasses.replace(part.works, pictures=pictures))


def finished(painting: Tensor, scene: Scene, photo: Tensor, color: str) -> Tensor:
    """Return a painting as it is shown and saved.

    Args:
        painting: (1, 3, H, W) in [0, 1].
        scene: that it was painted from, of the same size.
        photo: as it was given, of the same size.
        color: a key of `nstkit.pictures.color.COLORS`.
    """
    return scene.finished(COLORS[color].finish(painting, photo), photo)
