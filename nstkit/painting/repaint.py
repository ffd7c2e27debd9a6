"""`repaint`: a painting once more, from what its file says."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from inspect import signature
from os import PathLike
from pathlib import Path
from typing import Any

from nstkit.painting.given import GivenStyle
from nstkit.painting.result import Result
from nstkit.painting.start import Given
from nstkit.painting.stylize import stylize
from nstkit.painting.subject import LEFT_OUT, region_from
from nstkit.pictures.images import read_metadata, samples
from nstkit.pictures.scene import Region
from nstkit.recipes import Recipe, as_recipe
from nstkit.recipes.fields import in_px
from nstkit.vgg.pretrained import NAMED_WEIGHTS


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
        ValueError: The file does not say how it was painted, or it names a file with weights.
    """
    saved = Saved.of(read_metadata(path), str(path), own_network="vgg" in changes)
    folder = Path(path).expanduser().parent
    fields = {name: changes.pop(name) for name in list(changes) if name in OWN_FIELDS}
    changes.setdefault("recipe", saved.recipe)
    changes["recipe"] = as_recipe(changes["recipe"]).replace(**fields)
    changes.setdefault("seed", saved.seed)
    changes.setdefault("precision", saved.facts["precision"])
    if "tile" in saved.facts and changes["recipe"].tiled:
        changes.setdefault("tile", int(saved.facts["tile"]))
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
        recipe: what was minimized, and how.
        seed: of the noise.
        size: long side in px.
        facts: all of it, as `nstkit.read_metadata` returns it.
    """

    recipe: Recipe
    seed: int
    size: int
    facts: Mapping[str, str]

    @classmethod
    def of(cls, facts: Mapping[str, str], name: str, own_network: bool = False) -> Saved:
        """Return what facts say.

        Args:
            facts: of a file, as `nstkit.read_metadata` returns them.
            name: of the file, for messages.
            own_network: whether the painter has a network, whatever the file names.

        Raises:
            ValueError: The file does not say how it was painted, or it names a file with weights.
        """
        if "how" in facts:
            raise ValueError(
                f"'{name}' was painted at once. Paint it again by nstkit.transfer(content, style, "
                f"how={facts['how']!r}, alpha={facts['alpha']}, color={facts['color']!r}, "
                f"style_scale={facts['style_scale']}, size={facts['loaded_at']})"
                + (", with its regions." if "regions" in facts else ".")
            )
        if "recipe" not in facts or "size" not in facts:
            raise ValueError(
                f"'{name}' does not say how it was painted; expected a file that Result.save wrote."
            )
        recipe = Recipe.from_json(facts["recipe"])
        if not own_network:
            _check_named(recipe.weights)
        side = facts.get("loaded_at") or max(int(side) for side in facts["size"].split(" x "))
        return cls(recipe, int(facts.get("seed", 0)), int(side), facts)

    def find_content(self, folder: Path) -> str | Path:
        """Return where the photograph is; FileNotFoundError if it is nowhere near ``folder``."""
        return _found(self.facts["content"], folder, "content")

    def find_style(self, folder: Path) -> GivenStyle:
        """Return the artwork, or several; FileNotFoundError if one is nowhere near ``folder``."""
        named = json.loads(self.facts.get("styles") or json.dumps([[self.facts["style"], 1.0]]))
        return _styles(named, folder, "style")

    def find_regions(self, folder: Path) -> tuple[Region, ...]:
        """Return the regions, with artworks found as by `find_style`."""
        return _regions(self.facts, folder)


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


def _regions(facts: Mapping[str, str], folder: Path) -> tuple[Region, ...]:
    told = facts.get("regions", "[]")
    if told == LEFT_OUT:
        raise ValueError(
            "The painting's file could not hold its masks. Pass them: repaint(..., regions=[...])."
        )
    return tuple(
        region_from(data, lambda style: _styles(style, folder, "regions"))
        for data in json.loads(told)
    )


def _styles(named: list[list[Any]] | None, folder: Path, argument: str) -> GivenStyle:
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
        if place.is_file():
            return place
    if name in samples():
        return name
    raise FileNotFoundError(
        f"The painting names the picture '{name}', which is not beside the painting, not in this "
        f"folder, and not bundled. Pass it: repaint(..., {argument}=...)."
    )
