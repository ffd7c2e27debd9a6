"""nstkit: neural style transfer, to read and to use.

content = nstkit.load_image("cat", size=256)
style = nstkit.load_image("great_wave", size=256)
nstkit.stylize(content, style).save("painting.png")
"""

import os
import sys

# On a busy machine, threads that spin while they wait take the time of those they wait for. So
# `python -m nstkit` lets them sleep, unless you set something else. Torch reads this on import, and
# Python imports this file before __main__. In a program that imports nstkit, nothing is set.
if sys.orig_argv[1:3] == ["-m", "nstkit"]:
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from nstkit.balance import layer_pulls, pulls
from nstkit.descent import Record, Step, optimize
from nstkit.feedforward import TransformerNet, as_photo, transfer
from nstkit.losses import content_loss, gram_matrix, style_loss, total_variation
from nstkit.losses.matting import smooth
from nstkit.losses.statistics import (
    Gram,
    GramMeans,
    Histogram,
    Hypercolumns,
    Moments,
    Neighbors,
    SlicedWasserstein,
)
from nstkit.losses.values import Losses
from nstkit.objective import Objective
from nstkit.painting import QUALITIES, Result, Swept, mix_strokes, repaint, stylize, sweep
from nstkit.pictures.color import keep_colors, match_colors
from nstkit.pictures.images import (
    load_image,
    read_metadata,
    sample_path,
    samples,
    save_image,
    to_pil,
)
from nstkit.pictures.masks import color_range, ellipse, luminance_range, rectangle
from nstkit.pictures.plots import show_images, show_losses, show_steps
from nstkit.pictures.scene import Region
from nstkit.recipes import DEFAULT, NEIGHBORS, PHOTOREAL, PORTRAIT, RECIPES, TEXTBOOK, Recipe
from nstkit.version import __version__
from nstkit.vgg import VGG


def __getattr__(name: str) -> object:
    """Import panels when they are asked for: they need ipywidgets, and nothing else here does."""
    if name in ("Studio", "Instant"):
        from nstkit import studio

        return getattr(studio, name)
    raise AttributeError(f"module 'nstkit' has no attribute {name!r}")


# Without Studio and Instant: `from nstkit import *` would import ipywidgets.
__all__ = [
    "DEFAULT",
    "NEIGHBORS",
    "PHOTOREAL",
    "PORTRAIT",
    "QUALITIES",
    "RECIPES",
    "TEXTBOOK",
    "VGG",
    "Gram",
    "GramMeans",
    "Histogram",
    "Hypercolumns",
    "Losses",
    "Moments",
    "Neighbors",
    "Objective",
    "Recipe",
    "Record",
    "Region",
    "Result",
    "SlicedWasserstein",
    "Step",
    "Swept",
    "TransformerNet",
    "__version__",
    "as_photo",
    "color_range",
    "content_loss",
    "ellipse",
    "gram_matrix",
    "keep_colors",
    "layer_pulls",
    "load_image",
    "luminance_range",
    "match_colors",
    "mix_strokes",
    "optimize",
    "pulls",
    "read_metadata",
    "rectangle",
    "repaint",
    "sample_path",
    "samples",
    "save_image",
    "show_images",
    "show_losses",
    "show_steps",
    "smooth",
    "style_loss",
    "stylize",
    "sweep",
    "to_pil",
    "total_variation",
    "transfer",
]
