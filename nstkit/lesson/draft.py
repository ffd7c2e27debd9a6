"""Small pictures for a test of a notebook, where nobody looks at them."""

from __future__ import annotations

import os

DRAFT, GRID, LEAST = "NSTKIT_DRAFT", 16, 64  # px: one position of relu5_1; a picture's long side


def size(full: int) -> int:
    """Return the size at which to paint: `full`, or about a third of it in a draft.

    A notebook is tested much faster with small pictures. Where the environment variable
    NSTKIT_DRAFT is 1, sizes are a third of what they were, rounded to multiples of 16, but never
    less than 64 and never more than `full`. A picture of 64 pixels, three times as wide as high,
    still has a position at relu5_1. Elsewhere `full` comes back as it is.

    `tools/run_notebooks.py --check` sets the variable. What a notebook stores is always painted
    without it.

    Args:
        full: Size in pixels, such as the long side of a picture.

    Raises:
        ValueError: NSTKIT_DRAFT is neither 0 nor 1.
    """
    told = os.environ.get(DRAFT, "")
    if told not in ("", "0", "1"):
        raise ValueError(f"got {DRAFT}={told!r}; expected 0 or 1, or none: unset the variable")
    if told != "1":
        return full
    return min(full, max(LEAST, GRID * round(full / (3 * GRID))))
