"""Terms that read pixels alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from nstkit.losses import Form, total_variation
from nstkit.terms.term import IMAGE, Term
from nstkit.terms.where import Where


class Variation(Term):
    """How much neighboring pixels differ; see `nstkit.total_variation`.

    Args:
        weight: of the term.
        form: as in `nstkit.total_variation`.
        reduce: the same.
        values: turns pixels into the values that are compared, such as `VGG.standardize`; None
            compares the pixels.
        name: of the term.
    """

    def __init__(
        self, weight: float, form: Form = "squared", reduce: str = "mean",
        values: Callable[[Tensor], Tensor] | None = None, name: str = "variation",
    ) -> None:  # fmt: skip
        self.weight, self.form, self.reduce, self.values = weight, form, reduce, values
        self.name = name

    def losses(self, measured: Mapping[str, Tensor], image: Tensor) -> dict[str, Tensor]:
        """Return the variation of the image."""
        values = image if self.values is None else self.values(image)
        variation = total_variation(values, self.form, self.reduce)
        return {IMAGE: variation / len(image) if self.reduce == "sum" else variation}


class Pixels(Term):
    """The squared distance of pixels from a photograph's, which leaves a part as it was.

    Args:
        picture: the photograph, (1, 3, H, W) or (B, 3, H, W) in [0, 1], of the painting's size.
        weight: of the term.
        where: how much each pixel counts, (1, 1, H, W), each >= 0; None counts all alike.
        name: of the term.
    """

    def __init__(
        self, picture: Tensor, weight: float, where: Tensor | None = None, name: str = "pixels"
    ) -> None:
        self.picture, self.weight, self.name = picture, weight, name
        self.where = Where(where)

    def losses(self, measured: Mapping[str, Tensor], image: Tensor) -> dict[str, Tensor]:
        """Return the mean over all pixels of the weighted squared differences."""
        for other in (self.picture, image):
            self.where.check(self.name, other)
        if image.shape[-2:] != self.picture.shape[-2:]:
            raise ValueError(
                f"The photograph has {tuple(self.picture.shape[-2:])} px, and the image has "
                f"{tuple(image.shape[-2:])}; expected equal sizes. Resize one of them."
            )
        squares = (image - self.picture).square()
        if self.where.mask is not None:
            squares = squares * self.where.mask
        return {IMAGE: squares.mean()}
