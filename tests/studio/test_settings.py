"""The studio's settings: what is refused, what differs, and what a running pass can follow."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from PIL import Image

from nstkit import DEFAULT, Gram, Recipe, stylize
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


def test_scales_in_px_say_the_size():
    recipe = Recipe(scales=[64, 96])
    assert Settings("cat", "scream", recipe).size == 96
    assert Settings("cat", "scream").replace(scales=[64, 96]).size == 96
    assert Settings("cat", "scream", size=64).replace(recipe=recipe).size == 96
    with pytest.raises(ValueError, match=r"size is 64 px, and the last of scales is 96 px.*Leave"):
        Settings("cat", "scream", recipe, size=64)


def test_a_new_size_makes_shares_of_scales_in_px():
    settings = Settings("cat", "scream", Recipe(scales=[48, 96], steps=[2, 1]))
    larger = settings.replace(size=400)
    assert (larger.size, larger.recipe.scales, larger.recipe.steps) == (400, (0.5, 1), (2, 1))
    assert settings.changes(settings.replace(size=96, beta=3)) == {"beta": 3}


def test_a_quality_is_a_size_scales_and_steps(qualities):
    before = Settings("cat", "scream", Recipe(beta=3, scales=[48, 96]))
    after = before.replace(quality="many")
    many = qualities["many"]
    assert after.recipe == before.recipe.replace(scales=many.scales, steps=many.steps)
    assert after.size == many.size
    assert (before.quality, after.quality) == (None, "many")


def test_what_is_given_beside_a_quality_wins(qualities):
    before = Settings("cat", "scream")
    given = before.replace(quality="many", size=100, steps=9)
    assert (given.size, given.recipe.scales, given.recipe.steps) == (100, (0.5, 1), 9)
    assert given.quality is None
    given = before.replace(quality="many", scales=[40, 80])
    assert (given.size, given.recipe.scales, given.recipe.steps) == (80, (40, 80), (2, 1))
    given = before.replace(quality="few", recipe=Recipe(beta=3, scales=4))
    assert (given.recipe.beta, given.recipe.scales, given.quality) == (3, 1, "few")


def test_a_quality_enlarges_no_photograph(qualities, cat):
    small = Image.new("RGB", (50, 40))
    settings = Settings(small, "scream").replace(quality="many")
    assert (settings.size, settings.quality) == (50, "many")
    assert Settings(cat, "scream").replace(quality="many").size == max(cat.shape[-2:])


def test_an_unknown_quality_is_told(qualities):
    with pytest.raises(ValueError, match=r"quality is 'best'; expected one of \['few', 'many'\]"):
        Settings("cat", "scream").replace(quality="best")


def test_smoothing_alone_is_something():
    assert Settings("cat", "scream").replace(alpha=0, beta=0, style_layers={}).recipe.tv


def test_size_and_recipe_are_those_of_stylize_unless_others_are_given():
    settings = Settings("cat", "scream")
    assert (settings.size, settings.recipe) == (SIZE, DEFAULT) == (256, DEFAULT)
    of_studio = inspect.signature(Studio).parameters
    assert of_studio["size"].default is None
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
    form = Settings("cat", "scream", Recipe()).form()
    assert Settings("cat", "scream", Recipe(scales=3, steps=(3, 2, 1), detail=1)).form() == form
    assert Settings("cat", "scream", PRESETS["texture only"]).form() == form
    assert Settings("cat", "scream", Recipe(statistic=Gram("elements"))).form() != form
    assert Settings("cat", "scream", Recipe(pooling="avg")).form() != form


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
