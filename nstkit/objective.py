"""`Objective`: terms over one pass of the network. Called with a picture it gives `Losses`."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import torch
from torch import Tensor

from nstkit.losses.statistics import Hypercolumns
from nstkit.losses.values import Key, Losses
from nstkit.options import check_weight
from nstkit.pictures.artworks import Artworks
from nstkit.pictures.scene import Part, Scene
from nstkit.recipes import TEXTBOOK, Recipe
from nstkit.recipes.network import network
from nstkit.terms import (
    IMAGE,
    Content,
    Matched,
    Palette,
    Photo,
    Pixels,
    Style,
    Term,
    Variation,
    check_names,
)
from nstkit.tiles import Features, Tile, Tiling, check_side, fitting, summed
from nstkit.vgg import VGG
from nstkit.vgg.names import shallowest


class Objective:
    """Terms over one pass of the network: call it with an image to get its `Losses`.

    ``objective["style"]`` is the term of that name. Its ``weight`` and the weights in its
    ``layers`` may be changed at any time, and layers may be added: the next call uses them. Targets
    are computed once per layer. `Objective.of` makes the terms that a recipe names.

    Args:
        terms: each with a name of its own.
        vgg: the network.
        tile: side in px of the parts that are computed one after another where the whole does not
            fit into the memory, see `nstkit.tiles`; None computes the whole.

    Raises:
        ValueError: Two terms have one name; or a tile, and a term that cannot be computed in tiles.
    """

    def __init__(self, terms: Sequence[Term], vgg: VGG, tile: int | None = None) -> None:
        if not terms:
            raise ValueError("Got no terms; expected at least one, such as those of nstkit.terms.")
        check_names(terms)
        check_side(tile)
        self.terms = {term.name: term for term in terms}
        self.vgg, self.tile = vgg, tile
        if tile is not None:
            _check_tiled(terms)
        self._prepare()

    @classmethod
    def of(
        cls, content: Tensor | None, style: Tensor | Artworks | None, vgg: VGG | None = None,
        recipe: Recipe = TEXTBOOK, tile: Tiling = "auto",
    ) -> Objective:  # fmt: skip
        """Return the objective that a recipe describes.

        Args:
            content: the photograph (B, 3, H, W) in [0, 1]; None where alpha is 0.
            style: the artwork, of any size, or several `Artworks`; None where beta is 0.
            vgg: the network; None builds the recipe's, in float32 on the images' device.
            recipe: what to minimize.
            tile: as above, or "auto", which takes tiles where the memory is too small for a
                picture of the content's size (of the artwork's, if there is no content).

        Raises:
            ValueError: A picture is missing whose term has a weight, or a tile does not fit.
        """
        return cls.of_scene(Scene.of(content, style), vgg, recipe, tile)

    @classmethod
    def of_scene(
        cls, scene: Scene, vgg: VGG | None = None, recipe: Recipe = TEXTBOOK,
        tile: Tiling = "auto", so_far: Tensor | None = None,
    ) -> Objective:  # fmt: skip
        """Return the objective that a recipe describes, for all parts of a scene.

        Args:
            scene: the pictures.
            vgg: as in `of`.
            recipe: the same.
            tile: the same.
            so_far: what a larger scale begins with, of the content's size; `Hypercolumns` mix it
                with the content. None at the first scale.

        Raises:
            ValueError: As `of` does.
        """
        given = scene.content if scene.content is not None else next(iter(scene.pictures), None)
        if given is None:
            raise ValueError("Got neither content nor style; expected at least one picture.")
        vgg = network(recipe).to(given.device) if vgg is None else vgg
        terms = terms_of(recipe, scene, vgg, so_far)
        for term in terms:
            if isinstance(term, Photo):  # takes memory, so before the tiles are chosen
                term.prepare(vgg, None)
        layers = {**recipe.content_layers, **recipe.style_layers}
        if tile == "auto" and not all(term.tiled for term in terms):
            tile = None
        return cls(terms, vgg, fitting(tile, given, vgg, layers))

    def __getitem__(self, name: str) -> Term:
        """Return the term of a name; ValueError if there is none."""
        if name not in self.terms:
            raise ValueError(f"There is no term {name!r}; terms are {', '.join(self.terms)}.")
        return self.terms[name]

    def __call__(self, image: Tensor) -> Losses:
        """Return the losses of an image (B, 3, H, W), differentiable with respect to it.

        The losses of a batch are the means of its pictures' losses.
        """
        return self.losses(image, self.measure(image))

    def measure(self, image: Tensor) -> dict[Key, Tensor]:
        """Return what the terms need of an image, {(term, layer): sums}, unweighted."""
        self._check_active()
        self._prepare()
        wanted = {name: term.active_layers() for name, term in self.terms.items()}
        keys = [(name, layer) for name, layers in wanted.items() for layer in layers]

        def _sums(features: Features, tile: Tile | None) -> list[Tensor]:
            found: dict[Key, Tensor] = {}
            for name, layers in wanted.items():
                read = {layer: features[layer] for layer in layers}
                measured = self.terms[name].measure(read, tile) if read else {}
                found |= {(name, layer): sums for layer, sums in measured.items()}
            return [found[key] for key in keys]

        layers = list(dict.fromkeys(layer for _, layer in keys))
        return dict(zip(keys, summed(self.vgg, image, layers, _sums, self.tile), strict=True))

    def losses(self, image: Tensor, sums: Mapping[Key, Tensor]) -> Losses:
        """Return the losses of an image from what `measure` found, under the current weights.

        A layer that got its weight after it was measured counts from the next call on.
        """
        self._check_active()
        zero = image.new_zeros(())
        values: dict[str, Tensor] = {}
        per_layer: dict[Key, Tensor] = {}
        for name, term in self.terms.items():
            if not term.active:
                continue
            active = [layer for layer in term.active_layers() if (name, layer) in sums]
            distances = term.losses({layer: sums[name, layer] for layer in active}, image)
            if not distances:
                continue
            values[name] = sum((term.layers.get(n, 1) * d for n, d in distances.items()), zero)
            per_layer |= {(name, layer): d for layer, d in distances.items()}
        coefficients = {name: self.terms[name].weight for name in values}
        total = sum((coefficients[name] * value for name, value in values.items()), zero)
        return Losses(total, values, coefficients, per_layer, self.in_force())

    def with_pictures(self, content: Tensor, style: Tensor | Artworks) -> Objective:
        """Return a copy for other pictures of these sizes; one that is the same keeps its targets.

        Regions stay what they are, so this is for objectives without any. Weights of the copy can
        be changed alone. Hypercolumns are matched with the content again.
        """
        pictures = {"content": content, "photo": content, "style": style, "palette": style}
        terms = [
            term.of(pictures[name]) if name in pictures else term.copy()
            for name, term in self.terms.items()
        ]
        for term in terms:
            if isinstance(term, Matched):
                term.match(content)
        return Objective(terms, self.vgg, self.tile)

    def in_force(self) -> Hashable:
        """Return all current weights and shares, to see whether any has changed."""
        return tuple(term.in_force() for term in self.terms.values())

    def _check_active(self) -> None:
        for name, term in self.terms.items():
            for what, weight in {"": term.weight, **term.layers}.items():
                check_weight(f"The weight of {name} {what}".rstrip(), weight)
        if not any(term.active for term in self.terms.values()):
            raise ValueError(
                "All weights are 0: nothing to minimize. Give one of the terms "
                f"{', '.join(self.terms)} a weight."
            )

    @torch.no_grad()
    def _prepare(self) -> None:
        for term in self.terms.values():
            if term.active:
                term.prepare(self.vgg, self.tile)


def terms_of(recipe: Recipe, scene: Scene, vgg: VGG, so_far: Tensor | None = None) -> list[Term]:
    """Return the terms that a recipe names, but for those whose picture is missing."""
    content, parts = scene.content, scene.parts
    terms: list[Term] = []
    if _has_picture(content, "content", "alpha", recipe.alpha):
        reduce = recipe.content_reduce
        terms.append(Content(content, recipe.alpha, recipe.content_layers, reduce))
    if not parts:
        _has_picture(None, "style", "beta", recipe.beta)
        _has_picture(None, "style", "palette", recipe.palette)
    for part in parts:
        if part.works is not None:
            terms += style_terms(recipe, content, part, so_far)
    values = vgg.standardize if recipe.tv_values == "input" else None
    terms.append(Variation(recipe.tv, recipe.tv_form, recipe.tv_reduce, values))
    if _has_picture(content, "content", "photo", recipe.photo) and recipe.photo:
        terms.append(Photo(content, recipe.photo))
    if any(part.keep for part in parts):
        keep = sum(part.keep * part.mask_of(content) for part in parts)
        terms.append(Pixels(content, 1.0, keep))
    return terms


def style_terms(
    recipe: Recipe, content: Tensor | None, part: Part, so_far: Tensor | None
) -> list[Term]:
    """Return the terms that compare a part with its artworks.

    Raises:
        ValueError: `Hypercolumns`, and no content to match.
    """
    beta = recipe.beta if part.beta is None else part.beta
    named = {"name": f"style{part.name}", "where": part.where}
    # A single picture is itself: so the studio sees whether it is the one in use.
    statistic, layers, style = recipe.statistic, recipe.style_layers, part.works.plain
    if isinstance(statistic, Hypercolumns):
        guide = _guide(statistic, content, so_far)
        terms: list[Term] = [Matched(style, guide, beta, layers, **named)]
    else:
        terms = [Style(style, statistic, beta, layers, **named)]
    if recipe.palette:
        layer = shallowest(layers) or IMAGE
        named["name"] = f"palette{part.name}"
        terms.append(Palette(style, recipe.palette, **named, layer=layer))
    return terms


def _guide(statistic: Hypercolumns, content: Tensor | None, so_far: Tensor | None) -> Tensor:
    """Return the picture that says what belongs where."""
    if content is None:
        raise ValueError("Hypercolumns need a photograph to match; content is None.")
    if so_far is None:
        return content
    return content.lerp(so_far.to(content).clamp(0, 1), statistic.mix)


def _has_picture(picture: object | None, name: str, symbol: str, weight: float) -> bool:
    if picture is None and weight:
        raise ValueError(f"{symbol} is {weight:g}, but {name} is None; set {symbol}=0.")
    return picture is not None


def _check_tiled(terms: Sequence[Term]) -> None:
    for term in terms:
        if not term.tiled:
            raise ValueError(
                f"The {term.name} term needs the features of the whole picture at once, so it "
                "cannot be computed in tiles. Set tile=None, and paint a smaller picture if the "
                "memory is too small."
            )
