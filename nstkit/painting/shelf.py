"""Where a sweep keeps its paintings: `Place`, a file that knows whether its painting is done."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from nstkit.files import check_place
from nstkit.painting.jobs import Job
from nstkit.painting.result import Result
from nstkit.pictures.images import read_metadata

FIELD = "sweep"  # of a file's metadata: the digest of its job


@dataclass(frozen=True)
class Place:
    """Where one painting goes.

    Attributes:
        path: of its file.
        digest: of its job.
        drafts: folder in which it is written before it is moved to its place; None until a sweep
            has begun.
    """

    path: Path
    digest: str
    drafts: Path | None = None

    def holds(self) -> bool:
        """Return whether the painting of this very job is there, and whole."""
        if not self.path.is_file():
            return False
        try:
            if read_metadata(self.path).get(FIELD) != self.digest:
                return False
            with Image.open(self.path) as picture:
                picture.load()  # a file that was cut off still has its metadata
        except Exception:  # whatever a broken file makes Pillow raise
            return False
        return True

    def save(self, result: Result) -> None:
        """Write a painting completely or not at all."""
        draft = result.save(self.drafts / self.path.name, **{FIELD: self.digest})
        os.replace(draft, self.path)


def places_in(folder: str | os.PathLike[str], jobs: Sequence[Job]) -> list[Place]:
    """Return a place in a folder for each job, after a check that they can be written.

    The folder is made if it is not there. A painting of nstkit, or a broken file, may be replaced;
    other pictures may not.

    Raises:
        ValueError: ``folder`` is a file, or a file there is no painting of nstkit.
        OSError: Nothing can be written there.
    """
    folder = Path(os.path.expanduser(folder)).absolute()
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"folder is the file '{folder}'; expected a folder, or a new name.")
    folder.mkdir(parents=True, exist_ok=True)
    places = [
        Place(folder / name, job.digest()) for name, job in zip(_names(jobs), jobs, strict=True)
    ]
    for place in places:
        _check_own(place.path)
        check_place(place.path)
    return places


def _names(jobs: Sequence[Job]) -> Iterator[str]:
    """Yield a name for each job, each another one."""
    used: set[str] = set()
    for job in jobs:
        name, number = f"{job.stem}.png", 2
        while name.casefold() in used:  # some systems take A.png for a.png
            name, number = f"{job.stem}_{number}.png", number + 1
        used.add(name.casefold())
        yield name


def _check_own(path: Path) -> None:
    if not path.exists():
        return
    try:
        facts = read_metadata(path)
    except ValueError:  # it cannot be read, so nothing is lost with it
        return
    if "software" not in facts:
        raise ValueError(
            f"'{path}' is there, and nstkit did not paint it. Move it, or name another folder."
        )


@contextmanager
def with_drafts(places: Sequence[Place]) -> Iterator[list[Place]]:
    """Give places a folder for drafts, which goes away with all that is in it.

    A worker that is stopped cannot tidy up. So the sweep does it.
    """
    if not places:
        yield []
        return
    drafts = Path(tempfile.mkdtemp(prefix=".sweep_", dir=places[0].path.parent))
    try:
        yield [replace(place, drafts=drafts) for place in places]
    finally:
        shutil.rmtree(drafts, ignore_errors=True)
