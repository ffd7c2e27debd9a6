"""The studio's screen: the picture, the line below it, and the curves."""

from __future__ import annotations

import copy
import io
from types import SimpleNamespace

import pytest
from matplotlib.figure import Figure
from PIL import Image
from studio_tools import SCALED, advance, change, message, press

import nstkit
from nstkit.studio import screen


def picture(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


@pytest.fixture
def drawn(monkeypatch):
    """The records and marks of the charts so far, which are drawn as little as can be."""
    seen = []
    monkeypatch.setattr(screen, "draw_losses", lambda *given: seen.append(given[:2]))
    return seen


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(screen, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_the_picture_shown_is_the_newest_one(studio):
    studio.run(2, progress=False)
    shown = picture(studio.screen.picture.value)
    image = studio.engine.frame.image
    assert shown.size == image.shape[:1:-1]
    assert (nstkit.load_image(shown) - image).abs().mean() < 0.02  # JPEG
    assert picture(studio.screen.chart.value).format == "PNG"


def test_the_views_show_content_style_and_all_three(studio):
    studio.run(1, progress=False)
    shown = {}
    for view in screen.VIEWS:
        studio.screen.view.value = view
        shown[view] = picture(studio.screen.picture.value)
    content, style = studio.engine.pictures.scene.content, studio.engine.pictures.works.plain
    for view, image in (("content", content), ("style", style)):
        assert (nstkit.load_image(shown[view]) - image).abs().mean() < 0.02
    width, height = shown["now"].size
    assert shown["all three"].height == height
    assert shown["all three"].width >= 2 * width + style.shape[-1] * height // style.shape[-2] - 2


def test_the_curves_are_drawn_at_rest_and_now_and_then_while_it_paints(studio, drawn, clock):
    studio.run(1, progress=False)
    assert [r.index for r in drawn[-1][0]] == [0, 1]
    count = len(drawn)
    studio.screen.show(studio.engine, painting=False)
    assert len(drawn) == count  # nothing new
    studio.set(beta=20)
    advance(studio.engine, 4)
    studio.screen.show(studio.engine, painting=True)
    assert len(drawn) == count  # too soon
    clock[0] = 10.0
    studio.screen.show(studio.engine, painting=True)
    assert drawn[-1][1] == [1]  # a mark where the weight changed


def test_a_larger_scale_is_marked_like_a_change(open_studio, drawn):
    studio = open_studio(recipe=SCALED)
    studio.run(2, progress=False)
    studio.set(beta=20)
    studio.run(progress=False)
    assert drawn[-1][1] == [2, 4, 7]


def test_no_chart_is_drawn_while_a_moved_control_waits_for_its_picture(studio, drawn, monkeypatch):
    monkeypatch.setattr(screen, "CHART_SECONDS", 0.0)
    advance(studio.engine, screen.CHART_FROM)
    drawn.clear()
    change(studio.engine, beta=77)
    studio.screen.show(studio.engine, painting=True)
    assert drawn == []
    studio.engine.advance()
    studio.screen.show(studio.engine, painting=True)
    assert len(drawn) == 1


def test_a_control_that_was_moved_and_moved_back_awaits_no_picture(studio):
    for beta in (77, studio.engine.settings.recipe.beta):
        change(studio.engine, beta=beta)
        assert screen.awaited(studio.engine) is (beta == 77)
    studio.engine.advance()
    assert screen.awaited(studio.engine) is False


def test_a_long_history_is_thinned_and_keeps_its_last_point(studio, drawn):
    record = studio.engine.history[0]
    studio.engine.history = [copy.copy(record) for _ in range(10_001)]
    studio.screen.show(studio.engine, painting=False)
    records = drawn[-1][0]
    assert len(records) <= screen.CHART_POINTS + 1
    assert records[-1] is studio.engine.history[-1]


def test_the_curve_of_a_term_has_a_gap_where_it_was_switched_off(painting):
    for tv in (0, 5):
        change(painting, tv=tv)
        advance(painting, 2)
    figure = Figure()
    marks = [made.index for made in painting.frame.changes[1:]]
    screen.draw_losses(painting.history, marks, figure)
    (axes,) = figure.axes
    curves = {line.get_label(): line.get_ydata() for line in axes.lines}
    assert {"total", "content", "style", "variation"} <= set(curves)
    # The change at step 4 acts from the picture of step 5 on. A log scale draws no zeros.
    assert [value > 0 for value in curves["variation"]] == [*[True] * 5, False, False, True, True]
    assert [line.get_xdata()[0] for line in axes.lines[-2:]] == marks == [4, 6]
    figure.savefig(io.BytesIO())


def test_what_is_said_is_text_and_not_markup(studio):
    studio.screen.say("odd <b>", "info")
    assert message(studio) == "<div class='nstkit-info'>odd &lt;b&gt;</div>"
    studio.screen.say("")
    assert message(studio) == ""


def test_the_status_tells_step_speed_ratio_and_size(studio):
    status = studio.screen.status
    assert status.value == "<b>step 0</b> · paused · β/α = 10 · 49 × 33 px"
    studio.set(beta=30, alpha=0)
    press(studio, "step")
    assert status.value == "<b>step 1</b> · paused · α = 0 · 49 × 33 px"
    studio.engine.pace = 0.25
    studio.screen.show(studio.engine, painting=True)
    assert "4.0 steps/s" in status.value
