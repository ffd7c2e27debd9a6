"""In which precision a network computes, and how much memory is free."""

from __future__ import annotations

from typing import Literal

import torch

from nstkit.options import check_choice

Precision = Literal["auto", "fp32", "bf16", "fp16"]
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def feature_dtype(precision: Precision, device: torch.device | str) -> torch.dtype:
    """Choose the dtype in which the network computes.

    "auto" takes bfloat16 where the processor multiplies it natively: on a CPU with AVX512-BF16 or
    AMX, on a CUDA GPU of compute capability 8.0 (Ampere) or newer. It takes float16 on the two
    generations of GPUs before, 7.0 to 7.5 (Volta and Turing, such as Colab's T4), whose tensor
    cores multiply that. Elsewhere it takes float32. A CPU that only emulates bfloat16 would need 50
    times as long.

    Raises:
        ValueError: precision is not "auto", "fp32", "bf16" or "fp16".
    """
    check_choice("precision", precision, ("auto", *DTYPES))
    if precision != "auto":
        return DTYPES[precision]
    device = torch.device(device)
    if _has_native_bf16(device):
        return torch.bfloat16
    return torch.float16 if _has_fp16_tensor_cores(device) else torch.float32


def precision_name(dtype: torch.dtype) -> str:
    """Return what `feature_dtype` calls a dtype, "fp32" and the like; others by torch's name."""
    names = {known: name for name, known in DTYPES.items()}
    return names.get(dtype, str(dtype).removeprefix("torch."))


def _has_fp16_tensor_cores(device: torch.device) -> bool:
    if device.type != "cuda" or torch.cuda.get_device_capability(device) < (7, 0):
        return False
    # These are Turing without tensor cores, and their convolutions in float16 may return NaN:
    # https://github.com/pytorch/pytorch/issues/77955
    return "GTX 16" not in torch.cuda.get_device_name(device)


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
