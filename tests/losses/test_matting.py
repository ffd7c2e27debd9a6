"""The matting Laplacian: against a loop over windows, its null space, and its gradient."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from nstkit import load_image
from nstkit.losses import matting
from nstkit.losses.matting import (
    EPSILON,
    Smoother,
    guided_filter,
    matting_affinity,
    matting_laplacian,
    on_gpu,
    photo_loss,
    smooth,
    window_means,
)


def a_picture(height: int = 8, width: int = 8, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(1, 3, height, width, generator=generator, dtype=torch.float64)


def slowly(picture: Tensor, epsilon: float) -> np.ndarray:
    """Return L as Levin et al. write it, eq. 12: a loop over windows and pairs of pixels."""
    image = picture[0].permute(1, 2, 0).numpy()
    height, width = image.shape[:2]
    L = np.zeros((height * width,) * 2)
    for top, left in itertools.product(range(height - 2), range(width - 2)):
        pixels = [(top + y, left + x) for y, x in itertools.product(range(3), range(3))]
        colors = np.array([image[p] for p in pixels])
        mean, covariance = colors.mean(0), np.cov(colors.T, bias=True)
        inverse = np.linalg.inv(covariance + epsilon / 9 * np.eye(3))
        for i, j in itertools.product(range(9), range(9)):
            a, b = (pixels[k][0] * width + pixels[k][1] for k in (i, j))
            together = (1 + (colors[i] - mean) @ inverse @ (colors[j] - mean)) / 9
            L[a, b] += (i == j) - together
    return L


@pytest.mark.parametrize("epsilon", [1e-7, EPSILON, 1e-3])
def test_it_is_a_loop_over_windows(epsilon: float) -> None:
    picture = a_picture(8, 7)
    found = matting_laplacian(picture, epsilon).toarray()
    np.testing.assert_allclose(found, slowly(picture, epsilon), atol=1e-8)


def test_it_is_that_of_another_implementation() -> None:
    """The file holds cf_laplacian(image / 255, epsilon=1e-7, radius=1) of pymatting 1.1.16."""
    stored = np.load(Path(__file__).parent / "pymatting_laplacian.npz")
    picture = torch.from_numpy(stored["image"] / 255).permute(2, 0, 1)[None]
    found = matting_laplacian(picture, 1e-7).toarray()
    np.testing.assert_allclose(found, stored["L"], atol=1e-10)


def test_it_is_symmetric_semidefinite_and_its_rows_add_up_to_0() -> None:
    L = matting_laplacian(load_image("cat", 48))
    assert abs(L - L.T).max() < 1e-9 and abs(L.sum(1)).max() < 1e-9
    assert np.linalg.eigvalsh(L.toarray()).min() > -1e-9
    assert np.diff(L.indptr).max() <= 25


@pytest.mark.parametrize(
    "recolored",
    [lambda x: 0.3 * x + 0.2, lambda x: 1 - x, lambda x: x.flip(1), lambda x: x.mean(1, True)],
    ids=["paler", "inverted", "BGR", "gray"],
)
def test_what_is_affine_in_every_window_costs_nothing(recolored) -> None:
    cat = load_image("cat", 48).double()
    L = matting_laplacian(cat, 1e-7)
    other = recolored(cat).expand_as(cat)
    assert photo_loss(other, L) < 1e-6
    moved = other.roll(1, -1)  # the same picture, one pixel beside
    assert photo_loss(moved, L) > 100 * photo_loss(other, L).clamp(min=1e-7)


def test_functions_may_change_slowly_over_the_picture_and_at_once_on_an_edge() -> None:
    cat = load_image("cat", 48).double()
    ramp = torch.linspace(0.4, 1, 48, dtype=torch.float64)
    slow, sudden = cat * ramp, torch.where(torch.arange(48) < 24, 0.4 * cat, cat)
    L = matting_laplacian(cat)
    assert photo_loss(slow, L) < 0.1 * photo_loss(sudden, L)
    halves = torch.full((1, 3, 16, 16), 0.2, dtype=torch.float64)
    halves[..., 8:] = 0.7
    halves[:, 0] += 0.1
    divided = halves.clone()
    divided[..., 8:] = divided[..., 8:].flip(1)  # red becomes blue on one side of the edge
    at_edge = photo_loss(divided, matting_laplacian(halves))
    inside = photo_loss(divided.roll(4, -1)[..., 4:], matting_laplacian(halves[..., 4:]))
    assert at_edge < 1e-3 * inside


def test_its_gradient_is_that_of_finite_differences() -> None:
    L = matting_laplacian(a_picture())
    image = torch.cat([a_picture(seed=1), a_picture(seed=2)]).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: photo_loss(x, L), image)


def test_it_is_a_mean_over_pictures_and_pixels() -> None:
    L = matting_laplacian(a_picture())
    one, other = a_picture(seed=1), a_picture(seed=2)
    both = photo_loss(torch.cat([one, other]), L)
    torch.testing.assert_close(both, (photo_loss(one, L) + photo_loss(other, L)) / 2)
    V = one[0].flatten(1)
    expected = sum(float(v @ torch.from_numpy(L @ v.numpy())) for v in V) / V.shape[1]
    torch.testing.assert_close(photo_loss(one, L).item(), expected)


def test_a_part_of_one_color_belongs_together() -> None:
    picture = torch.full((1, 3, 6, 9), 0.4)
    picture[..., 7:] = a_picture(6, 2)
    W = matting_affinity(picture).toarray().reshape(6, 9, 6, 9)
    assert np.isfinite(W).all()
    # A pixel and its neighbor below share six windows, and all weigh alike.
    np.testing.assert_allclose(W[2, 3, 3, 3], 6 / 9, atol=1e-9)


def test_a_picture_of_one_color_is_refused() -> None:
    for use in (matting_affinity, lambda photo: smooth(a_picture(), photo)):
        with pytest.raises(ValueError, match="one color everywhere"):
            use(torch.full((1, 3, 8, 8), 0.4))


def test_too_little_memory_is_told_before_the_work(monkeypatch) -> None:
    photo = a_picture(64, 64)
    for free, use in (
        (10**6, matting_laplacian),
        (10**6, lambda photo: guided_filter(photo, photo)),
        (10**7, lambda photo: smooth(photo, photo)),
    ):
        monkeypatch.setattr(matting, "free_memory", lambda _, free=free: free)
        with pytest.raises(ValueError, match=f"64 x 64 px needs about .* {free // 10**6} MB are"):
            use(photo)


@pytest.mark.parametrize("device", ["cpu", *["cuda"] * torch.cuda.is_available()])
def test_as_a_sparse_tensor_it_is_the_same(device: str) -> None:
    L, image = matting_laplacian(a_picture()), a_picture(seed=1).requires_grad_()
    there = image.detach().to(device).requires_grad_()
    found = photo_loss(there, on_gpu(L, device))
    (gradient,) = torch.autograd.grad(3 * found, there)
    torch.testing.assert_close(found.cpu(), photo_loss(image, L))
    (expected,) = torch.autograd.grad(3 * photo_loss(image, L), image)
    torch.testing.assert_close(gradient.cpu(), expected)


def test_a_photograph_smooths_many_paintings() -> None:
    photo = load_image("castle", 48).double()
    smoother = Smoother(photo, 0.99)
    for seed in (1, 2):
        painting = a_picture(*photo.shape[-2:], seed=seed)
        torch.testing.assert_close(smoother(painting), smooth(painting, photo, 0.99))
    with pytest.raises(ValueError, match="expected equal sizes"):
        smoother(a_picture())


BAD = {
    "too small": (torch.rand(1, 3, 2, 9), "expected .1, 3, H, W. with 3 px or more on each side"),
    "no batch": (torch.rand(3, 9, 9), "expected .1, 3, H, W."),
    "a batch": (torch.rand(2, 3, 9, 9), "expected .1, 3, H, W."),
    "gray": (torch.rand(1, 1, 9, 9), "expected .1, 3, H, W."),
    "8 bits": ((torch.rand(1, 3, 9, 9) * 255).byte(), "uint8; expected floats"),
    "255": (torch.rand(1, 3, 9, 9) * 255, "pixels up to 2.*; expected numbers in .0, 1."),
    "NaN": (torch.full((1, 3, 9, 9), torch.nan), "pixels up to nan; expected"),
    "no tensor": ("castle", "str; expected floats"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_picture_is_refused_everywhere(kind: str) -> None:
    bad, message = BAD[kind]
    good = a_picture(9, 9)
    uses = [
        lambda: matting_laplacian(bad),
        lambda: smooth(good, bad),
        lambda: smooth(bad, good),
        lambda: guided_filter(good, bad),
    ]
    for use in uses:
        with pytest.raises(ValueError, match=message):
            use()


@pytest.mark.parametrize("epsilon", [0, -1e-5, float("nan"), "small"])
def test_a_bad_epsilon_is_refused(epsilon: object) -> None:
    photo = a_picture()
    uses = [
        lambda: matting_laplacian(photo, epsilon),
        lambda: smooth(photo, photo, epsilon=epsilon),
        lambda: guided_filter(photo, photo, epsilon=epsilon),
    ]
    for use in uses:
        with pytest.raises(ValueError, match="epsilon is .*; expected a finite number, above 0"):
            use()


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="The image has 81 pixels, and the photograph had 64"):
        photo_loss(a_picture(9, 9), matting_laplacian(a_picture()))
    with pytest.raises(ValueError, match="expected floats, .B, 3, H, W."):
        photo_loss(a_picture()[0], matting_laplacian(a_picture()))
    with pytest.raises(ValueError, match="radius is -1; expected a whole number, 1 or more"):
        guided_filter(a_picture(), a_picture(), -1)
    with pytest.raises(ValueError, match="expected one picture, .1, C, H, W."):
        guided_filter(torch.cat([a_picture(), a_picture()]), a_picture())
    for beta in (1, -0.1, 1 - 1e-12, "much"):
        with pytest.raises(ValueError, match="beta is"):
            smooth(a_picture(), a_picture(), beta)


def test_a_nearly_flat_photograph_has_one_color() -> None:
    photo = torch.full((1, 3, 9, 9), 0.5)
    photo[..., 4, 4] += 1 / 255
    with pytest.raises(ValueError, match="one color everywhere"):
        matting_laplacian(photo)


def test_gray_photographs_have_edges_too() -> None:
    gray = load_image("castle", 48).mean(1, keepdim=True).expand(1, 3, -1, -1)
    found = smooth(load_image("castle", 48), gray)
    assert found.isfinite().all() and (found - found.mean((2, 3), True)).abs().max() > 0.2


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("width", [40, 520])
def test_smoothing_keeps_dtype_and_input(dtype: torch.dtype, width: int) -> None:
    photo, painting = a_picture(30, width).to(dtype), a_picture(30, width, seed=1).to(dtype)
    before = photo.clone(), painting.clone()
    found = smooth(painting, photo, 0.5)
    assert found.dtype == dtype and found.shape == photo.shape
    assert torch.equal(photo, before[0]) and torch.equal(painting, before[1])
    assert torch.equal(smooth(painting, photo, 0), painting)  # 0 changes nothing, at any size


def test_a_smoother_does_not_follow_its_photograph() -> None:
    photo, painting = a_picture(30, 520), a_picture(30, 520, seed=1)
    smoother = Smoother(photo, 0.5)
    expected = smoother(painting)
    photo.zero_()
    assert torch.equal(smoother(painting), expected)


# ---------------------------------------------------------------- as a filter


def test_smoothing_solves_its_equation() -> None:
    photo, painting = a_picture(9, 10), a_picture(9, 10, seed=1)
    W = matting_affinity(photo).toarray()
    D = np.diag(W.sum(1))
    expected = np.linalg.solve(D - 0.9 * W, 0.1 * D @ painting[0].flatten(1).numpy().T).T
    found = smooth(painting, photo, beta=0.9)[0].flatten(1).numpy()
    np.testing.assert_allclose(found, expected.clip(0, 1), atol=1e-9)


def test_smoothing_leaves_a_recoloring_as_it_is_also_at_the_edges() -> None:
    photo = load_image("castle", 64).double()
    recolored = 0.2 + 0.6 * photo.flip(1)
    found = smooth(recolored, photo, epsilon=1e-7)
    torch.testing.assert_close(found, recolored, atol=1e-2, rtol=0)


def test_smoothing_with_beta_0_changes_nothing() -> None:
    painting = a_picture(9, 10, seed=1)
    torch.testing.assert_close(smooth(painting, a_picture(9, 10), beta=0), painting)


def test_smoothing_brings_the_photographs_edges_back() -> None:
    photo = load_image("castle", 64)
    recolored = 0.2 + 0.6 * photo.flip(1)
    generator = torch.Generator().manual_seed(0)
    noisy = (recolored + 0.1 * torch.randn(photo.shape, generator=generator)).clamp(0, 1)
    again = smooth(noisy, photo)
    assert (again - recolored).abs().mean() < 0.5 * (noisy - recolored).abs().mean()
    L = matting_laplacian(photo)
    assert photo_loss(again, L) < 0.01 * photo_loss(noisy, L)


def test_a_large_picture_is_recolored_by_what_was_found_at_a_smaller_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    photo = load_image("castle", 128)
    recolored = 0.2 + 0.6 * photo.flip(1)
    expected = smooth(recolored, photo)
    monkeypatch.setattr(matting, "SOLVED", 64)
    found = smooth(recolored, photo)
    assert (found - expected).abs().mean() < 0.02
    assert photo_loss(found, matting_laplacian(photo)) < 1e-3


def test_means_of_windows_are_those_of_a_pooling() -> None:
    x = a_picture(7, 9)
    for radius in (0, 1, 3, 20):
        expected = torch.nn.functional.avg_pool2d(
            x, 2 * radius + 1, 1, radius, count_include_pad=False
        )
        torch.testing.assert_close(window_means(x, radius), expected)


def test_the_guided_filter_keeps_a_recoloring_and_is_a_loop_over_windows() -> None:
    photo, picture = a_picture(7, 8), a_picture(7, 8, seed=1)[:, :1]
    recolored = 0.3 * photo[:, :1] - 0.2 * photo[:, 2:] + 0.5
    torch.testing.assert_close(
        guided_filter(recolored, photo, 3, 1e-12), recolored, atol=1e-6, rtol=0
    )
    found = guided_filter(picture, photo, 1, 1e-2)[0, 0].numpy()
    np.testing.assert_allclose(found, filtered_slowly(picture, photo, 1, 1e-2), atol=1e-9)


def filtered_slowly(picture: Tensor, photo: Tensor, radius: int, epsilon: float) -> np.ndarray:
    """Return the guided filter of He et al. as a loop over windows."""
    image, p = photo[0].permute(1, 2, 0).numpy(), picture[0, 0].numpy()
    height, width = p.shape
    total, count = np.zeros_like(p), np.zeros_like(p)
    for y, x in itertools.product(range(height), range(width)):
        rows = slice(max(y - radius, 0), y + radius + 1)
        columns = slice(max(x - radius, 0), x + radius + 1)
        colors, values = image[rows, columns].reshape(-1, 3), p[rows, columns].ravel()
        covariance = np.cov(colors.T, bias=True) + epsilon * np.eye(3)
        across = ((colors - colors.mean(0)) * (values - values.mean())[:, None]).mean(0)
        coefficients = np.linalg.solve(covariance, across)
        offset = values.mean() - coefficients @ colors.mean(0)
        total[rows, columns] += image[rows, columns] @ coefficients + offset
        count[rows, columns] += 1
    return total / count


def test_a_filter_refuses_other_sizes_and_numbers() -> None:
    with pytest.raises(ValueError, match="expected equal sizes. Resize one of them"):
        smooth(a_picture(9, 9), a_picture(8, 8))
    with pytest.raises(ValueError, match="expected equal sizes. Resize one of them"):
        guided_filter(a_picture(9, 9), a_picture(8, 8))
    with pytest.raises(ValueError, match="beta is 1; expected a number from 0 to below 1"):
        smooth(a_picture(), a_picture(), beta=1)
