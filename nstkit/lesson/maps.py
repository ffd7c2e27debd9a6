"""Numbers as colors: heat maps, and maps laid over a picture."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def heat(
    values: Tensor, limits: tuple[float, float] | None = None, colors: str = "cividis"
) -> Tensor:
    """Return a map of numbers as an image of colors, (1, 3, H, W) float32 in [0, 1].

    Args:
        values: (H, W), or with leading dimensions of size 1.
        limits: numbers that get the first and the last color; None: the least and the greatest,
            or, for ``colors="RdBu_r"``, minus and plus the greatest distance from 0.
        colors: a matplotlib colormap: "cividis" for amounts, "RdBu_r" for signed numbers.
    """
    from matplotlib import colormaps

    numbers = values.detach().float().cpu().view(values.shape[-2:])
    low, high = limits or color_limits(numbers, colors)
    scaled = (numbers - low) / max(high - low, torch.finfo(torch.float32).tiny)
    rgb = torch.from_numpy(colormaps[colors](scaled.clamp(0, 1).numpy())[..., :3])
    return rgb.permute(2, 0, 1)[None].float()


def color_limits(numbers: Tensor, colors: str) -> tuple[float, float]:
    """Return the numbers that get the first and the last color; see `heat`. NaN counts nothing."""
    known = numbers[~numbers.isnan()]
    low, high = known.min().item(), known.max().item()
    return (-max(-low, high), max(-low, high)) if colors == "RdBu_r" else (low, high)


def overlay(image: Tensor, values: Tensor, limits: tuple[float, float] | None = None) -> Tensor:
    """Return a picture in gray, lit where a map is high: an image like ``image``.

    The map (h, w) is stretched over it. ``limits``: not lit, fully lit; None: 0, the greatest.
    """
    low, high = limits or (0.0, max(values.max().item(), 1e-12))
    spread = F.interpolate(values.detach().float().view(1, 1, *values.shape[-2:]), image.shape[-2:])
    light = ((spread - low) / (high - low)).clamp(0, 1)
    gray = image.mean(1, keepdim=True).expand_as(image) * 0.6
    return torch.lerp(gray, heat(light, (-0.3, 1), "inferno").to(image), light.sqrt() * 0.85)
