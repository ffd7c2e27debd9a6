"""Terms that compare the painting, or a part of it, with artworks."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from nstkit.losses import at_least_float32, for_batch
from nstkit.losses.moments import moment_sums
from nstkit.losses.neighbors import cosine_distance, grid, hypercolumns, matched
from nstkit.losses.statistics import Extent, Measured, Moments, Statistic, blended, kept_of, spread
from nstkit.pictures.artworks import Artworks, Share
from nstkit.terms.term import IMAGE, Compared
from nstkit.terms.where import Where, extent_of
from nstkit.tiles import Features, Tile, summed
from nstkit.vgg import VGG


class Painted(Compared):
    """A term that compares a part of the painting, or all of it, with artworks.

    Its distances are those of the part, times its share of the picture. So a pixel is pulled as
    hard in a small part as in a large one, and the parts of a picture have the weight of the whole.

    Args:
        picture: the artwork, (1, 3, H', W') in [0, 1], of any size; or one for each picture of a
            batch; or several `Artworks` with their shares.
        weight: beta.
        layers: {layer: weight}; names alone share the weight 1 equally.
        name: of the term.
        where: how much each pixel of the painting counts, (1, 1, H, W) in [0, 1]; None counts all.
            In a layer, it is the mean over the pixels of a position. A layer where nothing counts
            is left out.

    Attributes:
        where: the same mask, at every layer.
    """

    def __init__(
        self, picture: Tensor | Artworks, weight: float,
        layers: Mapping[str, float] | Iterable[str], name: str, where: Tensor | None = None,
    ) -> None:  # fmt: skip
        super().__init__(picture, weight, layers, name)
        self.where = Where(where)

    @property
    def artworks(self) -> Artworks:
        """What to compare with, also where it is a single picture."""
        return Artworks.of(self.picture)

    def mix(self, shares: Sequence[Share]) -> None:
        """Change the shares of the artworks. What was computed for each artwork is kept."""
        self._picture, self.targets = self.artworks.mixed(shares), {}

    def in_force(self) -> Hashable:
        """Return all that may be changed between two steps, to see whether it has."""
        return (*super().in_force(), *map(repr, self.artworks.shares))


class Style(Painted):
    """The distance of a statistic of features from an artwork's. Gatys et al. 2016, eq. 5.

    Several artworks have one target, see `nstkit.losses.statistics.blended`. Under a mask, sums
    over positions are weighted, and then divided by the share of the layer that counts: they are
    those of a whole picture that looks like the part. Gatys et al. 2017 (arXiv 1611.07865, section
    4) multiply the features by the mask, so there its square is the weight. They give each part a
    weight of its own. Here it is the part's share of the picture, as in the code of Luan et al.
    2017 (arXiv 1703.07511).

    Args:
        picture: as in `Painted`.
        statistic: what is compared, such as `nstkit.losses.statistics.Gram`.
        weight: beta.
        layers: {layer: weight}; names alone share the weight 1 equally.
        name: of the term.
        where: as in `Painted`.
    """

    def __init__(
        self, picture: Tensor | Artworks, statistic: Statistic, weight: float,
        layers: Mapping[str, float] | Iterable[str], name: str = "style",
        where: Tensor | None = None,
    ) -> None:  # fmt: skip
        super().__init__(picture, weight, layers, name, where)
        self.statistic = statistic

    @property
    def statistic(self) -> Statistic:
        """What is compared; setting another clears the targets."""
        return self._statistic

    @statistic.setter
    def statistic(self, statistic: Statistic) -> None:
        """Compare another statistic."""
        self._statistic = statistic
        self.forget()

    def forget(self) -> None:
        """Drop the targets, and the sums of each artwork."""
        super().forget()
        self._parts: dict[tuple[int, str], Measured] = {}

    @property
    def tiled(self) -> bool:
        """Whether the statistic adds up over tiles."""
        return self.statistic.tiled

    def prepare(self, vgg: VGG, tile: int | None) -> None:
        """Compute the artworks' targets in layers that have none yet.

        Raises:
            ValueError: The part of the artworks that counts is too small for all layers.
        """
        missing = self.missing(vgg)
        shares = {name: self.artworks.in_layer(name) for name in missing}
        for number in range(len(self.artworks.pictures)):
            names = [n for n in missing if shares[n][number] and (number, n) not in self._parts]
            self._measure(vgg, number, names, tile)
        for name in missing:
            self.targets[name] = self._target(name, shares[name])
        if missing and not any(target is not None for target in self.targets.values()):
            raise ValueError(
                f"The part of the artwork that the {self.name} term compares with is too small: no "
                f"layer of {', '.join(missing)} has a position in it. Take a larger part."
            )

    def _target(self, layer: str, shares: Sequence[float]) -> Tensor | None:
        """Return what to aim at in a layer; None if no artwork has anything there."""
        measured = [self._parts.get((number, layer)) for number in range(len(shares))]
        used = [
            (part, share) for part, share in zip(measured, shares, strict=True) if part and share
        ]
        if not used:
            return None
        total = sum(share for _, share in used)
        return blended(
            self.statistic, [part for part, _ in used], [share / total for _, share in used]
        )

    def _measure(self, vgg: VGG, number: int, layers: Sequence[str], tile: int | None) -> None:
        """Compute the sums of an artwork in those of some layers where any of it counts."""
        picture, where = self.artworks.pictures[number], Where(self.artworks.where[number])
        where.check(self.name, picture)
        layers = [name for name in layers if where.share_in(name)]
        if not layers:
            return

        def _sums(features: Features, part: Tile | None) -> list[Tensor]:
            return [self.statistic.sums(features[n], where.in_layer(n, part)) for n in layers]

        for name, sums in zip(layers, summed(vgg, picture, layers, _sums, tile), strict=True):
            self._parts[number, name] = self._of_whole(name, sums, where), extent_of(name, picture)

    def measure(self, features: Features, tile: Tile | None) -> dict[str, Tensor]:
        """Return the statistic's sums over positions; 0 of layers where nothing counts."""
        return {
            name: self.statistic.sums(F_l, self.where.in_layer(name, tile))
            if self._compares(name)
            else 0 * F_l.sum()
            for name, F_l in features.items()
        }

    def losses(self, measured: Mapping[str, Tensor], image: Tensor) -> dict[str, Tensor]:
        """Return the distance in each layer where anything counts."""
        self.where.check(self.name, image)
        distances = {
            name: self.statistic.distance(
                self._of_whole(name, sums, self.where), extent_of(name, image), self.targets[name]
            )
            for name, sums in measured.items()
            if self._compares(name)
        }
        return {n: self.where.share * d.to(image).mean() for n, d in distances.items()}

    def _compares(self, layer: str) -> bool:
        """Return whether a layer has positions that count, here and in the artworks."""
        return bool(self.where.share_in(layer)) and self.targets[layer] is not None

    def _of_whole(self, layer: str, sums: Tensor, where: Where) -> Tensor:
        """Return sums over a part as those of a whole picture that looks like the part."""
        return sums / where.share_in(layer) if where.mask is not None and self.tiled else sums


class Matched(Painted):
    """The cosine distance of hypercolumns from those of an artwork, matched once with a guide.

    At each position of a grid, what the network sees in all layers is compared with one place of
    the artworks: the one that is most like the guide there. The places are found before the first
    step and then stay, so that each form comes from one place. Kolkin et al. 2022, arXiv
    2203.13215, section 3.3. Of several artworks, each offers as many places as its share says.

    Args:
        picture: as in `Painted`, with one number for the share of each artwork.
        guide: says what belongs where, (1, 3, H, W) in [0, 1], of the painting's size: the
            photograph, or that mixed with the painting so far.
        weight: beta.
        layers: {layer: weight}; names alone share the weight 1 equally. A layer's part of each
            hypercolumn is multiplied by its weight.
        name: of the term.
        where: as in `Painted`.

    Raises:
        ValueError: Shares that differ between layers: all layers are matched at once.
    """

    tiled = False  # the place that is most like another one may be in any tile

    def __init__(
        self, picture: Tensor | Artworks, guide: Tensor, weight: float,
        layers: Mapping[str, float] | Iterable[str], name: str = "style",
        where: Tensor | None = None,
    ) -> None:  # fmt: skip
        super().__init__(picture, weight, layers, name, where)
        if self.artworks.by_layer:
            raise ValueError(
                "Hypercolumns match all layers with one place of an artwork, so shares cannot "
                "differ between layers. Give each artwork one number, or take another statistic."
            )
        self.guide = guide

    def prepare(self, vgg: VGG, tile: int | None) -> None:
        """Match the artworks with the guide, again where a layer has come in."""
        if not self.missing(vgg):
            return
        names = self.active_layers()
        ours, theirs = _columns(vgg(self.guide, names), self.guide), self._places(vgg, names)
        plain = torch.cat(list(theirs.values()), dim=1)  # weights may change later
        weights = self._on_grid(self.where.mask)
        found = matched(self._whole(ours), self._whole(theirs), plain, weights)
        parts = found.split([part.shape[1] for part in theirs.values()], dim=1)
        self.targets = dict(zip(theirs, parts, strict=True))

    def measure(self, features: Features, tile: Tile | None) -> dict[str, Tensor]:
        """Return each layer's part of the hypercolumns, {layer: (B, C, h, w)}."""
        return _columns(features, self.guide)

    def losses(self, measured: Mapping[str, Tensor], image: Tensor) -> dict[str, Tensor]:
        """Return the distance of whole hypercolumns."""
        self.where.check(self.name, image)
        if image.shape[-2:] != self.guide.shape[-2:]:
            raise ValueError(
                f"The image has {tuple(image.shape[-2:])} px, and the guide has "
                f"{tuple(self.guide.shape[-2:])}; expected equal sizes. Resize one of them."
            )
        found = self._whole(measured)
        aim = for_batch(self._whole({name: self.targets[name] for name in measured}), found)
        apart = cosine_distance(found, aim, self._on_grid(self.where.mask)).mean()
        return {IMAGE: self.where.share * apart.to(image)}

    def match(self, guide: Tensor) -> None:
        """Let another guide, of the painting's size, say what belongs where."""
        self.guide = guide
        self.forget()

    def _places(self, vgg: VGG, layers: Sequence[str]) -> dict[str, Tensor]:
        """Return the places that the artworks offer, {layer: (1, C, 1, count)}."""
        offered: list[dict[str, Tensor]] = []
        works = self.artworks
        shares = works.in_layer(layers[0])
        for picture, share, mask in zip(works.pictures, shares, works.where, strict=True):
            if share:
                columns = _columns(vgg(picture, layers), picture)
                offered.append({n: _chosen(part, mask) for n, part in columns.items()})
        counts = [next(iter(parts.values())).shape[-1] for parts in offered]
        kept = kept_of(counts, [share for share in shares if share])
        return {
            n: torch.cat([spread(p[n], k) for p, k in zip(offered, kept, strict=True)], dim=3)
            for n in layers
        }

    def _on_grid(self, mask: Tensor | None) -> Tensor | None:
        """Return how much each hypercolumn of the painting counts, (1, 1, h, w)."""
        return None if mask is None else F.adaptive_avg_pool2d(mask, grid(*mask.shape[-2:]))

    def _whole(self, parts: Mapping[str, Tensor]) -> Tensor:
        """Return whole hypercolumns from the parts of layers, each times its weight."""
        return torch.cat([self.layers[name] * part for name, part in parts.items()], dim=1)


class Palette(Painted):
    """The distance of the painting's colors from an artwork's: their means and covariances.

    Cosines forget how strong features are, so neighbors let colors drift. This term holds them.

    Args:
        picture: as in `Painted`.
        weight: of the term.
        name: of the term.
        where: as in `Painted`.
        layer: whose shares count, if those of the artworks differ between layers: the shallowest,
            which sees colors best.
    """

    def __init__(
        self, picture: Tensor | Artworks, weight: float, name: str = "palette",
        where: Tensor | None = None, layer: str = IMAGE,
    ) -> None:  # fmt: skip
        super().__init__(picture, weight, {}, name, where)
        self.layer = layer

    @property
    def active(self) -> bool:
        """Whether it has a weight."""
        return bool(self.weight)

    def prepare(self, vgg: VGG, tile: int | None) -> None:
        """Compute the artworks' mean and the root of their covariance."""
        if not self.targets:
            works = self.artworks
            parts = [
                (moment_sums(picture, mask), _pixels(picture, mask))
                for picture, mask in zip(works.pictures, works.where, strict=True)
            ]
            self.targets = {IMAGE: blended(Moments(), parts, works.in_layer(self.layer))}

    def losses(self, measured: Mapping[str, Tensor], image: Tensor) -> dict[str, Tensor]:
        """Return W2^2 / 3 between the colors, as if both were Gaussians."""
        mask = self.where.mask
        self.where.check(self.name, image)
        apart = Moments().distance(
            moment_sums(image, mask), _pixels(image, mask), self.targets[IMAGE]
        )
        return {IMAGE: self.where.share * apart.mean().to(image)}


def _columns(features: Features, picture: Tensor) -> dict[str, Tensor]:
    """Return each layer's part of a picture's hypercolumns, {layer: (B, C, h, w)}."""
    size = grid(*picture.shape[-2:])
    return {name: hypercolumns([at_least_float32(F_l)], size) for name, F_l in features.items()}


def _chosen(columns: Tensor, mask: Tensor | None) -> Tensor:
    """Return hypercolumns (B, C, h, w) where a mask is at least half on, as (B, C, 1, count)."""
    rows = columns.flatten(2)
    if mask is not None:
        weights = F.adaptive_avg_pool2d(mask, columns.shape[-2:]).flatten()
        rows = rows[..., weights >= min(0.5, weights.max().item())]
    return rows[:, :, None]


def _pixels(picture: Tensor, mask: Tensor | None) -> Extent:
    """Return what sums over the pixels of a picture run over."""
    pixels = picture[0, 0].numel()
    return Extent(pixels if mask is None else mask.sum().item(), pixels)
