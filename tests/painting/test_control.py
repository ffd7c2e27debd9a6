"""What a painter asks for: colors, several artworks, regions, strokes, and a painting once more."""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from nstkit import (
    DEFAULT,
    NEIGHBORS,
    VGG,
    Gram,
    Objective,
    Recipe,
    Region,
    Result,
    color_range,
    ellipse,
    load_image,
    mix_strokes,
    read_metadata,
    rectangle,
    repaint,
    save_image,
    stylize,
)
from nstkit.painting.estimate import seconds_needed
from nstkit.painting.given import pairs_of
from nstkit.painting.plan import prepare
from nstkit.painting.start import first_picture, start_image
from nstkit.pictures.artworks import Artworks
from nstkit.pictures.color import gray, keep_colors, match_colors, match_luminance
from nstkit.pictures.scene import Part, Scene
from nstkit.pictures.sizes import resize
from nstkit.recipes import STARTS
from nstkit.terms import Style

# Shallow layers cost little, and nothing here depends on deep ones.
QUICK = DEFAULT.replace(
    content_layers="relu2_2", style_layers=["relu1_1", "relu2_1"], scales=(0.7, 1), steps=(2, 1)
)
MIX = {"scream": 1, "great_wave": 2}
SKY = rectangle(0, 0, 1, 0.5)


def paint(
    vgg: VGG, content: object = "castle", style: object = "scream", **options: object
) -> Result:
    return stylize(
        content, style, **{"recipe": QUICK, "size": 96, **options}, vgg=vgg, progress=False
    )


def uv(picture: Tensor) -> Tensor:
    rows = torch.tensor([[-0.14713, -0.28886, 0.436], [0.615, -0.51499, -0.10001]])
    return rows @ picture[0].flatten(1)


# ---------------------------------------------------------------- colors


def test_the_artworks_colors_are_the_default(network: VGG) -> None:
    assert DEFAULT.color == "style"
    assert paint(network).image.equal(paint(network, color="style").image)


def test_matched_colors_are_those_of_the_artwork_recolored_first(network: VGG) -> None:
    photo, artwork = load_image("castle", 96), load_image("scream", 96)
    want = paint(network, photo, match_colors(artwork, photo))
    found = paint(network, color="match")
    assert found.image.equal(want.image) and found.recipe.color == "match"
    assert found.style.equal(artwork)  # as it was given
    mean = photo.mean((2, 3))
    apart = [(r.image.mean((2, 3)) - mean).norm().item() for r in (found, paint(network))]
    assert apart[0] < 0.5 * apart[1]


def test_luminance_is_painted_in_gray_and_gets_the_photographs_colors(network: VGG) -> None:
    photo, artwork = load_image("castle", 96), load_image("scream", 96)
    seen: list[Tensor] = []
    found = paint(
        network, color="luminance", keep=[1], callback=lambda step: seen.append(step.image)
    )
    alone = paint(network, gray(photo), match_luminance(artwork, photo))
    assert found.image.equal(keep_colors(alone.image, photo))
    assert found.snapshots[1].equal(seen[1])  # a step shows what will be saved
    torch.testing.assert_close(seen[-1], found.image)
    assert (
        (uv(found.image) - uv(photo)).abs().mean()
        < 0.02
        < (uv(alone.image) - uv(photo)).abs().mean()
    )


@pytest.mark.parametrize("color", ["match", "luminance"])
@pytest.mark.parametrize("photo", ["gray", "black"])
def test_pictures_without_colors_paint(color: str, photo: str, network: VGG) -> None:
    castle = load_image("castle", 96)
    flat = {"gray": gray(castle), "black": 0 * castle, "white": 0 * castle + 1}[photo]
    for content, style in ((flat, "scream"), ("castle", flat), (flat, flat)):
        result = paint(network, content, style, color=color)
        assert result.image.isfinite().all() and 0 <= result.image.min() <= result.image.max() <= 1
        assert all(
            torch.tensor([*r.losses.terms.values()]).isfinite().all() for r in result.history
        )


def test_a_picture_with_alpha_keeps_its_colors_over_white(network: VGG, tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "see_through.png"
    Image.new("RGBA", (96, 64), (200, 30, 30, 128)).save(path)
    with pytest.warns(UserWarning, match="see_through.png' is transparent in parts"):
        result = paint(network, path, color="luminance")
    assert result.image[:, 0].mean() > result.image[:, 1].mean() + 0.1


def test_the_colors_of_a_region_are_those_of_that_part(network: VGG) -> None:
    photo, artwork = load_image("castle", 96), load_image("scream", 96)
    top, regions = SKY.of(photo), [Region(SKY, "scream")]
    scene = prepare(photo, artwork, QUICK, color="match", regions=regions, vgg=network).scene
    rest, sky = (part.works.pictures[0] for part in scene.parts)
    assert sky.equal(match_colors(artwork, photo, to_where=top))
    torch.testing.assert_close(rest, match_colors(artwork, photo, to_where=1 - top))


def test_a_given_start_is_painted_in_the_same_mode(network: VGG) -> None:
    start = load_image("macaw", 96)[..., :64, :]
    photo = load_image("castle", 96)[..., :64, :]
    result = paint(network, photo, start=start, color="luminance", recipe=QUICK.replace(steps=0))
    first = resize(gray(start), *[round(0.7 * side) for side in start.shape[-2:]])
    assert (first - resize(gray(start), *first.shape[-2:])).abs().max() == 0
    assert (uv(result.image) - uv(photo)).abs().mean() < 0.03


# ---------------------------------------------------------------- several artworks


@pytest.mark.parametrize(
    "style",
    [MIX, list(MIX.items()), {load_image("scream", 96): 0.5, load_image("great_wave", 96): 1.0}],
    ids=["names", "pairs", "tensors"],
)
def test_several_artworks_go_wherever_one_goes(style: object, network: VGG) -> None:
    found = paint(network, style=style)
    pictures = load_image("scream", 96), load_image("great_wave", 96)
    want = Artworks(pictures, (1 / 3, 2 / 3))
    photo = load_image("castle", 96)
    terms = [Objective.of(photo, s, network, QUICK)(photo).total for s in (found.style, want)]
    assert terms[0].item() == pytest.approx(terms[1].item(), rel=1e-6)
    assert isinstance(found.style, Artworks) and found.image.isfinite().all()


@pytest.mark.long
@pytest.mark.parametrize("recipe", [QUICK, NEIGHBORS.replace(scales=1, steps=2)])
def test_a_share_of_nothing_paints_the_single_artwork_to_the_bit(
    recipe: Recipe, network: VGG
) -> None:
    alone = paint(network, recipe=recipe)
    for style in ({"scream": 1, "great_wave": 0}, {"great_wave": 0, "scream": 7}, {"scream": 0.3}):
        assert paint(network, style=style, recipe=recipe).image.equal(alone.image)


def test_pictures_alone_share_alike() -> None:
    assert pairs_of(["scream", "great_wave"]) == [("scream", 1.0), ("great_wave", 1.0)]
    assert pairs_of("scream") == [("scream", 1.0)]


def test_layers_may_have_other_artworks(network: VGG) -> None:
    style = {"scream": {"relu1_1": 1}, "great_wave": {"relu2_1": 1}}
    result = paint(network, style=style, recipe=QUICK)
    assert result.style.in_layer("relu1_1") == (1, 0) and result.style.in_layer("relu2_1") == (0, 1)
    with pytest.raises(ValueError, match="No artwork has a share in relu2_1"):
        paint(network, style={"scream": {"relu1_1": 1}, "great_wave": {"relu1_1": 1}})


@pytest.mark.parametrize(
    ("style", "message"),
    [
        ({}, "expected a picture, or several with their shares"),
        ([("scream", 1, 2)], "expected a picture, or several"),
        (("scream", 2), "expected a picture, or several"),
        ({"scream": -1}, "share of an artwork is -1; expected"),
        ({"scream": {"rleu1_1": 1}, "great_wave": 1}, "layer of an artwork's share is 'rleu1_1'"),
        ({"scream": 0, "great_wave": 0}, "shares of all artworks are 0"),
        ({"scream": "much"}, "share of an artwork is 'much'"),
        (None, "style is None; expected an artwork, or regions"),
    ],
)
def test_what_is_no_style_is_refused(style: object, message: str, network: VGG) -> None:
    with pytest.raises(ValueError, match=message):
        paint(network, style=style)


def test_judges_need_a_single_artwork(network: VGG) -> None:
    with pytest.raises(ValueError, match="Judges compare with one artwork"):
        paint(network, style=MIX).judge()


# ---------------------------------------------------------------- starts


@pytest.mark.parametrize("kind", STARTS)
def test_each_part_starts_with_its_own_artwork(kind: str) -> None:
    photo, one, two = (load_image(n, 64) for n in ("castle", "scream", "great_wave"))
    left = rectangle(0, 0, 0.5, 1, soft=0).of(photo)
    part = Part(left, Artworks.of(one))
    found = first_picture(kind, Scene.of(photo, two, [part]), {"relu1_1": 1}, seed=3)
    halves = start_image(kind, photo, one, 3, left), start_image(kind, photo, two, 3, 1 - left)
    assert found[..., :32].equal(halves[0][..., :32]) and found[..., 32:].equal(halves[1][..., 32:])
    unpainted = first_picture(kind, Scene.of(photo, None, [part]), {"relu1_1": 1}, seed=3)
    assert unpainted[..., 32:].equal(photo[..., 32:])


@pytest.mark.parametrize("kind", STARTS)
def test_a_full_region_starts_as_the_whole(kind: str) -> None:
    photo, artwork = load_image("castle", 64), load_image("scream", 64)
    want = start_image(kind, photo, artwork, 5)
    full = Part(torch.ones(1, 1, *photo.shape[-2:]), Artworks.of(artwork))
    for scene in (Scene.of(photo, artwork), Scene.of(photo, None, [full])):
        assert first_picture(kind, scene, {"relu1_1": 1}, seed=5).equal(want)


def test_a_start_without_colors_needs_no_share_of_any_layer() -> None:
    photo, artwork = load_image("castle", 64), load_image("scream", 64)
    works = Artworks((artwork, artwork), ({"relu3_1": 1}, {"relu3_1": 2}))
    scene = Scene.of(photo, works)
    assert first_picture("content", scene, {"relu1_1": 1}).equal(photo)
    found = first_picture("recolored", scene, {"relu1_1": 0, "relu3_1": 1})
    torch.testing.assert_close(found, start_image("recolored", photo, artwork))


def test_the_recolored_start_of_two_artworks_has_the_colors_of_both() -> None:
    photo = load_image("castle", 64)
    works = Artworks((load_image("scream", 64), load_image("great_wave", 64)), (1, 3))
    found = start_image("recolored", photo, works)
    each = [start_image("recolored", photo, picture) for picture in works.pictures]
    torch.testing.assert_close(found, 0.25 * each[0] + 0.75 * each[1])
    assert start_image("style", photo, works).equal(start_image("style", photo, works.pictures[1]))


# ---------------------------------------------------------------- regions


def test_a_full_region_is_the_whole_to_the_bit(network: VGG) -> None:
    full = Region(torch.ones(4, 6), "scream")
    assert paint(network, style=None, regions=[full]).image.equal(paint(network).image)


def test_only_the_region_is_painted(network: VGG) -> None:
    photo = load_image("castle", 96)
    result = paint(
        network, style=None, regions=[Region(SKY, "scream")], recipe=QUICK.replace(steps=6)
    )
    apart = (result.image - photo).abs().mean(1)[0]
    assert apart[:20].mean() > 0.05 and apart[-20:].max() == 0


def test_what_is_left_is_the_photograph_also_when_it_was_interrupted(network: VGG) -> None:
    photo = load_image("castle", 96)
    regions = [Region(~rectangle(0, 0, 1, 0.5, soft=0))]
    coarse = paint(network, regions=regions, color="luminance", callback=lambda step: True)
    assert coarse.interrupted and coarse.image[..., -30:, :].equal(photo[..., -30:, :])
    loose = paint(network, regions=[Region(regions[0].mask, keep=100)], steps=1)
    assert not loose.image[..., -30:, :].equal(photo[..., -30:, :])


@pytest.mark.parametrize("top", [0.93])
def test_a_strip_at_the_edge_paints_and_is_estimated(top: float, network: VGG) -> None:
    regions = [Region(rectangle(0, top, 1, 1), "scream")]
    result = paint(network, "bridge", None, recipe=DEFAULT.replace(steps=1), regions=regions)
    assert result.image.isfinite().all()
    plan = prepare("bridge", None, QUICK, size=128, regions=regions, vgg=network)
    assert seconds_needed(plan) > 0


def test_one_region_alone_needs_no_list(network: VGG) -> None:
    found = paint(network, style=None, regions=Region(SKY, "scream"))
    assert found.image.equal(paint(network, style=None, regions=[Region(SKY, "scream")]).image)
    assert paint(network, regions=None).image.equal(paint(network).image)
    made = paint(network, style=None, regions=(Region(mask, "scream") for mask in [SKY]))
    assert made.image.equal(found.image) and len(made.subject.regions) == 1
    for wrong in (["the sky"], [SKY], [(SKY, "scream")]):
        with pytest.raises(ValueError, match="expected a list of nstkit.Region"):
            paint(network, regions=wrong)


@pytest.mark.parametrize("tile", [None, 64])
def test_regions_and_a_rest_paint_whole_and_in_tiles(tile: int | None, network: VGG) -> None:
    regions = [Region(SKY, MIX), Region(ellipse(0.3, 0.6, 0.7, 0.9), "great_wave", beta=20, keep=5)]
    result = paint(network, regions=regions, tile=tile)
    assert set(result.best.losses.terms) == {
        "content", "style", "style 1", "style 2", "variation", "pixels",
    }  # fmt: skip
    assert result.subject.regions == tuple(regions)


def test_a_region_may_take_a_part_of_its_artwork(network: VGG) -> None:
    top = Region(SKY, "scream", artwork_mask=rectangle(0, 0, 1, 0.4))
    plan = prepare("castle", None, QUICK, size=96, regions=[top], vgg=network)
    works = plan.scene.parts[-1].works
    assert works.where[0].shape[-2:] == works.pictures[0].shape[-2:]
    assert not paint(network, style=None, regions=[top]).image.equal(
        paint(network, style=None, regions=[Region(SKY, "scream")]).image
    )


@pytest.mark.parametrize(
    ("region", "message"),
    [
        (
            Region(color_range("magenta", 0.02), "scream"),
            "mask of region 1, .*nothing in the photo",
        ),
        (Region(torch.zeros(4, 6), "scream"), "mask of region 1, .* matches nothing"),
        (
            Region(SKY, "scream", artwork_mask=color_range("magenta", 0.02)),
            "artwork_mask of region 1, .* matches nothing in its artwork",
        ),
        (Region(torch.ones(6, 4), "scream"), "mask has 4 x 6 px, and the picture has 96 x 64"),
    ],
)
def test_masks_that_do_not_fit_are_refused(region: Region, message: str, network: VGG) -> None:
    with pytest.raises(ValueError, match=message):
        paint(network, style=None, regions=[region])


# ---------------------------------------------------------------- strokes


def test_a_scale_of_one_does_nothing(network: VGG) -> None:
    assert paint(network, style_scale=1).image.equal(paint(network).image)
    assert Recipe(style_scale=1) == Recipe(style_scale=1.0) == Recipe()


@pytest.mark.parametrize("scale", [0.5, 2])
def test_the_artwork_is_loaded_at_its_scale(scale: float, network: VGG) -> None:
    plan = prepare("castle", "bouquet", QUICK, size=96, style_scale=scale, vgg=network)
    assert plan.works.plain.equal(load_image("bouquet", round(96 * scale)))
    given = load_image("bouquet", 96)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        plan = prepare("castle", given, QUICK, size=96, style_scale=scale, vgg=network)
    assert plan.works.plain.equal(
        resize(given, *[round(side * scale) for side in given.shape[-2:]])
    )
    assert ["enlarged to 192 px" in str(w.message) for w in caught] == [True] * (scale > 1)


@pytest.mark.long
def test_the_size_of_strokes_costs_no_scale(network: VGG) -> None:
    plans = [
        prepare("castle", "scream", DEFAULT, size=256, style_scale=scale, vgg=network)
        for scale in (1, 0.3)
    ]
    assert plans[0].scales() == plans[1].scales() and len(plans[0].scales()) == 3
    result = stylize(
        "castle", "scream", DEFAULT, size=160, style_scale=0.3, steps=0, vgg=network, progress=False
    )
    assert result.image.isfinite().all()


def test_an_artwork_that_must_be_enlarged_is_told(network: VGG) -> None:
    with pytest.warns(UserWarning, match="artwork scream has 440 px and is enlarged to 600 px"):
        prepare("castle", "scream", QUICK, size=300, style_scale=2, vgg=network)


def test_an_artwork_that_gets_too_small_is_refused(network: VGG) -> None:
    with pytest.raises(ValueError, match="expected at least 32.*style_scale is 0.25"):
        prepare("castle", "scream", QUICK, size=96, style_scale=0.25, vgg=network)
    with pytest.raises(ValueError, match="style_scale is 0.2, so the artwork would have"):
        prepare("castle", load_image("scream", 80), QUICK, style_scale=0.2, vgg=network)
    with pytest.raises(ValueError, match="use size=.* or less .style_scale is 100000"):
        prepare("castle", "scream", QUICK, size=96, style_scale=1e5, vgg=network)


@pytest.mark.parametrize("scale", [0, -1, float("nan"), "two"])
def test_what_is_no_scale_is_refused(scale: object) -> None:
    with pytest.raises(ValueError, match="style_scale is .*; expected a finite number, above 0"):
        Recipe(style_scale=scale)


def stripes(period: int, size: int) -> Tensor:
    row = (torch.arange(size) % period < period // 2).float() * 0.8 + 0.1
    return row.view(1, 1, 1, size).expand(1, 3, size, size).contiguous()


def period_of(picture: Tensor) -> float:
    """Return the period in px with the most energy across a picture."""
    rows = picture[0].mean(0)
    energy = torch.fft.rfft(rows - rows.mean(1, keepdim=True)).abs().square().mean(0)
    return picture.shape[-1] / (energy[1:].argmax().item() + 1)


@pytest.mark.long
def test_a_texture_twice_as_large_is_painted_with_twice_the_period(network: VGG) -> None:
    layers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1"]
    recipe = Recipe(alpha=0, beta=1e3, tv=0, style_layers=layers, start="noise", steps=30)
    content = torch.full((1, 3, 96, 96), 0.5)
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the enlargement, which is the point
        for scale in (1, 2):
            result = stylize(
                content, stripes(8, 96), recipe, style_scale=scale, vgg=network, progress=False
            )
            found.append(period_of(result.image))
    assert found == pytest.approx([8, 16], rel=0.15)  # to a line of the spectrum


@pytest.mark.long
def test_mixed_strokes_have_the_forms_of_one_and_the_strokes_of_the_other(network: VGG) -> None:
    forms, strokes = load_image("scream", 128), load_image("great_wave", 128)
    mixed = mix_strokes(forms, strokes, vgg=network, steps=25)
    assert mixed.shape == forms.shape and 0 <= mixed.min() <= mixed.max() <= 1
    wanted = match_colors(strokes, forms)

    def apart(picture: Tensor, layer: str, other: Tensor) -> float:
        return Objective([Style(other, Gram(), 1.0, {layer: 1.0})], network)(picture).style.item()

    for layer in ("relu1_1", "relu2_1"):
        assert apart(mixed, layer, wanted) < 0.3 * apart(forms, layer, wanted)
    blurred = [resize(picture, 16, 12) for picture in (mixed, forms, strokes[..., :96])]
    assert (blurred[0] - blurred[1]).abs().mean() < 0.3 * (blurred[1] - blurred[2]).abs().mean()


def test_mixed_strokes_stop_when_they_are_told(network: VGG) -> None:
    def stop(step: object) -> bool:
        if step.index == 2:
            raise KeyboardInterrupt
        return False

    pair = load_image("scream", 64), load_image("great_wave", 64)
    found = mix_strokes(*pair, vgg=network, callback=stop)
    assert not found.equal(pair[0])
    assert mix_strokes(*pair, vgg=network, callback=lambda step: True).equal(pair[0])
    with pytest.warns(UserWarning, match="artwork scream has 440 px and is enlarged"):
        mix_strokes("scream", pair[1], 512, vgg=network, callback=lambda step: True)


# ---------------------------------------------------------------- once more


CASES = {
    "plain": {},
    "color": {"color": "luminance"},
    "artworks": {"style": MIX, "color": "match", "style_scale": 0.7},
    "layers": {"style": {"scream": {"relu1_1": 1}, "great_wave": {"relu1_1": 1, "relu2_1": 2}}},
    "regions": {
        "style": None,
        "regions": [
            Region(SKY & ~color_range("white"), MIX, beta=7, artwork_mask=ellipse(0, 0, 1, 1)),
            Region(torch.rand(64, 96, generator=torch.Generator().manual_seed(0)), None, keep=50),
        ],
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("case", "suffix"), [*((case, ".png") for case in CASES), ("regions", ".jpg")]
)
def test_a_saved_painting_is_painted_once_more(case: str, suffix: str, tmp_path: Path) -> None:
    options = {"style": "scream", "seed": 3, "progress": False, **CASES[case]}
    first = stylize("castle", options.pop("style"), QUICK, size=96, **options)
    saved = first.save(tmp_path / f"painting{suffix}")
    again = repaint(saved, progress=False)
    assert again.image.equal(first.image) and again.recipe == first.recipe
    for one, other in zip(again.subject.regions, first.subject.regions, strict=True):
        assert (one.mask, one.beta, one.keep) == (other.mask, other.beta, other.keep)


@pytest.mark.long
def test_changes_replace_what_the_painting_says(tmp_path: Path) -> None:
    saved = stylize("castle", "scream", QUICK, size=96, progress=False).save(tmp_path / "a.png")
    other = repaint(saved, "macaw", MIX, color="match", seed=9, progress=False)
    assert other.sources == ("macaw", "scream + great_wave")
    assert (other.recipe, other.seed) == (QUICK.replace(color="match"), 9)
    bolder = repaint(saved, beta=77, tv=3, progress=False)
    assert bolder.recipe == QUICK.replace(beta=77, tv=3)
    assert repaint(saved, scales=[64, 80], progress=False).image.shape[-1] == 80
    in_px = QUICK.replace(scales=(64, 70))
    assert repaint(saved, recipe=in_px, progress=False).image.shape[-1] == 70
    assert repaint(saved, recipe=DEFAULT.replace(steps=0), progress=False).image.shape[-1] == 96


@pytest.fixture
def album(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder inside the current one."""
    monkeypatch.chdir(tmp_path)
    made = tmp_path / "album"
    made.mkdir()
    return made


def test_pictures_are_found_beside_the_painting(album: Path) -> None:
    save_image(load_image("castle", 96), album / "my photo.png")
    first = stylize(album / "my photo.png", "scream", QUICK, size=96, progress=False)
    saved = first.save(album / "painting.png")
    assert repaint(saved, progress=False).image.equal(first.image)
    (album / "my photo.png").unlink()
    with pytest.raises(FileNotFoundError, match="'my photo.png'.*Pass it: repaint\\(.*content=..."):
        repaint(saved)


NAMES = ["[1] wave.png", "null", "ü ñ:2.png"]


@pytest.mark.parametrize("name", NAMES)
def test_files_of_any_name_are_found_again(name: str, tmp_path: Path) -> None:
    folders = tmp_path / "one", tmp_path / "two"
    for folder, picture in zip(folders, ("scream", "great_wave"), strict=True):
        folder.mkdir()
        load_picture = load_image(picture, 96)
        save_image(load_picture, folder / "picture.png").rename(folder / name)
    style = [(folders[0] / name, 1), ("scream", 3)]
    first = stylize("castle", style, QUICK, size=96, progress=False)
    again = repaint(first.save(folders[0] / "painting.png"), progress=False)
    assert again.image.equal(first.image)


def test_a_picture_beside_the_painting_goes_before_one_in_this_folder(album: Path) -> None:
    save_image(load_image("castle", 96), album / "photo.png")
    save_image(load_image("macaw", 96), album.parent / "photo.png")
    first = stylize(album / "photo.png", "scream", QUICK, size=96, progress=False)
    again = repaint(first.save(album / "painting.png"), progress=False)
    assert again.image.equal(first.image)


def test_numbers_of_numpy_are_kept_as_numbers(tmp_path: Path) -> None:
    half = np.float32(0.5)
    mask = rectangle(0, half, 1, 1) & color_range(np.array([half, half, half]), half)
    style = {"scream": {"relu1_1": half, "relu2_1": half}, "great_wave": half}
    regions = [Region(mask, style, beta=np.float64(3), keep=half)]
    first = stylize("castle", "scream", QUICK, size=96, regions=regions, progress=False)
    assert repaint(first.save(tmp_path / "a.png"), progress=False).image.equal(first.image)


def test_artworks_are_loaded_at_the_same_size_again(tmp_path: Path) -> None:
    photo = load_image("castle", 96)
    first = stylize(photo, "scream", QUICK, size=128, progress=False)
    again = repaint(first.save(tmp_path / "a.png"), photo, progress=False)
    assert again.image.equal(first.image)


def test_the_artworks_of_regions_may_be_passed_again(tmp_path: Path) -> None:
    given = [Region(SKY, load_image("scream", 96))]
    first = stylize("castle", None, QUICK, size=96, regions=given, progress=False)
    saved = first.save(tmp_path / "a.png")
    with pytest.raises(FileNotFoundError, match="names the picture 'tensor'.*regions=..."):
        repaint(saved)
    assert repaint(saved, regions=given, progress=False).image.equal(first.image)


def test_two_artworks_of_one_name_are_asked_for(tmp_path: Path) -> None:
    paths = [tmp_path / name / "art.png" for name in ("one", "two")]
    for path, picture in zip(paths, ("scream", "great_wave"), strict=True):
        path.parent.mkdir()
        save_image(load_image(picture, 96), path)
    style = dict(zip(paths, (1, 2), strict=True))
    first = stylize("castle", style, QUICK, size=96, progress=False)
    saved = first.save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="names artworks .*does not say in which folders"):
        repaint(saved)
    assert repaint(saved, style=style, progress=False).image.equal(first.image)


def test_what_says_nothing_of_its_making_is_refused(tmp_path: Path) -> None:
    path = save_image(load_image("cat", 64), tmp_path / "cat.png")
    with pytest.raises(ValueError, match="does not say how it was painted"):
        repaint(path)


def test_a_painting_of_pictures_in_memory_asks_for_them(tmp_path: Path) -> None:
    photo, artwork = load_image("castle", 96), load_image("scream", 96)
    saved = stylize(photo, artwork, QUICK, progress=False).save(tmp_path / "a.png")
    with pytest.raises(FileNotFoundError, match="names the picture 'tensor'"):
        repaint(saved)
    again = repaint(saved, photo, artwork, progress=False)
    assert (again.image - load_image(saved)).abs().max() < 0.01


def test_a_mask_too_large_for_a_jpeg_does_not_cost_the_painting(tmp_path: Path) -> None:
    noise = torch.rand(640, 960, generator=torch.Generator().manual_seed(0))
    result = stylize(
        "castle", None, QUICK, size=96, regions=[Region(noise, "scream")], progress=False
    )
    with pytest.warns(UserWarning, match="mask is too large for a .jpg file.*Save as .png"):
        saved = result.save(tmp_path / "a.jpg", script="x" * 9)
    assert load_image(saved).shape == result.image.shape
    assert "recipe" in read_metadata(saved)
    with pytest.raises(ValueError, match="could not hold its masks. Pass them"):
        repaint(saved)
    assert repaint(result.save(tmp_path / "a.png"), progress=False).image.equal(result.image)


def test_a_painting_from_elsewhere_opens_no_weights_file_here(
    tmp_path: Path, cat: Tensor, wave: Tensor, vgg: VGG
) -> None:
    """A recipe travels in the picture, so it may come from anybody."""
    secret = tmp_path / "secret.pth"
    secret.write_bytes(b"not for strangers")
    recipe = Recipe(weights=str(secret), preprocessing="caffe")
    painted = stylize(cat, wave, recipe.replace(weights="embedded"), steps=0, progress=False)
    file = dataclasses.replace(painted, recipe=recipe).save(tmp_path / "theirs.png")
    with pytest.raises(ValueError, match="weights file .*secret.pth'. If you trust it, pass"):
        repaint(file, cat, wave, progress=False)
    found = repaint(file, cat, wave, progress=False, steps=0, vgg=vgg)
    assert found.image.shape == cat.shape
