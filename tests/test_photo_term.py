"""The term `Photo`, and the recipe that has it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from nstkit import PHOTOREAL, VGG, Objective, Recipe, load_image, stylize
from nstkit.judges import edge_agreement
from nstkit.losses import matting
from nstkit.losses.matting import matting_laplacian
from nstkit.terms import Photo, Variation
from nstkit.vgg.fast import FastVGG

PLAIN = Recipe(alpha=0, beta=0, tv=1, photo=5)


def cost(image: Tensor, photo: Tensor) -> float:
    """Return V^T L V of all channels, a mean over pixels."""
    L = matting_laplacian(photo)
    V = image[0].double().flatten(1).numpy().T
    return float((V * (L @ V)).sum() / len(V))


def test_a_recipe_names_the_term(vgg: VGG, cat: Tensor) -> None:
    small = cat[..., :32, :40]
    image = small.roll(2, -1)
    losses = Objective.of(small, None, vgg, PLAIN)(image)
    assert losses.value("photo").item() == pytest.approx(cost(image, small), rel=1e-4)
    assert losses.total.item() == pytest.approx(
        losses.value("variation").item() + 5 * losses.value("photo").item()
    )
    assert "photo" not in Objective.of(small, None, vgg, PLAIN.replace(photo=0)).terms


def test_the_photograph_in_other_colors_costs_nothing(vgg: VGG, cat: Tensor) -> None:
    objective = Objective([Photo(cat, 2.0), Variation(1.0)], vgg)
    bent = objective(cat.roll(1, -1)).value("photo")
    for recolored in (cat, 1 - cat, cat.flip(1), 0.3 * cat + 0.1):
        assert objective(recolored).value("photo") < 1e-3 * bent


def test_its_weight_may_change_at_any_time(vgg: VGG, cat: Tensor) -> None:
    objective = Objective.of(cat, None, vgg, PLAIN)
    image = cat.roll(1, -1)
    before = objective(image)
    objective["photo"].weight = 0
    assert objective(image).total == before.value("variation")
    objective["photo"].weight = 10
    assert objective(image).total.item() == pytest.approx(
        before.value("variation").item() + 10 * before.value("photo").item()
    )


def test_other_pictures_have_a_laplacian_of_their_own(vgg: VGG, cat: Tensor, wave: Tensor) -> None:
    recipe = Recipe(style_layers=["relu1_1"], content_layers=["relu1_1"], photo=7)
    objective = Objective.of(cat, wave, vgg, recipe)
    objective["photo"].weight = 3.0
    other, image = cat.flip(3), cat.roll(1, -1)
    found = objective.with_pictures(other, wave)(image).floats()
    assert found == Objective.of(other, wave, vgg, recipe.replace(photo=3))(image).floats()
    assert objective.with_pictures(cat, wave)(image).floats() == objective(image).floats()


def test_another_photograph_has_another_laplacian(vgg: VGG, cat: Tensor) -> None:
    objective = Objective.of(cat, None, vgg, PLAIN)
    before, other = objective(cat).value("photo"), cat.flip(3)
    objective["photo"].picture = other
    assert objective(cat).value("photo") > 100 * before
    assert objective(other).value("photo") == pytest.approx(before.item(), rel=0.01)


def test_sides_that_are_swapped_are_told(vgg: VGG, cat: Tensor) -> None:
    with pytest.raises(ValueError, match="px, and the photograph"):
        Objective.of(cat, None, vgg, PLAIN)(cat.transpose(2, 3))


def test_too_little_memory_is_told_before_the_first_scale(monkeypatch) -> None:
    monkeypatch.setattr(matting, "free_memory", lambda _: 6_000_000)
    steps = []
    with pytest.raises(ValueError, match="96 x 64 px needs about 7 MB"):
        stylize("castle", "scream", PHOTOREAL, scales=[48, 96], callback=steps.append)
    assert not steps


def test_it_is_the_same_in_tiles(vgg: VGG, cat: Tensor, wave: Tensor) -> None:
    recipe = Recipe(style_layers=["relu1_1"], content_layers=["relu1_1"], photo=7)
    whole, parts = (Objective.of(cat, wave, vgg, recipe, tile) for tile in (None, 32))
    image = cat.roll(1, -1).requires_grad_()
    found, expected = parts(image).total, whole(image).total
    torch.testing.assert_close(found, expected)
    gradients = [torch.autograd.grad(total, image)[0] for total in (found, expected)]
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-5)


def test_what_it_cannot_do_is_told(vgg: VGG, cat: Tensor, wave: Tensor) -> None:
    with pytest.raises(ValueError, match="photo is 5, but content is None; set photo=0"):
        Objective.of(None, wave, vgg, PLAIN)
    with pytest.raises(ValueError, match="photo is -1"):
        Recipe(photo=-1)
    with pytest.raises(ValueError, match="one color everywhere"):
        Objective.of(torch.full_like(cat, 0.5), None, vgg, PLAIN)
    with pytest.raises(ValueError, match="64 x 35 px, and the photograph 64 x 43 px"):
        Objective.of(cat, None, vgg, PLAIN)(cat[..., :-8, :])


@pytest.mark.long
def test_a_painting_with_it_bends_fewer_lines(network: FastVGG) -> None:
    photo, artwork = (load_image(name, 64) for name in ("castle", "starry_night"))
    recipe = PHOTOREAL.replace(alpha=0, beta=100)
    options = {"steps": 12, "vgg": network, "progress": False}
    found = stylize(photo, artwork, recipe, **options)
    without = stylize(photo, artwork, recipe.replace(photo=0), **options)
    bent, bent_without = (1 - edge_agreement(r.image, photo) for r in (found, without))
    assert bent < 0.4 * bent_without
    assert cost(found.image, photo) < 0.2 * cost(without.image, photo)
    assert (found.image - photo).abs().mean() > 0.05  # and it did paint
