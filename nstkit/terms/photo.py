"""`Photo`: what keeps a photograph a photograph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import Tensor

from nstkit.losses.matting import check_sizes, matting_laplacian, on_gpu, photo_loss
from nstkit.terms.term import IMAGE, Term
from nstkit.vgg import VGG

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class Photo(Term):
    """How far the painting is from being a recoloring of a photograph.

    It is nearly 0 where the painting is an affine function of the photograph's colors in each small
    window: there every line is where it was. See `nstkit.losses.matting`.

    Args:
        picture: the photograph, (1, 3, H, W) in [0, 1], of the painting's size.
        weight: lambda.
        name: of the term.

    Source: Luan et al. 2017, eqs. 2 and 4, here as a mean over pixels.
    """

    _laplacian: csr_array | Tensor | None = None

    def __init__(self, picture: Tensor, weight: float, name: str = "photo") -> None:
        self.picture, self.weight, self.name = picture, weight, name

    @property
    def picture(self) -> Tensor:
        """The photograph; setting another drops the Laplacian."""
        return self._picture

    @picture.setter
    def picture(self, picture: Tensor) -> None:
        """Compare with another photograph."""
        self._picture, self._laplacian = picture, None

    def of(self, picture: Tensor) -> Photo:
        """Return a copy of this term for a photograph; the same one keeps its Laplacian."""
        other = self.copy()
        if picture is not self.picture:
            other.picture = picture
        return other

    def prepare(self, vgg: VGG, tile: int | None) -> None:
        """Compute the photograph's matting Laplacian, once."""
        if self._laplacian is None:
            laplacian = matting_laplacian(self.picture)
            on_cuda = self.picture.is_cuda
            self._laplacian = on_gpu(laplacian, self.picture.device) if on_cuda else laplacian

    def losses(self, measured: Mapping[str, Tensor], image: Tensor) -> dict[str, Tensor]:
        """Return the mean over pixels of V^T L V."""
        check_sizes(image, self.picture)
        return {IMAGE: photo_loss(image, self._laplacian)}
