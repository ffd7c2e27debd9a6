"""What the file of a painting says: read whole, or refused in a sentence that names the file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nstkit import DEFAULT, Region, ellipse, load_image, read_metadata, rectangle, repaint
from nstkit.__main__ import main
from nstkit.painting.repaint import Saved
from nstkit.painting.subject import Subject
from nstkit.pictures.images import save_image
from nstkit.studio import Settings
from nstkit.studio.parts import settings_of

NAME = "painting.png"
MIX = {"scream": 1, "great_wave": {"relu1_1": 1}}
REGIONS = (
    Region(rectangle(0, 0, 1, 0.5) & ~ellipse(0, 0, 1, 1), "macaw", beta=3),
    Region([[0.0, 1.0]], None, keep=5, artwork_mask=rectangle(0, 0, 0.5, 1)),
)
FACTS = {
    "software": "nstkit 0.1",
    "precision": "fp32",
    "size": "96 x 64",
    **Subject.of("cat", MIX, REGIONS, 96).facts(),
    "recipe": DEFAULT.to_json(),
    "seed": "3",
    "steps_done": "60",
    "losses": "{}",
    "tile": "256",
}
TEXTS = ["", "huge", "-1", "1.5", "nan", "9" * 40, "9" * 5000, "null", "true", "[]", "{}", "[1]",
         "[[]]", "[[1, 2]]", '[["cat", "x"]]', '[["cat", -1]]', '[[["cat"], 1]]', "{} x",
         '{"cat": 1}', '{"gamma": 1}', '{"beta": "x"}', '{"style_layers": [[1]]}', "[{}]",
         '[{"mask": 3, "style": null}]', '[{"mask": {"kind": "drawn"}, "style": null}]', "5 x",
         '"' + "[" * 9000, "[" * 100_000, "a" * 5000, "\0", "\ud800", "1 x 2 x 3"]  # fmt: skip
ODD = st.sampled_from(TEXTS) | st.text() | st.sampled_from([None, 3, ["cat"], {"cat": 1}])


def read(facts: dict) -> Saved:
    """Read all that a file says, as `nstkit.repaint`, the command line and the studio do."""
    saved = Saved.of(facts, NAME)
    saved.find_content(Path())
    saved.find_style(Path())
    saved.find_regions(Path())
    settings_of(facts, NAME, Path(), Settings("cat", "scream"))
    return saved


def check(facts: dict) -> None:
    """Raise unless facts are read, or refused."""
    try:
        read(facts)
    except FileNotFoundError as error:
        assert "which is not beside the painting" in str(error)
    except ValueError as error:
        theirs = "The painting was made with the weights file", "The painting names artworks"
        ours = "The size is", "No style layer", "No content layer", "α, β", "The studio needs"
        assert NAME in str(error) or str(error).startswith((*theirs, *ours))


def test_whole_facts_are_read() -> None:
    saved = read(FACTS)
    assert (saved.recipe, saved.seed, saved.size) == (DEFAULT, 3, 96)
    assert (saved.precision, saved.tile) == ("fp32", 256)
    assert [region.mask for region in saved.find_regions(Path())] == [r.mask for r in REGIONS]


@pytest.mark.long
@pytest.mark.parametrize("field", FACTS)
def test_a_field_that_is_missing_cut_off_or_odd_is_refused_in_a_sentence(field: str) -> None:
    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(ODD)
    def odd(text: object) -> None:
        check({**FACTS, field: text})

    odd()
    check({name: text for name, text in FACTS.items() if name != field})
    for text in TEXTS:
        check({**FACTS, field: text})
    for end in range(0, len(FACTS[field]), 1 + len(FACTS[field]) // 25):
        check({**FACTS, field: FACTS[field][:end]})


@pytest.mark.long
@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.sampled_from(sorted(json.loads(DEFAULT.to_json()))),
       st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))  # fmt: skip
@example("style_layers", [[1]])
@example("steps", [60, "a"])
def test_a_field_of_the_recipe_may_be_anything(field: str, value: object) -> None:
    recipe = {**json.loads(DEFAULT.to_json()), field: value}
    check({**FACTS, "recipe": json.dumps(recipe)})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"seed": "huge"}, "its 'seed' is 'huge'. Expected a whole number, 0 or more."),
        ({"size": "96 px", "loaded_at": ""}, "its 'size' is '96 px'."),
        ({"tile": "x"}, "its 'tile' is 'x'."),
        ({"precision": "fp8"}, "its 'precision' is 'fp8'. precision is 'fp8'; expected one of"),
        ({"recipe": "{} x"}, "its 'recipe' is '{} x'. The file is damaged, or"),
        ({"recipe": '{"beta": -1}'}, "beta is -1; expected a finite number, 0 or more."),
    ],
)
def test_what_cannot_be_read_is_told_with_its_field(changes: dict, told: str) -> None:
    with pytest.raises(ValueError) as raised:
        Saved.of({**FACTS, **changes}, NAME)
    said = str(raised.value)
    assert said.startswith(f"The settings in '{NAME}' cannot be read: ") and told in said
    assert said.endswith("Update nstkit, or take another file.")


def test_a_recipe_of_a_newer_version_is_told_by_its_new_field() -> None:
    recipe = {**json.loads(DEFAULT.to_json()), "gamma": 1}
    with pytest.raises(ValueError) as raised:
        Saved.of({**FACTS, "recipe": json.dumps(recipe)}, NAME)
    said = str(raised.value)
    assert "['gamma']" in said and "update nstkit" in said and "optimizer" not in said


@pytest.mark.parametrize("field", ["content", "styles", "recipe"])
def test_a_damaged_painting_is_refused_by_repaint_and_by_the_command_line(
    field: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    facts = {name: text for name, text in FACTS.items() if name not in (field, "style")}
    path = save_image(load_image("cat", 64), tmp_path / NAME, facts)
    with pytest.raises(ValueError, match="content|style|say how it was painted"):
        repaint(path)
    path = save_image(load_image("cat", 64), path, {**read_metadata(path), "seed": "huge"})
    if field != "recipe":
        assert main(["cat", "scream", "--like", str(path)]) == 2
        assert "its 'seed' is 'huge'" in capsys.readouterr().err


def test_a_file_without_precision_is_read() -> None:
    facts = {name: text for name, text in FACTS.items() if name not in ("precision", "seed")}
    assert (read(facts).precision, read(facts).seed) == (None, 0)


@pytest.mark.parametrize("left_out", ["alpha", "color", "loaded_at", None])
def test_a_painting_by_transfer_names_its_call_also_if_it_is_damaged(left_out: str | None) -> None:
    facts = {"how": "adain", "alpha": "0.6", "color": "style", "style_scale": "1.0",
             "loaded_at": "96"}  # fmt: skip
    facts.pop(left_out, None)
    with pytest.raises(ValueError, match=rf"'{NAME}' was painted at once.*how='adain'"):
        Saved.of(facts, NAME)
