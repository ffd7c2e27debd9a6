"""What a measurement was made on."""

from __future__ import annotations

import os
import platform
import random
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import psutil
import torch

import nstkit
from nstkit.vgg.devices import feature_dtype

ROOT = Path(__file__).resolve().parents[1]
DTYPES = {  # by their names in stored files
    "float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16,
}  # fmt: skip
Key = TypeVar("Key")


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
        "auto_precision": dtype_name(feature_dtype("auto", device)),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "nstkit": nstkit.__version__,
    }


def dtype_name(dtype: torch.dtype) -> str:
    """Return what stored files call a dtype of features."""
    return {known: name for name, known in DTYPES.items()}[dtype]


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
    actions: Mapping[Key, Callable[[], object]], device: str, repeats: int
) -> dict[Key, list[float]]:
    """Return the seconds of each action in each round but the first, which fills caches.

    Each round has an order of its own, so that no action always finds the caches as the same one
    left them.
    """
    found: dict[Key, list[float]] = {name: [] for name in actions}
    order, generator = list(actions), random.Random(0)
    for _ in range(repeats + 1):
        generator.shuffle(order)
        for name in order:
            found[name].append(seconds(actions[name], device))
    return {name: times[1:] for name, times in found.items()}


def elsewhere(arguments: Sequence[str]) -> str:
    """Return what Python prints in a process of its own, with these arguments and this nstkit."""
    command, there = [sys.executable, *arguments], {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=there)
    return done.stdout
