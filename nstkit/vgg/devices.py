"""Where a network computes, in which precision, and how much memory is free there."""

from __future__ import annotations

from typing import Literal

import psutil
import torch
from torch import Tensor, nn

Precision = Literal["auto", "fp32", "bf16"]


def feature_dtype(precision: Precision, device: torch.device | str) -> torch.dtype:
    """Choose the dtype in which the network computes.

    "auto" takes bfloat16 where the processor multiplies it natively: on a CPU with AVX512-BF16 or
    AMX, on a CUDA GPU of compute capability 8.0 (Ampere) or newer. Elsewhere, also on a CPU that
    would only emulate it (50 times slower), it takes float32.
    """
    choices = {"fp32": torch.float32, "bf16": torch.bfloat16}
    if precision == "auto":
        return torch.bfloat16 if _has_native_bf16(torch.device(device)) else torch.float32
    if precision not in choices:
        raise ValueError(f"precision is {precision!r}; expected 'auto', 'fp32' or 'bf16'.")
    return choices[precision]


def default_device(picture: object, vgg: nn.Module | None = None) -> torch.device:
    """Return where a given network is; else a CUDA GPU, a tensor's own device, or the CPU."""
    if vgg is not None:
        return next(vgg.parameters()).device
    if torch.cuda.is_available():
        return torch.device("cuda")
    return picture.device if isinstance(picture, Tensor) else torch.device("cpu")


def free_memory(device: torch.device) -> int:
    """Return how many bytes can still be had on a device."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return psutil.virtual_memory().available


def _has_native_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type != "cpu":
        return False
    # torch < 2.10 has no public question for this; an absent answer counts as "no".
    if hasattr(torch.cpu, "get_capabilities"):
        has = torch.cpu.get_capabilities().get
        return bool(has("avx512_bf16") or has("amx_bf16"))
    return getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
