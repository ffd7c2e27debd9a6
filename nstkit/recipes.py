"""`Recipe`: an objective and how it is minimized, as plain data. `DEFAULT`: the course's own."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import get_args

from nstkit.losses import NORMALIZE, REDUCE, VARIATION, Normalize, Reduce, Variation, check_choice
from nstkit.pretrained import BLOCKS, PREPROCESSING, Arch, block_of, channels, layer_names
from nstkit.vgg import Padding, Pooling

STARTS = ("content", "noise", "white", "style", "blend")
OPTIMIZERS = ("lbfgs", "adam")
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


@dataclass(frozen=True)
class Recipe:
    """What to minimize, from where and how, in plain numbers and names.

    The objective is ``alpha * L_content + beta * L_style + tv * variation`` where L_content and
    L_style are sums over layers of weight times distance. Every constant of the literature (1/2,
    1/(4 N^2), 255^2 for other pixel ranges) is a factor in a weight.

    Attributes:
        alpha: weight of the content term, >= 0.
        beta: weight of the style term, >= 0.
        tv: weight of the total variation, >= 0.
        content_layers: {layer: weight}, read only; names alone share weight 1 equally.
        style_layers: the same. ``conv4_2`` is before the ReLU, ``relu4_2`` after it.
        content_reduce: "mean" or "sum" of squared differences, or "rms".
        style_reduce: the same, of Gram matrices; gram: "positions", "elements" or None.
        tv_form, tv_reduce: as in `nstkit.total_variation`.
        network: "vgg19" or "vgg16".
        weights: "embedded", "torchvision" or a path.
        pooling, padding, preprocessing: as in `nstkit.VGG`.
        start: "content", "noise", "white", "style" or "blend" (content and noise by halves).
        optimizer: "lbfgs" or "adam"; learning_rate: None is the optimizer's own default.
        steps: updates of the picture.

    Raises:
        ValueError: An unknown name, a negative or non-finite number.
    """

    alpha: float = 1.0
    beta: float = 10.0
    tv: float = 0.0
    content_layers: Mapping[str, float] = field(default_factory=lambda: {"relu4_2": 1.0})
    style_layers: Mapping[str, float] = field(default_factory=lambda: equal_weights(STYLE_LAYERS))
    content_reduce: Reduce = "mean"
    style_reduce: Reduce = "mean"
    gram: Normalize = "positions"
    tv_form: Variation = "squared"
    tv_reduce: str = "mean"
    network: Arch = "vgg19"
    weights: str = "embedded"
    pooling: Pooling = "max"
    padding: Padding = "zeros"
    preprocessing: str | None = None
    start: str = "content"
    optimizer: str = "lbfgs"
    learning_rate: float | None = None
    steps: int = 60

    def __post_init__(self) -> None:
        """Check every field, and copy the layer weights into dicts of floats."""
        for name, choices in CHOICES.items():
            check_choice(name, getattr(self, name), choices)
        for name in ("alpha", "beta", "tv"):
            _check_weight(name, getattr(self, name))
            object.__setattr__(self, name, float(getattr(self, name)))  # 10 and 10.0 are one recipe
        for name in ("content_layers", "style_layers"):
            object.__setattr__(self, name, self._layers(name, getattr(self, name)))
        if isinstance(self.steps, bool) or not isinstance(self.steps, int) or self.steps < 0:
            raise ValueError(f"steps is {self.steps!r}; expected a whole number, 0 or more.")
        if self.learning_rate is not None:
            _check_weight("learning_rate", self.learning_rate, positive=True)
            object.__setattr__(self, "learning_rate", float(self.learning_rate))
        if not isinstance(self.weights, str):
            raise ValueError(f"weights is {self.weights!r}; expected a name or a path as a string.")

    def _layers(
        self, name: str, layers: Mapping[str, float] | Iterable[str] | str
    ) -> dict[str, float]:
        if not isinstance(layers, Mapping):
            layers = equal_weights([layers] if isinstance(layers, str) else list(layers))
        known = layer_names(self.network)
        for layer, weight in layers.items():
            if layer not in known:
                raise ValueError(
                    f"{name} names {layer!r}, which {self.network} does not have; it has "
                    f"{', '.join(known)}."
                )
            _check_weight(f"{name}[{layer!r}]", weight)
        return {layer: float(weight) for layer, weight in layers.items()}

    def __repr__(self) -> str:
        """Return the call that makes this recipe: its weights, and what else is not the default."""
        default = vars(Recipe()) | dict.fromkeys(("alpha", "beta", "tv"))
        parts = [f"{k}={value!r}" for k, value in vars(self).items() if value != default[k]]
        return f"Recipe({', '.join(parts)})"

    def __hash__(self) -> int:
        """Agree with ``==``; the layer weights are dicts, which have no hash of their own."""
        return hash(self.to_json())

    def replace(self, **changes: object) -> Recipe:
        """Return a copy with some fields changed: ``DEFAULT.replace(beta=100)``."""
        known = [f.name for f in fields(self)]
        if unknown := set(changes).difference(known):
            raise ValueError(f"A recipe has no {sorted(unknown)}; its fields are {known}.")
        return dataclasses.replace(self, **changes)

    def to_json(self) -> str:
        """Return all fields as one line of JSON."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """Return the recipe that `to_json` wrote; fields that are missing take their default."""
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError(f"Got {text[:40]!r}; expected a JSON object with a recipe's fields.")
        return cls().replace(**values)

    def paper_alpha_beta(self, height: int, width: int) -> tuple[float, float]:
        """Return alpha and beta on the scale of Gatys et al. 2016, eqs. 1, 4, 5 and 7.

        There L = alpha * 1/2 * sum (F-P)^2 + beta * sum_l w_l / (4 N_l^2 M_l^2) * sum (G-A)^2 with
        w_l that add up to 1. Our means hide sizes that the paper's sums show, so its alpha/beta
        depends on the picture's size. Layers of several sizes are added up.

        Args:
            height: of the picture in px.
            width: of the picture in px.

        Raises:
            ValueError: The recipe uses "rms", which no weight can express as squares.
        """
        if "rms" in (self.content_reduce, self.style_reduce):
            raise ValueError("A recipe with 'rms' has no alpha and beta on the paper's scale.")
        content = style = 0.0
        for layer, weight in self.content_layers.items():
            size = channels(layer) * _positions(layer, height, width)
            content += 2 * weight / (size if self.content_reduce == "mean" else 1)
        for layer, weight in self.style_layers.items():
            N_l, M_l = channels(layer), _positions(layer, height, width)
            divisor = {"positions": M_l, "elements": N_l * M_l, None: 1}[self.gram]
            elements = N_l**2 if self.style_reduce == "mean" else 1
            style += weight * 4 * N_l**2 * M_l**2 / (elements * divisor**2)
        return self.alpha * content, self.beta * style


CHOICES: dict[str, tuple[object, ...]] = {
    "content_reduce": REDUCE,
    "style_reduce": REDUCE,
    "gram": NORMALIZE,
    "tv_form": VARIATION,
    "tv_reduce": ("mean", "sum"),
    "network": tuple(BLOCKS),
    "pooling": get_args(Pooling),
    "padding": get_args(Padding),
    "preprocessing": (None, *PREPROCESSING),
    "start": STARTS,
    "optimizer": OPTIMIZERS,
}


def equal_weights(layers: Iterable[str]) -> dict[str, float]:
    """Return {layer: 1/n} for n layers."""
    names = list(layers)
    return {name: 1 / len(names) for name in names}


def _check_weight(name: str, value: float, positive: bool = False) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value < 0 or (positive and not value):
        least = "above 0" if positive else "0 or more"
        raise ValueError(f"{name} is {value!r}; expected a finite number, {least}.")


def _positions(layer: str, height: int, width: int) -> int:
    """Return M_l for a picture; each pooling before the layer halves its sides, rounding down."""
    pools = block_of(layer) - (not layer.startswith("pool"))
    return (height >> pools) * (width >> pools)


# Chosen by looking (docs/contact_sheet.jpg): beta 1 tints, beta 100 dissolves eyes and faces, and
# this much smoothing takes away colored grain at next to no cost in the style term.
DEFAULT = Recipe(tv=50.0)
