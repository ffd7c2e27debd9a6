"""The class `Recipe`: an objective and how it is minimized, as plain data."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from nstkit.descent.solver import DEFAULT_OPTIMIZER
from nstkit.losses import Form, Reduce
from nstkit.losses.statistics import Gram, Hypercolumns, Statistic
from nstkit.options import check_choice, check_weight
from nstkit.recipes.fields import (
    CHOICES,
    STATISTIC_FIELDS,
    STYLE_LAYERS,
    ReadOnly,
    check_statistic,
    count_of,
    from_earlier,
    refitted,
    rising,
    statistic_data,
    statistic_from,
    steps_at,
)
from nstkit.version import __version__
from nstkit.vgg import Padding, Pooling
from nstkit.vgg.names import Arch, equal_weights, layer_names, layer_weights


@dataclass(frozen=True)
class Recipe:
    """What to minimize, from where and how, in plain numbers and names.

    The objective is ``alpha * L_content + beta * L_style + tv * variation``, and ``palette`` and
    ``photo`` times their losses if they are above 0. L_content and L_style are sums over layers of
    weight times distance. Every constant of the literature (1/2,
    1/(4 N^2), 255^2 for other pixel ranges) is a factor in a weight.

    Attributes:
        alpha: weight of the content term, >= 0.
        beta: weight of the style term, >= 0.
        tv: weight of the total variation, >= 0.
        content_layers: {layer: weight}, read only; names alone share weight 1 equally.
        style_layers: the same. ``conv4_2`` is before the ReLU, ``relu4_2`` after it.
        content_reduce: "mean" or "sum" of squared differences, or "rms".
        statistic: what of the style layers is compared, and how: ``Gram()``, ``Moments()`` or any
            other of `nstkit.losses.statistics`, with its options.
        tv_form, tv_reduce: as in `nstkit.total_variation`.
        tv_values: "image", of pixels in [0, 1], or "input", as the network is given them.
        finest_statistic: the statistic of the finest of several scales; None is ``statistic``.
        palette: weight of the distance between the colors of painting and artwork, >= 0.
        photo: weight of the distance from a recoloring of the photograph, >= 0: lambda of Luan et
            al. 2017; see `nstkit.terms.Photo`.
        color: whose colors the painting gets: "style", the artwork's; "match", the photograph's, to
            which the artwork is recolored before painting; "luminance", those of each pixel of the
            photograph, for only light and dark are painted. See `nstkit.pictures.color.COLORS`.
        style_scale: size of the artwork, 1 for that of the painting: at 2 strokes are twice as
            large.
        network: "vgg19" or "vgg16".
        weights: of the network: "embedded", "torchvision", "caffe" (VGG-19 alone), a path,
            or "given" for a network that was handed over.
        pooling, padding, preprocessing: as in `nstkit.VGG`.
        start: see `nstkit.painting.start.start_image`; "given" for a picture that
            the painter supplied.
        scales: sizes to paint one after another, each beginning with the one before: shares of the
            picture's size that end with 1, such as (0.25, 0.5, 1); or their number, each a factor
            of sqrt(2) larger; or their long sides in px. A picture too small for all of the shares
            or the number leaves out the coarsest; see `nstkit.painting.scales.work`.
        detail: share, in [0, 1], of the photograph's finer detail that each larger scale begins
            with; see `nstkit.painting.scales.coarse_to_fine`.
        grain: deviation, in [0, 1], of the noise that each larger scale begins with; see the same.
        optimizer: "fourier_lbfgs" (over frequencies), "lbfgs", "clipped_lbfgs" (where no pixel goes
            much farther than the others), "adam" or "sgd"; see `nstkit.descent.solver`.
        finer_optimizer: of all scales but the coarsest; None is ``optimizer``. Over frequencies,
            large forms come first. A larger scale begins with these, and what is left to paint is
            fine: there "clipped_lbfgs" gets farther.
        learning_rate: None is the optimizer's own default.
        steps: updates of the picture: one number for every scale, or one for each, from coarse to
            fine.

    Raises:
        ValueError: An unknown name, a negative or non-finite number, or another number of steps
            than of scales.
    """

    alpha: float = 1.0
    beta: float = 10.0
    tv: float = 50.0
    content_layers: Mapping[str, float] = field(default_factory=lambda: {"relu4_2": 1.0})
    style_layers: Mapping[str, float] = field(default_factory=lambda: equal_weights(STYLE_LAYERS))
    content_reduce: Reduce = "mean"
    statistic: Statistic | Hypercolumns = Gram()
    tv_form: Form = "squared"
    tv_reduce: str = "mean"
    tv_values: str = "image"
    finest_statistic: Statistic | None = None
    palette: float = 0.0
    photo: float = 0.0
    color: str = "style"
    style_scale: float = 1.0
    network: Arch = "vgg19"
    weights: str = "embedded"
    pooling: Pooling = "max"
    padding: Padding = "zeros"
    preprocessing: str | None = None
    start: str = "content"
    scales: int | tuple[float, ...] = 1
    detail: float = 0.0
    grain: float = 0.0
    optimizer: str = DEFAULT_OPTIMIZER
    finer_optimizer: str | None = None
    learning_rate: float | None = None
    steps: int | tuple[int, ...] = 60

    def __post_init__(self) -> None:
        """Check every field, and copy the layer weights into read-only dicts of floats."""
        for name, choices in CHOICES.items():
            check_choice(name, getattr(self, name), choices)
        for name in ("alpha", "beta", "tv", "palette", "photo"):
            check_weight(name, getattr(self, name))
            # 10 and 10.0 make one recipe, and so do 0.0 and -0.0.
            object.__setattr__(self, name, float(getattr(self, name)) + 0.0)
        for name in ("content_layers", "style_layers"):
            object.__setattr__(self, name, self._layers(name, getattr(self, name)))
        for name in ("detail", "grain"):
            check_weight(name, share := getattr(self, name))
            if share > 1:
                raise ValueError(f"{name} is {share:g}; expected a number in [0, 1].")
            object.__setattr__(self, name, float(share) + 0.0)
        check_weight("style_scale", self.style_scale, positive=True)
        object.__setattr__(self, "style_scale", float(self.style_scale))
        check_statistic(self.statistic)
        if self.finest_statistic is not None:
            check_statistic(self.finest_statistic)
        object.__setattr__(self, "scales", rising(self.scales))
        object.__setattr__(self, "steps", steps_at(self.steps, self.scales))
        if self.learning_rate is not None:
            check_weight("learning_rate", self.learning_rate, positive=True)
            object.__setattr__(self, "learning_rate", float(self.learning_rate))
        if not isinstance(self.weights, str):
            raise ValueError(f"weights is {self.weights!r}; expected a name or a path as a string.")

    def _layers(self, name: str, layers: Mapping[str, float] | Iterable[str] | str) -> ReadOnly:
        weights, known = layer_weights(layers), layer_names(self.network)
        for layer, weight in weights.items():
            if layer not in known:
                raise ValueError(
                    f"{name} names {layer!r}, which {self.network} does not have; it has "
                    f"{', '.join(known)}."
                )
            check_weight(f"{name}[{layer!r}]", weight)
        return ReadOnly({layer: float(weight) + 0.0 for layer, weight in weights.items()})

    def __repr__(self) -> str:
        """Return the call that makes this recipe: its weights, and what else is not the default."""
        default = vars(Recipe()) | dict.fromkeys(("alpha", "beta", "tv"))
        parts = [f"{k}={value!r}" for k, value in vars(self).items() if value != default[k]]
        return f"Recipe({', '.join(parts)})"

    def __hash__(self) -> int:
        """Agree with ``==``; the layer weights are dicts, which have no hash of their own."""
        return hash(self.to_json())

    @property
    def tiled(self) -> bool:
        """Whether all that it compares adds up over tiles."""
        statistics = self.statistic, self.finest_statistic
        return all(statistic.tiled for statistic in statistics if statistic)

    def at_scale(self, number: int, count: int) -> Recipe:
        """Return the recipe of one of several scales, with its optimizer and statistic.

        Args:
            number: of the scale; 0 is the coarsest that is painted.
            count: how many are painted.
        """
        optimizer, statistic = self.optimizer, self.statistic
        if number:
            optimizer = self.finer_optimizer or optimizer
        if 0 < number == count - 1:
            statistic = self.finest_statistic or statistic
        alone = {"finer_optimizer": None, "finest_statistic": None}
        return dataclasses.replace(self, optimizer=optimizer, statistic=statistic, **alone)

    def replace(self, **changes: object) -> Recipe:
        """Return a copy with some fields changed: ``DEFAULT.replace(beta=100)``.

        Where the number of scales changes and steps are not given, they still begin with the
        coarsest scale: (40, 20, 10) becomes 40 at one scale, and (40, 20, 10, 10) at four. Another
        optimizer paints all scales, unless ``finer_optimizer`` is given too, and another statistic
        is compared at all, unless ``finest_statistic`` is.
        """
        known = [f.name for f in fields(self)]
        if unknown := set(changes).difference(known):
            raise ValueError(f"A recipe has no {sorted(unknown)}; its fields are {known}.")
        if "scales" in changes and "steps" not in changes:
            changes["steps"] = refitted(self.steps, count_of(rising(changes["scales"])))
        if changes.get("optimizer", self.optimizer) != self.optimizer:
            changes.setdefault("finer_optimizer", None)
        if changes.get("statistic", self.statistic) != self.statistic:
            changes.setdefault("finest_statistic", None)
        return dataclasses.replace(self, **changes)

    def to_json(self) -> str:
        """Return all fields as one line of JSON."""
        given = {name: statistic_data(getattr(self, name)) for name in STATISTIC_FIELDS}
        return json.dumps(vars(self) | given, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """Return the recipe that `to_json` wrote; fields that are missing take their default.

        Recipes of earlier versions can be read too.

        Raises:
            ValueError: It is no JSON object, or holds what no recipe has.
        """
        try:
            values = json.loads(text)
        except RecursionError as error:
            raise ValueError("The recipe has too many brackets; expected a JSON object.") from error
        if not isinstance(values, dict):
            raise ValueError(f"Got {text[:40]!r}; expected a JSON object with a recipe's fields.")
        return cls.from_data(values)

    @classmethod
    def from_data(cls, values: Mapping[str, Any]) -> Recipe:
        """Return the recipe with these fields, the statistic as plain data too."""
        values = from_earlier(values)
        if unknown := sorted(set(values) - {f.name for f in fields(cls)}):
            raise ValueError(
                f"A recipe of nstkit {__version__} has no {unknown}. A newer version may have it: "
                "update nstkit, or leave it out."
            )
        for name in STATISTIC_FIELDS:
            if isinstance(values.get(name), Mapping):
                values[name] = statistic_from(values[name])
        return cls().replace(**values)
