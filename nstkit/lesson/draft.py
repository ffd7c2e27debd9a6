"""Small pictures and few steps, to test a notebook when nobody looks at what it paints."""

from __future__ import annotations

import os

DRAFT = "NSTKIT_DRAFT"
GRID, LEAST = 16, 112  # px: one position of relu5_1; the long side of a picture
FEWEST = 6  # steps


def size(full: int) -> int:
    """Return the size at which to paint: `full`, or about a third of it in a draft.

    A notebook is tested faster with small pictures. Where the environment variable NSTKIT_DRAFT
    is 1, sizes are a third of what they were, rounded to multiples of 16, but never less than 112
    and never more than `full`. A picture of 112 x 75 pixels is large enough for relu5_1. Elsewhere
    `full` comes back as it is.

    `tools/run_notebooks.py --check` sets the variable. What a notebook stores is always painted
    without it.

    Args:
        full: Size in pixels, such as the long side of a picture.

    Raises:
        ValueError: NSTKIT_DRAFT is neither 0 nor 1.
    """
    return min(full, max(LEAST, GRID * round(full / (3 * GRID)))) if _draft() else full


def steps(full: int) -> int:
    """Return how many steps to make: `full`, or a third of it in a draft.

    A draft makes at least 6 steps, and never more than `full`. See `size`, with which this goes:
    small pictures alone save little time, because a step takes time even for a tiny picture. Steps
    for each scale, such as those of `nstkit.DEFAULT`, need no call: a small picture leaves out the
    coarse scales with their steps.

    Args:
        full: Number of steps.

    Raises:
        ValueError: NSTKIT_DRAFT is neither 0 nor 1.
    """
    return min(full, max(FEWEST, round(full / 3))) if _draft() else full


def quality(full: str) -> str:
    """Return the quality at which to paint: `full`, or "draft" in a draft. See `size`.

    Args:
        full: A key of `nstkit.QUALITIES`.

    Raises:
        ValueError: NSTKIT_DRAFT is neither 0 nor 1.
    """
    return "draft" if _draft() else full


def _draft() -> bool:
    """Return whether this is a draft."""
    told = os.environ.get(DRAFT, "")
    if told not in ("", "0", "1"):
        raise ValueError(f"got {DRAFT}={told!r}; expected 0 or 1, or none: unset the variable")
    return told == "1"
