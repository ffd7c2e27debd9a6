"""torch as it is by default, whatever mode the caller has set."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor

# Of random numbers: they are the same whatever default dtype and device the caller has set.
ON_CPU = {"dtype": torch.float32, "device": "cpu"}


@contextmanager
def usual_mode() -> Iterator[None]:
    """Compute with gradients and without autocast, as torch does by default.

    A painting needs gradients of its pixels, also where the caller has none: under
    ``torch.no_grad``, ``torch.inference_mode`` or ``torch.set_grad_enabled(False)``. Autocast would
    change the precision that was chosen.
    """
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        for device in ("cpu", "cuda"):
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        yield


def plain(tensor: Tensor) -> Tensor:
    """Return a tensor of no other class, that may take part in a gradient.

    Libraries give pictures classes of their own, and tensors of ``torch.inference_mode`` cannot be
    kept for a gradient. Others are returned as they are.
    """
    if type(tensor) is not Tensor and isinstance(tensor, Tensor):
        tensor = tensor.as_subclass(Tensor)
    if tensor.is_inference():
        with torch.inference_mode(False):
            return tensor.clone()
    return tensor
