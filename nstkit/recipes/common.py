"""A recipe in common coefficients, and on the paper's scale.

The literature's weights cannot be compared as they stand: sums or means, and Gram matrices divided
by this or that. Here all of it becomes coefficients of the same two means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nstkit.losses import Reduce, gram_divisor
from nstkit.losses.statistics import Extent, Gram, Hypercolumns
from nstkit.losses.values import Key
from nstkit.recipes.recipe import Recipe
from nstkit.vgg.names import block_of, channels, positions


@dataclass(frozen=True)
class Common:
    """A recipe as coefficients of means: ``sum c_l mean(dF_l^2) + sum s_l mean((dG_l / M_l)^2)``.

    Attributes:
        content: {layer: c_l}; style: {layer: s_l}.
        unsaid: (term, layer) of what no coefficient can say: a root without its value, or a
            statistic other than Gram matrices.
    """

    content: Mapping[str, float]
    style: Mapping[str, float]
    unsaid: tuple[Key, ...] = ()

    def balance(self) -> dict[int, float]:
        """Return {block: s_l over the sum of all c_l}, of the first style layer in each block.

        It is empty if there is no content.
        """
        content = sum(self.content.values())
        first = {block_of(layer): s for layer, s in reversed(list(self.style.items()))}
        return {block: s / content for block, s in sorted(first.items())} if content else {}


def to_common(
    recipe: Recipe, height: int, width: int, *, scale: float | Mapping[str, float] = 1.0,
    distances: Mapping[Key, float] | None = None,
) -> Common:  # fmt: skip
    """Return a recipe as coefficients of mean(dF^2) and mean((dG/M)^2) in each layer.

    Args:
        recipe: any.
        height: of the picture in px; sums hide it in their weights.
        width: of the picture in px.
        scale: how many times larger the features of the recipe's network are than those for which
            the coefficients hold; one number, or {layer: number} as `network_scale` gives.
        distances: {("style", "relu1_1"): value}, as ``Losses.per_layer`` of the recipe: where they
            are given, a term "rms" gets the coefficient whose gradient there is the same.
    """
    roots = distances or {}
    content: dict[str, float] = {}
    style: dict[str, float] = {}
    unsaid: list[Key] = []
    for layer, weight in recipe.content_layers.items():
        factor = _content_factor(recipe, layer, height, width, roots)
        if factor is None:
            unsaid.append(("content", layer))
        else:
            content[layer] = recipe.alpha * weight * factor * _of_layer(scale, layer) ** 2
    for layer, weight in recipe.style_layers.items():
        factor = _style_factor(recipe, layer, height, width, roots)
        if factor is None:
            unsaid.append(("style", layer))
        else:
            style[layer] = recipe.beta * weight * factor * _of_layer(scale, layer) ** 4
    return Common(content, style, tuple(unsaid))


def _content_factor(
    recipe: Recipe, layer: str, height: int, width: int, roots: Mapping[Key, float]
) -> float | None:
    """Return a content distance in units of mean(dF^2); None if no number can say it."""
    elements = channels(layer) * positions(layer, height, width)
    return _in_means(recipe.content_reduce, elements, roots.get(("content", layer)))


def _style_factor(
    recipe: Recipe, layer: str, height: int, width: int, roots: Mapping[Key, float]
) -> float | None:
    """Return a style distance in units of mean((dG/M)^2); None if no number can say it."""
    gram = recipe.statistic
    if not isinstance(gram, Gram):
        return None
    N_l, M_l = channels(layer), positions(layer, height, width)
    factor = _in_means(gram.reduce, N_l**2, roots.get(("style", layer)))
    if factor is None:
        return None
    ours = M_l / gram_divisor(gram.normalize, N_l, M_l)  # dG over dG/M
    return factor * ours**2 / gram.divided_by(N_l, Extent(M_l, height * width))


def _in_means(reduce: Reduce, count: int, root: float | None) -> float | None:
    """Return a reduction of squares in units of their mean, judged by the gradient."""
    if reduce == "rms":  # d(root) / d(square) = 1 / (2 root)
        return 0.5 / root if root else None
    return {"mean": 1.0, "sum": float(count)}[reduce]


def _of_layer(scale: float | Mapping[str, float], layer: str) -> float:
    return scale[layer] if isinstance(scale, Mapping) else scale


def normalized(recipe: Recipe) -> Recipe:
    """Return a multiple of a recipe's objective that is easy to read, with the same minimum.

    Layer weights of each term add up to 1 and alpha is 1; where there is no content, beta is 1.
    Those of hypercolumns stay: a cosine does not grow with their sum.
    """
    sums = {n: sum(getattr(recipe, f"{n}_layers").values()) or 1.0 for n in ("content", "style")}
    if isinstance(recipe.statistic, Hypercolumns):
        sums["style"] = 1.0
    alpha, beta = recipe.alpha * sums["content"], recipe.beta * sums["style"]
    unit = alpha or beta or 1.0
    return recipe.replace(
        alpha=alpha / unit,
        beta=beta / unit,
        tv=recipe.tv / unit,
        palette=recipe.palette / unit,
        photo=recipe.photo / unit,
        content_layers={n: w / sums["content"] for n, w in recipe.content_layers.items()},
        style_layers={n: w / sums["style"] for n, w in recipe.style_layers.items()},
    )


def paper_alpha_beta(recipe: Recipe, height: int, width: int) -> tuple[float, float]:
    """Return alpha and beta on the scale of Gatys et al. 2016, eqs. 1, 4, 5 and 7.

    There L = alpha * 1/2 * sum (F-P)^2 + beta * sum_l w_l / (4 N_l^2 M_l^2) * sum (G-A)^2 with
    w_l that add up to 1. Our means hide sizes that the paper's sums show, so its alpha/beta
    depends on the picture's size. Layers of several sizes are added up.

    Args:
        recipe: of squares of Gram matrices.
        height: of the picture in px.
        width: of the picture in px.

    Raises:
        ValueError: The recipe uses "rms", or another statistic than Gram matrices. No weight can
            express these as squares.
    """
    common = to_common(recipe, height, width)
    if common.unsaid:
        what = "'rms'" if isinstance(recipe.statistic, Gram) else type(recipe.statistic).__name__
        raise ValueError(f"A recipe with {what} has no alpha and beta on the paper's scale.")
    sizes = {n: channels(n) * positions(n, height, width) for n in common.content}
    alpha = sum(2 * c / sizes[n] for n, c in common.content.items())
    return alpha, sum(4 * s for s in common.style.values())
