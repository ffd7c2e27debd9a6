"""What a sweep paints: `Job`, one painting as data that travels to another process."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import itertools
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from nstkit.files import short
from nstkit.modes import plain
from nstkit.options import check_choice, check_whole
from nstkit.painting.given import LEAST, GivenStyle, pairs_of
from nstkit.painting.plan import settled
from nstkit.painting.start import Given, chosen_device
from nstkit.painting.subject import told, told_region
from nstkit.pictures.artworks import Artworks
from nstkit.pictures.decode import decode
from nstkit.pictures.images import check_picture, name_of, own_side, path_of
from nstkit.pictures.scene import Region
from nstkit.recipes import HOUSE, RECIPES, STARTS, Published, Recipe, as_recipe
from nstkit.recipes.fields import GIVEN_START
from nstkit.tiles import check_side
from nstkit.vgg.devices import feature_dtype
from nstkit.vgg.pretrained import NAMED_WEIGHTS

# Options of `stylize` that change the recipe, in the order in which `settled` takes them.
OF_RECIPE = ("quality", "steps", "size", "scales", "color", "style_scale")
OPTIONS = (*OF_RECIPE, "start", "regions", "seed", "precision", "device", "tile", "keep")
WHY_NOT = {
    "vgg": "name the network in the recipe: recipe.replace(weights='file.safetensors')",
    "callback": "it would run in another process; read each painting's result.history",
    "progress": "wrap the sweep: for swept in tqdm(nstkit.sweep(...))",
}
Picture = str | os.PathLike | Tensor | Image.Image
Recipes = Recipe | Published | str


@dataclass(frozen=True, eq=False)
class Job:
    """One painting of a sweep.

    Attributes:
        index: in the product of contents, styles and recipes, from 0.
        names: of the photograph, the artwork and the recipe.
        content: the photograph; a file by its full path.
        style: the artwork, or several; files alike.
        recipe: as it was given.
        options: of `nstkit.stylize`.
    """

    index: int
    names: tuple[str, str, str]
    content: Given
    style: GivenStyle
    recipe: Recipe
    options: Mapping[str, Any]

    def __str__(self) -> str:
        """Return what is painted, for messages."""
        content, style, recipe = self.names
        return f"content {content!r}, style {style!r}, recipe {recipe!r}"

    @property
    def stem(self) -> str:
        """The name of its file, without number and suffix."""
        content, style, recipe = self.names
        parts = (Path(content).stem, *(Path(n).stem for n in style.split(" + ")), recipe)
        return short("_".join(re.sub(r"[^\w.-]+", "-", part) for part in parts))

    def digest(self) -> str:
        """Return a text that changes with anything that changes the painting.

        Pictures count by what they hold, not by their names.
        """
        options = dict(self.options)
        options.pop("keep", None)
        recipe, size = settled(self.recipe, *(options.pop(name, None) for name in OF_RECIPE))
        options = {"seed": 0, "tile": "auto", "precision": "auto", "device": None} | options
        regions, start = options.pop("regions", ()), options.pop("start", None)
        facts = {
            "content": digest_of(self.content),
            "style": _digest_of_style(self.style),
            "regions": [[told_region(r), _digest_of_style(r.style)] for r in regions],
            "recipe": recipe.to_json(),
            "weights": None if recipe.weights in NAMED_WEIGHTS else digest_of(recipe.weights),
            "size": size,
            "start": start if start is None or start in STARTS else digest_of(start),
            **{name: str(value) for name, value in options.items()},
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def jobs_of(
    contents: Given | Iterable[Given],
    styles: GivenStyle | Iterable[GivenStyle],
    recipes: Recipes | Iterable[Recipes] | Mapping[str, Recipes],
    options: Mapping[str, Any],
) -> list[Job]:
    """Return a job for each content, style and recipe, after a check of them all.

    Arguments as in `nstkit.sweep`.

    Raises:
        ValueError, FileNotFoundError, IsADirectoryError: See there.
        TypeError: A picture that is none.
    """
    options = _checked(options)
    photos = [(name_of(c), packed(c)) for c in _several("contents", contents)]
    works = [(_style_name(s), _packed_style(s)) for s in _several("styles", styles, Mapping)]
    if not options.get("regions") and any(style is None for _, style in works):
        raise ValueError("A style is None; expected an artwork, or regions with artworks.")
    product = itertools.product(photos, works, _named(recipes, options))
    return [
        Job(index, (content, style, name), photo, work, recipe, options)
        for index, ((content, photo), (style, work), (name, recipe)) in enumerate(product)
    ]


# ---------------------------------------------------------------- what was given


def _several(name: str, given: Any, *single: type) -> list[Any]:
    """Return a list of what may also be a single one."""
    if given is None or hasattr(given, "read") or isinstance(given, (Picture, *single)):
        return [given]
    if isinstance(given, Artworks) or not isinstance(given, Iterable):
        return [given]
    if not (found := list(given)):
        raise ValueError(f"{name} is empty; expected at least one, such as {name}=['cat'].")
    return found


def _style_name(style: GivenStyle) -> str:
    return " + ".join(name for name, _ in told(style) or []) or "none"


def _named(recipes: Any, options: Mapping[str, Any]) -> list[tuple[str, Recipe]]:
    """Return (name, recipe) of each recipe, once it fits to the options."""
    if isinstance(recipes, Mapping):
        pairs = [(str(name), as_recipe(recipe)) for name, recipe in recipes.items()]
    else:
        given = recipes if isinstance(recipes, Iterable) and not isinstance(recipes, str) else None
        pairs = [_with_name(r) for r in ([recipes] if given is None else given)]
    if not pairs:
        raise ValueError("recipes is empty; expected at least one, such as nstkit.DEFAULT.")
    for name, recipe in pairs:
        _check_recipe(name, recipe, options)
    return pairs


def _with_name(given: Recipes) -> tuple[str, Recipe]:
    """Return a recipe with its name: of one that has none, a part of its digest."""
    recipe = as_recipe(given)
    if isinstance(given, str):
        return given, recipe
    known = {name: HOUSE[name] for name in HOUSE} | {n: RECIPES[n].recipe for n in RECIPES}
    for name, other in known.items():
        if recipe == other:
            return name, recipe
    return f"recipe-{hashlib.sha256(recipe.to_json().encode()).hexdigest()[:8]}", recipe


def _check_recipe(name: str, recipe: Recipe, options: Mapping[str, Any]) -> None:
    try:
        changed, size = settled(recipe, *(options.get(option) for option in OF_RECIPE))
    except ValueError as error:
        raise ValueError(f"With recipe {name!r}: {error}") from error
    if size is not None:
        check_whole("size", size, LEAST)
    if changed.start == GIVEN_START and options.get("start") is None:
        raise ValueError(
            f"Recipe {name!r} began with a picture that its painter supplied. Pass start=..., a "
            f"picture or one of {', '.join(STARTS)}."
        )


def _checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return options that travel to other processes, after a check of each by itself."""
    for name in given:
        if name in WHY_NOT:
            raise ValueError(f"A sweep takes no {name!r}: {WHY_NOT[name]}.")
        if name not in OPTIONS:
            raise ValueError(f"A sweep has no option {name!r}; it has {', '.join(OPTIONS)}.")
    options = {name: value for name, value in given.items() if value is not None or name == "tile"}
    check_whole("seed", options.get("seed", 0), 0)
    feature_dtype(options.get("precision", "auto"), "cpu")
    chosen_device(options.get("device"), None)
    if options.get("tile", "auto") not in ("auto", None):
        check_side(options["tile"])
    if isinstance(start := options.get("start"), str):
        check_choice("start", start, STARTS)
    elif start is not None:
        check_picture("start", start)
    if "keep" in options:
        options["keep"] = tuple(options["keep"])
    if "regions" in options:
        options["regions"] = _packed_regions(options["regions"])
    return options


def _packed_regions(regions: Any) -> tuple[Region, ...]:
    regions = (regions,) if isinstance(regions, Region) else tuple(regions)
    if not all(isinstance(region, Region) for region in regions):
        raise ValueError(f"regions are {regions!r}; expected a list of nstkit.Region(mask, style).")
    return tuple(dataclasses.replace(r, style=_packed_style(r.style)) for r in regions)


# ---------------------------------------------------------------- pictures that travel


def packed(source: Given) -> Given:
    """Return a picture that another process, which may be in another folder, can load.

    Raises:
        FileNotFoundError, IsADirectoryError, ValueError, TypeError: As `nstkit.load_image` does of
            a file that it cannot open.
    """
    if isinstance(source, Tensor):
        check_picture("the picture", source)
        return plain(source).detach()
    own_side(source)
    if isinstance(source, str | os.PathLike):
        path = Path(os.path.expanduser(source))
        return str(path.absolute()) if path.is_file() else str(source)  # else a bundled name
    if isinstance(source, Image.Image):
        return decode(source, name_of(source), None, None)
    source.seek(0)
    return io.BytesIO(source.read())


def _packed_style(style: GivenStyle) -> GivenStyle:
    if style is None or isinstance(style, Artworks):
        return style
    pairs = [(packed(picture), share) for picture, share in pairs_of(style)]
    single = not isinstance(style, Mapping | Sequence) or isinstance(style, str)
    return pairs[0][0] if single else pairs


def digest_of(source: Given) -> str:
    """Return a digest of a packed picture's pixels, or of its file."""
    found = hashlib.sha256()
    for part in _bytes_of(source):
        found.update(part)
    return found.hexdigest()


def _bytes_of(source: Given) -> Iterator[bytes]:
    if isinstance(source, Tensor):
        yield f"{source.dtype} {tuple(source.shape)} ".encode()
        yield source.cpu().contiguous().view(torch.uint8).numpy().tobytes()
    elif isinstance(source, Image.Image):
        yield f"{source.mode} {source.size} ".encode()
        yield source.tobytes()
    elif isinstance(source, io.BytesIO):
        yield source.getvalue()
    else:
        yield path_of(source).read_bytes()


def _digest_of_style(style: GivenStyle) -> list[Any] | None:
    if style is None:
        return None
    where = style.where if isinstance(style, Artworks) else ()
    masks = [None if mask is None else digest_of(mask) for mask in where]
    return [[[digest_of(picture), share] for picture, share in pairs_of(style)], masks]
