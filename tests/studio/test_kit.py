"""The widgets of a panel: alike ones share their looks, and there are not too many messages."""

from __future__ import annotations

import ipywidgets as widgets
import pytest

import nstkit
from nstkit.studio import jobs
from nstkit.studio.kit import Kit


def test_widgets_that_look_alike_share_layout_and_style_and_others_do_not():
    kit = Kit()
    one, two = kit.button("a", "a", "a"), kit.button("b", "b", "b")
    wide = kit.make(widgets.Button, "c", layout={"width": "99px"})
    own = kit.make(widgets.Button, "d", layout=widgets.Layout())
    assert one.layout is two.layout and one.style is two.style
    assert len({one.layout, wide.layout, own.layout}) == 3
    assert Kit().button("a", "a", "a").layout is not one.layout  # each panel closes its own
    assert isinstance(
        kit.menu("m", "m", []).style, widgets.widgets.widget_description.DescriptionStyle
    )


def test_names_are_classes_from_the_beginning_and_tooltips_are_left_out_where_there_are_none():
    made = Kit().make(widgets.HTML, "one two", "text")
    assert made._dom_classes == ("nstkit-one", "nstkit-two")

    class Old(widgets.Widget):  # of ipywidgets 7
        def __init__(self, **options):
            assert "tooltip" not in options
            super().__init__()

    Kit().make(Old, "", tooltip="told")


def test_closing_closes_what_is_shared_too():
    kit = Kit()
    box = kit.column("box", [kit.button("a", "a", "a"), kit.button("b", "b", "b")])
    apart = kit.button("c", "c", "not in the box")
    parts = [box, *box.children, apart, box.layout, apart.layout, apart.style]
    kit.close()
    assert all(part.comm is None for part in parts)


def test_what_is_discarded_is_closed_with_what_is_in_it_and_looks_stay():
    kit = Kit()
    box = kit.column("box", [kit.button("a", "a", "a")])
    other = kit.button("b", "b", "b")
    kit.discard([box])
    assert box.comm is None and box.children[0].comm is None
    assert other.comm is not None and other.layout.comm is not None
    kit.close()
    assert other.comm is None


@pytest.fixture
def constructed():
    """All widgets that are made."""
    made = []
    widgets.Widget.on_widget_constructed(made.append)
    yield made
    widgets.Widget.on_widget_constructed(None)


def test_a_closed_panel_leaves_no_widget_behind(open_studio, constructed):
    """One that names a closed layout would keep a page from loading any panel after a reload."""
    studio = open_studio()
    for _ in range(2):
        studio.desk.begin(jobs.Grid(studio.engine.settings, (33, 49), "fp32", None))
    studio.close()
    assert len(constructed) > 150
    assert [widget for widget in constructed if widget.comm is not None] == []


def test_a_closed_instant_panel_leaves_none_either(constructed):
    nstkit.Instant(size=64).close()
    assert len(constructed) > 30
    assert [widget for widget in constructed if widget.comm is not None] == []


def test_a_panel_is_of_few_enough_widgets_for_the_queue_of_a_kernel(studio):
    """A kernel drops messages when more than a thousand wait; a cell run again closes and makes."""
    found, todo = set(), [studio.box]
    while todo:
        found.add(widget := todo.pop())
        found |= {widget.layout, getattr(widget, "style", None)} - {None}
        todo += getattr(widget, "children", ())
    assert len(found) < 250
