"""Result: a painting as a file with its recipe, and as a figure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from IPython.core.formatters import DisplayFormatter
from PIL import Image

import nstkit
from nstkit import Recipe, Result, load_image, read_metadata, stylize
from nstkit.pictures.images import name_of

QUICK = Recipe(style_layers=["relu1_1", "relu2_1"], content_layers="relu2_2", steps=4)


@pytest.fixture(scope="module")
def result() -> Result:
    return stylize("cat", "great_wave", QUICK, size=64, progress=False)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
def test_a_saved_painting_carries_the_recipe_that_repeats_it(
    suffix: str, result: Result, tmp_path: Path
) -> None:
    saved = result.save(tmp_path / f"cat.{suffix}")
    facts = read_metadata(saved)
    recipe = Recipe.from_json(facts["recipe"])
    assert recipe == result.recipe and facts["steps_done"] == "4"
    assert nstkit.__version__ in facts["software"] and torch.__version__ in facts["software"]
    assert json.loads(facts["losses"])["style"] == result.best.losses.terms["style"]
    assert (facts["content"], facts["style"], facts["size"]) == ("cat", "great_wave", "64 x 43")
    again = stylize("cat", "great_wave", recipe, size=64, seed=int(facts["seed"]), progress=False)
    assert torch.equal(again.image, result.image)
    tolerance = 0.003 if suffix in ("png", "tif") else 0.15
    assert (load_image(saved) - result.image).abs().max() < tolerance


def test_it_becomes_a_pil_picture(result: Result) -> None:
    assert result.to_pil().size == (64, 43) and result.to_pil().mode == "RGB"


def test_it_shows_itself_in_a_notebook(result: Result) -> None:
    data, metadata = DisplayFormatter().format(result)
    assert "image/jpeg" in data
    assert "after 4 steps" in metadata["image/jpeg"]["alt"]


def test_no_folder_of_the_machine_travels_in_the_file(tmp_path: Path) -> None:
    nstkit.save_image(torch.rand(1, 3, 48, 48), tmp_path / "me.png")
    pair = tmp_path / "me.png", load_image("scream", 48)
    run = stylize(*pair, QUICK, size=48, progress=False)
    assert run.sources == ("me.png", "tensor")
    assert str(tmp_path) not in str(read_metadata(run.save(tmp_path / "out.png")))


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_result_and_file_name_the_precision(precision: str, tmp_path: Path) -> None:
    run = stylize("cat", "scream", QUICK, steps=1, size=48, precision=precision, progress=False)
    assert run.precision == precision
    assert read_metadata(run.save(tmp_path / "out.png"))["precision"] == precision


def test_more_texts_travel_in_the_file(result: Result, tmp_path: Path) -> None:
    facts = read_metadata(result.save(tmp_path / "out.png", title="Cat", seed="told otherwise"))
    assert (facts["title"], facts["seed"]) == ("Cat", "told otherwise")


def test_a_painting_is_saved_as_transparent_as_a_picture(tmp_path: Path) -> None:
    photo = Image.new("RGBA", (64, 48), "red")
    photo.putalpha(Image.linear_gradient("L").resize((64, 48)))
    with pytest.warns(UserWarning, match="transparent in parts") as caught:
        run = stylize(photo, "scream", QUICK, steps=1, size=64, progress=False)
    assert len(caught) == 1
    with Image.open(run.save(tmp_path / "a.webp", transparency=photo)) as painting:
        assert painting.getchannel("A").tobytes() == photo.getchannel("A").tobytes()
    with Image.open(run.save(tmp_path / "a.png", transparency=photo.convert("RGB"))) as painting:
        assert painting.mode == "RGB"  # opaque everywhere


@pytest.mark.long
def test_a_file_says_that_tiles_were_used_and_repaints_in_them(
    result: Result, tmp_path: Path
) -> None:
    run = stylize("cat", "scream", QUICK, size=96, tile=48, progress=False)
    saved = run.save(tmp_path / "out.png")
    assert run.tile == 48 and read_metadata(saved)["tile"] == "48"
    again = nstkit.repaint(saved, progress=False)
    assert again.tile == 48 and torch.equal(again.image, run.image)
    assert nstkit.repaint(saved, tile=None, progress=False).tile is None
    assert nstkit.repaint(saved, recipe="neighbors", steps=1, progress=False).tile is None
    assert stylize("cat", "scream", QUICK, steps=0, size=48, tile=64, progress=False).tile is None
    assert "tile" not in read_metadata(result.save(tmp_path / "whole.png"))


def test_a_file_says_what_its_painter_supplied(result: Result, tmp_path: Path) -> None:
    state = nstkit.VGG().state_dict()
    torch.save(state, tmp_path / "w.pth")
    networks = nstkit.VGG(weights=state), nstkit.VGG(weights=tmp_path / "w.pth")
    start = load_image("cat", 48)
    runs = [
        stylize("cat", "scream", QUICK, steps=0, size=48, progress=False, **given)
        for given in ({"start": start}, {"vgg": networks[0]}, {"vgg": networks[1]}, {})
    ]
    told = [read_metadata(run.save(tmp_path / "out.png")).get("supplied") for run in runs]
    begin = "To repeat it, pass what its painter supplied: "
    assert told[0] == f"{begin}the picture that it began with (start=...)."
    assert told[1] == f"{begin}the network (vgg=...)."
    assert told[2] == f"{begin}a file with the network's weights (vgg=...)."
    assert told[3] is None
    saved = runs[0].save(tmp_path / "out.png")
    again = nstkit.repaint(saved, start=start, progress=False)
    assert torch.equal(again.image, runs[0].image)


def test_its_name_of_a_picture_is_never_a_folder(tmp_path: Path) -> None:
    assert name_of(tmp_path / "me.png") == name_of(str(tmp_path / "me.png")) == "me.png"
    assert name_of(torch.zeros(1)) == "tensor"
    with nstkit.sample_path("cat").open("rb") as file:
        assert name_of(file) == "bufferedreader"
    with nstkit.to_pil(torch.zeros(3, 4, 4)) as picture:
        assert name_of(picture) == "image"


def test_its_repr_tells_size_steps_and_total(result: Result) -> None:
    assert "64 x 43 px, 4 steps" in repr(result)
    assert f"total {result.best.losses.total:.4g}" in repr(result)
