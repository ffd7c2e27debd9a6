"""Draw the course's diagrams: nstkit/lesson/diagrams/*.svg, *.png, and what they show, alt.json.

    python tools/make_diagrams.py [--paint] [NAME ...]

The drawings are in tools/diagrams/, the strips "here_00" to "here_13" among them. Without a name,
all are drawn, and files of diagrams that are gone are removed. ``--paint`` first paints the
pictures of "scales" again, which takes a minute or two.
"""

from __future__ import annotations

import argparse
import json

from diagrams import DIAGRAMS, scales

from nstkit.files import write_whole
from nstkit.lesson.drawn import FOLDER


def alts() -> str:
    """Return the alt texts as JSON, by name."""
    found = {name: diagram.alt for name, diagram in sorted(DIAGRAMS.items())}
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def remove_others() -> None:
    """Remove the drawings that no diagram has the name of."""
    for path in [*FOLDER.glob("*.svg"), *FOLDER.glob("*.png")]:
        if path.stem not in DIAGRAMS:
            path.unlink()


def main(arguments: list[str] | None = None) -> None:
    """Draw the named diagrams, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--paint", action="store_true", help='paint the pictures of "scales" again')
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.names) - set(DIAGRAMS)):
        parser.error(f"no diagram is called {unknown}; choose from {', '.join(DIAGRAMS)}")
    if options.paint:
        scales.paint()
    FOLDER.mkdir(exist_ok=True)
    if not options.names:
        remove_others()
    for name in options.names or DIAGRAMS:
        svg, png = DIAGRAMS[name].svg(), DIAGRAMS[name].png()
        write_whole(FOLDER / f"{name}.svg", svg)
        path = write_whole(FOLDER / f"{name}.png", png)
        print(f"{path}: {len(png):,} bytes, {len(svg):,} as SVG", flush=True)
    write_whole(FOLDER / "alt.json", alts())


if __name__ == "__main__":
    main()
