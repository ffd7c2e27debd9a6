"""`Losses`: what is absent is told, and floats are the same numbers."""

from __future__ import annotations

import pytest
import torch

from nstkit import Losses

LOSSES = Losses(
    total=torch.tensor(11.0),
    values={"content": torch.tensor(3.0), "style": torch.tensor(4.0)},
    coefficients={"content": 1.0, "style": 2.0},
    per_layer={("content", "relu4_2"): torch.tensor(3.0), ("style", "relu1_1"): torch.tensor(8.0)},
)


def test_terms_are_the_values_times_their_weights() -> None:
    assert LOSSES.terms == {"content": 3, "style": 8}
    assert (LOSSES.content, LOSSES.style) == (3, 4)


def test_an_absent_term_is_told_with_those_that_are_there() -> None:
    with pytest.raises(ValueError, match="no loss of the term 'variation': it is absent, or its"):
        _ = LOSSES.variation
    with pytest.raises(ValueError, match="with a loss: content, style"):
        LOSSES.value("variation")
    for name in ("content", "style", "variation"):
        with pytest.raises(ValueError, match=f"'{name}'.*with a loss: none"):
            getattr(Losses(1.0), name)


def test_a_total_alone_is_enough() -> None:
    floats = Losses(torch.tensor(2.0, requires_grad=True)).floats()
    assert floats == Losses(2.0) and type(floats.total) is float
    assert (floats.terms, floats.values, floats.per_layer) == ({}, {}, {})


def test_floats_are_the_same_numbers() -> None:
    floats = LOSSES.floats()
    assert floats == Losses(11, {"content": 3, "style": 4}, LOSSES.coefficients, floats.per_layer)
    assert floats.per_layer == {("content", "relu4_2"): 3, ("style", "relu1_1"): 8}
    numbers = [floats.total, *floats.values.values(), *floats.per_layer.values()]
    assert {type(number) for number in numbers} == {float}
    assert floats.floats() == floats


def test_floats_of_two_precisions_lose_nothing() -> None:
    third = torch.tensor(1 / 3, dtype=torch.float64)
    losses = Losses(third, {"variation": torch.tensor(0.25)}, {"variation": 1.0})
    assert losses.floats().total == 1 / 3
    assert losses.floats().floats() == losses.floats()
