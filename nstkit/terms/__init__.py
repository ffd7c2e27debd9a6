"""Terms: the summands of an objective. One class for each.

To add a loss, write a class like `Variation` (of pixels) or `Content` (of features) and put it into
the list of an `nstkit.Objective`, which `nstkit.optimize` minimizes. Nothing else changes. A recipe
names only the terms of `nstkit.objective.terms_of`, so a term for `stylize` needs a line there too.
"""

from nstkit.terms.content import Content
from nstkit.terms.photo import Photo
from nstkit.terms.pixels import Pixels, Variation
from nstkit.terms.style import Matched, Palette, Style
from nstkit.terms.term import IMAGE, Compared, Term, check_names

__all__ = [
    "IMAGE",
    "Compared",
    "Content",
    "Matched",
    "Palette",
    "Photo",
    "Pixels",
    "Style",
    "Term",
    "Variation",
    "check_names",
]
