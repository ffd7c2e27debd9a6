"""`Recipe` as data: what it may be, and how it is written and read."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import re
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import nstkit
from nstkit import DEFAULT, NEIGHBORS, PHOTOREAL, PORTRAIT, RECIPES, TEXTBOOK, Gram, Moments, Recipe
from nstkit.losses.statistics import STATISTICS, Statistic
from nstkit.recipes import FITS, HOUSE, STYLE_LAYERS
from nstkit.vgg.names import layer_names

STATED = [Gram(), Gram("elements", "sum", "features"), Gram(None, "rms", "image"), Moments(0.5)]


# ------------------------------------------------------------------ the class
def test_the_textbooks_is_a_recipe_without_options() -> None:
    ours = {"alpha": 1.0, "beta": 10.0, "tv": 50.0, "optimizer": "fourier_lbfgs", "steps": 60}
    assert Recipe() == TEXTBOOK == Recipe(**ours, statistic=Gram(), scales=1, start="content")


def test_recipes_of_the_house_can_be_printed_and_stored() -> None:
    assert set(HOUSE.values()) == {DEFAULT, PORTRAIT, NEIGHBORS, PHOTOREAL, TEXTBOOK}
    assert list(FITS) == list(HOUSE)
    for recipe in HOUSE.values():
        assert Recipe.from_json(recipe.to_json()) == recipe
        assert eval(repr(recipe), vars(nstkit)) == recipe


def test_a_portrait_is_the_default_with_less_style_and_finer_content() -> None:
    assert PORTRAIT.beta < DEFAULT.beta and min(PORTRAIT.content_layers) < "relu4_2"
    assert "relu5_1" not in PORTRAIT.style_layers
    weights = {name: getattr(PORTRAIT, name) for name in ("beta", "content_layers", "style_layers")}
    assert DEFAULT.replace(**weights) == PORTRAIT


def test_another_optimizer_paints_all_scales() -> None:
    both = Recipe(optimizer="adam", finer_optimizer="lbfgs", scales=3)
    assert [both.at_scale(scale, 3).optimizer for scale in range(3)] == ["adam", "lbfgs", "lbfgs"]
    assert both.replace(beta=1, optimizer="adam").finer_optimizer == "lbfgs"
    one = both.replace(optimizer="sgd")
    assert [one.at_scale(scale, 3).optimizer for scale in range(3)] == ["sgd"] * 3
    assert both.replace(optimizer="sgd", finer_optimizer="adam").finer_optimizer == "adam"


def test_style_layers_share_weight_one() -> None:
    assert sum(DEFAULT.style_layers.values()) == pytest.approx(1)
    assert sum(PORTRAIT.style_layers.values()) == pytest.approx(1)
    assert set(DEFAULT.style_layers) == set(STYLE_LAYERS)


def test_names_alone_share_weight_one() -> None:
    assert Recipe(style_layers=["relu1_1", "relu2_1"]).style_layers == {
        "relu1_1": 0.5,
        "relu2_1": 0.5,
    }
    assert Recipe(content_layers="conv4_2").content_layers == {"conv4_2": 1.0}


def test_repr_is_the_call_that_makes_it() -> None:
    recipe = Recipe(beta=2.5, pooling="avg", style_layers={"relu3_1": 2})
    assert repr(recipe) == (
        "Recipe(alpha=1.0, beta=2.5, tv=50.0, style_layers={'relu3_1': 2.0}, pooling='avg')"
    )
    assert eval(repr(recipe), {"Recipe": Recipe}) == recipe
    assert repr(TEXTBOOK) == "Recipe(alpha=1.0, beta=10.0, tv=50.0)"
    assert "statistic=Moments(ridge=0.0001)" in repr(Recipe(statistic=Moments()))


weights = st.floats(0, 1e12, allow_nan=False)
layers = st.dictionaries(st.sampled_from(layer_names()), weights, min_size=1, max_size=6)


@settings(max_examples=50, deadline=None)
@given(weights, weights, layers, layers, st.sampled_from(STATED))
def test_recipes_round_trip_through_json_and_repr(
    alpha: float, beta: float, content: dict, style: dict, statistic: Statistic
) -> None:
    recipe = Recipe(alpha, beta, content_layers=content, style_layers=style, statistic=statistic)
    again = Recipe.from_json(recipe.to_json())
    assert again == recipe and hash(again) == hash(recipe)
    assert eval(repr(recipe), {"Recipe": Recipe, "Gram": Gram, "Moments": Moments}) == recipe
    json.loads(recipe.to_json())


def test_whole_numbers_and_floats_make_one_recipe() -> None:
    assert Recipe(beta=7) == Recipe(beta=7.0) and hash(Recipe(beta=7)) == hash(Recipe(beta=7.0))


def test_replace_changes_a_copy_only() -> None:
    changed = TEXTBOOK.replace(beta=7)
    assert changed.beta == 7 and changed != TEXTBOOK and TEXTBOOK.beta == 10


def test_the_weights_given_are_copied() -> None:
    given_weights = {"relu1_1": 1.0}
    recipe = Recipe(style_layers=given_weights)
    given_weights["relu1_1"] = 5.0
    assert recipe.style_layers == {"relu1_1": 1.0}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"alpha": -1}, "alpha is -1"),
        ({"beta": float("nan")}, "beta is nan"),
        ({"tv": "1"}, "tv is '1'"),
        ({"beta": True}, "beta is True"),
        ({"style_layers": {"relu1_1": -0.1}}, "style_layers['relu1_1'] is -0.1"),
        ({"style_layers": ["relu6_1"]}, "names 'relu6_1', which vgg19 does not have"),
        ({"content_layers": "21"}, "names '21'"),
        ({"network": "vgg16", "content_layers": "relu3_4"}, "which vgg16 does not have"),
        ({"start": "black"}, "start is 'black'"),
        ({"optimizer": "newton"}, "optimizer is 'newton'"),
        ({"finer_optimizer": "newton"}, "finer_optimizer is 'newton'"),
        ({"statistic": "gram"}, "statistic is 'gram'; expected an object such as Gram()"),
        ({"statistic": Gram}, "expected an object such as Gram()"),
        ({"statistic": None}, "statistic is None"),
        ({"content_reduce": "max"}, "content_reduce is 'max'"),
        ({"tv_form": "l2"}, "tv_form is 'l2'"),
        ({"steps": -1}, "steps is -1"),
        ({"steps": 2.5}, "steps is 2.5"),
        ({"steps": (2, -1), "scales": 2}, "each of steps is -1; expected a whole number, 0 or"),
        ({"steps": "60"}, "steps is '60'"),
        ({"steps": ()}, "steps are [], and the number of scales is 1; expected as many numbers"),
        ({"steps": (9, 8)}, "steps are [9, 8], and the number of scales is 1; expected as many"),
        ({"steps": (9, 9), "scales": 3}, "the number of scales is 3"),
        ({"steps": (9,), "scales": [64, 96]}, "steps are [9], and the number of scales is 2"),
        ({"learning_rate": 0}, "learning_rate is 0"),
        ({"learning_rate": "fast"}, "learning_rate is 'fast'"),
        ({"learning_rate": True}, "learning_rate is True"),
        ({"weights": 3}, "weights is 3"),
        ({"pooling": "sum"}, "pooling is 'sum'"),
    ],
)
def test_bad_fields_say_what_is_expected(fields: dict, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        Recipe(**fields)


def test_unknown_fields_and_other_json_are_refused() -> None:
    with pytest.raises(ValueError, match="no \\['gamma'\\]"):
        DEFAULT.replace(gamma=1)
    with pytest.raises(ValueError, match="no \\['gamma'\\]"):
        Recipe.from_json('{"gamma": 1}')
    with pytest.raises(ValueError, match="JSON object"):
        Recipe.from_json("[1]")
    with pytest.raises(ValueError):
        Recipe.from_json("beta=3")


@pytest.mark.parametrize("scales", [[], [64, 40], [40, 40], [16, 64], [40.0, 64], 0, True, "64"])
def test_scales_that_make_no_sense_are_told(scales: object) -> None:
    with pytest.raises(ValueError, match="scales"):
        Recipe(scales=scales)


# ------------------------------------------------------------------ steps of several scales
@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(scales=3, steps=(40, 20, 10)),
        Recipe(scales=[64, 96], steps=[7, 0]),
        Recipe(scales=3, steps=5),
    ],
)
def test_steps_of_several_scales_round_trip_through_json_and_repr(recipe: Recipe) -> None:
    again = Recipe.from_json(recipe.to_json())
    assert again == recipe and hash(again) == hash(recipe)
    assert (again.scales, again.steps) == (recipe.scales, recipe.steps)
    assert eval(repr(recipe), {"Recipe": Recipe}) == recipe


def test_a_list_of_steps_is_kept_as_a_tuple_and_equal_numbers_as_one() -> None:
    assert Recipe(scales=2, steps=[20, 10]).steps == (20, 10)
    assert "steps=(20, 10)" in repr(Recipe(scales=2, steps=[20, 10]))
    assert Recipe(scales=2, steps=(20, 20)) == Recipe(scales=2, steps=20)
    assert Recipe(steps=(7,)).steps == 7


@pytest.mark.parametrize(
    ("scales", "steps"),
    [(1, 40), (2, (40, 20)), (3, (40, 20, 10)), (5, (40, 20, 10, 10, 10)), ([64, 96], (40, 20))],
)
def test_other_scales_begin_with_the_steps_of_the_coarsest(scales: object, steps: object) -> None:
    recipe = Recipe(scales=3, steps=(40, 20, 10))
    assert recipe.replace(scales=scales).steps == steps
    assert recipe.replace(scales=scales, steps=6).steps == 6
    assert recipe.replace(steps=6).replace(scales=scales).steps == 6


def test_scales_that_make_no_sense_are_told_by_replace_too() -> None:
    with pytest.raises(ValueError, match="scales are \\[96, 64\\]"):
        Recipe().replace(scales=[96, 64])


# ------------------------------------------------------------------ the statistic in files
@dataclass(frozen=True)
class Means:
    """A statistic of somebody's own, with an option."""

    power: int = 1
    degree = 2
    tiled = True
    sums = target = distance = None


def test_a_statistic_of_ones_own_is_read_once_its_class_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipe = Recipe(statistic=Means(power=3))
    text = recipe.to_json()
    assert json.loads(text)["statistic"] == {"kind": "Means", "power": 3}
    with pytest.raises(
        ValueError, match="The statistic 'Means' is not known; known are Gram, GramM"
    ):
        Recipe.from_json(text)
    monkeypatch.setitem(STATISTICS, "Means", Means)
    assert Recipe.from_json(text) == recipe and hash(Recipe.from_json(text)) == hash(recipe)


@pytest.mark.parametrize(
    ("statistic", "says"),
    [
        ('{"kind": "Gram", "ridge": 1}', "Gram cannot be made of {'ridge': 1}"),
        ('{"kind": "Gram", "reduce": "max"}', "reduce is 'max'"),
        ('{"reduce": "sum"}', "The statistic None is not known"),
        ('"swd"', "statistic is 'swd'; expected an object"),
        ("null", "statistic is None"),
        ('{"kind": "Gram"}, "gram": "elements"', "no ['gram']"),
    ],
)
def test_a_statistic_that_cannot_be_read_is_told(statistic: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        Recipe.from_json(f'{{"statistic": {statistic}}}')


def test_missing_fields_and_options_take_their_default() -> None:
    assert Recipe.from_json("{}") == Recipe()
    assert Recipe.from_json('{"statistic": {"kind": "Gram", "reduce": "sum"}}') == Recipe(
        statistic=Gram(reduce="sum")
    )


# What nstkit 0.1 wrote into paintings.
OF_0_1 = (
    '{"alpha": 1.0, "beta": 10.0, "content_layers": {"relu4_2": 1.0}, "content_reduce": "mean", '
    '"gram": "positions", "learning_rate": null, "network": "vgg19", "optimizer": "lbfgs", '
    '"padding": "zeros", "pooling": "max", "preprocessing": null, "scales": 1, '
    '"start": "content", "statistic": "gram", "steps": 60, "style_divisor": "none", '
    '"style_layers": {"relu1_1": 0.5, "relu3_1": 0.5}, "style_reduce": "mean", "tv": 0.0, '
    '"tv_form": "squared", "tv_reduce": "mean", "tv_values": "image", "weights": "embedded"}'
)
PLAIN = Recipe(tv=0, style_layers=["relu1_1", "relu3_1"], optimizer="lbfgs")


def test_a_recipe_of_nstkit_0_1_reads_as_the_same_recipe() -> None:
    assert Recipe.from_json(OF_0_1) == PLAIN
    assert Recipe.from_json(Recipe.from_json(OF_0_1).to_json()) == PLAIN


@pytest.mark.parametrize(
    ("changes", "statistic"),
    [
        ({'"gram": "positions"': '"gram": "elements"'}, Gram("elements")),
        ({'"gram": "positions"': '"gram": null'}, Gram(None)),
        (
            {
                '"style_reduce": "mean"': '"style_reduce": "sum"',
                '"style_divisor": "none"': '"style_divisor": "image"',
            },
            Gram("positions", "sum", "image"),
        ),
        ({'"statistic": "gram"': '"statistic": "moments"'}, Moments()),
    ],
)
def test_the_four_fields_of_nstkit_0_1_are_one_statistic(
    changes: dict[str, str], statistic: Statistic
) -> None:
    text = OF_0_1
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    assert Recipe.from_json(text) == PLAIN.replace(statistic=statistic)


def test_published_recipes_round_trip() -> None:
    for published in RECIPES.values():
        assert Recipe.from_json(published.recipe.to_json()) == published.recipe


# ------------------------------------------------------------------ what must not change


def test_the_weights_of_layers_are_read_only() -> None:
    before = dict(DEFAULT.style_layers)
    for change in (
        lambda layers: layers.update(relu1_1=5),
        lambda layers: layers.pop("relu1_1"),
        lambda layers: layers.__setitem__("relu1_1", 5),
        lambda layers: layers.clear(),
    ):
        with pytest.raises(TypeError, match="read only; use recipe.replace"):
            change(DEFAULT.style_layers)
    assert DEFAULT.style_layers == before
    for again in (copy.deepcopy(DEFAULT), pickle.loads(pickle.dumps(DEFAULT))):
        assert again == DEFAULT and hash(again) == hash(DEFAULT)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Recipe(statistic=Moments(1)), Recipe(statistic=Moments(1.0))),
        (Recipe(tv=0.0), Recipe(tv=-0.0)),
        (Recipe(beta=np.float32(2)), Recipe(beta=2)),
    ],
)
def test_equal_recipes_have_one_hash(one: Recipe, other: Recipe) -> None:
    assert one == other and hash(one) == hash(other)


def _statistic(name: str, **options: object) -> object:
    """Return a new statistic: Gram under another name, with other options."""
    fields = [(field, type(value), value) for field, value in options.items()]
    return dataclasses.make_dataclass(name, fields, bases=(Gram,), frozen=True)()


def test_a_statistic_is_stored_under_its_name_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = _statistic("Mine")
    monkeypatch.setitem(STATISTICS, "other name", type(mine))
    recipe = Recipe(statistic=mine)
    assert json.loads(recipe.to_json())["statistic"]["kind"] == "other name"
    assert Recipe.from_json(recipe.to_json()) == recipe


def test_a_statistic_that_a_file_cannot_hold_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="another statistic called Gram"):
        Recipe(statistic=_statistic("Gram"))
    with pytest.raises(ValueError, match="cannot be stored"):
        Recipe(statistic=_statistic("Directions", directions=torch.zeros(2)))
    bare = type("Bare", (), dict.fromkeys(("degree", "tiled", "sums", "target", "distance")))()
    with pytest.raises(ValueError, match="Bare is no dataclass"):
        Recipe(statistic=bare)
