"""The matting Laplacian: how far a picture is from being a recoloring of a photograph.

A recoloring is an affine function of the photograph's colors in every small window, output =
a . I + b. It moves no edge and adds none, though it may fade one. The matting Laplacian L measures
how far a picture V is from that: V^T L V is nearly 0 for a recoloring whose a and b change slowly,
and grows with every edge that the photograph does not have.

Levin, Lischinski and Weiss 2008 ("A Closed-Form Solution to Natural Image Matting", IEEE TPAMI 30)
made it to cut figures out. Luan et al. 2017 ("Deep Photo Style Transfer", arXiv 1703.07511) use it
as a loss, and Li et al. 2018 ("A Closed-form Solution to Photorealistic Image Stylization", arXiv
1802.06474) as a filter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from nstkit.memory import free_memory, needs_more
from nstkit.options import check_weight, check_whole

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# Levin's code has 1e-7, for pictures without noise. With that, rounding to 8 bits and the blocks of
# a JPEG count as edges, and show in a smoothed sky. Larger values let fine texture fade.
EPSILON = 1e-5
FLAT = 2 / 255  # colors that differ by no more than this are one color
MOST = 1 - 1e-9  # of beta: nearer to 1, the solution is lost in rounding
BETA = 0.9999  # as in the code of Li et al. 2018
SOLVED = 512  # px of the long side up to which all pixels are solved for
# Bytes of memory that each pixel takes, as measured: to build the matrix, to factorize it, to keep
# it on a GPU, and to fit the functions of `guided_filter`.
TO_BUILD, TO_SOLVE, TO_KEEP, TO_FIT = 1100, 5200, 600, 1000
FITTED = 2  # px: radius of the windows whose recoloring is enlarged


def matting_affinity(picture: Tensor, epsilon: float = EPSILON) -> csr_array:
    """Return how much pixels of a photograph belong together, W of the matting Laplacian.

    For pixels i and j, with the sum over all windows w of 3 x 3 pixels that hold both, and mu and
    Sigma the mean and covariance of a window's colors:

        W_ij = sum_w (1 + (I_i - mu)^T (Sigma + epsilon / 9)^-1 (I_j - mu)) / 9

    Args:
        picture: I, (1, 3, H, W) in [0, 1], H and W at least 3.
        epsilon: above 0: how small a difference of colors counts as noise.

    Returns:
        (H W, H W) float64, sparse and symmetric, with at most 25 entries in a row. Pixels are
        counted row by row, and a row adds up to the number of windows that hold its pixel: 9
        inside, and down to 1 at the corners.

    Raises:
        ValueError: It is not one picture of numbers, it is too small, it has one color only,
            epsilon is not above 0, or there is too little memory.

    Source: Levin et al. 2008, eq. 12.
    """
    from scipy.sparse import csr_array  # here, so that importing nstkit stays light

    check_photo(picture)
    check_weight("epsilon", epsilon, positive=True)
    height, width = picture.shape[-2:]
    planes = _planes(picture[0].detach().cpu().double().numpy(), epsilon)
    planes = planes.transpose(2, 3, 0, 1).reshape(height * width, -1)  # a row for each pixel
    steps = np.add.outer(np.arange(-2, 3) * width, np.arange(-2, 3)).ravel()  # to each neighbor
    columns = np.arange(height * width, dtype=np.int32)[:, None] + steps.astype(np.int32)
    used = planes != 0  # else the neighbor lies outside
    ends = np.concatenate([[0], used.sum(1).cumsum()]).astype(np.int32)
    return csr_array((planes[used], columns[used], ends), shape=(height * width,) * 2)


def _planes(image: np.ndarray, epsilon: float) -> np.ndarray:
    """Return how much each pixel belongs to its neighbors, (5, 5, H, W), with itself at [2, 2].

    Args:
        image: (3, H, W) float64.
        epsilon: as in `matting_affinity`.
    """
    height, width = (side - 2 for side in image.shape[1:])  # so many windows
    places = [(y, x) for y in range(3) for x in range(3)]
    inside = [(slice(y, y + height), slice(x, x + width)) for y, x in places]
    I = np.stack([image[:, rows, columns] for rows, columns in inside])
    centered = I - I.mean(0)  # (9, 3, height, width): the nine pixels of every window
    covariance = np.einsum("nchw,ndhw->hwcd", centered, centered) / 9 + epsilon / 9 * np.eye(3)
    solved = np.linalg.solve(covariance, centered.transpose(2, 3, 1, 0)).transpose(3, 2, 0, 1)
    planes = np.zeros((5, 5, *image.shape[1:]))
    for (y, x), i, here in zip(places, centered, inside, strict=True):
        for (v, u), j in zip(places, solved, strict=True):
            planes[v - y + 2, u - x + 2][here] += (1 + (i * j).sum(0)) / 9
    return planes


def matting_laplacian(picture: Tensor, epsilon: float = EPSILON) -> csr_array:
    """Return L = D - W, with D the sums of W's rows, (H W, H W); see `matting_affinity`.

    It is symmetric and positive semidefinite, and its rows add up to 0.
    """
    from scipy.sparse import diags_array

    W = matting_affinity(picture, epsilon)
    return (diags_array(W.sum(1)) - W).tocsr()


def on_gpu(laplacian: csr_array, device: torch.device | str) -> Tensor:
    """Return a matrix as a sparse tensor of torch on a device."""
    pixels = laplacian.shape[0]
    _check_memory(f"{pixels:,} pixels", pixels * TO_KEEP, device)
    entries = laplacian.tocoo()
    places = torch.from_numpy(np.stack([entries.row, entries.col]).astype(np.int64))
    values = torch.from_numpy(entries.data)
    return torch.sparse_coo_tensor(
        places.to(device), values.to(device), laplacian.shape, check_invariants=True,
        is_coalesced=True,  # as the entries of a CSR matrix are
    )  # fmt: skip


def photo_loss(image: Tensor, laplacian: csr_array | Tensor) -> Tensor:
    """Return how far pictures are from being recolorings of a photograph, as a scalar.

    That is the sum over channels of V_c^T L V_c, a mean over pixels and over the batch.

    Args:
        image: (B, 3, H, W), differentiable.
        laplacian: `matting_laplacian` of the photograph, (H W, H W); on a GPU as `on_gpu` returns
            it.

    Raises:
        ValueError: The sizes differ.

    Source: Luan et al. 2017, eq. 2.
    """
    if not isinstance(image, Tensor) or image.dim() != 4 or not image.is_floating_point():
        told = f"{image.dtype} {tuple(image.shape)}" if isinstance(image, Tensor) else repr(image)
        raise ValueError(f"The image is {told}; expected floats, (B, 3, H, W).")
    pixels = image.shape[-2] * image.shape[-1]
    if laplacian.shape[0] != pixels:
        raise ValueError(
            f"The image has {pixels} pixels, and the photograph had {laplacian.shape[0]}; expected "
            "equal sizes. Resize one of them."
        )
    return _Quadratic.apply(image, laplacian)


class _Quadratic(torch.autograd.Function):
    """V^T L V over the pixels, whose gradient is 2 L V."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, laplacian: csr_array | Tensor) -> Tensor:
        """Return the mean over pixels and pictures, and keep the gradient: it is known already."""
        pixels = image.detach() if isinstance(laplacian, Tensor) else image.detach().cpu()
        V = pixels.double().flatten(2).permute(2, 0, 1).flatten(1)  # (H W, 3 B)
        LV = _product(laplacian, V)
        count = len(V) * len(image)
        if ctx.needs_input_grad[0]:
            gradient = (2 / count * LV).view(-1, len(image), 3).permute(1, 2, 0)
            ctx.gradient = gradient.reshape(image.shape).to(image)
        return ((V * LV).sum() / count).to(image)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Return the gradient with respect to the image."""
        return gradient * ctx.gradient, None


def _product(matrix: csr_array | Tensor, V: Tensor) -> Tensor:
    if isinstance(matrix, Tensor):
        return torch.sparse.mm(matrix, V)
    return torch.from_numpy(matrix @ V.numpy())  # on a CPU five times as fast as torch's


# ---------------------------------------------------------------- as a filter


def smooth(painting: Tensor, photo: Tensor, beta: float = BETA, epsilon: float = EPSILON) -> Tensor:
    """Return a painting whose edges are those of a photograph, by one sparse solve.

    With the painting Y and D the sums of W's rows, it solves (D - beta W) R = (1 - beta) D Y: near
    the painting, and alike where the photograph is alike. A recoloring of the photograph stays
    nearly as it is. Only fine texture fades, by 0.02 on average in the bundled photographs, and by
    less with a smaller epsilon.

    Li et al. solve (1 - beta D^-1/2 W D^-1/2) R = (1 - beta) Y, which is the same except near the
    picture's border. There pixels lie in fewer windows and would turn dark, so their code pads the
    picture and crops the result.

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
        ValueError: The sizes differ, beta is out of range, or as in `matting_affinity`.

    Source: Li et al. 2018, eq. 5, where beta is alpha.
    """
    return Smoother(photo, beta, epsilon)(painting)


class Smoother:
    """A photograph by which many paintings are smoothed: `smooth` without its slow part.

    Nearly all of the time goes into factors of the matrix, and these depend on the photograph
    alone. Arguments and errors are those of `smooth`.
    """

    def __init__(self, photo: Tensor, beta: float = BETA, epsilon: float = EPSILON) -> None:
        check_one("The photograph", photo)
        check_weight("beta", beta)
        if beta > MOST:
            raise ValueError(f"beta is {beta!r}; expected a number from 0 to below 1.")
        self.photo, self.beta = photo.detach().clone(), beta
        self._small = _at_most(photo, SOLVED)
        self._solve = _solver(self._small, beta, epsilon)

    def __call__(self, painting: Tensor) -> Tensor:
        """Return a painting (1, 3, H, W), smoothed; see `smooth`."""
        check_one("The painting", painting)
        check_sizes(painting, self.photo)
        if not self.beta:
            return painting.clone()
        solved = self._solve(_at_most(painting, SOLVED))
        if solved.shape == painting.shape:
            return solved.clamp(0, 1)
        recoloring = local_recoloring(self._small, solved, FITTED)
        return recoloring.enlarged(*painting.shape[-2:])(self.photo).to(painting).clamp(0, 1)


def _at_most(picture: Tensor, side: int) -> Tensor:
    """Return a picture that is made smaller if its long side is above a number of px."""
    longest = max(picture.shape[-2:])
    if longest <= side:
        return picture
    size = [max(round(length * side / longest), 3) for length in picture.shape[-2:]]
    precise = picture.to(torch.promote_types(picture.dtype, torch.float32))  # half has no such code
    return F.interpolate(precise, size, mode="bilinear", antialias=True)


def _solver(photo: Tensor, beta: float, epsilon: float) -> Callable[[Tensor], Tensor]:
    """Return what solves the equation of `smooth` for a painting of a photograph's size."""
    from scipy.sparse import diags_array
    from scipy.sparse.linalg import splu

    W = matting_affinity(photo, epsilon)
    _check_memory(_told(photo), photo[0, 0].numel() * TO_SOLVE)
    sums = W.sum(1)
    matrix = (diags_array(sums) - beta * W).tocsc()
    # The matrix is symmetric and positive definite, so no row needs to be exchanged.
    factors = splu(
        matrix,
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )

    def _solve(painting: Tensor) -> Tensor:
        Y = painting[0].detach().cpu().double().flatten(1).numpy()
        solved = np.stack([factors.solve((1 - beta) * sums * channel) for channel in Y])
        return torch.from_numpy(solved).view(painting.shape).to(painting)

    return _solve


def check_one(what: str, picture: Tensor) -> None:
    """Raise ValueError unless a picture is one of numbers, (1, 3, H, W), with 3 px on each side."""
    if not isinstance(picture, Tensor) or not picture.is_floating_point():
        raise ValueError(
            f"{what} is {getattr(picture, 'dtype', type(picture).__name__)}; expected floats in "
            "[0, 1], as nstkit.load_image returns."
        )
    if picture.dim() != 4 or picture.shape[:2] != (1, 3) or min(picture.shape[-2:]) < 3:
        raise ValueError(
            f"{what} has shape {tuple(picture.shape)}; expected (1, 3, H, W) with 3 px or more on "
            "each side."
        )
    if not picture.abs().amax() < 2:  # false of NaN, too
        raise ValueError(
            f"{what} has pixels up to {picture.abs().amax():.3g}; expected numbers in [0, 1]. "
            "Divide 8-bit colors by 255."
        )


def check_photo(picture: Tensor) -> None:
    """Raise ValueError unless a photograph has a matting Laplacian that fits into the memory."""
    check_one("The photograph", picture)
    if (picture.amax((2, 3)) - picture.amin((2, 3))).max() < FLAT:
        raise ValueError(
            "The photograph has one color everywhere, so there are no edges to keep. Take another "
            "photograph."
        )
    _check_memory(_told(picture), picture[0, 0].numel() * TO_BUILD)


def check_sizes(painting: Tensor, photo: Tensor) -> None:
    """Raise ValueError unless a painting has the size of its photograph."""
    if painting.shape[-2:] != photo.shape[-2:]:
        raise ValueError(
            f"The painting has {_told(painting)}, and the photograph {_told(photo)}; expected "
            "equal sizes. Resize one of them."
        )


def _check_memory(of: str, needed: int, device: torch.device | str = "cpu") -> None:
    """Raise ValueError if fewer bytes are free than something needs."""
    if needed > (free := free_memory(torch.device(device))):
        raise ValueError(
            f"{needs_more(f'The matting Laplacian of {of}', needed, free)} Choose a smaller size."
        )


def _told(picture: Tensor) -> str:
    return f"{picture.shape[-1]} x {picture.shape[-2]} px"


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
        ValueError: The sizes differ, a bad picture or option, or there is too little memory.

    Source: He, Sun and Tang 2013, "Guided Image Filtering", IEEE TPAMI 35, eqs. 19 to 21.
    """
    check_one("The photograph", photo)
    check_whole("radius", radius, 1)
    check_weight("epsilon", epsilon, positive=True)
    _check_memory(_told(photo), photo[0, 0].numel() * TO_FIT)
    return local_recoloring(photo, picture, radius, epsilon)(photo).to(picture)


@dataclass(frozen=True, eq=False)
class Recoloring:
    """An affine function of colors for each pixel.

    Attributes:
        coefficients: (3, C, H, W): what each of red, green and blue gives to each channel.
        offset: (1, C, H, W).
    """

    coefficients: Tensor
    offset: Tensor

    def __call__(self, photo: Tensor) -> Tensor:
        """Return a photograph (1, 3, H, W), recolored, (1, C, H, W) with its dtype."""
        precise = torch.promote_types(photo.dtype, torch.float32)
        coefficients, offset = (
            part.to(precise).to(photo.device) for part in (self.coefficients, self.offset)
        )
        colors = photo[0].to(precise)[:, None]  # (3, 1, H, W)
        return ((coefficients * colors).sum(0, keepdim=True) + offset).to(photo)

    def enlarged(self, height: int, width: int) -> Recoloring:
        """Return the same functions for a larger photograph, in float32 to save memory."""
        coefficients, offset = (
            F.interpolate(part.float(), (height, width), mode="bilinear")
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
    if picture.dim() != 4 or len(picture) != 1:
        raise ValueError(
            f"The picture has shape {tuple(picture.shape)}; expected one picture, (1, C, H, W)."
        )
    check_sizes(picture, photo)
    I, p = (x.detach().cpu().double() for x in (photo, picture))
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

    Cumulative sums need four numbers for any radius, in float64. Pooling would read the whole
    window.

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
