"""`transfer`: a painting in a fraction of a second, by moving features and decoding them.

A photograph and an artwork pass through VGG-19 up to relu4_1. There each is a cloud of points with
one coordinate for each channel. A linear map gives the photograph's cloud the mean and covariance
of the artwork's, or only the deviations, and `Decoder` turns the result into a picture. Nothing is
minimized. So nothing measures how good the picture is, either.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from time import perf_counter
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from nstkit.feedforward.decoder import LAYER, SHRINK, Decoder, decoded, encoder
from nstkit.feedforward.photoreal import Photoreal
from nstkit.gaussian import MAPS, Gaussian
from nstkit.losses.moments import mean_and_covariance, moment_sums
from nstkit.modes import usual_mode
from nstkit.options import check_choice, check_share, check_weight, check_whole
from nstkit.painting.given import (
    LEAST,
    GivenStyle,
    artwork_loader,
    finished,
    loaded_works,
    pairs_of,
    photograph,
    scene_of,
)
from nstkit.painting.result import Painting
from nstkit.painting.start import Given, chosen_device
from nstkit.painting.subject import Subject
from nstkit.pictures.color import COLORS
from nstkit.pictures.scene import Part, Region, Scene
from nstkit.terms.where import Where
from nstkit.tiles import Tiling, assembled, check_side
from nstkit.vgg import VGG
from nstkit.vgg.devices import Precision, feature_dtype, precision_name
from nstkit.vgg.fast import to_paint

# What becomes of the photograph's features: a key of `nstkit.gaussian.MAPS`.
HOWS = {"adain": "diagonal", "whiten": "analogies", "transport": "transport"}
PHOTO = "photo"  # features are moved by "transport", and the painting is made a photograph again
METHODS = (*HOWS, PHOTO)  # what `transfer` can do
SIDE = 512  # px of the long side, unless another is given
TILE = 1536  # px of the parts of larger pictures: the layers of one take about 2 GB


class Affine(NamedTuple):
    """What is done to the features of one position, a vector f: it becomes A f + b.

    Attributes:
        A: (C, C) float64 on the CPU.
        b: (C, 1), the same.
    """

    A: Tensor
    b: Tensor

    @classmethod
    def between(cls, source: Gaussian, target: Gaussian, how: str) -> Affine:
        """Return the map from one cloud to another by a key of ``HOWS``."""
        A = MAPS[HOWS[how]](source, target)
        return cls(A, target.mean - A @ source.mean)

    @classmethod
    def mixed(cls, maps: Sequence[Affine], shares: Sequence[float]) -> Affine:
        """Return the mean of maps, each with its share; shares add up to 1."""
        pairs = list(zip(maps, shares, strict=True))
        return cls(sum(s * m.A for m, s in pairs), sum(s * m.b for m, s in pairs))

    def faded(self, strength: float) -> Affine:
        """Return the map that goes only a part of the way: strength 0 changes nothing, 1 is all."""
        same = torch.eye(len(self.A), dtype=self.A.dtype)
        return Affine(strength * self.A + (1 - strength) * same, strength * self.b)

    def __call__(self, features: Tensor) -> Tensor:
        """Return features (1, C, h, w), moved."""
        A, b = (part.to(features.device, torch.float32) for part in self)
        return (A @ features.float().flatten(2) + b).view_as(features)


@dataclass(frozen=True, eq=False)
class Encoded:
    """A picture's features, and their mean and covariance.

    Attributes:
        features: of relu4_1, (1, 512, h, w) float32.
        where: how much each position counts, (1, 1, h, w); None counts all alike.
    """

    features: Tensor
    where: Tensor | None = None

    @cached_property
    def gaussian(self) -> Gaussian:
        """Mean and covariance over the positions, computed once."""
        count = self.features[0, 0].numel() if self.where is None else float(self.where.sum())
        sums = moment_sums(self.features, self.where).cpu()
        mean, covariance = mean_and_covariance(sums, count)
        return Gaussian(mean[0][:, None], covariance[0])


class Coder:
    """Both networks, encoder and decoder, on one device and in one precision.

    Args:
        device: where to compute.
        dtype: of the weights.
        tile: side in px of the parts in which larger pictures are computed; None computes the
            whole at once.
    """

    def __init__(
        self, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32,
        tile: int | None = TILE,
    ) -> None:  # fmt: skip
        check_side(tile)
        self.device, self.dtype, self.tile = torch.device(device), dtype, tile
        self.vgg: VGG = to_paint(encoder(), device, dtype).unpacked()
        self.decoder = Decoder().to(self.device, dtype, memory_format=torch.channels_last)

    @torch.no_grad()
    def encode(self, picture: Tensor, where: Tensor | None = None) -> Encoded | None:
        """Return the features of a picture (1, 3, H, W); None if no position of it counts.

        Args:
            picture: in [0, 1], of any size from 32 px.
            where: how much each pixel counts, (1, 1, H, W), or None.
        """
        features = assembled(self.vgg, picture.to(self.device), [LAYER], self.tile)[LAYER].float()
        return self.counted(features, where)

    def counted(self, features: Tensor, where: Tensor | None) -> Encoded | None:
        """Return features with a mask of the picture; None if no position counts."""
        mask = Where(where)
        if not mask.share_in(LAYER):
            return None
        weights = mask.in_layer(LAYER)
        return Encoded(features, None if weights is None else weights.to(features))

    @torch.no_grad()
    def decode(self, features: Tensor) -> Tensor:
        """Return the picture of features (1, 512, h, w), (1, 3, 8 h, 8 w) in [0, 1], float32."""
        return decoded(self.decoder, features, self.tile).clamp(0, 1)


# ---------------------------------------------------------------- features moved


Weighed = tuple[Encoded, float]  # an artwork and its share


def moved(photo: Encoded, artworks: Sequence[Weighed], how: str, strength: float = 1.0) -> Tensor:
    """Return the features of a photograph, moved to those of artworks.

    Args:
        photo: what is moved. Its mask says which positions are counted. All are moved.
        artworks: where to; their shares add up to 1.
        how: a key of ``HOWS``.
        strength: how far, from 0, which changes nothing, to 1.

    Returns:
        (1, C, h, w) float32.
    """
    used = [(artwork, share) for artwork, share in artworks if share]
    if not strength or not used:
        return photo.features
    maps = [Affine.between(photo.gaussian, artwork.gaussian, how) for artwork, _ in used]
    return Affine.mixed(maps, [share for _, share in used]).faded(strength)(photo.features)


@dataclass(frozen=True, eq=False)
class EncodedPart:
    """A part of the painting between encoder and decoder.

    Attributes:
        photo: the photograph's features, with the part as their mask.
        artworks: what the part is painted after; empty if it stays as it is.
        shares: of the artworks; they add up to 1.
    """

    photo: Encoded
    artworks: tuple[Encoded, ...]
    shares: tuple[float, ...]

    def moved(self, how: str, strength: float, shares: Sequence[float] | None = None) -> Tensor:
        """Return the features of the whole photograph, moved to the part's artworks."""
        pairs = zip(self.artworks, self.shares if shares is None else shares, strict=True)
        return moved(self.photo, list(pairs), how, strength)


class EncodedScene:
    """A scene between encoder and decoder, which can be painted in many ways.

    Args:
        scene: photograph, artworks and regions.
        coder: the networks.

    Raises:
        ValueError: What counts of an artwork is too small for one position.
    """

    def __init__(self, scene: Scene, coder: Coder) -> None:
        self.coder, self.size = coder, scene.content.shape[-2:]
        scene = scene.mapped(padded, artwork=lambda picture: picture)
        self.features = coder.encode(scene.content).features
        self.parts = [
            EncodedPart(photo, *self._artworks(part))
            for part in scene.parts
            if (photo := coder.counted(self.features, part.where)) is not None
        ]

    def painted(self, how: str, strength: float, shares: Sequence[float] | None = None) -> Tensor:
        """Return a painting, (1, 3, H, W) in [0, 1], before its colors are finished.

        Args:
            how: a key of ``HOWS``.
            strength: how far features move, from 0 to 1.
            shares: of the artworks in place of the scene's, for a scene of one part.
        """
        height, width = self.size
        features = self._moved(how, strength, shares)
        return self.coder.decode(features)[..., :height, :width].contiguous()

    def _moved(self, how: str, strength: float, shares: Sequence[float] | None) -> Tensor:
        """Return the features of all parts, each weighted by its mask."""
        if len(self.parts) == 1:
            return self.parts[0].moved(how, strength, shares)
        total = torch.zeros_like(self.features)
        weights = torch.zeros_like(self.features[:, :1])
        for part in self.parts:
            where = 1.0 if part.photo.where is None else part.photo.where
            total += where * part.moved(how, strength)
            weights = weights + where
        # Masks of regions may overlap, or add up to less than 1.
        return torch.where(weights > 0, total / weights.clamp(min=1e-6), self.features)

    def _artworks(self, part: Part) -> tuple[tuple[Encoded, ...], tuple[float, ...]]:
        works = part.works
        if works is None:
            return (), ()
        pairs = zip(works.pictures, works.where, strict=True)
        found = tuple(self.coder.encode(picture, where) for picture, where in pairs)
        if None in found:
            raise ValueError(
                f"The part of the artwork that counts is too small: {LAYER} has no position in it. "
                "Take a larger part."
            )
        return found, works.in_layer(LAYER)


def padded(picture: Tensor) -> Tensor:
    """Return a picture or mask with reflected edges, so that its sides are multiples of 8."""
    height, width = picture.shape[-2:]
    return F.pad(picture, (0, -width % SHRINK, 0, -height % SHRINK), mode="reflect")


# ---------------------------------------------------------------- the entrance


@dataclass(frozen=True, kw_only=True, repr=False)
class Transfer(Painting):
    """A painting by `nstkit.transfer`.

    Attributes:
        how: features were moved.
        strength: how far.
        color: whose colors it has.
        style_scale: size of the artwork.
    """

    how: str
    strength: float
    color: str
    style_scale: float

    @property
    def summary(self) -> str:
        """How, how far, and the seconds."""
        return f"{self.how}, strength {self.strength:g}, in {self.seconds:.2g} s"

    def facts(self) -> dict[str, str]:
        """Return what a file says of the painting."""
        options = {n: str(getattr(self, n)) for n in ("how", "strength", "color", "style_scale")}
        return super().facts() | options


def transfer(
    content: Given, style: GivenStyle, how: str = "adain", strength: float = 1.0, *,
    size: int | None = None, color: str = "style", style_scale: float = 1.0,
    regions: Sequence[Region] = (), precision: Precision = "auto",
    device: torch.device | str | None = None, tile: Tiling = "auto", coder: Coder | None = None,
) -> Transfer:  # fmt: skip
    """Paint a photograph in the style of an artwork in one pass, without any optimization.

    Args:
        content: photograph: (1, 3, H, W) in [0, 1], or whatever `nstkit.load_image` takes.
        style: artwork, or several with their shares, as in `nstkit.stylize`. Of shares for layers,
            those of relu4_1 count.
        how: what the features of the photograph get from those of the artwork: "adain", the mean
            and deviation of each channel (Huang and Belongie 2017, arXiv 1703.06868); "whiten",
            the mean and covariance (Li et al. 2017, "Universal Style Transfer via Feature
            Transforms", arXiv 1705.08086, here in one layer); "transport", the same, and features
            move least (Mroueh 2020, "Wasserstein Style Transfer", arXiv 1905.12828); "photo", that
            of "transport", and the painting is made a photograph again, which takes seconds (see
            `nstkit.as_photo`).
        strength: how far, from 0 to 1. 0 gives the photograph as the decoder sees it, which "photo"
            then smooths.
        size: long side in px to which pictures that are not tensors are scaled. None is at most
            512: a smaller photograph keeps its own.
        color: "style", "match" or "luminance", as in `nstkit.stylize`.
        style_scale: size of the artwork, as there.
        regions: parts of the photograph with styles of their own, as there; without ``beta`` and
            ``keep``, for nothing is minimized here.
        precision: of the networks, see `nstkit.vgg.devices`.
        device: where to compute; None is a GPU, or where content is.
        tile: side in px of parts computed one after another, which gives the same picture; "auto"
            does so above 1536 px; None never does.
        coder: networks to use again, in place of the three options before.

    A covariance needs as many positions as ``relu4_1`` has channels, 512, which is a photograph of
    about 256 x 128 px. Of a smaller photograph, or a smaller region, all but "adain" move what
    there is, and reach only a part of the artwork's covariance. "photo" smooths the whole picture
    at once. So colors of one region flow into another where the photograph has no edge.

    Raises:
        ValueError: A bad picture, option or number.
    """
    coder = chosen_coder(coder, content, precision, device, tile)
    draft = Draft(
        content, style, size=size, color=color, style_scale=style_scale, regions=regions,
        coder=coder,
    )  # fmt: skip
    for remark in draft.remarks:
        warnings.warn(remark, UserWarning, stacklevel=2)
    return draft.paint(how, strength)


CHECKS: dict[str, Callable[..., None]] = {
    "how": partial(check_choice, choices=METHODS),
    "strength": check_share,
    "size": partial(check_whole, least=LEAST),
    "color": partial(check_choice, choices=COLORS),
    "style_scale": partial(check_weight, positive=True),
}


def check_options(**given: object) -> None:
    """Raise ValueError unless the options of `transfer` that are given are right."""
    for name, value in given.items():
        CHECKS[name](name, value)


def chosen_coder(
    coder: Coder | None, content: Given, precision: Precision = "auto",
    device: torch.device | str | None = None, tile: Tiling = "auto",
) -> Coder:  # fmt: skip
    """Return a coder that was given, or a new one; arguments as in `transfer`.

    Raises:
        ValueError: It is none, or there are options beside it.
    """
    if coder is None:
        return coder_on(content, precision, device, tile)
    if not isinstance(coder, Coder):
        raise ValueError(f"coder is {coder!r}; expected a nstkit.feedforward.Coder, or None.")
    if (precision, device, tile) != ("auto", None, "auto"):
        raise ValueError(
            "Got a coder, and precision, device or tile beside it, which it has itself. Leave them "
            "out, or make another coder."
        )
    return coder


def coder_on(
    content: Given, precision: Precision = "auto", device: torch.device | str | None = None,
    tile: Tiling = "auto",
) -> Coder:  # fmt: skip
    """Return networks where a photograph is to be painted; arguments as in `transfer`."""
    device = chosen_device(device, content)
    return Coder(device, feature_dtype(precision, device), TILE if tile == "auto" else tile)


class Draft:
    """Pictures that have passed the encoder, to be painted in many ways. Arguments as `transfer`.

    Attributes:
        remarks: what to tell of its pictures, such as that one is enlarged.
    """

    @usual_mode()
    def __init__(
        self, content: Given, style: GivenStyle, *, coder: Coder, size: int | None = None,
        color: str = "style", style_scale: float = 1.0, regions: Sequence[Region] = (),
    ) -> None:  # fmt: skip
        check_options(color=color, style_scale=style_scale)
        regions = (regions,) if isinstance(regions, Region) else tuple(regions or ())
        _check_plain(regions)
        began, remarks = perf_counter(), []
        self._photo, side = photograph(content, size, SIDE, coder.device, remarks)
        height, width = self._photo.shape[-2:]
        if min(height, width) < LEAST:
            raise ValueError(
                f"The photograph has {width} x {height} px; expected {LEAST} or more on each side. "
                "Load it larger."
            )
        load = artwork_loader(side, style_scale, coder.device, remarks)
        self._works = works = loaded_works(style, load)
        self._scene = scene_of(self._photo, works, regions, color, load)
        if not self._scene.parts:
            raise ValueError("style is None; expected an artwork, or regions with artworks.")
        self._encoded = EncodedScene(self._scene, coder)
        self._facts = {
            "precision": precision_name(coder.dtype),
            "content": self._photo,
            "color": color,
            "style_scale": float(style_scale),
        }
        self._given = content, style, regions, side
        self.remarks = list(dict.fromkeys(remarks))
        self._seconds = perf_counter() - began

    @usual_mode()
    def paint(
        self, how: str = "adain", strength: float = 1.0, shares: Sequence[float] | None = None
    ) -> Transfer:
        """Return the painting. Its seconds are those of this call and of the encoder.

        The first "photo" takes seconds. The next ones are faster, until another way is taken.

        Args:
            how: as in `transfer`.
            strength: the same.
            shares: of the artworks in place of those of the style.

        Raises:
            ValueError: A bad option, or shares for a draft with regions.
        """
        check_options(how=how, strength=strength)
        began = perf_counter()
        content, style, regions, side = self._given
        works = self._works
        if shares is not None:
            if regions or works is None:
                raise ValueError("Got shares for a draft with regions; make a new draft instead.")
            style = list(zip((picture for picture, _ in pairs_of(style)), shares, strict=True))
            works = works.mixed(shares)
            shares = works.in_layer(LAYER)
        image = self._encoded.painted("transport" if how == PHOTO else how, strength, shares)
        if how == PHOTO:
            image = self._photoreal(image, [part.where for part in self._scene.parts])
        else:
            self.__dict__.pop("_photoreal", None)  # its factors take more than 1 GB at 512 px
        image = finished(image, self._scene, self._photo, self._facts["color"])
        if image.is_cuda:
            torch.cuda.synchronize()  # else the clock is read before the picture is done
        return Transfer(
            image=image,
            seconds=self._seconds + perf_counter() - began,
            subject=Subject.of(content, style, regions, side),
            style=None if works is None else works.plain,
            how=how,
            strength=float(strength),
            **self._facts,
        )

    @cached_property
    def _photoreal(self) -> Photoreal:
        """Computed once, and only if it is asked for: it takes seconds."""
        return Photoreal(self._photo)


def _check_plain(regions: Sequence[Region]) -> None:
    for number, region in enumerate(regions, 1):
        for name in ("beta", "keep"):
            if (value := getattr(region, name, None)) is not None:
                raise ValueError(
                    f"{name} of region {number} is {value:g}, but transfer minimizes nothing, so "
                    "it has no weights. Leave it out, or paint with nstkit.stylize."
                )
