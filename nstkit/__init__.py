"""nstkit: neural style transfer, small enough to read in an evening.

content = nstkit.load_image("cat", size=256)
style = nstkit.load_image("great_wave", size=256)
nstkit.stylize(content, style).save("painting.png")
"""

from nstkit.images import load_image, read_metadata, sample, samples, save_image, to_pil
from nstkit.losses import content_loss, gram_matrix, style_loss, total_variation
from nstkit.objective import Losses, Objective
from nstkit.optimize import Step, optimize
from nstkit.painting import Result, stylize
from nstkit.plots import show_images, show_losses, show_steps
from nstkit.recipes import DEFAULT, Recipe
from nstkit.vgg import VGG

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Import the studio when it is asked for: it needs ipywidgets, and nothing else here does."""
    if name == "Studio":
        from nstkit.studio import Studio

        return Studio
    raise AttributeError(f"module 'nstkit' has no attribute {name!r}")


__all__ = [
    "DEFAULT",
    "VGG",
    "Losses",
    "Objective",
    "Recipe",
    "Result",
    "Step",
    "Studio",
    "content_loss",
    "gram_matrix",
    "load_image",
    "optimize",
    "read_metadata",
    "sample",
    "samples",
    "save_image",
    "show_images",
    "show_losses",
    "show_steps",
    "style_loss",
    "stylize",
    "to_pil",
    "total_variation",
]
