"""The studio's controls: they show settings, and are read as settings."""

from __future__ import annotations

from types import SimpleNamespace

import ipywidgets as widgets
import pytest
from studio_tools import widgets_of

from nstkit import DEFAULT, NEIGHBORS, PORTRAIT, Gram, Moments, Recipe
from nstkit.descent import OPTIMIZERS
from nstkit.recipes import FITS
from nstkit.studio import Settings
from nstkit.studio.controls import HELP, PRESETS, Controls
from nstkit.studio.dials import Dial
from nstkit.studio.kit import Kit

SHOWN = {
    **{name: recipe for name, recipe in PRESETS.items() if isinstance(recipe, Recipe)},
    "odd weights": DEFAULT.replace(alpha=1.234567e-5, beta=98765.4321, tv=0.00017),
    "conv layers": DEFAULT.replace(style_layers={"conv1_1": 0.1, "conv4_4": 3}, tv=0),
    "two content layers": DEFAULT.replace(content_layers={"relu3_1": 0.3, "conv4_2": 0.7}),
    "sums": Recipe(tv=0, content_reduce="sum", statistic=Gram("elements"), optimizer="adam"),
    "moments": DEFAULT.replace(statistic=Moments(), start="white"),
    "unlike layers": DEFAULT.replace(pooling="avg", style_layers={"pool3": 2, "relu1_2": 0.25}),
}
SETTINGS = Settings("cat", "great_wave")


@pytest.fixture(scope="module")
def used():
    """Controls that several tests move."""
    return Controls(Kit(), SETTINGS, lambda: None)


@pytest.mark.parametrize("name", SHOWN)
def test_controls_read_what_they_show(used, name):
    wanted = Settings("macaw", "scream", SHOWN[name], size=111, seed=3)
    used.show(wanted)
    assert wanted.changes(used.read(wanted)) == {}
    used.show(SETTINGS)
    assert SETTINGS.changes(used.read(SETTINGS)) == {}


def test_showing_calls_nobody_and_moving_does():
    calls = []
    shown = Controls(Kit(), SETTINGS, lambda: calls.append(1))
    shown.show(Settings("castle", "scream", PRESETS["texture only"], size=96))
    assert calls == []
    moved = [shown.beta.slider, shown.alpha.on, shown.layers.menus[2], shown.layers.dials[4].on]
    moved[0].index += 1
    moved[1].value = not moved[1].value
    moved[2].value = "conv3_4"
    moved[3].value = False
    shown.start.value = "white"
    shown.content.menu.value = "kitten"
    assert len(calls) == 6
    read = shown.read(Settings("castle", "scream"))
    assert read.content == "kitten"
    assert read.recipe.start == "white"
    assert "conv3_4" in read.recipe.style_layers
    assert "relu5_1" not in read.recipe.style_layers


def test_moving_a_control_leaves_the_preset(used):
    used.show(SETTINGS)
    used.preset.value = "bold"
    used.beta.slider.index += 1
    assert used.preset.index == 0


def test_presets_of_the_house_differ_in_the_weight_of_the_style():
    assert PRESETS["house recipe"] == DEFAULT and PRESETS["textbook"] == Recipe()
    assert PRESETS["portrait"] == PORTRAIT and PRESETS["neighbors"] == NEIGHBORS
    for name, factor in (("gentle", 0.1), ("bold", 10)):
        assert PRESETS[name] == DEFAULT.replace(beta=PRESETS[name].beta)
        assert PRESETS[name].beta == pytest.approx(factor * DEFAULT.beta)


@pytest.mark.parametrize("name", ["shallow layers", "deep layers", "out of noise", "texture only"])
def test_presets_that_show_what_the_textbook_tells_paint_one_size(name):
    assert PRESETS[name].scales == 1


def test_all_optimizers_are_offered(used):
    assert list(used.optimizer.options) == list(OPTIMIZERS)


def test_two_rows_of_one_layer_add_up(used):
    weights = DEFAULT.style_layers
    used.show(SETTINGS)
    used.layers.menus[0].value = "relu2_1"
    assert used.layers.read()["relu2_1"] == pytest.approx(weights["relu1_1"] + weights["relu2_1"])


def test_more_layers_than_rows_are_refused(used):
    recipe = DEFAULT.replace(style_layers=[f"conv3_{n}" for n in range(1, 5)] + ["pool1", "pool2"])
    with pytest.raises(ValueError, match="6 style layers; expected at most 5"):
        used.show(Settings("cat", "great_wave", recipe))


def test_a_dial_offers_round_numbers_and_keeps_any_other():
    dial = Dial(Kit(), "x", "label", -1, 1)
    assert [value for _, value in dial.slider.options] == [
        0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10
    ]  # fmt: skip
    dial.show(1 / 3)
    assert dial.read() == 1 / 3
    assert dial.slider.label == "0.333"
    dial.show(7000)
    assert dial.slider.label == "7000"
    dial.show(1e6)
    assert dial.read() == 1e6
    assert max(value for _, value in dial.slider.options) == 1e6
    dial.show(0)
    assert dial.read() == 0
    assert dial.slider.value == 1e6  # where it will be when it is switched on


def test_captions_explain_the_weights(studio):
    captions = " ".join(w.value for w in widgets_of(studio, "caption"))
    assert all(text in captions for text in HELP.values())
    assert all(word in captions for word in ("α", "β", "relu1_1", "Smoothing"))


def test_each_help_is_on_the_page_and_says_when_to_choose_neighbors(used):
    whole = SimpleNamespace(box=widgets.VBox([used.box, used.below]))
    shown = " ".join(caption.value for caption in widgets_of(whole, "caption"))
    assert [text for text in HELP.values() if text not in shown] == []
    assert f"neighbors {FITS['neighbors']}" in shown
