"""Cells of the stored notebooks, found by their tags."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import nbformat
import notebook_cells
import torch
import torch.nn.functional as F
from notebook_cells import DEFINES, EXERCISE

import nstkit

__all__ = ["DEFINES", "EXERCISE", "NOTEBOOKS", "definition", "tagged"]

NOTEBOOKS = notebook_cells.ROOT / "notebooks"


def tagged(stem: str, prefix: str) -> dict[str, str]:
    """Return {rest of the tag: source} of the code cells with a tag that begins so."""
    nb = nbformat.read(NOTEBOOKS / f"{stem}.ipynb", as_version=4)
    return {rest: cell.source for _, cell, rest in notebook_cells.tagged(nb, prefix)}


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
