"""The studio's page: its beat, its cell, its buttons, and the sentences for errors."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from studio_tools import beat, change, play, play_button, shown_step, widgets_of

from nstkit.lesson import Choice
from nstkit.studio import Instant, page
from nstkit.studio.worker import Worker


def test_nothing_is_painted_before_the_page_has_pressed_play(studio):
    beat(studio)
    assert not studio.painting
    assert shown_step(studio) == 0
    assert "paused" in studio.screen.status.value


@pytest.mark.parametrize(("rate", "moved", "ms"), [(9, 0, 100), (2, 0, 300), (2, 1, 100)])
def test_slow_steps_need_few_beats_until_a_control_moves(studio, monkeypatch, rate, moved, ms):
    studio.engine.pace = 1 / rate
    if moved:
        change(studio.engine, beta=77)
    assert page.interval(studio.engine) == ms
    # A page whose kernel has not made another step yet.
    monkeypatch.setattr(Worker, "beat", lambda self: None)
    play_button(studio).playing = True
    beat(studio)
    assert play_button(studio).interval == ms


def test_starting_one_panel_pauses_the_other(open_studio):
    one, two = open_studio(), open_studio()
    for first, second in ((one, two), (two, one), (one, two)):
        play(first, 1)
        play(second, 1)
        assert play_button(first).playing is False
        assert not first.painting
        beat(first)  # one that was under way
        assert not first.painting


def test_a_cell_that_is_run_again_closes_its_panel(open_studio):
    old, other = open_studio("a"), open_studio("b")
    play(old, 1)
    parts = widgets_of(old)
    new = open_studio("a")
    assert not old.painting
    assert all(part.comm is None for part in parts)
    assert all(part.comm is not None for part in [*widgets_of(new), *widgets_of(other)])
    play(new, 1)


@pytest.fixture
def run_cell(monkeypatch):
    """A function that lets the next panels be made in a run of a cell."""

    def run(cell, execution):
        asked = {"metadata": {"cellId": cell}, "header": {"msg_id": execution}}
        shell = SimpleNamespace(get_parent=lambda: asked)
        monkeypatch.setattr("IPython.get_ipython", lambda: shell)

    return run


def test_a_cell_may_show_several_panels_which_close_when_it_is_run_again(run_cell):
    run_cell("a", "first run")
    choice = Choice("cat")
    instant = Instant("cat", "great_wave", size=64)
    run_cell("b", "another cell")
    other = Choice("cat")
    assert all(panel.box.comm is not None for panel in (choice, instant, other))
    run_cell("a", "second run")
    again = Choice("cat")
    assert choice.box.comm is None and instant.box.comm is None
    assert again.box.comm is not None and other.box.comm is not None
    again.close()
    other.close()


def test_the_cell_is_told_by_the_page_or_by_its_text(monkeypatch):
    shell = SimpleNamespace(get_parent=lambda: {"metadata": {"cellId": "abc"}})
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    assert page.cell_id() == "abc"
    shell.get_parent, shell.user_ns = (lambda: {}), {"In": ["", "studio"]}
    assert page.cell_id() == "studio"
    monkeypatch.setattr("IPython.get_ipython", lambda: None)
    assert page.cell_id() == ""


def test_every_button_says_what_it_does(studio):
    for name, (label, tooltip, _) in page.BUTTONS.items():
        (button,) = widgets_of(studio, name)
        assert (button.description, button.tooltip) == (label, tooltip)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("Too dark."), "Too dark. The painting is as it was."),
        (ValueError("too dark"), "too dark. The painting is as it was."),
        (OSError("Gone."), "Gone. The painting is as it was."),
        (RuntimeError("CUDA out of memory."), "This does not fit into the memory."),
        (MemoryError(), "This does not fit into the memory."),
        (FloatingPointError("odd"), "FloatingPointError: odd. The painting is as it was"),
    ],
)
def test_an_error_is_explained_in_a_sentence(error, told):
    assert page.explained(error).startswith(told)
