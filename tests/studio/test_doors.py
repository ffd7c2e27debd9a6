"""What the studio offers beside its sliders: undo of a move, film, stop, open, large, grid."""

from __future__ import annotations

import base64
import html
import re
from pathlib import Path

import pytest
from studio_tools import (
    SHALLOW,
    SIZE,
    a_png,
    beat,
    eventually,
    message,
    play,
    play_button,
    press,
    send,
    shown_step,
    upload,
    widgets_of,
)  # fmt: skip

import nstkit
from nstkit.studio import controls, jobs, moves, page, panel
from nstkit.studio.settings import Settings


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shown(studio):
    return html.unescape(message(studio))


# ---------------------------------------------------------------- simple and more


def test_it_begins_simple_and_more_shows_the_rest(open_studio):
    studio = open_studio()
    assert "nstkit-simple" in studio.box._dom_classes
    studio.more.value = True
    assert "nstkit-simple" not in studio.box._dom_classes
    assert studio.more.description == "less"
    assert "nstkit-simple" not in open_studio(more=True).box._dom_classes


def test_what_is_simple_is_picture_pictures_beta_play_and_save(studio):
    """All other controls lie in parts that the style sheet hides."""
    hidden = {part for w in widgets_of(studio, "more") for part in inside(w)}
    controls = {
        w for name in ("alpha", "tv", "layer-1", "preset", "size", "film", "desk", "undo", "stop")
        for w in widgets_of(studio, name)
    }  # fmt: skip
    assert controls and controls <= hidden
    first = ("play", "save", "beta", "content", "style", "content-upload", "picture", "toggle")
    for name in first:
        (found,) = (w for w in widgets_of(studio, name))
        assert found not in hidden


def inside(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from inside(child)


def test_every_preset_has_its_picture_and_a_press_on_it_chooses_the_preset(studio):
    names = [name for name, recipe in controls.PRESETS.items() if recipe is not None]
    assert list(controls.preset_thumbnails()) == names
    folder = controls.preset_file(names[0]).parent
    assert {path.name for path in folder.iterdir()} == {
        controls.preset_file(name).name for name in names
    }
    studio.controls.presets.pressed.value = "bold"
    assert studio.engine.settings.recipe.beta == controls.PRESETS["bold"].beta
    assert '[title="bold"]' in studio.controls.presets.choice.value
    studio.controls.beta.slider.value = 1.0
    assert studio.controls.presets.choice.value == ""


# ---------------------------------------------------------------- undo of a move


def test_a_move_is_taken_back_and_the_one_before_it(studio):
    beta, tv = studio.controls.beta, studio.controls.tv
    before = studio.engine.settings
    beta.slider.value = 100.0
    tv.on.value = False
    press(studio, "unmove")
    assert studio.engine.settings.recipe.tv == before.recipe.tv and tv.on.value
    assert studio.engine.settings.recipe.beta == 100.0
    press(studio, "unmove")
    assert studio.engine.settings is before
    assert beta.read() == before.recipe.beta
    press(studio, "unmove")
    assert "nothing to take back" in message(studio)


def test_a_drag_is_one_move_however_many_values_it_passes(studio, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(moves.time, "monotonic", lambda: now[0])
    before = studio.engine.settings
    for value in (15.0, 20.0, 30.0, 50.0):
        now[0] += 0.1
        studio.controls.beta.slider.value = value
    press(studio, "unmove")
    assert studio.engine.settings is before
    studio.controls.beta.slider.value = 20.0
    now[0] += 60
    studio.controls.beta.slider.value = 30.0  # another drag of the same slider
    press(studio, "unmove")
    assert studio.engine.settings.recipe.beta == 20.0


def test_a_move_is_taken_back_while_it_paints_and_the_picture_goes_on(studio):
    play(studio, 2)
    studio.controls.beta.slider.value = 100.0
    press(studio, "unmove")
    assert studio.engine.settings.recipe.beta == SHALLOW.beta
    assert studio.controls.beta.read() == SHALLOW.beta
    assert studio.painting
    play(studio, 2)


def test_taking_back_says_what_and_passes_over_moves_that_led_back(studio):
    before = studio.engine.settings
    studio.set(beta=20, tv=70)
    studio.set(alpha=2)
    studio.set(alpha=1)
    studio.undo_move()
    assert (
        studio.engine.settings.recipe.alpha == 2 and shown(studio).count("Taken back: alpha") == 1
    )
    studio.undo_move()
    studio.undo_move()
    assert studio.engine.settings is before and "Taken back: beta, smoothing." in shown(studio)


def test_a_preset_is_named_as_long_as_it_is_in_force(studio):
    menu = studio.controls.preset
    menu.value = "bold"
    studio.run(2, progress=False)
    assert menu.value == "bold"
    studio.undo_move()
    assert menu.index == 0 and "bold" not in studio.controls.presets.choice.value
    menu.value = "bold"
    assert studio.engine.settings.recipe.beta == controls.PRESETS["bold"].beta
    studio.set(beta=3)
    assert menu.index == 0


def test_presets_and_settings_from_a_cell_are_moves_too(studio):
    before = studio.engine.settings
    studio.controls.preset.value = "bold"
    studio.set(beta=3)
    studio.undo_move()
    studio.undo_move()
    assert studio.engine.settings is before


def test_what_a_page_rounds_when_it_first_shows_a_slider_is_no_move(studio):
    studio.controls.region.tolerance.value = 0.15 + 1e-9
    with pytest.raises(ValueError, match="nothing to take back"):
        studio.undo_move()


def test_a_refused_move_is_none(studio):
    before = studio.engine.settings
    studio.controls.beta.slider.value = 100.0
    for dial in (studio.controls.alpha, studio.controls.tv, studio.controls.beta):
        dial.on.value = False  # the last one leaves nothing to minimize
    with pytest.raises(ValueError, match="nothing to minimize"):
        studio.set(alpha=0, beta=0, tv=0)
    for _ in range(3):
        studio.undo_move()
    assert studio.engine.settings is before


def test_a_drag_of_a_regions_slider_is_one_move(studio):
    studio.controls.region.kind.value = "a color"
    before = studio.engine.settings
    for value in (0.2, 0.3, 0.4):
        studio.controls.region.tolerance.value = value
    studio.undo_move()
    assert studio.engine.settings.regions == before.regions


# ---------------------------------------------------------------- film


def test_a_pinned_picture_is_shown_beside_the_painting_and_gone_back_to(studio):
    studio.run(2, progress=False)
    press(studio, "pin")
    pinned = studio.engine.frame
    studio.set(beta=700)
    studio.run(2, progress=False)
    assert studio.film.go_back.disabled
    studio.film.thumbnails.pressed.value = "step 2"
    assert studio.screen.view.value == "compare"
    seen = nstkit.load_image(io_of(studio.screen.then.value))
    assert (seen - pinned.image).abs().mean() < 0.02  # JPEG
    press(studio, "go-back")
    assert studio.engine.frame.image.equal(pinned.image)
    assert studio.engine.settings is pinned.settings
    assert studio.controls.beta.read() == SHALLOW.beta


def io_of(data):
    import io

    return io.BytesIO(data)


def test_saving_pins_and_two_pins_of_one_step_are_two(studio):
    studio.run(1, progress=False)
    saved = studio.save()
    press(studio, "pin")
    press(studio, "pin")
    assert studio.film.thumbnails.names == [saved.stem, "step 1", "step 1 (2)"]


def test_what_one_goes_back_to_is_named_and_is_what_is_shown(studio):
    studio.run(3, progress=False)
    studio.film.back.value = studio.engine.reel.frames[1]
    assert studio.film.go_back.description == "go back to step 1"
    studio.run(1, progress=False)
    assert studio.film.back.label == "step 1"  # the one that is shown, not the newest
    studio.paint_large(2 * SIZE)
    eventually(lambda: beat(studio) or studio.film.go_back.disabled)
    assert studio.film.chosen is None and studio.film.go_back.description == "go back"


def test_the_slider_goes_back_through_the_steps_of_this_run(studio):
    studio.run(4, progress=False)
    steps = [label for label, _ in studio.film.back.options]
    assert steps == [f"step {n}" for n in range(5)]
    studio.film.back.index = 1
    assert studio.screen.view.value == "compare"
    press(studio, "go-back")
    assert shown_step(studio) == 1
    assert [label for label, _ in studio.film.back.options] == ["step 0", "step 1"]


# ---------------------------------------------------------------- stop


def test_it_pauses_at_the_step_that_was_asked_for_and_play_goes_on_from_there(studio):
    studio.stop_at.value = 4
    play(studio, 1)
    eventually(lambda: beat(studio) or "Stopped at step 4." in message(studio))
    assert shown_step(studio) == 4 and not studio.painting
    play(studio, 3)
    assert shown_step(studio) >= 7


# ---------------------------------------------------------------- download and open


def test_a_saved_picture_can_be_downloaded_from_the_page(studio):
    studio.run(1, progress=False)
    saved = studio.save()
    name, data = re.search(r'download="([^"]+)" href="data:image/png;base64,([^"]+)"',
                           message(studio)).groups()  # fmt: skip
    assert name == saved.name
    assert base64.b64decode(data) == saved.read_bytes()


@pytest.mark.long
def test_the_settings_of_a_saved_painting_come_back_from_its_file(open_studio):
    one = open_studio()
    one.set(beta=33, style="scream", seed=5, size=50)
    one.run(2, progress=False)
    saved = one.save()
    for take in (
        lambda other: other.open(saved),
        lambda other: send(other._open, saved.name, saved.read_bytes()),
        lambda other: send(other._dropped, saved.name, saved.read_bytes()),
    ):
        other = open_studio()
        before = other.engine.settings
        take(other)
        settings = other.engine.settings
        assert (settings.content, settings.style) == ("cat", "scream")
        assert (settings.size, settings.seed, settings.recipe.beta) == (50, 5, 33)
        assert other.controls.beta.read() == 33
        assert saved.name in shown(other)
        other.undo_move()
        assert other.engine.settings is before
        other.close()


def test_a_picture_that_a_file_names_and_that_is_not_here_stays_as_it_is(open_studio, folder):
    one = open_studio()
    upload(one.controls.content, "mine.png", a_png())
    saved = one.save()
    (folder / "mine.png").unlink()
    other = open_studio()
    other.open(saved)
    assert other.engine.settings.content == "cat"
    assert "Not found here, and so left as it was: mine.png." in shown(other)


def test_a_photograph_that_is_dropped_is_painted_and_one_without_a_recipe_opens_nothing(studio):
    send(studio._dropped, "mine.png", a_png((90, 60)))
    assert studio.controls.content.menu.value == "mine.png"
    before = studio.engine.settings
    send(studio._open, "plain.png", a_png())
    assert "'plain.png' does not say how it was painted" in shown(studio)
    assert studio.engine.settings is before


# ---------------------------------------------------------------- large and grid


def finish(studio):
    eventually(lambda: beat(studio) or studio.desk.job is None)


def test_larger_settings_keep_the_scales_of_before_and_add_halves_of_steps():
    settings = Settings("cat", "great_wave", SHALLOW.replace(scales=(0.5, 1), steps=(30, 10)), 256)
    engine = nstkit.studio.Engine(settings, "fp32")
    made = jobs.larger(settings, engine.scales, 800)
    assert made.recipe.scales == (128, 256, 512, 800) and made.size == 800
    assert made.recipe.steps == (30, 10, 25, 25)
    with pytest.raises(ValueError, match="has 256 px already"):
        jobs.larger(settings, engine.scales, 256)


@pytest.mark.long
def test_the_picture_is_painted_large_saved_and_shown_beside_the_small_one(studio):
    studio.run(2, progress=False)
    small = studio.engine.frame
    studio.paint_large(2 * SIZE)
    finish(studio)
    (name,) = re.findall(r"Saved as (\S+\.png)", message(studio))
    facts = nstkit.read_metadata(name)
    assert facts["size"].startswith(f"{2 * SIZE} x ")
    assert nstkit.repaint(name).image.shape[-1] == 2 * SIZE
    assert studio.screen.view.value == "compare"
    assert studio.engine.frame is small  # the painting has stayed as it was
    assert "large" not in studio.screen.status.value


def test_a_large_painting_that_is_ended_early_is_saved(studio):
    studio.paint_large(2 * SIZE)
    eventually(lambda: beat(studio) or studio.desk.job.done >= 2)
    assert "The large painting: step" in studio.screen.status.value
    press(studio, "end")
    assert "Saved as" in message(studio) and studio.desk.job is None
    assert not studio.painting


def test_sizes_are_offered_with_an_estimate_once_a_step_has_been_made(studio):
    assert [label for label, _ in studio.desk.size.options][0] == "768 px"
    studio.run(2, progress=False)
    labels = [label for label, _ in studio.desk.size.options]
    assert all(re.fullmatch(r"\d+ px, about .+", label) for label in labels)


def test_the_grid_has_beta_by_layers_and_a_press_takes_the_settings(studio, monkeypatch):
    monkeypatch.setattr(jobs, "SAMPLE", 50)
    monkeypatch.setattr(jobs, "SAMPLE_STEPS", 1)
    studio.set(style_layers=["relu1_1", "relu2_1"])
    before = studio.engine.settings
    studio.try_grid()
    finish(studio)
    cells = widgets_of(studio, "sample")
    pictures = [cell.children[0].value for cell in cells]
    assert len(cells) == 9 and len(set(pictures)) == 9 and all(pictures)
    label = "β 100, deep"
    (taker,) = [w for w in widgets_of(studio, "take") if w.description == label]
    taker.click()
    recipe = studio.engine.settings.recipe
    assert recipe.beta == 100 and list(recipe.style_layers) == ["relu2_1"]
    studio.undo_move()
    assert studio.engine.settings is before


def test_a_grid_of_one_layer_has_no_choice_of_layers():
    settings = Settings("cat", "great_wave", SHALLOW.replace(style_layers=["relu1_1"]), SIZE)
    assert list(jobs.choices(settings)) == [f"β {b}, its layer" for b in (1, 10, 100)]


def test_a_size_that_is_no_larger_is_refused(studio):
    studio.desk.size.options = [("8 px", 8)]
    press(studio, "large")
    assert "px already" in message(studio) and studio.desk.job is None


def test_a_second_job_is_refused_and_the_first_goes_on(studio):
    studio.paint_large(2 * SIZE)
    first = studio.desk.job
    press(studio, "try")
    assert "The large painting is not done yet." in message(studio)
    assert studio.desk.job is first


def test_a_job_that_fails_is_ended_kept_and_told(studio, monkeypatch):
    studio.paint_large(2 * SIZE)
    eventually(lambda: beat(studio) or studio.desk.job.done >= 2)

    def fail():
        raise RuntimeError("the brush broke")

    monkeypatch.setattr(studio.desk.job, "advance", fail)
    eventually(lambda: beat(studio) or studio.desk.job is None)
    assert "ended early: the brush broke. Saved as cat_great_wave_98px.png" in message(studio)
    assert len(list(Path().glob("*.png"))) == 1
    play(studio, 2)


def disk_refuses(monkeypatch):
    def refuse(result, path, script=""):
        if Path(path).is_relative_to(Path.cwd()) or not Path(path).is_absolute():
            raise PermissionError(13, "Permission denied")
        return save(result, path, script=script)

    save = nstkit.Result.save
    monkeypatch.setattr(nstkit.Result, "save", refuse)


def test_a_large_painting_that_cannot_be_written_is_a_link_and_the_job_ends(studio, monkeypatch):
    disk_refuses(monkeypatch)
    studio.paint_large(2 * SIZE)
    eventually(lambda: beat(studio) or studio.desk.job.done >= 2)
    press(studio, "end")
    assert studio.desk.job is None and not list(Path().iterdir())
    assert "cannot be written here: [Errno 13]" in shown(studio)
    (data,) = re.findall(r'base64,([^"]+)"', message(studio))
    Path("from_the_link.png").write_bytes(base64.b64decode(data))
    assert nstkit.read_metadata("from_the_link.png")["size"].startswith(f"{2 * SIZE} x ")
    play(studio, 2)


@pytest.mark.parametrize("how", ["end", "fail"])
def test_a_large_painting_that_ends_before_its_first_step_says_so(studio, monkeypatch, how):
    def fail():
        raise RuntimeError("the brush broke")

    studio.screen.view.value = "wipe"
    studio.paint_large(2 * SIZE)
    monkeypatch.setattr(studio.desk.job, "advance", fail)
    if how == "end":
        press(studio, "end")
    else:
        eventually(lambda: beat(studio) or studio.desk.job is None)
        assert "ended early: the brush broke" in shown(studio)
    assert "Nothing was painted yet" in shown(studio) and studio.desk.job is None
    assert studio.screen.view.value == "painting" and not list(Path().iterdir())


@pytest.mark.long
def test_a_large_painting_has_the_steps_that_the_small_one_has_had(studio):
    studio.run(70, progress=False)
    studio.paint_large(2 * SIZE)
    assert studio.desk.job.engine.settings.recipe.steps == (70, 35)


def test_a_cell_that_paints_while_a_job_waits_tells_of_the_painting(studio, monkeypatch):
    monkeypatch.setattr(panel, "REDRAW", 0)
    studio.paint_large(2 * SIZE)
    told = []
    studio.screen.status.observe(lambda change: told.append(change["new"]), "value")
    studio.pause()
    told.clear()
    studio.run(2, progress=False)
    assert told and "large" not in told[0]


def test_a_closed_studio_starts_no_job(open_studio):
    studio = open_studio()
    studio.close()
    for begin in (studio.try_grid, lambda: studio.paint_large(2 * SIZE)):
        with pytest.raises(ValueError, match="closed. Run its cell again"):
            begin()


@pytest.mark.long
def test_a_sample_changes_the_weights_that_the_grid_tried_and_nothing_else(studio, monkeypatch):
    monkeypatch.setattr(jobs, "SAMPLE", 50)
    monkeypatch.setattr(jobs, "SAMPLE_STEPS", 1)
    studio.try_grid()
    finish(studio)
    studio.set(content="macaw", tv=70)
    studio.run(1, progress=False)
    (taker,) = [w for w in widgets_of(studio, "take") if w.description == "β 100, all"]
    taker.click()
    settings = studio.engine.settings
    assert (settings.content, settings.recipe.tv, settings.recipe.beta) == ("macaw", 70, 100)
    assert "goes on from where it is" in shown(studio)
    assert studio.engine.frame.index == 1  # the painting has not begun again


@pytest.mark.long
def test_a_move_between_the_end_of_a_job_and_the_next_beat_loses_nothing(studio, monkeypatch):
    monkeypatch.setattr(jobs, "SAMPLE_STEPS", 1)
    monkeypatch.setattr(jobs, "SAMPLE", 50)
    studio.try_grid()
    eventually(lambda: beat(studio) or studio.desk.job.done >= 1)
    eventually(lambda: studio.desk.job.done >= 9 and not studio._worker.running)
    studio.controls.beta.slider.value = 100.0
    assert studio.desk.job is None
    assert studio.engine.settings.recipe.beta == 100.0


@pytest.mark.long
def test_controls_undo_and_reset_during_a_job_leave_the_job_alone(studio):
    studio.run(3, progress=False)
    studio.paint_large(2 * SIZE)
    job = studio.desk.job
    eventually(lambda: beat(studio) or job.done >= 1)
    studio.controls.beta.slider.value = 100.0
    press(studio, "reset")
    press(studio, "step")
    assert studio.desk.job is job
    play_button(studio).playing = True  # a step pauses
    finish(studio)
    (name,) = Path().glob("*.png")
    assert nstkit.Recipe.from_json(nstkit.read_metadata(name)["recipe"]).beta == SHALLOW.beta


@pytest.mark.long
def test_a_photograph_in_memory_is_painted_large_too(open_studio):
    photo = nstkit.load_image("cat", size=64)
    studio = open_studio()
    studio.set(content=photo)
    studio.paint_large(128)
    finish(studio)
    assert studio.desk.job is None and "Saved as" in message(studio)
    (name,) = Path().glob("*.png")
    assert nstkit.read_metadata(name)["size"].startswith("128 x ")


def test_a_closed_studio_is_forgotten_and_says_so(open_studio):
    studio = open_studio()
    studio.close()
    assert "closed" in studio._repr_mimebundle_()["text/plain"]
    assert studio not in page._PANELS.values()
