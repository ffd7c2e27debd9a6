"""What the notebooks show things with: charts, heat maps, matrices, animations, and a panel."""

from __future__ import annotations

import html
import io
import itertools
import math
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from nstkit.images import to_pil
from nstkit.plots import LOOKS, SPARE_COLORS, Picture, render

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLORS = (*(color for color, _ in LOOKS.values()), *SPARE_COLORS)
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))


def chart(
    alt: str, size: tuple[float, float] = (6, 3), kind: str = "png"
) -> Callable[[Callable[[Figure], None]], Picture]:
    """Decorate a function that draws on an empty matplotlib figure: its name becomes the picture.

    Args:
        alt: what there is to see, for readers who do not see it.
        size: width and height in inches; 9 fills the page.
        kind: "png" for lines and bars, "jpeg" where photographs are in it.
    """
    return lambda draw: render(draw, alt, kind, size)


def heat(
    values: Tensor, limits: tuple[float, float] | None = None, colors: str = "cividis"
) -> Tensor:
    """Return a map of numbers as an image of colors, (1, 3, H, W) float32 in [0, 1].

    Args:
        values: (H, W), or with leading dimensions of size 1.
        limits: numbers that get the first and the last color; None: the least and the greatest,
            or, for ``colors="RdBu_r"``, minus and plus the greatest distance from 0.
        colors: a matplotlib colormap: "cividis" for amounts, "RdBu_r" for signed numbers.
    """
    from matplotlib import colormaps

    numbers = values.detach().float().cpu().view(values.shape[-2:])
    low, high = limits or _limits(numbers, colors)
    scaled = (numbers - low) / max(high - low, torch.finfo(torch.float32).tiny)
    rgb = torch.from_numpy(colormaps[colors](scaled.clamp(0, 1).numpy())[..., :3])
    return rgb.permute(2, 0, 1)[None].float()


def _limits(numbers: Tensor, colors: str) -> tuple[float, float]:
    low, high = numbers.min().item(), numbers.max().item()
    return (-max(-low, high), max(-low, high)) if colors == "RdBu_r" else (low, high)


def overlay(image: Tensor, values: Tensor, limits: tuple[float, float] | None = None) -> Tensor:
    """Return a picture in gray, lit where a map is high: an image like ``image``.

    The map (h, w) is stretched over it. ``limits``: not lit, fully lit; None: 0, the greatest.
    """
    low, high = limits or (0.0, max(values.max().item(), 1e-12))
    spread = F.interpolate(values.detach().float().view(1, 1, *values.shape[-2:]), image.shape[-2:])
    light = ((spread - low) / (high - low)).clamp(0, 1)
    gray = image.mean(1, keepdim=True).expand_as(image) * 0.6
    return torch.lerp(gray, heat(light, (-0.3, 1), "inferno").to(image), light.sqrt() * 0.85)


def show_curves(
    curves: Mapping[str, Any], alt: str, *, x: str = "step", y: str = "loss", log: bool = True,
    size: tuple[float, float] = (7.5, 3.2),
) -> Picture:  # fmt: skip
    """Draw up to 7 lines from {label: values} or {label: (x values, y values)} in one chart.

    ``x`` and ``y`` name the axes; ``log`` makes the vertical one logarithmic.
    """
    if len(curves) > len(LINES):
        raise ValueError(
            f"got {len(curves)} curves; expected at most {len(LINES)}: draw two charts"
        )
    return render(partial(_draw_curves, curves, x, y, log), alt, "png", size)


def _draw_curves(curves: Mapping[str, Any], x: str, y: str, log: bool, figure: Figure) -> None:
    axes = figure.add_subplot(xlabel=x, ylabel=y)
    for (label, data), color, line in zip(curves.items(), COLORS, LINES, strict=False):
        pair = data if isinstance(data, tuple) else (range(len(data)), data)
        axes.plot(*pair, color=color, linestyle=line, label=label)
    if log:
        axes.set_yscale("log", nonpositive="mask")
        axes.yaxis.set_major_formatter("{x:g}")
        if axes.get_ylim()[1] < 20 * axes.get_ylim()[0]:  # else hardly a number would be there
            axes.yaxis.set_minor_formatter("{x:g}")
    if len(curves) > 1:
        figure.legend(loc="outside right upper", fontsize=9)


def show_matrices(
    matrices: Mapping[str, Tensor], alt: str, *, rows: Sequence[str] = (),
    columns: Sequence[str] = (), numbers: str | None = None, colors: str = "cividis",
    shared: bool = False, height: float = 3.0,
) -> Picture:  # fmt: skip
    """Draw matrices side by side from {title: (n, m) tensor}, each entry a colored square.

    Args:
        matrices: at most four or so.
        alt: what there is to see.
        rows: their names.
        columns: their names.
        numbers: format in which each entry is written into its square, such as ".2f".
        colors: as in `heat`.
        shared: one color scale for all; otherwise each has its own, as its bar tells.
        height: of the picture in inches.
    """
    tensors = {title: matrix.detach().float().cpu() for title, matrix in matrices.items()}
    draw = partial(_draw_matrices, tensors, rows, columns, numbers, colors, shared)
    beside = 0.6 + max(map(len, rows), default=0) / 14  # names and bars, in inches
    widths = [height * m.shape[1] / m.shape[0] + beside for m in tensors.values()]
    return render(draw, alt, "png", (min(9.0, sum(widths)), height))


def _draw_matrices(
    tensors: Mapping[str, Tensor], rows: Sequence[str], columns: Sequence[str],
    numbers: str | None, colors: str, shared: bool, figure: Figure,
) -> None:  # fmt: skip
    panels = figure.subplots(1, len(tensors), squeeze=False)[0]
    for axes, (title, matrix) in zip(panels, tensors.items(), strict=True):
        judged = torch.cat([m.flatten() for m in tensors.values()]) if shared else matrix
        low, high = _limits(judged, colors)
        shown = axes.imshow(matrix.numpy(), cmap=colors, vmin=low, vmax=high)
        axes.set_title(title, fontsize=10)
        axes.grid(False)
        axes.set_xticks(range(len(columns)), columns, fontsize=8, rotation=45, ha="right")
        axes.set_yticks(range(len(rows)), rows, fontsize=8)
        if numbers is None:
            figure.colorbar(shown, ax=axes, fraction=0.05)
            continue
        for i, j in itertools.product(*map(range, matrix.shape)):
            red, green, blue, _ = shown.cmap(shown.norm(value := matrix[i, j].item()))
            ink = "black" if 0.3 * red + 0.6 * green + 0.1 * blue > 0.5 else "white"
            axes.text(j, i, format(value, numbers), ha="center", va="center", color=ink, size=8)


def show_animation(images: Sequence[Tensor], alt: str, *, milliseconds: int = 150) -> Picture:
    """Return images (1, 3, H, W) as an endless GIF; the last one stays for a second and a half."""
    frames = [to_pil(image) for image in images]
    lasting, file = [milliseconds] * (len(frames) - 1) + [1500], io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=lasting, loop=0)
    return Picture(file.getvalue(), alt, math.ceil(frames[0].width * 1.5))


def explore(show: Callable[..., Picture], **choices: Sequence[Any]) -> Any:
    """Return a widget with a control for each keyword, and ``show(**chosen)`` below them.

    Numbers make a slider, other choices a menu. ``show`` is called whenever one is moved: it must
    be quick. Below the picture stands its alt text.
    """
    import ipywidgets

    controls = {}
    for name, options in choices.items():
        numeric = all(isinstance(option, int | float) for option in options)
        kind = ipywidgets.SelectionSlider if numeric else ipywidgets.Dropdown
        label = {"description": name.replace("_", " "), "style": {"description_width": "initial"}}
        controls[name] = kind(options=list(options), **label)
    image, text = ipywidgets.Image(), ipywidgets.HTML()

    def _update(_: object = None) -> None:
        try:
            picture = show(**{name: control.value for name, control in controls.items()})
            image.format = picture.mime.removeprefix("image/")
            image.value, image.width = picture.data, str(picture.width)
            text.value = html.escape(picture.alt)
        except Exception as error:  # elsewhere a widget's exception would be seen by nobody
            text.value = html.escape(f"{type(error).__name__}: {error}")

    for one in controls.values():
        one.observe(_update, "value")
    _update()
    return ipywidgets.VBox([ipywidgets.HBox(list(controls.values())), image, text])


def colophon(began: float) -> str:
    """Return in two lines how long a notebook took since ``began``, on what, with what versions."""
    from nstkit import __version__

    where = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine()
    took = f"{time.perf_counter() - began:.0f} s on {where}, threads: {torch.get_num_threads()}"
    versions = f"Python {platform.python_version()}, torch {torch.__version__}, nstkit"
    return f"Everything above took {took}.\n{versions} {__version__}"
