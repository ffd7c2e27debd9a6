"""`Kit`: makes the widgets of one panel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import ipywidgets as widgets
from traitlets import Unicode

LABEL = "82px"  # the width of what stands in front of a control


class Field(widgets.Text):
    """A field of text that ipywidgets does not send back to the page, for it may hold megabytes."""

    value = Unicode("").tag(sync=True, echo_update=False)


class Kit:
    """Makes the widgets of one panel, which share their layouts and styles.

    To ipywidgets each layout and each style is a widget too, with messages of its own when it is
    made and when it is closed. A kernel drops messages when more than a thousand wait, and then the
    page shows that a model was not found. So widgets that look alike have one layout and one style,
    and CSS classes are given when a widget is made.
    """

    def __init__(self) -> None:
        self._shared: dict[tuple[Any, ...], widgets.Widget] = {}
        self._made: list[widgets.Widget] = []

    def make(self, kind: type, parts: str, *values: Any, **options: Any) -> Any:
        """Return a widget.

        Args:
            kind: its class.
            parts: its names for the style sheet, with blanks between them.
            values: its arguments.
            options: its keyword arguments. ``layout`` and ``style`` are shared if they are not
                widgets. In ipywidgets 7 many widgets have no tooltip: theirs is left out.
        """
        classes = tuple(f"nstkit-{part}" for part in parts.split())
        traits = kind.class_traits()
        if "tooltip" not in traits:
            options.pop("tooltip", None)
        for look in ("layout", "style"):
            if look in traits:
                options[look] = self._alike(traits[look].klass, options.get(look, {}))
        self._made.append(made := kind(*values, _dom_classes=classes, **options))
        return made

    def html(self, parts: str, text: str = "", **options: Any) -> widgets.HTML:
        """Return text."""
        return self.make(widgets.HTML, parts, text, **options)

    def hidden(self, text: str = "") -> widgets.HTML:
        """Return HTML that is not shown, such as a style sheet."""
        return self.html("", text, layout={"display": "none"})

    def button(self, parts: str, label: str, tooltip: str) -> widgets.Button:
        """Return a button."""
        return self.make(widgets.Button, parts, description=label, tooltip=tooltip)

    def caption(self, text: str) -> widgets.HTML:
        """Return a line of small text."""
        return self.html("caption", text)

    def lead(self, text: str) -> widgets.HTML:
        """Return a text in front of a control, which names it for those who hear the page."""
        return self.html("lead", text)

    def menu(self, parts: str, label: str, options: Any) -> widgets.Dropdown:
        """Return a drop-down menu with its label in front."""
        style = {"description_width": LABEL}
        return self.make(widgets.Dropdown, parts, options=options, description=label, style=style)

    def slider(self, parts: str, label: str = "", **options: Any) -> widgets.SelectionSlider:
        """Return a slider over some values, which are offered later."""
        options = {"options": [1.0], **options}
        return self.make(widgets.SelectionSlider, parts, description=label, **options)

    def field(self, parts: str) -> widgets.Text:
        """Return a field of text that the page's script fills."""
        return self.make(Field, parts, continuous_update=False)

    def row(self, *parts: widgets.Widget, name: str = "", **options: Any) -> widgets.HBox:
        """Return widgets side by side, or below each other where there is no room."""
        return self.make(widgets.HBox, f"row {name}", parts, **options)

    def column(
        self, parts: str, children: Sequence[widgets.Widget], **options: Any
    ) -> widgets.VBox:
        """Return widgets below each other."""
        return self.make(widgets.VBox, parts, children, **options)

    def discard(self, unused: Iterable[widgets.Widget]) -> None:
        """Close some widgets that it made, with what is in them."""
        for widget in unused:
            self.discard(getattr(widget, "children", ()))
            widget.close()
            self._made.remove(widget)

    def close(self) -> None:
        """Close all that it made, also what is not in the panel.

        A widget that stayed would name a layout that is gone, and no page could load any panel.
        """
        for widget in (*self._made, *self._shared.values()):
            widget.close()

    def _alike(self, kind: type, look: Any) -> widgets.Widget:
        """Return the layout or style of a look; of the same look, the same one."""
        if isinstance(look, widgets.Widget):
            self._made.append(look)
            return look
        key = kind, *sorted(look.items())
        if key not in self._shared:
            self._shared[key] = kind(**look)
        return self._shared[key]
