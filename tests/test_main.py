"""The command line, as a user meets it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest
import torch
from PIL import Image

import nstkit
from nstkit import DEFAULT, RECIPES, Recipe, load_image, read_metadata, save_image
from nstkit.__main__ import (
    build_parser,
    main,
    parse_layers,
    parse_styles,
    parse_tile,
    warnings_as_lines,
)
from nstkit.descent import evaluate
from nstkit.feedforward import METHODS
from nstkit.painting import Quality
from nstkit.pictures.images import sample_path
from nstkit.recipes import FITS, HOUSE
from nstkit.translate import for_network

QUICK = ["--size", "48", "--steps", "2", "--quiet"]
QUALITIES = {"draft": Quality(90, 1, 2), "good": Quality(140, 2, (1, 0))}


def test_it_paints_a_bundled_pair(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / "out.png"
    assert main(["macaw", "scream", "-o", str(out), *QUICK]) == 0
    assert load_image(out).shape == (1, 3, 37, 48)
    said = capsys.readouterr()
    assert str(out.resolve()) in said.out and "48 x 37 px, 2 steps" in said.out
    assert said.err == ""


def test_without_arguments_it_paints_the_default_pair_into_this_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(QUICK) == 0
    assert (tmp_path / "cat_great_wave.png").is_file()
    assert str(tmp_path / "cat_great_wave.png") in capsys.readouterr().out


def test_options_reach_the_recipe(tmp_path: Path) -> None:
    out = tmp_path / "out.webp"
    options = ["--alpha", "2", "--beta", "5", "--tv", "3", "--start", "noise", "--seed", "4"]
    options += ["--optimizer", "adam", "--layers", "relu1_1", "relu3_1", "--precision", "fp32"]
    assert main(["cat", "scream", "-o", str(out), *QUICK, *options]) == 0
    facts = read_metadata(out)
    assert Recipe.from_json(facts["recipe"]) == DEFAULT.replace(
        alpha=2, beta=5, tv=3, start="noise", optimizer="adam", steps=2,
        style_layers=["relu1_1", "relu3_1"],
    )  # fmt: skip
    assert facts["seed"] == "4"


def test_several_artworks_colors_and_strokes_reach_the_painting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = ["--style", "scream:2", "--style", "great_wave", "--color", "match"]
    assert main(["cat", *options, "--style-scale", "1.2", *QUICK]) == 0
    facts = read_metadata(tmp_path / "cat_scream_great_wave.png")
    assert json.loads(facts["styles"]) == [["scream", 2.0], ["great_wave", 1.0]]
    assert facts["style"] == "scream + great_wave"
    recipe = Recipe.from_json(facts["recipe"])
    assert (recipe.color, recipe.style_scale) == ("match", 1.2)
    assert main(["cat", "--style", "scream", "-o", "one.png", *QUICK]) == 0
    assert read_metadata(tmp_path / "one.png")["style"] == "scream"


@pytest.mark.parametrize(
    ("items", "styles"),
    [
        (["a.jpg"], {"a.jpg": 1.0}),
        (["a.jpg:2", "b:0.5"], {"a.jpg": 2.0, "b": 0.5}),
        ([r"C:\art.jpg", r"C:\b.jpg:3"], {r"C:\art.jpg": 1.0, r"C:\b.jpg": 3.0}),
        ([":2"], {":2": 1.0}),
    ],
)
def test_an_artwork_has_its_share_behind_a_colon(items: list[str], styles: dict) -> None:
    assert parse_styles(items) == styles


def test_a_file_whose_name_ends_in_a_number_is_that_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "art:5").touch()
    assert parse_styles(["art:5", "other:5"]) == {"art:5": 1.0, "other": 5.0}
    assert parse_styles(["art:5:2"]) == {"art:5": 2.0}


@pytest.mark.parametrize("share", ["nan", "-3", "0", "inf"])
def test_a_share_that_is_none_is_refused(share: str, capsys: pytest.CaptureFixture) -> None:
    assert main(["cat", "--style", f"scream:{share}", *QUICK]) == 2
    assert "share" in capsys.readouterr().err


def test_an_artwork_without_a_share_is_refused(capsys: pytest.CaptureFixture) -> None:
    assert main(["cat", "--style", "scream:0", *QUICK]) == 2
    assert "shares of all artworks are 0" in capsys.readouterr().err


@pytest.mark.long
def test_a_mask_leaves_the_photograph_as_it_is_where_it_is_black(tmp_path: Path) -> None:
    mask, out = tmp_path / "mask.png", tmp_path / "p.png"
    halves = torch.zeros(1, 3, 64, 96)
    halves[..., :48] = 1
    save_image(halves, mask)
    options = ["--size", "96", "--steps", "6", "--scales", "1", "--quiet", "--mask", str(mask)]
    assert main(["castle", "scream", "-o", str(out), *options]) == 0
    apart = (load_image(out) - load_image("castle", 96)).abs().mean(1)[0]
    assert apart[:, :40].mean() > 0.05 and apart[:, 60:].max() < 1 / 255


NAMES = [*HOUSE, "pystiche", "tensorflow_tutorial"]


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_is_taken_by_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A published one is translated to the network that is shipped, here by small pictures."""
    monkeypatch.setattr("nstkit.__main__.for_network", partial(for_network, size=48))
    out = tmp_path / "p.png"
    assert main(["cat", "scream", "-o", str(out), *QUICK, "--recipe", name, "--steps", "1"]) == 0
    recipe = Recipe.from_json(read_metadata(out)["recipe"])
    assert recipe.weights == "embedded"
    if name in HOUSE:
        assert recipe == HOUSE[name].replace(steps=1)
    else:
        assert recipe.content_layers.keys() == RECIPES[name].recipe.content_layers.keys()
        assert recipe.optimizer == RECIPES[name].recipe.optimizer


@pytest.mark.long
def test_scales_and_tiles_reach_the_painting(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / "p.png"
    options = ["--scales", "40", "72", "--tile", "48", "--steps", "1", "--quiet"]
    assert main(["cat", "scream", "-o", str(out), *options]) == 0
    said = capsys.readouterr()
    assert said.out.count("\n") == 1 and said.err == ""  # nothing of the scales
    metadata = read_metadata(out)
    assert Recipe.from_json(metadata["recipe"]).scales == (40, 72)
    assert metadata["size"].startswith("72 x ")


@pytest.mark.parametrize(
    ("command", "given", "policy"),
    [(["-m", "nstkit"], {}, "PASSIVE"), (["-m", "nstkit"], {"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE"),
     (["-c", "import nstkit"], {}, "None")],
)  # fmt: skip
def test_its_threads_sleep_while_they_wait_and_those_of_other_programs_do_as_ever(
    command: list[str], given: dict[str, str], policy: str, tmp_path: Path
) -> None:
    code = "import os\nprint(os.environ.get('OMP_WAIT_POLICY'))\nraise SystemExit"
    (tmp_path / "torch.py").write_text(code)  # found first, so it sees what torch would see
    others = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    root = str(Path(nstkit.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, check=True, cwd=tmp_path,
        env={**others, "PYTHONPATH": root, **given},
    )  # fmt: skip
    assert done.stdout.strip() == policy


def test_a_quality_decides_and_options_win_over_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`good` is the quality of those who ask for none."""
    monkeypatch.setattr("nstkit.painting.quality.QUALITIES", QUALITIES)
    out = tmp_path / "out.png"

    def painted(*options: str) -> tuple[str, Recipe]:
        fast = ["--layers", "relu1_1", "--alpha", "0", "--quiet"]
        assert main(["macaw", "seashore", "-o", str(out), *options, *fast]) == 0
        facts = read_metadata(out)
        return facts["size"].split()[0], Recipe.from_json(facts["recipe"])

    size, recipe = painted()
    assert (size, recipe.scales, recipe.steps) == ("140", 2, (1, 0))
    size, recipe = painted("--quality", "draft")
    assert (size, recipe.scales, recipe.steps) == ("90", 1, 2)
    size, recipe = painted("--quality", "draft", "--size", "100", "--steps", "1")
    assert (size, recipe.scales, recipe.steps) == ("100", 1, 1)
    size, recipe = painted("--scales", "40", "60", "--steps", "0,1")
    assert (size, recipe.scales, recipe.steps) == ("60", (40, 60), (0, 1))


def test_the_qualities_are_those_of_the_package(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    assert [name for name in nstkit.QUALITIES if name not in said] == []


def test_the_help_says_when_to_choose_which_recipe(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert [name for name, fits in FITS.items() if f"{name} {fits}" not in said] == []


@pytest.mark.long
def test_a_saved_painting_gives_its_recipe_seed_and_size(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    one, other, third = (str(tmp_path / name) for name in ("one.png", "other.png", "third.png"))
    options = ["--beta", "33", "--seed", "3", "--size", "64", "--steps", "2", "--quiet"]
    assert main(["cat", "scream", "-o", one, *options]) == 0
    assert main(["castle", "great_wave", "-o", other, "--like", one, "--quiet"]) == 0
    assert main(["cat", "scream", "-o", third, "--like", one, "--beta", "4", "--seed", "0",
                 "--size", "50", "--quiet"]) == 0  # fmt: skip
    before, after, changed = map(read_metadata, (one, other, third))
    for same in ("recipe", "seed", "loaded_at"):
        assert before[same] == after[same]
    assert after["content"] == "castle"
    recipe = Recipe.from_json(before["recipe"])
    assert Recipe.from_json(changed["recipe"]) == recipe.replace(beta=4)
    assert (changed["seed"], changed["loaded_at"]) == ("0", "50")

    assert main(["cat", "scream", "--like", one, "--recipe", "portrait"]) == 2
    assert "are two recipes; leave one out" in capsys.readouterr().err
    assert main(["cat", "scream", "--like", str(sample_path("cat"))]) == 2
    assert "does not say how it was painted" in capsys.readouterr().err


def test_a_method_is_a_recipe_by_another_name() -> None:
    given = build_parser().parse_args(["--method", "neighbors"])
    assert given == build_parser().parse_args(["--recipe", "neighbors"])


def test_it_says_how_long_it_takes_before_it_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    loud = ["--size", "48", "--steps", "2", "--layers", "relu1_1"]
    assert main(["macaw", "scream", "-o", str(tmp_path / "out.png"), *loud]) == 0
    said = capsys.readouterr()
    first, rest = said.err.split("\n", 1)
    assert re.fullmatch(r"Painting 48 x 37 px; this takes about .*\.", first)
    assert "step 2/2" in rest and said.out.count("\n") == 1


@pytest.mark.parametrize("folder", [False, True])
def test_a_name_that_the_terminal_cannot_write_is_written_otherwise(
    folder: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    photo = tmp_path / "photos" / "träume.png"
    photo.parent.mkdir()
    save_image(torch.rand(1, 3, 48, 48), photo)
    source, out = (
        (photo.parent, tmp_path / "träume") if folder else (photo, tmp_path / "träume.png")
    )
    fast = [*QUICK, "--steps", "1", "--layers", "relu1_1"]
    with TextIOWrapper(BytesIO(), "ascii", write_through=True) as terminal:  # strict, as Python's
        monkeypatch.setattr("sys.stdout", terminal)
        assert main([str(source), "scream", "-o", str(out), *fast]) == 0
        said = terminal.buffer.getvalue()
    assert b"tr\\xe4ume" in said and out.exists()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("folder", [False, True])
def test_transparency_is_kept_on_request(
    folder: bool, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    photo = tmp_path / "in" / "logo.png"
    photo.parent.mkdir()
    picture = Image.new("RGBA", (48, 48), "red")
    picture.putalpha(Image.linear_gradient("L").resize((48, 48)))
    picture.save(photo)
    source, out = (photo.parent, tmp_path / "out") if folder else (photo, tmp_path / "logo.png")
    command = [str(source), "scream", "-o", str(out), *QUICK, "--steps", "1"]
    assert main([*command, "--keep-transparency"]) == 0
    assert "logo.png' is transparent in parts" in capsys.readouterr().err
    with Image.open(out / "logo.png" if folder else out) as painting:
        assert painting.getchannel("A").tobytes() == picture.getchannel("A").tobytes()
    if not folder:
        assert main([*command, "--keep-transparency", "-o", str(tmp_path / "a.jpg")]) == 2
        assert "cannot be transparent; use .png" in capsys.readouterr().err
        assert main([*command, "-o", str(out)]) == 0
        with Image.open(out) as painting:
            assert painting.mode == "RGB"


def test_a_message_keeps_the_blanks_of_a_name(capsys: pytest.CaptureFixture) -> None:
    assert main(["my  photo.jpg", "scream"]) == 2
    said = capsys.readouterr().err
    assert "'my  photo.jpg'" in said and said.count("\n") == 1


def test_an_enlarged_picture_is_told_on_one_plain_line(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    small = nstkit.save_image(torch.rand(1, 3, 40, 40), tmp_path / "small.png")
    arguments = ["-o", str(tmp_path / "out.png"), *QUICK, "--layers", "relu1_1"]
    assert main(["macaw", str(small), *arguments]) == 0
    said = capsys.readouterr()
    assert said.err.startswith("nstkit: The artwork small.png has 40 px and is enlarged to 48 px")
    assert said.err.count("\n") == 1 and "UserWarning" not in said.err
    assert main([str(small), str(small), *arguments]) == 0
    said = capsys.readouterr().err
    assert said.count("\n") == 2 and "nstkit: The photograph small.png has 40 px" in said


def test_other_programs_warnings_stay_as_they_are() -> None:
    with pytest.warns(DeprecationWarning, match="theirs"), warnings_as_lines():
        warnings.warn("theirs", DeprecationWarning, stacklevel=1)


def test_tiles_are_auto_none_or_px() -> None:
    assert [parse_tile(text) for text in ("auto", "none", "320")] == ["auto", None, 320]


def test_a_small_picture_is_the_same_with_any_tile(tmp_path: Path) -> None:
    quick = ["macaw", "scream", *QUICK, "--steps", "1", "--layers", "relu1_1"]
    images = []
    for tile in ([], ["--tile", "none"], ["--tile", "auto"], ["--tile", "320"]):
        assert main([*quick, "-o", str(tmp_path / "out.png"), *tile]) == 0
        images.append(load_image(tmp_path / "out.png"))
    assert all(torch.equal(image, images[0]) for image in images)


def test_files_are_accepted(tmp_path: Path) -> None:
    nstkit.save_image(torch.rand(1, 3, 40, 50), tmp_path / "my photo.png")
    out = tmp_path / "out.jpg"
    assert main([str(tmp_path / "my photo.png"), "scream", "-o", str(out), *QUICK]) == 0
    assert load_image(out).shape == (1, 3, 38, 48)


def test_layers_take_weights() -> None:
    assert parse_layers(["relu1_1", "relu3_1=2.5"]) == {"relu1_1": 1.0, "relu3_1": 2.5}
    assert parse_layers(["relu1_1", "relu3_1"]) == {"relu1_1": 0.5, "relu3_1": 0.5}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere.jpg", "scream"], "nowhere.jpg"),
        (["kat", "scream"], "cat"),
        (["cat", "scream", "-o", "out.gif"], ".gif"),
        (["cat", "scream", "-o", "no/such/folder/out.png"], "no/such/folder"),
        (["cat", "scream", "-o", "out.bmp"], "metadata"),
        (["cat", "scream", "--beta", "-1"], "beta is -1.0"),
        (["cat", "scream", "--beta", "nan"], "beta is nan"),
        (["cat", "scream", "--size", "5"], "size is 5; expected a whole number, 32 or more"),
        (["cat", "scream", "--layers", "relu9_9"], "relu9_9"),
        (["cat", "scream", "--layers", "relu1_1=much"], "LAYER=NUMBER"),
        (["cat", "scream", "--start", "black"], "start is 'black'"),
        (["cat", "scream", "--optimizer", "newton"], "optimizer is 'newton'"),
        (["cat", "scream", "--precision", "fp8"], "precision is 'fp8'"),
        (["cat", "scream", "--steps", "-3"], "steps is -3"),
        (["cat", "scream", "--steps", "2,1", "--scales", "64"], "steps are [2, 1], and the number"),
        (["cat", "scream", "--recipe", "best"], "--recipe is 'best'; expected one of ['default', "),
        (["cat", "scream", "--quality", "best"], "quality is 'best'; expected one of ['draft', "),
        (
            ["cat", "scream", "--tile", "whole"],
            "--tile is 'whole'; expected auto, none or a number",
        ),
        (["cat", "scream", "--tile", "-320"], "--tile is '-320'"),
        (["cat", "scream", "--tile", "16"], "tile is 16; expected 'auto', None or 32 px or more"),
        (["cat", "scream", "--size", "64", "--scales", "48", "64"], "Leave size out"),
        (["cat", "scream", "--scales", "64", "48"], "scales are [64, 48]"),
        (["cat", "scream", "--start", "given"], "start is 'given'; expected one of ['content'"),
        (["cat", "scream", "--seed", "9" * 20], "expected less than 2**63"),
        (["cat", "scream", "--layers", "relu1_1", "relu1_1"], "expected each once"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main([*arguments, "--quiet"]) == 2
    said = capsys.readouterr()
    assert says in said.err and said.err.count("\n") == 1 and said.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments", [["cat"], ["a", "b", "c"], ["--size", "big"], ["--nope"], ["--steps", "2,"]]
)
def test_usage_errors_exit_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as error:
        main(arguments)
    assert error.value.code == 2


def test_help_names_the_bundled_pictures(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "great_wave" in capsys.readouterr().out


@pytest.mark.long
def test_what_ends_it_saves_the_best_so_far(tmp_path: Path) -> None:
    """A real process, a real signal."""
    out = tmp_path / "out.png"
    command = [sys.executable, "-m", "nstkit", "cat", "scream", "-o", str(out)]
    process = subprocess.Popen(
        [*command, "--steps", "100000", "--size", "48"],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(nstkit.__file__).parents[1])},
    )  # fmt: skip
    try:
        seen = ""
        while not re.search(r" [1-9]\d*/100000", seen):  # the bar: a step is made
            seen += process.stderr.read(20)
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 130
    assert str(out.resolve()) in said
    assert int(read_metadata(out)["steps_done"]) > 0


@pytest.fixture
def handlers() -> Iterator[dict[signal.Signals, Callable]]:
    """What Python does at each signal. A SIGTERM that nobody handles is a failure here, no end."""

    def unhandled(*_: object) -> None:
        pytest.fail("nobody handles SIGTERM")

    # Tests that a script runs in its background ignore Ctrl-C.
    ours = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: unhandled}
    before = {number: signal.signal(number, handler) for number, handler in ours.items()}
    yield ours
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_midst_of_a_step_saves_the_best_so_far(
    number: signal.Signals, handlers: dict[signal.Signals, Callable], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture,
) -> None:  # fmt: skip
    out, calls = tmp_path / "out.png", []

    def interrupted(*given: object) -> object:
        calls.append(number)
        if len(calls) == 4:  # the start, two steps, and this one
            signal.raise_signal(number)
        return evaluate(*given)

    monkeypatch.setattr("nstkit.descent.loop.evaluate", interrupted)
    assert main(["cat", "scream", "-o", str(out), *QUICK, "--steps", "100000"]) == 130
    assert str(out.resolve()) in capsys.readouterr().out
    assert read_metadata(out)["steps_done"] == "2"
    assert {n: signal.getsignal(n) for n in handlers} == handlers  # as they were before


@pytest.mark.long
@pytest.mark.parametrize("how", METHODS)
def test_a_method_without_optimization_is_that_of_the_package(
    how: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out = tmp_path / "out.png"
    options = ["--method", how, "--strength", "0.6", "--color", "match", "--precision", "fp32"]
    assert main(["cat", "scream", "-o", str(out), "--size", "64", *options]) == 0
    assert f"64 x 43 px, {how}, strength 0.6, in" in capsys.readouterr().out
    facts = read_metadata(out)
    assert (facts["how"], facts["strength"], facts["color"]) == (how, "0.6", "match")
    expected = nstkit.transfer("cat", "scream", how, 0.6, size=64, color="match", precision="fp32")
    assert (load_image(out) - expected.image).abs().max() <= 0.51 / 255


def test_several_artworks_and_a_mask_without_optimization(tmp_path: Path) -> None:
    mask, out = tmp_path / "mask.png", tmp_path / "out.png"
    save_image((torch.arange(64) > 31).float().expand(1, 3, 43, 64), mask)
    styles = ["--style", "scream:2", "--style", "great_wave"]
    arguments = ["cat", *styles, "--mask", str(mask), "-o", str(out), "--size", "64", "--quiet"]
    assert main([*arguments, "--method", "adain"]) == 0
    photo, painted = load_image("cat", 64), load_image(out)
    assert (painted - photo)[..., :30].abs().max() < 0.51 / 255
    assert (painted - photo)[..., 34:].abs().mean() > 0.03


def a_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("b.png", "a.jpg", "a.png"):
        save_image(load_image("cat", 64), folder / name)
    (folder / "notes.txt").write_text("no picture")
    (folder / ".hidden.png").write_text("no picture")
    return folder


@pytest.mark.parametrize("method", [["--method", "adain"], ["--steps", "1"]])
def test_a_folder_of_photographs_becomes_a_folder_of_paintings(
    method: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    folder = a_folder(tmp_path)
    assert main([str(folder), "great_wave", "--size", "48", *method]) == 0
    said = capsys.readouterr()
    out = tmp_path / "photos_great_wave"
    assert f"{out}: 3 of 3 photographs painted" in said.out and "3/3" in said.err
    assert sorted(path.name for path in out.iterdir()) == ["a.png", "a.png.png", "b.png"]
    assert read_metadata(out / "b.png")["content"] == "b.png"


def test_what_holds_for_all_photographs_is_remarked_once(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    art = save_image(torch.rand(1, 3, 40, 40), tmp_path / "small.png")
    arguments = [str(a_folder(tmp_path)), str(art), "--size", "48", "--method", "adain", "--quiet"]
    assert main([*arguments, "-o", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().err
    assert said.count("The artwork small.png has 40 px and is enlarged to 48 px") == 1


def test_a_photograph_that_cannot_be_read_is_told_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    folder, out = a_folder(tmp_path), tmp_path / "out"
    (folder / "broken.png").write_text("no picture")
    arguments = [str(folder), "great_wave", "--size", "48", "--method", "adain", "--quiet"]
    assert main([*arguments, "-o", str(out)]) == 2
    said = capsys.readouterr()
    assert "nstkit: broken.png: " in said.err and said.err.count("\n") == 1
    assert "3 of 4 photographs painted" in said.out and len(list(out.iterdir())) == 3


def test_an_interrupted_folder_keeps_what_was_painted(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, out = a_folder(tmp_path), tmp_path / "out"

    def interrupted(content: str, *given: object, **options: object) -> object:
        if content.endswith("b.png"):
            raise KeyboardInterrupt
        return nstkit.transfer(content, *given, **options)

    monkeypatch.setattr("nstkit.__main__.transfer", interrupted)
    arguments = [str(folder), "great_wave", "--size", "48", "--method", "adain", "--quiet"]
    assert main([*arguments, "-o", str(out)]) == 130
    assert "2 of 3 photographs painted" in capsys.readouterr().out
    assert len(list(out.iterdir())) == 2


@pytest.mark.parametrize(
    "change, says",
    [
        (["--beta", "3"], "--beta is for paintings that are optimized"),
        (["--quality", "draft"], "--quality is for paintings that are optimized"),
        (["--seed", "7"], "--seed is for paintings that are optimized"),
        (["--tile", "nonsense"], "--tile is 'nonsense'; expected auto, none or a number of px"),
        (["--alpha", "2"], "--alpha is for paintings that are optimized"),
        (["--strength", "2"], "strength is 2.0; expected a number from 0 to 1"),
        (["--method", "default", "--strength", "1"], "--strength is for --method adain"),
        (["-o", "photos"], "-o is the folder of the photographs"),
    ],
)
def test_bad_input_without_optimization_is_refused(
    change: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    folder = a_folder(tmp_path) if "-o" in change else "cat"
    assert main([str(folder), "scream", "--method", "adain", "--quiet", *change]) == 2
    assert says in capsys.readouterr().err


def test_what_is_wrong_for_all_photographs_is_told_once(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    folder, out = a_folder(tmp_path), tmp_path / "out"
    method = ["--method", "adain", "-o", str(out), "--quiet"]
    (tmp_path / "afile").touch()
    for wrong in (
        ["nobody.png"], ["scream", "--strength", "3"], ["scream", "--size", "10"],
        ["scream", "--color", "sepia"], ["scream", "--style-scale=-1"],
        ["scream", "--mask", "nobody.png"], ["scream", "-o", str(tmp_path / "afile")],
    ):  # fmt: skip
        style, *options = wrong
        assert main([str(folder), style, *method, *options]) == 2
        assert capsys.readouterr().err.count("\n") == 1 and not out.exists()


def test_a_folder_does_not_hide_a_bundled_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cat").mkdir()
    assert main(["cat", "scream", "--method", "adain", "--size", "50", "--quiet"]) == 0
    assert (tmp_path / "cat_scream.png").is_file()


def test_files_that_are_no_paintings_are_not_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    folder, out = a_folder(tmp_path), tmp_path / "out"
    out.mkdir()
    save_image(load_image("macaw", 64), out / "b.png")
    before = (out / "b.png").read_bytes()
    arguments = [str(folder), "scream", "--method", "adain", "--size", "50", "--quiet"]
    for _ in range(2):  # its own paintings it does write over
        assert main([*arguments, "-o", str(out)]) == 2
        assert "2 of 3 photographs painted" in capsys.readouterr().out
    assert (out / "b.png").read_bytes() == before


def test_too_little_memory_for_one_photograph_is_told_and_the_others_are_painted(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_large(content: str, *given: object, **options: object) -> object:
        if content.endswith("b.png"):
            raise RuntimeError("can't allocate memory: you tried to allocate")
        return nstkit.transfer(content, *given, **options)

    monkeypatch.setattr("nstkit.__main__.transfer", too_large)
    arguments = [str(a_folder(tmp_path)), "scream", "--method", "adain", "--size", "50", "--quiet"]
    assert main([*arguments, "-o", str(tmp_path / "out")]) == 2
    said = capsys.readouterr()
    assert "b.png: not enough memory" in said.err and "2 of 3" in said.out


def test_a_folder_without_pictures_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main([str(tmp_path), "scream", "--method", "adain", "--quiet"]) == 2
    assert "There are no pictures in" in capsys.readouterr().err


def test_interrupted_before_the_first_step(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nstkit.__main__.prepare", interrupt)
    assert main(["cat", "scream", "-o", str(tmp_path / "out.png")]) == 130
    assert "nothing was written" in capsys.readouterr().err


def test_too_little_memory_is_told_and_other_failures_are_not_hidden(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(reason)

    monkeypatch.setattr("nstkit.__main__.prepare", fail)
    arguments = ["cat", "scream", "-o", str(tmp_path / "out.png"), "--size", "9000"]
    reason = "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate"
    assert main(arguments) == 2
    assert "not enough memory for a picture of this size" in capsys.readouterr().err
    reason = "a defect of ours"
    with pytest.raises(RuntimeError, match="a defect of ours"):
        main(arguments)


@pytest.mark.parametrize("method", ["textbook", "adain"])
def test_a_device_may_be_named(method: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    options = ["--method", method, "--size", "50", "--quiet", "-o", str(tmp_path / "out.png")]
    steps = ["--steps", "1"] if method == "textbook" else []
    assert main(["cat", "scream", *options, *steps, "--device", "cpu"]) == 0
    assert main(["cat", "scream", *options, *steps, "--device", "gpu"]) == 2
    assert "device is 'gpu'; expected 'cpu', 'cuda'" in capsys.readouterr().err


def test_pictures_that_an_option_has_swallowed_are_told(capsys: pytest.CaptureFixture) -> None:
    assert main(["--layers", "relu1_1", "cat", "great_wave"]) == 2
    assert "for layers, cat too; name the pictures first" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--scales", "48", "64", "cat", "great_wave"])
    assert "got 'cat'; expected px or a share (name the pictures before" in capsys.readouterr().err


# ---------------------------------------------------------------- nothing is lost


FAST = ["--size", "48", "--steps", "1", "--quiet"]


def test_a_second_painting_does_not_replace_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["cat", "scream", *FAST]) == 0
    first = Path("cat_scream.png").read_bytes()
    assert main(["cat", "scream", *FAST, "--beta", "50"]) == 0
    assert Path("cat_scream.png").read_bytes() == first
    assert read_metadata("cat_scream_2.png")["content"] == "cat"


def test_a_file_that_is_no_painting_is_not_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    mine = save_image(load_image("cat", 48), tmp_path / "mine.jpg")
    before = mine.read_bytes()
    assert main([str(mine), "scream", "-o", str(mine), *FAST]) == 2
    assert "mine.jpg' is there, and no painting of nstkit" in capsys.readouterr().err
    assert mine.read_bytes() == before
    out = tmp_path / "out.png"
    for _ in range(2):  # a painting may be painted again
        assert main([str(mine), "scream", "-o", str(out), *FAST]) == 0


def test_a_place_that_cannot_be_written_is_told_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nstkit.__main__.paint", lambda *_, **__: pytest.fail("it painted"))
    (tmp_path / "folder.png").mkdir()
    places = {
        "folder.png": "is a folder",
        "none/out.png": "no folder",
        300 * "a" + ".png": "File name too long",
    }
    for place, message in places.items():
        assert main(["cat", "scream", "-o", str(tmp_path / place), *FAST]) == 2
        assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [tmp_path / "folder.png"]  # no draft is left


def test_names_too_long_for_a_disk_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = [save_image(load_image("cat", 48), Path(letter * 130 + ".png")) for letter in "ab"]
    assert main([*map(str, names), *FAST]) == 0
    (painting,) = set(tmp_path.iterdir()) - {path.resolve() for path in names}
    assert painting.name.startswith(130 * "a" + "_b") and painting.suffix == ".png"


def test_a_painting_that_cannot_be_saved_goes_elsewhere(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, folder = nstkit.Result.save, tmp_path / "folder"
    folder.mkdir()

    def full(self: nstkit.Result, path: Path, **options: object) -> Path:
        if Path(path).parent == folder:
            raise OSError("No space left on device")
        return save(self, path, **options)

    monkeypatch.setattr(nstkit.Result, "save", full)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert main(["cat", "scream", "-o", str(folder / "out.png"), *FAST]) == 0
    said = capsys.readouterr()
    (saved,) = tmp_path.glob("nstkit_*/out.png")
    assert str(saved) in said.out and "No space left on device; the painting is in" in said.err
    assert read_metadata(saved)["style"] == "scream"
