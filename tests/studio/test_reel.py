"""Earlier pictures of a run: which are kept, how many, and when a painting hardly changes."""

from __future__ import annotations

import pytest
import torch
from studio_tools import advance, an_engine, change

from nstkit.studio import reel
from nstkit.studio.reel import Reel
from nstkit.studio.run import Change, Frame

START = (Change(0, None),)


def frame(index, image=None, changes=START, begun=(0,)):
    image = torch.zeros(1, 3, 4, 4) if image is None else image
    return Frame(index, image, changes, begun=begun)


def filled(count, **options):
    made = Reel()
    for index in range(count):
        made.add(frame(index, **options))
    return made


def test_a_short_run_is_kept_whole():
    assert [kept.index for kept in filled(30).frames] == list(range(30))


@pytest.mark.parametrize("count", [200, 1000, 5000])
def test_a_long_run_is_kept_at_even_distances_with_its_start(count):
    kept = [kept.index for kept in filled(count).frames]
    apart = {b - a for a, b in zip(kept, kept[1:], strict=False)}
    assert kept[0] == 0 and len(apart) == 1
    assert reel.MOST // 2 <= len(kept) <= reel.MOST
    assert count - kept[-1] <= apart.pop()


def test_large_pictures_are_kept_within_the_room(monkeypatch):
    picture = torch.zeros(1, 3, 64, 64)
    monkeypatch.setattr(reel, "ROOM", 20 * picture.numel() * 4)
    assert 10 <= len(filled(500, image=picture).frames) <= 20
    monkeypatch.setattr(reel, "ROOM", 1)
    assert reel.FEWEST // 2 <= len(filled(500, image=picture).frames) <= reel.FEWEST


def test_the_start_of_every_scale_is_kept():
    made = Reel()
    for index in range(500):
        made.add(frame(index, begun=(0, 101) if index >= 101 else (0,)))
    assert 101 in [kept.index for kept in made.frames]


def test_what_was_undone_is_let_go_and_a_new_painting_begins_a_new_reel():
    made = filled(20)
    made.add(frame(7))
    assert [kept.index for kept in made.frames] == list(range(8))
    made.add(frame(0, changes=(Change(0, None),)))
    assert [kept.index for kept in made.frames] == [0]


def test_it_is_still_when_nothing_changes_and_not_while_something_does():
    assert filled(reel.APART).still is False  # too early to tell
    assert filled(reel.APART + 1).still is True
    moving = Reel()
    for index in range(60):
        image = torch.full((1, 3, 4, 4), index * 1.1 * reel.STILL / reel.APART)
        moving.add(frame(index, image=image))
    assert moving.still is False


def test_a_change_of_settings_or_scale_makes_it_move_again():
    made = filled(reel.APART + 1)
    made.add(frame(reel.APART + 1, changes=(*START, Change(reel.APART + 1, None))))
    assert made.still is False
    made = filled(reel.APART + 1)
    made.add(frame(reel.APART + 1, begun=(0, reel.APART + 1)))
    assert made.still is False


def test_the_engine_goes_back_to_a_kept_picture_and_paints_on_from_it():
    engine = an_engine()
    advance(engine, 3)
    there = engine.reel.frames[2]
    change(engine, beta=500)
    advance(engine, 5)
    newest = engine.frame
    engine.go_back(there)
    assert engine.frame.index == 2 and engine.frame.image.equal(there.image)
    assert engine.settings is there.settings
    assert [kept.index for kept in engine.reel.frames] == [0, 1, 2]
    advance(engine, 1)
    assert engine.frame.index == 3
    engine.undo()  # the best of before it went back
    assert engine.settings is newest.settings
