"""What took too long for a notebook: numbers and pictures that a tool has stored in the package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from torch import Tensor

from nstkit.options import check_choice
from nstkit.pictures.images import load_image

FOLDER = Path(__file__).resolve().parents[1] / "measured/studies"


def study(name: str) -> dict[str, Any]:
    """Return the numbers of a study, such as "descent_starts".

    Raises:
        ValueError: There is no study of this name.
    """
    check_choice("study", name, sorted(path.stem for path in FOLDER.glob("*.json")))
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def study_pictures(name: str) -> dict[str, Tensor]:
    """Return {name: picture (1, 3, H, W) in [0, 1]} of all pictures that a study has stored.

    Raises:
        ValueError: There is no study of this name.
    """
    check_choice("study", name, sorted(path.stem for path in FOLDER.glob("*.json")))
    return {path.stem: load_image(path) for path in sorted((FOLDER / name).glob("*.jpg"))}
