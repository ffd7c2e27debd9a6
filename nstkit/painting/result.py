"""`Painting`, by any method, and `Result`: one by `stylize`, and how it came about."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from nstkit.descent import Record
from nstkit.judges import Judgement, judge
from nstkit.painting.subject import LEFT_OUT, Subject
from nstkit.pictures.artworks import Artworks
from nstkit.pictures.images import Source, fits, opacity, save_image, to_pil
from nstkit.recipes import Recipe
from nstkit.recipes.fields import GIVEN_START
from nstkit.version import __version__
from nstkit.vgg.pretrained import GIVEN_WEIGHTS, NAMED_WEIGHTS


@dataclass(frozen=True, kw_only=True)
class Painting:
    """A painting by any method. As the last line of a notebook cell it shows itself.

    Attributes:
        image: (1, 3, H, W) float32 in [0, 1].
        seconds: it took.
        precision: of the network, "fp32", "bf16" or "fp16".
        subject: what was painted, as far as a file can say it.
        content: the photograph that was painted, (1, 3, H, W) in [0, 1].
        style: the artwork it was painted after, (1, 3, H', W') in [0, 1]; several `Artworks`; or
            None if only regions were painted.
    """

    image: Tensor
    seconds: float
    precision: str
    subject: Subject
    content: Tensor
    style: Tensor | Artworks | None

    @property
    def sources(self) -> tuple[str, str]:
        """The names of content and style; "tensor" or the like without one."""
        return self.subject.names

    @property
    def summary(self) -> str:
        """How it was painted, in a few words."""
        return f"in {self.seconds:.2g} s"

    @property
    def alt(self) -> str:
        """The painting in words, for readers who do not see it."""
        return f"the painting, made {self.summary}"

    def facts(self) -> dict[str, str]:
        """Return what a file says of the painting."""
        return {
            "software": f"nstkit {__version__}, torch {torch.__version__}",
            "precision": self.precision,
            "size": "{} x {}".format(*self.image.shape[:1:-1]),
            **self.subject.facts(),
        }

    def save(
        self, path: str | PathLike[str], *, transparency: Source | None = None, **more: str
    ) -> Path:
        """Write the picture with how it was made and more texts for `nstkit.read_metadata`.

        A mask that does not fit into a JPEG is left out, with a warning.

        Args:
            path: As for `nstkit.save_image`.
            transparency: A picture, such as the photograph, which is transparent where the painting
                shall be. None is nowhere.
            **more: Texts under their names.
        """
        alpha = None if transparency is None else opacity(transparency, *self.image.shape[-2:])
        facts = self.facts() | more
        if "regions" in facts and not fits(path, facts):
            facts |= {"regions": LEFT_OUT, "script": LEFT_OUT}
            warnings.warn(
                f"A mask is too large for a {Path(path).suffix} file, so '{path}' does not say "
                "which regions were painted. Save as .png or .webp to keep them.",
                UserWarning,
                stacklevel=2,
            )
        return save_image(self.image, path, facts, alpha)

    def judge(self) -> Judgement:
        """Return what judges say of the painting; none was optimized for. See `nstkit.judges`.

        Raises:
            ValueError: A picture is too small for them; `nstkit.judges.judge` says for which size.
                Or it was not painted after a single artwork.
        """
        if not isinstance(self.style, Tensor):
            raise ValueError(
                "Judges compare with one artwork, and this was painted after several or none. Call "
                "nstkit.judges.judge(result.image, result.content, artwork) for one of them."
            )
        return judge(self.image, self.content, self.style)

    def to_pil(self) -> Image.Image:
        """Return the picture as an 8-bit RGB `PIL.Image.Image`."""
        return to_pil(self.image)

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, Any], dict[str, Any]]:
        from nstkit.pictures.plots import show_images

        return show_images([self.image], alt=self.alt)._repr_mimebundle_()

    def __repr__(self) -> str:
        """Return kind, size, and how it was painted."""
        height, width = self.image.shape[-2:]
        return f"<{type(self).__name__} {width} x {height} px, {self.summary}>"


@dataclass(frozen=True, kw_only=True, repr=False)
class Result(Painting):
    """A painting by `nstkit.stylize`, and how it came about.

    Attributes:
        image: (1, 3, H, W) float32 in [0, 1]: the picture with the lowest total.
        history: a `Record` for every step, the start of each scale included.
        best: that of ``image``. If the painting was interrupted at a coarse scale, its losses are
            those of the small picture that was enlarged.
        recipe: what was minimized and how, with the network and the start that were really used.
        seed: of the noise in the start, and of the grain.
        interrupted: whether Ctrl-C or the callback ended it early.
        snapshots: {index: image} for the steps asked for by ``keep``.
        tile: side in px of the parts in which it was painted; None if it was painted whole.
    """

    history: list[Record]
    best: Record
    recipe: Recipe
    seed: int
    interrupted: bool
    snapshots: dict[int, Tensor]
    tile: int | None = None

    @property
    def summary(self) -> str:
        """Steps, seconds and total."""
        done = f"{self.history[-1].index} steps in {self.seconds:.1f} s"
        return f"{done}, total {self.best.losses.total:.4g}"

    @property
    def alt(self) -> str:
        """The painting in words, for readers who do not see it."""
        return f"the painting after {self.history[-1].index} steps ({self.seconds:.0f} s)"

    def facts(self) -> dict[str, str]:
        """Return what a file says of the painting; `nstkit.repaint` reads it."""
        facts = super().facts() | {
            "recipe": self.recipe.to_json(),
            "seed": str(self.seed),
            "steps_done": str(self.history[-1].index),
            "losses": json.dumps(self.best.losses.terms),
        }
        if self.tile is not None:
            facts["tile"] = str(self.tile)
        if supplied := _supplied(self.recipe):
            facts["supplied"] = f"To repeat it, pass what its painter supplied: {supplied}."
        return facts


def _supplied(recipe: Recipe) -> str:
    """Return what a painting needs that neither its recipe nor nstkit holds; "" if nothing."""
    given = {
        "the picture that it began with (start=...)": recipe.start == GIVEN_START,
        "the network (vgg=...)": recipe.weights == GIVEN_WEIGHTS,
        "a file with the network's weights (vgg=...)": recipe.weights not in NAMED_WEIGHTS,
    }
    return ", ".join(name for name, needed in given.items() if needed)
