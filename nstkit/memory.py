"""How much memory is free, and what to say if that is too little."""

from __future__ import annotations

import psutil
import torch


def free_memory(device: torch.device) -> int:
    """Return how many bytes can still be had on a device."""
    if device.type == "cuda":
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + kept  # torch keeps what it has freed
    return psutil.virtual_memory().available  # Apple's GPU shares the system's memory


def needs_more(what: str, needed: int, free: int) -> str:
    """Return the sentence for what needs more bytes than are free."""
    return f"{what} needs about {_told(needed)} of memory, and {_told(free)} are free."


def _told(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
