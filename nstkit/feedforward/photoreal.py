"""`as_photo`: a painting of a photograph, made a photograph again."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from nstkit.losses.matting import BETA, EPSILON, Smoother
from nstkit.pictures.color import match_colors


def as_photo(
    painting: Tensor, photo: Tensor, beta: float = BETA, epsilon: float = EPSILON
) -> Tensor:
    """Return a painting as a photograph: its lines go back, and its colors stay.

    The painting is smoothed by `nstkit.smooth`, as Li et al. 2018 do. Where the painting does not
    follow the photograph, smoothing averages its colors, which looks like fog. So one affine
    function of the colors, the same for all pixels, then gives back the mean and the covariance
    that the painting had. It moves no line. This second step is ours, and not in the paper.

    Args:
        painting: (1, 3, H, W) in [0, 1].
        photo: the photograph, of the same size.
        beta: as in `nstkit.smooth`.
        epsilon: the same.

    Returns:
        (1, 3, H, W) in [0, 1].

    Raises:
        ValueError: As `nstkit.smooth` does.
    """
    return Photoreal(photo, beta, epsilon)(painting)


class Photoreal:
    """`as_photo` for many paintings of one photograph: the slow part is done once."""

    def __init__(self, photo: Tensor, beta: float = BETA, epsilon: float = EPSILON) -> None:
        self._smoother = Smoother(photo, beta, epsilon)

    def __call__(self, painting: Tensor, parts: Sequence[Tensor | None] = ()) -> Tensor:
        """Return a painting (1, 3, H, W) in [0, 1], as a photograph.

        Args:
            painting: of the photograph's size.
            parts: masks (1, 1, H, W) of parts that get their colors back each for itself; none, or
                a single None, is the whole picture.
        """
        smoothed = self._smoother(painting)
        total, weights = torch.zeros_like(painting), torch.zeros_like(painting[:, :1])
        for where in parts or (None,):
            mask = torch.ones_like(weights) if where is None else where.to(weights)
            total += mask * match_colors(smoothed, painting, where=mask, to_where=mask)
            weights += mask
        # Masks may overlap, or leave a pixel out.
        return torch.where(weights > 0, total / weights.clamp(min=1e-6), smoothed)
