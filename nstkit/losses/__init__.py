"""The losses of neural style transfer as pure functions of tensors.

Symbols as in Gatys, Ecker, Bethge: "Image Style Transfer Using Convolutional Neural Networks",
CVPR 2016: F_l and P_l are features of the generated image and of the photograph, with N_l channels
and M_l = H_l * W_l positions; G_l and A_l are Gram matrices of the generated image and the artwork.

Half-precision inputs are multiplied and summed as if they were float32, Gram matrices of bfloat16
to 16 binary digits at least; all other floating dtypes stay what they are. Gradients of bfloat16
features are bfloat16.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from nstkit.losses.products import Products, at_least_float32

Normalize = Literal["positions", "elements", None]
Reduce = Literal["mean", "sum", "rms"]
Variation = Literal["l1", "squared", "isotropic", "power", "nine_point"]
NORMALIZE, REDUCE, VARIATION = get_args(Normalize), get_args(Reduce), get_args(Variation)

ISOTROPIC_EPSILON = 1e-8  # a step of 1e-4, squared: where all is flat, the gradient stays finite


def gram_matrix(features: Tensor, normalize: Normalize = "positions") -> Tensor:
    """Return the Gram matrices of features: which channels are active together, never where.

    Args:
        features: (B, C, H, W), any floating dtype.
        normalize: "positions" divides by M = H*W, so that images of all sizes compare;
            "elements" divides by C*M; None is the plain sum over positions.

    Returns:
        (B, C, C), symmetric and positive semidefinite up to rounding; float32 for half inputs.

    Raises:
        ValueError: features is not 4-D, or normalize is unknown.

    Source: Gatys et al. 2016, eq. 3 (None).
    """
    if features.dim() != 4:
        raise ValueError(f"features has shape {tuple(features.shape)}; expected (B, C, H, W).")
    check_choice("normalize", normalize, NORMALIZE)
    M_l = features.shape[2] * features.shape[3]
    return Products.apply(features) / gram_divisor(normalize, features.shape[1], M_l)


def gram_divisor(normalize: Normalize, N_l: int, M_l: int) -> int:
    """Return what a normalization divides the sum over positions by; see `gram_matrix`."""
    return {"positions": M_l, "elements": N_l * M_l, None: 1}[normalize]


def content_loss(features: Tensor, target: Tensor, reduce: Reduce = "mean") -> Tensor:
    """Return the distance between features of the generated image and the photograph's, a scalar.

    Args:
        features: F_l, (B, C, H, W).
        target: P_l, the same shape.
        reduce: see `distance`. Gatys et al. 2016, eq. 1, is 0.5 * "sum".

    Raises:
        ValueError: The shapes differ, or reduce is unknown.
    """
    return distance(features, target, reduce)


def style_loss(
    features: Tensor, target: Tensor, normalize: Normalize = "positions", reduce: Reduce = "mean"
) -> Tensor:
    """Return the distance between the Gram matrix of features and the artwork's, a scalar.

    Args:
        features: F_l, (B, C, H, W), of the generated image.
        target: A_l, (B, C, C) or (1, C, C): `gram_matrix` of the artwork with the same
            normalization. The artwork may have any size.
        normalize: see `gram_matrix`.
        reduce: see `distance`. Gatys et al. 2016, eq. 4, is 0.25 * "mean" with "positions".

    Raises:
        ValueError: The channels differ, or an option is unknown.
    """
    G_l = gram_matrix(features, normalize)
    A_l = target.expand(len(G_l), -1, -1) if len(target) == 1 else target
    return distance(G_l, A_l, reduce)


def distance(a: Tensor, b: Tensor, reduce: Reduce = "mean") -> Tensor:
    """Return how far two tensors of one shape are apart, as a scalar.

    "mean" and "sum" are of squared differences; "rms" is the root of the mean, with gradient 0
    where the tensors agree.
    """
    if a.shape != b.shape:
        raise ValueError(
            f"Cannot compare shapes {tuple(a.shape)} and {tuple(b.shape)}; expected equal shapes. "
            "Take both from the same layer, and resize the content if its size changed."
        )
    difference = at_least_float32(a) - at_least_float32(b)
    return reduced(difference.square().sum(), difference.numel(), reduce)


def reduced(squares: Tensor, count: int, reduce: Reduce) -> Tensor:
    """Return a `distance` from the sum of its squared differences and their number."""
    check_choice("reduce", reduce, REDUCE)
    if reduce == "rms":  # the root's slope at 0 is infinite: what agrees shall have none
        apart = squares > 0
        return torch.where(apart, squares, 1).sqrt() * apart / math.sqrt(count)
    return squares / count if reduce == "mean" else squares


def total_variation(
    image: Tensor, form: Variation = "squared", reduce: Literal["mean", "sum"] = "mean"
) -> Tensor:
    """Return, as a scalar, how much neighboring pixels differ: 0 for a flat picture.

    With dx and dy the differences to the right and lower neighbors:

    * "l1": |dx| + |dy| (anisotropic), each over all pairs;
    * "squared": dx^2 + dy^2, each over all pairs;
    * "isotropic": sqrt(dx^2 + dy^2), over pixels that have both neighbors;
    * "power": (dx^2 + dy^2)^1.25, over the same pixels (Keras' example);
    * "nine_point": 2/3 (dx^2 + dy^2) + 1/6 (diagonal differences squared), over all pixels, with
      edge pixels repeated outside (crowsonkb).

    Args:
        image: (B, C, H, W) with H, W >= 2, usually in [0, 1].
        form: one of the above.
        reduce: "mean" over the pairs or pixels of each sum, or "sum".

    Raises:
        ValueError: The image is smaller than 2 x 2, or an option is unknown.
    """
    if image.dim() != 4 or min(image.shape[-2:]) < 2:
        raise ValueError(
            f"image has shape {tuple(image.shape)}; expected (B, C, H, W) of at least 2 x 2 pixels."
        )
    check_choice("form", form, VARIATION)
    check_choice("reduce", reduce, ("mean", "sum"))
    x = at_least_float32(image)
    total = torch.mean if reduce == "mean" else torch.sum
    if form == "nine_point":
        return total(_nine_point(x))
    if form in ("l1", "squared"):  # torch's own losses keep no differences for the way back
        loss = F.l1_loss if form == "l1" else F.mse_loss
        sides = ((d, x.shape[d] - 1) for d in (3, 2))
        return sum(loss(x.narrow(d, 1, n), x.narrow(d, 0, n), reduction=reduce) for d, n in sides)
    dx, dy = x.diff(dim=3), x.diff(dim=2)
    squares = dx[..., :-1, :].square() + dy[..., :, :-1].square()
    return total((squares + ISOTROPIC_EPSILON).sqrt() if form == "isotropic" else squares**1.25)


def _nine_point(x: Tensor) -> Tensor:
    y = F.pad(x, (1, 1, 1, 1), mode="replicate")
    here, right, below = y[..., 1:-1, 1:-1], y[..., 1:-1, 2:], y[..., 2:, 1:-1]
    straight = (right - here).square() + (below - here).square()
    falling, rising = y[..., 2:, 2:] - here, y[..., 2:, :-2] - here
    return straight * 2 / 3 + (falling.square() + rising.square()) / 6


def check_choice(option: str, value: object, choices: tuple[object, ...]) -> None:
    """Raise ValueError unless an option has one of its values."""
    if value not in choices:
        raise ValueError(f"{option} is {value!r}; expected one of {list(choices)}.")
