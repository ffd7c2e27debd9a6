"""The clocks of the notebooks time what they say, and leave no trace."""

from __future__ import annotations

import time

import torch

from nstkit import VGG
from nstkit.lesson.clock import convolution_seconds, now, seconds_of


def test_each_run_but_the_first_is_timed() -> None:
    pauses = iter([0.2, 0.0, 0.05, 0.0])
    found = seconds_of(lambda: time.sleep(next(pauses)), 3)
    assert len(found) == 3 and next(pauses, None) is None
    assert 0.05 <= max(found) == found[1]


def test_the_parts_of_a_forward_pass_add_up_to_less_than_all_of_it(vgg: VGG) -> None:
    image = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    hooks = [len(conv._forward_hooks) for conv in vgg.convs.values()]
    began = now()
    found = convolution_seconds(vgg, image, "relu3_1", repeats=2)
    assert sum(found.values()) < now() - began
    assert list(found) == [name for name in vgg.convs if name <= "conv3_1"] + ["all else"]
    assert min(found.values()) > 0
    assert [len(conv._forward_hooks) for conv in vgg.convs.values()] == hooks
