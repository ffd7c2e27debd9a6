"""`Objective`: a recipe with its targets, called with a picture, gives its `Losses`."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from nstkit.losses import distance, reduced, total_variation
from nstkit.moments import style_distance, style_sums, style_target
from nstkit.pretrained import channels, positions
from nstkit.recipes import DEFAULT, Recipe
from nstkit.tiles import Features, Tile, Tiling, assembled, fitting, summed
from nstkit.vgg import VGG


@dataclass(frozen=True)
class Losses:
    """The losses of one picture, as scalars that carry gradients, or as floats.

    Attributes:
        total: what is minimized: alpha * content + beta * style + (weight of tv) * tv.
        content: L_content, the sum over content layers of layer weight times distance.
        style: L_style, the same over style layers.
        tv: the total variation, without its weight.
        per_layer: the distance in each layer without any weight, under keys such as
            "content relu4_2" and "style relu1_1".
        weights: (alpha, beta, tv) in force.

    A term whose weight is 0 is not computed and reads 0.
    """

    total: Tensor | float
    content: Tensor | float
    style: Tensor | float
    tv: Tensor | float
    per_layer: Mapping[str, Tensor | float]
    weights: tuple[float, float, float]

    @property
    def terms(self) -> dict[str, Tensor | float]:
        """What each term contributes to the total: alpha * content, and so on."""
        alpha, beta, tv = self.weights
        return {"content": alpha * self.content, "style": beta * self.style, "tv": tv * self.tv}

    def floats(self) -> Losses:
        """Return the same with Python floats, fetched from the device in one transfer."""
        scalars = [self.total, self.content, self.style, self.tv, *self.per_layer.values()]
        device = self.total.device if isinstance(self.total, Tensor) else None
        values = torch.stack([torch.as_tensor(s, device=device).detach() for s in scalars]).tolist()
        return Losses(*values[:4], dict(zip(self.per_layer, values[4:], strict=True)), self.weights)


class Objective:
    """A recipe with its targets: call it with an image to get its `Losses`.

    ``alpha``, ``beta``, ``tv`` and the weights in ``content_layers`` and ``style_layers`` may be
    changed at any time, layers too: the next call uses them. Targets are computed once a layer.

    Args:
        content: the photograph (1, 3, H, W) in [0, 1]; None where alpha is 0.
        style: the artwork, of any size; None where beta is 0.
        vgg: the network; None builds the recipe's, in float32 on the images' device.
        recipe: what to minimize.
        tile: side in px of the parts that are computed one after another where the whole does not
            fit into the memory, see `nstkit.tiles`; "auto" chooses; None computes the whole.

    Raises:
        ValueError: A picture is missing whose term has a weight.
    """

    def __init__(
        self, content: Tensor | None, style: Tensor | None, vgg: VGG | None = None,
        recipe: Recipe = DEFAULT, tile: Tiling = None,
    ) -> None:  # fmt: skip
        given = style if content is None else content
        if given is None:
            raise ValueError("Got neither content nor style; expected at least one picture.")
        self.recipe, self.content, self.style = recipe, content, style
        self.alpha, self.beta, self.tv = recipe.alpha, recipe.beta, recipe.tv
        self.content_layers = dict(recipe.content_layers)
        self.style_layers = dict(recipe.style_layers)
        self.vgg = network(recipe).to(given.device) if vgg is None else vgg
        self.tile = fitting(tile, given, self.vgg, {**self.content_layers, **self.style_layers})
        self._content_targets: dict[str, Tensor] = {}
        self._style_targets: dict[str, Tensor] = {}
        self._complete_targets()

    def __call__(self, image: Tensor) -> Losses:
        """Return the losses of an image (1, 3, H, W), differentiable with respect to it."""
        return self.losses(image, self.measure(image))

    def measure(self, image: Tensor) -> dict[str, Tensor]:
        """Return what the network tells of an image: sums over positions, under no weight yet.

        "content relu4_2" is the sum of squared differences from the photograph, "style relu1_1"
        that of products of features, the Gram matrix before it is divided.
        """
        content_layers, style_layers = (list(layers) for layers in self._active_layers())
        if not (content_layers or style_layers or self.tv):
            raise ValueError("All weights are 0: nothing to minimize. Raise alpha, beta or tv.")
        self._complete_targets()
        layers = list(dict.fromkeys([*content_layers, *style_layers]))

        def _sums(features: Features, tile: Tile | None) -> list[Tensor]:
            content = (self._squares(n, features[n], tile) for n in content_layers)
            return [*content, *(style_sums(features[n], self.recipe) for n in style_layers)]

        names = [f"content {n}" for n in content_layers] + [f"style {n}" for n in style_layers]
        return dict(zip(names, summed(self.vgg, image, layers, _sums, self.tile), strict=True))

    def losses(self, image: Tensor, sums: Mapping[str, Tensor]) -> Losses:
        """Return the losses of an image from what `measure` found, under the weights of now."""
        content_layers, style_layers = self._active_layers()
        zero, how = image.new_zeros(()), self.recipe.content_reduce
        sizes = {n: self._content_targets[n].numel() for n in content_layers}
        content = {n: reduced(sums[f"content {n}"], sizes[n], how) for n in content_layers}
        style = {n: self._style_distance(n, sums[f"style {n}"], image) for n in style_layers}
        variation = self._variation(image) if self.tv else zero
        L_content = sum((w * content[name] for name, w in content_layers.items()), zero)
        L_style = sum((w * style[name] for name, w in style_layers.items()), zero)
        return Losses(
            total=self.alpha * L_content + self.beta * L_style + self.tv * variation,
            content=L_content,
            style=L_style,
            tv=variation,
            per_layer={f"content {name}": value for name, value in content.items()}
            | {f"style {name}": value for name, value in style.items()},
            weights=(self.alpha, self.beta, self.tv),
        )

    def with_pictures(self, content: Tensor | None, style: Tensor | None) -> Objective:
        """Return a copy for other pictures; the targets of one that is the same are kept."""
        other = copy.copy(self)
        if content is not self.content:
            other.content, other._content_targets = content, {}
        if style is not self.style:
            other.style, other._style_targets = style, {}
        other._complete_targets()
        return other

    def weights(self) -> tuple[object, ...]:
        """Return all weights that are in force, to see whether the objective has changed."""
        layers = tuple(self.content_layers.items()), tuple(self.style_layers.items())
        return (self.alpha, self.beta, self.tv, *layers)

    def _squares(self, layer: str, features: Tensor, tile: Tile | None) -> Tensor:
        where = ... if tile is None else tile.whole(layer)
        return distance(features, self._content_targets[layer][where], "sum")

    def _style_distance(self, layer: str, sums: Tensor, image: Tensor) -> Tensor:
        recipe, M_l = self.recipe, positions(layer, *image.shape[-2:])
        loss = style_distance(sums, M_l, self._style_targets[layer], recipe).to(image.dtype)
        elements = {"none": 1, "features": channels(layer) * M_l, "image": image[0].numel() ** 2}
        return loss / elements[recipe.style_divisor]

    def _variation(self, image: Tensor) -> Tensor:
        values = self.vgg.standardize(image) if self.recipe.tv_values == "input" else image
        return total_variation(values, self.recipe.tv_form, self.recipe.tv_reduce)

    def _active_layers(self) -> tuple[dict[str, float], dict[str, float]]:
        """Return the layers of each term that have a weight, with it."""
        return (
            {n: w for n, w in self.content_layers.items() if w and self.alpha},
            {n: w for n, w in self.style_layers.items() if w and self.beta},
        )

    @torch.no_grad()
    def _complete_targets(self) -> None:
        """Compute the targets of those layers that have none yet."""
        content_layers, style_layers = self._active_layers()
        missing = [name for name in content_layers if name not in self._content_targets]
        if missing:
            picture = _needed(self.content, "content", "alpha")
            self._content_targets |= assembled(self.vgg, picture, missing, self.tile)
        missing = [name for name in style_layers if name not in self._style_targets]
        if missing:
            picture, recipe = _needed(self.style, "style", "beta"), self.recipe
            found = summed(
                self.vgg, picture, missing,
                lambda features, tile: [style_sums(features[n], recipe) for n in missing],
                self.tile,
            )  # fmt: skip
            for name, sums in zip(missing, found, strict=True):
                M_l = positions(name, *picture.shape[-2:])
                self._style_targets[name] = style_target(sums, M_l, recipe)


def _needed(picture: Tensor | None, term: str, weight: str) -> Tensor:
    if picture is None:
        raise ValueError(f"The {term} term has a weight but {term} is None; set {weight}=0.")
    return picture


def network(recipe: Recipe) -> VGG:
    """Build the network that a recipe names, on the CPU in float32."""
    return VGG(recipe.network, recipe.weights, recipe.pooling, recipe.padding, recipe.preprocessing)
