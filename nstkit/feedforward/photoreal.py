"""`Photoreal`: a painting of a photograph, made a photograph again."""

from __future__ import annotations

from torch import Tensor

from nstkit.losses.matting import Smoother
from nstkit.pictures.color import match_colors


class Photoreal:
    """A photograph whose paintings become photographs: all lines go back, and the colors stay.

    A painting is smoothed by `nstkit.losses.matting.smooth`, as Li et al. 2018 do. Where it does
    not follow the photograph, that averages its colors, which looks like fog. So one affine
    function of the colors, the same for all pixels, then gives back the mean and the covariance
    that the painting had. It bends no line. This second step is ours, and not in the paper.

    Args:
        photo: (1, 3, H, W) in [0, 1].

    Raises:
        ValueError: As `nstkit.losses.matting.smooth` does.
    """

    def __init__(self, photo: Tensor) -> None:
        self._smoother = Smoother(photo)

    def __call__(self, painting: Tensor) -> Tensor:
        """Return a painting (1, 3, H, W) in [0, 1], as a photograph."""
        return match_colors(self._smoother(painting), painting)
