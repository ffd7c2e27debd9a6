"""Neural neighbors as terms, and as the recipe NEIGHBORS."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.linalg import sqrtm
from torch import Tensor

from nstkit import (
    NEIGHBORS,
    TEXTBOOK,
    VGG,
    Gram,
    Hypercolumns,
    Moments,
    Neighbors,
    Objective,
    Recipe,
    SlicedWasserstein,
    load_image,
    optimize,
    stylize,
    tiles,
)
from nstkit.painting.plan import prepare
from nstkit.pictures.scene import Scene
from nstkit.studio import Engine, Settings
from nstkit.terms import Matched, Palette

LAYERS = {"relu1_2": 0.25, "relu3_1": 0.75}


@pytest.fixture(scope="module")
def guide() -> Tensor:
    return load_image("castle", 48)


def by_hand(vgg: VGG, guide: Tensor, artwork: Tensor, image: Tensor) -> float:
    """Return the distance of hypercolumns, position by position."""

    def columns(picture: Tensor) -> Tensor:
        size = [side // 4 for side in picture.shape[-2:]]
        maps = vgg(picture, LAYERS)
        parts = [
            weight * F.interpolate(maps[name], size, mode="bilinear") / maps[name].shape[1]
            for name, weight in LAYERS.items()
        ]
        return torch.cat(parts, dim=1)[0].flatten(1).T.double()

    ours, theirs, painted = (columns(picture) for picture in (guide, artwork, image))
    apart = []
    for row, found in zip(ours - ours.mean(0), painted, strict=True):
        cosines = F.cosine_similarity(row[None], theirs - theirs.mean(0), dim=1)
        apart.append(1 - F.cosine_similarity(theirs[cosines.argmax()], found, dim=0))
    return torch.stack(apart).mean().item()


# ---------------------------------------------------------------- Matched
def test_matched_compares_with_the_artworks_place_that_is_most_like_the_guide(
    network: VGG, guide: Tensor, wave: Tensor, cat: Tensor
) -> None:
    image = F.interpolate(cat, guide.shape[-2:], mode="bilinear")
    term = Matched(wave, guide, 1.0, LAYERS)
    found = Objective([term], network)(image).style.item()
    assert found == pytest.approx(by_hand(network, guide, wave, image), rel=1e-3)


def test_a_picture_matched_with_itself_is_no_distance_from_itself(
    network: VGG, guide: Tensor
) -> None:
    objective = Objective([Matched(guide, guide, 1.0, LAYERS)], network)
    assert abs(objective(guide).style.item()) < 1e-5


def test_a_layer_without_weight_does_not_count_until_it_has_one(
    network: VGG, guide: Tensor, wave: Tensor
) -> None:
    one = Objective([Matched(wave, guide, 1.0, {"relu1_2": 1})], network)
    both = Objective([Matched(wave, guide, 1.0, {"relu1_2": 1, "relu3_1": 0})], network)
    assert both(guide).style == one(guide).style
    both["style"].layers["relu3_1"] = 1.0
    fresh = Objective([Matched(wave, guide, 1.0, {"relu1_2": 1, "relu3_1": 1})], network)
    torch.testing.assert_close(both(guide).style, fresh(guide).style)


def test_a_weight_that_changes_later_weighs_painting_and_artwork_alike(
    network: VGG, guide: Tensor
) -> None:
    objective = Objective([Matched(guide, guide, 1.0, LAYERS)], network)
    objective(guide)
    objective["style"].layers["relu3_1"] = 20.0
    assert abs(objective(guide).style.item()) < 1e-5


def test_other_pictures_are_matched_again(network: VGG, guide: Tensor, wave: Tensor) -> None:
    turned = guide.flip(3)
    other = Objective.of(guide, wave, network, NEIGHBORS).with_pictures(turned, wave)
    same = Objective.of(turned, wave, network, NEIGHBORS)
    assert other(guide).style == same(guide).style


def test_a_picture_of_another_size_than_the_guides_is_told(
    network: VGG, guide: Tensor, wave: Tensor
) -> None:
    with pytest.raises(ValueError, match="the guide has .* expected equal sizes"):
        Objective([Matched(wave, guide, 1.0, LAYERS)], network)(guide[..., :40])


# ---------------------------------------------------------------- Palette
def wasserstein(a: Tensor, b: Tensor) -> float:
    """Return W2^2 between the colors of two pictures, as Gaussians, by scipy."""
    one, other = (p[0].flatten(1).double().numpy() for p in (a, b))
    S, T = (np.cov(colors, bias=True) + 1e-4 * np.eye(3) for colors in (one, other))
    root = sqrtm(T)
    between = np.trace(S + T - 2 * sqrtm(root @ S @ root)).real
    return np.square(one.mean(1) - other.mean(1)).sum() + between


def test_palette_is_the_distance_of_two_gaussians(network: VGG, cat: Tensor, wave: Tensor) -> None:
    objective = Objective([Palette(wave, 2.0)], network)
    losses = objective(cat)
    assert losses.value("palette").item() == pytest.approx(wasserstein(cat, wave) / 3, rel=1e-4)
    assert losses.total.item() == pytest.approx(2 * wasserstein(cat, wave) / 3, rel=1e-4)
    assert abs(objective(wave).value("palette").item()) < 1e-6


def test_palette_alone_brings_the_colors_across(network: VGG, cat: Tensor, wave: Tensor) -> None:
    *_, last = optimize(Objective([Palette(wave, 1.0)], network), cat, steps=40)
    assert wasserstein(last.image, wave) < 0.02 * wasserstein(cat, wave)


def test_palette_follows_a_new_artwork(
    network: VGG, guide: Tensor, cat: Tensor, wave: Tensor
) -> None:
    recipe = Recipe(palette=1)
    other = Objective.of(cat, wave, network, recipe).with_pictures(cat, guide)
    same = Objective.of(cat, guide, network, recipe)
    assert other(cat).value("palette") == same(cat).value("palette")


# ---------------------------------------------------------------- the recipe
def test_the_finest_of_several_scales_may_compare_something_else() -> None:
    recipe = Recipe(scales=3, finest_statistic=Moments())
    assert [recipe.at_scale(n, 3).statistic for n in range(3)] == [Gram(), Gram(), Moments()]
    assert recipe.at_scale(0, 1).statistic == Gram()  # of one scale, it is the coarsest
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert recipe.replace(beta=1).finest_statistic == Moments()
    assert recipe.replace(statistic=Moments(0.1)).finest_statistic is None


def test_a_larger_scale_matches_the_photograph_mixed_with_the_painting_so_far(
    network: VGG, guide: Tensor, cat: Tensor, wave: Tensor
) -> None:
    recipe = NEIGHBORS.replace(statistic=Hypercolumns(0.25))
    painting = F.interpolate(cat, guide.shape[-2:], mode="bilinear").clamp(0, 1)
    first = Objective.of(guide, wave, network, recipe)["style"]
    larger = Objective.of_scene(Scene.of(guide, wave), network, recipe, so_far=painting)["style"]
    assert torch.equal(first.guide, guide)
    torch.testing.assert_close(larger.guide, 0.75 * guide + 0.25 * painting)


@pytest.mark.long
def test_hypercolumns_paint_the_coarse_scales_and_each_layer_alone_the_finest(
    network: VGG, cat: Tensor, wave: Tensor
) -> None:
    recipe = NEIGHBORS.replace(scales=(48, 64), steps=(3, 2))
    result = stylize(cat, wave, recipe, vgg=network, progress=False)
    style = [record.losses.style for record in result.history]
    assert style[3] < style[0] and style[6] < style[4]
    finest = Objective.of(cat, wave, network, recipe.replace(statistic=Neighbors()))
    assert finest(result.image).total.item() == pytest.approx(result.best.losses.total, rel=1e-4)


@pytest.mark.long
def test_neighbors_paints_patches_of_the_artwork_in_its_colors() -> None:
    fewer = NEIGHBORS.replace(steps=(13, 8, 4, 2))
    result = stylize("cat", "great_wave", fewer, size=128, progress=False)
    judged = result.judge()
    assert judged.patches < judged.patches_bounds.photograph - 0.1
    before = wasserstein(result.content, result.style)
    assert wasserstein(result.image, result.style) < 0.1 * before


@pytest.mark.long
def test_neighbors_paint_the_same_picture_twice() -> None:
    short = NEIGHBORS.replace(steps=1)
    one, two = (stylize("cat", "great_wave", short, size=128, progress=False) for _ in range(2))
    assert torch.equal(one.image, two.image)


def test_a_picture_too_large_for_the_memory_is_told_before_anything_is_painted(
    network: VGG, cat: Tensor, wave: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = tiles.bytes_needed(*cat.shape[-2:])
    monkeypatch.setattr(tiles, "free_memory", lambda _: needed - 1)
    for recipe in (NEIGHBORS, TEXTBOOK.replace(statistic=SlicedWasserstein(4))):
        with pytest.raises(ValueError, match="cannot paint in tiles. Choose a smaller size"):
            prepare(cat, wave, recipe, vgg=network)
        with pytest.raises(ValueError, match="cannot paint in tiles. Choose a smaller size"):
            Engine(Settings("cat", "great_wave", recipe, max(cat.shape)), precision="fp32")
        prepare(cat, wave, recipe, vgg=network, tile=None)  # at the painter's own risk
        prepare(cat, wave, recipe.replace(beta=0, alpha=1), vgg=network)
    prepare(cat, wave, TEXTBOOK, vgg=network)


def test_tiles_are_refused_before_anything_is_painted(
    network: VGG, cat: Tensor, wave: Tensor
) -> None:
    recipe = TEXTBOOK.replace(finest_statistic=Neighbors(), scales=(0.5, 1))
    for chosen in (recipe, NEIGHBORS):
        with pytest.raises(ValueError, match="tile is 64, but .* cannot be computed in tiles"):
            prepare(cat, wave, chosen, vgg=network, tile=64)
    prepare(cat, wave, TEXTBOOK, vgg=network, tile=64)


def test_a_painting_that_has_begun_is_not_refused(
    network: VGG, cat: Tensor, wave: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [tiles.bytes_needed(*cat.shape[-2:])]
    monkeypatch.setattr(tiles, "free_memory", lambda _: free.pop() if free else 0)
    recipe = NEIGHBORS.replace(scales=(48, max(cat.shape)), steps=(1, 1))
    assert len(stylize(cat, wave, recipe, vgg=network, progress=False).history) == 4


def test_a_recipe_paints_in_tiles_only_if_both_of_its_statistics_do() -> None:
    assert TEXTBOOK.tiled and not NEIGHBORS.tiled
    assert not TEXTBOOK.replace(finest_statistic=Neighbors()).tiled
    assert TEXTBOOK.replace(finest_statistic=Moments()).tiled


def test_hypercolumns_need_a_photograph(network: VGG, wave: Tensor) -> None:
    with pytest.raises(ValueError, match="need a photograph to match"):
        Objective.of(None, wave, network, NEIGHBORS)
