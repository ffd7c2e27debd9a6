"""`Term`: what all summands of an objective have in common."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Mapping, Sequence
from types import MappingProxyType

from torch import Tensor

from nstkit.tiles import Features, Tile
from nstkit.vgg import VGG
from nstkit.vgg.names import layer_weights

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

    def of(self, picture: Tensor) -> Term:
        """Return a copy of this term for another picture. By default a term has none."""
        return self.copy()

    def active_layers(self) -> list[str]:
        """Return the layers whose features the term needs under its current weights."""
        return [name for name, weight in self.layers.items() if weight and self.weight]

    @property
    def active(self) -> bool:
        """Whether the term adds anything under its current weights."""
        return bool(self.weight) and (not self.layers or bool(self.active_layers()))

    def in_force(self) -> Hashable:
        """Return all that may be changed between two steps, to see whether it has."""
        return (self.name, self.weight, *self.layers.items())

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
        self._picture = picture
        self.forget()

    def forget(self) -> None:
        """Drop the targets, which are computed again when they are needed."""
        self.targets = {}

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
            self.forget()
            self._network = vgg
        return [name for name in self.active_layers() if name not in self.targets]


def check_names(terms: Sequence[Term]) -> None:
    """Raise ValueError unless each term has a name of its own."""
    names = [term.name for term in terms]
    if len(set(names)) < len(names):
        raise ValueError(
            f"The terms are called {names}; expected a different name for each, such as "
            "Style(..., name='second style')."
        )
