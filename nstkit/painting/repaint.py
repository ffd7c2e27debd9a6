"""`repaint`: a painting once more, from what its file says."""

from __future__ import annotations

import dataclasses
import json
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
    facts = read_metadata(path)
    if "how" in facts:
        raise ValueError(
            f"'{path}' was painted at once. Paint it again by nstkit.transfer(content, style, "
            f"how={facts['how']!r}, alpha={facts['alpha']}, color={facts['color']!r}, "
            f"style_scale={facts['style_scale']}, size={facts['loaded_at']})"
            + (", with its regions." if "regions" in facts else ".")
        )
    if "recipe" not in facts or "size" not in facts:
        raise ValueError(
            f"'{path}' does not say how it was painted; expected a file that Result.save wrote."
        )
    recipe, folder = Recipe.from_json(facts["recipe"]), Path(path).expanduser().parent
    if "vgg" not in changes:
        _check_named(recipe.weights)
    fields = {name: changes.pop(name) for name in list(changes) if name in OWN_FIELDS}
    changes.setdefault("recipe", recipe)
    changes["recipe"] = as_recipe(changes["recipe"]).replace(**fields)
    changes.setdefault("seed", int(facts["seed"]))
    changes.setdefault("precision", facts["precision"])
    if "tile" in facts and changes["recipe"].tiled:
        changes.setdefault("tile", int(facts["tile"]))
    if "regions" not in changes:
        changes["regions"] = _regions(facts, folder)
    if not (in_px(changes.get("scales", changes["recipe"].scales)) or "quality" in changes):
        side = facts.get("loaded_at") or max(int(side) for side in facts["size"].split(" x "))
        changes.setdefault("size", int(side))  # else the scales or the quality say it
    if content is None:
        content = _found(facts["content"], folder, "content")
    if style is None:
        named = json.loads(facts.get("styles") or json.dumps([[facts["style"], 1.0]]))
        style = _styles(named, folder, "style")
    return stylize(content, style, **changes)


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


def _regions(facts: dict[str, str], folder: Path) -> tuple[Region, ...]:
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
