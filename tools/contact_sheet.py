"""Paint many pairs by one recipe and put the pictures on one sheet, to choose a recipe by looking.

    python tools/contact_sheet.py                                  # the default recipe
    python tools/contact_sheet.py --set beta=100 pooling=avg -o sheet.jpg
    python tools/contact_sheet.py --painted DIR   # the default's, as compare_recipes.py left them

The sheet of the default recipe is kept as docs/contact_sheet.jpg.
"""

from __future__ import annotations

import argparse
import ast
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

import nstkit
from nstkit.lesson.titles import pair_title

# Every content and every style at least once.
PAIRS = (
    ("cat", "great_wave"), ("cat", "starry_night"), ("cat", "wheat_field"),
    ("kitten", "self_portrait"), ("kitten", "starry_night"), ("castle", "scream"),
    ("castle", "starry_night"), ("castle", "sainte_victoire"), ("macaw", "composition_viii"),
    ("macaw", "grande_jatte"), ("bridge", "wheat_field"), ("bridge", "scream"),
    ("astronaut", "grande_jatte"), ("astronaut", "great_wave"), ("castle", "bouquet"),
    ("macaw", "vase_of_flowers"), ("bridge", "seashore"), ("castle", "ink_landscape"),
)  # fmt: skip
TARGET = Path(__file__).resolve().parent.parent / "docs" / "contact_sheet.jpg"


def parse_changes(settings: list[str]) -> dict[str, object]:
    """Turn ["beta=100", "pooling=avg"] into {"beta": 100, "pooling": "avg"}."""
    changes: dict[str, object] = {}
    for setting in settings:
        name, _, value = setting.partition("=")
        try:
            changes[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            changes[name] = value
    return changes


def paint(recipe: nstkit.Recipe, pairs: list[tuple[str, str]], size: int) -> dict[str, Tensor]:
    """Return {caption: picture}, and print the losses of each."""
    pictures = {}
    for content, style in pairs:
        result = nstkit.stylize(content, style, recipe, size=size, progress=False)
        print(f"{content} x {style}: {result} {result.history[-1].losses.terms}", flush=True)
        pictures[pair_title(content, style)] = result.image
    return pictures


def painting(folder: Path, name: str, pair: Sequence[str], size: int) -> Path:
    """Return where `compare_recipes.py` keeps what the recipe of this name painted."""
    return folder / f"{name} {' x '.join(pair)}, {size} px.png"


def painted(folder: Path, pairs: list[tuple[str, str]], size: int) -> dict[str, Tensor]:
    """Return {caption: picture} of what `compare_recipes.py` painted by the default recipe."""
    return {
        pair_title(*pair): nstkit.load_image(painting(folder, "default", pair, size))
        for pair in pairs
    }


def main() -> None:
    """Parse the command line, paint, and save the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--set", nargs="*", default=[], metavar="FIELD=VALUE")
    kind.add_argument("--painted", type=Path, metavar="DIR", help="paint nothing; show these")
    parser.add_argument("--pairs", nargs="*", metavar="CONTENT:STYLE")
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument("--columns", type=int, default=3)
    parser.add_argument("-o", "--output", type=Path, default=TARGET)
    options = parser.parse_args()
    recipe = nstkit.DEFAULT.replace(**parse_changes(options.set))
    pairs = [tuple(pair.split(":")) for pair in options.pairs] if options.pairs else list(PAIRS)
    if options.painted:
        pictures = painted(options.painted, pairs, options.size)
    else:
        pictures = paint(recipe, pairs, options.size)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    sheet = nstkit.show_images(pictures, columns=options.columns)
    print(recipe, sheet.save(options.output))


if __name__ == "__main__":
    main()
