"""Paint pairs by the default recipe and by peers' recipes in equal seconds, and judge them.

    python tools/compare_peers.py                paint, judge, write docs/peers.json and .jpg
    python tools/compare_peers.py --keep DIR     keep every painting there too, as PNG

A peer's recipe is as `nstkit.RECIPES` says it, translated to the embedded network, with the number
of its steps reduced until it takes the seconds of the default recipe. Where it has several scales,
each keeps its share of the steps.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from torch import Tensor

import nstkit
from nstkit import DEFAULT, RECIPES, Recipe, Result
from nstkit.files import write_whole
from nstkit.judges import Judgement
from nstkit.lesson.titles import pair_title
from nstkit.painting.scales import work
from nstkit.recipes.fields import count_of
from nstkit.translate import for_network

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAIRS = (
    ("castle", "starry_night"), ("macaw", "composition_viii"), ("bridge", "scream"),
    ("castle", "bouquet"), ("kitten", "self_portrait"), ("bridge", "seashore"),
)  # fmt: skip
PEERS = ("crowsonkb", "leongatys")
SIZE, TRIAL = 512, 3  # px of the long side; steps that are timed


def in_seconds(recipe: Recipe, content: Tensor, style: Tensor, seconds: float) -> Recipe:
    """Return a recipe with as many steps as these seconds allow, in the same shares."""
    finest = recipe.replace(scales=1, steps=TRIAL)
    trial = nstkit.stylize(content, style, finest, progress=False)
    height, width = content.shape[-2:]
    pace = (trial.history[-1].seconds - trial.history[0].seconds) / (TRIAL * height * width)
    share = seconds / (pace * sum(scale.pixels for scale in work(recipe, height, width)))
    steps = recipe.steps if isinstance(recipe.steps, tuple) else (recipe.steps,)
    steps = [max(round(share * count), 1) for count in steps]
    return recipe.replace(steps=steps * (1 if len(steps) > 1 else count_of(recipe.scales)))


def paint(content: Tensor, style: Tensor) -> dict[str, Result]:
    """Return the painting of the default recipe and those of the peers, in equal seconds."""
    ours = nstkit.stylize(content, style, DEFAULT, progress=False)
    found = {"nstkit": ours}
    for peer in PEERS:
        recipe = for_network(RECIPES[peer].recipe, "embedded", content, style)
        recipe = in_seconds(recipe, content, style, ours.seconds)
        found[peer] = nstkit.stylize(content, style, recipe, progress=False)
    return found


def facts(result: Result, judged: Judgement) -> dict[str, object]:
    """Return what is stored of a painting."""
    return {
        "seconds": round(result.seconds, 1), "steps": result.recipe.steps,
        "content": round(judged.content, 4), "style": round(judged.style, 4),
        "patches": round(judged.patches, 4),
    }  # fmt: skip


def main() -> None:
    """Paint all pairs, and write the numbers and the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", type=Path, help="folder for the paintings")
    parser.add_argument("--pairs", nargs="*", metavar="CONTENT:STYLE")
    options = parser.parse_args()
    pairs = [tuple(p.split(":")) for p in options.pairs] if options.pairs else PAIRS
    table, pictures, titles = {}, [], []
    for pair in pairs:
        painted = paint(*(nstkit.load_image(name, SIZE) for name in pair))
        table[" x ".join(pair)] = row = {n: facts(r, r.judge()) for n, r in painted.items()}
        for name, result in painted.items():
            pictures.append(result.image)
            style, patches = row[name]["style"], row[name]["patches"]
            titles.append(f"{name}: style {style:.3f}, patches {patches:.3f}")
            if options.keep:
                options.keep.mkdir(exist_ok=True)
                result.save(options.keep / f"{' x '.join(pair)} {name}.png")
        print(pair_title(*pair), row, flush=True)
    write_whole(DOCS / "peers.json", (json.dumps(table, indent=1) + "\n").encode())
    alt = "Each row is one pair, painted by nstkit, crowsonkb and leongatys in equal seconds."
    nstkit.show_images(pictures, titles, columns=1 + len(PEERS), alt=alt).save(DOCS / "peers.jpg")


if __name__ == "__main__":
    main()
