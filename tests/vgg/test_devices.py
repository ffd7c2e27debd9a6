"""In which precision a network computes, and how much memory is free."""

from __future__ import annotations

import pytest
import torch

from nstkit.memory import free_memory
from nstkit.vgg.devices import feature_dtype, precision_name


@pytest.mark.parametrize(
    ("flags", "dtype"),
    [({"avx512_bf16": True}, torch.bfloat16), ({"amx_bf16": True}, torch.bfloat16),
     ({"avx512_f": True}, torch.float32), ({}, torch.float32)],
)  # fmt: skip
def test_auto_takes_bf16_only_where_the_processor_has_it(
    flags: dict[str, bool], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: flags, raising=False)
    assert feature_dtype("auto", "cpu") == dtype


@pytest.mark.parametrize(
    ("capability", "name", "dtype"),
    [((9, 0), "H100", "bfloat16"), ((8, 0), "A100", "bfloat16"), ((7, 5), "Tesla T4", "float16"),
     ((7, 0), "Tesla V100", "float16"), ((7, 5), "NVIDIA GeForce GTX 1660 Ti", "float32"),
     ((6, 1), "GTX 1080", "float32")],
)  # fmt: skip
def test_auto_on_a_gpu_takes_the_narrowest_that_its_tensor_cores_multiply(
    capability: tuple[int, int], name: str, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: name)
    assert feature_dtype("auto", "cuda") == getattr(torch, dtype)


def test_auto_without_torchs_answer_is_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported", raising=False)
    assert feature_dtype("auto", "cpu") == torch.float32
    assert feature_dtype("auto", "mps") == torch.float32
    assert feature_dtype("bf16", "cpu") == torch.bfloat16


def test_the_name_of_a_precision_leads_back_to_it() -> None:
    for name in ("fp32", "bf16", "fp16"):
        assert precision_name(feature_dtype(name, "cpu")) == name
    assert precision_name(torch.float64) == "float64"


def test_an_unknown_precision_is_told() -> None:
    with pytest.raises(ValueError, match="precision is 'fp8'; expected one of .*'auto', 'fp32'"):
        feature_dtype("fp8", "cpu")


def test_free_memory_is_a_size_of_this_machine() -> None:
    assert 10**7 < free_memory(torch.device("cpu")) < 10**14
