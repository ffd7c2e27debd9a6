"""The parts of the studio's controls: menus, weights, and rows of weighted layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import ipywidgets as widgets

from nstkit.recipes import STYLE_LAYERS
from nstkit.studio.kit import Kit
from nstkit.studio.settings import short
from nstkit.vgg.names import layer_names

ROUND = (1, 1.5, 2, 3, 5, 7)


def offer(menu: widgets.Widget, options: Sequence[Any], value: Any) -> None:
    """Choose a value. Options that are the same are not set, for the page would redraw them."""
    if tuple(menu.options) != tuple(options):
        menu.options = options
    menu.value = value


def offer_number(
    slider: widgets.SelectionSlider, numbers: Iterable[float], value: float,
    told: Callable[[float], str] = short,
) -> None:  # fmt: skip
    """Move a slider over some numbers to any value, which it offers too."""
    offer(slider, [(told(number), number) for number in sorted({*numbers, value})], value)


class Silent:
    """What has controls, and may move them without hearing of it."""

    _quiet = False

    @contextmanager
    def silently(self) -> Iterator[None]:
        """Move controls, and take no notice."""
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before


class Dial:
    """A weight: a switch, and a slider over round numbers. Off is 0.

    Args:
        kit: makes its widgets.
        part: its name for the style sheet.
        first: its label, or a widget in place of one.
        low: power of ten of its left end; high: of its right end.
    """

    def __init__(
        self, kit: Kit, part: str, first: widgets.Widget | str, low: int, high: int
    ) -> None:
        first = kit.lead(first) if isinstance(first, str) else first
        self._numbers = [float(f"{m}e{power}") for power in range(low, high) for m in ROUND]
        self._numbers.append(10.0**high)
        self.on = kit.make(widgets.Checkbox, "", True, indent=False, layout={"width": "18px"})
        self.slider = kit.slider("")
        self.box = kit.row(self.on, first, self.slider, name=part)
        self.show(1.0)

    def read(self) -> float:
        """Return the weight."""
        return self.slider.value if self.on.value else 0.0

    def show(self, weight: float) -> None:
        """Move the slider to any weight; 0 switches the dial off and leaves the slider."""
        self.on.value = weight > 0
        if weight:
            offer_number(self.slider, self._numbers, weight)


class Layers:
    """Rows of one layer each, with its weight."""

    def __init__(self, kit: Kit) -> None:
        self.menus = [
            kit.make(widgets.Dropdown, "layer", tooltip="style layer") for _ in STYLE_LAYERS
        ]
        self.dials = [
            Dial(kit, f"layer-{number}", menu, -2, 1) for number, menu in enumerate(self.menus, 1)
        ]
        self.box = kit.column("", [dial.box for dial in self.dials])

    def read(self) -> dict[str, float]:
        """Return {layer: weight} of the rows that are on."""
        layers: dict[str, float] = {}
        for row, dial in zip(self.menus, self.dials, strict=True):
            if weight := dial.read():
                layers[row.value] = layers.get(row.value, 0.0) + weight
        return layers

    def show(self, layers: Mapping[str, float], arch: str) -> None:
        """Show weighted layers, and switch all other rows off.

        Raises:
            ValueError: There are more layers than rows.
        """
        used = [name for name, weight in layers.items() if weight]
        if len(used) > len(self.menus):
            raise ValueError(f"the recipe has {len(used)} style layers; expected at most "
                             f"{len(self.menus)}, one for each row")  # fmt: skip
        spare = [name for name in STYLE_LAYERS if name not in used]
        names = sorted([*used, *spare][: len(self.menus)], key=layer_names(arch).index)
        for row, dial, name in zip(self.menus, self.dials, names, strict=True):
            offer(row, layer_names(arch), name)
            dial.show(layers.get(name, 0.0))
