"""The studio's panel without a browser: the test plays the page."""

from __future__ import annotations

import html
import threading
import time

import pytest
import torch
from PIL import Image
from studio_tools import (
    LIMIT,
    SCALED,
    SHALLOW,
    SIZE,
    beat,
    change,
    eventually,
    message,
    play,
    play_button,
    press,
    repeated,
    shown_step,
    widgets_of,
)

import nstkit
from nstkit import RECIPES, Recipe, stylize, tiles
from nstkit.pictures.masks import rectangle
from nstkit.pictures.scene import Region
from nstkit.studio import Studio
from nstkit.studio.controls import PRESETS

# ---------------------------------------------------------------- painting


def test_beats_paint_and_show_and_the_pause_button_stops(studio):
    start = studio.screen.picture.value
    play(studio)
    assert studio.painting
    assert "steps/s" in studio.screen.status.value
    assert studio.screen.picture.value != start
    play_button(studio).playing = False
    assert not studio.painting
    assert shown_step(studio) == studio.engine.frame.index
    assert "paused" in studio.screen.status.value


def test_a_slider_steers_without_a_reset(studio):
    play(studio)
    step = shown_step(studio)
    studio.controls.beta.slider.value = 1000.0
    assert studio.engine.settings.recipe.beta == 1000

    def followed():
        beat(studio)
        return "β/α = 1000" in studio.screen.status.value

    eventually(followed)
    assert shown_step(studio) > step
    assert studio.engine.history[0].index == 0


def test_at_rest_a_new_picture_is_shown_at_once_and_a_new_weight_moves_nothing(studio):
    studio.run(1, progress=False)
    studio.controls.beta.slider.value = 100.0
    assert shown_step(studio) == 1
    before = studio.screen.picture.value
    studio.controls.content.menu.value = "castle"
    assert shown_step(studio) == 0
    assert studio.screen.picture.value != before
    assert studio.engine.settings.content == "castle"


def test_the_buttons_step_reset_undo_and_copy(studio):
    press(studio, "step")
    press(studio, "step")
    assert shown_step(studio) == 2
    press(studio, "reset")
    assert shown_step(studio) == 0
    studio.run(4, progress=False)
    best = min(studio.engine.history[1:], key=lambda record: record.losses.total).index
    studio.set(beta=1000)
    press(studio, "undo")
    assert shown_step(studio) == best
    assert studio.controls.beta.read() == SHALLOW.beta
    press(studio, "copy")
    shown = html.unescape(studio.script.text.value)
    assert ">import nstkit\n\nrecipe = nstkit.Recipe(" in shown
    assert f"steps={best})\nnstkit.stylize(" in shown
    press(studio, "close")
    assert studio.script.text.value == "" and studio.script.box.layout.display == "none"


def test_reset_while_playing_goes_on_from_the_start(studio):
    play(studio, 2)
    press(studio, "reset")
    assert shown_step(studio) == 0
    play(studio, 1)


@pytest.mark.long
@pytest.mark.parametrize("key", ["pytorch tutorial", "crowsonkb"])
def test_a_published_recipe_is_translated_and_goes_on_from_here_unless_it_has_scales(studio, key):
    studio.run(1, progress=False)
    studio.controls.preset.value = key
    assert message(studio) == ""
    assert shown_step(studio) == {"pytorch tutorial": 1, "crowsonkb": 0}[key]
    recipe = studio.engine.settings.recipe
    published = RECIPES[key.replace(" ", "_")].recipe
    assert (recipe.scales, recipe.steps) == (published.scales, SHALLOW.steps)
    assert list(recipe.style_layers) == list(published.style_layers)
    assert (recipe.weights, recipe.alpha, recipe.start) == ("embedded", 1.0, "content")
    assert (recipe.statistic, recipe.optimizer) == (published.statistic, SHALLOW.optimizer)
    assert sum(recipe.style_layers.values()) == pytest.approx(1)
    studio.run(1, progress=False)
    script = studio.engine.frame.script()
    if key == "pytorch tutorial":
        assert torch.equal(repeated(script).image, studio.engine.frame.image)


def test_a_preset_moves_the_controls(studio):
    studio.run(1, progress=False)
    studio.controls.preset.value = "shallow layers"
    assert studio.engine.settings.recipe == PRESETS["shallow layers"]
    assert studio.controls.layers.read() == {"relu1_1": 0.5, "relu2_1": 0.5}
    assert shown_step(studio) == 1


def test_saved_pictures_carry_their_recipe_and_get_new_names(studio, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    studio.run(2, progress=False)
    press(studio, "save")
    press(studio, "save")
    assert "Saved as cat_great_wave_0002_2.png" in message(studio)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "cat_great_wave_0002.png", "cat_great_wave_0002_2.png"
    ]  # fmt: skip
    told = nstkit.read_metadata("cat_great_wave_0002.png")
    assert Recipe.from_json(told["recipe"]) == SHALLOW.replace(steps=2)
    assert told["precision"] == "fp32"
    assert told["script"] == studio.engine.frame.script()
    assert studio.save(tmp_path / "mine.jpg") == tmp_path / "mine.jpg"


# ---------------------------------------------------------------- scales and quality


def test_run_without_a_number_paints_what_stylize_paints(open_studio, network):
    studio = open_studio(recipe=SCALED)
    result = studio.run(progress=False)
    same = stylize("cat", "great_wave", SCALED, vgg=network, progress=False)
    assert torch.equal(result.image, same.image)
    assert result.recipe == same.recipe
    studio.run(progress=False)
    assert shown_step(studio) == same.history[-1].index
    studio.run(1, progress=False)
    assert shown_step(studio) == same.history[-1].index + 1


def test_it_shows_coarse_pictures_and_saves_them_at_full_size(open_studio, tmp_path):
    studio = open_studio(recipe=SCALED)
    studio.run(2, progress=False)
    assert "37 × 25 px, scale 1/3" in studio.screen.status.value
    saved = studio.save(tmp_path / "coarse.png")
    assert max(nstkit.load_image(saved).shape) == SIZE
    told = nstkit.read_metadata(saved)
    assert (told["steps_done"], told["script"]) == ("2", studio.engine.frame.script())
    play(studio, 4)
    assert "scale 1/3" not in studio.screen.status.value


def test_a_quality_is_a_size_scales_and_steps_in_one_word(open_studio, qualities):
    studio = open_studio(size=None, quality="many")
    settings, many = studio.engine.settings, qualities["many"]
    assert settings.recipe == SHALLOW.replace(scales=many.scales, steps=many.steps)
    assert settings.size == studio.controls.size.value == 60
    assert studio.controls.quality.value == "many"
    studio.set(quality="few")
    assert (studio.engine.settings.size, studio.controls.quality.value) == (SIZE, "few")


def test_a_size_beside_a_quality_wins(open_studio, qualities):
    studio = open_studio(size=80, quality="many")
    assert studio.engine.settings.size == 80
    assert studio.engine.settings.recipe.scales == qualities["many"].scales
    assert studio.controls.quality.value == "own"


def test_the_menu_of_qualities_moves_size_scales_and_steps_together(studio_of_qualities):
    studio, controls = studio_of_qualities, studio_of_qualities.controls
    assert controls.quality.value == "own"
    controls.quality.value = "many"
    settings = studio.engine.settings
    assert (settings.size, settings.recipe.scales, settings.recipe.steps) == (60, (0.5, 1), (2, 1))
    assert controls.size.value == 60
    assert shown_step(studio) == 0
    controls.beta.slider.index += 1
    assert controls.quality.value == "many"
    controls.size.value = 96
    assert controls.quality.value == "own"
    assert studio.engine.settings.size == 96
    assert studio.engine.settings.recipe.scales == (0.5, 1)


def test_a_quality_follows_a_smaller_photograph(studio_of_qualities):
    studio = studio_of_qualities
    studio.controls.quality.value = "many"
    studio.set(content=Image.new("RGB", (50, 40)))
    studio.controls.quality.value = "many"
    assert studio.controls.size.value == 50
    studio.controls.content.menu.value = "castle"
    assert (studio.controls.size.value, studio.controls.quality.value) == (60, "many")


@pytest.mark.parametrize(("preset", "stays"), [("bold", True), ("out of noise", False)])
def test_a_preset_of_the_house_keeps_a_quality_that_was_chosen(studio_of_qualities, preset, stays):
    studio = studio_of_qualities
    studio.controls.quality.value = "many"
    studio.controls.preset.value = preset
    assert studio.engine.settings.recipe.beta == PRESETS[preset].beta
    assert studio.engine.settings.recipe.scales == ((0.5, 1) if stays else 1)
    assert studio.controls.quality.value == ("many" if stays else "own")


@pytest.fixture
def studio_of_qualities(open_studio, qualities):
    """A studio that has none of them."""
    return open_studio(recipe=SHALLOW.replace(steps=7))


# ---------------------------------------------------------------- what goes wrong


def test_no_style_layer_is_told_and_the_painting_goes_on_as_before(studio):
    for dial in studio.controls.layers.dials:
        dial.on.value = False
    assert "No style layer is on" in message(studio)
    deepest = list(SHALLOW.style_layers)[-1]
    assert list(studio.engine.settings.recipe.style_layers) == [deepest]
    play(studio, 1)
    studio.controls.layers.dials[0].on.value = True
    assert message(studio) == ""
    assert list(studio.engine.settings.recipe.style_layers) == ["relu1_1", deepest]


def test_a_refused_move_takes_no_earlier_one_with_it(studio):
    studio.run(2, progress=False)
    studio.controls.beta.slider.value = 70.0
    studio.controls.tv.slider.value = 200.0
    region = studio.controls.region
    region.color.value, region.tolerance.value, region.inverse.value = "#ff00ff", 0.01, True
    region.kind.value = "a color"
    assert "matches nothing" in message(studio)
    recipe = studio.engine.settings.recipe
    assert (recipe.beta, recipe.tv, region.kind.value) == (70, 200, "the whole picture")
    assert (studio.controls.beta.read(), studio.controls.tv.read()) == (70, 200)


def test_a_move_just_before_the_pause_is_followed(studio, network, monkeypatch):
    """What the controls show is what *save* writes."""
    play(studio, 2)
    monkeypatch.setattr(studio.engine, "advance", lambda: time.sleep(0.5))  # a long step
    beat(studio)
    time.sleep(0.1)
    studio.controls.content.menu.value = "macaw"
    studio.controls.beta.slider.value = 500.0
    studio.pause()
    assert "photograph: macaw" in {w.value for w in widgets_of(studio, "label")}
    frame = studio.engine.frame
    assert frame.settings.content == "macaw" and frame.settings.recipe.beta == 500
    assert not studio.engine.behind


def test_a_file_that_is_no_picture_is_told_while_it_paints(open_studio, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    studio = open_studio()
    play(studio, 2)
    studio.controls.content.menu.value = "broken.png"
    assert "broken.png" in message(studio) and studio.controls.content.menu.value == "cat"
    play(studio, 2)


def test_a_region_that_was_given_is_there_to_come_back_to(open_studio):
    given = (Region(rectangle(0, 0, 0.5, 1), style="scream"),)
    studio = open_studio(regions=given)
    menu = studio.controls.region.kind
    for _ in range(2):
        menu.value = "the whole picture"
        assert studio.engine.settings.regions == ()
        menu.value = "as given"
        assert studio.engine.settings.regions == given


def test_the_photograph_of_the_region_follows_while_it_paints(studio):
    studio.controls.region.kind.value = "a color"
    play(studio, 2)
    before = studio.controls.region.canvas.value
    studio.controls.content.menu.value = "macaw"
    assert studio.controls.region.canvas.value != before


def test_the_menu_of_qualities_says_no_other_than_is_in_force(studio_of_qualities):
    studio = studio_of_qualities
    studio.controls.quality.value = "few"
    studio.controls.quality.value = "own"  # the same size and scales
    assert studio.controls.quality.value == studio.engine.settings.quality == "few"


def test_another_artwork_says_how_to_begin_again(studio):
    studio.controls.style.menu.value = "scream"
    assert "begin again" not in message(studio)  # nothing is painted yet
    studio.run(2, progress=False)
    studio.controls.style.menu.value = "great_wave"
    assert "Press reset to begin again" in message(studio)
    studio.controls.beta.slider.value = 100.0
    assert "begin again" not in message(studio)


def test_all_weights_off_is_told(studio):
    for dial in (studio.controls.alpha, studio.controls.beta, studio.controls.tv):
        dial.on.value = False
    assert "nothing to minimize" in message(studio)
    assert studio.engine.settings.recipe.tv == SHALLOW.tv
    assert studio.controls.tv.on.value  # the switch is back, for this is what it paints with
    assert not studio.controls.alpha.on.value and not studio.controls.beta.on.value


def test_a_size_beyond_the_memory_is_told_and_the_menu_goes_back(studio, monkeypatch):
    studio.run(1, progress=False)
    monkeypatch.setattr(tiles, "free_memory", lambda device: 10**6)
    studio.controls.size.value = 512
    assert "Choose a smaller size. The painting is as it was." in message(studio)
    assert studio.controls.size.value == SIZE
    assert shown_step(studio) == 1


def test_scales_that_do_not_end_with_the_size_are_told_and_change_nothing(studio):
    with pytest.raises(ValueError, match="last of scales is 43 px"):
        studio.set(scales=[37, 43], size=SIZE)
    assert studio.engine.settings.recipe == SHALLOW


def test_more_layers_than_rows_change_nothing(studio):
    layers = [f"conv{block}_{n}" for block in (1, 2, 3) for n in (1, 2)]
    with pytest.raises(ValueError, match="6 style layers; expected at most 5"):
        studio.set(style_layers=layers, content="castle")
    assert studio.engine.settings.recipe == SHALLOW
    assert studio.controls.content.menu.value == "cat"
    studio.run(1, progress=False)
    assert studio.engine.frame.settings.recipe == SHALLOW


def test_an_error_in_the_loop_is_shown_and_the_panel_goes_on(studio, network, monkeypatch):
    def fail(image, layers):
        raise FloatingPointError("odd <b>")

    with monkeypatch.context() as patch:
        patch.setattr(network, "forward", fail)
        play_button(studio).playing = True
        eventually(lambda: (beat(studio), message(studio))[1])
    assert "FloatingPointError: odd &lt;b&gt;." in message(studio)
    assert play_button(studio).playing is False
    play_button(studio).playing = True
    assert message(studio) == ""
    play(studio, 2)


def test_an_error_of_the_last_step_is_shown_when_pausing(studio, network, monkeypatch):
    begun = threading.Event()

    def fail(image, layers):
        begun.set()
        time.sleep(0.05)
        raise FloatingPointError("late")

    with monkeypatch.context() as patch:
        patch.setattr(network, "forward", fail)
        play_button(studio).playing = True
        beat(studio)
        assert begun.wait(LIMIT)
        play_button(studio).playing = False
    assert "late" in message(studio)


@pytest.mark.parametrize("by", ["playing", "one step"])
def test_a_restart_of_the_optimizer_is_told(studio, network, monkeypatch, by):
    studio.run(1, progress=False)
    real, calls = network.forward, []

    def once_not_finite(image, layers):
        calls.append(1)
        return {n: f * (1 if calls[1:] else torch.nan) for n, f in real(image, layers).items()}

    monkeypatch.setattr(network, "forward", once_not_finite)
    if by == "one step":
        press(studio, "step")
    else:
        studio.engine.advance()
        play_button(studio).playing = True
        play_button(studio).playing = False
    assert "loss not finite: back to step" in message(studio)


def test_set_refuses_what_does_not_exist(studio):
    with pytest.raises(ValueError, match="no \\['brush'\\]"):
        studio.set(brush=3)
    with pytest.raises(FileNotFoundError, match="no file"):
        studio.set(style="no such")
    assert studio.controls.style.menu.value == "great_wave"


# ---------------------------------------------------------------- in cells


def test_it_shows_itself_as_a_widget(studio):
    bundle = studio._repr_mimebundle_()
    view = bundle["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] == studio.box.model_id
    assert bundle["text/plain"] == "<Studio at step 0; run this cell to see its panel>"


def test_the_package_offers_it_by_name():
    assert nstkit.Studio is Studio
    with pytest.raises(AttributeError, match="no attribute 'Studoi'"):
        _ = nstkit.Studoi


def test_run_paints_here_and_shows_it(studio):
    result = studio.run(2, progress=False)
    assert torch.equal(result.image, studio.engine.frame.image)
    assert torch.equal(studio.result().image, result.image)
    assert (result.recipe, result.precision) == (SHALLOW.replace(steps=2), "fp32")
    assert shown_step(studio) == 2


def test_run_shows_pictures_while_it_paints(studio, monkeypatch):
    monkeypatch.setattr("nstkit.studio.panel.REDRAW", 0.0)
    shown = []
    studio.screen.status.observe(lambda change: shown.append(shown_step(studio)), "value")
    studio.run(3, progress=False)
    assert sorted(set(shown)) == [1, 2, 3]


def test_ctrl_c_ends_run_and_keeps_the_picture(studio, monkeypatch):
    real, calls = studio.engine.advance, []

    def advance():
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        real()

    with monkeypatch.context() as patch:
        patch.setattr(studio.engine, "advance", advance)
        result = studio.run(9, progress=False)
    assert result.recipe.steps == 2
    assert "Interrupted" in message(studio)
    studio.run(1, progress=False)


def test_while_a_cell_paints_the_panel_waits(studio, monkeypatch):
    real, told = studio.engine.advance, []

    def advance():
        play_button(studio).playing = True  # a second thread of the kernel, ipykernel 7
        beat(studio)
        studio.controls.beta.slider.value = 30.0
        press(studio, "reset")
        told.append((threading.current_thread() is threading.main_thread(), message(studio)))
        real()

    monkeypatch.setattr(studio.engine, "advance", advance)
    studio.run(1, progress=False)
    assert len(told) == 1  # the worker has not made a step
    assert told[0][0] is True
    assert "A cell is painting" in told[0][1]
    assert studio.engine.frame.losses.coefficients["style"] == 30


def test_a_closed_studio_keeps_its_picture(studio):
    play(studio, 1)
    studio.close()
    assert not studio.painting
    frame = studio.engine.frame
    beat(studio)  # one that was under way
    assert not studio.painting
    assert studio.result().recipe.steps == frame.index
    change(studio.engine, beta=3)
    studio.engine.advance()  # the engine can go on
    assert studio.engine.frame.index == frame.index + 1
