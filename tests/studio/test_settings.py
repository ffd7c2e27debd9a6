"""The studio's settings: what is refused, what differs, and what a running pass can follow."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from nstkit import DEFAULT, RECIPES, Gram, stylize
from nstkit.painting.start import SIZE
from nstkit.studio import Settings, Studio
from nstkit.studio.controls import PRESETS


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"style_layers": {}}, "No style layer is on"),
        ({"style_layers": {"relu1_1": 0.0}}, "No style layer is on"),
        ({"content_layers": {}}, "No content layer"),
        ({"alpha": 0, "beta": 0, "tv": 0}, "all off: nothing to minimize"),
    ],
)
def test_settings_that_leave_nothing_to_minimize_are_refused(changes, told):
    with pytest.raises(ValueError, match=told):
        Settings("cat", "scream").replace(**changes)


@pytest.mark.parametrize("recipe", [DEFAULT.replace(scales=[64, 96]), RECIPES["crowsonkb"].recipe])
def test_a_recipe_of_several_scales_is_refused_with_what_to_do(recipe):
    with pytest.raises(ValueError, match=r"paints scales=.*one size at a time.*replace\(scales=1"):
        Settings("cat", "scream", recipe)
    assert Settings("cat", "scream", recipe.replace(scales=1)).recipe.scales == 1


def test_smoothing_alone_is_something():
    assert Settings("cat", "scream").replace(alpha=0, beta=0, style_layers={}).recipe.tv


def test_size_and_recipe_are_those_of_stylize_unless_others_are_given():
    settings = Settings("cat", "scream")
    assert (settings.size, settings.recipe) == (SIZE, DEFAULT) == (256, DEFAULT)
    of_studio = inspect.signature(Studio).parameters
    assert of_studio["size"].default == SIZE
    recipes = (of_studio["recipe"], inspect.signature(stylize).parameters["recipe"])
    assert all(parameter.default == DEFAULT for parameter in recipes)


def test_replace_takes_settings_and_fields_of_the_recipe():
    before = Settings("cat", "scream")
    after = before.replace(size=96, beta=3, recipe=DEFAULT.replace(tv=0))
    assert (after.size, after.recipe) == (96, DEFAULT.replace(tv=0, beta=3))
    assert (before.size, before.recipe) == (256, DEFAULT)
    with pytest.raises(ValueError, match="no \\['colour'\\]"):
        before.replace(colour=1)


def test_changes_are_what_replace_needs(cat):
    before = Settings("cat", "scream")
    after = before.replace(content=cat, beta=3, style_layers={"relu1_1": 1}, statistic=Gram(None))
    changed = before.changes(after)
    assert changed == {
        "content": cat,
        "beta": 3,
        "style_layers": {"relu1_1": 1},
        "statistic": Gram(None),
    }
    again = before.replace(**changed)
    assert after.changes(again) == {}


def test_pictures_in_memory_are_never_compared_pixel_by_pixel(cat):
    settings = Settings(cat, "scream")
    assert set(settings.changes(settings.replace(content=cat.clone()))) == {"content"}


def test_the_same_path_is_the_same_picture():
    settings = Settings(Path("folder/cat.png"), "scream")
    assert settings.changes(settings.replace(content=Path("folder") / "cat.png")) == {}
    assert settings.changes(settings.replace(content=Path("folder/dog.png"))) != {}


def test_the_form_of_a_recipe_is_all_but_weights_and_route():
    form = Settings("cat", "scream").form()
    assert Settings("cat", "scream", PRESETS["texture only"]).form() == form
    assert Settings("cat", "scream", DEFAULT.replace(statistic=Gram("elements"))).form() != form
    assert Settings("cat", "scream", DEFAULT.replace(pooling="avg")).form() != form


@pytest.mark.parametrize(
    ("changes", "can"),
    [
        ({}, False),  # nothing to follow
        ({"beta": 3}, True),
        ({"tv": 0, "alpha": 0}, True),
        ({"style_layers": {"relu1_1": 1}}, True),
        ({"style_layers": {"relu1_1": 1, "relu1_2": 1}}, False),
        ({"content_layers": {"relu1_1": 1}}, False),  # the style alone was measured there
        ({"beta": 3, "size": 96}, False),
        ({"statistic": Gram("elements")}, False),
    ],
)
def test_a_pass_can_follow_weights_of_what_it_measures(changes, can):
    before = Settings("cat", "scream")
    assert before.replace(**changes).can_follow(before) is can
