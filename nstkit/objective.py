"""`Objective`: a recipe with its targets, called with a picture, gives its `Losses`."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from nstkit.losses import content_loss, gram_matrix, style_loss, total_variation
from nstkit.moments import moments, moments_loss
from nstkit.recipes import DEFAULT, Recipe
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

    Raises:
        ValueError: A picture is missing whose term has a weight.
    """

    def __init__(
        self, content: Tensor | None, style: Tensor | None, vgg: VGG | None = None,
        recipe: Recipe = DEFAULT,
    ) -> None:  # fmt: skip
        given = style if content is None else content
        if given is None:
            raise ValueError("Got neither content nor style; expected at least one picture.")
        self.recipe, self.content, self.style = recipe, content, style
        self.alpha, self.beta, self.tv = recipe.alpha, recipe.beta, recipe.tv
        self.content_layers = dict(recipe.content_layers)
        self.style_layers = dict(recipe.style_layers)
        self.vgg = network(recipe).to(given.device) if vgg is None else vgg
        self._content_targets: dict[str, Tensor] = {}
        self._style_targets: dict[str, Tensor] = {}
        self._complete_targets()

    def __call__(self, image: Tensor) -> Losses:
        """Return the losses of an image (1, 3, H, W), differentiable with respect to it."""
        content_layers, style_layers = self._active_layers()
        if not (content_layers or style_layers or self.tv):
            raise ValueError("All weights are 0: nothing to minimize. Raise alpha, beta or tv.")
        self._complete_targets()
        features = self.vgg(image, {**content_layers, **style_layers})
        recipe, zero = self.recipe, image.new_zeros(())
        content = {
            n: content_loss(features[n], self._content_targets[n], recipe.content_reduce)
            for n in content_layers
        }
        style = {n: self._style_distance(n, features[n], image) for n in style_layers}
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

    def _style_distance(self, layer: str, features: Tensor, image: Tensor) -> Tensor:
        recipe, target = self.recipe, self._style_targets[layer]
        if recipe.statistic == "moments":
            loss = moments_loss(features, target)
        else:
            loss = style_loss(features, target, recipe.gram, recipe.style_reduce)
        divisor = {"none": 1, "features": features[0].numel(), "image": image[0].numel() ** 2}
        return loss / divisor[recipe.style_divisor]

    def _style_statistic(self, features: Tensor) -> Tensor:
        if self.recipe.statistic == "moments":
            return moments(features)
        return gram_matrix(features, self.recipe.gram)

    def _variation(self, image: Tensor) -> Tensor:
        values = self.vgg.standardize(image) if self.recipe.tv_values == "input" else image
        return total_variation(values, self.recipe.tv_form, self.recipe.tv_reduce)

    def _active_layers(self) -> tuple[dict[str, float], dict[str, float]]:
        """Return the layers of each term that have a weight, with it."""
        return (
            {n: w for n, w in self.content_layers.items() if w and self.alpha},
            {n: w for n, w in self.style_layers.items() if w and self.beta},
        )

    def _complete_targets(self) -> None:
        content_layers, style_layers = self._active_layers()
        self._add_targets("content", self._content_targets, content_layers, lambda f: f)
        self._add_targets("style", self._style_targets, style_layers, self._style_statistic)

    def _add_targets(
        self, term: str, targets: dict[str, Tensor], layers: Iterable[str],
        statistic: Callable[[Tensor], Tensor],
    ) -> None:  # fmt: skip
        """Compute the targets of those layers that have none yet."""
        missing = [name for name in layers if name not in targets]
        if not missing:
            return
        picture = self.content if term == "content" else self.style
        if picture is None:
            weight = "alpha" if term == "content" else "beta"
            raise ValueError(f"The {term} term has a weight but {term} is None; set {weight}=0.")
        with torch.no_grad():
            for name, feature in self.vgg(picture, missing).items():
                targets[name] = statistic(feature)


def network(recipe: Recipe) -> VGG:
    """Build the network that a recipe names, on the CPU in float32."""
    return VGG(recipe.network, recipe.weights, recipe.pooling, recipe.padding, recipe.preprocessing)
