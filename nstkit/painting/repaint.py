"""`repaint`: a painting once more, from what its file says."""

from __future__ import annotations

import json
import os
from os import PathLike
from pathlib import Path
from typing import Any

from nstkit.painting.given import GivenStyle
from nstkit.painting.result import Result
from nstkit.painting.start import Given
from nstkit.painting.stylize import stylize
from nstkit.pictures.images import read_metadata, samples
from nstkit.pictures.masks import Mask
from nstkit.pictures.scene import Region
from nstkit.recipes import Recipe
from nstkit.recipes.fields import in_px


def repaint(
    path: str | PathLike[str],
    content: Given | None = None,
    style: GivenStyle = None,
    **changes: Any,
) -> Result:
    """Paint a saved painting once more, with the recipe, the seed and the size that its file names.

    ``repaint("cat.png", beta=...)`` does not work, for that is part of the recipe. Pass another
    recipe: ``repaint("cat.png", recipe=DEFAULT)``.

    Args:
        path: a file that `Result.save` wrote.
        content: the photograph; None is the file that the painting names: a bundled picture, or one
            in this folder or in that of the painting.
        style: the artwork, or several; None as for ``content``. Those of regions are found alike.
        **changes: arguments of `nstkit.stylize` to use instead.

    Raises:
        FileNotFoundError: A picture that the painting names is not found.
        ValueError: The file does not say how it was painted, or a picture was no file.
    """
    facts = read_metadata(path)
    if "recipe" not in facts or "size" not in facts:
        raise ValueError(
            f"'{path}' does not say how it was painted; expected a file that Result.save wrote."
        )
    folder, recipe = Path(path).parent, Recipe.from_json(facts["recipe"])
    arguments = {
        "recipe": recipe,
        "seed": int(facts["seed"]),
        "precision": facts["precision"],
        "regions": _regions(facts, folder),
    }
    if not in_px(recipe.scales):  # else these say it
        arguments["size"] = max(int(side) for side in facts["size"].split(" x "))
    content = _found(facts["content"], folder, "content") if content is None else content
    style = _style(_data(facts["style"]), folder) if style is None else style
    return stylize(content, style, **{**arguments, **changes})


def _data(text: str) -> Any:
    """Return what a file says of a style: a name, pairs of name and share, or None."""
    return json.loads(text) if text.startswith("[") or text == "null" else text


def _regions(facts: dict[str, str], folder: Path) -> tuple[Region, ...]:
    return tuple(_region(data, folder) for data in json.loads(facts.get("regions", "[]")))


def _region(data: dict[str, Any], folder: Path) -> Region:
    masks = {n: Mask.from_data(data.pop(n)) for n in ("mask", "artwork_mask") if n in data}
    return Region(**{**data, **masks, "style": _style(data["style"], folder)})


def _style(data: Any, folder: Path) -> GivenStyle:
    if isinstance(data, list):
        return [(_found(name, folder, "style"), share) for name, share in data]
    return None if data is None else _found(data, folder, "style")


def _found(name: str, folder: Path, argument: str) -> str | Path:
    """Return where a picture is: in this folder, in that of the painting, or bundled."""
    if os.path.exists(name) or name in samples():
        return name
    if (folder / name).is_file():
        return folder / name
    raise FileNotFoundError(
        f"The painting names the picture '{name}', which is not in this folder, not beside the "
        f"painting, and not bundled. Pass it: repaint(..., {argument}=...)."
    )
