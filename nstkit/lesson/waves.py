"""Pictures made of waves, which gradient ascent changes more gently than pixels.

Olah and others, Feature Visualization, Distill 2017: with amplitudes of waves as parameters, long
waves move as easily as in photographs, and with the colors of photographs mixed as they occur,
red, green and blue do not run apart.
"""

from __future__ import annotations

import torch
from torch import Tensor

from nstkit.losses import total_variation
from nstkit.vgg import VGG

SMOOTH = 100  # weight of the total variation in `grow`

# Covariance of red, green and blue over the pixels of the bundled photographs, divided by its
# largest row norm. Three independent numbers become colors that go together, and a color moves the
# more easily, the more photographs vary in it. Without it, gradient ascent ends in neon.
COLOR_MIX = (
    (0.610, 0.465, 0.423),
    (0.465, 0.621, 0.589),
    (0.423, 0.589, 0.688),
)


def color_mix(pixels: Tensor) -> Tensor:
    """Return the (3, 3) matrix that turns independent numbers into the colors of some pixels.

    Args:
        pixels: (n, 3), RGB in [0, 1].

    Returns:
        Their covariance, divided by its largest row norm.
    """
    covariance = torch.cov(pixels.double().T)
    return (covariance / covariance.norm(dim=1).max()).float()


def random_waves(height: int, width: int, seed: int, strength: float = 0.01) -> Tensor:
    """Return amplitudes of waves of random phase, (1, 3, height, width // 2 + 1, 2) float32."""
    generator = torch.Generator().manual_seed(seed)
    return strength * torch.randn(1, 3, height, width // 2 + 1, 2, generator=generator)


def from_waves(waves: Tensor, width: int, contrast: float = 1.0) -> Tensor:
    """Return the picture of these waves, (1, 3, H, width) in [0, 1]; 0.5 everywhere if all are 0.

    An amplitude counts the more, the longer its wave is: twice the length, twice the height.

    Args:
        waves: amplitudes, (1, 3, H, width // 2 + 1, 2), real and imaginary parts.
        width: of the picture in pixels.
        contrast: factor before values are squeezed into [0, 1].
    """
    height = waves.shape[2]
    across, down = torch.fft.rfftfreq(width), torch.fft.fftfreq(height)[:, None]
    frequency = (across.square() + down.square()).sqrt().clamp(min=1 / max(height, width))
    spectrum = torch.view_as_complex(waves) / frequency.to(waves.device)
    plain = torch.fft.irfft2(spectrum, s=(height, width), norm="ortho")
    mixed = torch.einsum("ij,bjhw->bihw", waves.new_tensor(COLOR_MIX), plain)
    return torch.sigmoid(contrast * mixed)


def grow(
    vgg: VGG, layer: str, channel: int, width: int = 384, steps: int = 40, seed: int = 0
) -> tuple[Tensor, float]:
    """Grow a picture that excites a channel, as lesson 01 does step by step.

    Args:
        vgg: the network.
        layer: such as "relu5_1". What is maximized is the convolution before the ReLU, whose
            gradient is 0 nowhere.
        channel: its number.
        width: of the picture in pixels; it is two thirds as high.
        steps: of Adam.
        seed: of the noise at the start.

    Returns:
        The picture, (1, 3, H, width) in [0, 1], and the channel's greatest activation in the last
        step.
    """
    waves = random_waves(2 * width // 3, width, seed).requires_grad_()
    layer = layer.replace("relu", "conv")
    adam = torch.optim.Adam([waves], lr=0.05)
    for step in range(steps):
        image = from_waves(waves, width)
        shifted = image.roll((3 * step % 8, 5 * step % 8), (2, 3))  # so no pattern of pixels grows
        answer = vgg(shifted, [layer])[layer][:, channel].float()
        loss = SMOOTH * total_variation(image) - answer.mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    return image.detach(), answer.max().item()
