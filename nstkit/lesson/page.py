"""What moves, answers or closes a page: animations, a panel to explore, the last lines."""

from __future__ import annotations

import html
import io
import math
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from nstkit.lesson.titles import TITLES
from nstkit.pictures.images import to_pil
from nstkit.pictures.plots import DPI, Picture, show_images
from nstkit.version import __version__


def show_animation(
    images: Sequence[Tensor], alt: str, *, milliseconds: int = 150, quality: int = 80,
    titles: Sequence[str] = (),
) -> Picture:  # fmt: skip
    """Return images (1, 3, H, W) as an endless WebP; the last one stays for a second and a half.

    A GIF would have at most 256 colors in each frame, and be several times larger.

    Args:
        images: the frames, in order, of one size.
        alt: what there is to see.
        milliseconds: how long each frame but the last stays.
        quality: of the frames, 1 to 100. Less makes a smaller file.
        titles: what to write into the lower left corner of each frame, such as "step 3".

    Raises:
        ValueError: No image, another quality, or more or fewer titles than images.
    """
    if not images or not 1 <= quality <= 100:
        raise ValueError(
            f"got {len(images)} images and quality={quality}; give at least one image, and a "
            "quality of 1 to 100"
        )
    if titles and len(titles) != len(images):
        raise ValueError(
            f"got {len(images)} images and {len(titles)} titles; give each image one, or none"
        )
    frames = list(map(_titled, images, titles) if titles else map(to_pil, images))
    lasting, file = [milliseconds] * (len(frames) - 1) + [1500], io.BytesIO()
    options = {"append_images": frames[1:], "duration": lasting, "loop": 0, "quality": quality}
    frames[0].save(file, "WEBP", save_all=True, method=4, **options)
    return Picture(file.getvalue(), alt, math.ceil(frames[0].width * 1.5))


def _titled(image: Tensor, title: str) -> Image.Image:
    """Return an image as a frame with its title in a dark box in the lower left corner."""
    frame = to_pil(image)
    draw, font = ImageDraw.Draw(frame), ImageFont.load_default(size=13)
    place = {"xy": (6, frame.height - 6), "font": font, "anchor": "lb"}
    left, top, right, bottom = draw.textbbox(text=title, **place)
    draw.rectangle((left - 4, top - 3, right + 3, bottom + 3), fill="#222222")
    draw.text(text=title, fill="white", **place)
    return frame


def explore(
    show: Callable[..., Picture],
    *,
    frames: Sequence[Mapping[str, Any]] = (),
    columns: int = 2,
    titled: bool = True,
    **choices: Sequence[Any],
) -> Any:
    """Return a widget with a control for each keyword, and ``show(**chosen)`` below them.

    Numbers make a slider, other choices a menu. ``show`` is called whenever one is moved: it must
    be quick. Below the picture stands its alt text.

    Args:
        show: Makes the picture from one value of each choice.
        frames: What a page without a kernel shows in place of the widget, such as a notebook on
            GitHub: the pictures of these choices, each ``{name: value}`` with all names.
        columns: Frames in a row. None is shown larger than ``show`` makes it.
        titled: Whether the choices stand above each frame, bundled pictures by their titles.
            False where ``show`` writes into its picture what it is.
        choices: The values of each control, in order.

    Raises:
        ValueError: A frame names other choices, or a value that its control does not have.
    """
    import ipywidgets

    from nstkit.studio.kit import Kit
    from nstkit.studio.page import looks

    for frame in frames:
        if set(frame) != set(choices) or any(frame[name] not in choices[name] for name in frame):
            offered = {name: list(values) for name, values in choices.items()}
            raise ValueError(f"got the frame {dict(frame)}; expected one value each of {offered}")

    class Panel(ipywidgets.VBox):
        """A panel that leaves a picture where no kernel answers."""

        def _repr_mimebundle_(self, **kwargs: Any) -> Any:
            bundle = super()._repr_mimebundle_(**kwargs)
            if not frames or not isinstance(bundle, dict):
                return bundle
            data, described = _sheet(show, frames, columns, titled)._repr_mimebundle_()
            return {**data, **bundle}, described

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
        except Exception as error:  # otherwise nobody would see it
            text.value = html.escape(f"{type(error).__name__}: {error}")

    for one in controls.values():
        one.observe(_update, "value")
    _update()
    row = ipywidgets.HBox(list(controls.values()), layout={"flex_flow": "row wrap"})
    return Panel([row, image, text, looks(Kit())]).add_class("nstkit-explore")


def _sheet(
    show: Callable[..., Picture], frames: Sequence[Mapping[str, Any]], columns: int, titled: bool
) -> Picture:
    """Return the pictures of some choices side by side; see `explore`."""
    shown = [show(**frame) for frame in frames]
    titles = [
        "; ".join(f"{name.replace('_', ' ')}: {TITLES.get(str(v), v)}" for name, v in frame.items())
        for frame in frames
    ]
    pictures = [Image.open(io.BytesIO(one.data)) for one in shown]
    tallest = min(4.0, max(picture.height for picture in pictures) / DPI)
    alt = "The panel's pictures: " + "; ".join(one.alt for one in shown)
    return show_images(pictures, titles if titled else None, columns=columns, size=tallest, alt=alt)


def colophon(began: float) -> str:
    """Return in two lines how long a notebook took since ``began``, on what, with what versions."""
    where = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine()
    took = f"{time.perf_counter() - began:.0f} s on {where}, threads: {torch.get_num_threads()}"
    versions = f"Python {platform.python_version()}, torch {torch.__version__}, nstkit"
    return f"Everything above took {took}.\n{versions} {__version__}"
