"""The matting Laplacian: how far a picture is from a photograph in other colors.

In a small window of a photograph, colors lie near a line or a plane. A recoloring that is an affine
function of the photograph in every window (output = a . I + b) keeps every edge where it was, and
bends no line. The matting Laplacian L measures how far a picture V is from that: V^T L V is 0 for
such a recoloring, and grows with every edge that the photograph does not have.

Levin, Lischinski and Weiss 2008 ("A Closed-Form Solution to Natural Image Matting", IEEE TPAMI 30)
made it to cut figures out. Luan et al. 2017 ("Deep Photo Style Transfer", arXiv 1703.07511) use it
as a loss, and Li et al. 2018 ("A Closed-form Solution to Photorealistic Image Stylization", arXiv
1802.06474) as a filter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

if TYPE_CHECKING:
    from scipy.sparse import csr_array

EPSILON = 1e-7  # on the diagonal of each window's covariance, as in Levin's code
REACH = 1  # windows have 3 x 3 pixels
BETA = 0.9999  # Li et al. 2018, section 3.2
SOLVED = 512  # px of the long side up to which all pixels are solved for
FITTED = 2  # px: radius of the windows whose recoloring is enlarged


def matting_affinity(picture: Tensor, epsilon: float = EPSILON) -> csr_array:
    """Return how much pixels of a photograph belong together, W of the matting Laplacian.

    For pixels i and j, with the sum over all windows w of 3 x 3 pixels that hold both, and mu and
    Sigma the mean and covariance of a window's colors:

        W_ij = sum_w (1 + (I_i - mu)^T (Sigma + epsilon / 9)^-1 (I_j - mu)) / 9

    Args:
        picture: I, (1, 3, H, W) in [0, 1], H and W at least 3.
        epsilon: how much noise counts as no color: larger values take weak edges for flat.

    Returns:
        (H W, H W) float64, sparse and symmetric, with at most 25 entries in a row. Pixels are
        counted row by row.

    Raises:
        ValueError: It is not one picture, or it is too small.

    Source: Levin et al. 2008, eq. 12.
    """
    from scipy.sparse import coo_array  # here, so that importing nstkit stays light

    if picture.dim() != 4 or picture.shape[:2] != (1, 3) or min(picture.shape[-2:]) < 3:
        raise ValueError(
            f"picture has shape {tuple(picture.shape)}; expected (1, 3, H, W) with 3 px or more on "
            "each side."
        )
    height, width = picture.shape[-2:]
    colors = picture[0].detach().cpu().double().permute(1, 2, 0).reshape(-1, 3).numpy()
    windows = _windows(height, width)  # (K, 9)
    I = colors[windows]  # noqa: E741, N806 - (K, 9, 3), the papers' symbol
    count = windows.shape[1]
    centered = I - I.mean(1, keepdims=True)
    covariance = np.einsum("kni,knj->kij", centered, centered) / count
    covariance += epsilon / count * np.eye(3)
    solved = np.linalg.solve(covariance, centered.transpose(0, 2, 1))  # (K, 3, 9)
    weights = (1 + centered @ solved) / count  # (K, 9, 9)
    rows, columns = np.repeat(windows, count, 1), np.tile(windows, (1, count))
    entries = weights.ravel(), (rows.ravel(), columns.ravel())
    return coo_array(entries, shape=(height * width,) * 2).tocsr()


def matting_laplacian(picture: Tensor, epsilon: float = EPSILON) -> csr_array:
    """Return L = D - W, with D the sums of W's rows, (H W, H W); see `matting_affinity`.

    It is symmetric and positive semidefinite, and its rows add up to 0.
    """
    from scipy.sparse import diags_array

    W = matting_affinity(picture, epsilon)
    return (diags_array(W.sum(1)) - W).tocsr()


def photo_loss(image: Tensor, laplacian: csr_array) -> Tensor:
    """Return how far pictures are from local recolorings of a photograph, as a scalar.

    That is the sum over channels of V_c^T L V_c, a mean over pixels and over the batch.

    Args:
        image: (B, 3, H, W), differentiable.
        laplacian: `matting_laplacian` of the photograph, (H W, H W).

    Raises:
        ValueError: The sizes differ.

    Source: Luan et al. 2017, eq. 2.
    """
    pixels = image.shape[-2] * image.shape[-1]
    if laplacian.shape[0] != pixels:
        raise ValueError(
            f"The image has {pixels} pixels, and the photograph had {laplacian.shape[0]}; expected "
            "equal sizes. Resize one of them."
        )
    return _Quadratic.apply(image, laplacian)


class _Quadratic(torch.autograd.Function):
    """V^T L V over the pixels, whose gradient is 2 L V: scipy's product is the fastest on a CPU."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, laplacian: csr_array) -> Tensor:
        """Return the mean over pixels and pictures. Keep the gradient, which is known already."""
        V = image.detach().cpu().double().flatten(2).permute(2, 0, 1).flatten(1).numpy()  # (HW, 3B)
        LV = laplacian @ V
        count = len(V) * len(image)
        gradient = torch.from_numpy(2 / count * LV).view(-1, len(image), 3).permute(1, 2, 0)
        ctx.gradient = gradient.reshape(image.shape).to(image)
        return image.new_tensor((V * LV).sum() / count)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Return the gradient with respect to the image."""
        return gradient * ctx.gradient, None


# ---------------------------------------------------------------- as a filter


def smooth(painting: Tensor, photo: Tensor, beta: float = BETA, epsilon: float = EPSILON) -> Tensor:
    """Return a painting whose edges are those of a photograph, by one sparse solve.

    With the painting Y and D the sums of W's rows, it solves (D - beta W) R = (1 - beta) D Y: near
    the painting, and alike where the photograph is alike. A recoloring of the photograph stays as
    it is. Li et al. solve (1 - beta D^-1/2 W D^-1/2) R = (1 - beta) Y, which is the same but for
    the edges of the picture: pixels there lie in fewer windows, and would become dark.

    Above 512 px the solve happens at 512 px. There the result is a local recoloring of the
    photograph. This recoloring is enlarged, and not the picture, so the photograph's fine detail
    stays.

    Args:
        painting: (1, 3, H, W) in [0, 1].
        photo: the photograph, of the same size.
        beta: how much the photograph decides, from 0, which changes nothing, to below 1.
        epsilon: as in `matting_affinity`.

    Returns:
        (1, 3, H, W) in [0, 1].

    Raises:
        ValueError: The sizes differ, or beta is out of range.

    Source: Li et al. 2018, eq. 5, where beta is alpha.
    """
    if painting.shape != photo.shape:
        raise ValueError(
            f"The painting has shape {tuple(painting.shape)}, and the photograph "
            f"{tuple(photo.shape)}; expected equal sizes. Resize one of them."
        )
    if not 0 <= beta < 1:
        raise ValueError(f"beta is {beta!r}; expected a number from 0 to below 1.")
    longest = max(photo.shape[-2:])
    if longest <= SOLVED:
        return _solved(painting, photo, beta, epsilon)
    size = [max(round(side * SOLVED / longest), 3) for side in photo.shape[-2:]]
    small, less = (
        F.interpolate(picture, size, mode="bilinear", antialias=True)
        for picture in (photo, painting)
    )
    recoloring = local_recoloring(small, _solved(less, small, beta, epsilon), FITTED)
    return recoloring.enlarged(*photo.shape[-2:])(photo).clamp(0, 1)


def _solved(painting: Tensor, photo: Tensor, beta: float, epsilon: float) -> Tensor:
    from scipy.sparse import diags_array
    from scipy.sparse.linalg import splu

    W = matting_affinity(photo, epsilon)
    sums = W.sum(1)
    matrix = (diags_array(sums) - beta * W).tocsc()
    # The matrix is symmetric and positive definite, so no row needs to be exchanged.
    factors = splu(
        matrix,
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    Y = painting[0].detach().cpu().double().flatten(1).numpy()
    solved = np.stack([factors.solve((1 - beta) * sums * channel) for channel in Y])
    return torch.from_numpy(solved).view(painting.shape).to(painting).clamp(0, 1)


def guided_filter(
    picture: Tensor, photo: Tensor, radius: int = 16, epsilon: float = 1e-3
) -> Tensor:
    """Return a picture that is a local recoloring of a photograph: the fast cousin of `smooth`.

    In each window, the picture is fitted by an affine function of the photograph's colors. Each
    pixel takes the mean of the functions of all windows that hold it.

    Args:
        picture: what is filtered, (1, C, H, W).
        photo: the guide, (1, 3, H, W) in [0, 1].
        radius: of the windows, in px.
        epsilon: on the diagonal of each window's covariance. More of it blurs more.

    Returns:
        (1, C, H, W), with the dtype of ``picture``.

    Raises:
        ValueError: The sizes differ.

    Source: He, Sun and Tang 2013, "Guided Image Filtering", IEEE TPAMI 35, eqs. 19 to 21.
    """
    return local_recoloring(photo, picture, radius, epsilon)(photo).to(picture)


@dataclass(frozen=True, eq=False)
class Recoloring:
    """An affine function of colors for each pixel.

    Attributes:
        coefficients: (3, C, H, W) float64: what each of red, green and blue gives to each channel.
        offset: (1, C, H, W) float64.
    """

    coefficients: Tensor
    offset: Tensor

    def __call__(self, photo: Tensor) -> Tensor:
        """Return a photograph (1, 3, H, W), recolored, (1, C, H, W) with its dtype."""
        colors = photo[0].to(self.coefficients)[:, None]  # (3, 1, H, W)
        return ((self.coefficients * colors).sum(0, keepdim=True) + self.offset).to(photo)

    def enlarged(self, height: int, width: int) -> Recoloring:
        """Return the same functions for a larger photograph."""
        coefficients, offset = (
            F.interpolate(part, (height, width), mode="bilinear", align_corners=False)
            for part in (self.coefficients, self.offset)
        )
        return Recoloring(coefficients, offset)


def local_recoloring(
    photo: Tensor, picture: Tensor, radius: int, epsilon: float = 1e-6
) -> Recoloring:
    """Return the affine functions that turn a photograph's windows into a picture's.

    Args:
        photo: (1, 3, H, W) in [0, 1].
        picture: (1, C, H, W).
        radius: as in `guided_filter`.
        epsilon: the same.
    """
    if picture.shape[-2:] != photo.shape[-2:]:
        raise ValueError(
            f"The picture has {tuple(picture.shape[-2:])} px, and the photograph "
            f"{tuple(photo.shape[-2:])}; expected equal sizes. Resize one of them."
        )
    I, p = (x.detach().cpu().double() for x in (photo, picture))  # noqa: E741, N806
    mean, aim = window_means(I, radius), window_means(p, radius)
    both = I[0, :, None] * torch.cat([I, p], 1)  # (3, 3 + C, H, W): products of colors
    products = window_means(both, radius) - mean[0, :, None] * torch.cat([mean, aim], 1)
    covariance, across = products[:, :3], products[:, 3:]
    covariance = covariance.permute(2, 3, 0, 1) + epsilon * torch.eye(3, dtype=torch.float64)
    coefficients = torch.linalg.solve(covariance, across.permute(2, 3, 0, 1)).permute(2, 3, 0, 1)
    offset = aim - (coefficients * mean[0, :, None]).sum(0, keepdim=True)
    return Recoloring(window_means(coefficients, radius), window_means(offset, radius))


def window_means(x: Tensor, radius: int) -> Tensor:
    """Return the mean over the window around each pixel, as far as the picture reaches.

    Cumulative sums need four numbers for any radius, in float64. A pooling would need all.

    Args:
        x: (B, C, H, W) float64.
        radius: of the windows in px; their side is 2 radius + 1.
    """
    sums = F.pad(x.cumsum(2).cumsum(3), (1, 0, 1, 0))
    (top, bottom), (left, right) = (_reach(side, radius) for side in x.shape[-2:])
    count = (bottom - top)[:, None] * (right - left)
    total = sums[..., bottom, :] - sums[..., top, :]
    return (total[..., right] - total[..., left]) / count


def _reach(side: int, radius: int) -> tuple[Tensor, Tensor]:
    """Return where the windows of a row begin and end."""
    at = torch.arange(side)
    return (at - radius).clamp(min=0), (at + radius + 1).clamp(max=side)


def _windows(height: int, width: int) -> np.ndarray:
    """Return the pixels of all windows that lie in a picture, (K, 9), counted row by row."""
    side = 2 * REACH + 1
    index = np.arange(height * width).reshape(height, width)
    return np.lib.stride_tricks.sliding_window_view(index, (side, side)).reshape(-1, side * side)
