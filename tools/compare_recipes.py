"""Paint pairs by several recipes, judge every painting, and store a table and a sheet of pictures.

    python tools/compare_recipes.py                      paint what docs/search/recipes.json lists
    python tools/compare_recipes.py --only default       some of it
    python tools/compare_recipes.py --only               nothing: only write the table again
    python tools/compare_recipes.py --sheet              the paintings of the sheet that are missing

This is how the default recipe was chosen. ``recipes.json`` says what is tried: changes of fields
of the textbook recipe, the question behind them, and a verdict on how the paintings look. A recipe
that is stored for a pair and size already is not painted again. Seconds are those of the
processor, so run it with OMP_NUM_THREADS=1, once for each core.
"""

from __future__ import annotations

import argparse
import fcntl
import itertools
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from contact_sheet import PAIRS, painting
from torch import Tensor

import nstkit
from nstkit import TEXTBOOK, Recipe
from nstkit.files import write_whole
from nstkit.judges import Judgement, judge
from nstkit.lesson.titles import pair_title
from nstkit.objective import Objective
from nstkit.recipes.network import network
from nstkit.translate import gradient_norms

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "search"
SIZE = 384
JUDGES = ("content", "style", "patches")
# Rows of the sheet: what won beside what lost, for the pairs that show the difference.
SHEET = ("plain", "sqrt_2", "avg_scaled", "octaves", "default")
SHEET_PAIRS = (("cat", "great_wave"), ("castle", "starry_night"))
WINNERS = ("plain", "equal_layers", "default")
WINNERS_PAIRS = (("castle", "scream"), ("kitten", "self_portrait"))
SHOWN = [
    *((name, pair) for name in SHEET for pair in SHEET_PAIRS),
    *((name, pair) for name in WINNERS for pair in WINNERS_PAIRS),
]
HEAD = """# How the default recipe was found

`python tools/compare_recipes.py` painted every row at {size} px and wrote this page. Seconds are
those of one processor core. `frequencies`, `pixels` and `grain` were painted on a slower core, and
`default` on a faster one in bf16, so its 17 s are no gain: a step costs what it costs in `grain`.
The judges are those of `nstkit.judges`, as means over the pairs of the row, and lower is better:
how different painting and photograph look (content), how far the painting's features and patches
are from the artwork's (style, patches). "Against plain" is the number of pairs on which the judges
of style and patches prefer the row to the first one. Verdicts say what the paintings look like. How
pixels are kept in [0, 1] is [a study of its own](limits.md).

![Each row is a recipe of the table below, named above its pictures. The first five rows show a cat
and a castle by plain, sqrt_2, avg_scaled, octaves and default. The last three show a castle and a
kitten by plain, equal_layers and default](sheet.jpg)

| recipe | what it tries | pairs | seconds | content | style | patches | against plain | verdict |
|---|---|---|---|---|---|---|---|---|
"""


def recipe_of(facts: Mapping[str, Any]) -> Recipe:
    """Return the recipe that an entry of ``recipes.json`` describes."""
    return Recipe.from_data(json.loads(TEXTBOOK.to_json()) | facts["changes"])


def balanced(recipe: Recipe, content: Tensor, style: Tensor) -> Recipe:
    """Return the recipe with weights that give each style layer the same gradient near noise."""
    objective = Objective.of(content, style, network(recipe), recipe)
    norms = gradient_norms(objective, "blend")
    inverse = {name: 1 / norms["style", name] for name in recipe.style_layers}
    total = sum(inverse.values())
    return recipe.replace(style_layers={name: w / total for name, w in inverse.items()})


def paint(facts: Mapping[str, Any], pair: Sequence[str], size: int) -> tuple[Tensor, dict]:
    """Return a painting, with its seconds and what the judges say."""
    content, artwork = (nstkit.load_image(name, size) for name in pair)
    scaled = nstkit.load_image(pair[1], round(size * facts.get("style_scale", 1)))
    recipe, began = recipe_of(facts), time.process_time()
    if facts.get("balanced"):
        recipe = balanced(recipe, content, scaled)
    image = nstkit.stylize(content, scaled, recipe, progress=False).image
    seconds = time.process_time() - began
    return image, {"seconds": round(seconds, 1), **rounded(judge(image, content, artwork))}


def rounded(judged: Judgement) -> dict[str, float]:
    """Return what is stored of what the judges say."""
    return {name: round(getattr(judged, name), 4) for name in JUDGES}


class Results:
    """What is stored in ``results.json``: {recipe: {"content x style, size px": numbers}}."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, dict[str, dict]]:
        """Return all results."""
        return json.loads(self.path.read_text(encoding="utf-8")) if self.path.exists() else {}

    def add(self, name: str, key: str, row: Mapping[str, Any]) -> None:
        """Store a row. Several processes may do so at the same time."""
        with open(self.path.with_suffix(".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            results = self.read()
            results.setdefault(name, {})[key] = dict(row)
            write_whole(self.path, (json.dumps(results, indent=1) + "\n").encode())


def table(tried: Mapping[str, Mapping], results: Mapping[str, Mapping], size: int) -> str:
    """Return the page with a row for each recipe that was painted."""
    plain = results.get(next(iter(tried)), {})
    rows = [
        row(
            name,
            facts,
            {key: r for key, r in results[name].items() if f", {size} px" in key},
            plain,
        )
        for name, facts in tried.items()
        if name in results
    ]
    return HEAD.format(size=size) + "\n".join(rows) + "\n"


def row(name: str, facts: Mapping, found: Mapping[str, Mapping], plain: Mapping) -> str:
    """Return a row of the table."""
    means = [mean(r[judge] for r in found.values()) for judge in JUDGES]
    wins = [sum(r[j] < plain[k][j] for k, r in found.items() if k in plain) for j in JUDGES[1:]]
    both = len(found.keys() & plain.keys())
    seconds = mean(r["seconds"] for r in found.values())
    return (
        f"| `{name}` | {facts['question']} | {len(found)} | {seconds:.0f} | "
        f"{' | '.join(f'{m:.3f}' for m in means)} | {wins[0]}, {wins[1]} of {both} | "
        f"{facts['verdict']} |"
    )


def sheet(folder: Path, size: int) -> None:
    """Put winners beside losers, if their paintings are there."""
    files = [painting(folder, name, pair, size) for name, pair in SHOWN]
    if all(file.exists() for file in files):
        pictures = [nstkit.load_image(file) for file in files]
        titles = [f"{name}: {pair_title(*pair)}" for name, pair in SHOWN]
        alt = "winners and losers of the search for a default"
        nstkit.show_images(pictures, titles, columns=2, alt=alt).save(FOLDER / "sheet.jpg")


def main() -> None:
    """Paint what is missing, and write results and table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", help="names in recipes.json")
    parser.add_argument("--pairs", nargs="*", metavar="CONTENT:STYLE")
    parser.add_argument("--sheet", action="store_true", help="only the sheet and what it shows")
    parser.add_argument("--size", type=int, default=SIZE)
    parser.add_argument("--paintings", type=Path, default=Path("paintings"), help="where they go")
    options = parser.parse_args()
    tried = json.loads((FOLDER / "recipes.json").read_text(encoding="utf-8"))
    results = Results(FOLDER / "results.json")
    options.paintings.mkdir(exist_ok=True)
    pairs = [pair.split(":") for pair in options.pairs] if options.pairs else PAIRS
    names = tried if options.only is None else options.only
    for name, pair in SHOWN if options.sheet else itertools.product(names, pairs):
        key = f"{' x '.join(pair)}, {options.size} px"
        file = painting(options.paintings, name, pair, options.size)
        known = key in results.read().get(name, {})
        done = file.exists() if options.sheet else known
        if done:
            continue
        image, found = paint(tried[name], pair, options.size)
        nstkit.save_image(image, file)
        if not known:
            results.add(name, key, found)
        print(name, key, found, flush=True)
    sheet(options.paintings, options.size)
    write_whole(FOLDER / "README.md", table(tried, results.read(), options.size).encode())


if __name__ == "__main__":
    main()
