"""Masks: parts of a picture, drawn as shapes, chosen by color, or given as pictures.

`rectangle`, `ellipse`, `color_range` and `luminance_range` say what a mask shows, and `Mask.of`
draws it for a picture of any size. ``~a`` is all but a, ``a & b`` is what is in both, and ``a | b``
what is in either. A mask is plain data, so it travels inside a painting. To add one, write a
function that draws it and put it into ``DRAWN``, and what makes it and checks its options into
``MAKERS``.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import torch
from PIL import Image, ImageColor
from torch import Tensor

from nstkit.options import check_weight
from nstkit.pictures.color import luminance
from nstkit.pictures.images import Source, check_picture, load_at
from nstkit.pictures.sizes import resize

SOFT = 0.1  # width of the soft edge of a shape, as a share of the picture's short side
# Of ranges: how far from the edge of the range a pixel counts in part, and by how much of the short
# side a mask is blurred, so that single pixels do not stand out.
RANGE_SOFT, BLUR = 0.06, 0.01
DIM = 0.25  # how bright a picture is shown where its mask is 0
EMPTY = 1 / 255  # a mask that is nowhere above this is empty
ASPECT = 0.02  # how much the aspect of a mask may differ from that of the picture


@dataclass(frozen=True)
class Mask:
    """A part of a picture, as plain data.

    Attributes:
        kind: a key of ``DRAWN``.
        options: what the function there takes beside the picture, as ((name, value), ...).
    """

    kind: str
    options: tuple[tuple[str, Any], ...]

    # NumPy would try `&` and `|` with each number of an array.
    __array_ufunc__: ClassVar[None] = None

    def of(self, picture: Tensor) -> Tensor:
        """Return the mask for a picture (1, 3, H, W) in [0, 1], as (1, 1, H, W) in [0, 1].

        Raises:
            ValueError: It was drawn for a picture of another shape.
        """
        check_picture("picture", picture)
        return DRAWN[self.kind](picture, **dict(self.options)).to(picture).clamp(0, 1)

    def shown(self, picture: Tensor) -> Tensor:
        """Return a picture (1, 3, H, W), dark where the mask is 0, to look at."""
        return dimmed(picture, self.of(picture))

    def __invert__(self) -> Mask:
        """Return the mask of all but this part."""
        return _mask("inverse", mask=self)

    def __and__(self, other: Any) -> Mask:
        """Return the mask of what is in both parts; the other may be whatever `as_mask` takes."""
        return _mask("both", one=self, other=as_mask(other))

    def __or__(self, other: Any) -> Mask:
        """Return the mask of what is in at least one of the parts."""
        return ~(~self & ~as_mask(other))

    __rand__, __ror__ = __and__, __or__

    def __repr__(self) -> str:
        """Return the call that makes this mask."""
        return self.code("")

    def code(self, prefix: str) -> str:
        """Return Python that makes this mask, with a prefix such as "nstkit." before names.

        Of a drawn mask, without a prefix, it only tells the size: the picture is long.
        """
        values = dict(self.options)
        if self.kind == "inverse":
            return f"~{values['mask'].code(prefix)}"
        if self.kind == "both":
            return f"({values['one'].code(prefix)} & {values['other'].code(prefix)})"
        if self.kind == "drawn":
            if prefix:
                return f"{prefix}pictures.masks.from_png({values['png']!r})"
            width, height = _opened(values["png"]).size
            return f"<mask of {width} x {height} px>"
        options = ", ".join(f"{name}={value!r}" for name, value in values.items())
        return f"{prefix}{self.kind}({options})"

    def to_data(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        values = {n: v.to_data() if isinstance(v, Mask) else v for n, v in self.options}
        return {"kind": self.kind, **values}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Mask:
        """Return the mask that `to_data` wrote.

        Raises:
            ValueError: An unknown kind, or options that its maker refuses.
        """
        options = dict(data)
        kind = options.pop("kind", None)
        if kind not in list(DRAWN):
            raise ValueError(f"The mask {kind!r} is not known; known are {', '.join(DRAWN)}.")
        values = {n: cls.from_data(v) if isinstance(v, Mapping) else v for n, v in options.items()}
        values = {n: tuple(v) if isinstance(v, list) else v for n, v in values.items()}
        try:
            return MAKERS.get(kind, partial(_mask, kind))(**values)
        except TypeError as error:
            raise ValueError(f"The mask {kind} cannot be made of {options}: {error}.") from error


def dimmed(picture: Tensor, mask: Tensor) -> Tensor:
    """Return a picture (1, 3, H, W), dark where a mask (1, 1, H, W) is 0."""
    return picture * (DIM + (1 - DIM) * mask)


def _mask(kind: str, **options: Any) -> Mask:
    return Mask(kind, tuple(options.items()))


# ---------------------------------------------------------------- what readers call


def rectangle(left: float, top: float, right: float, bottom: float, soft: float = SOFT) -> Mask:
    """Return the mask of a rectangle. Sides are shares of the picture's width and height.

    ``rectangle(0, 0, 1, 0.5)`` is the upper half. A side at 0 or 1 goes beyond the edge of the
    picture, so the mask is whole there.

    Args:
        left: in [0, 1], from the left edge of the picture.
        top: in [0, 1], from its upper edge.
        right: in [0, 1], above ``left``.
        bottom: in [0, 1], above ``top``.
        soft: width of the soft edge, as a share of the picture's short side; 0 is a hard edge.

    Raises:
        ValueError: Sides that are out of order or outside [0, 1], or a negative width.
    """
    return _shape("rectangle", left, top, right, bottom, soft)


def ellipse(left: float, top: float, right: float, bottom: float, soft: float = SOFT) -> Mask:
    """Return the mask of the ellipse inside a rectangle. Arguments as in `rectangle`."""
    return _shape("ellipse", left, top, right, bottom, soft)


def color_range(
    color: str | Sequence[float], tolerance: float = 0.15, soft: float = RANGE_SOFT,
    blur: float = BLUR,
) -> Mask:  # fmt: skip
    """Return the mask of all that has nearly some color.

    Distances are those of Oklab, where 0.02 is just seen, and black and white are 1 apart.

    Args:
        color: red, green and blue in [0, 1], or a name or a code as in a web page: "skyblue",
            "#87ceeb".
        tolerance: how far from the color a pixel counts by half.
        soft: from all to nothing, the distance grows by this, or by twice the tolerance if that is
            less.
        blur: deviation of the blur, as a share of the picture's short side.

    Raises:
        ValueError: An unknown color, or a negative number.

    Source: Ottosson 2020, "A perceptual color space for image processing".
    """
    for name, value in (("tolerance", tolerance), ("soft", soft), ("blur", blur)):
        check_weight(name, value, positive=name == "tolerance")
    try:
        parts = [part / 255 for part in _named(color)] if isinstance(color, str) else color
        given = tuple(float(part) for part in parts)
    except TypeError:
        given = ()
    if len(given) != 3 or not all(0 <= part <= 1 for part in given):
        raise ValueError(f"color is {color!r}; expected three numbers in [0, 1], or a name.")
    return _numbers_only("color_range", color=given, tolerance=tolerance, soft=soft, blur=blur)


def luminance_range(
    low: float = 0.0, high: float = 1.0, soft: float = RANGE_SOFT, blur: float = BLUR
) -> Mask:
    """Return the mask of all that is about as bright as this.

    Args:
        low: luminance in [0, 1] from which on a pixel counts by half; 0 sets no limit.
        high: luminance up to which it does, above ``low``; 1 sets no limit.
        soft: from nothing to all, the luminance changes by this.
        blur: deviation of the blur, as a share of the picture's short side.

    Raises:
        ValueError: Limits that are out of order or outside [0, 1], or a negative number.
    """
    for name, value in (("low", low), ("high", high)):
        check_weight(name, value)
    if not 0 <= low < high <= 1:
        raise ValueError(f"The range is [{low}, {high}]; expected 0 <= low < high <= 1.")
    for name, value in (("soft", soft), ("blur", blur)):
        check_weight(name, value)
    return _numbers_only("luminance_range", low=low, high=high, soft=soft, blur=blur)


def as_mask(given: Any) -> Mask:
    """Return the mask of what a reader gives.

    Args:
        given: a `Mask`; numbers in [0, 1] or booleans, (H, W) or with more dimensions of size 1, as
            a tensor, an array or lists; or a picture, as `nstkit.load_image` takes or returns it.
            Of pictures the luminance counts, and what is transparent is black. Pictures and
            numbers are kept with 8 bits.

    Raises:
        ValueError: Numbers of another shape or outside [0, 1], or no picture.
    """
    if isinstance(given, Mask):
        return given
    if isinstance(given, list) or (hasattr(given, "shape") and not isinstance(given, Image.Image)):
        return _drawn(_numbers(given))
    if isinstance(given, bool | int | float) or given is None:
        raise ValueError(
            f"The mask is {given!r}; expected a picture, an array, or a mask such as "
            "nstkit.rectangle(0, 0, 1, 0.5)."
        )
    source: Source = given
    return _drawn(luminance(load_at(source, ground="black")[0])[0, 0])


def from_png(png: str) -> Mask:
    """Return the mask of a gray PNG in base64, as masks keep what was drawn.

    Raises:
        ValueError: It is none.
    """
    try:
        image = _opened(png)
        image.load()  # one that is cut off is told now
    except Exception as error:  # base64 and Pillow raise many kinds
        raise ValueError(f"The mask is {png[:20]!r}...; expected a PNG in base64.") from error
    if image.mode != "L":
        raise ValueError(f"The mask's PNG has the mode {image.mode}; expected gray, L.")
    return _mask("drawn", png=png)


# ---------------------------------------------------------------- checks


def _shape(kind: str, left: float, top: float, right: float, bottom: float, soft: float) -> Mask:
    for name, side in (("left", left), ("top", top), ("right", right), ("bottom", bottom)):
        if not isinstance(side, Real):
            raise ValueError(f"{name} is {side!r}; expected a number in [0, 1].")
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise ValueError(
            f"The {kind} has the sides {left}, {top}, {right}, {bottom}; expected left, top, right "
            "and bottom as shares of the picture in [0, 1], left < right and top < bottom."
        )
    check_weight("soft", soft)
    return _numbers_only(kind, left=left, top=top, right=right, bottom=bottom, soft=soft)


def _numbers_only(kind: str, **options: Any) -> Mask:
    """Return a mask whose numbers are floats of Python, which a file can hold."""
    return _mask(kind, **{n: v if isinstance(v, tuple) else float(v) for n, v in options.items()})


def _named(color: str) -> tuple[int, ...]:
    try:
        return ImageColor.getrgb(color)[:3]
    except ValueError as error:
        raise ValueError(
            f"color is {color!r}; expected a name or a code such as 'skyblue' or '#87ceeb'."
        ) from error


def _numbers(given: Any) -> Tensor:
    """Return numbers (H, W) in [0, 1]."""
    if not isinstance(given, Tensor):  # arrays may be of any byte order, and run backwards
        given = torch.from_numpy(np.array(given, dtype=np.float32))
    values = given.detach().cpu().float()
    if values.dim() == 3 and values.shape[2] == 1:
        values = values[..., 0]
    shape = tuple(values.shape)
    if values.dim() == 4 and shape[:2] == (1, 3):
        values = luminance(values)[:, 0]
        shape = tuple(values.shape)
    if values.dim() < 2 or any(size != 1 for size in shape[:-2]) or 0 in shape:
        raise ValueError(f"The mask has the shape {shape}; expected (H, W).")
    low, high = values.min().item(), values.max().item()
    if not 0 <= low <= high <= 1 + 1e-6:  # luminance rounds; NaN is refused too
        raise ValueError(
            f"The values of the mask lie in [{low:g}, {high:g}]; expected [0, 1]. Divide by 255?"
        )
    return values.view(shape[-2:]).clamp(max=1)


def _drawn(values: Tensor) -> Mask:
    """Return the mask of numbers (H, W), kept as a gray PNG."""
    file = io.BytesIO()
    Image.fromarray(values.mul(255).round().byte().numpy()).save(file, "PNG")
    return _mask("drawn", png=base64.b64encode(file.getvalue()).decode("ascii"))


def _opened(png: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(png)))


# ---------------------------------------------------------------- how masks are drawn


def _rectangle(
    picture: Tensor, left: float, top: float, right: float, bottom: float, soft: float
) -> Tensor:
    y, x, short = _centers(picture)
    height, width = picture.shape[-2:]
    outside = [
        left * width - x if left > 0 else None,
        x - right * width if right < 1 else None,
        top * height - y if top > 0 else None,
        y - bottom * height if bottom < 1 else None,
    ]
    apart = torch.full((height, width), -float("inf"))
    for side in outside:
        if side is not None:
            apart = torch.maximum(apart, side.expand(height, width))
    return _ramp(apart, soft * short)


def _ellipse(
    picture: Tensor, left: float, top: float, right: float, bottom: float, soft: float
) -> Tensor:
    y, x, short = _centers(picture)
    height, width = picture.shape[-2:]
    a, b = (right - left) / 2 * width, (bottom - top) / 2 * height
    u, v = (x - (left + right) / 2 * width) / a, (y - (top + bottom) / 2 * height) / b
    reach = (u.square() + v.square()).sqrt()
    # The distance from the ellipse, to first order: how far past it, over how fast that grows.
    slope = ((u / a).square() + (v / b).square()).sqrt().clamp(min=1e-9)
    return _ramp(reach * (reach - 1) / slope, soft * short)


def _color_range(
    picture: Tensor, color: tuple[float, ...], tolerance: float, soft: float, blur: float
) -> Tensor:
    center = picture.new_tensor(color).view(1, 3, 1, 1)
    apart = (oklab(picture) - oklab(center)).square().sum(1, keepdim=True).sqrt()
    return _blurred(_ramp(apart - tolerance, min(soft, 2 * tolerance)), blur)


def _luminance_range(picture: Tensor, low: float, high: float, soft: float, blur: float) -> Tensor:
    Y = luminance(picture)
    above = _ramp(low - Y, soft) if low > 0 else torch.ones_like(Y)
    below = _ramp(Y - high, soft) if high < 1 else torch.ones_like(Y)
    return _blurred(above * below, blur)


def _from_png(picture: Tensor, png: str) -> Tensor:
    gray = torch.frombuffer(bytearray((image := _opened(png)).tobytes()), dtype=torch.uint8)
    mask = gray.view(1, 1, image.height, image.width).float() / 255
    height, width = picture.shape[-2:]
    if (height, width) == mask.shape[-2:]:
        return mask
    if abs(image.width / image.height * height / width - 1) > ASPECT:
        raise ValueError(
            f"The mask has {image.width} x {image.height} px, and the picture has {width} x "
            f"{height}; expected the same shape. Draw the mask over the whole picture."
        )
    return resize(mask, height, width)


def _both(picture: Tensor, one: Mask, other: Mask) -> Tensor:
    return one.of(picture) * other.of(picture)


def _inverse(picture: Tensor, mask: Mask) -> Tensor:
    return 1 - mask.of(picture)


DRAWN: dict[str, Callable[..., Tensor]] = {
    "rectangle": _rectangle,
    "ellipse": _ellipse,
    "color_range": _color_range,
    "luminance_range": _luminance_range,
    "drawn": _from_png,
    "both": _both,
    "inverse": _inverse,
}


def _combined(kind: str, **masks: Mask) -> Mask:
    """Return a mask made of others; of nothing else, for a file must not name pictures here."""
    if not all(isinstance(mask, Mask) for mask in masks.values()):
        raise TypeError("expected masks")
    return _mask(kind, **masks)


# What makes a mask of plain data, and checks its options. Of other kinds nothing is checked.
MAKERS: dict[str, Callable[..., Mask]] = {
    "rectangle": rectangle,
    "ellipse": ellipse,
    "color_range": color_range,
    "luminance_range": luminance_range,
    "drawn": from_png,
    "both": lambda one, other: _combined("both", one=one, other=other),
    "inverse": lambda mask: _combined("inverse", mask=mask),
}


def _centers(picture: Tensor) -> tuple[Tensor, Tensor, int]:
    """Return y (H, 1) and x (1, W) of the centers of all pixels in px, and the short side."""
    height, width = picture.shape[-2:]
    y, x = torch.arange(height)[:, None] + 0.5, torch.arange(width)[None] + 0.5
    return y, x, min(height, width)


def _ramp(beyond: Tensor, width: float) -> Tensor:
    """Return 1 far inside an edge, 0 far beyond, and 1/2 on it, as (1, 1, H, W)."""
    inside = (beyond < 0).float() if not width else (0.5 - beyond / width).clamp(0, 1)
    return inside.view(1, 1, *beyond.shape[-2:])


def _blurred(mask: Tensor, blur: float) -> Tensor:
    """Return a mask blurred by a deviation, a share of its short side; less than a pixel: as is."""
    sigma = blur * min(mask.shape[-2:])
    radius = min(round(3 * sigma), min(mask.shape[-2:]) - 1)
    if sigma < 0.5 or radius < 1:
        return mask
    from torchvision.transforms.functional import gaussian_blur  # here: it takes long to import

    return gaussian_blur(mask, 2 * radius + 1, sigma)


def oklab(picture: Tensor) -> Tensor:
    """Return colors (B, 3, H, W) of sRGB in [0, 1] as Oklab: lightness, green-red, blue-yellow."""
    linear = torch.where(
        picture <= 0.04045, picture / 12.92, ((picture.clamp(min=0) + 0.055) / 1.055) ** 2.4
    )
    cones = picture.new_tensor(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    lab = picture.new_tensor(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    roots = (cones @ linear.clamp(min=0).flatten(2)) ** (1 / 3)
    return (lab @ roots).view_as(picture)
