"""Paint pairs by the default recipe and by peers' recipes in equal seconds, and judge them.

    python tools/compare_peers.py                    paint, judge, write docs/peers.json and .jpg
    python tools/compare_peers.py --paintings DIR    keep them there, not in paintings/peers

A pair whose paintings and numbers are in that folder is not painted again.
A peer's recipe is as `nstkit.RECIPES` says it, on its own network if nstkit has that, or else
translated to the embedded one. The number of its steps is changed until it takes the seconds of the
default recipe, within 10 percent. Where it has several scales, each keeps its share of the steps.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean

from compare_recipes import JUDGES, rounded
from torch import Tensor

import nstkit
from nstkit import DEFAULT, RECIPES, Recipe, Result
from nstkit.files import write_whole
from nstkit.judges import Judgement
from nstkit.lesson.titles import pair_title
from nstkit.painting.scales import work
from nstkit.translate import for_network
from nstkit.vgg.pretrained import is_present

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAIRS = (
    ("castle", "starry_night"), ("macaw", "composition_viii"), ("bridge", "scream"),
    ("castle", "bouquet"), ("kitten", "self_portrait"), ("bridge", "seashore"),
)  # fmt: skip
PEERS = ("crowsonkb", "leongatys")
SIZE = 512  # px of the long side
NEAR, TRIES = 0.1, 4  # what counts as equal seconds; paintings until they are

Pair = tuple[str, str]
Paces = dict[str, float]


def pixels_of(recipe: Recipe, content: Tensor) -> float:
    """Return the pixels that all steps of a recipe compute, of all scales."""
    return sum(scale.pixels for scale in work(recipe, *content.shape[-2:]))


def fitted(recipe: Recipe, content: Tensor, pixels: float) -> Recipe:
    """Return a recipe with as many steps as compute so many pixels.

    Each scale keeps its share of the steps. The finest one, which comes last, gets what rounding
    left over.
    """
    beginnings = pixels_of(recipe.replace(steps=0), content)
    share = (pixels - beginnings) / (pixels_of(recipe, content) - beginnings)
    height, width = content.shape[-2:]
    *coarse, _ = [max(int(share * scale.steps), 1) for scale in work(recipe, height, width)]
    rest = pixels - pixels_of(recipe.replace(steps=(*coarse, 0)), content)
    return recipe.replace(steps=(*coarse, max(round(rest / (height * width)), 1)))


def paint_in(seconds: float, peer: str, content: Tensor, style: Tensor, pace: float) -> Result:
    """Return what a peer's recipe paints in these seconds, give or take `NEAR`.

    ``pace``, in seconds per pixel, is the first guess. A painting that took other seconds is
    thrown away. The second guess is its pace, and a later one the mean of the guess before and the
    pace that came out, for paces vary.
    """
    recipe = RECIPES[peer].recipe
    if not is_present(recipe.network, recipe.weights):
        recipe = for_network(recipe, "embedded", content, style)
    for attempt in range(TRIES):
        tried = fitted(recipe, content, seconds / pace)
        result = nstkit.stylize(content, style, tried, progress=False)
        measured = result.seconds / pixels_of(tried, content)
        pace = (pace + measured) / 2 if attempt else measured
        print(
            f"{peer}: {tried.steps} steps take {result.seconds:.1f} s of {seconds:.1f} s",
            flush=True,
        )
        if abs(result.seconds / seconds - 1) <= NEAR:
            return result
    raise RuntimeError(f"{peer} took {result.seconds:.0f} s instead of {seconds:.0f} s in each of "
                       f"{TRIES} tries. Run this on a machine that does nothing else.")  # fmt: skip


def paint(content: Tensor, style: Tensor, paces: Paces) -> dict[str, Result]:
    """Return the painting of the default recipe and those of the peers, in equal seconds.

    ``paces`` holds the seconds per pixel of each peer, or nothing before the first pair.
    """
    ours = nstkit.stylize(content, style, DEFAULT, progress=False)
    pace = ours.seconds / pixels_of(DEFAULT, content)
    return {"nstkit": ours} | {
        peer: paint_in(ours.seconds, peer, content, style, paces.get(peer, pace)) for peer in PEERS
    }


def facts(result: Result, judged: Judgement) -> dict[str, object]:
    """Return what is stored of a painting."""
    seconds, steps = round(result.seconds, 1), result.recipe.steps
    return {"seconds": seconds, "steps": steps, **rounded(judged)}


def stored(pair: Pair, name: str, folder: Path) -> Path:
    """Return where a painting is kept."""
    return folder / f"{' x '.join(pair)} {name}.png"


def painted(pair: Pair, folder: Path, paces: Paces) -> dict[str, dict]:
    """Return what is to be stored of a pair, and paint it unless its paintings are kept.

    ``paces`` takes up the seconds per pixel of each peer, the first guess for the next pair.
    """
    numbers, key = folder / "numbers.json", " x ".join(pair)
    table = json.loads(numbers.read_text(encoding="utf-8")) if numbers.exists() else {}
    content, style = (nstkit.load_image(name, SIZE) for name in pair)
    names = ("nstkit", *PEERS)
    if key not in table or not all(stored(pair, name, folder).exists() for name in names):
        results = paint(content, style, paces)
        for name, result in results.items():
            result.save(stored(pair, name, folder))
        table[key] = {name: facts(result, result.judge()) for name, result in results.items()}
        write_whole(numbers, (json.dumps(table, indent=1) + "\n").encode())
    for peer in PEERS:
        steps, seconds = (table[key][peer][name] for name in ("steps", "seconds"))
        done = RECIPES[peer].recipe.replace(steps=steps)
        paces[peer] = seconds / pixels_of(done, content)
    print(pair_title(*pair), table[key], flush=True)
    return table[key]


def page_rows(table: Mapping[str, Mapping[str, Mapping]]) -> list[str]:
    """Return the rows of docs/peers.md: what the judges say of each pair, and the means."""
    numbers = {
        pair_title(*pair.split(" x ")): [[row[judge] for judge in JUDGES] for row in found.values()]
        for pair, found in table.items()
    }
    numbers["**mean**"] = [
        [mean(values) for values in zip(*column, strict=True)]
        for column in zip(*numbers.values(), strict=True)
    ]
    return [f"| {title} | {' | '.join(map(told, row))} |" for title, row in numbers.items()]


def told(numbers: Sequence[float]) -> str:
    """Return what the judges say in few characters."""
    content, style, patches = numbers
    return f"{content:.2f}, {style:.3f}, {patches:.3f}"


def main() -> None:
    """Paint the pairs that are missing, and write the numbers and the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--paintings", type=Path, default=Path("paintings", "peers"))
    folder = parser.parse_args().paintings
    folder.mkdir(parents=True, exist_ok=True)
    table, pictures, titles, paces = {}, [], [], {}
    for pair in PAIRS:
        table[" x ".join(pair)] = rows = painted(pair, folder, paces)
        for name, row in rows.items():
            pictures.append(nstkit.load_image(stored(pair, name, folder)))
            label = f"{pair_title(*pair)}. {name}" if name == "nstkit" else name  # once in a row
            titles.append(f"{label}: {told([row[judge] for judge in JUDGES])}")
    print(*page_rows(table), sep="\n")
    write_whole(DOCS / "peers.json", (json.dumps(table, indent=1) + "\n").encode())
    alt = "Each row is one pair, painted by nstkit, crowsonkb and leongatys in equal seconds."
    nstkit.show_images(pictures, titles, columns=1 + len(PEERS), alt=alt).save(DOCS / "peers.jpg")


if __name__ == "__main__":
    main()
