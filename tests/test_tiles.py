"""Tiles: the same sums and the same gradient as of the whole picture, whatever the size."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nstkit import TEXTBOOK, VGG, Gram, GramMeans, Moments, Objective, Recipe, load_image, tiles
from nstkit.tiles import assembled, bytes_needed, computed_pixels, fitting, halo, summed
from nstkit.vgg.names import layer_names, pools_before

ALL = [n for n in layer_names() if not n.startswith("pool5")]
RELUS = [n for n in ALL if n.startswith("relu")]


@pytest.fixture(scope="module")
def double(embedded: Callable[..., VGG]) -> VGG:
    """The real network in float64, where equality can be asked for."""
    return embedded(torch.float64)


def picture(height: int, width: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(1, 3, height, width, generator=generator, dtype=torch.float64)


def evaluated(objective: Objective, image: Tensor) -> tuple[Tensor, Tensor]:
    """Return the total and its gradient."""
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
    seen = torch.zeros(*(length >> pools_before(layer) for length in (height, width)))
    grid = halo(vgg, [layer])[1]
    for tile in tiles.tiles(height, width, side, [layer], vgg):
        seen[tile.in_whole(layer)] += 1
        top, bottom, left, right = tile.inner
        assert max(bottom - top, right - left) <= side + grid
        assert tile.outer[0] % grid == tile.outer[2] % grid == 0
        _, rows, columns = tile.in_tile(layer)
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
        gradient = torch.autograd.grad(
            double(image, [layer])[layer][..., column].sum(), image
        )[0].abs().sum((0, 1, 2))  # fmt: skip
        first = int(gradient.nonzero()[0])
        assert 128 - reach <= first < 128 - reach + grid


# ---------------------------------------------------------------- equality


@pytest.mark.long
@pytest.mark.parametrize(
    ("pooling", "padding", "layers"),
    [("max", "zeros", ALL), ("avg", "reflect", RELUS[:8]), ("max", "replicate_first", ALL[:10])],
)
def test_the_gradient_is_that_of_the_whole_picture_in_all_layers(
    pooling: str, padding: str, layers: list[str], embedded: Callable[..., VGG]
) -> None:
    recipe = Recipe(
        0.7, 10, 50, {"relu2_2": 1, "conv2_1": 0.5}, layers, pooling=pooling, padding=padding
    )
    vgg = embedded(torch.float64, pooling=pooling, padding=padding)
    content, style, x = picture(52, 67), picture(43, 39, 1), picture(52, 67, 2)
    whole, parts = (Objective.of(content, style, vgg, recipe, tile) for tile in (None, 48))
    (want, gradient), (got, tiled) = evaluated(whole, x), evaluated(parts, x)
    assert got.item() == pytest.approx(want.item(), rel=1e-12)
    assert difference(tiled, gradient) < 1e-9


@pytest.mark.long
def test_float32_agrees_to_1e_4_on_real_pictures(vgg: VGG) -> None:
    content, style = load_image("cat", 107), load_image("great_wave", 83)
    whole, parts = (Objective.of(content, style, vgg, TEXTBOOK, tile) for tile in (None, 64))
    x = content.flip(3)
    (want, gradient), (got, tiled) = evaluated(whole, x), evaluated(parts, x)
    assert got.item() == pytest.approx(want.item(), rel=1e-5)
    assert difference(tiled, gradient) < 1e-4
    assert torch.nn.functional.cosine_similarity(tiled.flatten(), gradient.flatten(), 0) > 0.999999


@pytest.mark.long
@pytest.mark.parametrize(
    "changes",
    [
        {"statistic": Moments()},
        {"statistic": GramMeans(), "start": "recolored"},
        {"content_reduce": "rms", "statistic": Gram(reduce="rms")},
        {"statistic": Gram("elements", "sum", "features")},
        {"alpha": 0},
        {"beta": 0},
        {"pooling": "avg_scaled", "content_layers": "pool2"},
    ],
)
def test_every_kind_of_recipe_can_be_tiled(
    changes: dict[str, object], embedded: Callable[..., VGG]
) -> None:
    recipe = Recipe(content_layers="relu2_2", style_layers=["relu1_1", "relu3_1"])
    recipe = recipe.replace(**changes)
    vgg = embedded(torch.float64, pooling=recipe.pooling)
    content, style, x = picture(54, 75), picture(49, 52, 1), picture(54, 75, 2)
    whole, parts = (Objective.of(content, style, vgg, recipe, tile) for tile in (None, 32))
    (want, gradient), (got, tiled) = evaluated(whole, x), evaluated(parts, x)
    assert got.item() == pytest.approx(want.item(), rel=1e-9)
    assert difference(tiled, gradient) < 1e-6


def test_a_batch_can_be_tiled(double: VGG) -> None:
    recipe = Recipe(content_layers="relu2_2", style_layers=["relu1_1", "relu2_1"])
    contents, styles, x = (
        torch.cat([picture(60, 75, seed), picture(60, 75, seed + 1)]) for seed in (0, 2, 4)
    )
    whole, parts = (Objective.of(contents, styles, double, recipe, tile) for tile in (None, 32))
    (want, gradient), (got, tiled) = evaluated(whole, x), evaluated(parts, x)
    assert got.item() == pytest.approx(want.item(), rel=1e-12)
    assert difference(tiled, gradient) < 1e-9


@pytest.mark.long
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
    recipe = Recipe(content_layers="relu2_2", style_layers=["relu1_1", "relu2_1"])
    objective = Objective.of(content, style, vgg, recipe, tile=48)
    x = content.flip(3).requires_grad_()
    sums = objective.measure(x)
    objective["style"].layers = {"relu1_1": 1.0}
    (late,) = torch.autograd.grad(objective.losses(x, sums).total, x)
    assert difference(late, evaluated(objective, x.detach())[1]) < 1e-4


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


def test_auto_says_so_where_not_even_small_tiles_fit(
    vgg: VGG, cat: Tensor, wave: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = SimpleNamespace(shape=(1, 3, 20000, 30000), device=torch.device("cpu"))
    monkeypatch.setattr(tiles, "free_memory", lambda _: 10**9)
    with pytest.raises(ValueError, match="30000 x 20000 px needs .* GB .* and 1.0 GB are free"):
        fitting("auto", image, vgg, ["relu4_2"])
    assert fitting(512, image, vgg, ["relu4_2"]) == 512  # a given side is taken as it is
    monkeypatch.setattr(tiles, "free_memory", lambda _: 10**7)
    with pytest.raises(ValueError, match="even in tiles.*Choose a smaller size"):
        Objective.of(cat, wave, vgg, TEXTBOOK)


def test_tiles_need_less_memory_than_the_whole_and_a_poster_more_than_a_picture() -> None:
    whole = bytes_needed(3000, 4000)
    sides = [bytes_needed(3000, 4000, side) for side in (256, 512, 1024)]
    assert sides == sorted(sides) and sides[-1] < whole < bytes_needed(3000, 8000)
    assert bytes_needed(512, 512, 512) == bytes_needed(512, 512)


def test_auto_paints_the_same_in_tiles_when_memory_is_short(
    double: VGG, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe(content_layers="relu1_2", style_layers=["relu1_1", "relu1_2"])
    content, style, x = picture(48, 400), picture(40, 40, 1), picture(48, 400, 2)
    whole = Objective.of(content, style, double, recipe, "auto")
    monkeypatch.setattr(tiles, "free_memory", lambda _: bytes_needed(48, 400))
    monkeypatch.setattr(tiles, "SMALLEST", 64)
    parts = Objective.of(content, style, double, recipe, "auto")
    assert whole.tile is None and parts.tile is not None and parts.tile < 400
    assert difference(evaluated(parts, x)[1], evaluated(whole, x)[1]) < 1e-9


def test_tiles_compute_their_halos_too_and_all_of_it_forward_once_more(vgg: VGG) -> None:
    image, layers = picture(96, 128), ["relu2_1"]
    reach, _ = halo(vgg, layers)
    assert computed_pixels(None, image, vgg, layers) == 96 * 128
    assert computed_pixels(128, image, vgg, layers) == 96 * 128  # one tile is the whole
    two = 96 * (128 + 2 * reach)  # each of two halves sees so far into the other
    assert computed_pixels(96, image, vgg, layers) == two * 4 // 3
