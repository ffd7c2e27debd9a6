"""Objective: values, live weights, targets computed once, starts."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from nstkit import DEFAULT, VGG, Losses, Objective, Recipe, content_loss, gram_matrix, style_loss
from nstkit.objective import network
from nstkit.recipes import STARTS
from nstkit.start import start_image


class CountingVGG(VGG):
    """The real network; remembers which layers were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[set[str]] = []

    def forward(self, image: Tensor, layers: object) -> dict[str, Tensor]:
        self.asked.append(set(layers))
        return super().forward(image, layers)


@pytest.fixture
def counting() -> CountingVGG:
    return CountingVGG()


def test_the_total_is_the_weighted_sum_of_the_papers_terms(
    vgg: VGG, cat: Tensor, wave: Tensor
) -> None:
    recipe = Recipe(2.0, 3.0, 4.0, {"relu4_2": 0.5, "conv3_1": 0.25}, {"relu1_1": 1, "relu3_1": 2})
    x = (cat + 0.1).clamp(0, 1)
    losses = Objective(cat, wave, vgg, recipe)(x)
    names = ["relu4_2", "conv3_1", "relu1_1", "relu3_1"]
    f, p, a = vgg(x, names), vgg(cat, names), vgg(wave, names)
    content = {n: content_loss(f[n], p[n]) for n in names[:2]}
    style = {n: style_loss(f[n], gram_matrix(a[n])) for n in names[2:]}
    assert losses.content == pytest.approx((content["relu4_2"] / 2 + content["conv3_1"] / 4).item())
    assert losses.style == pytest.approx((style["relu1_1"] + 2 * style["relu3_1"]).item())
    dx, dy = x[..., 1:] - x[..., :-1], x[..., 1:, :] - x[..., :-1, :]
    assert losses.tv.item() == pytest.approx((dx.square().mean() + dy.square().mean()).item())
    want = 2 * losses.content + 3 * losses.style + 4 * losses.tv
    assert losses.total.item() == pytest.approx(want.item(), rel=1e-6)
    assert losses.per_layer["content conv3_1"].item() == pytest.approx(content["conv3_1"].item())
    assert losses.per_layer["style relu1_1"].item() == pytest.approx(style["relu1_1"].item())
    assert set(losses.terms) == {"content", "style", "tv"}
    assert sum(losses.terms.values()).item() == pytest.approx(losses.total.item(), rel=1e-6)


def test_the_content_itself_has_no_content_loss_and_the_style_no_style_loss(
    vgg: VGG, cat: Tensor, wave: Tensor
) -> None:
    objective = Objective(cat, wave, vgg)
    assert objective(cat).content.item() == 0 < objective(cat).style.item()
    assert objective(wave[..., : cat.shape[-2], : cat.shape[-1]]).content.item() > 0
    assert Objective(wave, wave, vgg, Recipe())(wave).total.item() < 1e-6


def test_floats_are_the_same_numbers(vgg: VGG, cat: Tensor, wave: Tensor) -> None:
    losses = Objective(cat, wave, vgg)(wave[..., :42, :64])
    floats = losses.floats()
    assert isinstance(floats, Losses) and isinstance(floats.total, float)
    assert floats.total == losses.total.item() and floats.content == losses.content.item()
    assert floats.per_layer == {k: v.item() for k, v in losses.per_layer.items()}
    assert floats.weights == losses.weights == (1.0, 10.0, 50.0)


def test_changed_weights_act_at_once_and_recompute_no_target(
    counting: CountingVGG, cat: Tensor, wave: Tensor
) -> None:
    objective = Objective(cat, wave, counting, Recipe())
    targets = len(counting.asked)
    before, weights = objective(wave[..., :42, :64]).floats(), objective.weights()
    objective.alpha, objective.beta, objective.tv = 0.5, 3.0, 2.0
    objective.style_layers["relu1_1"] = 0.0
    objective.style_layers["relu3_1"] = 1.0
    after = objective(wave[..., :42, :64]).floats()
    assert len(counting.asked) == targets + 2  # one pass a call, nothing else
    assert objective.weights() != weights
    layers = after.per_layer
    style = 0.2 * (layers["style relu2_1"] + layers["style relu4_1"] + layers["style relu5_1"])
    style += layers["style relu3_1"]
    assert after.style == pytest.approx(style, rel=1e-5)
    assert after.total == pytest.approx(0.5 * before.content + 3 * style + 2 * after.tv, rel=1e-5)
    assert "style relu1_1" not in layers


def test_an_added_layer_computes_only_its_own_target(
    counting: CountingVGG, cat: Tensor, wave: Tensor
) -> None:
    objective = Objective(cat, wave, counting)
    counting.asked.clear()
    objective.style_layers["relu3_2"] = 1.0
    losses = objective(cat)
    assert counting.asked[0] == {"relu3_2"} and len(counting.asked) == 2
    assert losses.per_layer["style relu3_2"].item() > 0


def test_terms_without_weight_cost_nothing(
    counting: CountingVGG, cat: Tensor, wave: Tensor
) -> None:
    texture = Objective(None, wave, counting, Recipe(alpha=0, style_layers="relu2_1"))
    texture(cat)
    assert all(asked == {"relu2_1"} for asked in counting.asked)
    counting.asked.clear()
    losses = Objective(cat, None, counting, Recipe(beta=0))(cat)
    assert all(asked == {"relu4_2"} for asked in counting.asked)
    assert losses.style == 0 and losses.tv == 0


def test_a_missing_picture_is_told(vgg: VGG, cat: Tensor) -> None:
    with pytest.raises(ValueError, match="style is None; set beta=0"):
        Objective(cat, None, vgg)
    with pytest.raises(ValueError, match="content is None; set alpha=0"):
        Objective(None, cat, vgg)
    with pytest.raises(ValueError, match="neither content nor style"):
        Objective(None, None, vgg)
    objective = Objective(cat, None, vgg, Recipe(beta=0))
    objective.beta = 1.0
    with pytest.raises(ValueError, match="style is None"):
        objective(cat)


@pytest.mark.parametrize(
    "recipe",
    [Recipe(0, 0), Recipe(0, 1, style_layers=[]), Recipe(0, 1, style_layers={"relu1_1": 0})],
)
def test_nothing_to_minimize_is_told(recipe: Recipe, vgg: VGG, cat: Tensor) -> None:
    with pytest.raises(ValueError, match="All weights are 0"):
        Objective(cat, cat, vgg, recipe)(cat)


def test_total_variation_alone_needs_no_network(counting: CountingVGG, cat: Tensor) -> None:
    losses = Objective(cat, None, counting, Recipe(0, 0, tv=2))(cat)
    assert losses.total.item() == pytest.approx(2 * losses.tv.item()) and losses.total > 0


def test_a_picture_of_another_size_is_told(vgg: VGG, cat: Tensor, wave: Tensor) -> None:
    with pytest.raises(ValueError, match="Cannot compare shapes"):
        Objective(cat, wave, vgg)(cat[..., :32, :])


def test_the_network_is_the_recipes(cat: Tensor) -> None:
    built = network(DEFAULT.replace(pooling="avg", padding="reflect"))
    assert (built.pooling, built.padding) == ("avg", "reflect")
    assert isinstance(Objective(cat, cat).vgg, VGG)


def test_the_gradient_reaches_the_pixels_only(vgg: VGG, cat: Tensor, wave: Tensor) -> None:
    style = wave.clone().requires_grad_()
    objective = Objective(cat, style, vgg)
    x = cat.clone().requires_grad_()
    objective(x).total.backward()
    assert x.grad.abs().sum() > 0 and style.grad is None


# ------------------------------------------------------------------ starts
def test_starts_have_the_contents_shape_and_their_own_look(cat: Tensor, wave: Tensor) -> None:
    start = {k: start_image(k, cat, wave) for k in STARTS}
    assert all(s.shape == cat.shape and 0 <= s.min() <= s.max() <= 1 for s in start.values())
    assert torch.equal(start["content"], cat) and start["content"] is not cat
    assert (start["white"] == 1).all()
    assert start["gray"].amax((2, 3)).tolist() == [pytest.approx([0.485, 0.456, 0.406])]
    assert 0.45 < start["noise"].mean() < 0.55 and start["noise"].std() > 0.25
    torch.testing.assert_close(start["blend"], (cat + start["noise"]) / 2)


def test_noise_repeats_with_its_seed(cat: Tensor, wave: Tensor) -> None:
    noise = [start_image("noise", cat, wave, seed) for seed in (1, 1, 2)]
    assert torch.equal(noise[0], noise[1]) and not torch.equal(noise[0], noise[2])


@pytest.mark.parametrize("shape", [(40, 64), (64, 40), (33, 35), (64, 64)])
def test_the_style_start_covers_the_content_undistorted(shape: tuple[int, int]) -> None:
    # A style with a red left and a blue right half, and a green band in the middle row.
    style = torch.zeros(1, 3, 30, 90)
    style[:, 0, :, :45], style[:, 2, :, 45:] = 1, 1
    start = start_image("style", torch.zeros(1, 3, *shape), style)
    assert start.shape[-2:] == shape and start.is_contiguous()
    middle = shape[1] // 2
    assert start[0, 0, :, : middle - 4].min() > 0.9 and start[0, 2, :, middle + 4 :].min() > 0.9


def test_an_unknown_start_is_told(cat: Tensor) -> None:
    with pytest.raises(ValueError, match="start is 'black'"):
        start_image("black", cat, cat)
