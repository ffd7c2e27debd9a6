"""Paint docs/gallery: four photographs after six artworks at 768 px.

    python tools/make_gallery.py                     paint what is missing
    python tools/make_gallery.py castle_scream ...   paint these, also if they are there
    python tools/make_gallery.py --poster            paint docs/poster.jpg and a detail of it
    python tools/make_gallery.py --portrait          paint docs/portrait.jpg
    python tools/make_gallery.py --neighbors         paint four pairs by NEIGHBORS
    python tools/make_gallery.py --networks          paint by the networks that need one pass
    python tools/make_gallery.py --light             give photographs the light of others

The default recipe paints. Every picture of the gallery is a JPEG of 200 KB at most. The poster is
painted in "print" quality; its detail is cut out pixel by pixel. The portrait shows two faces by
the default recipe and by PORTRAIT. Pairs by NEIGHBORS have 512 px and the
default recipe beside them. Networks paint at 512 px, too, and so do photographs in another light,
of which docs/photographs.jpg shows some.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor

import nstkit
from nstkit import DEFAULT, PHOTOREAL, PORTRAIT, Region, color_range, luminance_range, rectangle
from nstkit.feedforward import TransformerNet, nets
from nstkit.files import write_whole
from nstkit.lesson.titles import pair_title, title
from nstkit.recipes import HOUSE

DOCS = Path(__file__).resolve().parent.parent / "docs"
FOLDER = DOCS / "gallery"
CONTENTS = ("castle", "bridge", "macaw", "kitten")
STYLES = ("starry_night", "great_wave", "composition_viii", "bouquet", "seashore", "scream")
SIZE, MOST = 768, 200_000  # px of the long side; bytes
POSTER, POSTER_SIZE, POSTER_MOST = ("castle", "bouquet"), 2048, 2_000_000
DETAIL = (768, 512)  # px
BY_NEIGHBORS = (
    ("castle", "starry_night"), ("cat", "great_wave"), ("bridge", "bouquet"),
    ("bridge", "great_wave"),
)  # fmt: skip
BESIDE = ("neighbors", "default")  # recipes of the house
BY_NETWORKS = ("castle", "bridge", "kitten")  # photographs, each by all bundled networks
# Photographs and those whose light they get.
BY_LIGHT = (
    ("castle", "brandenburg_gate"), ("colosseum", "gateway_of_india"),
    ("mont_saint_michel", "brandenburg_gate"), ("great_wall", "autumn_hills"),
)  # fmt: skip
SKY = {
    "castle": rectangle(0, 0, 1, 0.45)
    & (color_range("#4f86c6", 0.3) | color_range("#a8c8e8", 0.22)),
    "mont_saint_michel": rectangle(0, 0, 1, 0.58) & luminance_range(0.6, 1),
    "brandenburg_gate": color_range("#6f8fc6", 0.25) | color_range("#8890a0", 0.12),
}
LEAVES = {
    "great_wall": color_range("#506828", 0.2) | color_range("#283818", 0.2),
    "autumn_hills": rectangle(0, 0.2, 1, 0.65) & color_range("#b07840", 0.1),
}
LIT = {"step": 'transfer(..., "photo")', "loss": "as_photo(stylize(..., PHOTOREAL).image, photo)"}
FACES, FACES_STYLE = ("astronaut", "kitten"), "starry_night"


def paint(content: str, style: str) -> nstkit.Result:
    """Paint one pair."""
    return nstkit.stylize(content, style, size=SIZE, progress=False)


def by_neighbors() -> Iterator[Path]:
    """Paint the pairs that show neural neighbors beside the default recipe."""
    for pair in BY_NEIGHBORS:
        for name in BESIDE:
            result = nstkit.stylize(*pair, HOUSE[name], size=512, progress=False)
            yield write_whole(beside_file(*pair, name), jpeg(result.to_pil(), MOST))


def beside_file(content: str, style: str, name: str) -> Path:
    """Return where a pair by a recipe of `BESIDE` is kept."""
    return FOLDER / f"{content}_{style}_{name}.jpg"


def by_networks() -> Iterator[Path]:
    """Paint photographs by the bundled networks, each trained for one artwork."""
    for style in nets():
        net = TransformerNet.load(style)
        for content in BY_NETWORKS:
            painting = nstkit.to_pil(net.paint(nstkit.load_image(content, 512)))
            yield write_whole(network_file(content, style), jpeg(painting, MOST))


def network_file(content: str, style: str) -> Path:
    """Return where a painting by a network is kept."""
    return FOLDER / f"{content}_{style}_network.jpg"


def by_light() -> Iterator[Path]:
    """Give photographs the light of others, as a step and as a loss."""
    pictures, titles = [], []
    for content, light in BY_LIGHT:
        photo = nstkit.load_image(content, 512)
        images = {way: lit(photo, content, light, way) for way in LIT}
        for way, image in images.items():
            yield write_whole(light_file(content, light, way), jpeg(nstkit.to_pil(image), MOST))
        pictures += [photo, *images.values()]
        titles += [title(content), *(f"by a {way}" for way in images)]
    yield nstkit.show_images(pictures, titles, columns=3).save(DOCS / "photographs.jpg")


def lit(photo: Tensor, content: str, light: str, way: str) -> Tensor:
    """Return a photograph in the light of another one."""
    regions = parts(content, light)
    given: dict[str, Any] = {"style": None if regions else light, "regions": regions}
    if way == "step":
        return nstkit.transfer(photo, how="photo", **given).image
    painted = nstkit.stylize(photo, recipe=PHOTOREAL, progress=False, **given).image
    return nstkit.as_photo(painted, photo)


def parts(content: str, light: str) -> list[Region]:
    """Return the regions of a photograph: sky after sky and the rest after the rest, or leaves."""
    if content in LEAVES:
        return [Region(LEAVES[content], light, artwork_mask=LEAVES[light])]
    if content not in SKY:
        return []
    sky, theirs = SKY[content], SKY[light]
    return [Region(sky, light, artwork_mask=theirs), Region(~sky, light, artwork_mask=~theirs)]


def light_file(content: str, light: str, way: str) -> Path:
    """Return where a photograph in another light is kept."""
    return FOLDER / f"{content}_{light}_{way}.jpg"


def poster() -> Iterator[Path]:
    """Paint the poster, and cut out its middle at its own size."""
    result = nstkit.stylize(*POSTER, quality="print", size=POSTER_SIZE)
    print(result)
    whole = result.to_pil()
    left, top = ((side - cut) // 2 for side, cut in zip(whole.size, DETAIL, strict=True))
    detail = whole.crop((left, top, left + DETAIL[0], top + DETAIL[1]))
    yield write_whole(DOCS / "poster.jpg", jpeg(whole, POSTER_MOST))
    yield write_whole(DOCS / "poster_detail.jpg", jpeg(detail, MOST))


def portrait() -> Path:
    """Paint two faces by the default recipe and by PORTRAIT, beside their photographs."""
    pictures = []
    for face in FACES:
        recipes = (DEFAULT, PORTRAIT)
        painted = [nstkit.stylize(face, FACES_STYLE, recipe, progress=False) for recipe in recipes]
        pictures += [painted[0].content, *(result.image for result in painted)]
    titles = ["photograph", "default recipe", "PORTRAIT"] * len(FACES)
    return nstkit.show_images(pictures, titles, columns=3).save(DOCS / "portrait.jpg")


def page() -> str:
    """Return docs/gallery/README.md: a table of all pairs, beside photographs and artworks."""
    above = [""] + [_cell(f"../../images/style/{style}.jpg", title(style)) for style in STYLES]
    rows = [above, ["---"] * len(above)]
    for content in CONTENTS:
        pictures = [_cell(f"../../images/content/{content}.jpg", title(content))]
        pictures += [
            _cell(f"{content}_{style}.jpg", pair_title(content, style)) for style in STYLES
        ]
        rows.append(pictures)
    beside = [
        [_cell(beside_file(*pair, name).name, f"{pair_title(*pair)}, {name}") for name in BESIDE]
        for pair in BY_NEIGHBORS
    ]
    at_once = [
        [_cell(network_file(content, style).name, pair_title(content, style)) for style in nets()]
        for content in BY_NETWORKS
    ]
    lights = [
        [
            *(_cell(f"../../images/{_folder(name)}/{name}.jpg", title(name)) for name in pair),
            *(_cell(light_file(*pair, way).name, f"{pair_title(*pair)}, {way}") for way in LIT),
        ]
        for pair in BY_LIGHT
    ]
    heads = ["photograph", "light", *(f"by a {way}: `{call}`" for way, call in LIT.items())]
    return (
        "# Gallery\n\nFour photographs after six artworks at 768 px by the default recipe. Below "
        "them are four pairs by neural neighbors, nine by networks, and four photographs in "
        "another light. `tools/make_gallery.py` painted them and wrote this page.\n\n"
        f"{_table(rows)}\n\n## By neural neighbors\n\n"
        "`nstkit.NEIGHBORS` beside the default recipe, both at 512 px. Each place of the "
        "photograph is drawn with the place of the artwork that is most like it "
        "([lesson 08](../../notebooks/08_distributions.ipynb)).\n\n"
        f"{_table([BESIDE, ['---', '---'], *beside])}\n\n## By networks, in one pass\n\n"
        "Three small networks, each trained for one artwork. At 512 px they take a fraction of a "
        "second. They had seen none of these photographs "
        "([lesson 09](../../notebooks/09_in_real_time.ipynb)).\n\n"
        f"{_table([[title(style) for style in nets()], ['---'] * len(nets()), *at_once])}\n\n"
        "## Photographs in another light\n\nNo line may bend, so these stay photographs. The "
        "first way takes a few seconds, and the second a search "
        "([lesson 10](../../notebooks/10_photographs.ipynb)). In all but the Colosseum, sky is "
        "painted after sky, or leaves after leaves.\n\n"
        f"{_table([heads, ['---'] * len(heads), *lights])}\n"
    )


def _folder(name: str) -> str:
    return nstkit.sample_path(name).parent.name


def _table(rows: Iterable[Iterable[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(picture: str, name: str) -> str:
    return f'<a href="{picture}"><img src="{picture}" alt="{name}"></a><br>{name}'


def jpeg(picture: Image.Image, most: int) -> bytes:
    """Return a picture as a JPEG of so many bytes at most, in the best quality that allows.

    Raises:
        ValueError: The picture takes more bytes even in quality 41.
    """
    for quality in range(95, 40, -3):
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality, subsampling="4:4:4", optimize=True)
        if file.tell() <= most:
            return file.getvalue()
    raise ValueError(
        f"The picture takes {file.tell():,} bytes in quality {quality}; expected {most:,} at "
        "most. Paint it smaller."
    )


def main() -> None:
    """Paint what the command line asks for."""
    pairs = {f"{content}_{style}": (content, style) for content in CONTENTS for style in STYLES}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", nargs="*", metavar="pair", help=f"such as {next(iter(pairs))}")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--poster", action="store_true", help="paint the poster only")
    instead.add_argument("--portrait", action="store_true", help="paint the portrait only")
    instead.add_argument("--neighbors", action="store_true", help="paint pairs by NEIGHBORS only")
    instead.add_argument("--networks", action="store_true", help="paint by networks only")
    instead.add_argument("--light", action="store_true", help="paint photographs in another light")
    options = parser.parse_args()
    if unknown := set(options.pairs) - pairs.keys():
        parser.error(f"no pair {', '.join(sorted(unknown))}; there are {', '.join(pairs)}")
    if options.poster:
        print(*poster(), sep="\n")
        return
    if options.neighbors:
        print(*by_neighbors(), sep="\n")
        return
    if options.networks:
        print(*by_networks(), sep="\n")
        return
    if options.light:
        print(*by_light(), sep="\n")
        return
    if options.portrait:
        print(portrait())
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    write_whole(FOLDER / "README.md", page().encode())
    missing = [name for name in pairs if not (FOLDER / f"{name}.jpg").exists()]
    for name in options.pairs or missing:
        result = paint(*pairs[name])
        print(write_whole(FOLDER / f"{name}.jpg", jpeg(result.to_pil(), MOST)), result, flush=True)


if __name__ == "__main__":
    main()
