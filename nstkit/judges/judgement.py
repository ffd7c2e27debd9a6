"""`Judgement`: what the judges say of a painting."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bounds:
    """Two distances to an artwork that say what a third one means.

    Attributes:
        halves: how far two halves of the artwork are from each other. No painting needs to be
            nearer.
        photograph: how far the photograph is before anybody paints it.
    """

    halves: float
    photograph: float

    def share(self, distance: float) -> float | None:
        """Return where a distance lies: 0 at that of the halves, 1 at that of the photograph.

        None if the photograph is as near to the artwork as the artwork's halves are to each
        other: then there is no scale between the two.
        """
        span = self.photograph - self.halves
        return (distance - self.halves) / span if span > 0 else None

    def told(self, distance: float) -> str:
        """Return a distance, its share and the bounds in words."""
        share = self.share(distance)
        share = "no share" if share is None else f"share {share:.2f}"
        bounds = f"two halves of it have {self.halves:.3f}, the photograph {self.photograph:.3f}"
        return f"{distance:.3f} from the artwork, {share}: {bounds}"


@dataclass(frozen=True)
class Judgement:
    """What three judges say of a painting: lower is better everywhere.

    Attributes:
        content: LPIPS, how different painting and photograph look; 0 for the photograph itself.
        style: the sliced Wasserstein distance, how far the distribution of the painting's features
            is from the artwork's.
        patches: REMD, how far the painting's patches are from the nearest ones of the artwork, and
            the artwork's from those of the painting.
        style_bounds: what ``style`` is for the artwork's halves and for the photograph.
        patches_bounds: the same for ``patches``.
    """

    content: float
    style: float
    patches: float
    style_bounds: Bounds
    patches_bounds: Bounds

    @property
    def style_share(self) -> float | None:
        """``style`` on the scale from the artwork's halves, 0, to the photograph, 1."""
        return self.style_bounds.share(self.style)

    @property
    def patches_share(self) -> float | None:
        """``patches`` on the scale from the artwork's halves, 0, to the photograph, 1."""
        return self.patches_bounds.share(self.patches)

    def __repr__(self) -> str:
        """Return the three numbers and what they mean."""
        style = self.style_bounds.told(self.style)
        patches = self.patches_bounds.told(self.patches)
        return (
            "Judged by AlexNet, a network that did not paint. Lower is better.\n"
            f"content  {self.content:.3f} from the photograph, which itself has 0 (LPIPS)\n"
            f"style    {style} (sliced Wasserstein)\n"
            f"patches  {patches} (REMD)\n"
            "A share of 0 is as near as two halves of the artwork are to each other, and 1 as far "
            "as the photograph before it was painted."
        )
