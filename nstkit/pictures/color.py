"""The colors of one picture moved to those of another, and luminance apart from color.

A picture's colors are points (R, G, B). A linear map moves one cloud of points so that it gets the
mean and the covariance of another. There are many such maps, and `MAPS` has four. Gatys et al. 2017
("Controlling Perceptual Factors in Neural Style Transfer", arXiv 1611.07865, section 5) recolor the
artwork before painting, so that the painting keeps the colors of the photograph.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from nstkit.gaussian import MAPS, Gaussian
from nstkit.options import check_choice, check_weight
from nstkit.pictures.images import check_picture

RIDGE = 1e-5  # on the diagonal of each covariance, so that a gray picture has an inverse root too
# The most that a color difference grows. Between the bundled pictures, transport needs up to 4.5,
# and 8 for a nearly gray artwork, whose noise would turn into colors.
GAIN = 4.0
LUMINANCE = (0.299, 0.587, 0.114)  # of R, G and B: Y of YUV and of JPEG, ITU-R BT.601


# ---------------------------------------------------------------- maps of colors


def match_colors(
    picture: Tensor, to: Tensor, method: str = "transport", gain: float | None = GAIN,
    where: Tensor | None = None, to_where: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Return a picture whose colors have the mean and covariance of another's.

    What leaves [0, 1] is clamped, so mean and covariance agree only as far as the colors fit into
    the range, and only if no difference of colors has to grow more than ``gain``.

    Args:
        picture: (1, 3, H, W) in [0, 1].
        to: the picture that has the colors, (1, 3, H', W') in [0, 1].
        method: "transport", "analogies", "cholesky" or "diagonal"; see `color_map`.
        gain: the most that a difference of colors may grow; None sets no limit. The colors of a
            nearly gray picture are noise, which should stay unseen.
        where: how much each pixel of ``picture`` counts, (1, 1, H, W), each >= 0; None counts all
            alike. The map moves all colors of the picture, whatever counts.
        to_where: how much each pixel of ``to`` counts, (1, 1, H', W'), the same.

    Returns:
        (1, 3, H, W) in [0, 1], with dtype and device of ``picture``.

    Raises:
        ValueError: One of them is not one picture of floats in [0, 1], an unknown method, a
            negative gain, or weights that are all 0.
    """
    A, offset = (
        part.to(picture.device, picture.dtype)
        for part in color_map(picture, to, method, gain, where, to_where)
    )
    return (A @ picture.flatten(2) + offset).view_as(picture).clamp_(0, 1)


def color_map(
    picture: Tensor, to: Tensor, method: str = "transport", gain: float | None = None,
    where: Tensor | None = None, to_where: Tensor | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return the linear map that gives one picture's colors the mean and covariance of another's.

    With S the covariance of the picture's colors and T that of the other's, all but "diagonal"
    solve A S A^T = T:

    * "transport": A = S^-1/2 (S^1/2 T S^1/2)^1/2 S^-1/2. It changes the colors least: it is the
      optimal transport between two Gaussians.
    * "analogies": A = T^1/2 S^-1/2, of "Image Analogies" (Hertzmann et al. 2001).
    * "cholesky": A = L_T L_S^-1, with L_S and L_T the Cholesky factors of S and T.
    * "diagonal": the ratio of the deviations, for each channel alone.

    Args:
        picture: as in `match_colors`.
        to: the same.
        method: the same.
        gain: the same; by default no limit.
        where: the same.
        to_where: the same.

    Returns:
        A, (3, 3), and an offset, (3, 1), both float64 on the CPU: a color c becomes A c + offset.

    Raises:
        ValueError: As `match_colors` does.

    Source: "cholesky" and "analogies" are in Gatys et al. 2017 (arXiv 1611.07865, section 5),
    "transport" is Pitie and Kokaram 2007, "The linear Monge-Kantorovitch linear colour mapping".
    """
    check_picture("picture", picture)
    check_picture("to", to)
    check_choice("method", method, MAPS)
    source, target = _cloud(picture, where), _cloud(to, to_where)
    A = MAPS[method](source, target)
    if gain is not None:
        check_weight("gain", gain)
        A = _limited(A, gain)
    return A, target.mean - A @ source.mean


def _limited(matrix: Tensor, gain: float) -> Tensor:
    """Return a matrix that makes no vector longer than ``gain`` times its length."""
    left, values, right = torch.linalg.svd(matrix)
    return left * values.clamp(max=gain) @ right


def _cloud(picture: Tensor, where: Tensor | None = None) -> Gaussian:
    """Return mean and covariance of a picture's colors, float64 on the CPU."""
    # Apple's GPU has no float64.
    colors = picture[0].flatten(1).to("cpu", torch.float64)
    weights = _weights(picture, where)
    mean = colors @ weights
    centered = colors - mean
    covariance = (centered * weights.mT) @ centered.mT
    return Gaussian(mean, covariance + RIDGE * torch.eye(3, dtype=torch.float64))


def _weights(picture: Tensor, where: Tensor | None) -> Tensor:
    """Return how much each pixel counts, (H W, 1) float64 on the CPU, which add up to 1.

    Raises:
        ValueError: They do not fit the picture, or they are all 0.
    """
    if where is None:
        count = picture[0, 0].numel()
        return torch.full((count, 1), 1 / count, dtype=torch.float64)
    if where.shape != (1, 1, *picture.shape[-2:]) or not where.sum() > 0:
        raise ValueError(
            f"where has shape {tuple(where.shape)} and the sum {where.sum():g}; expected weights "
            f"{(1, 1, *picture.shape[-2:])} with a sum above 0."
        )
    weights = where.to("cpu", torch.float64).flatten()[:, None]
    return weights / weights.sum()


# ---------------------------------------------------------------- luminance


def luminance(picture: Tensor) -> Tensor:
    """Return how bright each pixel is, Y = .299 R + .587 G + .114 B, as (B, 1, H, W)."""
    weights = picture.new_tensor(LUMINANCE).view(1, 3, 1, 1)
    return (picture * weights).sum(1, keepdim=True)


def gray(picture: Tensor) -> Tensor:
    """Return a picture (B, 3, H, W) without colors: its luminance in all three channels."""
    return luminance(picture).expand_as(picture).contiguous()


def match_luminance(
    picture: Tensor, to: Tensor, where: Tensor | None = None, to_where: Tensor | None = None
) -> Tensor:
    """Return a gray picture with the mean and deviation of another's luminance.

    Args:
        picture: as in `match_colors`.
        to: the same.
        where: the same.
        to_where: the same.

    Returns:
        (1, 3, H, W) in [0, 1], three equal channels.

    Raises:
        ValueError: As `match_colors` does.

    Source: Gatys et al. 2017 (arXiv 1611.07865, section 5.1).
    """
    check_picture("picture", picture)
    check_picture("to", to)
    # Three equal channels have equal deviations, which "diagonal" moves alike.
    both = gray(picture).clamp(0, 1), gray(to).clamp(0, 1)
    return match_colors(*both, "diagonal", GAIN, where, to_where)


def keep_colors(painting: Tensor, photo: Tensor) -> Tensor:
    """Return a picture as bright as a painting, pixel by pixel, in a photograph's colors.

    It has the Y of the painting and the U and V of the photograph (YUV). These are R - Y and B - Y
    up to a factor. So each pixel is the painting's Y plus the photograph's color minus its Y. Where
    that would leave [0, 1], the color gets paler, and keeps its hue.

    Args:
        painting: (1, 3, H, W) in [0, 1].
        photo: (1, 3, H, W) in [0, 1], of the same size.

    Returns:
        (1, 3, H, W) in [0, 1], with dtype and device of ``painting``.

    Raises:
        ValueError: One of them is not one picture of floats in [0, 1], or their sizes differ.

    Source: Gatys et al. 2017 (arXiv 1611.07865, section 5.1).
    """
    check_picture("painting", painting)
    check_picture("photo", photo)
    if painting.shape != photo.shape:
        raise ValueError(
            f"painting is {tuple(painting.shape)} and photo {tuple(photo.shape)}; expected equal "
            "shapes. Resize one of them."
        )
    photo = photo.to(painting).clamp(0, 1)
    Y, chroma = luminance(painting.clamp(0, 1)), photo - luminance(photo)
    room = torch.where(chroma > 0, 1 - Y, -Y) / torch.where(chroma == 0, 1.0, chroma)
    room = torch.where(chroma == 0, 1.0, room)
    share = room.amin(1, keepdim=True).clamp(0, 1)
    return (Y + share * chroma).clamp(0, 1)


# ---------------------------------------------------------------- what `stylize` does with colors


class ColorMode(NamedTuple):
    """Whose colors a painting gets.

    Attributes:
        content: turns the photograph into the one that is painted.
        style: turns an artwork into the one that is painted after. It is called with the artwork
            and the photograph, and with how much each pixel of either counts, or None.
        finish: turns the painting into the one that is shown. It is called with the painting and
            the photograph, of the same size.
    """

    content: Callable[[Tensor], Tensor]
    style: Callable[[Tensor, Tensor, Tensor | None, Tensor | None], Tensor]
    finish: Callable[[Tensor, Tensor], Tensor]


def _as_it_is(picture: Tensor, *_: Tensor | None) -> Tensor:
    return picture


def _matched(
    artwork: Tensor, photo: Tensor, where: Tensor | None, to_where: Tensor | None
) -> Tensor:
    return match_colors(artwork, photo, where=where, to_where=to_where)


COLORS: dict[str, ColorMode] = {
    "style": ColorMode(_as_it_is, _as_it_is, _as_it_is),
    "match": ColorMode(_as_it_is, _matched, _as_it_is),
    "luminance": ColorMode(gray, match_luminance, keep_colors),
}
