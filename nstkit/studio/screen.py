"""The studio's screen: the picture, what is known of it, and the curves of its losses."""

from __future__ import annotations

import html
import io
import operator
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import ipywidgets as widgets
from PIL import Image
from torch import Tensor

from nstkit.descent import Record
from nstkit.painting.given import pairs_of
from nstkit.painting.scales import sized
from nstkit.pictures.artworks import Artworks
from nstkit.pictures.images import name_of, to_pil
from nstkit.pictures.plots import draw_curves, render
from nstkit.studio.engine import Engine
from nstkit.studio.kit import Kit
from nstkit.studio.run import Frame
from nstkit.studio.settings import short

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# What the buttons say, the name of the view in the style sheet, and a tooltip.
VIEWS = {
    "photograph": ("photograph", "the photograph alone"),
    "painting": ("now", "the painting alone"),
    "artwork": ("artwork", "the artwork alone"),
    "all three": ("three", "painting, photograph and artwork"),
    "wipe": ("wipe", "photograph and painting, with a border that you move"),
    "compare": ("pair", "an earlier picture beside the painting"),
    "full size": ("full", "a pixel of the painting as a pixel of the page"),
}
SIDE = 800  # px of the long side of photograph and artwork, as they are shown
WIPER = """<div class="nstkit-wipe"><input type="range" min="0" max="100" step="0.5" value="50"
 aria-label="how much of the photograph is shown, from the left"
 oninput="this.closest('.nstkit-pictures').style.setProperty('--nstkit-wipe', this.value + '%')">
</div>"""
CHART, CHART_FROM = (4.0, 1.7), 4  # inches; points, since fewer are no curve
CHART_SECONDS = 4.0  # between two charts, since one takes 0.1 s
CHART_POINTS = 300  # of a curve
TERMS = {"variation": "smoothing"}  # as the controls call it


class Heard:
    """Answers the page's script, which asks after each click; else it says that the kernel is busy.

    Args:
        kit: makes its widgets.

    Attributes:
        box: both of them, which are not shown.
    """

    def __init__(self, kit: Kit) -> None:
        asked, answer = kit.field("asked"), kit.html("answer")
        asked.observe(lambda change: setattr(answer, "value", change["new"]), "value")
        self.box = kit.column("heard", [asked, answer])


class Screen:
    """Shows an engine. It writes to its widgets only when there is something new.

    Args:
        kit: makes its widgets.

    Attributes:
        picture, photograph, artwork: image widgets, of JPEG data; chart: of the curves, PNG.
        then: of an earlier picture, which `compare` fills.
        status: the lines below the picture, HTML; message: what `say` says.
        view: the buttons that choose which pictures to show.
        box: pictures, view and status; message and chart are arranged by `page`.
    """

    def __init__(self, kit: Kit) -> None:
        names = ("picture", "", "", "")
        images = (kit.make(widgets.Image, name, format="jpeg") for name in names)
        self.picture, self.photograph, self.artwork, self.then = images
        self._labels = {name: kit.html("label") for name in ("photograph", "artwork", "then")}
        self.chart = kit.make(widgets.Image, "chart", format="png")
        self.status = kit.html("status")
        self.message = kit.html("message")
        tips = [tip for _, tip in VIEWS.values()]
        self.view = kit.make(
            widgets.ToggleButtons, "view", options=list(VIEWS), value="painting", tooltips=tips,
            style={"button_width": "auto"},
        )  # fmt: skip
        self._shape = kit.hidden()
        self._labels["then"].value = "no earlier picture yet: pin one, or save"
        self._pictures = self._arranged(kit)
        hidden = [self._shape, Heard(kit).box]
        self.box = kit.column("", [self._pictures, *hidden, self.view, self.status])
        self.view.observe(lambda _: self._look(), "value")
        self._look()
        self._shown: Frame | None = None
        self._sources: tuple[Tensor, Tensor | Artworks] | None = None
        self._charted: Record | None = None
        self._charted_at = 0.0

    def show(self, engine: Engine, painting: bool, job: str = "") -> None:
        """Show the newest picture, and the curves if they are old or nothing is painted.

        Args:
            engine: what to show.
            painting: whether it, or a job, paints now.
            job: how longer work goes on, in place of the painting's status.
        """
        frame = engine.newest
        self._show_sources(engine)
        if self._shown is not frame:
            self.picture.value = jpeg([engine.painted(frame)])
            self._shown = frame
        rate = f"{engine.rate:.1f} steps/s" if painting else "paused"
        working = "<span class='nstkit-working'></span>" if painting else ""
        self.status.value = working + (html.escape(job) or status(frame, rate, engine))
        now = time.monotonic()
        begun = len(engine.history) > CHART_FROM
        due = begun and now - self._charted_at > CHART_SECONDS
        # A reader who has moved a control waits for a picture, and a chart would delay it.
        if not painting or (due and not awaited(engine)):
            self._draw_chart(engine)
            self._charted_at = now

    def say(self, text: str, kind: str = "error", more: str = "") -> None:
        """Show a sentence, of kind "error" or "info"; none at all if it is empty.

        Args:
            text: plain text.
            kind: as above.
            more: HTML that follows it.
        """
        self.message.value = told(text, kind, more)

    def compare(self, picture: bytes, label: str, look: bool = True) -> None:
        """Show another picture, JPEG data, beside the painting.

        Args:
            picture: the other one.
            label: what it is.
            look: whether to choose the view in which both are shown.
        """
        self.then.value, self._labels["then"].value = picture, html.escape(label)
        if look:
            self.view.value = "compare"

    def _show_sources(self, engine: Engine) -> None:
        """Show photograph and artwork, if they are others than before."""
        pictures = engine.pictures
        sources = pictures.content, pictures.style
        if self._sources and all(map(operator.is_, sources, self._sources)):
            return
        self._sources = sources
        self.photograph.value = jpeg([fitted(pictures.content)])
        self.artwork.value = jpeg([fitted(picture) for picture in pictures.works.pictures])
        settings = engine.settings
        names = " and ".join(name_of(picture) for picture, _ in pairs_of(settings.style))
        self._labels["photograph"].value = html.escape(f"photograph: {name_of(settings.content)}")
        self._labels["artwork"].value = html.escape(f"artwork: {names}")
        height, width = pictures.content.shape[-2:]
        rule = f".nstkit-{self.view.model_id} {{ --nstkit-shape: {width} / {height}; }}"
        self._shape.value = f"<style>{rule}</style>"

    def _look(self) -> None:
        """Let the style sheet show the pictures of the view that is chosen."""
        for name, (view, _) in VIEWS.items():
            chosen = name == self.view.value
            (self._pictures.add_class if chosen else self._pictures.remove_class)(
                f"nstkit-view-{view}"
            )

    def _arranged(self, kit: Kit) -> widgets.Box:
        """Return the pictures, of which the style sheet shows some."""
        labels = {**self._labels, "now": kit.html("label", "painting")}
        pictures = {"photograph": self.photograph, "now": self.picture, "artwork": self.artwork,
                    "then": self.then}  # fmt: skip
        figures = [
            kit.make(widgets.Box, f"figure {name}", [picture, labels[name]])
            for name, picture in pictures.items()
        ]
        wiper = kit.html("wiper", WIPER)
        return kit.make(widgets.Box, f"pictures {self.view.model_id}", [*figures, wiper])

    def _draw_chart(self, engine: Engine) -> None:
        records = engine.history
        if self._charted is not (last := records[-1]):
            thinned = [*records[: -1 : len(records) // CHART_POINTS + 1], last]
            draw = partial(draw_losses, thinned, engine.frame.marks)
            self.chart.value = render(draw, "", "png", CHART).data
            self._charted = last


def told(text: str, kind: str, more: str = "") -> str:
    """Return a sentence as HTML, of kind "error" or "info"; none at all if it is empty."""
    return f"<div class='nstkit-{kind}'>{html.escape(text)}{more}</div>" if text else ""


def fitted(picture: Tensor) -> Tensor:
    """Return a picture (1, 3, H, W) as it is shown: not larger than a page needs."""
    height, width = picture.shape[-2:]
    factor = min(1.0, SIDE / max(height, width))
    return sized(picture, (max(1, round(factor * height)), max(1, round(factor * width))))


def awaited(engine: Engine) -> bool:
    """Return whether a control has moved and no picture shows it yet."""
    shown, wanted = engine.newest.settings, engine.settings
    return shown is not wanted and bool(shown.changes(wanted))


def status(frame: Frame, rate: str, engine: Engine) -> str:
    """Return the lines below the picture."""
    recipe, (height, width) = frame.settings.recipe, frame.image.shape[-2:]
    ratio = f"β/α = {short(recipe.beta / recipe.alpha)}" if recipe.alpha else "α = 0"
    scales = engine.scales
    number = sum(scale.factor <= frame.factor for scale in scales)
    scale = f", scale {number}/{len(scales)}" if len(scales) > 1 else ""
    still = " · hardly changes any more" if engine.reel.still else ""
    return (f"<b>step {frame.index}</b> · {rate} · {clock(engine.seconds)} · {ratio} · "
            f"{width} × {height} px{scale}{still}")  # fmt: skip


def clock(seconds: float) -> str:
    """Return a time as minutes and seconds, "1:05 min"."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d} min"


def draw_losses(records: Sequence[Record], marks: Sequence[int], figure: Figure) -> None:
    """Draw the loss and its weighted terms, and a line at each mark."""
    # Fixed margins, few ticks and no formulas are quick to draw, and drawing holds up the painting.
    figure.set_layout_engine(None)
    axes = figure.add_axes((0.11, 0.21, 0.61, 0.75))
    draw_curves(axes, records, label=lambda name, first, last: TERMS.get(name, name))
    for index in marks:
        axes.axvline(index, color="#888888", linewidth=0.8)
    axes.tick_params(labelsize=7)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.set_xlabel("step", fontsize=7)
    axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1.03), fontsize=7)


def jpeg(images: Sequence[Tensor]) -> bytes:
    """Encode images (1, 3, H, W) side by side, all of the first one's height."""
    pictures = [to_pil(image) for image in images]
    height = pictures[0].height
    scaled = [p.resize((max(1, round(p.width * height / p.height)), height)) for p in pictures]
    sheet = Image.new("RGB", (sum(p.width for p in scaled), height))
    left = 0
    for picture in scaled:
        sheet.paste(picture, (left, 0))
        left += picture.width
    file = io.BytesIO()
    sheet.save(file, "JPEG", quality=90, subsampling="4:4:4")  # small, shown enlarged
    return file.getvalue()
