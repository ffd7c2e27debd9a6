"""Terms: the summands of an objective. One class for each.

To add a loss, write a class like `Variation` (of pixels) or `Content` (of features) and put it into
the list of an `nstkit.Objective`, which `nstkit.optimize` minimizes. Nothing else changes. A recipe
names only the terms of `nstkit.objective.terms_of`, so a term for `stylize` needs a line there too.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

import torch
from torch import Tensor

from nstkit.losses import (
    Form,
    Reduce,
    at_least_float32,
    check_same_shape,
    for_batch,
    reduced,
    total_variation,
)
from nstkit.losses.moments import moment_sums, moments, moments_distance
from nstkit.losses.neighbors import cosine_distance, grid, hypercolumns, matched
from nstkit.losses.statistics import Extent, Statistic
from nstkit.tiles import Features, Tile, assembled, summed
from nstkit.vgg import VGG
from nstkit.vgg.names import layer_weights, map_size, positions

IMAGE = "image"  # what stands for a layer where a term reads pixels alone


class Term(ABC):
    """One summand of an objective: ``weight`` times the sum over layers of weight times distance.

    An objective calls a term in three steps. `prepare` computes the targets, once. `measure` reads
    features in the forward pass, and `losses` makes distances of what was measured. Between the
    last two, weights may change: what they multiply was computed already.

    Attributes:
        name: distinguishes it from the other terms of an objective, such as "style".
        weight: may be changed at any time; 0 switches the term off.
        layers: {layer: weight}, may be changed at any time; empty for a term that reads pixels.
        tiled: whether what it measures adds up over tiles.
    """

    name: str
    weight: float
    layers: Mapping[str, float] = MappingProxyType({})
    tiled: bool = True

    def copy(self) -> Term:
        """Return a copy whose weights can be changed alone."""
        other = copy.copy(self)
        other.layers = dict(self.layers)
        return other

    def active_layers(self) -> list[str]:
        """Return the layers whose features the term needs under its current weights."""
        return [name for name, weight in self.layers.items() if weight and self.weight]

    @property
    def active(self) -> bool:
        """Whether the term adds anything under its current weights."""
        return bool(self.weight) and (not self.layers or bool(self.active_layers()))

    def prepare(self, vgg: VGG, tile: int | None) -> None:  # noqa: B027 - most have no targets
        """Compute targets that the active layers lack, without gradients. By default none.

        Args:
            vgg: the network of the objective.
            tile: side of tiles in px, or None.
        """

    def measure(self, features: Features, tile: Tile | None) -> dict[str, Tensor]:
        """Return what the term needs of each layer: {layer: tensor}. By default nothing.

        If ``tiled``, the results of tiles are added up, so they must be sums over positions.

        Args:
            features: {layer: (B, C, H, W)} of the active layers, cut to the tile.
            tile: the part that they are of; None for the whole picture.
        """
        return {}

    @abstractmethod
    def losses(self, measured: Mapping[str, Tensor], image: Tensor) -> dict[str, Tensor]:
        """Return the distances without any weight, as differentiable scalars: {layer: distance}.

        For a batch, each is the mean over its pictures. A term of pixels alone returns
        ``{"image": value}``.

        Args:
            measured: what `measure` returned, summed over tiles, of layers that are still active.
            image: (B, 3, H, W), the painting.
        """


class Compared(Term):
    """A term that compares features with those of a given picture, its target.

    Attributes:
        picture: (1, 3, H, W) or (B, 3, H, W) in [0, 1].
        targets: {layer: what to aim at}, computed once for a network.
    """

    targets: dict[str, Tensor]
    _network: VGG | None = None  # that computed the targets

    def __init__(
        self, picture: Tensor, weight: float, layers: Mapping[str, float] | Iterable[str], name: str
    ) -> None:
        self.picture, self.weight, self.name = picture, weight, name
        self.layers = layer_weights(layers)

    @property
    def picture(self) -> Tensor:
        """The picture to compare with; setting another clears the targets."""
        return self._picture

    @picture.setter
    def picture(self, picture: Tensor) -> None:
        """Compare with another picture."""
        self._picture, self.targets = picture, {}

    @property
    def active(self) -> bool:
        """Whether any layer has a weight: without features there is nothing to compare."""
        return bool(self.active_layers())

    def of(self, picture: Tensor) -> Compared:
        """Return a copy of this term for a picture; the same one keeps its targets."""
        other = self.copy()
        if picture is not self.picture:
            other.picture = picture
        return other

    def missing(self, vgg: VGG) -> list[str]:
        """Return the active layers that have no target of this network yet."""
        if vgg is not self._network:
            self.targets, self._network = {}, vgg
        return [name for name in self.active_layers() if name not in self.targets]


class Content(Compared):
    """The distance of features from those of a photograph. Gatys et al. 2016, eq. 1.

    Args:
        picture: the photograph, (1, 3, H, W) or (B, 3, H, W) in [0, 1], of the painting's size.
        weight: alpha.
        layers: {layer: weight}; names alone share the weight 1 equally.
        reduce: "mean" or "sum" of squared differences, or "rms".
        name: of the term.
    """

    def __init__(
        self, picture: Tensor, weight: float, layers: Mapping[str, float] | Iterable[str],
        reduce: Reduce = "mean", name: str = "content",
    ) -> None:  # fmt: skip
        super().__init__(picture, weight, layers, name)
        self.reduce = reduce

    def prepare(self, vgg: VGG, tile: int | None) -> None:
        """Compute the photograph's features in layers that have none yet."""
        if missing := self.missing(vgg):
            self.targets |= assembled(vgg, self.picture, missing, tile)

    def measure(self, features: Features, tile: Tile | None) -> dict[str, Tensor]:
        """Return the sums of squared differences from the photograph, {layer: (B,)}."""
        return {name: self._squares(name, F_l, tile) for name, F_l in features.items()}

    def losses(self, measured: Mapping[str, Tensor], image: Tensor) -> dict[str, Tensor]:
        """Return the distance in each layer."""
        for name in measured:
            _check_size(name, self.targets[name], image)
        counts = {name: self.targets[name][0].numel() for name in measured}
        return {n: reduced(s, counts[n], self.reduce).mean() for n, s in measured.items()}

    def _squares(self, layer: str, F_l: Tensor, tile: Tile | None) -> Tensor:
        P_l = self.targets[layer]
        P_l = P_l if tile is None else P_l[tile.in_whole(layer)]
        P_l = for_batch(P_l, F_l)
        check_same_shape(F_l, P_l)
        return (at_least_float32(F_l) - at_least_float32(P_l)).square().sum((1, 2, 3))


class Style(Compared):
    """The distance of a statistic of features from an artwork's. Gatys et al. 2016, eq. 5.

    Args:
        picture: the artwork, (1, 3, H', W') in [0, 1], of any size; or one for each picture of a
            batch.
        statistic: what is compared, such as `nstkit.losses.statistics.Gram`.
        weight: beta.
        layers: {layer: weight}; names alone share the weight 1 equally.
        name: of the term.
    """

    def __init__(
        self, picture: Tensor, statistic: Statistic, weight: float,
        layers: Mapping[str, float] | Iterable[str], name: str = "style",
    ) -> None:  # fmt: skip
        super().__init__(picture, weight, layers, name)
        self.statistic = statistic

    @property
    def statistic(self) -> Statistic:
        """What is compared; setting another clears the targets."""
        return self._statistic

    @statistic.setter
    def statistic(self, statistic: Statistic) -> None:
        """Compare another statistic."""
        self._statistic, self.targets = statistic, {}

    @property
    def tiled(self) -> bool:
        """Whether the statistic adds up over tiles."""
        return self.statistic.tiled

    def prepare(self, vgg: VGG, tile: int | None) -> None:
        """Compute the artwork's targets in layers that have none yet."""
        if missing := self.missing(vgg):
            found = summed(
                vgg, self.picture, missing,
                lambda features, _: [self.statistic.sums(features[name]) for name in missing],
                tile,
            )  # fmt: skip
            for name, sums in zip(missing, found, strict=True):
                extent = extent_of(name, self.picture)
                self.targets[name] = self.statistic.target(sums, extent)

    def measure(self, features: Features, tile: Tile | None) -> dict[str, Tensor]:
        """Return the statistic's sums over positions."""
        return {name: self.statistic.sums(F_l) for name, F_l in features.items()}

    def losses(self, measured: Mapping[str, Tensor], image: Tensor) -> dict[str, Tensor]:
        """Return the distance in each layer."""
        distances = {
            n: self.statistic.distance(sums, extent_of(n, image), self.targets[n])
            for n, sums in measured.items()
        }
        return {n: distance.to(image).mean() for n, distance in distances.items()}


class Matched(Compared):
    """The cosine distance of hypercolumns from those of an artwork, matched once with a guide.

    At each position of a grid, what the network sees in all layers is compared with one place of
    the artwork: the one that is most like the guide there. The places are found before the first
    step and then stay, so that each form comes from one place. Kolkin et al. 2022, arXiv
    2203.13215, section 3.3.

    Args:
        picture: the artwork, (1, 3, H', W') in [0, 1], of any size.
        guide: says what belongs where, (1, 3, H, W) in [0, 1], of the painting's size: the
            photograph, or that mixed with the painting so far.
        weight: beta.
        layers: {layer: weight}; names alone share the weight 1 equally. A layer's part of each
            hypercolumn is multiplied by its weight.
        name: of the term.
    """

    tiled = False  # the place that is most like another one may be in any tile

    def __init__(
        self, picture: Tensor, guide: Tensor, weight: float,
        layers: Mapping[str, float] | Iterable[str], name: str = "style",
    ) -> None:  # fmt: skip
        super().__init__(picture, weight, layers, name)
        self.guide = guide

    def prepare(self, vgg: VGG, tile: int | None) -> None:
        """Match the artwork with the guide, again where a layer has come in."""
        if not self.missing(vgg):
            return
        names = self.active_layers()
        ours, theirs = (
            _parts(vgg(picture, names), picture) for picture in (self.guide, self.picture)
        )
        plain = torch.cat(list(theirs.values()), dim=1)  # weights may change later
        found = matched(self._whole(ours), self._whole(theirs), plain)
        parts = found.split([part.shape[1] for part in theirs.values()], dim=1)
        self.targets = dict(zip(theirs, parts, strict=True))

    def measure(self, features: Features, tile: Tile | None) -> dict[str, Tensor]:
        """Return each layer's part of the hypercolumns, {layer: (B, C, h, w)}."""
        return _parts(features, self.guide)

    def losses(self, measured: Mapping[str, Tensor], image: Tensor) -> dict[str, Tensor]:
        """Return the distance of whole hypercolumns."""
        if image.shape[-2:] != self.guide.shape[-2:]:
            raise ValueError(
                f"The image has {tuple(image.shape[-2:])} px, and the guide has "
                f"{tuple(self.guide.shape[-2:])}; expected equal sizes. Resize one of them."
            )
        found = self._whole(measured)
        aim = for_batch(self._whole({name: self.targets[name] for name in measured}), found)
        return {IMAGE: cosine_distance(found, aim).mean().to(image)}

    def match(self, guide: Tensor) -> None:
        """Let another guide, of the painting's size, say what belongs where."""
        self.guide, self.targets = guide, {}

    def _whole(self, parts: Mapping[str, Tensor]) -> Tensor:
        """Return whole hypercolumns from the parts of layers, each times its weight."""
        return torch.cat([self.layers[name] * part for name, part in parts.items()], dim=1)


class Palette(Compared):
    """The distance of the painting's colors from an artwork's: their means and covariances.

    Cosines forget how strong features are, so neighbors let colors drift. This term holds them.

    Args:
        picture: the artwork, (1, 3, H', W') in [0, 1], of any size; or one for each picture of a
            batch.
        weight: of the term.
        name: of the term.
    """

    def __init__(self, picture: Tensor, weight: float, name: str = "palette") -> None:
        super().__init__(picture, weight, {}, name)

    @property
    def active(self) -> bool:
        """Whether it has a weight."""
        return bool(self.weight)

    def prepare(self, vgg: VGG, tile: int | None) -> None:
        """Compute the artwork's mean and the root of its covariance."""
        if not self.targets:
            self.targets = {IMAGE: moments(moment_sums(self.picture), self.picture[0, 0].numel())}

    def losses(self, measured: Mapping[str, Tensor], image: Tensor) -> dict[str, Tensor]:
        """Return W2^2 / 3 between the colors, as if both were Gaussians."""
        sums, aim = moment_sums(image), self.targets[IMAGE]
        return {IMAGE: moments_distance(sums, image[0, 0].numel(), aim).mean().to(image)}


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


def _parts(features: Features, picture: Tensor) -> dict[str, Tensor]:
    """Return each layer's part of a picture's hypercolumns, {layer: (B, C, h, w)}."""
    size = grid(*picture.shape[-2:])
    return {name: hypercolumns([at_least_float32(F_l)], size) for name, F_l in features.items()}


def extent_of(layer: str, picture: Tensor) -> Extent:
    """Return what sums over a layer's positions run over, for pictures (B, 3, H, W)."""
    height, width = picture.shape[-2:]
    return Extent(positions(layer, height, width), height * width)


def check_names(terms: Sequence[Term]) -> None:
    """Raise ValueError unless each term has a name of its own."""
    names = [term.name for term in terms]
    if len(set(names)) < len(names):
        raise ValueError(
            f"The terms are called {names}; expected a different name for each, such as "
            "Style(..., name='second style')."
        )


def _check_size(layer: str, target: Tensor, image: Tensor) -> None:
    """Raise ValueError unless a target has a number for each feature of an image.

    In tiles nobody else would notice: a tile of a larger target is as large as that of the image.
    """
    if tuple(target.shape[-2:]) != (expected := map_size(layer, *image.shape[-2:])):
        raise ValueError(
            f"The content has {tuple(target.shape[-2:])} positions in {layer}, and the image has "
            f"{expected}; expected equal sizes. Resize one of them."
        )
