"""``python -m nstkit [CONTENT STYLE] [-o OUT]``: paint from the command line.

CONTENT may be a folder of photographs. Then OUT is a folder too.
"""

from __future__ import annotations

import argparse
import math
import os
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from nstkit.descent import OPTIMIZERS
from nstkit.feedforward.transfer import METHODS, Coder, check_options, coder_on, transfer
from nstkit.files import check_place, free_name, short
from nstkit.options import check_choice
from nstkit.painting import QUALITIES, Result
from nstkit.painting.estimate import in_words, seconds_needed
from nstkit.painting.given import GivenStyle
from nstkit.painting.plan import Plan, prepare
from nstkit.painting.repaint import Saved
from nstkit.painting.result import Painting
from nstkit.painting.stylize import paint
from nstkit.pictures.color import COLORS
from nstkit.pictures.folders import pictures_in, targets
from nstkit.pictures.images import (
    check_transparent,
    own_side,
    read_metadata,
    samples,
    save_options,
)
from nstkit.pictures.scene import Region
from nstkit.recipes import FITS, HOUSE, RECIPES, STARTS, Recipe
from nstkit.recipes.fields import in_px
from nstkit.tiles import Tiling
from nstkit.translate import for_network

PAIR = ("cat", "great_wave")
QUALITY = "good"
TUNED = ("default", "portrait", "neighbors", "photoreal")  # recipes that were made for this quality
# Options of what is minimized, and how: a method that paints at once has none of them.
MINIMIZED = (
    "quality", "scales", "steps", "alpha", "beta", "tv", "start", "optimizer", "layers", "seed",
)  # fmt: skip
BAD_INPUT, INTERRUPTED = 2, 130  # exit codes; 130 is the shell's for Ctrl-C


def build_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m nstkit",
        description="Paint a photograph in the style of an artwork. Without arguments it paints "
        f"the bundled pair {' and '.join(PAIR)}.",
        epilog=f"Bundled photographs: {', '.join(samples('content'))}. "
        f"Bundled artworks: {', '.join(samples('style'))}.",
    )
    add = parser.add_argument
    add("pictures", nargs="*", metavar="PICTURE", help="CONTENT and STYLE: files or bundled names. "
        "A folder as CONTENT: all photographs in it")  # fmt: skip
    add("--style", action="append", metavar="PICTURE[:SHARE]", help="in place of STYLE, once for "
        "each artwork: --style starry_night:2 --style great_wave:1")  # fmt: skip
    add("--color", help=f"whose colors: {', '.join(COLORS)} (default: the recipe's, mostly style)")
    add("--style-scale", type=float, metavar="FACTOR", help="size of the artwork: at 2 strokes are "
        "twice as large (default: the recipe's, mostly 1)")  # fmt: skip
    add("--mask", metavar="PICTURE", help="paint only where this picture is white, and leave the "
        "photograph as it is where it is black")  # fmt: skip
    add("--keep-transparency", action="store_true", help="make the painting transparent where the "
        "photograph is (PNG, WebP, TIFF)")  # fmt: skip
    add("-o", "--output", type=Path, help="file to write, or for a folder of photographs a folder "
        "(default: CONTENT_STYLE.png, with a number if that is there; or the folder CONTENT_STYLE)"
    )  # fmt: skip
    add(
        "--like",
        metavar="PAINTING",
        help="a painting that nstkit saved: its recipe, seed and size, "
        "unless other options say more",
    )
    add("--quality", help=f"{', '.join(map(_described, QUALITIES))}; a smaller photograph keeps "
        f"its size (default: {QUALITY}, or what the recipe says)")  # fmt: skip
    add("--recipe", "--method", default="default", metavar="NAME", help=f"{_fits()}; or, in "
        f"a second and without optimization: {', '.join(METHODS)} (which makes a photograph, and "
        "takes some seconds more); or published: "
        f"{', '.join(RECIPES)} (default: %(default)s)")  # fmt: skip
    add(
        "--size", type=int, help="long side in px (default: the quality's, or the last of --scales)"
    )
    add("--scales", type=_side_or_share, nargs="+", metavar="PX", help="coarse to fine, in px, "
        "256 512 1024, or shares of the size, 0.25 0.5 1 (default: the quality's)")  # fmt: skip
    add("--tile", default="auto", metavar="PX", help="paint in parts of this size; none: never; "
        "auto: where the memory is too small for the whole (default: %(default)s)")  # fmt: skip
    add("--steps", type=_whole_numbers, metavar="N[,N...]", help="updates: a number, or one for "
        "each scale from coarse to fine: 40,20,10 (default: the quality's)")  # fmt: skip
    add("--alpha", type=float, help="content weight (default: the recipe's)")
    add("--beta", type=float, help="style weight (default: the recipe's)")
    add("--tv", type=float, help="smoothing weight (default: the recipe's)")
    add("--strength", type=float, help=f"of {', '.join(METHODS)}: how far features move, from 0 to "
        "1 (default: 1)")  # fmt: skip
    add("--start", help=f"one of {', '.join(STARTS)} (default: the recipe's)")
    add("--optimizer", help=f"one of {', '.join(OPTIMIZERS)} (default: the recipe's)")
    add("--seed", type=int, help="of noise and grain (default: 0)")
    add(
        "--layers", nargs="+", metavar="LAYER[=WEIGHT]", help="style layers, e.g. relu1_1 relu3_1=2"
    )
    add("--precision", default="auto", help="auto, fp32, bf16 or fp16 (default: %(default)s)")
    add("--device", help="cpu, cuda, cuda:1 or mps (default: a GPU, if torch sees one)")
    add("--quiet", action="store_true", help="no progress bar, and no word of how long it takes")
    return parser


def _fits() -> str:
    return "; ".join(f"{name} {fits}" for name, fits in FITS.items())


def _described(quality: str) -> str:
    return f"{quality}, up to {QUALITIES[quality].size} px"


def _whole_numbers(text: str) -> int | list[int]:
    """Turn "60" into a number and "40,20,10" into several."""
    parts = text.split(",")
    if not all(part.strip().lstrip("-").isdecimal() for part in parts):
        raise argparse.ArgumentTypeError(f"got {text!r}; expected N or N,N,...")
    numbers = [int(part) for part in parts]
    return numbers if len(numbers) > 1 else numbers[0]


def _side_or_share(text: str) -> int | float:
    """Turn "512" into px and "0.5" into a share."""
    try:
        return int(text) if text.isdecimal() and text != "1" else float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"got {text!r}; expected px or a share (name the pictures before it)"
        ) from error


def parse_layers(items: Sequence[str]) -> dict[str, float]:
    """Turn ["relu1_1", "relu3_1=2"] into weights; without any weight, equal ones that add to 1."""
    pairs = [item.partition("=") for item in items]
    for name, _, _ in pairs:
        if name in samples() or os.path.isfile(name):
            raise ValueError(
                f"--layers takes all words after it for layers, {name} too; name the pictures first"
            )
    if not any(sign for _, sign, _ in pairs):
        return Recipe(style_layers=items).style_layers
    try:
        return {name: float(weight) if sign else 1.0 for name, sign, weight in pairs}
    except ValueError as error:
        raise ValueError(f"--layers {' '.join(items)}: {error}; write LAYER=NUMBER") from error


def parse_tile(text: str) -> Tiling:
    """Turn "auto", "none" or a number of px into what `stylize` takes."""
    if text == "auto":
        return "auto"
    if text == "none":
        return None
    if not text.isdecimal():
        raise ValueError(f"--tile is {text!r}; expected auto, none or a number of px")
    return int(text)


def parse_styles(items: Sequence[str]) -> dict[str, float]:
    """Turn ["starry_night:2", "great_wave"] into {"starry_night": 2.0, "great_wave": 1.0}.

    Raises:
        ValueError: One artwork twice.
    """
    styles: dict[str, float] = {}
    for item in items:
        name, sign, share = item.rpartition(":")
        sign = sign if not os.path.exists(item) else ""  # a file of this very name
        try:
            name, number = (name, float(share)) if sign and name else (item, 1.0)
        except ValueError:  # a colon of the name, as in C:\art.jpg
            name, number = item, 1.0
        if name in styles:
            raise ValueError(f"--style names {name} twice; give it once, with its share")
        styles[name] = number
    return styles


def named_recipe(name: str, content: str, style: str) -> Recipe:
    """Return a recipe of the house, or a published one for the network that nstkit ships."""
    check_choice("--recipe", name, [*HOUSE, *METHODS, *RECIPES])
    if name in HOUSE:
        return HOUSE[name]
    recipe = RECIPES[name].recipe
    own = Recipe().weights
    return recipe if recipe.weights == own else for_network(recipe, own, content, style)


def main_artwork(styles: Mapping[str, float]) -> str:
    """Return the artwork with the largest share."""
    return max(styles, key=styles.__getitem__)


def given_style(options: argparse.Namespace) -> tuple[GivenStyle, list[Region]]:
    """Return the style of the command line, and its region if there is a mask."""
    styles = parse_styles(options.style)
    first = main_artwork(styles)
    style = first if len(styles) == 1 and 0 < styles[first] < math.inf else styles
    if options.mask is None:
        return style, []
    return None, [Region(options.mask, style)]


def saved_painting(options: argparse.Namespace) -> Saved | None:
    """Return what the file of ``--like`` says of itself; None without one.

    Raises:
        ValueError: It does not say how it was painted, or there is a recipe beside it.
    """
    if options.like is None:
        return None
    if options.recipe != "default":
        raise ValueError(
            f"--like {options.like} and --recipe {options.recipe} are two recipes; leave one out"
        )
    return Saved.of(read_metadata(options.like), options.like)


def like_size(options: argparse.Namespace, like: Saved | None) -> int | None:
    """Return the long side in px: that of ``--like`` where nothing else says one."""
    others = options.size or options.scales or options.quality
    if like is None or others or in_px(like.recipe.scales):
        return options.size
    return like.size


def planned(options: argparse.Namespace, content: str) -> Plan:
    """Return what the command line asks for, for one photograph."""
    style, regions = given_style(options)
    like = saved_painting(options)
    if like:
        recipe = like.recipe
    else:
        recipe = named_recipe(options.recipe, content, main_artwork(parse_styles(options.style)))
    if options.start is not None:
        check_choice("start", options.start, STARTS)
    fields = ("alpha", "beta", "tv", "start", "optimizer")
    changes = {name: getattr(options, name) for name in fields}
    if options.layers is not None:
        changes["style_layers"] = parse_layers(options.layers)
    recipe = recipe.replace(**{name: value for name, value in changes.items() if value is not None})
    return prepare(
        content,
        style,
        recipe,
        quality=options.quality or (QUALITY if options.recipe in TUNED and not like else None),
        steps=options.steps,
        size=like_size(options, like),
        scales=options.scales,
        color=options.color,
        style_scale=options.style_scale,
        regions=regions,
        tile=parse_tile(options.tile),
        seed=next(n for n in (options.seed, like and like.seed, 0) if n is not None),
        precision=options.precision,
        device=options.device,
    )


def announce(plan: Plan) -> None:
    """Say what will be painted, and how long it will take."""
    height, width = plan.content.shape[-2:]
    told = in_words(seconds_needed(plan))
    print(f"Painting {width} x {height} px; this takes {told}.", file=sys.stderr, flush=True)


Painter = Callable[[str, bool], Painting]  # of a photograph; whether to say how it goes


def painter(options: argparse.Namespace) -> Painter:
    """Return what paints a photograph as the command line asks for.

    Raises:
        ValueError: An option that the method does not have.
    """
    if options.recipe not in METHODS:
        if options.strength is not None:
            raise ValueError(
                f"--strength is for --method {', '.join(METHODS)}, which paint at once, got "
                f"--method {options.recipe}; leave --strength out"
            )
        return partial(_minimized, options)
    for name in MINIMIZED:
        if getattr(options, name) is not None:
            raise ValueError(
                f"--{name} is for paintings that are optimized, and --method {options.recipe} "
                f"paints at once; leave --{name} out"
            )
    named = {name: getattr(options, name) for name in ("strength", "color", "style_scale", "size")}
    # Told once, and not for each photograph of a folder.
    check_options(**{name: value for name, value in named.items() if value is not None})
    coder = coder_on(None, options.precision, options.device, parse_tile(options.tile))
    return partial(_moved, options, coder)


def _minimized(options: argparse.Namespace, content: str, told: bool) -> Result:
    plan = planned(options, content)
    if told:
        announce(plan)
    return paint(plan, progress=told)


def _moved(options: argparse.Namespace, coder: Coder, content: str, _: bool) -> Painting:
    style, regions = given_style(options)
    return transfer(
        content,
        style,
        options.recipe,
        1.0 if options.strength is None else options.strength,
        size=options.size,
        color=options.color or "style",
        style_scale=1.0 if options.style_scale is None else options.style_scale,
        regions=regions,
        coder=coder,
    )


@contextmanager
def warnings_as_lines() -> Iterator[None]:
    """Print nstkit's warnings as plain lines: where in the code they come from is no help here.

    Each is printed once, however many photographs it holds for. The filter names our modules;
    ``__main__`` is this one, run by ``python -m``.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("always", category=UserWarning, module=r"nstkit\b|__main__$")
        others, told = warnings.showwarning, set()

        def _show(message: Warning | str, category: type, file: str, *rest: object) -> None:
            if category is UserWarning and Path(__file__).parent in Path(file).parents:
                if (line := _line(str(message))) not in told:
                    print(line, file=sys.stderr)
                told.add(line)
            else:
                others(message, category, file, *rest)

        warnings.showwarning = _show
        yield


@contextmanager
def ended_like_ctrl_c() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does: a queue or a container that ends us keeps the painting."""
    if threading.current_thread() is not threading.main_thread():  # others may not handle signals
        yield
        return

    def _interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _line(text: str) -> str:
    """Return a text on one line. Blanks stay: they may be those of a file's name."""
    return f"nstkit: {' '.join(line.strip() for line in text.splitlines())}"


def say(text: str) -> None:
    r"""Print a line to stdout; what its encoding lacks, as in a file's name, is written as \xe4.

    Python writes to stderr like this by itself.
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding))


def refuse(reason: str) -> int:
    """Print a reason on one line and return the exit code for bad input."""
    print(_line(reason), file=sys.stderr)
    return BAD_INPUT


def paint_one(options: argparse.Namespace) -> int:
    """Paint one photograph; return the exit code."""
    names = [options.pictures[0], *parse_styles(options.style)]
    output = options.output or free_name("_".join(Path(name).stem for name in names))
    output = Path(os.path.expanduser(output))
    # A bad name or place is refused before the work, not after.
    save_options(output, {"recipe": ""})
    check_place(output)
    check_own(output)
    kept = options.pictures[0] if options.keep_transparency else None
    if kept is not None:
        check_transparent(output)
    result = painter(options)(options.pictures[0], not options.quiet)
    saved = saved_somewhere(result, output, kept)
    height, width = result.image.shape[-2:]
    say(f"{saved.resolve()}: {width} x {height} px, {_done(result)} ({result.precision})")
    return INTERRUPTED if isinstance(result, Result) and result.interrupted else 0


def check_own(file: Path) -> None:
    """Raise ValueError if a file is there that is no painting of nstkit: it would be lost."""
    if file.exists() and "software" not in read_metadata(file):
        raise ValueError(f"'{file}' is there, and no painting of nstkit; it stays as it is")


def saved_somewhere(result: Painting, output: Path, kept: str | None) -> Path:
    """Save a painting. If the place fails, which was good before, take the system's own for it.

    Args:
        result: the painting.
        output: the place.
        kept: a picture whose transparency it gets; None for none.
    """
    try:
        return result.save(output, transparency=kept)
    except OSError as error:
        elsewhere = Path(tempfile.mkdtemp(prefix="nstkit_")) / output.name
        saved = result.save(elsewhere, transparency=kept)
        print(_line(f"{error}; the painting is in '{saved}'"), file=sys.stderr)
        return saved


def _done(result: Painting) -> str:
    if isinstance(result, Result):
        return f"{result.history[-1].index} steps in {result.seconds:.0f} s"
    return result.summary


def paint_folder(options: argparse.Namespace, folder: Path) -> int:
    """Paint all photographs in a folder into another; return the exit code.

    A photograph that cannot be read or painted is told and left out. So is one whose painting would
    take the place of a file that is no painting of nstkit.
    """
    from tqdm import tqdm  # here, so that --help comes at once

    names = [folder.resolve().name, *(Path(name).stem for name in parse_styles(options.style))]
    output = Path(os.path.expanduser(options.output or short("_".join(names))))
    files = targets(pictures_in(folder), output)
    if output.resolve() == folder.resolve():
        raise ValueError(f"-o is the folder of the photographs, '{folder}'; name another one")
    if output.exists() and not output.is_dir():
        raise ValueError(
            f"-o is the file '{output}'; expected a folder for a folder of photographs"
        )
    for picture in [*parse_styles(options.style), *filter(None, [options.mask])]:
        own_side(picture)  # told once, and not for each photograph
    paint_it, transparent = painter(options), options.keep_transparency
    output.mkdir(parents=True, exist_ok=True)
    painted, interrupted = 0, False
    with tqdm(files.items(), disable=options.quiet, unit="picture") as bar:
        try:
            for file, target in bar:
                bar.set_description(file.name, refresh=False)
                if (result := _painted(paint_it, file, target, transparent)) is not None:
                    painted += 1
                    if isinstance(result, Result) and result.interrupted:
                        raise KeyboardInterrupt
        except KeyboardInterrupt:
            interrupted = True
    say(f"{output.resolve()}: {painted} of {len(files)} photographs painted")
    if interrupted:
        return INTERRUPTED
    return 0 if painted == len(files) else BAD_INPUT


def _painted(paint_it: Painter, file: Path, target: Path, transparent: bool) -> Painting | None:
    """Paint and save a photograph; say why and return None if that fails."""
    try:
        check_own(target)
        result = paint_it(str(file), False)
        result.save(target, transparency=file if transparent else None)
    except (ValueError, OSError) as error:
        refuse(f"{file.name}: {error}")
        return None
    except (RuntimeError, MemoryError) as error:
        refuse(f"{file.name}: {out_of_memory(error)}")
        return None
    return result


def folder_of(name: str) -> Path | None:
    """Return the folder of a name; None if it is none, or a bundled picture is called so."""
    path = os.path.expanduser(name)
    return Path(path) if os.path.isdir(path) and name not in samples() else None


def out_of_memory(error: Exception) -> str:
    """Return what to tell of an error of too little memory; raise any other one."""
    if "memory" not in repr(error).lower():  # torch has no class of its own for CPU memory
        raise error
    return "not enough memory for a picture of this size; try a smaller --size"


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, paint, save; return the exit code."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    options.pictures = options.pictures or list(PAIR[: 1 if options.style else 2])
    if len(options.pictures) != (1 if options.style else 2):
        parser.error("expected CONTENT and STYLE, or neither; with --style, only CONTENT")
    options.style = options.style or [options.pictures[1]]
    try:
        with warnings_as_lines(), ended_like_ctrl_c():
            if (folder := folder_of(options.pictures[0])) is not None:
                return paint_folder(options, folder)
            return paint_one(options)
    except KeyboardInterrupt:  # before the first step there is no picture to keep
        print("Interrupted before the first step; nothing was written.", file=sys.stderr)
        return INTERRUPTED
    except (ValueError, OSError) as error:
        return refuse(str(error))
    except (RuntimeError, MemoryError) as error:
        return refuse(out_of_memory(error))


if __name__ == "__main__":
    sys.exit(main())
