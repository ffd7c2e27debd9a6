"""Cells of the stored notebooks, found by their tags."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import torch
import torch.nn.functional as F

import nstkit

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
DEFINES, EXERCISE = "defines:", "exercise:"
SOLUTION = re.compile(
    r"<details>\s*<summary>Solution</summary>.*?```python\n(.*?)```", re.DOTALL | re.IGNORECASE
)


def tagged(stem: str, prefix: str) -> dict[str, str]:
    """Return {rest of the tag: source} of the code cells with a tag that begins so."""
    return {
        tag.removeprefix(prefix): cell.source
        for cell in nbformat.read(NOTEBOOKS / f"{stem}.ipynb", as_version=4).cells
        for tag in cell.metadata.get("tags", [])
        if tag.startswith(prefix)
    }


def definition(stem: str, name: str) -> Callable[..., Any]:
    """Return the function that a notebook's cell tagged ``defines:<name>`` defines.

    The defining cells before it are executed too, and nothing else of the notebook: a definition
    stands for itself.
    """
    namespace: dict[str, Any] = {"torch": torch, "F": F, "nstkit": nstkit}
    for tag, source in tagged(stem, DEFINES).items():
        exec(compile(source, f"{stem}: {tag}", "exec"), namespace)
        if tag == name:
            return namespace[name]
    raise KeyError(f"{stem} has no cell tagged {DEFINES}{name}")
