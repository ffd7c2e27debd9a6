"""`sweep`: many paintings, each with its content, style and recipe, on several cores."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from nstkit.painting.given import GivenStyle
from nstkit.painting.jobs import Job, Recipes, jobs_of
from nstkit.painting.result import Result
from nstkit.painting.shelf import Place, places_in, with_drafts
from nstkit.painting.start import Given
from nstkit.painting.workers import Run, runner
from nstkit.pictures.images import load_image
from nstkit.recipes import DEFAULT


@dataclass(frozen=True, eq=False)
class Swept:
    """One painting of a sweep, or why there is none.

    Attributes:
        index: in the product of contents, styles and recipes, from 0. Paintings come in the order
            in which they are done.
        content: the name of the photograph.
        style: the name of the artwork; "a + b" of several.
        recipe: the name of the recipe.
        result: the painting; None if it failed, or if an earlier sweep painted it.
        error: what went wrong, with content, style and recipe; None if nothing did. Raise it, or
            print it.
        path: the painting's file; None without ``folder``, or if it failed.
        resumed: whether an earlier sweep painted it.
    """

    index: int
    content: str
    style: str
    recipe: str
    result: Result | None = None
    error: Exception | None = None
    path: Path | None = None
    resumed: bool = False

    @property
    def image(self) -> Tensor:
        """The painting, (1, 3, H, W) in [0, 1], from the file if an earlier sweep painted it.

        Raises:
            RuntimeError: The painting failed; this is ``error``.
        """
        if self.error is not None:
            raise self.error
        return load_image(self.path) if self.result is None else self.result.image


def sweep(
    contents: Given | Iterable[Given],
    styles: GivenStyle | Iterable[GivenStyle],
    recipes: Recipes | Iterable[Recipes] | Mapping[str, Recipes] = DEFAULT,
    *,
    jobs: int | None = None,
    folder: str | os.PathLike[str] | None = None,
    **options: Any,
) -> Iterator[Swept]:
    """Paint every content in every style by every recipe, on several cores.

        for swept in nstkit.sweep(["cat", "castle"], ["scream", "great_wave"], folder="sheet"):
            print(swept.path or swept.error)

    All arguments are checked at the call. Painting begins when the first painting is asked for.
    Each painting is computed with one thread, so it is the same to the bit whatever ``jobs`` is. A
    painting that fails does not end the others. Closing the generator, or Ctrl-C, stops the workers
    and leaves whole files only. In a script, call it under ``if __name__ == "__main__":``.

    To paint on a cluster, call it inside ``joblib.parallel_config("dask")`` or another backend of
    joblib's. Files and ``folder`` must then be where all workers see them. A task of Dask that has
    begun ends by itself.

    Args:
        contents: photographs, each as `nstkit.stylize` takes it; or a single one.
        styles: artworks, each as `nstkit.stylize` takes it; or a single one. A mix of artworks is
            one style: [{"starry_night": 2, "great_wave": 1}, "scream"].
        recipes: recipes or their names; {name: recipe} names your own; or a single one.
        jobs: how many paintings at a time. 1 paints in this process. None is what
            `joblib.parallel_config` says; or else one for each core, and 1 on a GPU.
        folder: where each painting is saved as CONTENT_STYLE_RECIPE.png. What an earlier sweep has
            painted there from the same pictures, recipe and options is not painted a second time.
        **options: of `nstkit.stylize`, the same for all: ``size``, ``steps``, ``seed`` and so on,
            but ``vgg``, ``callback`` and ``progress``.

    Yields:
        A `Swept` for each painting: those of earlier sweeps first, then the others as they come.

    Raises:
        ValueError: A bad option or recipe, nothing to paint, or ``folder`` is a file or holds a
            picture of that name that nstkit did not paint.
        FileNotFoundError, IsADirectoryError: A picture is not there, or is a folder.
        TypeError: A picture that is none.
        RuntimeError: While painting: a worker process died.
    """
    tasks = jobs_of(contents, styles, recipes, options)
    run = runner(jobs, options.get("device"))
    places = None if folder is None else places_in(folder, tasks)
    return _swept(tasks, places, run)


def _swept(jobs: Sequence[Job], places: Sequence[Place] | None, run: Run) -> Iterator[Swept]:
    """Yield what is there, then what is painted."""
    done = [] if places is None else [job for job in jobs if places[job.index].holds()]
    for job in done:
        yield Swept(job.index, *job.names, path=places[job.index].path, resumed=True)
    there = {job.index for job in done}
    left = [job for job in jobs if job.index not in there]
    with (
        with_drafts([places[job.index] for job in left] if places else []) as drafts,
        closing(run(list(zip(left, drafts or [None] * len(left), strict=True)))) as outcomes,
    ):
        for outcome in outcomes:
            saved = places is not None and outcome.error is None
            yield Swept(
                outcome.index,
                *jobs[outcome.index].names,
                result=outcome.result,
                error=outcome.error,
                path=places[outcome.index].path if saved else None,
            )
