"""The studio's screen: the picture, the line below it, and the curves."""

from __future__ import annotations

import copy
import io
from pathlib import Path
from types import SimpleNamespace

import ipywidgets
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image
from studio_tools import SCALED, advance, change, message, press, widgets_of

import nstkit
from nstkit.studio import screen


def picture(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


@pytest.fixture
def drawn(charts, monkeypatch):
    """The records and marks of the charts so far, which are drawn as little as can be."""
    seen = []
    monkeypatch.setattr(screen, "draw_losses", lambda *given: seen.append(given[:2]))
    return seen


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(screen, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_the_picture_shown_is_the_newest_one(charts, studio):
    studio.run(2, progress=False)
    shown = picture(studio.screen.picture.value)
    image = studio.engine.frame.image
    assert shown.size == image.shape[:1:-1]
    assert (nstkit.load_image(shown) - image).abs().mean() < 0.02  # JPEG
    assert picture(studio.screen.chart.value).format == "PNG"


def test_photograph_and_artwork_are_shown_and_follow_the_settings(studio):
    def shown(widget):
        return nstkit.load_image(picture(widget.value))

    for style in ("great_wave", "scream"):
        studio.set(style=style)
        pictures = studio.engine.pictures
        assert (shown(studio.screen.photograph) - pictures.content).abs().mean() < 0.02
        assert (shown(studio.screen.artwork) - pictures.works.plain).abs().mean() < 0.02
    height, width = pictures.content.shape[-2:]
    rules = [w.value for w in widgets_of(studio) if isinstance(w, ipywidgets.HTML)]
    assert any(f"--nstkit-shape: {width} / {height};" in rule for rule in rules)


def test_each_view_is_a_class_of_the_style_sheet_and_one_is_chosen(studio):
    sheet = Path(screen.__file__).with_name("style.css").read_text()
    (pictures,) = widgets_of(studio, "pictures")
    for view, (name, _) in screen.VIEWS.items():
        studio.screen.view.value = view
        chosen = [c for c in pictures._dom_classes if c.startswith("nstkit-view-")]
        assert chosen == [f"nstkit-view-{name}"]
        assert f".nstkit-view-{name} >" in sheet


def test_a_large_picture_is_shown_no_larger_than_a_page_needs():
    large, small = torch.rand(1, 3, 1000, 1500), torch.rand(1, 3, 40, 30)
    assert screen.fitted(large).shape == (1, 3, 533, screen.SIDE)
    assert screen.fitted(small) is small


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
    assert {"total", "content", "style", "smoothing"} <= set(curves)
    # The change at step 4 acts from the picture of step 5 on. A log scale draws no zeros.
    assert [value > 0 for value in curves["smoothing"]] == [*[True] * 5, False, False, True, True]
    assert [line.get_xdata()[0] for line in axes.lines[-2:]] == marks == [4, 6]
    figure.savefig(io.BytesIO())


def test_what_is_said_is_text_and_not_markup(studio):
    studio.screen.say("odd <b>", "info")
    assert message(studio) == "<div class='nstkit-info'>odd &lt;b&gt;</div>"
    studio.screen.say("")
    assert message(studio) == ""


def test_the_status_tells_step_speed_ratio_and_size(studio):
    status = studio.screen.status
    assert status.value == "<b>step 0</b> · paused · 0:00 min · β/α = 10 · 49 × 33 px"
    studio.set(beta=30, alpha=0)
    press(studio, "step")
    assert status.value == "<b>step 1</b> · paused · 0:00 min · α = 0 · 49 × 33 px"
    studio.engine.pace = 0.25
    studio.screen.show(studio.engine, painting=True)
    assert "4.0 steps/s" in status.value
