"""Tiles: the same sums and the same gradient as of the whole picture, whatever the size."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nstkit import DEFAULT, VGG, Objective, Recipe, load_image, tiles
from nstkit.tiles import assembled, fitting, halo, summed

ALL = [n for n in VGG().names if not n.startswith("pool5")]


@pytest.fixture(scope="module")
def double(vgg: VGG) -> VGG:
    """The real network in float64, where equality can be asked for."""
    return VGG().double()


def picture(height: int, width: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(1, 3, height, width, generator=generator, dtype=torch.float64)


def gradient(objective: Objective, image: Tensor) -> tuple[Tensor, Tensor]:
    x = image.clone().requires_grad_()
    total = objective(x).total
    return total.detach(), torch.autograd.grad(total, x)[0]


def difference(one: Tensor, other: Tensor) -> float:
    return ((one - other).norm() / other.norm()).item()


# ---------------------------------------------------------------- cutting


@given(
    height=st.integers(16, 700), width=st.integers(16, 700), side=st.integers(32, 300),
    layer=st.sampled_from(ALL),
)  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_tiles_cover_the_features_of_each_layer_once(
    vgg: VGG, height: int, width: int, side: int, layer: str
) -> None:
    seen = torch.zeros(*(length >> tiles.pools_before(layer) for length in (height, width)))
    grid = halo(vgg, [layer])[1]
    for tile in tiles.tiles(height, width, side, [layer], vgg):
        seen[tile.whole(layer)] += 1
        top, bottom, left, right = tile.inner
        assert max(bottom - top, right - left) <= side + grid
        assert tile.outer[0] % grid == tile.outer[2] % grid == 0
        _, rows, columns = tile.own(layer)
        assert rows.start >= 0 and columns.start >= 0
    assert (seen == 1).all()


def test_the_halo_is_what_the_receptive_field_reaches_and_no_more(vgg: VGG, double: VGG) -> None:
    """A changed pixel changes a feature that is as far away as the halo says, and none further."""
    assert halo(vgg, ["relu1_1"]) == (1, 1)
    assert halo(vgg, ["relu1_1", "relu4_2"]) == (40, 8)
    assert halo(vgg, ["relu5_1", "relu4_2"]) == (80, 16)
    for layer in ("relu1_2", "relu2_1", "relu3_1", "relu3_4"):
        reach, grid = halo(vgg, [layer])
        image = picture(16, 3 * 64).requires_grad_()
        column = 128 // grid  # the first feature right of an edge at 128 px
        slope = torch.autograd.grad(
            double(image, [layer])[layer][..., column].sum(), image
        )[0].abs().sum((0, 1, 2))  # fmt: skip
        first = int(slope.nonzero()[0])
        assert 128 - reach <= first < 128 - reach + grid


# ---------------------------------------------------------------- equality


@pytest.mark.parametrize(
    ("pooling", "padding", "layers"),
    [("max", "zeros", ALL), ("avg", "reflect", ALL), ("max", "replicate_first", ALL[:10])],
)
def test_the_gradient_is_that_of_the_whole_picture_in_all_layers(
    pooling: str, padding: str, layers: list[str]
) -> None:
    recipe = Recipe(
        0.7, 10, 50, {"relu2_2": 1, "conv2_1": 0.5}, layers, pooling=pooling, padding=padding
    )
    vgg = VGG(pooling=pooling, padding=padding).double()
    content, style, x = picture(67, 85), picture(51, 43, 1), picture(67, 85, 2)
    whole, parts = (Objective(content, style, vgg, recipe, tile) for tile in (None, 48))
    (want, slope), (got, tiled) = gradient(whole, x), gradient(parts, x)
    assert got.item() == pytest.approx(want.item(), rel=1e-12)
    assert difference(tiled, slope) < 1e-9


def test_float32_agrees_to_1e_4_on_real_pictures(vgg: VGG) -> None:
    content, style = load_image("cat", 131), load_image("great_wave", 101)
    whole, parts = (Objective(content, style, vgg, DEFAULT, tile) for tile in (None, 64))
    x = content.flip(3)
    (want, slope), (got, tiled) = gradient(whole, x), gradient(parts, x)
    assert got.item() == pytest.approx(want.item(), rel=1e-5)
    assert difference(tiled, slope) < 1e-4
    assert torch.nn.functional.cosine_similarity(tiled.flatten(), slope.flatten(), 0) > 0.999999


@pytest.mark.parametrize(
    "changes",
    [
        {"statistic": "moments"},
        {"content_reduce": "rms", "style_reduce": "rms"},
        {"gram": "elements", "style_divisor": "features", "style_reduce": "sum"},
        {"alpha": 0},
        {"beta": 0},
        {"pooling": "avg_scaled", "content_layers": "pool3"},
    ],
)
def test_every_kind_of_recipe_can_be_tiled(changes: dict[str, object]) -> None:
    recipe = Recipe(content_layers="relu2_2", style_layers=["relu1_1", "relu3_1"])
    recipe = recipe.replace(**changes)
    vgg = VGG(pooling=recipe.pooling).double()
    content, style, x = picture(70, 99), picture(61, 64, 1), picture(70, 99, 2)
    whole, parts = (Objective(content, style, vgg, recipe, tile) for tile in (None, 32))
    (want, slope), (got, tiled) = gradient(whole, x), gradient(parts, x)
    assert got.item() == pytest.approx(want.item(), rel=1e-9)
    assert difference(tiled, slope) < 1e-6


@given(
    height=st.integers(33, 90), width=st.integers(33, 90), side=st.integers(32, 64),
    layers=st.sets(st.sampled_from(ALL[:12]), min_size=1, max_size=4),
)  # fmt: skip
@settings(max_examples=8, deadline=None)
def test_sums_and_features_agree_at_any_size(
    double: VGG, height: int, width: int, side: int, layers: set[str]
) -> None:
    names, image = sorted(layers), picture(height, width)

    def sums(features: dict[str, Tensor], _: object) -> list[Tensor]:
        return [features[n].square().sum((0, 2, 3)) for n in names]

    with torch.no_grad():
        pairs = zip(
            summed(double, image, names, sums), summed(double, image, names, sums, side),
            strict=True,
        )  # fmt: skip
        for whole, parts in pairs:
            torch.testing.assert_close(parts, whole, rtol=1e-10, atol=1e-10)
        whole, parts = (assembled(double, image, names, tile) for tile in (None, side))
    for name in names:
        torch.testing.assert_close(parts[name], whole[name], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("spoil", ["reach", "grid"])
def test_a_smaller_halo_or_another_grid_would_be_seen(
    spoil: str, double: VGG, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests above can fail: one position less, or edges between the pixels of a pooling."""
    layers = ["relu3_1"]
    reach, grid = halo(double, layers)
    spoiled = (reach - grid, grid) if spoil == "reach" else (reach, grid // 2)
    image = picture(90, 110)
    whole = assembled(double, image, layers)["relu3_1"]
    monkeypatch.setattr(tiles, "halo", lambda vgg, layers: spoiled)
    parts = assembled(double, image, layers, 46)["relu3_1"]
    assert difference(parts, whole) > 1e-4


def test_weights_that_change_between_the_passes_change_no_shape(vgg: VGG) -> None:
    """The studio puts weights in force after the sums are known."""
    content, style = load_image("cat", 96), load_image("great_wave", 96)
    objective = Objective(content, style, vgg, DEFAULT, tile=48)
    x = content.flip(3).requires_grad_()
    sums = objective.measure(x)
    objective.style_layers = {"relu1_1": 1.0}
    (late,) = torch.autograd.grad(objective.losses(x, sums).total, x)
    assert difference(late, gradient(objective, x.detach())[1]) < 1e-4


# ---------------------------------------------------------------- the choice of a side


def test_auto_takes_the_whole_while_it_fits_and_the_largest_tile_that_does(
    vgg: VGG, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = SimpleNamespace(shape=(1, 3, 3000, 4000), device=torch.device("cpu"))
    sides = []
    for gigabytes in (100, 16, 12, 3):
        monkeypatch.setattr(tiles, "free_memory", lambda _, free=gigabytes: free * 10**9)
        sides.append(fitting("auto", image, vgg, ["relu5_1", "relu4_2"]))
    assert sides[0] is None
    assert sides[1] > sides[2] >= sides[3] == tiles.SMALLEST
    assert all(side % 16 == 0 for side in sides[1:])
    needed = (sides[1] + 2 * 80) ** 2 * tiles.BYTES_A_PIXEL
    assert needed < 0.8 * 16e9 - tiles.COPIES * 12 * 12e6 < 1.2 * needed


def test_a_side_is_taken_as_it_is_and_nonsense_is_told(vgg: VGG, cat: Tensor) -> None:
    assert fitting(None, cat, vgg, ["relu1_1"]) is None
    assert fitting(320, cat, vgg, ["relu1_1"]) == 320
    for side in (16, 2.5, "large", True):
        with pytest.raises(ValueError, match="expected 'auto', None or 32 px or more"):
            fitting(side, cat, vgg, ["relu1_1"])


def test_free_memory_is_a_size_of_this_machine() -> None:
    assert 10**7 < tiles.free_memory(torch.device("cpu")) < 10**14
    assert math.isfinite(tiles.free_memory(torch.device("cpu")))
