"""Terms: what each measures and says, and when it is active."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from nstkit import VGG, Gram, Moments, Objective, Recipe, total_variation
from nstkit.losses.statistics import Extent
from nstkit.objective import terms_of
from nstkit.pictures.scene import Scene
from nstkit.terms import Content, Style, Term, Variation
from nstkit.terms.where import extent_of

LAYERS = {"relu1_1": 1.0, "relu2_1": 0.0}


def test_a_term_is_active_where_a_weight_and_a_layer_have_one(cat: Tensor) -> None:
    for term in (Content(cat, 1.0, LAYERS), Style(cat, Gram(), 1.0, LAYERS)):
        assert term.active and term.active_layers() == ["relu1_1"]
        term.layers["relu2_1"] = 2.0
        assert term.active_layers() == ["relu1_1", "relu2_1"]
        term.weight = 0
        assert not term.active and term.active_layers() == []
        term.weight, term.layers = 1, {}
        assert not term.active
    assert Variation(1.0).active and not Variation(0.0).active
    assert Variation(1.0).active_layers() == []


def test_the_weights_given_are_copied(cat: Tensor) -> None:
    layers = {"relu1_1": 1.0}
    terms = Content(cat, 1.0, layers), Style(cat, Gram(), 1.0, layers)
    layers["relu1_1"] = 5.0
    assert all(term.layers == {"relu1_1": 1.0} for term in terms)


def test_a_term_for_another_picture_has_its_own_layers(vgg: VGG, cat: Tensor) -> None:
    term = Style(cat, Gram(), 1.0, {"relu1_1": 1.0})
    term.prepare(vgg, None)
    other = term.of(cat.flip(3))
    same = term.of(cat)
    assert same.missing(vgg) == [] == term.missing(vgg) and other.missing(vgg) == ["relu1_1"]
    other.layers["relu2_1"], other.weight = 1.0, 5.0
    assert term.layers == {"relu1_1": 1.0} and term.weight == 1


def test_terms_are_those_that_a_recipe_names(vgg: VGG, cat: Tensor, wave: Tensor) -> None:
    recipe = Recipe(2, 3, 4, statistic=Moments(), content_reduce="rms", tv_form="l1")
    content, style, variation = terms_of(recipe, Scene.of(cat, wave), vgg)
    assert (content.weight, content.reduce, content.picture) == (2, "rms", cat)
    assert (style.weight, style.statistic, style.layers) == (3, Moments(), recipe.style_layers)
    assert (variation.weight, variation.form) == (4, "l1")
    alone = terms_of(recipe.replace(alpha=0), Scene.of(None, wave), vgg)
    assert [term.name for term in alone] == ["style", "variation"]


@pytest.mark.parametrize(("form", "reduce"), [("squared", "mean"), ("l1", "sum")])
def test_the_variation_may_be_of_the_values_that_the_network_is_given(
    form: str, reduce: str, vgg: VGG, cat: Tensor
) -> None:
    recipe = Recipe(0, 0, 1, tv_form=form, tv_reduce=reduce, tv_values="input")
    got = Objective.of(cat, None, vgg, recipe)(cat).variation
    torch.testing.assert_close(got, total_variation(255 * cat, form, reduce), rtol=1e-4, atol=0)


def test_an_extent_counts_positions_of_the_layer_and_pixels_of_the_picture() -> None:
    assert extent_of("relu3_1", torch.zeros(2, 3, 43, 66)) == Extent(10 * 16, 43 * 66)


# ---------------------------------------------------------------- what cannot be tiled


@dataclass(frozen=True)
class Nearest:
    """A statistic that needs all features at once."""

    degree: ClassVar[int] = 2
    tiled: ClassVar[bool] = False

    def sums(self, features: Tensor, where: Tensor | None = None) -> Tensor:
        return features.flatten(2).amax(2)

    def target(self, sums: Tensor, extent: Extent) -> Tensor:
        return sums

    def distance(self, sums: Tensor, extent: Extent, target: Tensor) -> Tensor:
        return (sums - target).square().mean(1)


def test_what_needs_the_whole_picture_is_refused_in_tiles_and_painted_whole_by_auto(
    vgg: VGG, cat: Tensor, wave: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe(statistic=Nearest(), style_layers="relu2_1", content_layers="relu2_1")
    says = "The style term needs the features of the whole picture at once.*Set tile=None"
    with pytest.raises(ValueError, match=says):
        Objective.of(cat, wave, vgg, recipe, tile=32)
    with pytest.raises(ValueError, match=says):
        Objective([Style(wave, Nearest(), 1.0, {"relu1_1": 1.0})], vgg, tile=32)
    monkeypatch.setattr("nstkit.tiles.free_memory", lambda device: 10**6)  # "auto" wants tiles
    objective = Objective.of(cat, wave, vgg, recipe, tile="auto")
    assert objective.tile is None and objective(cat).style.item() > 0


def test_a_term_says_itself_that_it_cannot_be_tiled(vgg: VGG) -> None:
    class Whole(Term):
        name, weight, layers, tiled = "whole", 1.0, {"relu1_1": 1.0}, False

        def losses(self, measured: object, image: Tensor) -> dict[str, Tensor]:
            return {}

    with pytest.raises(ValueError, match="The whole term needs the features of the whole picture"):
        Objective([Whole()], vgg, tile=64)


# ---------------------------------------------------------------- what users do with terms


@pytest.mark.long
def test_another_statistic_or_picture_gets_its_own_targets(
    vgg: VGG, cat: Tensor, wave: Tensor
) -> None:
    objective = Objective.of(cat, wave, vgg, Recipe(tv=0))
    objective(cat)
    objective["style"].statistic = Moments()
    want = Objective.of(cat, wave, vgg, Recipe(tv=0, statistic=Moments()))(cat)
    assert objective(cat).style.item() == pytest.approx(want.style.item(), rel=1e-6)
    objective["style"].picture = cat
    assert objective(cat).style.item() < 1e-3 * want.style.item()


def test_layers_may_be_names_alone_and_terms_of_a_kind_have_names(
    vgg: VGG, cat: Tensor, wave: Tensor
) -> None:
    content = Content(cat, 1.0, "relu2_1")
    styles = [Style(wave, Gram(), 1.0, ["relu1_1", "relu2_1"])]
    assert content.layers == {"relu2_1": 1.0} and styles[0].layers["relu1_1"] == 0.5
    with pytest.raises(ValueError, match="a different name for each.*name="):
        Objective([*styles, Style(cat, Gram(), 1.0, "relu1_1")], vgg)
    both = Objective([*styles, Style(cat, Gram(), 2.0, "relu1_1", name="second")], vgg)
    assert set(both(wave).terms) == {"style", "second"}


@pytest.mark.parametrize("tile", [None, 32])
def test_a_content_of_another_size_is_refused_in_tiles_too(
    tile: int | None, vgg: VGG, cat: Tensor, wave: Tensor
) -> None:
    objective = Objective.of(cat, wave, vgg, Recipe(content_layers="relu2_1"), tile=tile)
    with pytest.raises(ValueError, match="expected equal s"):
        objective(cat[..., :40, :56])


def test_a_term_in_an_objective_of_another_network_gets_its_targets_from_that(
    vgg: VGG, embedded: Callable[..., VGG], cat: Tensor, wave: Tensor
) -> None:
    terms = [Content(cat, 1, "relu2_1"), Style(wave, Gram(), 1, "relu2_1")]
    Objective(terms, vgg)(wave[..., : cat.shape[-2], : cat.shape[-1]])
    other = embedded(pooling="avg")
    again = Objective(terms, other)(cat)
    assert again.content.item() == 0
    want = Objective([Style(wave, Gram(), 1, "relu2_1")], other)(cat).style
    torch.testing.assert_close(again.style, want)
