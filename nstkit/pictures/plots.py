"""Figures in one style: pictures in rows, evolution strips, loss curves.

Every ``show_*`` returns a `Picture`, which shows itself as a cell's last line and carries a
description for readers who do not see it. pyplot stays out: no figure lingers in memory, and the
reader's own plot settings are left alone.
"""

from __future__ import annotations

import base64
import io
import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image

from nstkit.files import write_whole
from nstkit.pictures.images import to_pil
from nstkit.pictures.sizes import named_side

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette: color-blind readers tell its colors apart, and line styles say it again.
# A known term looks the same in every figure; other names take the spare colors in turn.
LOOKS = {"total": ("#000000", "-"), "content": ("#0072B2", "--"), "style": ("#D55E00", "-."),
         "variation": ("#009E73", ":")}  # fmt: skip
SPARE_COLORS = ("#CC79A7", "#E69F00", "#56B4E9")
STYLE = {"axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": "#888888",
         "axes.grid": True, "axes.axisbelow": True, "grid.color": "#E4E4E4",
         "legend.frameon": False}  # fmt: skip
DPI = 150  # 100 pixels an inch are displayed: half as many again keep text and brushwork crisp
WIDTH, GAP, LINE = 9 * DPI, DPI // 12, DPI // 5  # of a row, between pictures, of a title's line


@dataclass(frozen=True)
class Picture:
    """An encoded picture that shows itself in a notebook.

    Attributes:
        data: The encoded file: JPEG for photographs, PNG for charts, GIF for what moves.
        alt: Description for readers who do not see the picture.
        width: Displayed width in pixels; the file may hold more of them.
    """

    data: bytes = field(repr=False)
    alt: str
    width: int

    @property
    def mime(self) -> str:
        """Type of the data, "image/jpeg", "image/webp" or "image/png"."""
        return {b"\xff\xd8": "image/jpeg", b"RI": "image/webp"}.get(self.data[:2], "image/png")

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        """Return data and metadata as notebooks store them: base64 text, alt text beside it."""
        data = {self.mime: base64.b64encode(self.data).decode("ascii"), "text/plain": self.alt}
        return data, {self.mime: {"alt": self.alt, "width": self.width}}

    def save(self, path: str | Path) -> Path:
        """Write the picture to ``path`` and return that; ValueError if the suffix misnames it."""
        path, right = Path(path), self.mime.replace("image/", ".")
        if path.suffix.lower().replace("jpg", "jpeg") != right:
            raise ValueError(f"got the name {path.name!r} for {self.mime} data; end it in {right}")
        return write_whole(path, self.data)


def show_images(
    images: Any, titles: Sequence[str] | None = None, *, columns: int | None = None,
    alt: str | None = None, size: float = 4.0, interpolation: str = "lanczos",
) -> Picture:  # fmt: skip
    """Show pictures in rows of one height each, undistorted.

    Args:
        images: Tensors (1, 3, H, W) or (3, H, W) in [0, 1] or PIL images, in a sequence or as
            {title: image}; or one of them; or a batch (B, 3, H, W).
        titles: One for each picture.
        columns: Pictures in a row; by default at most four, in rows as even as can be.
        alt: Description for readers who do not see the pictures; by default their titles.
        size: Height in inches that no row exceeds; a row is at most 9 inches wide.
        interpolation: "lanczos", or "nearest" to show single pixels (stored as PNG).

    Raises:
        ValueError: No picture, titles of another number, or a tensor of another shape.
    """
    if isinstance(images, Mapping):
        titles, images = titles or list(images), images.values()
    if isinstance(images, Image.Image) or (torch.is_tensor(images) and images.ndim != 4):
        images = [images]
    pictures = [i.convert("RGB") if isinstance(i, Image.Image) else to_pil(i) for i in images]
    titles = [str(title) for title in titles or [""] * len(pictures)]
    if not pictures or len(titles) != len(pictures):
        raise ValueError(f"got {len(pictures)} pictures, {len(titles)} titles; give at least one "
                         "picture, and a title for each or none")  # fmt: skip
    columns = columns or math.ceil(len(pictures) / math.ceil(len(pictures) / 4))
    where = "a row" if len(pictures) <= columns else "rows"
    what = "a picture" if len(pictures) == 1 else f"{len(pictures)} pictures in {where}"
    alt = alt or ": ".join(filter(None, [what, ", ".join(filter(None, titles))]))
    resample = Image.Resampling[interpolation.upper()]
    kind = "png" if interpolation == "nearest" else "jpeg"  # JPEG would blur hard edges
    return render(partial(_draw_rows, pictures, titles, columns, size * DPI, resample), alt, kind)


def show_steps(snapshots: Any, *, columns: int | None = None, alt: str | None = None) -> Picture:
    """Show how a painting came to be, from {step: image} or records with ``index`` and ``image``.

    ``columns`` and ``alt`` are as in `show_images`.
    """
    if not isinstance(snapshots, Mapping):
        snapshots = {record.index: record.image for record in snapshots}
    titled = {f"step {index}": image for index, image in snapshots.items()}
    alt = alt or f"the picture at steps {', '.join(map(str, snapshots))}"
    return show_images(titled, columns=columns, alt=alt)


def show_losses(history: Any, *, alt: str | None = None) -> Picture:
    """Draw the loss and its weighted terms over the steps, on a logarithmic scale.

    ``history`` holds records as `nstkit.optimize` yields them, at least one (of each, ``index``,
    ``note``, ``losses.total`` and ``.terms`` are read), or is a result with such a ``history``.
    Where the picture gets larger, a line marks the step and names the size. Losses of two sizes do
    not compare, so the legend then leaves out where each curve began.
    """
    records = list(getattr(history, "history", history))
    if not records:
        raise ValueError("got no record; run at least one step before drawing its losses")
    first, last = records[0].losses.total, records[-1].losses.total
    shown = f"loss curves to step {records[-1].index}: total from {first:.3g} to {last:.3g}"
    if len(sides := list(_sizes(records).values())) > 1:
        through = f"through the sizes {', '.join(map(str, sides))} px"
        shown = f"loss curves to step {records[-1].index} {through}: total {last:.3g} at the end"
    return render(partial(_draw_losses, records), alt or shown, "png")


def render(draw: Callable[[Figure], None], alt: str, kind: str, size: Any = (6, 3)) -> Picture:
    """Return what ``draw`` puts on an empty figure of this size in inches, encoded."""
    import matplotlib.figure

    file = io.BytesIO()
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        figure = matplotlib.figure.Figure(size, DPI, layout="constrained")
        draw(figure)
        options = {"quality": 80, "subsampling": "4:4:4", "optimize": True}  # colors stay crisp
        figure.savefig(file, format=kind, pil_kwargs=options)
    return Picture(file.getvalue(), alt, round(figure.get_figwidth() * 100))


def _draw_rows(
    pictures: Sequence[Image.Image], titles: Sequence[str], columns: int, tallest: float,
    resample: Image.Resampling, figure: Figure,
) -> None:  # fmt: skip
    """Place pictures pixel by pixel in rows, each under its wrapped title."""
    placed, width, bottom, height = [], 0, -GAP, tallest
    for start in range(0, len(pictures), columns):
        row = pictures[start : start + columns]
        aspects = [picture.width / picture.height for picture in row]
        limit = tallest if len(row) == columns else height  # a short last row grows no taller
        height = min(limit, (WIDTH - GAP * (len(row) - 1)) / sum(aspects))
        sizes = [(max(1, round(height * aspect)), max(1, round(height))) for aspect in aspects]
        named = zip(titles[start : start + columns], sizes, strict=True)
        texts = [textwrap.fill(title, max(6, size[0] // 13)) for title, size in named]
        bottom += GAP + LINE * max(len(text.splitlines()) for text in texts) + sizes[0][1]
        left = 0
        for picture, size, text in zip(row, sizes, texts, strict=True):
            placed.append((picture.resize(size, resample), text, left, bottom))
            left += size[0] + GAP
        width = max(width, left - GAP)
    figure.set_size_inches(width / DPI, bottom / DPI)
    for picture, text, left, base in placed:
        figure.figimage(picture, left, bottom - base)
        middle, above = left + picture.width / 2, bottom - base + picture.height + LINE / 4
        figure.text(middle, above, text, transform=None, ha="center", size=11)


def _draw_losses(records: Sequence[Any], figure: Figure) -> None:
    """Draw a line for each term that is not always zero, for each size and each noted restart."""
    axes, sizes = figure.add_subplot(), _sizes(records)
    if len(sizes) > 1:
        draw_curves(axes, records, label=lambda name, _, b: f"{name}: {b:.3g} at the end")
    else:
        draw_curves(axes, records, label=lambda name, a, b: f"{name}: {a:.3g} \u2192 {b:.3g}")
    for record in filter(lambda record: record.note, records):
        note = "" if record.index in sizes else textwrap.fill(record.note, 24)
        axes.axvline(record.index, color="#888888", linewidth=0.8, label=note)
    for index, side in sizes.items():
        axes.annotate(
            f"{side} px", (index, 1), (3, 3), ("data", "axes fraction"), "offset points", size=9
        )
    axes.set(xlabel="step", ylabel="loss")
    legend = dict(zip(*axes.get_legend_handles_labels()[::-1], strict=True))  # a note only once
    figure.legend(legend.values(), legend, loc="outside right upper", fontsize=9)


def _sizes(records: Sequence[Any]) -> dict[int, int]:
    """Return {index of its first step: long side in px} of the sizes that the notes name."""
    named = {record.index: named_side(record.note) for record in records}
    return {index: side for index, side in named.items() if side}


def draw_curves(
    axes: Axes, records: Sequence[Any], label: Callable[[str, float, float], str]
) -> None:
    """Draw the total and each weighted term over the steps, on a logarithmic scale.

    Args:
        axes: of matplotlib.
        records: at least one, as for `show_losses`.
        label: makes a label of a curve's name, first and last value.
    """
    steps = [record.index for record in records]
    curves = {"total": [record.losses.total for record in records]}
    for name in dict.fromkeys(name for record in records for name in record.losses.terms):
        curves[name] = [record.losses.terms.get(name, 0.0) for record in records]
    drawn = {name: values for name, values in curves.items() if any(values)}
    for number, (name, values) in enumerate(drawn.items()):
        color, line = LOOKS.get(name, (SPARE_COLORS[number % 3], (0, (number + 2, 1))))
        axes.plot(
            steps, values, color=color, linestyle=line, label=label(name, values[0], values[-1]),
            linewidth=2.4 if name == "total" else 1.6, marker="." if len(steps) == 1 else "",
        )  # fmt: skip
    axes.set_yscale("log", nonpositive="mask")
    # Four powers of ten are enough: a term near zero must not flatten the other curves.
    axes.set_ylim(bottom=max(axes.get_ylim()[0], axes.get_ylim()[1] / 1e4))
    axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
