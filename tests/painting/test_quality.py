"""Quality as one word: what it decides, and what wins over it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from nstkit import DEFAULT, NEIGHBORS, QUALITIES, Recipe, Result, save_image, stylize
from nstkit.painting import Quality, quality
from nstkit.painting.given import UNNOTICED
from nstkit.painting.plan import Plan, prepare

# What costs little: one layer, no update.
QUICK = Recipe(style_layers="relu1_1", content_layers="relu1_1", steps=0)

TABLE = {
    "good": Quality(size=200, scales=1, steps=1),
    "few": Quality(size=300, scales=2, steps=(1, 0)),
    "many": Quality(size=160, scales=(0.5, 1), steps=(2, 1)),
}


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Qualities that cost little, whatever the real ones are."""
    monkeypatch.setattr(quality, "QUALITIES", TABLE)


def planned(content: object = "castle", style: object = "bouquet", **options: object) -> Plan:
    return prepare(content, style, QUICK, **options)


def painted(content: object = "castle", style: object = "bouquet", **options: object) -> Result:
    return stylize(content, style, QUICK, progress=False, **options)


def photograph(folder: Path, height: int, width: int, name: str = "mine") -> Path:
    return save_image(torch.rand(1, 3, height, width), folder / f"{name}.png")


# ------------------------------------------------------------------ the table
def test_good_is_how_nstkit_paints_anyway() -> None:
    assert QUALITIES["good"].of(DEFAULT) == DEFAULT


def test_a_recipe_with_two_statistics_halves_and_paints_nearly_the_whole_by_the_first() -> None:
    assert QUALITIES["good"].of(NEIGHBORS) == NEIGHBORS
    halves = {"draft": (0.5,), "good": (0.25, 0.5), "print": (0.125, 0.25, 0.5)}
    for name, chosen in QUALITIES.items():
        recipe = chosen.of(NEIGHBORS)
        assert recipe.scales == (*halves[name], 0.9, 1), name
        assert recipe.steps[1:] == chosen.steps and recipe.steps[0] == chosen.steps[0], name
        assert recipe.finest_statistic == NEIGHBORS.finest_statistic, name
        assert chosen.of(recipe) == recipe, name
    for other in (Quality(256, (0.25, 1), (30, 15)), Quality(256, (0.5, 0.7, 1), (30, 20, 15))):
        assert len(other.of(NEIGHBORS).scales) == len(other.of(NEIGHBORS).steps)
    alone = DEFAULT.replace(finest_statistic=NEIGHBORS.finest_statistic)
    assert QUALITIES["good"].of(alone) == alone  # made for hypercolumns only
    assert TABLE["good"].of(NEIGHBORS).scales == 1
    assert TABLE["few"].of(NEIGHBORS).scales == 2


def test_qualities_grow() -> None:
    sizes = [QUALITIES[name].size for name in ("draft", "good", "print")]
    assert sizes == sorted(set(sizes)) and sizes[-1] >= 2048


# ------------------------------------------------------------------ in stylize
def test_a_quality_decides_size_scales_and_steps() -> None:
    run = painted(quality="few")
    assert max(run.image.shape) == 300
    assert (run.recipe.scales, run.recipe.steps) == (2, (1, 0)) and len(run.history) == 3
    run = painted(quality="many")
    assert max(run.image.shape) == 160
    assert (run.recipe.scales, run.recipe.steps) == ((0.5, 1), (2, 1))


def test_without_a_quality_the_recipe_decides() -> None:
    plan = prepare("castle", "bouquet", QUICK.replace(scales=(40, 80), steps=(3, 2)))
    assert (plan.recipe.scales, plan.recipe.steps) == ((40, 80), (3, 2))


def test_a_quality_replaces_a_recipes_scales_and_steps_and_nothing_else() -> None:
    recipe = QUICK.replace(scales=(40, 80), steps=(3, 2), beta=3, start="noise")
    plan = prepare("castle", "bouquet", recipe, quality="few")
    assert plan.recipe == recipe.replace(scales=2, steps=(1, 0))
    assert max(plan.content.shape) == 300


def test_what_is_given_wins_over_the_quality() -> None:
    plan = planned(quality="few", size=200)
    assert max(plan.content.shape) == 200 and plan.recipe.steps == (1, 0)
    assert planned(quality="few", steps=7).recipe.steps == 7
    plan = planned(quality="few", scales=3)
    assert (plan.recipe.scales, plan.recipe.steps) == (3, (1, 0, 0))
    plan = planned(quality="few", scales=[50, 90], steps=[5, 4])
    assert (plan.recipe.scales, plan.recipe.steps) == ((50, 90), (5, 4))
    assert max(plan.content.shape) == 90


def test_scales_of_a_quality_follow_the_size_that_is_given() -> None:
    plan = planned(quality="many", size=400)
    assert [max(scale[:2]) for scale in plan.scales()] == [200, 400]


def test_a_size_beside_scales_in_px_is_told_with_a_quality_too() -> None:
    with pytest.raises(ValueError, match=r"size 64 and scales \[40, 64\].*Leave size out"):
        planned(quality="few", size=64, scales=[40, 64])


@pytest.mark.parametrize("wrong", ["best", "", 512, "Good"])
def test_an_unknown_quality_is_told(wrong: object) -> None:
    with pytest.raises(
        ValueError, match=r"quality is .*; expected one of \['good', 'few', 'many'\]"
    ):
        planned(quality=wrong)


def test_pictures_that_are_tensors_keep_their_size(cat: Tensor, wave: Tensor) -> None:
    plan = planned(cat, wave, quality="many")
    assert torch.equal(plan.content, cat) and torch.equal(plan.works.plain, wave)
    assert [max(scale[:2]) for scale in plan.scales()] == [64]


# ------------------------------------------------------------------ small pictures
def test_a_small_photograph_keeps_its_size_and_the_artwork_follows(tmp_path: Path) -> None:
    mine = photograph(tmp_path, 60, 100)
    for options in ({"quality": "few"}, {}):
        plan = planned(mine, **options)
        assert plan.content.shape == (1, 3, 60, 100) and max(plan.works.plain.shape) == 100


def test_a_large_photograph_is_reduced() -> None:
    assert max(planned("castle", quality="few").content.shape) == 300
    assert max(planned("castle").content.shape) == TABLE["good"].size


def test_an_artwork_follows_a_photograph_that_is_a_tensor(cat: Tensor) -> None:
    assert max(planned(cat).works.plain.shape) == 64


def test_a_photograph_that_the_size_enlarges_is_told(tmp_path: Path) -> None:
    mine = photograph(tmp_path, 60, 100)
    with pytest.warns(UserWarning, match="photograph mine.png has 100 px .* to 120 px") as caught:
        run = painted(mine, size=120)
    assert max(run.image.shape) == 120 and [w.filename for w in caught] == [__file__]


def test_an_artwork_that_is_enlarged_is_told(tmp_path: Path) -> None:
    mine = photograph(tmp_path, 100, 60)
    says = "The artwork mine.png has 100 px and is enlarged to 300 px, so its strokes come out"
    with pytest.warns(UserWarning, match=says) as caught:
        run = painted("castle", mine, quality="few")
    assert max(run.image.shape) == 300 and [w.filename for w in caught] == [__file__]


def test_a_little_larger_is_not_worth_a_word(tmp_path: Path) -> None:
    mine = photograph(tmp_path, 100, 100)
    assert max(planned(mine, mine, size=int(100 * UNNOTICED)).content.shape) == 110
    with pytest.warns(UserWarning) as caught:
        planned(mine, mine, size=111)
    assert len(caught) == 2  # both pictures
