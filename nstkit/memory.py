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
