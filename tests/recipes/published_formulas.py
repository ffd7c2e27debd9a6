"""The published objectives, each transcribed literally: float64, plain torch, nothing of nstkit.

Every formula takes what its source computes with: features F of the picture, P of the photograph
and A of the artwork, under the papers' layer names, and the picture x in [0, 1].
"""

from __future__ import annotations

import functools
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

WEIGHTS = Path(__file__).parents[2] / "nstkit" / "weights" / "vgg19_normalised.safetensors"
CONVS = {"vgg19": (2, 2, 4, 4, 4), "vgg16": (2, 2, 3, 3, 3)}
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CAFFE_MEAN_RGB = (123.68, 116.779, 103.939)

RELUS = [f"relu{block}_1" for block in range(1, 6)]
CONVS_1 = [f"conv{block}_1" for block in range(1, 6)]


# ------------------------------------------------------------------ the network, written out
def channel(values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).view(1, 3, 1, 1)


def caffe(x: Tensor) -> Tensor:
    return (255 * x - channel(CAFFE_MEAN_RGB)).flip(1)


def torchvision(x: Tensor) -> Tensor:
    return (x - channel(MEAN)) / channel(STD)


def torchvision_255(x: Tensor) -> Tensor:
    return 255 * x - 255 * channel(MEAN)


@functools.cache
def weights() -> dict[str, Tensor]:
    """Read the network's weights, once."""
    return {name: value.double() for name, value in load_file(WEIGHTS).items()}


def features(
    x: Tensor, network: str = "vgg19", pool: str = "max", first_edge: str = "constant"
) -> dict[str, Tensor]:
    """Return every layer, (C, M), from pixels as the network wants them."""
    state, found = weights(), {}
    for block, count in enumerate(CONVS[network], start=1):
        for i in range(1, count + 1):
            name = f"conv{block}_{i}"
            edge = first_edge if name == "conv1_1" else "constant"
            weight, bias = (state[f"{name}.{part}"] for part in ("weight", "bias"))
            x = F.conv2d(F.pad(x, (1, 1, 1, 1), mode=edge), weight, bias)
            found[name] = x[0].flatten(1)
            x = x.relu()
            found[f"relu{block}_{i}"] = x[0].flatten(1)
        x = F.max_pool2d(x, 2) if pool == "max" else F.avg_pool2d(x, 2)
    return found


# ------------------------------------------------------------------ parts
def mse(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).pow(2).mean()


def gram(f: Tensor) -> Tensor:
    return f @ f.T


def steps(x: Tensor) -> tuple[Tensor, Tensor]:
    """Differences between rows and between columns."""
    return x[:, :, 1:, :] - x[:, :, :-1, :], x[:, :, :, 1:] - x[:, :, :, :-1]


def absolute(x: Tensor) -> Tensor:
    return sum(d.abs().sum() for d in steps(x))


def keras_variation(y: Tensor) -> Tensor:
    a = (y[:, :, :-1, :-1] - y[:, :, 1:, :-1]).pow(2)
    b = (y[:, :, :-1, :-1] - y[:, :, :-1, 1:]).pow(2)
    return (a + b).pow(1.25).sum()


def keras_style(f: Tensor, a: Tensor, x: Tensor) -> Tensor:
    size = x.shape[2] * x.shape[3]
    return (gram(f) - gram(a)).pow(2).sum() / (4.0 * 3**2 * size**2)


# ------------------------------------------------------------------ the objectives
def gatys_2016(f, p, a, x):
    loss = 0.5 * (f["conv4_2"] - p["conv4_2"]).pow(2).sum()
    for layer in CONVS_1:
        N, M = f[layer].shape
        E = (gram(f[layer]) - gram(a[layer])).pow(2).sum() / (4 * N**2 * M**2)
        loss = loss + 1000 * E / 5
    return loss


def leongatys(f, p, a, x):
    loss = mse(f["relu4_2"], p["relu4_2"])
    for layer, n in zip(RELUS, (64, 128, 256, 512, 512), strict=True):
        G, A = gram(f[layer]) / f[layer].shape[1], gram(a[layer]) / a[layer].shape[1]
        loss = loss + 1e3 / n**2 * mse(G, A)
    return loss


def pytorch_tutorial(f, p, a, x):
    loss = mse(f["conv2_2"], p["conv2_2"])
    for layer in ("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1"):
        loss = loss + 1e6 * mse(
            gram(f[layer]) / f[layer].numel(), gram(a[layer]) / a[layer].numel()
        )
    return loss


def tensorflow_tutorial(f, p, a, x):
    loss = 1e4 * mse(f["relu5_2"], p["relu5_2"])
    for layer in RELUS:
        G, A = (gram(g[layer]) / g[layer].shape[1] for g in (f, a))
        loss = loss + 1e-2 / 5 * mse(G, A)
    return loss + 30 * absolute(x)


def keras_example(f, p, a, x):
    loss = 2.5e-8 * (f["relu5_2"] - p["relu5_2"]).pow(2).sum()
    for layer in RELUS:
        loss = loss + 1e-6 / 5 * keras_style(f[layer], a[layer], x)
    return loss + 1e-6 * keras_variation(caffe(x))


def d2l(f, p, a, x):
    loss = mse(f["relu4_4"], p["relu4_4"])
    for layer in (*RELUS[:4], "conv5_1"):
        G, A = (gram(g[layer]) / g[layer].numel() for g in (f, a))
        loss = loss + 1e4 * mse(G, A)
    down, across = steps(torchvision(x))
    return loss + 10 * 0.5 * (down.abs().mean() + across.abs().mean())


def gordicaleksa(f, p, a, x):
    style = 0
    for layer in RELUS:
        G, A = (gram(g[layer]) / g[layer].numel() for g in (f, a))
        style = style + (G - A).pow(2).sum()
    content = mse(f["relu4_2"], p["relu4_2"])
    return 1e5 * content + 3e4 * style / 5 + absolute(torchvision_255(x))


def neural_style(f, p, a, x):
    loss = 5 * mse(f["relu4_2"], p["relu4_2"])
    for layer in RELUS:
        loss = loss + 100 * mse(
            gram(f[layer]) / f[layer].numel(), gram(a[layer]) / a[layer].numel()
        )
    return loss + 1e-3 * absolute(caffe(x))


def crowsonkb(f, p, a, x):
    loss = 0.015 * mse(f["relu4_2"], p["relu4_2"])
    for layer, weight in zip(RELUS, (256, 64, 16, 4, 1), strict=True):
        (mu, sigma), (mu_a, sigma_a) = gaussian(f[layer]), gaussian(a[layer])
        # tr (S'^1/2 S S'^1/2)^1/2 is the sum of singular values of R^T R', S = R R^T.
        root, root_a = torch.linalg.cholesky(sigma), torch.linalg.cholesky(sigma_a)
        between = torch.linalg.svdvals(root.T @ root_a).sum()
        apart = sigma.diagonal().mean() + sigma_a.diagonal().mean() - 2 * between / len(mu)
        loss = loss + weight / 341 * (mse(mu, mu_a) + apart)
    return loss + 2 * nine_points(x)


def gaussian(f: Tensor) -> tuple[Tensor, Tensor]:
    mu = f.mean(1)
    second = f @ f.T / f.shape[1]
    return mu, second - mu[:, None] * mu + 1e-4 * torch.eye(len(mu), dtype=f.dtype)


def nine_points(x: Tensor) -> Tensor:
    """Pixel by pixel, with the edge repeated."""
    H, W = x.shape[2:]
    rows, columns = (torch.arange(1, n + 1).clamp(max=n - 1) for n in (H, W))
    left = torch.arange(-1, W - 1).clamp(min=0)
    straight = mse(x[:, :, rows], x) + mse(x[..., columns], x)
    diagonal = mse(x[:, :, rows][..., columns], x) + mse(x[:, :, rows][..., left], x)
    return 2 * (straight / 3 + diagonal / 12)


def pystiche(f, p, a, x):
    style = 0
    for layer in RELUS:
        G, A = gram(f[layer]) / f[layer].shape[1], gram(a[layer]) / a[layer].shape[1]
        style = style + mse(G, A) / 5
    return mse(f["relu4_2"], p["relu4_2"]) + 1e3 * style


def udacity(f, p, a, content: str, weights: dict[str, float], beta: float) -> Tensor:
    style = 0
    for layer, weight in weights.items():
        d, hw = f[layer].shape
        style = style + weight * mse(gram(f[layer]), gram(a[layer])) / (d * hw)
    return mse(f[content], p[content]) + beta * style


def hinzman(f, p, a, x):
    weights = dict(zip(RELUS, (1.0, 0.8, 0.5, 0.3, 0.1), strict=True))
    return udacity(f, p, a, "relu4_2", weights, 1e6)


def alex_2022(f, p, a, x):
    loss = mse(f["relu4_2"], p["relu4_2"])
    for halvings, layer in enumerate(RELUS):
        G, A = gram(f[layer]) / f[layer].shape[1], gram(a[layer]) / a[layer].shape[1]
        loss = loss + 10 * 0.5**halvings * mse(G, A).sqrt()
    return loss + sum(d.abs().mean() for d in steps(x))


def barla(f, p, a, x):
    weights = dict(zip(CONVS_1, (1.0, 0.75, 0.2, 0.2, 0.2), strict=True))
    return udacity(f, p, a, "conv4_2", weights, 1e6)


def ching(f, p, a, x):
    loss = mse(f["conv4_2"], p["conv4_2"])
    for layer in CONVS_1:
        G, A = (gram(g[layer]) / g[layer].numel() for g in (f, a))
        loss = loss + 1e6 / 5 * mse(G, A)
    return loss


def shibuya(f, p, a, x):
    content = (f["relu5_2"] - p["relu5_2"]).pow(2).sum()
    style = sum(keras_style(f[layer], a[layer], x) for layer in RELUS) / 5
    return 0.8 * content + 1.0 * style + 0.1 * keras_variation(caffe(x))


# What each source feeds its network with, and how that differs from VGG-19 with max pooling.
FORMULAS = {
    "gatys_2016": (gatys_2016, caffe, {"pool": "avg"}),
    "leongatys": (leongatys, caffe, {}),
    "pytorch_tutorial": (pytorch_tutorial, torchvision, {}),
    "tensorflow_tutorial": (tensorflow_tutorial, caffe, {}),
    "keras_example": (keras_example, caffe, {}),
    "d2l": (d2l, torchvision, {}),
    "gordicaleksa": (gordicaleksa, torchvision_255, {}),
    "neural_style": (neural_style, caffe, {}),
    "crowsonkb": (crowsonkb, torchvision, {"first_edge": "replicate"}),
    "pystiche": (pystiche, torchvision, {}),
    "hinzman": (hinzman, torchvision, {}),
    "alex_2022": (alex_2022, torchvision, {}),
    "barla": (barla, torchvision, {}),
    "ching": (ching, torchvision, {"pool": "avg"}),
    "shibuya": (shibuya, caffe, {"network": "vgg16"}),
}
