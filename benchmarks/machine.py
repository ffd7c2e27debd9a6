"""What a measurement was made on."""

from __future__ import annotations

import itertools
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import psutil
import torch

import nstkit
from nstkit.vgg import feature_dtype

ROOT = Path(__file__).resolve().parents[1]


def facts(device: str) -> dict[str, object]:
    """Return the machine and the versions that matter."""
    gpu = torch.cuda.get_device_name() if device == "cuda" else None
    return {
        "device": device,
        "processor": processor(),
        "cores": psutil.cpu_count(logical=False),
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "gpu": gpu,
        "auto_precision": str(feature_dtype("auto", device)).removeprefix("torch."),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "nstkit": nstkit.__version__,
    }


def name(told: dict[str, object]) -> str:
    """Return the name of the file for a machine."""
    processor = str(told["processor"]).replace("(R)", "").replace("(TM)", "")
    parts = [told["gpu"] or f"{processor} {told['cores']} cores", told["auto_precision"]]
    return "_".join("".join(c if c.isalnum() else " " for c in " ".join(parts)).lower().split())


def processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def wait(device: str) -> None:
    """Wait until the device has done what it was told: else only the telling is timed."""
    if device == "cuda":
        torch.cuda.synchronize()


def seconds(action: Callable[[], object], device: str) -> float:
    """Return the seconds of an action, until the device has done it."""
    wait(device)
    began = time.perf_counter()
    action()
    wait(device)
    return time.perf_counter() - began


def in_turns(
    actions: Mapping[str, Callable[[], object]], device: str, repeats: int
) -> dict[str, float]:
    """Return median seconds of each action but of the first round, which fills caches."""
    measures = {name: partial(seconds, action, device) for name, action in actions.items()}
    return medians(measures, repeats + 1, skip=1)


def medians(
    measures: Mapping[str, Callable[[], float]], rounds: int, skip: int = 0
) -> dict[str, float]:
    """Return the median of what each measures, in turns, without the first rounds."""
    found: dict[str, list[float]] = {name: [] for name in measures}
    for _, (name, measure) in itertools.product(range(rounds), measures.items()):
        found[name].append(measure())
    return {name: statistics.median(values[skip:]) for name, values in found.items()}


def elsewhere(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> str:
    """Return what Python prints in a process of its own, with these arguments and this nstkit."""
    there = {**environment, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=there)
    return done.stdout
