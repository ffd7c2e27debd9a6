"""The losses of neural style transfer as pure functions of tensors.

Symbols as in Gatys, Ecker, Bethge: "Image Style Transfer Using Convolutional Neural Networks",
CVPR 2016: F_l and P_l are features of the generated image and of the photograph, with N_l channels
and M_l = H_l * W_l positions; G_l and A_l are Gram matrices of the generated image and the artwork.

These functions are the textbook's. An objective does not call them: `nstkit.losses.statistics` and
`nstkit.terms` compute the same faster and part by part, and tests hold both equal for one picture.
(For a batch these functions reduce over all of it, and an objective takes the mean over its
pictures.) Half-precision inputs are widened to float32 first; all other floating dtypes stay what
they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from nstkit.options import check_choice

Normalize = Literal["positions", "elements", None]
Reduce = Literal["mean", "sum", "rms"]
Form = Literal["l1", "squared", "isotropic", "power", "nine_point"]
NORMALIZE = get_args(Normalize)

ISOTROPIC_EPSILON = 1e-8  # a step of 1e-4, squared: where all is flat, the gradient stays finite


def gram_matrix(features: Tensor, normalize: Normalize = "positions") -> Tensor:
    """Return the Gram matrices of features: which channels are active together, never where.

    Args:
        features: F_l, (B, C, H, W), any floating dtype.
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
    F_l = at_least_float32(features).flatten(2)  # (B, C, M)
    return F_l @ F_l.mT / gram_divisor(normalize, *F_l.shape[1:])


def gram_divisor(normalize: Normalize, N_l: int, M_l: float) -> float:
    """Return what a normalization divides the sum over positions by; see `gram_matrix`."""
    return {"positions": M_l, "elements": N_l * M_l, None: 1}[normalize]


def content_loss(features: Tensor, target: Tensor, reduce: Reduce = "mean") -> Tensor:
    """Return how far features of the generated image are from the photograph's, as a scalar.

    Args:
        features: F_l, (B, C, H, W).
        target: features of the photograph in the same layer, P_l, (B, C, H, W) or (1, C, H, W).
        reduce: see `distance`. Gatys et al. 2016, eq. 1, is 0.5 * "sum".

    Raises:
        ValueError: The shapes differ, or reduce is unknown.
    """
    return distance(features, for_batch(target, features), reduce)


def style_loss(
    features: Tensor, target: Tensor, normalize: Normalize = "positions", reduce: Reduce = "mean"
) -> Tensor:
    """Return how far the Gram matrices of features are from the artwork's, as a scalar.

    Args:
        features: F_l, (B, C, H, W), of the generated image.
        target: features of the artwork in the same layer, (B, C, H', W') or (1, C, H', W'). The
            artwork may have any size.
        normalize: see `gram_matrix`.
        reduce: see `distance`. Gatys et al. 2016, eq. 4, is 0.25 * "mean" with "positions".

    Raises:
        ValueError: The channels differ, or an option is unknown.
    """
    G_l, A_l = gram_matrix(features, normalize), gram_matrix(target, normalize)
    return distance(G_l, for_batch(A_l, G_l), reduce)


def total_variation(
    image: Tensor, form: Form = "squared", reduce: Literal["mean", "sum"] = "mean"
) -> Tensor:
    """Return how much neighboring pixels differ; by default the mean of their squared differences.

    The literature's total variation is "l1" or "isotropic". Squared differences do not keep edges,
    but their gradient is smooth, and most style-transfer programs use them under this name. With dx
    and dy the differences to the right and lower neighbors:

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

    Returns:
        A scalar, 0 for a flat picture.

    Raises:
        ValueError: The image is smaller than 2 x 2, or an option is unknown.
    """
    if image.dim() != 4 or min(image.shape[-2:]) < 2:
        raise ValueError(
            f"image has shape {tuple(image.shape)}; expected (B, C, H, W) of at least 2 x 2 pixels."
        )
    check_choice("form", form, FORMS)
    check_choice("reduce", reduce, ("mean", "sum"))
    return FORMS[form](at_least_float32(image), reduce)


# ---------------------------------------------------------------- distances


def distance(a: Tensor, b: Tensor, reduce: Reduce = "mean") -> Tensor:
    """Return how far two tensors of one shape are apart, as a scalar.

    "mean" and "sum" are of squared differences; "rms" is the root of the mean, with gradient 0
    where the tensors agree.

    Raises:
        ValueError: The shapes differ, or reduce is unknown.
    """
    check_same_shape(a, b)
    difference = at_least_float32(a) - at_least_float32(b)
    return reduced(difference.square().sum(), difference.numel(), reduce)


def for_batch(target: Tensor, batch: Tensor) -> Tensor:
    """Return a target of one picture, (1, ...), as one for each of a batch; others as they are."""
    return target.expand(len(batch), *target.shape[1:]) if len(target) == 1 else target


def check_same_shape(a: Tensor, b: Tensor) -> None:
    """Raise ValueError unless two tensors can be compared number by number."""
    if a.shape != b.shape:
        raise ValueError(
            f"Cannot compare shapes {tuple(a.shape)} and {tuple(b.shape)}; expected equal shapes. "
            "Take both from the same layer, and resize the content if its size changed."
        )


def reduced(squares: Tensor, count: int, reduce: Reduce) -> Tensor:
    """Return a `distance` from the sum of squared differences and the number of summands."""
    check_choice("reduce", reduce, REDUCTIONS)
    return REDUCTIONS[reduce](squares, count)


def _root_mean_square(squares: Tensor, count: int) -> Tensor:
    # A root has an infinite gradient at 0. Where the tensors agree, value and gradient are 0.
    differs = squares > 0
    root = torch.where(differs, squares, 1.0).sqrt()
    return torch.where(differs, root, 0.0) / math.sqrt(count)


REDUCTIONS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "mean": lambda squares, count: squares / count,
    "sum": lambda squares, count: squares,
    "rms": _root_mean_square,
}
REDUCE = tuple(REDUCTIONS)


def at_least_float32(x: Tensor) -> Tensor:
    """Return float16 and bfloat16 tensors as float32, others as they are."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


# ---------------------------------------------------------------- forms of the variation


def _l1(x: Tensor, reduce: str) -> Tensor:
    across = F.l1_loss(x[..., 1:], x[..., :-1], reduction=reduce)
    return across + F.l1_loss(x[..., 1:, :], x[..., :-1, :], reduction=reduce)


def _squared(x: Tensor, reduce: str) -> Tensor:
    across = F.mse_loss(x[..., 1:], x[..., :-1], reduction=reduce)
    return across + F.mse_loss(x[..., 1:, :], x[..., :-1, :], reduction=reduce)


def _isotropic(x: Tensor, reduce: str) -> Tensor:
    return _total(_both_squared(x).add(ISOTROPIC_EPSILON).sqrt(), reduce)


def _power(x: Tensor, reduce: str) -> Tensor:
    return _total(_both_squared(x) ** 1.25, reduce)


def _nine_point(x: Tensor, reduce: str) -> Tensor:
    y = F.pad(x, (1, 1, 1, 1), mode="replicate")
    here, right, below = y[..., 1:-1, 1:-1], y[..., 1:-1, 2:], y[..., 2:, 1:-1]
    straight = (right - here).square() + (below - here).square()
    falling, rising = y[..., 2:, 2:] - here, y[..., 2:, :-2] - here
    return _total(straight * 2 / 3 + (falling.square() + rising.square()) / 6, reduce)


def _both_squared(x: Tensor) -> Tensor:
    """Return dx^2 + dy^2 at the pixels that have both neighbors."""
    dx, dy = x.diff(dim=3), x.diff(dim=2)
    return dx[..., :-1, :].square() + dy[..., :, :-1].square()


def _total(x: Tensor, reduce: str) -> Tensor:
    return x.mean() if reduce == "mean" else x.sum()


FORMS: dict[str, Callable[[Tensor, str], Tensor]] = {
    "l1": _l1,
    "squared": _squared,
    "isotropic": _isotropic,
    "power": _power,
    "nine_point": _nine_point,
}
