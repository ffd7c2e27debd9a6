"""Painting in whatever mode the caller has set torch to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor

from nstkit import DEFAULT, VGG, Objective, optimize, stylize, transfer
from nstkit.checks.exercises import EXERCISES
from nstkit.losses.sliced import directions
from nstkit.modes import plain
from nstkit.painting.start import noise_like, start_image

OPTIONS = {"steps": 2, "progress": False, "precision": "fp32"}


class Picture(Tensor):
    """A class of another library's pictures."""


@contextmanager
def without_gradients() -> Iterator[None]:
    torch.set_grad_enabled(False)
    try:
        yield
    finally:
        torch.set_grad_enabled(True)


@contextmanager
def deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


MODES: dict[str, Callable] = {
    "no_grad": torch.no_grad,
    "inference": torch.inference_mode,
    "no gradients": without_gradients,
    "autocast": lambda: torch.autocast("cpu"),
    "deterministic": deterministic,
}


@pytest.fixture(scope="module")
def usual(cat: Tensor, wave: Tensor) -> tuple[Tensor, Tensor]:
    """A painting and a picture that is painted at once, in torch's usual mode."""
    painting = stylize(cat, wave, DEFAULT.replace(start="style"), **OPTIONS).image
    return painting, transfer(cat, wave, "transport", precision="fp32").image


@pytest.mark.long
@pytest.mark.parametrize("mode", MODES)
def test_a_painting_is_the_same_in_every_mode(
    mode: str, cat: Tensor, wave: Tensor, usual: tuple[Tensor, Tensor]
) -> None:
    expected, at_once = usual
    with MODES[mode]():
        mine = cat.clone(), wave.clone()  # in inference mode, of its own kind of tensor
        found = stylize(*mine, DEFAULT.replace(start="style"), **OPTIONS).image
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)
        found = transfer(*mine, "transport", precision="fp32").image
        torch.testing.assert_close(found, at_once, rtol=0, atol=1e-4)
    assert torch.is_grad_enabled() and not torch.is_autocast_enabled("cpu")


@pytest.mark.parametrize("mode", MODES)
def test_a_loop_of_ones_own_runs_in_every_mode(mode: str, cat: Tensor, wave: Tensor) -> None:
    objective = Objective.of(cat, wave, None, DEFAULT)
    with MODES[mode]():
        steps = list(optimize(objective, cat.clone(), steps=2))
    assert steps[2].losses.total < steps[0].losses.total


@pytest.mark.long
def test_pictures_of_another_class_are_pictures(cat: Tensor, wave: Tensor) -> None:
    expected = stylize(cat, wave, **OPTIONS).image
    found = stylize(cat.as_subclass(Picture), wave.as_subclass(Picture), **OPTIONS).image
    assert type(found) is Tensor and torch.equal(found, expected)
    with torch.inference_mode():
        made = torch.ones(2)
    assert not plain(made).is_inference() and plain(cat) is cat


def test_random_numbers_do_not_depend_on_the_callers_defaults(cat: Tensor) -> None:
    def drawn() -> list[Tensor]:
        generator = torch.Generator().manual_seed(0)
        cases = [case for exercise in EXERCISES.values() for case in exercise.cases(generator)]
        return [
            start_image("noise", cat, cat), noise_like(cat), directions(5, 7),
            *(given for case in cases for given in case if isinstance(given, Tensor)),
        ]  # fmt: skip

    expected = drawn()
    torch.set_default_dtype(torch.float64)
    try:
        found = drawn()
    finally:
        torch.set_default_dtype(torch.float32)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    with torch.device("meta"):  # a default device on which no generator of the CPU can draw
        torch.testing.assert_close(start_image("noise", cat, cat), expected[0])
        torch.testing.assert_close(noise_like(cat), expected[1])


def test_a_network_made_in_inference_mode_paints_later(cat: Tensor, wave: Tensor) -> None:
    expected = stylize(cat, wave, **OPTIONS, vgg=VGG()).image
    with torch.inference_mode():
        vgg = VGG()
    assert torch.equal(stylize(cat, wave, **OPTIONS, vgg=vgg).image, expected)
