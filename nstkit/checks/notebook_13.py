"""Exercises of notebook 13, After Gatys."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from nstkit.checks import Case, Exercise

REPEATS = 400  # studies that are drawn from one


def _quantiles(shares: Tensor, low: float, high: float) -> Tensor:
    return shares.quantile(shares.new_tensor([low, high]))


def _interval(votes: Tensor, draws: Tensor) -> Tensor:
    return _quantiles(votes[draws].mean(1), 0.025, 0.975)


def _ninety(votes: Tensor, draws: Tensor) -> Tensor:
    return _quantiles(votes[draws].mean(1), 0.05, 0.95)


def _extremes(votes: Tensor, draws: Tensor) -> Tensor:
    return torch.stack(votes[draws].mean(1).aminmax())


def _deviation(votes: Tensor, draws: Tensor) -> Tensor:
    shares = votes[draws].mean(1)
    return shares.mean() + shares.std() * shares.new_tensor([-1, 1])


def _over_studies(votes: Tensor, draws: Tensor) -> Tensor:
    return _quantiles(votes[draws].mean(0), 0.025, 0.975)


def _of_single_votes(votes: Tensor, draws: Tensor) -> Tensor:
    return _quantiles(votes[draws].flatten(), 0.025, 0.975)


def _studies(generator: Generator) -> list[Case]:
    """Return cases (votes of people, who is drawn in each repeated study)."""
    cases = []
    for people, wins in ((20, 13), (12, 9), (35, 14)):
        votes = (torch.arange(people, device="cpu") < wins).double()
        draws = torch.randint(people, (REPEATS, people), generator=generator, device="cpu")
        cases.append((votes, draws))
    return cases


EXERCISES: dict[str, Exercise] = {
    "13.1": Exercise(
        right=_interval,
        mistakes={
            "That leaves out 5 percent on each side; 95 percent leave out 2.5 on each.": _ninety,
            "The least and the greatest study grow apart with every study that you draw: take "
            "quantiles.": _extremes,
            "One deviation on each side holds about 68 percent, not 95.": _deviation,
            "Average over the people of each study, which is dimension 1.": _over_studies,
            "Take the share of each study first. Single votes are only 0 or 1.": _of_single_votes,
        },
        cases=_studies,
    ),
}
