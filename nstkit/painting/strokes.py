"""`mix_strokes`: an artwork with the forms of one and the strokes of another."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress

import torch
from torch import Tensor

from nstkit.descent import Step, optimize
from nstkit.objective import Objective
from nstkit.painting.given import BLURRED, loaded
from nstkit.painting.start import Given, chosen_device
from nstkit.pictures.color import match_colors
from nstkit.recipes import Recipe
from nstkit.recipes.network import network
from nstkit.terms import Style
from nstkit.vgg import VGG
from nstkit.vgg.devices import Precision, feature_dtype
from nstkit.vgg.fast import to_paint

FINE = ("relu1_1", "relu2_1")  # layers that see strokes, and no forms: 3 and 10 px


def mix_strokes(
    forms: Given,
    strokes: Given,
    size: int = 512,
    *,
    layers: Sequence[str] = FINE,
    steps: int = 60,
    precision: Precision = "auto",
    device: torch.device | str | None = None,
    callback: Callable[[Step], object] | None = None,
    vgg: VGG | None = None,
) -> Tensor:
    """Return an artwork with the large forms of one and the fine strokes of another.

    Ctrl-C returns the best picture so far.

    It begins with the artwork of the forms, and lowers the distance of the Gram matrices of shallow
    layers from those of the other artwork. These layers see strokes and nothing larger, so forms
    stay. The colors of the strokes are matched to those of the forms first. Paint after the result
    as after any artwork. If you save it with `nstkit.save_image` and pass the file, a painting can
    say what it was painted after.

    Args:
        forms: the artwork whose forms to take: (1, 3, H, W) in [0, 1], or whatever
            `nstkit.load_image` takes.
        strokes: the artwork whose strokes to take, the same.
        size: long side in px to which both are loaded; tensors stay as they are.
        layers: whose Gram matrices are compared, with equal weights.
        steps: updates of the picture.
        precision: of the network, as in `nstkit.stylize`.
        device: where to compute, as there.
        callback: called with every `Step`; returning True ends the run.
        vgg: a network to use instead of the embedded one.

    Returns:
        (1, 3, H, W) in [0, 1], of the size of ``forms``.

    Raises:
        ValueError: A picture cannot be read, or an unknown layer.

    Source: Gatys et al. 2017 (arXiv 1611.07865), section 6.
    """
    device = chosen_device(device, forms, vgg)
    remarks: list[str] = []
    coarse, fine = (loaded(picture, size, device, BLURRED, remarks) for picture in (forms, strokes))
    for remark in remarks:
        warnings.warn(remark, UserWarning, stacklevel=2)
    recipe = Recipe(style_layers=layers)
    if vgg is None:
        vgg = to_paint(network(recipe), device, feature_dtype(precision, device))
    style = Style(match_colors(fine, coarse), recipe.statistic, 1.0, recipe.style_layers)
    best = coarse
    with suppress(KeyboardInterrupt):
        for step in optimize(Objective([style], vgg), coarse, steps=steps):
            best = step.image if step.is_best else best
            if callback is not None and callback(step) is True:
                break
    return best
