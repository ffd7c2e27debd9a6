#!/usr/bin/env python
"""Measure what notebook 05 says of optimizers and starts, where that takes too long for a notebook.

    python tools/measure_descent.py rates            the best learning rate of each optimizer
    python tools/measure_descent.py race             300 steps by Adam and by L-BFGS, three pairs
    python tools/measure_descent.py starts           1,000 steps from each start
    python tools/measure_descent.py starts noise     one of them

Writes nstkit/measured/studies/descent_*.json, and the pictures into a folder beside it. What was
done stays there, and what is missing is added, so an interrupted run goes on where it was. Remove
the file to measure again. On two cores with bfloat16, `rates` takes about 10 minutes, `race` 30,
and each start 13.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import nstkit
from nstkit.files import replacing, write_whole
from nstkit.judges import AlexNet, lpips
from nstkit.lesson.race import (
    METHODS,
    Descent,
    Make,
    descend,
    final_losses,
    lbfgs,
    numbered,
)
from nstkit.lesson.study import FOLDER, study, study_pictures
from nstkit.painting.start import start_image
from nstkit.pictures.images import to_pil
from nstkit.vgg.devices import feature_dtype, precision_name
from nstkit.vgg.fast import to_paint

PAIR, SIZE = ("castle", "starry_night"), 384
QUALITY = 88  # of the stored JPEG files
RATE_STEPS, GUESSES = 40, {"gradient descent": 0.01, "momentum": 0.005, "Adam": 0.02, "L-BFGS": 1.0}
NEIGHBORS = 2  # rates that are worse, on each side of the best
RACE_SIZE, RACE_STEPS = 256, 300
RACE_PAIRS = (PAIR, ("cat", "great_wave"), ("bridge", "scream"))
STARTS = {"photograph": "content", "noise": "noise", "artwork": "style"}
KEPT = (60, 300, 1000)


def scene(
    size: int = SIZE, pair: tuple[str, str] = PAIR
) -> tuple[nstkit.Objective, Tensor, Tensor]:
    """Return the textbook objective, the photograph and the artwork."""
    content, style = (nstkit.load_image(name, size=size) for name in pair)
    vgg = to_paint(nstkit.VGG(), "cpu", feature_dtype("auto", "cpu"))
    return nstkit.Objective.of(content, style, vgg), content, style


def facts() -> dict[str, Any]:
    """Return what was painted, and on what."""
    return {
        "pair": list(PAIR),
        "size": SIZE,
        "recipe": "TEXTBOOK",
        "precision": precision_name(feature_dtype("auto", "cpu")),
        "machine": platform.machine(),
        "torch": torch.__version__,
    }


def digits(losses: list[float]) -> list[float]:
    """Return losses with five digits."""
    return [float(f"{loss:.5g}") for loss in losses]


def save(name: str, found: dict[str, Any]) -> None:
    """Write what was found, completely or not at all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    write_whole(FOLDER / f"{name}.json", json.dumps(facts() | found, indent=1) + "\n")


def save_picture(name: str, part: str, image: Tensor) -> None:
    """Write a picture of a study."""
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / f"{part}.jpg") as draft:
        to_pil(image).save(draft, "JPEG", quality=QUALITY, subsampling=0)


def known(name: str) -> dict[str, Any]:
    """Return what an earlier run has found."""
    return study(name) if (FOLDER / f"{name}.json").exists() else {}


# ---------------------------------------------------------------- learning rates


def next_rate(ends: dict[float, float], guess: float, neighbors: int = NEIGHBORS) -> float | None:
    """Return the rate to try next, a factor of 2 beyond those tried; None if the best is inside.

    Args:
        ends: {rate: final loss} of those tried; a loss that is not finite is infinite.
        guess: the rate to begin with.
        neighbors: how many worse rates there must be on each side of the best.
    """
    if not ends:
        return guess
    rates, best = sorted(ends), min(ends, key=ends.__getitem__)
    above, below = (sum(sign * rate > sign * best for rate in rates) for sign in (1, -1))
    if above < neighbors:
        return rates[-1] * 2
    return rates[0] / 2 if below < neighbors else None


def rates() -> None:
    """Find the best rate of each optimizer, with worse ones on both sides."""
    name, (objective, content, _) = "descent_rates", scene()
    found = known(name).get("methods", {})
    for method, make in METHODS.items():
        curves = found.setdefault(method, {})
        while rate := next_rate(final_losses(numbered(curves)), GUESSES[method]):
            losses = descend(objective, content, make(rate), RATE_STEPS).losses
            curves[f"{rate:g}"] = digits(losses)
            print(method, rate, losses[-1], flush=True)
            save(name, {"steps": RATE_STEPS, "methods": found})


def race() -> None:
    """Paint three pairs by L-BFGS at its rate of 1, and by Adam at rates around its best."""
    name = "descent_race"
    found = known(name).get("pairs", {})
    for pair in RACE_PAIRS:
        objective, content, _ = scene(RACE_SIZE, pair)
        curves = found.setdefault(", ".join(pair), {"L-BFGS": {}, "Adam": {}})
        while runner := next_runner(curves):
            method, rate = runner
            losses = descend(objective, content, METHODS[method](rate), RACE_STEPS).losses
            curves[method][f"{rate:g}"] = digits(losses)
            print(pair, method, rate, losses[-1], flush=True)
            save(name, {"size": RACE_SIZE, "steps": RACE_STEPS, "pairs": found})


def next_runner(curves: dict[str, dict[str, list[float]]]) -> tuple[str, float] | None:
    """Return the optimizer and the rate that a race still lacks; None if it has all."""
    if not curves["L-BFGS"]:
        return "L-BFGS", GUESSES["L-BFGS"]
    rate = next_rate(final_losses(numbered(curves["Adam"])), GUESSES["Adam"], 1)
    return ("Adam", rate) if rate else None


# ---------------------------------------------------------------- starts


def painted(name: str, part: str, make: Make, begin: Tensor, kept: tuple[int, ...]) -> None:
    """Paint from a picture, and store the curve, the pictures, and their losses in float32."""
    found = known(name).get("runs", {})
    if part in found:
        return
    objective, content, style = scene()
    run = descend(objective, begin, make, kept[-1], kept)
    exact = nstkit.Objective.of(content, style, nstkit.VGG())
    for step, picture in run.pictures.items():
        save_picture(name, f"{part}_{step}", picture)
    found[part] = {"losses": digits(run.losses), "at": judged(run, exact, content)}
    print(name, part, found[part]["at"], flush=True)
    save(name, {"runs": found})


def judged(run: Descent, exact: nstkit.Objective, content: Tensor) -> dict[str, Any]:
    """Return {step: numbers of the picture kept there}."""
    alexnet = AlexNet("cpu")
    photograph, found = alexnet(content), {}
    for step, picture in run.pictures.items():
        with torch.no_grad():
            losses = exact(picture).floats()
            away = lpips(alexnet(picture), photograph, alexnet.heads)
        numbers = {"total": losses.total, **losses.values, "lpips to the photograph": away}
        found[str(step)] = {key: float(f"{value:.4g}") for key, value in numbers.items()}
    return found


def starts(only: list[str]) -> None:
    """Paint from each start, and compare where they arrive."""
    name, (_, content, style) = "descent_starts", scene()
    for part, kind in STARTS.items():
        if not only or part in only:
            painted(name, part, lbfgs(), start_image(kind, content, style), KEPT)
    found = known(name)
    if set(found["runs"]) == set(STARTS):
        save(name, {"runs": found["runs"], "apart": apart(name)})


def apart(name: str) -> dict[str, dict[str, float]]:
    """Return {step: {two starts: LPIPS between their pictures}}."""
    alexnet = AlexNet("cpu")
    seen = {part: alexnet(picture) for part, picture in study_pictures(name).items()}
    pairs = [(one, other) for i, one in enumerate(STARTS) for other in list(STARTS)[i + 1 :]]
    return {
        str(step): {
            f"{one}, {other}": float(
                f"{lpips(seen[f'{one}_{step}'], seen[f'{other}_{step}'], alexnet.heads):.3g}"
            )
            for one, other in pairs
        }
        for step in KEPT
    }


PARTS: dict[str, Callable[[list[str]], None]] = {
    "rates": lambda only: rates(),
    "race": lambda only: race(),
    "starts": starts,
}


def main(arguments: list[str] | None = None) -> None:
    """Measure a part."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("only", nargs="*", help="of a part's runs, these; else all")
    options = parser.parse_args(arguments)
    PARTS[options.part](options.only)


if __name__ == "__main__":
    main()
