"""The distances, each beside a slow formula, and what they find."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from nstkit import load_image
from nstkit.judges import AlexNet, lpips, remd, sliced_wasserstein
from nstkit.judges.alexnet import LAYERS

PAINTINGS = (
    "starry_night", "great_wave", "scream", "composition_viii",
    "grande_jatte", "wheat_field", "sainte_victoire", "self_portrait",
)  # fmt: skip


def with_noise(picture: Tensor, amount: float) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return (picture + amount * torch.randn(picture.shape, generator=generator)).clamp(0, 1)


def some(*shape: int, seed: int = 0) -> Tensor:
    """Return features of one picture, 0 or more."""
    return torch.rand(1, *shape, generator=torch.Generator().manual_seed(seed))


# ------------------------------------------------------------------ content
def test_lpips_equals_zhangs_formula_written_out(alexnet: AlexNet) -> None:
    one, other = ({"relu1": some(4, 2, 3, seed=s), "relu2": some(5, 1, 2, seed=s)} for s in (1, 2))
    heads = {"relu1": torch.arange(4.0), "relu2": torch.arange(5.0) / 2}
    want = 0.0
    for layer, head in heads.items():
        _, channels, height, width = one[layer].shape
        for y in range(height):
            for x in range(width):
                p, q = (f[layer][0, :, y, x].tolist() for f in (one, other))
                for c in range(channels):
                    difference = p[c] / math.hypot(*p) - q[c] / math.hypot(*q)
                    want += head[c].item() * difference**2 / (height * width)
    assert lpips(one, other, heads) == pytest.approx(want, rel=1e-5)


def test_lpips_equals_the_package_of_its_authors(alexnet: AlexNet) -> None:
    # Found by lpips 0.1.4, LPIPS(net="alex"), with these weights in its network.
    generator = torch.Generator().manual_seed(0)
    noise, more = (torch.rand(1, 3, 64, 80, generator=generator) for _ in range(2))
    ramp = torch.linspace(0, 1, 80).expand(1, 3, 64, 80)
    for one, other, want in (
        (noise, (noise + more) / 2, 0.0910190),
        (noise, ramp, 1.3288145),
        (ramp, ramp**2, 0.0892548),
    ):
        found = lpips(alexnet(one), alexnet(other), alexnet.heads)
        assert found == pytest.approx(want, rel=1e-4)


def test_a_picture_is_at_no_distance_from_itself_and_the_order_does_not_matter(
    alexnet: AlexNet, photograph: Tensor
) -> None:
    cat, noisy = alexnet(photograph), alexnet(with_noise(photograph, 0.1))
    assert lpips(cat, cat, alexnet.heads) == 0 == sliced_wasserstein(cat, cat)
    assert remd(cat, cat) == pytest.approx(0, abs=1e-6)
    there = lpips(cat, noisy, alexnet.heads)
    assert there == pytest.approx(lpips(noisy, cat, alexnet.heads)) and there > 0.1
    assert remd(cat, noisy) == pytest.approx(remd(noisy, cat))


def test_more_noise_is_farther(alexnet: AlexNet, photograph: Tensor) -> None:
    cat = alexnet(photograph)
    noisy = [alexnet(with_noise(photograph, amount)) for amount in (0.02, 0.05, 0.1, 0.3)]
    for distances in (
        [lpips(cat, f, alexnet.heads) for f in noisy],
        [sliced_wasserstein(f, cat) for f in noisy],
        [remd(f, cat) for f in noisy],
    ):
        assert distances == sorted(distances) and distances[-1] > 2 * distances[0] > 0


# ------------------------------------------------------------------ style: statistics
def test_in_one_dimension_it_is_the_distance_of_sorted_numbers() -> None:
    ours, theirs = some(1, 4, 5, seed=1), some(1, 4, 5, seed=2)
    a, b = sorted(ours.flatten().tolist()), sorted(theirs.flatten().tolist())
    squared = sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) / len(a)
    # A direction of one dimension is 1 or -1, and neither changes the distance. What sets the unit
    # is the variance of all quantiles along all directions.
    signs = torch.randn(6, 1, generator=torch.Generator().manual_seed(5)).sign()
    variance = (signs * theirs.flatten()).var().item()
    found = sliced_wasserstein({"relu1": ours}, {"relu1": theirs}, 6, quantiles=20, seed=5)
    assert found == pytest.approx(squared / variance, rel=1e-4)


def test_a_shifted_cloud_is_as_far_as_it_was_shifted() -> None:
    # A shift moves all quantiles along a direction by the same amount.
    theirs, shift = some(6, 7, 8), torch.arange(6.0).view(6, 1, 1)
    along = torch.randn(9, 6, generator=torch.Generator().manual_seed(0))
    along = along / along.norm(dim=1, keepdim=True)
    lists = torch.quantile(along @ theirs[0].flatten(1), torch.linspace(0, 1, 50), dim=1)
    want = (along @ shift.flatten()).square().mean() / lists.var()
    found = sliced_wasserstein({"relu1": theirs + shift}, {"relu1": theirs}, 9, quantiles=50)
    assert found == pytest.approx(want.item(), rel=1e-4)


def test_a_cloud_does_not_know_where_its_points_were(alexnet: AlexNet, photograph: Tensor) -> None:
    cat = alexnet(photograph)
    flipped = {layer: f.flip(2, 3) for layer, f in cat.items()}
    twice = {layer: f.repeat(1, 1, 2, 1) for layer, f in cat.items()}  # of another size
    assert sliced_wasserstein(flipped, cat) == pytest.approx(0, abs=1e-6)
    assert sliced_wasserstein(twice, cat) < 0.005  # the greatest numbers stand there twice


def test_directions_are_those_of_the_seed(alexnet: AlexNet, noise: Tensor) -> None:
    one, other = alexnet(noise[:1]), alexnet(with_noise(noise[1:] / 2, 0.1))
    state = torch.get_rng_state()
    first, again, another = (sliced_wasserstein(one, other, seed=seed) for seed in (0, 0, 1))
    assert first == again != another == pytest.approx(first, rel=0.3)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.long
def test_the_other_half_of_a_painting_is_found(alexnet: AlexNet) -> None:
    halves = []
    for name in PAINTINGS:
        picture = load_image(name, 256)
        half = picture.shape[-1] // 2
        halves.append((alexnet(picture[..., :half]), alexnet(picture[..., half:])))
    for distance in (sliced_wasserstein, remd):
        table = torch.tensor([[distance(left, right) for _, right in halves] for left, _ in halves])
        assert (table.argmin(1) == torch.arange(8)).sum() >= 7, distance


# ------------------------------------------------------------------ style: patches
def patches_of(features: Tensor) -> list[list[float]]:
    """Return the patches of 3 x 3 positions, one list of numbers each."""
    _, _, height, width = features.shape
    return [
        features[0, :, y : y + 3, x : x + 3].flatten().tolist()
        for y in range(height - 2)
        for x in range(width - 2)
    ]


def cosine_distance(p: list[float], q: list[float]) -> float:
    return 1 - sum(a * b for a, b in zip(p, q, strict=True)) / (math.hypot(*p) * math.hypot(*q))


def test_remd_equals_a_loop_over_all_pairs() -> None:
    one, other = ({"relu2": some(2, 5, 4, seed=s), "relu3": some(3, 3, 6, seed=s)} for s in (1, 2))
    want = 0.0
    for layer in ("relu2", "relu3"):
        ours, theirs = patches_of(one[layer]), patches_of(other[layer])
        precision = sum(min(cosine_distance(p, q) for q in theirs) for p in ours) / len(ours)
        recall = sum(min(cosine_distance(p, q) for p in ours) for q in theirs) / len(theirs)
        want += max(precision, recall) / 2
    assert remd(one, other) == pytest.approx(want, rel=1e-4)


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_remd_in_chunks_is_that_of_the_whole(
    chunk: int, alexnet: AlexNet, photograph: Tensor, artwork: Tensor
) -> None:
    pair = alexnet(photograph), alexnet(artwork)
    assert remd(*pair, chunk=chunk) == pytest.approx(remd(*pair), rel=1e-5)


def test_remd_of_some_patches_is_near_that_of_all(alexnet: AlexNet) -> None:
    pair = [alexnet(load_image(name, 256)) for name in ("castle", "scream")]
    state = torch.get_rng_state()
    assert remd(*pair, queries=150) == pytest.approx(remd(*pair), abs=0.02)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_picture_of_one_patch_of_the_artwork_is_far_by_recall() -> None:
    artwork = {layer: some(8, 9, 9) for layer in ("relu2", "relu3")}
    patch = {layer: f[..., 2:5, 4:7] for layer, f in artwork.items()}  # its precision is 0
    assert remd(patch, artwork) > 0.2


# ------------------------------------------------------------------ odd pictures
@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_flat_pictures_have_finite_distances(
    level: float, alexnet: AlexNet, photograph: Tensor
) -> None:
    cat, flat = alexnet(photograph), alexnet(torch.full_like(photograph, level))
    for one, other in ((cat, flat), (flat, cat), (flat, flat)):
        distances = (
            lpips(one, other, alexnet.heads),
            sliced_wasserstein(one, other),
            remd(one, other),
        )
        assert all(math.isfinite(distance) and distance >= 0 for distance in distances)


def test_features_that_are_all_zero_divide_nothing_by_zero(alexnet: AlexNet) -> None:
    none = {layer: torch.zeros(1, len(head), 3, 3) for layer, head in alexnet.heads.items()}
    assert tuple(none) == LAYERS
    assert lpips(none, none, alexnet.heads) == sliced_wasserstein(none, none) == 0
    assert math.isfinite(remd(none, none))
