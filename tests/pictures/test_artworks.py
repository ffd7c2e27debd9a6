"""`Artworks`: several pictures to paint after, and their shares."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

from nstkit.pictures.artworks import Artworks

PAIR = (torch.rand(1, 3, 8, 8), torch.rand(1, 3, 9, 7))


def test_shares_add_up_to_one_in_each_layer() -> None:
    works = Artworks(PAIR, (2, 1))
    assert works.in_layer("relu1_1") == works.in_layer("relu5_1") == (2 / 3, 1 / 3)
    assert not works.by_layer and works.mixed((1, 1)).in_layer("relu1_1") == (0.5, 0.5)
    assert Artworks(PAIR, (0.0, 5)).in_layer("relu1_1") == (0, 1)


def test_shares_may_differ_between_layers() -> None:
    works = Artworks(PAIR, ({"relu1_1": 1.0}, {"relu1_1": 3, "relu4_1": 2}))
    assert works.by_layer
    assert works.in_layer("relu1_1") == (0.25, 0.75) and works.in_layer("relu4_1") == (0, 1)
    names = Artworks(PAIR, (["relu1_1"], ("relu4_1", "relu5_1")))
    assert names.shares == ({"relu1_1": 1.0}, {"relu4_1": 1.0, "relu5_1": 1.0})
    with pytest.raises(ValueError, match="No artwork has a share in relu2_1. Give one"):
        works.in_layer("relu2_1")
    half = Artworks(PAIR, ({"relu1_1": 1.0}, 1))  # a number holds for all layers
    assert half.in_layer("relu1_1") == (0.5, 0.5) and half.in_layer("relu2_1") == (0, 1)


def test_a_single_picture_is_the_only_one() -> None:
    alone = Artworks.of(PAIR[0])
    assert alone.plain is PAIR[0] and Artworks(PAIR, (1, 1)).plain.pictures == PAIR
    assert alone.pictures[0] is PAIR[0] and alone.in_layer("relu1_1") == (1.0,)
    assert Artworks.of(alone) is alone


def test_shares_are_plain_numbers_that_a_file_can_hold() -> None:
    works = Artworks(PAIR, (np.float32(0.5), {"relu1_1": np.int64(2)}))
    assert json.dumps(works.shares) == '[0.5, {"relu1_1": 2.0}]'


def test_huge_shares_are_only_a_ratio() -> None:
    assert Artworks(PAIR, (1e308, 1e308)).in_layer("relu1_1") == (0.5, 0.5)


def test_pictures_and_masks_change_together() -> None:
    works = Artworks(PAIR, (1, 1), (None, torch.ones(1, 1, 9, 7)))
    halves = works.mapped(lambda picture: picture[..., :4])
    assert [p.shape[-1] for p in halves.pictures] == [4, 4] and halves.where[0] is None
    assert halves.where[1].shape == (1, 1, 9, 4) and halves.shares == (1, 1)


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ((1,), "2 artworks, 1 shares"),
        ((0, 0), "shares of all artworks are 0; expected one above 0"),
        (({}, {}), "shares of all artworks are 0"),
        ((1, -1), "share of an artwork is -1; expected a finite number, 0 or more"),
        ((1, math.nan), "share of an artwork is nan; expected"),
        ((1, {"relu1_1": -2}), "share in relu1_1 is -2; expected"),
        (
            (1, "a lot"),
            "is 'a lot'; expected a number, .layer: number., or a list",
        ),
    ],
)
def test_what_is_no_share_is_refused(shares: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Artworks(PAIR, shares)


def test_no_artwork_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one artwork"):
        Artworks((), ())
