"""The studio's region: a part of the photograph that alone is painted.

It is drawn on the photograph with the mouse, as a rectangle or an ellipse, or it is all that has
nearly some color, which a click on the photograph picks. ipywidgets have no events of the mouse. So
the photograph is an HTML widget whose own handlers draw a frame while the mouse moves, and write
what was drawn into a text field when it is released. That field is an ordinary widget.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping

import ipywidgets as widgets
import torch
from torch import Tensor

from nstkit.painting.start import Given, as_image
from nstkit.pictures.masks import Mask, color_range, dimmed, ellipse, rectangle
from nstkit.pictures.scene import Region
from nstkit.pictures.sizes import resize
from nstkit.studio.dials import Silent
from nstkit.studio.kit import LABEL, Kit
from nstkit.studio.screen import jpeg
from nstkit.studio.settings import same

WHOLE, OWN = "the whole picture", "as given"
SHAPES: dict[str, Callable[..., Mask]] = {"a rectangle": rectangle, "an ellipse": ellipse}
COLOR = "a color"
SIDE = 400  # px of the long side of the photograph here
NEAR = 3  # px around a click whose mean color is taken
HELP = "Drag over the photograph to draw the shape, or click on it to pick the color. "
HELP += "The dark part stays as it is in the photograph."
# Handlers of the photograph: a frame follows the mouse, and the text field gets what was drawn.
DOWN = """event.preventDefault(); this.setPointerCapture(event.pointerId);
const box = this.getBoundingClientRect();
this.begun = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];"""
MOVE = """if (this.begun) { const box = this.getBoundingClientRect(), frame = this.lastElementChild,
  now = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height]
    .map(part => Math.min(Math.max(part, 0), 1)),
  from = now.map((part, axis) => Math.min(part, this.begun[axis])),
  to = now.map((part, axis) => Math.max(part, this.begun[axis]));
  this.drawn = [...from, ...to];
  Object.assign(frame.style, {display: 'block', left: 100 * from[0] + '%', top: 100 * from[1] + '%',
    width: 100 * (to[0] - from[0]) + '%', height: 100 * (to[1] - from[1]) + '%'}); }"""
UP = """if (this.begun) { const drawn = this.drawn || [...this.begun, ...this.begun];
  const field = this.closest('.nstkit-region').querySelector('.nstkit-drawn input');
  field.value = drawn.map(part => part.toFixed(4)).join(' ');
  for (const kind of ['input', 'change']) field.dispatchEvent(new Event(kind, {bubbles: true}));
  this.begun = this.drawn = null; this.lastElementChild.style.display = 'none'; }"""
CANVAS = """<div class="nstkit-canvas" title="drag: draw the shape; click: pick the color"
 onpointerdown="{down}" onpointermove="{move}" onpointerup="{up}" onpointercancel="{up}">
<img draggable="false" alt="the photograph, dark where it is not painted"
 src="data:image/jpeg;base64,{data}"><i class="{round}"></i></div>"""

WIDTH = {"description_width": LABEL}
INVERSE = {"description": "all but this", "indent": False}
PICKED = {"description": "color", "style": WIDTH}
TOLERANCE = {"min": 0.01, "max": 0.6, "step": 0.01, "description": "tolerance", "style": WIDTH}


class RegionPicker(Silent):
    """Choose the part of the photograph that is painted.

    Args:
        kit: makes their widgets.
        changed: called with the change after a reader has drawn or moved something here.

    Attributes:
        kind: the menu; inverse: the checkbox that swaps inside and outside; across, down: sliders
            of the shape's sides; color, tolerance: of the color; canvas: the photograph, HTML;
            drawn: the text field that its handlers fill; box: what to display.
    """

    def __init__(self, kit: Kit, changed: Callable[[Mapping[str, object]], None]) -> None:
        self._changed = changed
        self._content: Given | None = None
        self._photo = torch.zeros(1, 3, 32, 32)
        self._given: tuple[Region, ...] = ()  # what the widgets cannot show
        self.kind = kit.menu("kind", "paint", [WHOLE, *SHAPES, COLOR])
        self.inverse = kit.make(
            widgets.Checkbox, "inverse", False, layout=widgets.Layout(width="110px"), **INVERSE
        )
        self.across = _sides(kit, "across", "left, right")
        self.down = _sides(kit, "down", "top, bottom")
        self.color = kit.make(widgets.ColorPicker, "picked", value="#87ceeb", **PICKED)
        self.tolerance = kit.make(widgets.FloatSlider, "tolerance", value=0.15, **TOLERANCE)
        self.canvas = kit.html("photo", layout=widgets.Layout())
        self.drawn = kit.make(
            widgets.Text, "drawn", continuous_update=False, layout=widgets.Layout()
        )
        self.box = kit.column("region", self._rows(kit))
        for widget in (self.kind, self.inverse, *self._sliders()):
            widget.observe(self._moved, "value")
        self.drawn.observe(self._on_drawn, "value")
        self._arrange()

    # ------------------------------------------------------------ settings

    def read(self) -> tuple[Region, ...]:
        """Return the regions: none, those that were given, or one that is not painted."""
        if self.kind.value in (WHOLE, OWN):
            return self._given if self.kind.value == OWN else ()
        mask = self._mask()
        return (Region(mask if self.inverse.value else ~mask),)

    def show(self, regions: tuple[Region, ...], content: Given) -> None:
        """Show what is painted of a photograph."""
        new = self._content is None or not same(content, self._content)
        if new:
            self._content, self._photo = content, small(content)
        if moved := not same(regions, self.read()):
            self._take(regions)
        if new or moved:  # each move of any control comes here, and the photograph takes time
            self._arrange()

    def _take(self, regions: tuple[Region, ...]) -> None:
        """Move the widgets so that they show regions, as far as they can."""
        found = _told(regions)
        self._given = self._given if found or not regions else regions
        with self.silently():
            self.kind.options = [WHOLE, *SHAPES, COLOR, *([OWN] if self._given else [])]
            self.kind.value = found[0] if found else (OWN if regions else WHOLE)
            if not found:
                return
            kind, options, self.inverse.value = found
            if kind == COLOR:
                self.color.value = _hex(options["color"])
                self.tolerance.value = options["tolerance"]
            else:
                self.across.value = options["left"], options["right"]
                self.down.value = options["top"], options["bottom"]

    def _mask(self) -> Mask:
        if self.kind.value == COLOR:
            return color_range(self.color.value, self.tolerance.value)
        (left, right), (top, bottom) = self.across.value, self.down.value
        return SHAPES[self.kind.value](left, top, right, bottom)

    # ------------------------------------------------------------ the page

    def _moved(self, change: Mapping[str, object]) -> None:
        if not self._quiet:
            self._arrange()
            self._changed(change)

    def _on_drawn(self, _: object) -> None:
        """Take what the mouse has drawn: a shape, or a click, which picks a color."""
        try:
            left, top, right, bottom = (float(part) for part in self.drawn.value.split())
        except ValueError:  # empty, or typed by hand
            return
        if self.kind.value == COLOR or (right - left) * (bottom - top) < 1e-4:
            self._set({self.kind: COLOR, self.color: _hex(color_at(self._photo, right, bottom))})
        else:
            shape = self.kind.value if self.kind.value in SHAPES else next(iter(SHAPES))
            self._set({self.kind: shape, self.across: (left, right), self.down: (top, bottom)})
        self.drawn.value = ""  # so that the same place can be drawn again

    def _set(self, values: dict[widgets.Widget, object]) -> None:
        """Move several widgets, and tell of it once."""
        with self.silently():
            for widget, value in values.items():
                widget.value = value
        self._moved({})

    def _arrange(self) -> None:
        """Show the widgets of the kind that is chosen, and the photograph with its mask."""
        kind = self.kind.value
        drawn = kind in (*SHAPES, COLOR)
        parts = (self.inverse, *self.box.children)
        for part, shown in zip(parts, (drawn, *self._shown(kind)), strict=True):
            display = None if shown else "none"
            if part.layout.display != display:
                part.layout.display = display
        if kind != WHOLE:
            self.canvas.value = drawing(self._photo, self._kept(), kind == "an ellipse")

    def _kept(self) -> Tensor:
        """Return the mask of what is not painted, for the photograph as it is shown."""
        masks = [r.mask.of(self._photo) for r in self.read() if not r.painted]
        return sum(masks, torch.zeros_like(self._photo[:, :1])).clamp(0, 1)

    def _rows(self, kit: Kit) -> list[widgets.Widget]:
        return [
            kit.row(self.kind, self.inverse, layout=widgets.Layout()),
            kit.row(self.across, self.down, layout=widgets.Layout()),
            kit.row(self.color, self.tolerance, layout=widgets.Layout()),
            self.canvas,
            self.drawn,
            kit.html("caption", HELP, layout=widgets.Layout()),
        ]

    def _shown(self, kind: str) -> list[bool]:
        """Tell which rows a kind shows."""
        some = kind != WHOLE
        return [True, kind in SHAPES, kind == COLOR, some, some, some]

    def _sliders(self) -> list[widgets.Widget]:
        return [self.across, self.down, self.color, self.tolerance]


def _sides(kit: Kit, part: str, label: str) -> widgets.FloatRangeSlider:
    return kit.make(widgets.FloatRangeSlider, part, value=(0.2, 0.8), min=0, max=1, step=0.01,
                    description=label, readout=False, style=WIDTH)  # fmt: skip


def _told(regions: tuple[Region, ...]) -> tuple[str, dict, bool] | None:
    """Return the kind, the options and the inverse of what the widgets can show of regions."""
    if len(regions) != 1 or not same(regions[0], Region(regions[0].mask)):
        return None
    mask, inverse = regions[0].mask, True
    if mask.kind == "inverse":
        mask, inverse = dict(mask.options)["mask"], False
    kinds = {make(0, 0, 1, 1).kind: name for name, make in SHAPES.items()} | {"color_range": COLOR}
    kind, options = kinds.get(mask.kind), dict(mask.options)
    if kind == COLOR:
        shown = color_range(_hex(options["color"]), options["tolerance"])
    elif kind:
        shown = SHAPES[kind](*(options[side] for side in ("left", "top", "right", "bottom")))
    return (kind, options, inverse) if kind and shown == mask else None


def small(content: Given) -> Tensor:
    """Return a photograph as it is shown here, (1, 3, H, W) in [0, 1]."""
    if not isinstance(content, Tensor):
        return as_image(content, SIDE, "cpu")
    picture = as_image(content, None, "cpu")
    factor = SIDE / max(picture.shape[-2:])
    return resize(picture, *(max(round(side * factor), 1) for side in picture.shape[-2:]))


def drawing(photo: Tensor, kept: Tensor, round_frame: bool) -> str:
    """Return the HTML of the photograph, dark where it is kept."""
    handlers = {"down": DOWN, "move": MOVE, "up": UP}
    code = {name: " ".join(text.split()).replace('"', "&quot;") for name, text in handlers.items()}
    data = base64.b64encode(jpeg([dimmed(photo, 1 - kept)])).decode("ascii")
    return CANVAS.format(**code, data=data, round="nstkit-round" if round_frame else "")


def color_at(photo: Tensor, x: float, y: float) -> tuple[float, ...]:
    """Return the mean color around a place of a photograph, given in shares of its sides."""
    height, width = photo.shape[-2:]
    line, column = min(int(y * height), height - 1), min(int(x * width), width - 1)
    near = photo[
        ..., max(line - NEAR, 0) : line + NEAR + 1, max(column - NEAR, 0) : column + NEAR + 1
    ]
    return tuple(near.mean((0, 2, 3)).tolist())


def _hex(color: tuple[float, ...]) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in color)
