"""`edge_agreement`: whether the lines of a photograph are still where they were."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from nstkit.losses.matting import check_one, check_sizes
from nstkit.pictures.color import luminance

FAINT = 1e-3  # a picture with no stronger gradient has one color
STRONGEST = 0.1  # share of the pixels that count: those where the photograph has its edges
# Sobel's: differences across, means along.
SOBEL = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))


@torch.no_grad()
def edge_agreement(painting: Tensor, photo: Tensor) -> float:
    """Return how well a painting's gradients agree with the photograph's, at its strongest edges.

    At an edge a gradient points across it. With n the unit vector of the photograph's gradient and
    g_c the painting's gradients in red, green and blue, a pixel has the agreement

        sum_c (g_c . n)^2 / sum_c |g_c|^2

    which is 1 if all of them point along n or against it, 0 if they are perpendicular to it, and on
    average 1/2 for directions by chance. So it does not matter which colors an edge divides, nor
    how strong it is. The result is the mean over the tenth of the pixels with the photograph's
    strongest gradients, weighted by these. Edges of the painting where the photograph has none are
    not seen; `nstkit.losses.matting.photo_loss` sees these too.

    Args:
        painting: (1, 3, H, W) in [0, 1].
        photo: the photograph, of the same shape.

    Returns:
        In [0, 1].

    Raises:
        ValueError: The sizes differ, one of them is no single picture, or the photograph has one
            color.
    """
    for what, picture in (("The painting", painting), ("The photograph", photo)):
        check_one(what, picture)
    check_sizes(painting, photo)
    painting, photo = painting.float(), photo.float()
    edges = gradients(luminance(photo))[0]  # (2, H, W)
    strength = edges.norm(dim=0)
    if strength.max() < FAINT:
        raise ValueError("The photograph has one color everywhere; expected one with edges.")
    n = edges / strength.clamp(min=1e-12)
    g = gradients(painting)  # (3, 2, H, W)
    along, total = (g * n).sum(1).square().sum(0), g.square().sum((0, 1))
    # Where the painting has no edge at all, it agrees as much as chance does.
    agreement = torch.where(total > 1e-10, along / total.clamp(min=1e-10), 0.5)
    count = max(round(STRONGEST * strength.numel()), 1)
    weight = strength * (strength >= strength.flatten().topk(count).values[-1])
    return ((weight * agreement).sum() / weight.sum()).item()


def gradients(picture: Tensor) -> Tensor:
    """Return the gradients of all channels by Sobel's filter, (C, 2, H, W): across, then down.

    Args:
        picture: (1, C, H, W).
    """
    across = picture.new_tensor(SOBEL) / 8
    filters = torch.stack([across, across.T])[:, None]
    rows = F.pad(picture, (1, 1, 1, 1), mode="replicate").transpose(0, 1)  # (C, 1, H + 2, W + 2)
    return F.conv2d(rows, filters.to(picture))
