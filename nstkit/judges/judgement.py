"""`Judgement`: what the judges say of a painting."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bounds:
    """Two distances to an artwork that say what a third one means.

    Attributes:
        halves: the distance of the artwork's left half and its right half: no painting needs to be
            nearer.
        photograph: the distance of the photograph before anybody painted it.
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


@dataclass(frozen=True)
class Judgement:
    """What three judges say of a painting: lower is better everywhere.

    Attributes:
        content: LPIPS, how different painting and photograph look; 0 for the photograph itself.
        style: the sliced Wasserstein distance, how far the painting's features are distributed
            from the artwork's.
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
        return "\n".join(
            [
                "Judged by AlexNet, a network that did not paint. Lower is better.",
                f"content  {self.content:.3f}  how different it looks from the photograph (LPIPS)",
                _line("style", self.style, self.style_share, "its features' distribution"),
                _line(
                    "patches", self.patches, self.patches_share, "its patches, each to the nearest"
                ),
                "Content is 0 for the photograph itself. The others are distances to the artwork.",
                "Their share is 0 if it is as near as the artwork's two halves are to each other,",
                "and 1 if it is as far as the photograph before it was painted.",
            ]
        )


def _line(name: str, distance: float, share: float | None, what: str) -> str:
    """Return one line about a distance to the artwork."""
    told = "no share: the photograph is as near" if share is None else f"share {share:.2f}"
    return f"{name:<8} {distance:.3f}  {told}, {what}"
