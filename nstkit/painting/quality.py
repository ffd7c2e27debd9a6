"""Quality as one word: sizes, scales and steps that belong together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from nstkit.options import check_choice
from nstkit.painting.scales import COARSEST
from nstkit.recipes import DEFAULT, Recipe
from nstkit.recipes.fields import refitted

APART = 2**0.5  # the least factor between two sides: nearer ones would be painted twice


@dataclass(frozen=True)
class Quality:
    """How large a painting is at most, and how its scales and steps go with that.

    Attributes:
        size: long side in px. A photograph that is smaller is painted at its own size.
        scales: their number, as in a `Recipe`; or sides in px for a painting of ``size`` px, which
            `sides_up_to` fits to others.
        steps: as in a `Recipe`.
    """

    size: int
    scales: int | tuple[int, ...]
    steps: int | tuple[int, ...]

    def recipe(self, recipe: Recipe, height: int, width: int) -> Recipe:
        """Return a recipe with these scales and steps, for a painting of height x width px."""
        if isinstance(self.scales, int):
            return recipe.replace(scales=self.scales, steps=self.steps)
        sides = sides_up_to(self.scales, height, width)
        return recipe.replace(scales=sides, steps=refitted(self.steps, len(sides)))


def sides_up_to(sides: Sequence[int], height: int, width: int) -> tuple[int, ...]:
    """Return sides in px for a painting of another size; the last is its long side.

    Sides that the painting clearly exceeds stay as they are, and go on doubling up to a larger
    one: (256, 512, 1024) becomes (256, 600) at 600 px and (256, 512, 1024, 2048, 4000) at 4000 px.
    Those whose short side is not worth painting are left out.
    """
    long, short = max(height, width), min(height, width)
    sides = [*sides]
    while sides[-1] * 2 * APART <= long:
        sides.append(sides[-1] * 2)
    kept = [s for s in sides if s * APART <= long and round(s * short / long) >= COARSEST]
    return (*kept, long)


# The only place where these numbers stand. "good" is how nstkit paints anyway, so it has the scales
# and the steps of the default recipe.
QUALITIES: Mapping[str, Quality] = MappingProxyType(
    {
        "draft": Quality(size=256, scales=2, steps=(20, 10)),
        "good": Quality(size=512, scales=DEFAULT.scales, steps=DEFAULT.steps),
        "print": Quality(size=2048, scales=(256, 512, 1024, 2048), steps=(100, 50, 25, 12)),
    }
)


def named(quality: str | None) -> Quality | None:
    """Return the quality of a name; None for None.

    Raises:
        ValueError: There is no quality of this name.
    """
    if quality is None:
        return None
    check_choice("quality", quality, QUALITIES)
    return QUALITIES[quality]
