"""`judge`: three numbers with their bounds, what they say of paintings, and what is refused."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from nstkit import TEXTBOOK, Recipe, load_image, stylize
from nstkit.judges import (
    AlexNet,
    Bounds,
    Judgement,
    judge,
    lpips,
    remd,
    sliced_wasserstein,
    two_halves,
)
from nstkit.studio import Engine, Settings
from nstkit.vgg.fast import FastVGG


@pytest.fixture(scope="module")
def judgement(photograph: Tensor, artwork: Tensor) -> Judgement:
    return judge((photograph + photograph.flip(3)) / 2, photograph, artwork)


def test_it_gives_the_three_distances(
    judgement: Judgement, alexnet: AlexNet, photograph: Tensor, artwork: Tensor
) -> None:
    painted, cat, field = map(alexnet, ((photograph + photograph.flip(3)) / 2, photograph, artwork))
    assert judgement.content == lpips(painted, cat, alexnet.heads)
    assert judgement.style == sliced_wasserstein(painted, field)
    assert judgement.patches == remd(painted, field)
    assert judgement.style_bounds.photograph == sliced_wasserstein(cat, field)
    assert judgement.patches_bounds.photograph == remd(cat, field)


def test_the_photograph_itself_has_content_0_and_shares_of_1(
    photograph: Tensor, artwork: Tensor
) -> None:
    found = judge(photograph, photograph, artwork)
    assert (found.content, found.style_share, found.patches_share) == (0, 1, 1)


def test_the_artwork_itself_is_nearer_than_its_halves(photograph: Tensor) -> None:
    artwork = load_image("wheat_field", 128)[..., : photograph.shape[-2], :]
    found = judge(artwork, torch.rand(artwork.shape), artwork)
    assert found.style == 0 and found.patches == pytest.approx(0, abs=1e-6)
    assert found.style_share < 0 and found.patches_share < 0


def test_a_share_of_0_is_the_distance_of_two_halves(alexnet: AlexNet, artwork: Tensor) -> None:
    one, other = two_halves(artwork)
    assert one.shape[-1] == artwork.shape[-1] // 2 == other.shape[-1]
    quarter = artwork.shape[-1] // 4
    assert torch.equal(
        one, torch.cat([artwork[..., i * quarter :][..., :quarter] for i in (0, 2)], -1)
    )
    bounds = judge(artwork, artwork, artwork).patches_bounds
    assert bounds.halves == remd(alexnet(one), alexnet(other))
    assert bounds.share(bounds.halves) is None  # for the "photograph" is the artwork itself


def test_photographs_are_farther_from_an_artwork_than_its_halves(alexnet: AlexNet) -> None:
    # By left and right halves the Great Wave failed: the print is a wave on the left, sky on the
    # right, and photographs of cats lay in between.
    cat = alexnet(load_image("cat", 256))
    for name in ("great_wave", "starry_night", "ink_landscape", "composition_viii"):
        picture = load_image(name, 256)
        halves, whole = [alexnet(half) for half in two_halves(picture)], alexnet(picture)
        assert sliced_wasserstein(*halves) < sliced_wasserstein(cat, whole), name
        assert remd(*halves) < remd(cat, whole), name


def test_a_share_is_linear_between_its_bounds() -> None:
    bounds = Bounds(0.2, 0.6)
    assert [bounds.share(d) for d in (0.2, 0.3, 0.6)] == pytest.approx([0, 0.25, 1])
    assert bounds.share(0.1) < 0 and bounds.share(0.7) > 1
    assert Bounds(0.6, 0.6).share(0.5) is None is Bounds(0.6, 0.2).share(0.5)


# ------------------------------------------------------------------ paintings
@pytest.mark.long
def test_a_greater_beta_comes_nearer_to_the_style_and_farther_from_the_photograph(
    photograph: Tensor, artwork: Tensor, network: FastVGG
) -> None:
    found = []
    for beta in (0.1, 1, 10, 100):
        recipe = TEXTBOOK.replace(beta=beta, steps=6)
        found.append(stylize(photograph, artwork, recipe, vgg=network, progress=False).judge())
    content, style, patches = zip(*((f.content, f.style, f.patches) for f in found), strict=True)
    assert list(content) == sorted(content) and list(style) == sorted(style, reverse=True)
    assert list(patches) == sorted(patches, reverse=True)
    assert content[-1] > 5 * content[0] and found[-1].style_share < 0.5 * found[0].style_share


QUICK = Recipe(style_layers=["relu1_1"], content_layers="relu1_2", steps=2)


def test_a_result_is_judged_by_the_pictures_it_was_painted_from(network: FastVGG) -> None:
    result = stylize("cat", "scream", QUICK, size=190, vgg=network, progress=False)
    pair = load_image("cat", 190), load_image("scream", 190)
    assert torch.equal(result.content, pair[0]) and torch.equal(result.style, pair[1])
    assert result.judge() == judge(result.image, *pair)


def test_a_painting_that_is_too_small_is_told(network: FastVGG) -> None:
    result = stylize("cat", "scream", QUICK, size=64, vgg=network, progress=False)
    with pytest.raises(ValueError, match="painting is 64 x 43 px; expected at least 63 x 63 px"):
        result.judge()


def test_the_studios_result_has_its_pictures_too() -> None:
    engine = Engine(Settings("cat", "scream", QUICK, size=190), precision="fp32", device="cpu")
    engine.advance()
    result = engine.result()
    content, style = engine.pictures.content, engine.pictures.works.plain
    assert torch.equal(result.content, content) and torch.equal(result.style, style)
    assert result.judge() == judge(engine.frame.image, content, style)


# ------------------------------------------------------------------ what it tells
def test_it_says_in_words_what_the_numbers_mean() -> None:
    found = Judgement(0.4123, 0.18, 0.5, Bounds(0.1, 0.5), Bounds(0.7, 0.7))
    assert repr(found).splitlines() == [
        "Judged by AlexNet, a network that did not paint. Lower is better.",
        "content  0.412 from the photograph, which itself has 0 (LPIPS)",
        "style    0.180 from the artwork, share 0.20: two halves of it have 0.100, the photograph "
        "0.500 (sliced Wasserstein)",
        "patches  0.500 from the artwork, no share: two halves of it have 0.700, the photograph "
        "0.700 (REMD)",
        "A share of 0 is as near as two halves of the artwork are to each other, and 1 as far as "
        "the photograph before it was painted.",
    ]


def test_it_leaves_no_trace(judgement: Judgement, photograph: Tensor, artwork: Tensor) -> None:
    state, pictures = torch.get_rng_state(), [p.clone() for p in (photograph, artwork)]
    painting = ((photograph + photograph.flip(3)) / 2).requires_grad_()
    assert judge(painting, photograph, artwork) == judgement
    assert torch.equal(torch.get_rng_state(), state) and painting.grad is None
    assert all(map(torch.equal, pictures, (photograph, artwork)))


def test_it_computes_in_float32_whatever_the_pictures_are(
    judgement: Judgement, photograph: Tensor, artwork: Tensor
) -> None:
    found = judge(
        *(p.double() for p in ((photograph + photograph.flip(3)) / 2, photograph, artwork))
    )
    assert found.content == pytest.approx(judgement.content, rel=1e-4)
    assert found.style_share == pytest.approx(judgement.style_share, rel=1e-3)


@pytest.mark.parametrize("level", [0.0, 0.5])
def test_flat_pictures_are_judged_in_finite_numbers(
    level: float, photograph: Tensor, artwork: Tensor
) -> None:
    flat, gray = torch.full_like(photograph, level), torch.full_like(artwork, level)
    for pictures in ((flat, photograph, artwork), (photograph, flat, artwork), (flat, flat, gray)):
        found = judge(*pictures)
        bounds = found.style_bounds, found.patches_bounds
        numbers = [found.content, found.style, found.patches, *(b.halves for b in bounds)]
        assert all(map(math.isfinite, [*numbers, *(b.photograph for b in bounds)]))
    assert found.style_share is None or math.isfinite(found.style_share)


# ------------------------------------------------------------------ what is refused
PICTURE = torch.full((1, 3, 64, 130), 0.5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"painting": "cat"}, "painting is a str; expected a tensor .* nstkit.load_image"),
        ({"content": PICTURE[0]}, r"content is a tensor \(3, 64, 130\) .* expected one picture"),
        ({"style": PICTURE.expand(2, 3, 64, 130)}, r"style is a tensor \(2, 3, 64, 130\)"),
        ({"style": PICTURE.byte()}, "style is a tensor .* torch.uint8; expected .* of floats"),
        ({"painting": 255 * PICTURE}, r"painting lie in \[127.5, 127.5\]; expected \[0, 1\]"),
        ({"content": PICTURE * math.nan}, r"content lie in \[nan, nan\]"),
        ({"painting": PICTURE[..., :62, :]}, "painting is 130 x 62 px; expected at least 63 x 63"),
        ({"style": PICTURE[..., :125]}, "style is 125 x 64 px; expected at least 126 x 63 px"),
        ({"content": PICTURE[..., :100]}, "painting is 130 x 64 px and content 100 x 64 px"),
    ],
)
def test_what_is_no_picture_is_told(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        judge(**({"painting": PICTURE, "content": PICTURE, "style": PICTURE} | change))
