"""Regions and several artworks in an objective: values, tiles, and what stays as it is."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from nstkit import (
    NEIGHBORS,
    VGG,
    Gram,
    GramMeans,
    Hypercolumns,
    Moments,
    Neighbors,
    Objective,
    Recipe,
    Region,
    SlicedWasserstein,
    load_image,
    optimize,
    rectangle,
)
from nstkit.losses.statistics import Statistic
from nstkit.pictures.artworks import Artworks
from nstkit.pictures.scene import KEEP, Part, Scene
from nstkit.terms import Pixels, Style
from nstkit.terms.where import Where, extent_of

LAYERS = {"relu1_1": 1.0, "relu3_1": 2.0}
RECIPE = Recipe(2, 3, 4, {"relu2_2": 1.0}, LAYERS)
PAINTED = RECIPE.replace(alpha=0, tv=0)  # the style alone
ALL = [Gram(), GramMeans(), Moments(), SlicedWasserstein(8), Neighbors(), Hypercolumns()]


def split(picture: Tensor, soft: float = 0.3) -> tuple[Tensor, Tensor]:
    """Return the masks of left and right, which add up to 1."""
    left = rectangle(0, 0, 0.5, 1, soft).of(picture)
    return left, 1 - left


def region(
    where: Tensor, style: Tensor | Artworks | None, beta: float | None = None, keep: float = 0.0
) -> Part:
    """Return a part that is painted, or one that is left as it is."""
    return Part.left(where) if style is None else Part(where, Artworks.of(style), beta, keep)


def scenic(
    content: Tensor, style: Tensor | None, vgg: VGG, recipe: Recipe, tile: int | None = None,
    *, regions: Sequence[Part],
) -> Objective:  # fmt: skip
    return Objective.of_scene(Scene.of(content, style, regions), vgg, recipe, tile)


@pytest.fixture(scope="module")
def scream() -> Tensor:
    return load_image("scream", size=64)


@pytest.fixture
def x(cat: Tensor) -> Tensor:
    return (cat + 0.1).clamp(0, 1).flip(3)


# ---------------------------------------------------------------- masks of layers


@pytest.mark.parametrize("size", [(64, 48), (43, 66)])
def test_a_position_counts_as_the_mean_of_its_pixels(size: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(0)
    mask = torch.rand(1, 1, *size, generator=generator)
    where = Where(mask)
    assert where.in_layer("relu1_1").equal(mask) and where.share == pytest.approx(mask.mean())
    for layer, pools in (("relu2_1", 1), ("relu4_1", 3), ("pool4", 4)):
        found, side = where.in_layer(layer), 2**pools
        assert found.shape[-2:] == (size[0] >> pools, size[1] >> pools)
        for y, column in itertools.product(range(found.shape[2]), range(found.shape[3])):
            block = mask[0, 0, y * side : (y + 1) * side, column * side : (column + 1) * side]
            assert found[0, 0, y, column].item() == pytest.approx(block.mean().item(), abs=1e-6)


def test_a_masked_gram_matrix_is_the_explicit_loop(vgg: VGG, cat: Tensor, wave: Tensor) -> None:
    left, _ = split(cat)
    got = Objective([Style(wave, Gram(), 1.0, {"relu2_1": 1.0}, where=left)], vgg)(cat)
    F_l, A = (vgg(picture, ["relu2_1"])["relu2_1"].double() for picture in (cat, wave))
    mask = left[0, 0].unfold(0, 2, 2).unfold(1, 2, 2).mean((2, 3)).double()
    G = torch.zeros(128, 128, dtype=torch.float64)
    for y, column in itertools.product(range(mask.shape[0]), range(mask.shape[1])):
        feature = F_l[0, :, y, column]
        G += mask[y, column] * feature[:, None] * feature[None]
    A = A.flatten(2)[0]
    want = (G / mask.sum() - A @ A.mT / A.shape[1]).square().mean() * left.mean()
    assert got.style.item() == pytest.approx(want.item(), rel=1e-4)


def test_parts_weighted_by_their_area_add_up_to_the_whole(vgg: VGG, cat: Tensor) -> None:
    """sum_r (sum_p m_r) G_r = M G for masks that add up to 1."""
    F_l = vgg(cat, ["relu3_1"])["relu3_1"]
    extent = extent_of("relu3_1", cat)
    whole, parts = extent.positions * Gram().target(Gram().sums(F_l), extent), 0
    for mask in split(cat):
        where = Where(mask)
        m = where.in_layer("relu3_1")
        G = Gram().target(Gram().sums(F_l, m) / where.share_in("relu3_1"), extent)
        parts = parts + m.sum() * G
    torch.testing.assert_close(parts, whole, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("normalize", ["positions", "elements", None])
@pytest.mark.parametrize("divisor", ["none", "features", "image"])
def test_a_part_that_looks_like_the_artwork_is_right_however_sums_are_divided(
    normalize: str | None, divisor: str, vgg: VGG, wave: Tensor
) -> None:
    """The same texture in half the area, beside gray."""
    tile = wave[..., :32, :32]
    texture, gray = tile.repeat(1, 1, 1, 2), torch.full_like(tile, 0.5).repeat(1, 1, 1, 2)
    both = torch.cat([texture, gray], dim=3)
    left = rectangle(0, 0, 0.5, 1, soft=0).of(both)
    artwork = torch.cat([texture, texture], dim=3)
    recipe = PAINTED.replace(statistic=Gram(normalize, divisor=divisor))
    found = {}
    for name, mask in (("texture", left), ("gray", 1 - left)):
        objective = scenic(both, None, vgg, recipe, regions=[region(mask, artwork)])
        found[name] = objective(both).floats().terms["style 1"]
    assert found["texture"] < 0.2 * found["gray"]


# ---------------------------------------------------------------- regions


@pytest.mark.parametrize("statistic", ALL, ids=repr)
def test_a_full_mask_is_no_mask_to_the_bit(
    statistic: Statistic, network: VGG, cat: Tensor, wave: Tensor, x: Tensor
) -> None:
    recipe = RECIPE.replace(statistic=statistic, palette=5)
    full = region(torch.ones(1, 1, *cat.shape[-2:]), wave)
    plain, masked = (
        Objective.of(cat, wave, network, recipe),
        scenic(cat, None, network, recipe, regions=[full]),
    )
    gradients = []
    for objective in (plain, masked):
        image = x.clone().requires_grad_()
        losses = objective(image)
        losses.total.backward()
        gradients.append(image.grad)
    assert masked(x).total.equal(plain(x).total) and gradients[0].equal(gradients[1])


@pytest.mark.parametrize("statistic", ALL, ids=repr)
def test_a_full_mask_that_is_computed_gives_the_same(
    statistic: Statistic, vgg: VGG, cat: Tensor, wave: Tensor, x: Tensor
) -> None:
    """`Scene` takes a short cut for full masks. The terms themselves agree too."""
    recipe = RECIPE.replace(statistic=statistic, palette=5, alpha=0)
    want = Objective.of(cat, wave, vgg, recipe)
    got = Objective.of(cat, wave, vgg, recipe)
    for name in ("style", "palette"):
        got[name].where = Where(torch.ones(1, 1, *cat.shape[-2:]))
        got[name].forget()
    assert got(x).total.item() == pytest.approx(want(x).total.item(), rel=1e-4)


@pytest.mark.parametrize("statistic", ALL, ids=repr)
def test_each_region_is_drawn_to_its_own_artwork(
    statistic: Statistic, network: VGG, cat: Tensor, wave: Tensor, scream: Tensor
) -> None:
    """Two steps down the gradient: each half comes nearer to its own artwork, by its own term."""
    left, right = split(cat, soft=0)
    recipe = PAINTED.replace(statistic=statistic)
    regions = [region(left, wave), region(right, scream)]
    objective = scenic(cat, None, network, recipe, regions=regions)
    *_, last = optimize(objective, cat, steps=6)
    before, after = objective(cat).floats().terms, objective(last.image).floats().terms
    for name in ("style 1", "style 2"):
        assert after[name] < 0.9 * before[name]
        assert objective[name].where.share == pytest.approx(0.5, abs=0.02)


def test_a_region_pulls_nothing_beyond_what_its_features_see(
    network: VGG, cat: Tensor, wave: Tensor
) -> None:
    left, _ = split(cat, soft=0)
    objective = Objective([Style(wave, Gram(), 1.0, LAYERS, where=left)], network)
    image = cat.clone().requires_grad_()
    objective(image).total.backward()
    assert image.grad[..., :32].abs().max() > 0
    assert image.grad[..., 32 + 24 :].abs().max() == 0  # relu3_1 sees 24 px at most


@pytest.mark.long
@pytest.mark.parametrize("statistic", [Gram(), GramMeans(), Moments()], ids=repr)
def test_regions_in_tiles_equal_the_whole(
    statistic: Statistic, embedded: Callable[..., VGG], wave: Tensor
) -> None:
    photo = load_image("castle", 112).double()
    left, right = split(photo)
    works = Artworks((wave.double(),), (1.0,), (split(wave.double())[0],))
    regions = [region(left, works), region(right, wave.double().flip(1), beta=1.0, keep=2.0)]
    recipe, network = RECIPE.replace(statistic=statistic), embedded(torch.float64)
    found = []
    for tile in (None, 48):
        image = photo.flip(3).clone().requires_grad_()
        losses = scenic(photo, None, network, recipe, tile, regions=regions)(image)
        losses.total.backward()
        found.append((losses.total.item(), image.grad))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-6)
    assert (found[0][1] - found[1][1]).norm() / found[0][1].norm() < 1e-5


def test_what_is_in_no_region_is_painted_after_the_style(
    vgg: VGG, cat: Tensor, wave: Tensor, scream: Tensor, x: Tensor
) -> None:
    left, right = split(cat)
    one = scenic(cat, scream, vgg, RECIPE, regions=[region(left, wave)])
    two = scenic(cat, None, vgg, RECIPE, regions=[region(left, wave), region(right, scream)])
    assert list(one.terms) == ["content", "style", "style 1", "variation"]
    assert one(x).total.item() == pytest.approx(two(x).total.item(), rel=1e-5)


def test_regions_that_cover_all_leave_no_rest(vgg: VGG, cat: Tensor, wave: Tensor) -> None:
    regions = [region(mask, wave) for mask in split(cat)]
    objective = scenic(cat, wave, vgg, RECIPE, regions=regions)
    assert list(objective.terms) == ["content", "style 1", "style 2", "variation"]


def test_a_region_has_a_weight_of_its_own(vgg: VGG, cat: Tensor, wave: Tensor, x: Tensor) -> None:
    left, _ = split(cat)
    plain, strong = (
        scenic(cat, wave, vgg, RECIPE, regions=[region(left, wave, beta=beta)])
        for beta in (None, 30)
    )
    assert plain["style 1"].weight == 3 and strong["style 1"].weight == 30
    small, large = plain(x).floats().terms, strong(x).floats().terms
    assert large["style 1"] == pytest.approx(10 * small["style 1"], rel=1e-5)


def test_what_is_not_painted_is_held_to_the_photograph(
    vgg: VGG, cat: Tensor, wave: Tensor, x: Tensor
) -> None:
    left, right = split(cat)
    squares = ((x - cat).square() * right).mean().item()
    cases = {
        KEEP: [region(left, wave), region(right, None)],
        100.0: [region(left, wave), Part(right, None, keep=100.0)],
        7.0: [region(left, wave), region(right, wave, keep=7.0)],
    }
    for keep, regions in cases.items():
        terms = scenic(cat, None, vgg, PAINTED, regions=regions)(x).floats().terms
        assert terms["pixels"] == pytest.approx(keep * squares, rel=1e-4)
    rest = scenic(cat, None, vgg, PAINTED, regions=[region(left, wave)])(x).floats().terms
    assert rest["pixels"] == pytest.approx(KEEP * squares, rel=1e-4)


def test_what_is_left_ends_as_the_photograph_to_the_bit(cat: Tensor, wave: Tensor) -> None:
    left, right = split(cat)
    scene = Scene.of(cat, None, [region(left, wave)])
    painting = torch.rand(cat.shape, generator=torch.Generator().manual_seed(0))
    found = scene.finished(painting, cat)
    out, inside = (right == 1).expand_as(cat), (left == 1).expand_as(cat)
    assert out.any() and inside.any()
    assert found[out].equal(cat[out]) and found[inside].equal(painting[inside])
    kept = Scene.of(cat, None, [region(left, wave), Part(right, None, keep=5.0)])
    assert kept.finished(painting, cat) is painting  # a weight was asked for, and nothing more


@pytest.mark.long
@pytest.mark.parametrize("statistic", ALL, ids=repr)
@pytest.mark.parametrize("size", [(43, 64), (63, 70)])
def test_a_part_that_deep_layers_have_no_position_for_is_painted_by_the_others(
    size: tuple[int, int], statistic: Statistic, vgg: VGG, wave: Tensor
) -> None:
    """Poolings drop odd rows at the end, so a strip there is in no position of relu5_1."""
    photo = load_image("castle", 128)[..., : size[0], : size[1]]
    layers = {"relu1_1": 1.0, "relu4_1": 1.0, "relu5_1": 1.0}
    recipe = RECIPE.replace(statistic=statistic, style_layers=layers, palette=5)
    strip = rectangle(0, 0.95, 1, 1, soft=0).of(photo)
    artwork = Artworks((wave,), (1.0,), (rectangle(0, 0.95, 1, 1, soft=0).of(wave),))
    for style in (wave, artwork):
        objective = scenic(photo, None, vgg, recipe, regions=[Part(strip, Artworks.of(style))])
        image = photo.flip(3).clone().requires_grad_()
        losses = objective(image)
        losses.total.backward()
        assert losses.total.isfinite() and image.grad.isfinite().all()
        assert losses.floats().terms["style 1"] > 0


def test_an_artworks_part_that_no_layer_has_a_position_for_is_refused(
    vgg: VGG, cat: Tensor, wave: Tensor
) -> None:
    picture = wave[..., :43, :64]
    strip = torch.zeros(1, 1, 43, 64)
    strip[..., -1:, :] = 1  # poolings drop an odd row at the end
    works = Artworks((picture,), (1.0,), (strip,))
    with pytest.raises(ValueError, match="part of the artwork .* is too small: no layer of relu4"):
        Objective([Style(works, Gram(), 1.0, ["relu4_1", "relu5_1"])], vgg)


def test_painting_one_part_leaves_the_other_as_it_was(
    network: VGG, cat: Tensor, wave: Tensor
) -> None:
    left, _ = split(cat, soft=0)
    objective = scenic(cat, None, network, RECIPE, regions=[region(left, wave)])
    *_, last = optimize(objective, cat, steps=15)
    apart = (last.image - cat).abs().mean(1)[0]
    assert apart[:, :28].mean() > 0.05 and apart[:, -20:].mean() < 0.01


def test_only_a_part_of_an_artwork_may_count(vgg: VGG, cat: Tensor, wave: Tensor) -> None:
    top = torch.zeros(1, 1, *wave.shape[-2:])
    top[..., :16, :] = 1
    term = Style(Artworks((wave,), (1.0,), (top,)), Gram(), 1.0, {"relu2_1": 1.0})
    found = Objective([term], vgg)(cat).style.item()
    F_l, A_l = (vgg(picture, ["relu2_1"])["relu2_1"].flatten(2)[0] for picture in (cat, wave))
    A_l = A_l[:, : 8 * (wave.shape[3] // 2)]  # the rows of the upper 16 px
    want = (F_l @ F_l.mT / F_l.shape[1] - A_l @ A_l.mT / A_l.shape[1]).square().mean()
    assert found == pytest.approx(want.item(), rel=1e-4)


def test_a_mask_of_another_size_is_refused(vgg: VGG, cat: Tensor, wave: Tensor) -> None:
    mask = torch.ones(1, 1, 32, 32) / 2
    for term in (Style(wave, Gram(), 1.0, LAYERS, where=mask), Pixels(cat, 1.0, mask)):
        with pytest.raises((ValueError, RuntimeError), match="mask of the|must match|size"):
            Objective([term], vgg)(cat)
    with pytest.raises(ValueError, match="The mask of the pixels term has \\(32, 32\\) px"):
        Pixels(cat, 1.0, mask).losses({}, cat)
    with pytest.raises(ValueError, match="photograph has .* px, and the image has"):
        Pixels(cat, 1.0).losses({}, cat[..., :32, :32])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mask": None}, "mask is None; expected a picture, an array, or a mask"),
        ({"beta": -1}, "beta of a region is -1; expected"),
        ({"keep": float("nan")}, "keep of a region is nan; expected"),
    ],
)
def test_what_is_no_region_is_refused(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Region(**{"mask": rectangle(0, 0, 1, 0.5), "style": "scream", **options})


# ---------------------------------------------------------------- several artworks


@pytest.mark.parametrize("statistic", ALL, ids=repr)
def test_a_share_of_nothing_is_the_single_artwork_to_the_bit(
    statistic: Statistic, network: VGG, cat: Tensor, wave: Tensor, scream: Tensor, x: Tensor
) -> None:
    recipe = RECIPE.replace(statistic=statistic, palette=5)
    want = Objective.of(cat, wave, network, recipe)(x).total
    for works in (Artworks((wave, scream), (1, 0)), Artworks((scream, wave), (0, 3))):
        assert Objective.of(cat, works, network, recipe)(x).total.equal(want)


def test_blended_targets_have_the_gradient_of_blended_losses(
    vgg: VGG, cat: Tensor, wave: Tensor, scream: Tensor, x: Tensor
) -> None:
    image = x.clone().requires_grad_()
    works = Artworks((wave, scream), (2, 1))
    one = Objective.of(cat, works, vgg, PAINTED)(image).total
    both = sum(
        share * Objective.of(cat, picture, vgg, PAINTED)(image).total
        for picture, share in ((wave, 2 / 3), (scream, 1 / 3))
    )
    (ours,), (theirs,) = (torch.autograd.grad(loss, image) for loss in (one, both))
    assert ((ours - theirs).norm() / theirs.norm()).item() < 1e-5


def test_layers_may_be_painted_after_different_artworks(
    vgg: VGG, cat: Tensor, wave: Tensor, scream: Tensor, x: Tensor
) -> None:
    works = Artworks((wave, scream), ({"relu1_1": 1.0}, {"relu3_1": 1.0}))
    found = Objective.of(cat, works, vgg, PAINTED)(x).per_layer
    first, second = (Objective.of(cat, p, vgg, PAINTED)(x).per_layer for p in (wave, scream))
    assert found["style", "relu1_1"].equal(first["style", "relu1_1"])
    assert found["style", "relu3_1"].equal(second["style", "relu3_1"])


def test_the_palette_takes_the_shares_of_the_shallowest_layer_that_counts(
    vgg: VGG, cat: Tensor, wave: Tensor, scream: Tensor, x: Tensor
) -> None:
    works = Artworks((wave, scream), ({"relu1_1": 1.0}, {"relu3_1": 1.0}))
    first, second = (
        Objective.of(cat, p, vgg, PAINTED.replace(palette=5))(x).floats().terms["palette"]
        for p in (wave, scream)
    )
    layers = {"relu3_1": 2.0, "relu1_1": 1.0}  # in any order
    for weights, want in ((layers, first), ({**layers, "relu1_1": 0.0}, second)):
        recipe = PAINTED.replace(palette=5, style_layers=weights)
        objective = Objective.of(cat, works, vgg, recipe)
        assert objective(x).floats().terms["palette"] == pytest.approx(want)
        again = objective.with_pictures(cat.flip(3), Artworks(works.pictures, works.shares))
        assert again(x).floats().terms["palette"] == pytest.approx(want)


def test_hypercolumns_cannot_have_artworks_by_layer(
    vgg: VGG, cat: Tensor, wave: Tensor, scream: Tensor
) -> None:
    works = Artworks((wave, scream), ({"relu1_1": 1.0}, {"relu3_1": 1.0}))
    with pytest.raises(ValueError, match="shares cannot differ between layers"):
        Objective.of(cat, works, vgg, RECIPE.replace(statistic=Hypercolumns()))


@pytest.mark.parametrize("statistic", [Gram(), Moments(), Hypercolumns()], ids=repr)
def test_shares_may_change_between_two_steps(
    statistic: Statistic, network: VGG, cat: Tensor, wave: Tensor, scream: Tensor, x: Tensor
) -> None:
    recipe = PAINTED.replace(statistic=statistic)
    objective = Objective.of(cat, Artworks((wave, scream), (1, 0)), network, recipe)
    objective(x)
    before = objective.in_force()
    objective["style"].mix((0.25, 0.75))
    assert objective.in_force() != before
    fresh = Objective.of(cat, Artworks((wave, scream), (1, 3)), network, recipe)
    assert objective(x).total.equal(fresh(x).total)


def test_new_shares_compute_no_artwork_a_second_time(
    vgg: VGG, cat: Tensor, wave: Tensor, scream: Tensor
) -> None:
    class Counting(VGG):
        passes = 0

        def forward(self, image: Tensor, layers: object) -> dict[str, Tensor]:
            Counting.passes += 1
            return super().forward(image, layers)

    network = Counting(weights=vgg.state_dict(), preprocessing=vgg.preprocessing)
    objective = Objective.of(None, Artworks((wave, scream), (1, 0)), network, PAINTED)
    assert Counting.passes == 1  # what has no share is not computed
    for shares in ((0.5, 0.5), (0.1, 0.9), (0, 1)):
        objective["style"].mix(shares)
        objective(cat)
    assert Counting.passes == 1 + 1 + 3


def test_neighbors_of_two_artworks_paint(network: VGG, cat: Tensor, wave: Tensor) -> None:
    left, _ = split(cat)
    works = Artworks((wave, wave.flip(1)), (1, 1))
    objective = scenic(cat, works, network, NEIGHBORS, regions=[region(left, wave)])
    steps = list(optimize(objective, cat, steps=4))
    assert steps[-1].losses.total < 0.9 * steps[0].losses.total
