"""The studio's panel and worker without a browser: the test plays the page."""

from __future__ import annotations

import copy
import io
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

import nstkit
from nstkit import DEFAULT, Recipe
from nstkit.recipes import RECIPES
from nstkit.studio import Settings, Studio, controls, engine, page, screen
from nstkit.studio.controls import PRESETS, Controls
from nstkit.studio.dials import Dial
from nstkit.studio.worker import Worker

SIZE, LIMIT = 52, 30.0  # px; seconds for what takes less than one
ROOT = Path(nstkit.__file__).parents[1]


@pytest.fixture(autouse=True)
def one_network(network, monkeypatch):
    monkeypatch.setattr(engine, "network", lambda recipe: network)


@pytest.fixture
def open_studio(monkeypatch):
    """A function that makes a studio in a cell of its own, or in a named one."""
    made = []

    def open_(cell=None, **options):
        monkeypatch.setattr(page, "cell_id", lambda: cell or f"cell {len(made)}")
        made.append(Studio("cat", "great_wave", size=SIZE, precision="fp32", **options))
        return made[-1]

    yield open_
    for studio in made:
        studio.pause()


@pytest.fixture
def studio(open_studio):
    return open_studio()


def eventually(condition):
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline, "in vain"
        time.sleep(0.01)


def beat(studio):
    studio._pulse.play.value += 1


def play(studio, steps=2):
    """Press play, and beat until so many steps are shown."""
    studio._pulse.play.playing = True
    shown = shown_step(studio)

    def arrived():
        beat(studio)
        return shown_step(studio) >= shown + steps

    eventually(arrived)


def shown_step(studio):
    return int(studio._screen.status.value.split("step ")[1].split("<")[0])


def message(studio):
    return studio._screen.message.value


def press(studio, name):
    widgets_of(studio, f"nstkit-{name}")[0].click()


def widgets_of(studio, name=None):
    """Return the widgets of the panel, or those with a CSS class."""
    found, todo = [], [studio._box]
    while todo:
        found.append(widget := todo.pop())
        todo += getattr(widget, "children", ())
    return [w for w in found if name is None or name in w._dom_classes]


def picture(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


# ---------------------------------------------------------------- the worker


def test_a_worker_works_while_it_is_asked_to_and_stops_without_beats():
    done = []
    worker = Worker(lambda: (done.append(1), time.sleep(0.005)), patience=0.2)
    assert not worker.running
    worker.beat()
    eventually(lambda: len(done) > 3)
    eventually(lambda: not worker.running)
    count = len(done)
    time.sleep(0.1)
    assert len(done) == count
    worker.beat()
    eventually(lambda: len(done) > count)
    worker.stop()


def test_stop_returns_after_the_step_that_is_being_made():
    begun, ended = [], []
    worker = Worker(lambda: (begun.append(1), time.sleep(0.05), ended.append(1)))
    worker.beat()
    eventually(lambda: begun)
    worker.stop()
    assert not worker.running
    assert len(begun) == len(ended)
    worker.stop()  # at rest already


def test_a_failure_ends_the_work_and_is_told_once():
    def fail():
        raise FloatingPointError("not a number")

    worker = Worker(fail)
    worker.beat()
    eventually(lambda: not worker.running)
    assert isinstance(worker.take_failure(), FloatingPointError)
    assert worker.take_failure() is None


def test_one_thread_for_all_stretches_of_work_until_the_end():
    def threads():
        return [t for t in threading.enumerate() if t.name == "nstkit-studio"]

    before, done = threads(), []
    worker = Worker(lambda: (done.append(threading.get_ident()), time.sleep(0.001)))
    for stretch in range(1, 4):
        for _ in range(5):
            worker.beat()
        eventually(lambda n=stretch: len(done) >= 3 * n)
        worker.stop()
    assert len(set(done)) == 1
    assert len(threads()) == len(before) + 1
    worker.end()
    eventually(lambda: threads() == before)
    worker.beat()
    assert not worker.running


def test_stopping_at_once_after_a_beat_is_safe():
    worker = Worker(lambda: None)
    for _ in range(200):
        worker.beat()
        worker.stop()
        assert not worker.running
    worker.end()


def test_python_ends_in_peace_while_a_worker_is_inside_torch():
    code = """
import time, torch
from nstkit.studio.worker import Worker
matrix, begun = torch.rand(700, 700), []
worker = Worker(lambda: (begun.append(1), [matrix @ matrix for _ in range(20)]))
worker.beat()
while not begun:
    time.sleep(0.01)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=ROOT
    )
    assert (done.returncode, done.stderr) == (0, "")


# ---------------------------------------------------------------- controls


SHOWN = {
    **{name: recipe for name, recipe in PRESETS.items() if isinstance(recipe, Recipe)},
    "odd weights": DEFAULT.replace(alpha=1.234567e-5, beta=98765.4321, tv=0.00017),
    "conv layers": DEFAULT.replace(style_layers={"conv1_1": 0.1, "conv4_4": 3}, tv=0),
    "two content layers": DEFAULT.replace(content_layers={"relu3_1": 0.3, "conv4_2": 0.7}),
    "sums": Recipe(content_reduce="sum", gram="elements", optimizer="adam", start="white"),
    "unlike layers": DEFAULT.replace(pooling="avg", style_layers={"pool3": 2, "relu1_2": 0.25}),
}


@pytest.mark.parametrize("name", SHOWN)
def test_controls_read_what_they_show(name):
    settings = Settings("cat", "great_wave")
    shown = Controls(settings, lambda: None)
    wanted = Settings("macaw", "scream", SHOWN[name], size=111, seed=3)
    shown.show(wanted)
    assert wanted.changes(shown.read(wanted)) == {}
    shown.show(settings)
    assert settings.changes(shown.read(settings)) == {}


def test_showing_calls_nobody_and_moving_does():
    calls = []
    shown = Controls(Settings("cat", "great_wave"), lambda: calls.append(1))
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


def test_moving_a_control_leaves_the_preset():
    shown = Controls(Settings("cat", "great_wave"), lambda: None)
    shown.preset.value = "bold"
    shown.beta.slider.index += 1
    assert shown.preset.index == 0


def test_a_dial_offers_round_numbers_and_keeps_any_other():
    dial = Dial("x", "label", -1, 1)
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


def test_two_rows_of_one_layer_add_up():
    shown = Controls(Settings("cat", "great_wave"), lambda: None)
    shown.layers.menus[0].value = "relu2_1"
    assert shown.layers.read()["relu2_1"] == pytest.approx(0.4)


def test_more_layers_than_rows_are_refused():
    recipe = DEFAULT.replace(style_layers=[f"conv3_{n}" for n in range(1, 5)] + ["pool1", "pool2"])
    with pytest.raises(ValueError, match="6 style layers; expected at most 5"):
        Controls(Settings("cat", "great_wave", recipe), lambda: None)


# ---------------------------------------------------------------- painting


def test_nothing_is_painted_before_the_page_beats(studio):
    beat(studio)
    time.sleep(0.1)
    assert not studio._worker.running
    assert shown_step(studio) == 0
    assert "paused" in studio._screen.status.value


@pytest.mark.parametrize(("rate", "moved", "ms"), [(9, 0, 100), (2, 0, 300), (2, 1, 100)])
def test_slow_steps_need_few_beats_until_a_control_moves(studio, rate, moved, ms):
    studio.engine.rate = rate
    if moved:
        studio.engine.settings = studio.engine.settings.replace(beta=77)
    assert page.interval(studio.engine) == ms
    studio._worker.beat = lambda: None  # a page whose kernel has not made another step yet
    studio._pulse.play.playing = True
    beat(studio)
    assert studio._pulse.play.interval == ms


def test_no_chart_is_drawn_while_a_moved_control_waits_for_its_picture(studio, monkeypatch):
    charts = []
    monkeypatch.setattr(screen, "CHART_SECONDS", 0.0)
    monkeypatch.setattr(studio._screen, "_draw_chart", charts.append)
    for _ in range(screen.CHART_FROM):
        studio.engine.advance()
    studio.engine.settings = studio.engine.settings.replace(beta=77)
    studio._screen.show(studio.engine, painting=True)
    assert charts == []
    studio.engine.advance()
    studio._screen.show(studio.engine, painting=True)
    assert charts == [studio.engine]


def test_beats_paint_and_show_and_the_pause_button_stops(studio):
    start = studio._screen.picture.value
    play(studio)
    assert "steps/s" in studio._screen.status.value
    assert studio._screen.picture.value != start
    studio._pulse.play.playing = False
    assert not studio._worker.running
    assert shown_step(studio) == studio.engine.frame.index
    assert "paused" in studio._screen.status.value


def test_the_picture_shown_is_the_newest_one(studio):
    studio.run(3, progress=False)
    shown = picture(studio._screen.picture.value)
    image = studio.engine.frame.image
    assert shown.size == image.shape[:1:-1]
    difference = (nstkit.load_image(shown) - image).abs().mean()
    assert difference < 0.02  # JPEG


def test_a_slider_steers_without_a_reset(studio):
    play(studio)
    step = shown_step(studio)
    studio._controls.beta.slider.value = 1000.0
    assert studio.engine.settings.recipe.beta == 1000

    def followed():
        beat(studio)
        return "β/α = 1000" in studio._screen.status.value

    eventually(followed)
    assert shown_step(studio) > step
    assert studio.engine.history[0].index == 0


def test_at_rest_a_new_picture_is_shown_at_once_and_a_new_weight_moves_nothing(studio):
    studio.run(2, progress=False)
    studio._controls.beta.slider.value = 100.0
    assert shown_step(studio) == 2
    before = studio._screen.picture.value
    studio._controls.content.menu.value = "castle"
    assert shown_step(studio) == 0
    assert studio._screen.picture.value != before
    assert studio.engine.settings.content == "castle"


def test_the_views_show_content_style_and_all_three(studio):
    studio.run(2, progress=False)
    shown = {}
    for view in screen.VIEWS:
        studio._screen.view.value = view
        shown[view] = picture(studio._screen.picture.value)
    content, style = studio.engine.pictures
    for view, image in (("content", content), ("style", style)):
        assert (nstkit.load_image(shown[view]) - image).abs().mean() < 0.02
    width, height = shown["now"].size
    assert shown["all three"].height == height
    assert shown["all three"].width >= 2 * width + style.shape[-1] * height // style.shape[-2] - 2


def test_the_curves_are_drawn_at_rest_and_then_every_two_seconds(studio, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(screen, "time", SimpleNamespace(monotonic=lambda: now[0]))
    drawn = []
    real = screen.draw_losses
    monkeypatch.setattr(
        screen, "draw_losses", lambda r, m, figure: (drawn.append((r, m)), real(r, m, figure))
    )
    studio.run(1, progress=False)
    assert [r.index for r in drawn[-1][0]] == [0, 1]
    studio._refresh()
    assert len(drawn) == 1  # nothing new
    studio.set(beta=20)
    for _ in range(4):
        studio.engine.advance()
    studio._screen.show(studio.engine, painting=True)
    assert len(drawn) == 1  # too soon
    now[0] = 10.0
    studio._screen.show(studio.engine, painting=True)
    assert drawn[-1][1] == [1]  # a mark where the weight changed
    assert picture(studio._screen.chart.value).format == "PNG"


def test_a_long_history_is_thinned_and_keeps_its_last_point(studio, monkeypatch):
    seen = []
    monkeypatch.setattr(screen, "draw_losses", lambda records, m, figure: seen.append(records))
    record = studio.engine.history[0]
    studio.engine.history = [copy.copy(record) for _ in range(10_001)]
    last = studio.engine.history[-1]
    studio._refresh()
    assert len(seen[-1]) <= screen.CHART_POINTS + 1
    assert seen[-1][-1] is last


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
    assert studio._controls.beta.read() == DEFAULT.beta
    press(studio, "copy")
    assert studio._screen.script.value.startswith("<pre>recipe = nstkit.Recipe(")
    assert f"steps={best})\nnstkit.stylize(" in studio._screen.script.value


def test_reset_while_playing_goes_on_from_the_start(studio):
    play(studio, 3)
    press(studio, "reset")
    assert shown_step(studio) == 0
    play(studio, 1)


@pytest.mark.parametrize("key", ["pytorch tutorial", "crowsonkb"])
def test_a_published_recipe_is_translated_and_goes_on_from_here(studio, key):
    studio.run(1, progress=False)
    studio._controls.preset.value = key
    recipe = studio.engine.settings.recipe
    published = RECIPES[key.replace(" ", "_")].recipe
    assert list(recipe.style_layers) == list(published.style_layers)
    assert (recipe.weights, recipe.alpha, recipe.start) == ("embedded", 1.0, "content")
    assert (recipe.statistic, recipe.optimizer) == (published.statistic, DEFAULT.optimizer)
    assert sum(recipe.style_layers.values()) == pytest.approx(1)
    studio.run(2, progress=False)
    assert studio.engine.frame.index == 3
    scope = {"nstkit": nstkit}
    exec(studio.engine.frame.script().replace("seed=0)", "seed=0, precision='fp32')"), scope)
    assert torch.equal(scope["studio"].engine.frame.image, studio.engine.frame.image)
    scope["studio"].close()


def test_a_preset_moves_the_controls(studio):
    studio.run(1, progress=False)
    studio._controls.preset.value = "bold"
    assert studio.engine.settings.recipe == PRESETS["bold"]
    assert studio._controls.beta.read() == 100
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
    assert Recipe.from_json(told["recipe"]) == DEFAULT.replace(steps=2)
    assert told["script"] == studio.engine.frame.script()
    assert studio.save(tmp_path / "mine.jpg") == tmp_path / "mine.jpg"


# ---------------------------------------------------------------- uploads


def uploaded(picker, name, data, generation):
    """Make a picker believe that the page has uploaded a file."""
    of_7 = {name: {"metadata": {"name": name}, "content": data}}
    of_8 = ({"name": name, "content": memoryview(data), "size": len(data)},)
    return SimpleNamespace(value=of_7 if generation == 7 else of_8)


@pytest.mark.parametrize("generation", [7, 8])
def test_an_upload_is_painted_and_listed(studio, monkeypatch, generation):
    file = io.BytesIO()
    Image.linear_gradient("L").resize((120, 80)).convert("RGB").save(file, "PNG")
    picker = studio._controls.content
    upload = uploaded(picker, "my photo.png", file.getvalue(), generation)
    monkeypatch.setattr(picker, "upload", upload)
    studio._answer(lambda: studio._on_upload(picker))
    assert message(studio) == ""
    assert picker.menu.value == "my photo.png"
    assert picker.menu.options[-1] == "my photo.png"
    assert len(widgets_of(studio, "nstkit-content-6")) == 1  # its thumbnail
    assert studio.engine.pictures[0].shape[-1] == SIZE
    assert studio.engine.result().sources[0] == "my photo.png"
    picker.menu.value = "castle"
    picker.menu.value = "my photo.png"
    assert studio.engine.settings.content.size == (120, 80)


def test_an_upload_that_is_no_picture_is_told_and_changes_nothing(studio, monkeypatch):
    picker = studio._controls.style
    monkeypatch.setattr(picker, "upload", uploaded(picker, "notes.txt", b"not a picture", 8))
    studio._answer(lambda: studio._on_upload(picker))
    assert "The painting is as it was" in message(studio)
    assert picker.menu.value == "great_wave"
    assert studio.engine.settings.style == "great_wave"


def test_an_emptied_upload_is_nothing(studio):
    studio._on_upload(studio._controls.content)
    assert message(studio) == ""


def test_any_bundled_picture_and_any_file_may_be_either(open_studio, tmp_path):
    file = tmp_path / "mine.png"
    Image.new("RGB", (60, 60)).save(file)
    studio = open_studio()
    studio.set(content="scream", style=str(file))
    assert studio._controls.content.menu.value == "scream"
    assert studio._controls.style.menu.value == "mine.png"
    assert studio._controls.style.read() == str(file)
    listed = len(studio._controls.style.menu.options)
    studio.set(style=str(Path(file)))  # the same, in another string
    assert len(studio._controls.style.menu.options) == listed


def test_pictures_in_memory_are_listed_by_what_they_are(open_studio, cat):
    picture = Image.new("RGB", (60, 60))
    studio = open_studio()
    studio.set(content=cat, style=picture)
    assert studio._controls.content.menu.value == "tensor"
    assert studio._controls.style.menu.value == "image"
    assert studio._controls.read(studio.engine.settings).content is cat


# ---------------------------------------------------------------- what goes wrong


def test_no_style_layer_is_told_and_the_painting_goes_on_as_before(studio):
    before = studio.engine.settings.recipe
    for dial in studio._controls.layers.dials:
        dial.on.value = False
    assert "No style layer is on" in message(studio)
    assert studio.engine.settings.recipe.style_layers == {"relu5_1": before.style_layers["relu5_1"]}
    play(studio, 1)
    studio._controls.layers.dials[0].on.value = True
    assert message(studio) == ""
    assert list(studio.engine.settings.recipe.style_layers) == ["relu1_1"]


def test_all_weights_off_is_told(studio):
    for dial in (studio._controls.alpha, studio._controls.beta, studio._controls.tv):
        dial.on.value = False
    assert "nothing to minimize" in message(studio)
    assert studio.engine.settings.recipe.tv == DEFAULT.tv


def test_a_size_beyond_the_memory_is_told_and_the_menu_goes_back(studio, monkeypatch):
    studio.run(1, progress=False)
    monkeypatch.setattr("nstkit.studio.settings.free_memory", lambda device: 10**6)
    studio._controls.size.value = 1024
    assert "Choose a smaller size" in message(studio)
    assert studio._controls.size.value == SIZE
    assert shown_step(studio) == 1


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (FloatingPointError("odd <b>"), "FloatingPointError: odd &lt;b&gt;."),
        (RuntimeError("CUDA out of memory."), "does not fit into the memory"),
        (MemoryError(), "does not fit into the memory"),
    ],
)
def test_an_error_in_the_loop_is_shown_and_the_panel_goes_on(studio, monkeypatch, error, told):
    def fail():
        raise error

    monkeypatch.setattr(studio._worker, "_work", fail)
    studio._pulse.play.playing = True
    eventually(lambda: (beat(studio), message(studio))[1])
    assert told in message(studio)
    assert studio._pulse.play.playing is False
    monkeypatch.setattr(studio._worker, "_work", studio.engine.advance)
    studio._pulse.play.playing = True
    assert message(studio) == ""
    play(studio, 2)


def test_an_error_of_the_last_step_is_shown_when_pausing(studio, monkeypatch):
    begun = threading.Event()

    def fail():
        begun.set()
        time.sleep(0.05)
        raise FloatingPointError("late")

    monkeypatch.setattr(studio._worker, "_work", fail)
    studio._pulse.play.playing = True
    beat(studio)
    assert begun.wait(LIMIT)
    studio._pulse.play.playing = False
    assert "late" in message(studio)


def test_a_restart_of_the_optimizer_is_told(studio):
    studio.run(1, progress=False)
    record = studio.engine.history[-1]
    studio.engine.history[-1] = type(record)(1, record.losses, 0.0, "loss not finite: back")
    studio._on_pulse(None)
    assert "loss not finite: back" in message(studio)


# ---------------------------------------------------------------- several panels, cells


def test_starting_one_panel_pauses_the_other(open_studio):
    one, two = open_studio(), open_studio()
    for first, second in ((one, two), (two, one), (one, two)):
        play(first, 1)
        play(second, 1)
        assert first._pulse.play.playing is False
        assert not first._worker.running
        beat(first)  # one that was under way
        assert not first._worker.running


def test_a_cell_that_is_run_again_closes_its_panel(open_studio):
    old, other = open_studio("a"), open_studio("b")
    play(old, 1)
    parts = widgets_of(old)
    new = open_studio("a")
    assert not old._worker.running
    assert all(part.comm is None for part in parts)
    assert all(part.comm is not None for part in [*widgets_of(new), *widgets_of(other)])
    play(new, 1)


def test_the_cell_is_told_by_the_page_or_by_its_text(monkeypatch):
    shell = SimpleNamespace(get_parent=lambda: {"metadata": {"cellId": "abc"}})
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    assert page.cell_id() == "abc"
    shell.get_parent, shell.user_ns = (lambda: {}), {"In": ["", "studio"]}
    assert page.cell_id() == "studio"
    monkeypatch.setattr("IPython.get_ipython", lambda: None)
    assert page.cell_id() == ""


def test_it_shows_itself_as_a_widget(studio):
    bundle = studio._repr_mimebundle_()
    view = bundle["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] == studio._box.model_id
    assert bundle["text/plain"] == "<Studio at step 0; its panel needs a running kernel>"


def test_the_package_offers_it_by_name():
    assert nstkit.Studio is Studio
    with pytest.raises(AttributeError, match="no attribute 'Studoi'"):
        _ = nstkit.Studoi


def test_run_paints_here_and_shows_it(studio):
    result = studio.run(3, progress=False)
    assert torch.equal(result.image, studio.engine.frame.image)
    assert torch.equal(studio.result().image, result.image)
    assert shown_step(studio) == 3


def test_run_shows_pictures_on_the_way(studio, monkeypatch):
    monkeypatch.setattr("nstkit.studio.panel.REDRAW", 0.0)
    shown = []
    studio._screen.status.observe(lambda change: shown.append(shown_step(studio)), "value")
    studio.run(3, progress=False)
    assert sorted(set(shown)) == [1, 2, 3]


def test_ctrl_c_ends_run_and_keeps_the_picture(studio, monkeypatch):
    real, calls = studio.engine.advance, []

    def advance():
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        real()

    monkeypatch.setattr(studio.engine, "advance", advance)
    result = studio.run(9, progress=False)
    assert result.recipe.steps == 2
    assert "Interrupted" in message(studio)
    monkeypatch.undo()
    studio.run(1, progress=False)


def test_while_a_cell_paints_the_panel_waits(studio, monkeypatch):
    real, told = studio.engine.advance, []

    def advance():
        studio._pulse.play.playing = True  # a second thread of the kernel, ipykernel 7
        beat(studio)
        studio._controls.beta.slider.value = 30.0
        press(studio, "reset")
        told.append((studio._worker.running, message(studio)))
        real()

    monkeypatch.setattr(studio.engine, "advance", advance)
    studio.run(1, progress=False)
    assert told[0][0] is False
    assert "A cell is painting" in told[0][1]
    assert studio.engine.frame.losses.weights[1] == 30


def test_set_refuses_what_does_not_exist(studio):
    with pytest.raises(ValueError, match="no \\['brush'\\]"):
        studio.set(brush=3)
    with pytest.raises(FileNotFoundError, match="no file"):
        studio.set(style="no such")
    assert studio._controls.style.menu.value == "great_wave"


def test_every_button_says_what_it_does_and_captions_explain_the_weights(studio):
    for name, (label, tooltip) in page.BUTTONS.items():
        (button,) = widgets_of(studio, f"nstkit-{name}")
        assert (button.description, button.tooltip) == (label, tooltip)
    captions = " ".join(w.value for w in widgets_of(studio, "nstkit-caption"))
    assert all(text in captions for text in controls.HELP.values())
    assert all(word in captions for word in ("α", "β", "relu1_1", "Smoothing"))
