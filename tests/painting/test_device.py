"""Where to paint: on a GPU only if there is one, and if it computes what the CPU computes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from nstkit import VGG, Recipe, stylize
from nstkit.painting import start
from nstkit.painting.start import agrees_with_cpu, default_device

CPU = torch.device("cpu")
Trial = tuple[Tensor, Tensor]


def answer(value: bool) -> Callable[[], bool]:
    """Return what stands in for torch's question; torch looks through its cache, so it has one."""
    return functools.cache(lambda: value)


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """On any machine: no GPU, and nothing known of one."""
    monkeypatch.setattr(torch.cuda, "is_available", answer(False))
    monkeypatch.setattr(torch.backends.mps, "is_available", answer(False))
    agrees_with_cpu.cache_clear()
    yield
    agrees_with_cpu.cache_clear()


def test_without_a_gpu_a_tensor_stays_where_it_is_and_files_go_to_the_cpu(cat: Tensor) -> None:
    assert default_device("cat") == default_device(cat) == CPU
    assert default_device(torch.empty(1, device="meta")) == torch.device("meta")


def test_a_cuda_gpu_is_taken(monkeypatch: pytest.MonkeyPatch, cat: Tensor) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", answer(True))
    assert default_device("cat") == default_device(cat) == torch.device("cuda")


def test_a_given_network_is_painted_with_where_it_is(
    cat: Tensor, wave: Tensor, vgg: VGG, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine with a GPU, a network on the CPU paints on the CPU."""
    monkeypatch.setattr(torch.cuda, "is_available", answer(True))
    recipe = Recipe(style_layers="relu1_1", content_layers="relu1_1", steps=1)
    run = stylize(cat, wave, recipe, vgg=vgg, progress=False)
    assert run.image.device == CPU


def test_apples_gpu_is_taken_if_it_agrees_with_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", answer(True))
    monkeypatch.setattr(start, "agrees_with_cpu", lambda device: device == "mps")
    assert default_device("cat") == torch.device("mps")


def test_apples_gpu_is_left_out_with_a_warning_if_it_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", answer(True))
    monkeypatch.setattr(start, "agrees_with_cpu", lambda device: False)
    with pytest.warns(UserWarning, match="does not compute what the CPU computes.*device='mps'"):
        assert default_device("cat") == CPU


def test_stylizes_warning_points_at_its_caller(
    monkeypatch: pytest.MonkeyPatch, cat: Tensor, wave: Tensor
) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", answer(True))
    monkeypatch.setattr(start, "agrees_with_cpu", lambda device: False)
    recipe = Recipe(style_layers="relu1_1", content_layers="relu1_1", steps=0)
    with pytest.warns(UserWarning, match="Apple's GPU") as caught:
        assert stylize(cat, wave, recipe, progress=False).image.device == CPU
    assert caught[0].filename == __file__


# ------------------------------------------------------------------ the trial
def test_the_cpu_agrees_with_itself() -> None:
    assert agrees_with_cpu("cpu") is True


def test_the_trial_leaves_the_global_random_numbers_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    assert agrees_with_cpu("cpu")
    assert torch.equal(torch.rand(3), expected)


def on_the_gpu(gradient: float, move: float) -> Trial:
    """What a trial finds on a GPU whose results are off by these shares."""
    value = torch.ones(3, 4)
    return value * (1 + gradient), value * (1 + move)


@pytest.mark.parametrize(
    ("gradient", "move", "agrees"),
    [
        (0.0, 0.0, True),
        (0.005, -0.005, True),
        (0.05, 0.0, False),
        (0.0, 0.05, False),
        (-2.0, 0.0, False),
        (0.0, float("nan"), False),
    ],
)
def test_a_device_that_computes_something_else_is_refused(
    gradient: float, move: float, agrees: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = {"cpu": on_the_gpu(0.0, 0.0), "mps": on_the_gpu(gradient, move)}
    monkeypatch.setattr(start, "_trial", trials.__getitem__)
    assert agrees_with_cpu("mps") is agrees


@pytest.mark.parametrize("error", [RuntimeError, NotImplementedError, TypeError])
def test_a_device_that_lacks_an_operation_is_refused(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacking(device: str) -> Trial:
        if device == "mps":
            raise error("not implemented for MPS")
        return on_the_gpu(0.0, 0.0)

    monkeypatch.setattr(start, "_trial", lacking)
    assert agrees_with_cpu("mps") is False
