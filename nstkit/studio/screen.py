"""The studio's screen: the picture, what is known of it, and the curves of its losses."""

from __future__ import annotations

import html
import io
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import ipywidgets as widgets
from PIL import Image
from torch import Tensor

from nstkit.descent import Record
from nstkit.painting.given import finished
from nstkit.painting.scales import Scale, sized
from nstkit.pictures.images import to_pil
from nstkit.pictures.plots import draw_curves, render
from nstkit.studio.dials import named, short
from nstkit.studio.engine import Engine
from nstkit.studio.run import Frame

if TYPE_CHECKING:
    from matplotlib.figure import Figure

VIEWS = ("content", "now", "style", "all three")
VIEW_TIPS = ("the photograph", "the current painting", "the artwork", "all three, side by side")
CHART, CHART_FROM = (4.0, 1.7), 4  # inches; points, since fewer are no curve
CHART_SECONDS = 4.0  # between two charts, since one takes 0.1 s
CHART_POINTS = 300  # of a curve


class Screen:
    """Shows an engine. It writes to its widgets only when there is something new.

    Attributes:
        picture, chart: image widgets, of JPEG and PNG data.
        status: the line below the picture, HTML; message: what `say` says; script: the lines that
            paint the picture again.
        view: the buttons that choose which pictures to show.
        box: picture, view, status and chart; message and script are arranged by `page`.
    """

    def __init__(self) -> None:
        self.picture = named("picture", widgets.Image(format="jpeg"))
        self.chart = named("chart", widgets.Image(format="png"))
        self.status = named("status", widgets.HTML())
        self.message = named("message", widgets.HTML())
        self.script = named("script", widgets.HTML())
        self.view = named("view", widgets.ToggleButtons(options=VIEWS, value="now",
                                                        tooltips=VIEW_TIPS))  # fmt: skip
        self.view.style.button_width = "84px"
        self.box = widgets.VBox([self.picture, self.view, self.status, self.chart])
        self._shown: tuple[Frame, str] | None = None
        self._charted: Record | None = None
        self._charted_at = 0.0

    def show(self, engine: Engine, painting: bool) -> None:
        """Show the newest picture, and the curves if they are old or nothing is painted."""
        frame, view = engine.newest, self.view.value
        if self._shown != (frame, view):
            self.picture.value = jpeg(seen(engine, frame, view))
            self._shown = frame, view
        rate = f"{engine.rate:.1f} steps/s" if painting else "paused"
        self.status.value = status(frame, rate, engine.scales)
        now = time.monotonic()
        begun = len(engine.history) > CHART_FROM
        due = begun and now - self._charted_at > CHART_SECONDS
        # A reader who has moved a control waits for a picture, and a chart would delay it.
        if not painting or (due and not awaited(engine)):
            self._draw_chart(engine)
            self._charted_at = now

    def say(self, text: str, kind: str = "error") -> None:
        """Show a sentence, of kind "error" or "info"; none at all if it is empty."""
        self.message.value = told(text, kind)

    def _draw_chart(self, engine: Engine) -> None:
        records = engine.history
        if self._charted is not (last := records[-1]):
            thinned = [*records[: -1 : len(records) // CHART_POINTS + 1], last]
            draw = partial(draw_losses, thinned, engine.frame.marks)
            self.chart.value = render(draw, "", "png", CHART).data
            self._charted = last


def told(text: str, kind: str) -> str:
    """Return a sentence as HTML, of kind "error" or "info"; none at all if it is empty."""
    return f"<div class='nstkit-{kind}'>{html.escape(text)}</div>" if text else ""


def seen(engine: Engine, frame: Frame, view: str) -> list[Tensor]:
    """Return the pictures of a view, from left to right, (1, 3, H, W) each.

    The painting has the size of its scale, and the colors in which it will be saved.
    """
    content, scene = engine.pictures.content, engine.pictures.scene
    size = frame.image.shape[-2:]
    small = scene.mapped(lambda picture: sized(picture, size), lambda artwork: artwork)
    now = finished(frame.image, small, sized(content, size), frame.settings.recipe.color)
    pictures = {"content": [content], "now": [now], "style": list(engine.pictures.works.pictures)}
    return pictures.get(view) or sum(pictures.values(), [])


def awaited(engine: Engine) -> bool:
    """Return whether a control has moved and no picture shows it yet."""
    shown, wanted = engine.newest.settings, engine.settings
    return shown is not wanted and bool(shown.changes(wanted))


def status(frame: Frame, rate: str, scales: Sequence[Scale]) -> str:
    """Return the line below the picture."""
    recipe, (height, width) = frame.settings.recipe, frame.image.shape[-2:]
    ratio = f"β/α = {short(recipe.beta / recipe.alpha)}" if recipe.alpha else "α = 0"
    number = sum(scale.factor <= frame.factor for scale in scales)
    scale = f", scale {number}/{len(scales)}" if len(scales) > 1 else ""
    return f"<b>step {frame.index}</b> · {rate} · {ratio} · {width} × {height} px{scale}"


def draw_losses(records: Sequence[Record], marks: Sequence[int], figure: Figure) -> None:
    """Draw the loss and its weighted terms, and a line at each mark."""
    # Fixed margins, few ticks and no formulas are quick to draw, and drawing holds up the painting.
    figure.set_layout_engine(None)
    axes = figure.add_axes((0.11, 0.21, 0.61, 0.75))
    draw_curves(axes, records, label=lambda name, first, last: name)
    for index in marks:
        axes.axvline(index, color="#888888", linewidth=0.8)
    axes.tick_params(labelsize=7)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.set_xlabel("step", fontsize=7)
    axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1.03), fontsize=7)


def jpeg(images: Sequence[Tensor]) -> bytes:
    """Encode images (1, 3, H, W) side by side, all of the second one's height."""
    pictures = [to_pil(image) for image in images]
    height = pictures[:2][-1].height  # of three, that of the painting
    scaled = [p.resize((max(1, round(p.width * height / p.height)), height)) for p in pictures]
    sheet = Image.new("RGB", (sum(p.width for p in scaled), height))
    left = 0
    for picture in scaled:
        sheet.paste(picture, (left, 0))
        left += picture.width
    file = io.BytesIO()
    sheet.save(file, "JPEG", quality=90, subsampling="4:4:4")  # small, shown enlarged
    return file.getvalue()
