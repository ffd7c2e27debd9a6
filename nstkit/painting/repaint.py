"""`repaint`: a painting once more, from what its file says."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from inspect import signature
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar, get_args

from nstkit.options import check_choice, check_whole
from nstkit.painting.given import GivenStyle, pairs_of
from nstkit.painting.result import Result
from nstkit.painting.start import Given
from nstkit.painting.stylize import stylize
from nstkit.painting.subject import LEFT_OUT, region_from
from nstkit.pictures.images import read_metadata, samples
from nstkit.pictures.scene import Region
from nstkit.recipes import Recipe, as_recipe
from nstkit.recipes.fields import in_px
from nstkit.version import __version__
from nstkit.vgg.devices import Precision
from nstkit.vgg.pretrained import NAMED_WEIGHTS

Read = TypeVar("Read")
Named = list[list[Any]] | None  # artworks with their shares, as a file has them
TOLD = 60  # characters of a field that a message repeats


def repaint(
    path: str | PathLike[str],
    content: Given | None = None,
    style: GivenStyle = None,
    **changes: Any,
) -> Result:
    """Paint a saved painting once more, with the recipe, the seed and the size that its file names.

    Args:
        path: a file that `Result.save` wrote.
        content: the photograph; None is the file that the painting names: beside the painting, in
            this folder, or bundled.
        style: the artwork, or several; None as for ``content``. Those of regions are found alike.
        **changes: arguments of `nstkit.stylize`, or fields of the recipe, such as ``beta=20``.

    Raises:
        FileNotFoundError: A picture that the painting names is not found.
        ValueError: The file does not say how it was painted, what it says cannot be read, or it
            names a file with weights.
    """
    saved = Saved.of(read_metadata(path), str(path), own_network="vgg" in changes)
    folder = Path(path).expanduser().parent
    fields = {name: changes.pop(name) for name in list(changes) if name in OWN_FIELDS}
    changes.setdefault("recipe", saved.recipe)
    changes["recipe"] = as_recipe(changes["recipe"]).replace(**fields)
    changes.setdefault("seed", saved.seed)
    if saved.precision:
        changes.setdefault("precision", saved.precision)
    if saved.tile and changes["recipe"].tiled:
        changes.setdefault("tile", saved.tile)
    if "regions" not in changes:
        changes["regions"] = saved.find_regions(folder)
    if not (in_px(changes.get("scales", changes["recipe"].scales)) or "quality" in changes):
        changes.setdefault("size", saved.size)  # else the scales or the quality say it
    if content is None:
        content = saved.find_content(folder)
    if style is None:
        style = saved.find_style(folder)
    return stylize(content, style, **changes)


@dataclass(frozen=True)
class Saved:
    """What the file of a painting says.

    Attributes:
        name: of the file, for messages.
        recipe: what was minimized, and how.
        seed: of the noise.
        size: long side in px.
        precision: of the network; None if the file does not say it.
        tile: side in px of the parts in which it was painted; None if it was painted whole.
        facts: all of it, as `nstkit.read_metadata` returns it.
    """

    name: str
    recipe: Recipe
    seed: int
    size: int
    precision: Precision | None
    tile: int | None
    facts: Mapping[str, str]

    @classmethod
    def of(cls, facts: Mapping[str, str], name: str, own_network: bool = False) -> Saved:
        """Return what facts say.

        Args:
            facts: of a file, as `nstkit.read_metadata` returns them.
            name: of the file, for messages.
            own_network: whether the painter has a network, whatever the file names.

        Raises:
            ValueError: The file does not say how it was painted, what it says cannot be read, or it
                names a file with weights.
        """
        if "how" in facts:
            raise ValueError(_by_transfer(facts, name))
        if "recipe" not in facts or "size" not in facts:
            raise ValueError(
                f"'{name}' does not say how it was painted; expected a file that Result.save wrote."
            )
        read = partial(_read, facts, name)
        recipe = read("recipe", Recipe.from_json)
        if not own_network:
            _check_named(recipe.weights)
        return cls(
            name=name,
            recipe=recipe,
            seed=read("seed", _seed) if "seed" in facts else 0,
            size=read("loaded_at" if facts.get("loaded_at") else "size", _long_side),
            precision=read("precision", _precision) if "precision" in facts else None,
            tile=read("tile", _side) if "tile" in facts else None,
            facts=facts,
        )

    def find_content(self, folder: Path) -> str | Path:
        """Return where the photograph is; FileNotFoundError if it is nowhere near ``folder``."""
        return _found(_read(self.facts, self.name, "content", str), folder, "content")

    def find_style(self, folder: Path) -> GivenStyle:
        """Return the artwork, or several; FileNotFoundError if one is nowhere near ``folder``.

        Raises:
            ValueError: The file does not say them as nstkit does, or two of them have one name.
        """
        read = partial(_read, self.facts, self.name)
        if self.facts.get("styles"):
            named = read("styles", lambda text: _named(json.loads(text)))
        else:
            named = read("style", lambda text: _named([[text, 1.0]]))
        return _styles(named, folder, "style")

    def find_regions(self, folder: Path) -> tuple[Region, ...]:
        """Return the regions, with artworks found as by `find_style`.

        Raises:
            ValueError: As there, or the file could not hold their masks.
        """
        if "regions" not in self.facts:
            return ()
        if self.facts["regions"] == LEFT_OUT:
            raise ValueError(
                "The painting's file could not hold its masks. Pass them: repaint(..., "
                "regions=[...])."
            )
        regions = _read(self.facts, self.name, "regions", _regions)
        return tuple(
            dataclasses.replace(region, style=_styles(region.style, folder, "regions"))
            for region in regions
        )


# ---------------------------------------------------------------- what a file says


def _by_transfer(facts: Mapping[str, str], name: str) -> str:
    """Return what to do with a painting of `nstkit.transfer`."""
    fields = {"how": "how", "strength": "strength", "color": "color", "style_scale": "style_scale"}
    fields["size"] = "loaded_at"
    texts = ("how", "color")
    options = ", ".join(
        f"{option}={facts[field]!r}" if option in texts else f"{option}={facts[field]}"
        for option, field in fields.items()
        if field in facts
    )
    regions = ", with its regions" if "regions" in facts else ""
    return (
        f"'{name}' was painted at once. Paint it again by nstkit.transfer(content, style, "
        f"{options}){regions}."
    )


def _read(facts: Mapping[str, str], name: str, field: str, read: Callable[[str], Read]) -> Read:
    """Return what a field of a file says.

    Args:
        facts: of the file.
        name: of the file.
        field: a key of the facts.
        read: turns its text into what it says. It may raise whatever it likes.

    Raises:
        ValueError: There is no such field, or it cannot be read.
    """
    told = facts.get(field)
    try:
        if not isinstance(told, str):
            raise TypeError(f"got {type(told).__name__}; expected a text")
        return read(told)
    except Exception as error:  # a file from elsewhere may hold anything
        # Ours are plain ValueErrors; what others say helps nobody.
        why = f" {str(error).rstrip('.')}." if type(error) is ValueError else ""
        shown = f"is {_shortened(told)}" if field in facts else "is missing"
        raise ValueError(
            f"The settings in '{name}' cannot be read: its {field!r} {shown}.{why} The file is "
            "damaged, or it comes from another program, or from a newer version of nstkit than "
            f"{__version__}. Update nstkit, or take another file."
        ) from error


def _shortened(told: Any) -> str:
    shown = repr(told)
    return shown if len(shown) <= TOLD else f"{shown[:TOLD]}...{shown[-1]}"


def _whole(text: str, field: str, least: int) -> int:
    """Return a whole number that a file says."""
    if not re.fullmatch(r"[0-9]{1,30}", text):
        raise ValueError(f"Expected a whole number, {least} or more.")
    return check_whole(field, int(text), least)


_seed = partial(_whole, field="seed", least=0)
_side = partial(_whole, field="side", least=1)


def _long_side(text: str) -> int:
    """Return the larger one of "640 x 480", or a single number."""
    return max(map(_side, text.split(" x ")))


def _precision(text: str) -> Precision:
    check_choice("precision", text, get_args(Precision))
    return text


def _named(named: Any) -> Named:
    """Return the artworks that a file names, after a check that nstkit can have written them."""
    if named is None:
        return None
    pairs = [(name, share) for name, share in named]
    if not isinstance(named, list) or not all(isinstance(name, str) for name, _ in pairs):
        raise ValueError("Expected names of artworks with their shares.")
    pairs_of(pairs)
    return named


def _regions(text: str) -> list[Region]:
    """Return the regions that a file tells; their styles are the names of artworks."""
    return [region_from(data, _named) for data in json.loads(text)]


def _check_named(weights: str) -> None:
    """Raise ValueError if weights are a path: a file from elsewhere must not open others here."""
    if weights not in NAMED_WEIGHTS:
        raise ValueError(
            f"The painting was made with the weights file '{weights}'. If you trust it, pass the "
            "network: repaint(..., vgg=nstkit.VGG(weights=...))."
        )


# Fields of a recipe that are no arguments of `stylize`.
OWN_FIELDS = {field.name for field in dataclasses.fields(Recipe)} - set(
    signature(stylize).parameters
)


def _styles(named: Named, folder: Path, argument: str) -> GivenStyle:
    """Return the style that a file names; a single artwork as itself."""
    if named is None:
        return None
    names = [name for name, _ in named]
    if len(set(names)) < len(names):
        raise ValueError(
            f"The painting names artworks {names}, and a file does not say in which folders they "
            f"lie. Pass them: repaint(..., {argument}=...)."
        )
    pairs = [(_found(name, folder, argument), share) for name, share in named]
    return pairs[0][0] if len(pairs) == 1 else pairs


def _found(name: str, folder: Path, argument: str) -> str | Path:
    """Return where a picture is: beside the painting, in this folder, or bundled."""
    for place in (folder / name, Path(name)):
        if os.path.isfile(place):  # unlike Path's, it never raises, whatever a file names
            return place
    if name in samples():
        return name
    raise FileNotFoundError(
        f"The painting names the picture '{name}', which is not beside the painting, not in this "
        f"folder, and not bundled. Pass it: repaint(..., {argument}=...)."
    )
