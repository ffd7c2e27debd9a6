"""Three distances between the features of two pictures, and none of them knows a Gram matrix.

All take the features of `nstkit.judges.alexnet.AlexNet`, ``{"relu1": (1, C, H, W), ...}``, and
return a float. Lower is nearer.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from nstkit.modes import ON_CPU

Features = Mapping[str, Tensor]

EPSILON = 1e-10  # added to a length, so that a position without features can be divided by it
LEAST_DEVIATION = 1e-6  # of an artwork without features
PATCH_LAYERS = ("relu2", "relu3")
QUERIES = 2048  # patches whose nearest one is searched. At 1536 px, all moved REMD by 0.002
CHUNK = 512  # patches that are compared at once with all of the other picture


@torch.no_grad()
def lpips(one: Features, other: Features, heads: Features) -> float:
    """Return how different two pictures of one size look, position by position.

    LPIPS: every position's features are divided by their length. The squared differences are
    weighted by channel, averaged over positions, and added up over layers.

    Args:
        one: features of a picture.
        other: features of a picture of the same size.
        heads: {layer: (C,)}, the channels' weights.

    Returns:
        0 for equal pictures; 0.7 and more for pictures that have nothing in common.

    Source: Zhang et al. 2018, arXiv:1801.03924, eq. 1, with the learned weights "lin".
    """
    total = 0.0
    for layer, head in heads.items():
        squares = (_unit(one[layer]) - _unit(other[layer])).square()  # (1, C, H, W)
        total += (squares * head.view(-1, 1, 1)).sum(1).mean().item()
    return total


def _unit(features: Tensor) -> Tensor:
    """Return features (1, C, H, W) of length 1 at each position."""
    return features / (features.square().sum(1, keepdim=True).sqrt() + EPSILON)


# ---------------------------------------------------------------- style: statistics


@torch.no_grad()
def sliced_wasserstein(
    one: Features, artwork: Features, directions: int = 64, quantiles: int = 256, seed: int = 0
) -> float:
    """Return how far the distribution of a picture's features is from the artwork's.

    The features of a layer are a cloud of points, one for each position. Seen along one direction
    a cloud is a sorted list of numbers, and two lists are compared by their quantiles: in one
    dimension that is the squared 2-Wasserstein distance. The mean over directions is divided by the
    variance of the artwork's quantiles, pooled over all directions, so that all layers count alike.
    The result is the mean over layers.

    Args:
        one: features of a picture of any size.
        artwork: features of the artwork, any size.
        directions: how many to look along. They are the same in every call of the same seed.
        quantiles: how many numbers of each sorted list are compared.
        seed: of the directions.

    Returns:
        0 or more. It is not symmetric, because only the artwork sets the unit.

    Source: Bonneel et al. 2015, "Sliced and Radon Wasserstein Barycenters of Measures". Heitz et
    al. 2021, arXiv:2006.07229, take it of a network's features. Quantiles and the unit are ours.
    """
    generator = torch.Generator().manual_seed(seed)
    distances = []
    for layer, target in artwork.items():
        along = torch.randn(directions, target.shape[1], generator=generator, **ON_CPU)
        along = F.normalize(along).to(target.device)
        theirs = _quantiles(along, target, quantiles)
        deviation = theirs.std().clamp(min=LEAST_DEVIATION)
        ours = _quantiles(along, one[layer], quantiles)
        distances.append(((ours - theirs) / deviation).square().mean().item())
    return sum(distances) / len(distances)


def _quantiles(along: Tensor, features: Tensor, count: int) -> Tensor:
    """Return quantiles of features (1, C, H, W) along directions (D, C), (D, count).

    They lie evenly from the least number to the greatest. Between two neighbors of a sorted list
    they are interpolated. (`torch.quantile` does the same, but refuses large pictures.)
    """
    points = features[0].flatten(1)  # (C, M)
    at = torch.linspace(0, points.shape[1] - 1, count, dtype=torch.float64)
    low = at.long().to(points.device)
    high = (low + 1).clamp(max=points.shape[1] - 1)
    rest = at.frac().float().to(points.device)
    rows = []
    for part in along.split(8):  # a few at a time: the sorted lists of a large picture are long
        numbers = (part @ points).sort(1).values
        rows.append(torch.lerp(numbers[:, low], numbers[:, high], rest))
    return torch.cat(rows)


# ---------------------------------------------------------------- style: patches


@torch.no_grad()
def remd(
    one: Features, other: Features, queries: int = QUERIES, chunk: int = CHUNK, seed: int = 0
) -> float:
    """Return how far the patches of two pictures are from their nearest ones in the other picture.

    A patch is 3 x 3 positions of relu2 or relu3, and two are compared by the cosine distance.
    Precision asks how near each patch of the one picture has a patch in the other, and recall asks
    it the other way round. The greater one counts: precision alone is fooled by a picture that
    repeats a single patch of the artwork. The result is the mean over both layers.

    Args:
        one: features of a picture of any size.
        other: features of the other, any size.
        queries: for how many patches of each picture the nearest one is searched, always among all
            patches of the other. From a larger picture they are drawn at random. Pictures of up to
            about 400 px have fewer, and none is left out.
        chunk: how many are compared at once. It changes memory alone.
        seed: of the patches that are drawn.

    Returns:
        In [0, 1], since features are never negative. Symmetric; 0 for equal pictures.

    Source: the relaxed earth mover's distance of Kolkin et al. 2019, arXiv:1904.12785. There it
    compares single positions, each with the features of many layers.
    """
    distances = []
    for layer in PATCH_LAYERS:
        ours, theirs = _patches(one[layer]), _patches(other[layer])
        precision = _nearest(_drawn(ours, queries, seed), theirs, chunk)
        recall = _nearest(_drawn(theirs, queries, seed), ours, chunk)
        distances.append(max(precision, recall))
    return sum(distances) / len(distances)


def _patches(features: Tensor) -> Tensor:
    """Return all patches of features (1, C, H, W), each of length 1, (M, 9 C)."""
    return F.normalize(F.unfold(features, 3)[0].T, eps=EPSILON)


def _drawn(patches: Tensor, count: int, seed: int) -> Tensor:
    """Return up to so many of the patches (M, D)."""
    if len(patches) <= count:
        return patches
    order = torch.randperm(
        len(patches), generator=torch.Generator().manual_seed(seed), device="cpu"
    )
    return patches[order[:count].to(patches.device)]


def _nearest(queries: Tensor, patches: Tensor, chunk: int) -> float:
    """Return the mean cosine distance of queries (N, D) to their nearest patches out of (M, D)."""
    nearest = torch.cat([(part @ patches.T).amax(1) for part in queries.split(chunk)])
    return (1 - nearest).mean().clamp(min=0).item()
