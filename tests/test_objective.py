"""Objective: values, weights that change, targets computed once, batches, what is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from nstkit import (
    VGG,
    Gram,
    GramMeans,
    Losses,
    Moments,
    Objective,
    Recipe,
    content_loss,
    style_loss,
)
from nstkit.terms import Content, Style, Variation

SMALL = Recipe(2, 3, 4, {"relu2_2": 0.5, "conv2_1": 0.25}, {"relu1_1": 1, "relu3_1": 2})


class CountingVGG(VGG):
    """A network that remembers which layers were asked for."""

    asked: list[set[str]]

    def forward(self, image: Tensor, layers: object) -> dict[str, Tensor]:
        self.asked.append(set(layers))
        return super().forward(image, layers)


@pytest.fixture
def counting(vgg: VGG) -> CountingVGG:
    network = CountingVGG(weights=vgg.state_dict(), preprocessing=vgg.preprocessing)
    network.asked = []
    return network


@pytest.fixture
def x(cat: Tensor) -> Tensor:
    return (cat + 0.1).clamp(0, 1).flip(3)


# ---------------------------------------------------------------- values


def test_the_total_is_the_weighted_sum_of_the_papers_terms(
    vgg: VGG, cat: Tensor, wave: Tensor, x: Tensor
) -> None:
    losses = Objective.of(cat, wave, vgg, SMALL)(x)
    names = ["relu2_2", "conv2_1", "relu1_1", "relu3_1"]
    f, p, a = vgg(x, names), vgg(cat, names), vgg(wave, names)
    content = {n: content_loss(f[n], p[n]) for n in names[:2]}
    style = {n: style_loss(f[n], a[n]) for n in names[2:]}
    assert losses.content == pytest.approx((content["relu2_2"] / 2 + content["conv2_1"] / 4).item())
    assert losses.style == pytest.approx((style["relu1_1"] + 2 * style["relu3_1"]).item())
    dx, dy = x[..., 1:] - x[..., :-1], x[..., 1:, :] - x[..., :-1, :]
    variation = dx.square().mean() + dy.square().mean()
    assert losses.variation.item() == pytest.approx(variation.item())
    want = 2 * losses.content + 3 * losses.style + 4 * losses.variation
    assert losses.total.item() == pytest.approx(want.item(), rel=1e-6)
    assert set(losses.terms) == {"content", "style", "variation"}
    assert sum(losses.terms.values()).item() == pytest.approx(losses.total.item(), rel=1e-6)
    distances = {("content", n): d for n, d in content.items()}
    distances |= {("style", n): d for n, d in style.items()} | {("variation", "image"): variation}
    assert losses.floats().per_layer == pytest.approx({k: d.item() for k, d in distances.items()})


def test_the_content_itself_has_no_content_loss_and_the_style_no_style_loss(
    vgg: VGG, cat: Tensor, wave: Tensor
) -> None:
    objective = Objective.of(cat, wave, vgg)
    assert objective(cat).content.item() == 0 < objective(cat).style.item()
    assert objective(wave[..., : cat.shape[-2], : cat.shape[-1]]).content.item() > 0
    assert Objective.of(wave, wave, vgg, Recipe(tv=0))(wave).total.item() < 1e-6


def test_floats_are_the_same_numbers(vgg: VGG, cat: Tensor, wave: Tensor, x: Tensor) -> None:
    losses = Objective.of(cat, wave, vgg)(x)
    floats = losses.floats()
    assert isinstance(floats, Losses) and isinstance(floats.total, float)
    assert floats.total == losses.total.item() and floats.content == losses.content.item()
    assert floats.per_layer == {k: v.item() for k, v in losses.per_layer.items()}
    assert floats.coefficients == {"content": 1, "style": 10, "variation": 50}


def test_the_gradient_reaches_the_pixels_only(vgg: VGG, cat: Tensor, wave: Tensor) -> None:
    style = wave.clone().requires_grad_()
    objective = Objective.of(cat, style, vgg)
    x = cat.clone().requires_grad_()
    objective(x).total.backward()
    assert x.grad.abs().sum() > 0 and style.grad is None


def test_without_a_network_it_takes_the_recipes(cat: Tensor) -> None:
    objective = Objective.of(cat, cat, recipe=Recipe(pooling="avg", padding="reflect"))
    assert (objective.vgg.pooling, objective.vgg.padding) == ("avg", "reflect")


# ---------------------------------------------------------------- batches


@pytest.mark.long
@pytest.mark.parametrize(
    "recipe",
    [
        SMALL,
        SMALL.replace(content_reduce="sum", statistic=Moments(), tv_reduce="sum"),
        SMALL.replace(statistic=GramMeans()),
        SMALL.replace(content_reduce="rms", statistic=Gram("elements", "rms", "features")),
        SMALL.replace(tv_form="isotropic", tv_values="input"),
    ],
)
@pytest.mark.parametrize("tile", [None, 32])
def test_the_losses_of_a_batch_are_the_means_of_its_pictures(
    recipe: Recipe, tile: int | None, embedded: Callable[..., VGG], cat: Tensor, wave: Tensor
) -> None:
    cat, wave = cat.double(), wave.double()
    batch = torch.cat([cat.flip(3), 0.8 * cat.flip(2)]).requires_grad_()
    objective = Objective.of(cat, wave, embedded(torch.float64), recipe, tile)
    together, alone = objective(batch), [objective(one[None]) for one in batch]
    assert together.total.item() == pytest.approx(sum(one.total.item() for one in alone) / 2)
    for key, value in together.per_layer.items():
        assert value.item() == pytest.approx(sum(one.per_layer[key].item() for one in alone) / 2)
    (gradient,) = torch.autograd.grad(together.total, batch)
    for i, one in enumerate(alone):
        (own,) = torch.autograd.grad(one.total, batch, retain_graph=True)
        torch.testing.assert_close(gradient[i], own[i] / 2, rtol=1e-5, atol=1e-9)


def test_each_picture_of_a_batch_may_have_its_own_photograph_and_artwork(
    vgg: VGG, cat: Tensor, wave: Tensor
) -> None:
    contents, styles = torch.cat([cat, cat.flip(3)]), torch.cat([wave, wave.flip(1)])
    x = torch.cat([0.9 * cat, 0.8 * cat])
    together = Objective.of(contents, styles, vgg, SMALL)(x)
    alone = [
        Objective.of(contents[i : i + 1], styles[i : i + 1], vgg, SMALL)(x[i : i + 1])
        for i in range(2)
    ]
    assert together.total.item() == pytest.approx(sum(o.total.item() for o in alone) / 2, rel=1e-5)


# ---------------------------------------------------------------- weights that change


def test_changed_weights_act_at_once_and_recompute_no_target(
    counting: CountingVGG, cat: Tensor, wave: Tensor, x: Tensor
) -> None:
    objective = Objective.of(cat, wave, counting)
    targets = len(counting.asked)
    before, coefficients = objective(x).floats(), objective.in_force()
    for name, weight in {"content": 0.5, "style": 3.0, "variation": 2.0}.items():
        objective[name].weight = weight
    objective["style"].layers["relu1_1"] = 0.0
    objective["style"].layers["relu3_1"] = 1.0
    after = objective(x).floats()
    assert len(counting.asked) == targets + 2  # one pass a call, nothing else
    assert objective.in_force() != coefficients
    style = sum(0.2 * after.per_layer["style", f"relu{block}_1"] for block in (2, 4, 5))
    style += after.per_layer["style", "relu3_1"]
    assert after.style == pytest.approx(style, rel=1e-5)
    want = 0.5 * before.content + 3 * style + 2 * after.variation
    assert after.total == pytest.approx(want, rel=1e-5)
    assert ("style", "relu1_1") not in after.per_layer


def test_weights_may_change_between_what_is_measured_and_the_losses(
    vgg: VGG, cat: Tensor, wave: Tensor, x: Tensor
) -> None:
    """The studio puts weights in force after the sums are known."""
    objective = Objective.of(cat, wave, vgg, SMALL)
    x = x.clone().requires_grad_()
    sums = objective.measure(x)
    objective["content"].weight = 0
    objective["style"].layers = {"relu1_1": 5.0}
    objective["variation"].weight = 7
    late, fresh = objective.losses(x, sums), objective(x)
    assert late.floats() == fresh.floats() and "content" not in late.values
    gradients = [torch.autograd.grad(losses.total, x)[0] for losses in (late, fresh)]
    assert torch.equal(*gradients)


def test_an_added_layer_computes_only_its_own_target(
    counting: CountingVGG, cat: Tensor, wave: Tensor
) -> None:
    objective = Objective.of(cat, wave, counting)
    counting.asked.clear()
    objective["style"].layers["relu3_2"] = 1.0
    losses = objective(cat)
    assert counting.asked[0] == {"relu3_2"} and len(counting.asked) == 2
    assert losses.per_layer["style", "relu3_2"].item() > 0


def test_a_term_without_weight_is_absent_and_costs_nothing(
    counting: CountingVGG, cat: Tensor, wave: Tensor
) -> None:
    texture = Recipe(alpha=0, tv=0, style_layers="relu2_1")
    losses = Objective.of(cat, wave, counting, texture)(0.9 * cat)
    assert all(asked == {"relu2_1"} for asked in counting.asked)
    assert set(losses.values) == set(losses.terms) == set(losses.coefficients) == {"style"}
    assert set(losses.per_layer) == {("style", "relu2_1")}
    with pytest.raises(ValueError, match="no loss of the term 'content'.*loss: style"):
        _ = losses.content
    counting.asked.clear()
    losses = Objective.of(cat, None, counting, Recipe(beta=0, tv=0))(0.9 * cat)
    assert all(asked == {"relu4_2"} for asked in counting.asked)
    assert set(losses.values) == {"content"}


def test_a_term_may_be_switched_off_and_on_again(
    counting: CountingVGG, cat: Tensor, wave: Tensor, x: Tensor
) -> None:
    objective = Objective.of(cat, wave, counting, SMALL)
    before = objective(x).floats()
    objective["style"].weight = 0
    assert "style" not in objective(x).values
    objective["style"].weight = 3
    counting.asked.clear()
    assert objective(x).floats() == before and len(counting.asked) == 1


def test_total_variation_alone_needs_no_network(counting: CountingVGG, cat: Tensor) -> None:
    losses = Objective.of(cat, None, counting, Recipe(0, 0, tv=2))(cat)
    assert losses.total.item() == pytest.approx(2 * losses.variation.item()) and losses.total > 0
    assert all(asked == set() for asked in counting.asked)


# ---------------------------------------------------------------- other pictures


@pytest.mark.parametrize("changed", ["content", "style", "both", "neither"])
def test_an_objective_for_other_pictures_is_that_of_a_fresh_one(
    changed: str, counting: CountingVGG, cat: Tensor, wave: Tensor
) -> None:
    objective = Objective.of(cat, wave, counting, SMALL)
    objective["style"].weight = 8.0
    objective["content"].layers["relu1_1"] = 3.0
    objective["style"].layers = {"relu2_1": 1.0}
    objective(cat)
    content = cat.flip(3) if changed in ("content", "both") else cat
    style = wave.flip(1) if changed in ("style", "both") else wave
    counting.asked.clear()
    got = objective.with_pictures(content, style)(0.9 * cat).floats()
    passes = {"neither": 0, "both": 2}.get(changed, 1)
    assert len(counting.asked) == passes + 1  # kept targets are not computed again
    recipe = SMALL.replace(
        beta=8, content_layers=SMALL.content_layers | {"relu1_1": 3}, style_layers={"relu2_1": 1}
    )
    assert got == Objective.of(content, style, counting, recipe)(0.9 * cat).floats()


def test_other_pictures_leave_the_first_objective_as_it_was(
    vgg: VGG, cat: Tensor, wave: Tensor, x: Tensor
) -> None:
    objective = Objective.of(cat, wave, vgg, SMALL)
    before = objective(x).floats()
    objective.with_pictures(cat.flip(3), wave.flip(1))(x)
    assert objective(x).floats() == before
    assert objective["content"].picture is cat and objective["style"].picture is wave


def test_other_pictures_may_have_other_sizes(vgg: VGG, cat: Tensor, wave: Tensor) -> None:
    small = cat[..., :32, :40]
    objective = Objective.of(cat, wave, vgg, SMALL).with_pictures(small, wave)
    want = Objective.of(small, wave, vgg, SMALL)(0.5 * small).floats()
    assert objective(0.5 * small).floats() == want


# ---------------------------------------------------------------- what is refused


def test_a_missing_picture_is_told(vgg: VGG, cat: Tensor) -> None:
    with pytest.raises(ValueError, match="style is None; set beta=0"):
        Objective.of(cat, None, vgg)
    with pytest.raises(ValueError, match="content is None; set alpha=0"):
        Objective.of(None, cat, vgg)
    with pytest.raises(ValueError, match="neither content nor style"):
        Objective.of(None, None, vgg)


def test_an_unknown_term_is_told(vgg: VGG, cat: Tensor) -> None:
    objective = Objective.of(cat, cat, vgg, SMALL)
    with pytest.raises(ValueError, match="no term 'nope'; terms are content, style, variation"):
        _ = objective["nope"]
    with pytest.raises(ValueError, match="no term 'style'; terms are content, variation"):
        _ = Objective.of(cat, None, vgg, SMALL.replace(beta=0))["style"]


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(0, 0, 0),
        Recipe(0, 1, 0, style_layers=[]),
        Recipe(0, 1, 0, style_layers={"relu1_1": 0}),
    ],
)
def test_nothing_to_minimize_is_told(recipe: Recipe, vgg: VGG, cat: Tensor) -> None:
    with pytest.raises(ValueError, match="All weights are 0: nothing to minimize. Give one of"):
        Objective.of(cat, cat, vgg, recipe)(cat)


def test_a_picture_of_another_size_is_told(vgg: VGG, cat: Tensor, wave: Tensor) -> None:
    with pytest.raises(ValueError, match="Cannot compare shapes"):
        Objective.of(cat, wave, vgg)(cat[..., :32, :])


def test_two_terms_of_one_name_are_told(vgg: VGG, cat: Tensor, wave: Tensor) -> None:
    terms = [Style(picture, Gram(), 1.0, {"relu1_1": 1.0}) for picture in (cat, wave)]
    with pytest.raises(ValueError, match="'style', 'style'.*a different name for each"):
        Objective(terms, vgg)
    terms[1].name = "second style"
    losses = Objective([*terms, Variation(1.0)], vgg)(cat)
    assert set(losses.values) == {"style", "second style", "variation"}
    assert losses.style.item() < 1e-6 < losses.value("second style").item()


def test_terms_put_together_by_hand_are_the_recipes(
    vgg: VGG, cat: Tensor, wave: Tensor, x: Tensor
) -> None:
    terms = [
        Content(cat, 2, SMALL.content_layers),
        Style(wave, Gram(), 3, SMALL.style_layers),
        Variation(4),
    ]
    got, want = Objective(terms, vgg)(x), Objective.of(cat, wave, vgg, SMALL)(x)
    assert got.floats() == want.floats()


def test_a_layer_weighted_after_it_was_measured_waits_for_the_next_call(
    vgg: VGG, cat: Tensor, wave: Tensor
) -> None:
    objective = Objective.of(cat, wave, vgg, Recipe(beta=0, tv=1))
    x = cat.flip(3)
    sums = objective.measure(x)
    objective["style"].weight = 10
    assert set(objective.losses(x, sums).values) == {"content", "variation"}
    assert set(objective(x).values) == {"content", "style", "variation"}
    for term in ("content", "style", "variation"):
        objective[term].weight = 0
    with pytest.raises(ValueError, match="All weights are 0"):
        objective.losses(x, sums)


def test_weights_of_a_copy_for_other_pictures_change_alone(
    vgg: VGG, cat: Tensor, wave: Tensor
) -> None:
    objective = Objective.of(cat, wave, vgg)
    other, before = objective.with_pictures(cat.flip(3), wave), objective.in_force()
    for term in ("content", "style", "variation"):
        other[term].weight = 7
    other["style"].layers["relu1_1"] = 9
    assert objective.in_force() == before != other.in_force()


@pytest.mark.parametrize("tile", [0, -5, 16, 2.5])
def test_a_tile_that_makes_no_sense_is_refused_at_once(tile: object, vgg: VGG, cat: Tensor) -> None:
    with pytest.raises(ValueError, match="tile is"):
        Objective([Content(cat, 1, "relu1_1")], vgg, tile)


def test_an_objective_needs_a_term(vgg: VGG) -> None:
    with pytest.raises(ValueError, match="Got no terms"):
        Objective([], vgg)
