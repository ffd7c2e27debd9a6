"""Judges that no painting was optimized for.

A painting has the lowest loss that its optimizer found, so that loss says little about it. The
losses of two recipes cannot even be compared. Here another network judges: AlexNet, whose features
took no part in the painting. It gives three numbers and no sum of them. Look at all three, and at
the picture.

    nstkit.stylize("cat", "great_wave").judge()
"""

from __future__ import annotations

import torch
from torch import Tensor

from nstkit.judges.alexnet import LEAST, AlexNet
from nstkit.judges.distances import Features, lpips, remd, sliced_wasserstein
from nstkit.judges.edges import edge_agreement
from nstkit.judges.judgement import Bounds, Judgement
from nstkit.pictures.images import check_picture

__all__ = [
    "AlexNet",
    "Bounds",
    "Judgement",
    "edge_agreement",
    "judge",
    "lpips",
    "remd",
    "sliced_wasserstein",
]


@torch.no_grad()
def judge(painting: Tensor, content: Tensor, style: Tensor) -> Judgement:
    """Judge a painting by its photograph and its artwork.

    All pictures are judged at the size they have, since a brush stroke is part of a style and has
    a width. So numbers compare only between paintings of one size beside the artwork at one size.
    The network computes in float32 on the painting's device. On one core it takes a second at 384
    px, and about 12 at 1024 px.

    Args:
        painting: (1, 3, H, W) in [0, 1], each side at least 63 px.
        content: the photograph, (1, 3, H, W) like the painting.
        style: the artwork, (1, 3, H', W') in [0, 1], at least 63 px high and 126 px wide, since
            its halves are judged too.

    Raises:
        ValueError: A picture is too small, of another shape, or holds other values.
    """
    _check_seen("painting", painting)
    _check_seen("content", content)
    _check_seen("style", style, width=2 * LEAST)
    if painting.shape != content.shape:
        raise ValueError(
            f"painting is {_size(painting)} and content {_size(content)}; expected one size. "
            "Load the photograph at the size of the painting."
        )
    alexnet = AlexNet(painting.device)
    painted, photograph, artwork = (alexnet(picture) for picture in (painting, content, style))
    halves = tuple(alexnet(half) for half in two_halves(style))
    return Judgement(
        content=lpips(painted, photograph, alexnet.heads),
        style=sliced_wasserstein(painted, artwork),
        patches=remd(painted, artwork),
        style_bounds=Bounds(_between(*halves), sliced_wasserstein(photograph, artwork)),
        patches_bounds=Bounds(remd(*halves), remd(photograph, artwork)),
    )


def two_halves(style: Tensor) -> tuple[Tensor, Tensor]:
    """Return an artwork (1, 3, H, W) cut in two halves that share no pixel, (1, 3, H, W / 2).

    Of four vertical strips the first and the third are one half. A plain left and right half can
    show different things: the wave is on the left of Hokusai's print and the sky on the right, and
    photographs are nearer to the whole print than these two are to each other.
    """
    first, second, third, fourth = style.tensor_split(4, dim=-1)
    return torch.cat([first, third], -1), torch.cat([second, fourth], -1)


def _between(one: Features, other: Features) -> float:
    """Return the sliced distance of two halves, the mean of both ways since each sets a unit."""
    return (sliced_wasserstein(one, other) + sliced_wasserstein(other, one)) / 2


def _check_seen(name: str, picture: Tensor, width: int = LEAST) -> None:
    """Raise ValueError unless an object is one picture in [0, 1] that AlexNet can see."""
    check_picture(name, picture)
    if picture.shape[-2] < LEAST or picture.shape[-1] < width:
        raise ValueError(
            f"{name} is {_size(picture)}; expected at least {width} x {LEAST} px. "
            "Load or paint it larger."
        )


def _size(picture: Tensor) -> str:
    return f"{picture.shape[-1]} x {picture.shape[-2]} px"
