"""`transfer`: features moved, and everything that `stylize` offers too."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

import nstkit
from nstkit.feedforward import HOWS, Coder, transfer
from nstkit.feedforward.decoder import LAYER
from nstkit.feedforward.transfer import Draft, Encoded, moved
from nstkit.losses.moments import RIDGE

SIZE = 64
PAIR = ("cat", "great_wave")


def covariance(features: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and covariance over positions by another way than nstkit's."""
    points = features[0].flatten(1).double()
    return points.mean(1), torch.cov(points, correction=0)


def pixels_apart(one: Tensor, other: Tensor) -> float:
    return (one - other).abs().mean().item()


# ---------------------------------------------------------------- what moves


@pytest.mark.parametrize("how", HOWS)
def test_moved_features_have_the_mean_and_deviation_of_the_artwork(
    how: str, clouds: tuple[Tensor, Tensor]
) -> None:
    photo, artwork = clouds
    mean, found = covariance(moved(Encoded(photo), [(Encoded(artwork), 1.0)], how))
    aim_mean, aim = covariance(artwork)
    torch.testing.assert_close(mean, aim_mean, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(found.diagonal(), aim.diagonal(), atol=2 * RIDGE, rtol=1e-3)
    apart = (found - aim).norm() / aim.norm()
    assert apart > 0.1 if how == "adain" else apart < 1e-3


def test_adain_is_the_formula_of_the_paper(clouds: tuple[Tensor, Tensor]) -> None:
    x, y = clouds
    mu, sigma = (
        (lambda f: f.mean((2, 3), keepdim=True)),
        (lambda f: (f.var((2, 3), correction=0, keepdim=True) + RIDGE).sqrt()),
    )
    expected = sigma(y) * (x - mu(x)) / sigma(x) + mu(y)  # eq. 8
    torch.testing.assert_close(moved(Encoded(x), [(Encoded(y), 1.0)], "adain"), expected)


def test_transport_moves_features_least(clouds: tuple[Tensor, Tensor]) -> None:
    photo, artwork = clouds
    far = {
        how: (moved(Encoded(photo), [(Encoded(artwork), 1.0)], how) - photo).square().sum()
        for how in ("whiten", "transport")
    }
    assert far["transport"] < far["whiten"]


@pytest.mark.parametrize("how", HOWS)
def test_fewer_positions_than_channels_do_no_harm(how: str) -> None:
    generator = torch.Generator().manual_seed(3)
    photo, artwork = (torch.rand(1, 30, 3, n, generator=generator) for n in (3, 4))
    found = moved(Encoded(photo), [(Encoded(artwork), 1.0)], how)
    assert torch.isfinite(found).all() and found.abs().max() < 10
    flat = torch.full((1, 30, 3, 3), 0.5)  # no deviation at all
    assert torch.isfinite(moved(Encoded(flat), [(Encoded(artwork), 1.0)], how)).all()


def test_a_cloud_of_too_few_positions_gets_no_more_than_the_artwork_has() -> None:
    """Then no map reaches all of its covariance."""
    generator = torch.Generator().manual_seed(3)
    photo = torch.rand(1, 30, 3, 4, generator=generator)
    artwork = torch.rand(1, 30, 20, 20, generator=generator)
    _, T = covariance(artwork)
    for how in ("whiten", "transport"):
        mean, found = covariance(moved(Encoded(photo), [(Encoded(artwork), 1.0)], how))
        torch.testing.assert_close(mean, artwork[0].flatten(1).double().mean(1), atol=1e-4, rtol=0)
        assert 0.1 * T.trace() < found.trace() < 1.05 * T.trace()


def test_a_mask_counts_positions(clouds: tuple[Tensor, Tensor]) -> None:
    photo, artwork = clouds
    where = torch.zeros(1, 1, 8, 10)
    where[..., :7] = 1
    found = moved(Encoded(photo, where), [(Encoded(artwork), 1.0)], "whiten")
    mean, inside = covariance(found[..., :7])
    aim_mean, aim = covariance(artwork)
    torch.testing.assert_close(mean, aim_mean, atol=1e-4, rtol=1e-4)
    assert (inside - aim).norm() < 2e-3 * aim.norm()


# ---------------------------------------------------------------- pictures


@pytest.mark.parametrize("how", HOWS)
def test_strength_0_does_not_depend_on_the_artwork(how: str, coder: Coder) -> None:
    pictures = [
        transfer("cat", style, how, 0, size=SIZE, coder=coder).image
        for style in ("great_wave", "starry_night")
    ]
    assert torch.equal(*pictures)
    cat = nstkit.load_image("cat", SIZE)
    assert pixels_apart(pictures[0], cat) < 0.15  # and it is the photograph, decoded


@pytest.mark.parametrize("how", HOWS)
def test_the_painting_has_the_statistics_that_were_moved(how: str, coder: Coder) -> None:
    """The decoder gives back most of what was put in: encoded again, it is near the artwork."""
    photo, artwork = (nstkit.load_image(name, 96) for name in PAIR)
    image = transfer(photo, artwork, how, coder=coder).image

    def apart(picture: Tensor) -> float:
        encoded, aim = (coder.encode(p).gaussian for p in (picture, artwork))
        return (encoded.mean - aim.mean).norm().item()

    assert apart(image) < 0.5 * apart(photo)


def test_strength_goes_from_the_photograph_to_the_artwork(coder: Coder) -> None:
    draft = Draft(*PAIR, size=SIZE, coder=coder)
    pictures = [draft.paint("adain", strength).image for strength in (0, 0.25, 0.5, 1)]
    steps = [pixels_apart(picture, pictures[0]) for picture in pictures]
    assert steps == sorted(steps) and steps[-1] > 2 * steps[1] > 0


def test_it_repeats_and_a_draft_gives_the_same(coder: Coder) -> None:
    first = transfer(*PAIR, "transport", 0.6, size=SIZE, coder=coder)
    again = Draft(*PAIR, size=SIZE, coder=coder).paint("transport", 0.6)
    assert torch.equal(first.image, again.image)
    assert repr(first) == f"<Transfer 64 x 43 px, {first.summary}>"
    assert first.summary.startswith("transport, strength 0.6, in ")


@pytest.mark.parametrize("height, width", [(32, 32), (33, 47), (40, 71), (129, 34)])
def test_any_size_comes_back(height: int, width: int, coder: Coder) -> None:
    photo = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))
    image = transfer(photo, "great_wave", size=SIZE, coder=coder).image
    assert image.shape == photo.shape and image.is_contiguous()
    assert image.min() >= 0 and image.max() <= 1


def test_a_picture_of_a_multiple_of_8_is_what_padding_leaves_alone(coder: Coder) -> None:
    """Padding adds at the right and below, so what is far from there stays the same."""
    photo = nstkit.load_image("cat", 240)[..., :64, :]
    whole = transfer(photo, "great_wave", strength=0, coder=coder).image
    less = transfer(photo[..., :237], "great_wave", strength=0, coder=coder).image
    torch.testing.assert_close(less[..., :120], whole[..., :120], atol=1e-5, rtol=0)


@pytest.mark.long
@pytest.mark.parametrize("how", ["adain", "transport"])
def test_tiles_are_the_whole(how: str, coder: Coder) -> None:
    photo, artwork = nstkit.load_image("cat", 136), nstkit.load_image("great_wave", 72)
    parts = Coder(tile=64)
    expected = transfer(photo, artwork, how, coder=coder).image
    found = transfer(photo, artwork, how, coder=parts).image
    torch.testing.assert_close(found, expected, atol=5e-3, rtol=0)
    assert pixels_apart(found, expected) < 1e-4


def test_bfloat16_paints_nearly_the_same(coder: Coder) -> None:
    half = transfer(*PAIR, size=SIZE, precision="bf16")
    full = transfer(*PAIR, size=SIZE, coder=coder)
    assert half.precision == "bf16" and full.precision == "fp32"
    assert pixels_apart(half.image, full.image) < 0.01


# ---------------------------------------------------------------- several styles, colors, regions


def test_a_share_of_0_changes_no_bit(coder: Coder) -> None:
    alone = transfer(*PAIR, "whiten", size=SIZE, coder=coder).image
    beside = transfer(
        "cat", [("great_wave", 1), ("starry_night", 0)], "whiten", size=SIZE, coder=coder
    )
    assert torch.equal(beside.image, alone)


def test_equal_artworks_are_one(coder: Coder) -> None:
    wave = nstkit.load_image("great_wave", SIZE)
    alone = transfer("cat", wave, size=SIZE, coder=coder).image
    twice = transfer("cat", [(wave, 3), (wave.clone(), 1)], size=SIZE, coder=coder).image
    torch.testing.assert_close(twice, alone, atol=1e-5, rtol=0)


def test_a_mixture_lies_between(coder: Coder) -> None:
    style = [("great_wave", 1), ("starry_night", 1)]
    draft = Draft("cat", style, size=SIZE, coder=coder)
    ends = draft.paint(shares=[1, 0]).image, draft.paint(shares=[0, 1]).image
    middle = draft.paint().image
    assert max(pixels_apart(middle, end) for end in ends) < pixels_apart(*ends)
    assert torch.equal(middle, draft.paint(shares=[2, 2]).image)
    assert torch.equal(ends[0], transfer(*PAIR, size=SIZE, coder=coder).image)
    third = draft.paint(shares=[1, 3])
    assert third.style.shares == (1, 3) and third.subject.style[1] == ["starry_night", 3]


def test_luminance_keeps_the_colors_of_the_photograph(coder: Coder) -> None:
    photo = nstkit.load_image("macaw", SIZE)
    image = transfer(photo, "great_wave", color="luminance", size=SIZE, coder=coder).image
    torch.testing.assert_close(nstkit.keep_colors(image, photo), image, atol=1e-5, rtol=0)
    assert pixels_apart(image, photo) > 0.03


def test_match_recolors_the_artwork(coder: Coder) -> None:
    photo, artwork = nstkit.load_image("macaw", SIZE), nstkit.load_image("great_wave", SIZE)
    found = transfer(photo, artwork, color="match", coder=coder).image
    recolored = nstkit.match_colors(artwork, photo)
    assert torch.equal(found, transfer(photo, recolored, coder=coder).image)


def test_what_has_no_style_stays_as_it_is(coder: Coder) -> None:
    left = nstkit.Region(nstkit.rectangle(0, 0, 0.5, 1, soft=0))
    photo = nstkit.load_image("cat", SIZE)
    image = transfer(photo, "great_wave", regions=[left], size=SIZE, coder=coder).image
    assert torch.equal(image[..., :30], photo[..., :30])
    assert pixels_apart(image[..., 40:], photo[..., 40:]) > 0.05


def test_each_region_has_its_own_artwork(coder: Coder) -> None:
    photo = nstkit.load_image("cat", 128)
    region = nstkit.Region(nstkit.rectangle(0, 0, 0.5, 1, soft=0), "starry_night")
    image = transfer(photo, "great_wave", regions=[region], size=128, coder=coder).image
    for side, style, other in (
        (slice(0, 40), "starry_night", "great_wave"),
        (slice(-40, None), "great_wave", "starry_night"),
    ):
        same, another = (
            transfer(photo, name, size=128, coder=coder).image[..., side] for name in (style, other)
        )
        found = image[..., side]
        assert pixels_apart(found, same) < 0.6 * pixels_apart(found, another)


def test_regions_may_overlap_and_one_may_be_all_of_it(coder: Coder) -> None:
    everywhere, half = nstkit.rectangle(0, 0, 1, 1), nstkit.rectangle(0, 0, 0.5, 1, soft=0)
    regions = [nstkit.Region(everywhere, "scream"), nstkit.Region(half, "great_wave")]
    image = transfer("cat", None, regions=regions, size=SIZE, coder=coder).image
    alone = transfer("cat", "scream", size=SIZE, coder=coder).image
    assert pixels_apart(image[..., -16:], alone[..., -16:]) < 0.05
    assert pixels_apart(image[..., :24], alone[..., :24]) > 0.05
    both = [nstkit.Region(everywhere, name) for name in ("scream", "great_wave")]
    image = transfer("cat", None, regions=both, size=SIZE, coder=coder).image
    mixed = transfer("cat", {"scream": 1, "great_wave": 1}, size=SIZE, coder=coder).image
    assert torch.allclose(image, mixed, atol=1e-4)


def test_a_region_may_choose_a_part_of_its_artwork(coder: Coder) -> None:
    everywhere = nstkit.rectangle(0, 0, 1, 1)
    halves = nstkit.rectangle(0, 0, 0.5, 1, soft=0), nstkit.rectangle(0.5, 0, 1, 1, soft=0)
    left, right = (
        transfer(
            "cat", None, size=SIZE, coder=coder,
            regions=nstkit.Region(everywhere, "great_wave", artwork_mask=half),
        ).image
        for half in halves
    )  # fmt: skip
    wave = nstkit.load_image("great_wave", SIZE)
    expected = transfer("cat", wave[..., : SIZE // 2], size=SIZE, coder=coder).image
    assert pixels_apart(left, expected) < 0.6 * pixels_apart(right, expected)


def test_larger_artworks_have_larger_strokes(coder: Coder) -> None:
    pictures = [
        transfer(*PAIR, style_scale=scale, size=SIZE, coder=coder).image for scale in (1, 2)
    ]
    assert pixels_apart(*pictures) > 0.01


# ---------------------------------------------------------------- files and errors


def test_a_file_says_how_it_was_painted(tmp_path: Path, coder: Coder) -> None:
    painting = transfer(*PAIR, "whiten", 0.6, size=SIZE, coder=coder)
    facts = nstkit.read_metadata(painting.save(tmp_path / "cat.png"))
    told = {name: facts[name] for name in ("content", "style", "how", "strength", "size")}
    assert told == {"content": "cat", "style": "great_wave", "how": "whiten", "strength": "0.6",
                    "size": "64 x 43"}  # fmt: skip


def test_a_small_photograph_keeps_its_size(coder: Coder, tmp_path: Path) -> None:
    nstkit.save_image(torch.rand(1, 3, 40, 50), tmp_path / "small.png")
    assert transfer(tmp_path / "small.png", "great_wave", coder=coder).image.shape[-2:] == (40, 50)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"how": "wct"}, "how is 'wct'; expected one of .'adain', 'whiten', 'transport'"),
        ({"strength": 1.5}, "strength is 1.5; expected a number from 0 to 1"),
        ({"strength": math.nan}, "strength is nan; expected a number from 0 to 1"),
        ({"color": "sepia"}, "color is 'sepia'; expected one of"),
        ({"style_scale": 0}, "style_scale is 0; expected a finite number, above 0"),
        ({"style": None}, "style is None; expected an artwork, or regions"),
        ({"size": 8}, "size is 8; expected a whole number, 32 or more"),
        ({"size": 50.5, "content": torch.rand(1, 3, 40, 50)}, "size is 50.5"),
    ],
)
def test_bad_options_are_refused(options: dict, message: str, coder: Coder) -> None:
    given = {"content": "cat", "style": "great_wave", "size": SIZE, **options}
    with pytest.raises(ValueError, match=message):
        transfer(**given, coder=coder)


def test_what_a_coder_or_a_draft_cannot_follow_is_refused(coder: Coder) -> None:
    for option in ({"precision": "fp32"}, {"device": "cpu"}, {"tile": 64}):
        with pytest.raises(ValueError, match="Got a coder, and precision, device or tile"):
            transfer(*PAIR, size=SIZE, coder=coder, **option)
    with pytest.raises(ValueError, match="coder is 'fast'; expected a nstkit.feedforward.Coder"):
        transfer(*PAIR, coder="fast")
    region = nstkit.Region(nstkit.rectangle(0, 0, 0.5, 1), "scream")
    with pytest.raises(ValueError, match="Got shares for a draft with regions"):
        Draft(*PAIR, size=SIZE, regions=[region], coder=coder).paint(shares=[1])
    with pytest.raises(ValueError, match="20 x 40 px; expected 32 or more on each side"):
        transfer(torch.rand(1, 3, 40, 20), "scream", coder=coder)
    with pytest.raises(ValueError, match="tile is 8; expected 'auto', None or 32 px or more"):
        transfer(*PAIR, tile=8)


def test_repaint_says_how_such_a_painting_is_repeated(coder: Coder, tmp_path: Path) -> None:
    painting = transfer(*PAIR, "whiten", 0.6, size=SIZE, coder=coder)
    path = painting.save(tmp_path / "cat.png")
    with pytest.raises(ValueError, match="how='whiten', strength=0.6, .*size=64"):
        nstkit.repaint(path)


@pytest.mark.parametrize("weights", [{"beta": 3.0}, {"keep": 1.0}])
def test_regions_have_no_weights_here(weights: dict, coder: Coder) -> None:
    region = nstkit.Region(nstkit.rectangle(0, 0, 0.5, 1), "great_wave", **weights)
    with pytest.raises(ValueError, match="of region 1 is .*minimizes nothing"):
        transfer(*PAIR, regions=[region], size=SIZE, coder=coder)


def test_it_warns_of_an_enlarged_artwork(coder: Coder, tmp_path: Path) -> None:
    nstkit.save_image(torch.rand(1, 3, 40, 50), tmp_path / "art.png")
    with pytest.warns(UserWarning, match="The artwork art.png has 50 px and is enlarged to 64 px"):
        transfer("cat", tmp_path / "art.png", size=SIZE, coder=coder)


def test_it_reads_the_layer_that_the_decoder_reads() -> None:
    assert LAYER == "relu4_1"
