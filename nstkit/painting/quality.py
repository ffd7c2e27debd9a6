"""Quality as one word: sizes, scales and steps that belong together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from torch import Tensor

from nstkit.losses.statistics import Hypercolumns
from nstkit.options import check_choice
from nstkit.painting.start import Given
from nstkit.pictures.images import own_side
from nstkit.recipes import DEFAULT, Recipe

# Hypercolumns paint nearly all of the detail at this share of the size. Then another statistic
# paints the whole size.
NEARLY = 0.9


@dataclass(frozen=True)
class Quality:
    """How large a painting is at most, and how its scales and steps go with that.

    Attributes:
        size: long side in px. A photograph that is smaller is painted at its own size.
        scales: as in a `Recipe`, but not in px, so that they fit every size.
        steps: as in a `Recipe`.
    """

    size: int
    scales: int | tuple[float, ...]
    steps: int | tuple[int, ...]

    def of(self, recipe: Recipe) -> Recipe:
        """Return a recipe with these scales and steps.

        Hypercolumns with another statistic for the finest size get halves of the size, as many as
        there were smaller scales, and a scale that is nearly as large as the finest. The two
        coarsest scales take equal steps.
        """
        scales, steps = self.scales, self.steps
        two = isinstance(recipe.statistic, Hypercolumns) and recipe.finest_statistic
        if two and isinstance(scales, tuple) and len(scales) > 1:
            halves = (0.5**k for k in range(len(scales) - 1, 0, -1))
            scales = (*halves, NEARLY, 1)
            steps = (steps[0], *steps) if isinstance(steps, tuple) else steps
        return recipe.replace(scales=scales, steps=steps)

    def side(self, content: Given) -> int:
        """Return the long side in px at which a photograph is painted, at most its own.

        A tensor keeps its size.
        """
        if isinstance(content, Tensor):
            return max(content.shape[-2:])
        return min(self.size, own_side(content))


# The only place where these numbers stand. "good" is how nstkit paints anyway, so it has the scales
# and the steps of the default recipe.
QUALITIES: Mapping[str, Quality] = MappingProxyType(
    {
        "draft": Quality(size=256, scales=(0.5, 1), steps=(30, 15)),
        "good": Quality(size=512, scales=DEFAULT.scales, steps=DEFAULT.steps),
        "print": Quality(size=2048, scales=(0.125, 0.25, 0.5, 1), steps=(100, 50, 25, 12)),
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
