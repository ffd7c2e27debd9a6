"""Where a painting begins: the start, and the device that computes."""

from __future__ import annotations

import re

import pytest
import torch
from torch import Tensor

from nstkit import VGG
from nstkit.painting.start import as_image, check_start, default_device, start_image
from nstkit.recipes import STARTS


# ------------------------------------------------------------------ starts
def test_starts_have_the_contents_shape_and_their_own_look(cat: Tensor, wave: Tensor) -> None:
    start = {k: start_image(k, cat, wave) for k in STARTS}
    assert all(s.shape == cat.shape and 0 <= s.min() <= s.max() <= 1 for s in start.values())
    assert torch.equal(start["content"], cat) and start["content"] is not cat
    assert (start["white"] == 1).all()
    assert start["gray"].amax((2, 3)).tolist() == [pytest.approx([0.485, 0.456, 0.406])]
    assert start["gray"].std((2, 3)).max() < 1e-6
    assert 0.45 < start["noise"].mean() < 0.55 and start["noise"].std() > 0.25
    torch.testing.assert_close(start["blend"], (cat + start["noise"]) / 2)
    near = [(start[kind] - wave.mean((2, 3), True)).mean((2, 3)).abs().max() for kind in
            ("recolored", "content")]  # fmt: skip
    assert near[0] < 0.02 < near[1]


def test_a_start_can_be_painted_on_without_changing_the_photograph(
    cat: Tensor, wave: Tensor
) -> None:
    before = cat.clone(), wave.clone()
    for kind in STARTS:
        start_image(kind, cat, wave).zero_()
    assert torch.equal(cat, before[0]) and torch.equal(wave, before[1])


def test_noise_repeats_with_its_seed(cat: Tensor, wave: Tensor) -> None:
    noise = [start_image("noise", cat, wave, seed) for seed in (1, 1, 2)]
    assert torch.equal(noise[0], noise[1]) and not torch.equal(noise[0], noise[2])


@pytest.mark.parametrize("shape", [(40, 64), (64, 40), (33, 35), (64, 64)])
def test_the_style_start_covers_the_content_undistorted(shape: tuple[int, int]) -> None:
    # A style with a red left and a blue right half.
    style = torch.zeros(1, 3, 30, 90)
    style[:, 0, :, :45], style[:, 2, :, 45:] = 1, 1
    start = start_image("style", torch.zeros(1, 3, *shape), style)
    assert start.shape[-2:] == shape and start.is_contiguous()
    middle = shape[1] // 2
    assert start[0, 0, :, : middle - 4].min() > 0.9 and start[0, 2, :, middle + 4 :].min() > 0.9


@pytest.mark.parametrize("kind", ["black", "given"])
def test_an_unknown_start_is_told(kind: str, cat: Tensor) -> None:
    with pytest.raises(ValueError, match=f"start is '{kind}'"):
        start_image(kind, cat, cat)


def test_a_given_start_must_have_the_contents_shape(cat: Tensor) -> None:
    assert torch.equal(check_start(1 - cat, cat), 1 - cat)
    for start, got in ((cat[..., :32], "(1, 3, 43, 32)"), ("black", "'black'")):
        with pytest.raises(ValueError, match=re.escape(f"start is {got}; expected a picture of")):
            check_start(start, cat)


# ------------------------------------------------------------------ pictures and the device
def test_a_tensor_is_taken_as_it_is_if_it_is_a_picture(cat: Tensor) -> None:
    assert as_image(cat, 52, "cpu") is cat
    assert as_image("cat", 52, "cpu").shape[-1] == 52
    with pytest.raises(ValueError, match="expected \\[0, 1\\]. Divide by 255"):
        as_image(255 * cat, 52, "cpu")
    with pytest.raises(ValueError, match="expected"):
        as_image(cat * float("nan"), 52, "cpu")


def test_a_gpu_is_used_by_itself_where_there_is_one(
    vgg: VGG, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert default_device("cat") == torch.device("cpu")
    assert default_device(torch.empty(1, device="meta")) == torch.device("meta")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert default_device("cat") == default_device(torch.empty(1)) == torch.device("cuda")
    assert default_device("cat", vgg) == torch.device("cpu")  # where the network is
