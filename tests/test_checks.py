"""The checkers: they accept what is right, reject what readers get wrong, and never raise."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nstkit import checks
from nstkit.checks import Exercise, Verdict, check, exercises, normal

ALL = list(exercises.EXERCISES.items())
IDS = [number for number, _ in ALL]
each = pytest.mark.parametrize(("number", "exercise"), ALL, ids=IDS)


# ---------------------------------------------------------------- the engine, on its own examples

MEAN = Exercise(
    right=lambda f: f.mean((2, 3)),
    mistakes={"Average over height and width.": lambda f: f.mean(1)},
    cases=lambda g: [(normal(g, 2, 3, 4, 5),), (normal(g, 1, 2, 5, 3),)],
)
NUMBER = Exercise(right=92, mistakes={"That is the stride.": 8})
SIZES = Exercise(right={"relu1_1": 3}, mistakes={"Before or after?": {"relu1_1": 1}})


@pytest.fixture(autouse=True)
def examples(monkeypatch):
    more = {"99.1": MEAN, "99.2": NUMBER, "99.3": SIZES}
    monkeypatch.setattr(exercises, "EXERCISES", {**exercises.EXERCISES, **more})


def not_attempted(f):
    raise NotImplementedError


@pytest.mark.parametrize("attempt", [None, ..., not_attempted])
@pytest.mark.parametrize("number", ["99.1", "99.2"])
def test_what_is_not_attempted_never_raises(number, attempt):
    if number == "99.2" and attempt is not_attempted:
        return
    verdict = check(number, attempt)
    assert verdict.passed is None
    assert repr(verdict) == f"○ {number} not attempted yet"


@pytest.mark.parametrize(
    ("number", "attempt"),
    [
        ("99.1", lambda f: f.flatten(2).mean(2)),
        ("99.1", lambda f: f.float().mean((2, 3))),  # single precision is right to five digits
        ("99.2", 92),
        ("99.2", 92.0),
        ("99.2", torch.tensor(92)),
        ("99.3", {"relu1_1": 3}),
    ],
)
def test_right_answers_pass(number, attempt):
    verdict = check(number, attempt)
    assert verdict.passed is True
    assert repr(verdict) == f"✓ {number}: right"


@pytest.mark.parametrize(
    ("number", "attempt", "told"),
    [
        ("99.1", lambda f: f.mean((2, 3), keepdim=True), "got shape (2, 3, 1, 1); expected (2, 3)"),
        ("99.1", lambda f: f.sum((2, 3)), "the largest difference is"),
        ("99.1", lambda f: f.mean((2, 3)) * float("nan"), "the largest difference is nan"),
        ("99.1", lambda f: 1 / 0, "it raised ZeroDivisionError: division by zero"),
        ("99.1", lambda f: None, "got NoneType; expected a Tensor"),
        ("99.1", lambda f: f.mul_(1).add_(1).sub_(1).mul_(0), "got shape (2, 3, 4, 5)"),
        ("99.1", lambda f: f.mul_(2).mean((2, 3)) / 2, "changes its input (2, 3, 4, 5) in place"),
        ("99.1", 3.0, "expected a function"),
        ("99.2", lambda: 92, "expected a plain value"),
        ("99.2", 91, "got 91; the answer is another"),
        ("99.2", "92", "got str; expected a int"),
        ("99.2", 8, "got 8; the answer is another. That is the stride."),
        ("99.2", float("inf"), "another and finite"),
        ("99.3", {"relu1_1": 1}, "is not the answer. Before or after?"),
        ("99.3", {}, "got {}, which is not the answer"),
    ],
)
def test_wrong_answers_are_told_what_is_wrong(number, attempt, told):
    verdict = check(number, attempt)
    assert verdict.passed is False
    assert verdict.message.startswith(f"✗ {number}: ")
    assert told in verdict.message


def test_a_known_mistake_is_named():
    wrong = Exercise(MEAN.right, {"Not the sum.": lambda f: f.sum((2, 3))}, MEAN.cases)
    exercises.EXERCISES["99.1"] = wrong
    assert check("99.1", lambda f: f.flatten(2).sum(2)).message.endswith(
        "(2, 3, 4, 5). Not the sum."
    )
    assert "Not the sum" not in check("99.1", lambda f: f.flatten(2).sum(2) * 1.1).message


def test_an_answer_that_is_right_in_one_case_only_fails():
    verdict = check("99.1", lambda f: f.mean((2, 3)) if len(f) == 2 else f.mean((2, 3)) * 2)
    assert verdict.passed is False
    assert "(1, 2, 5, 3)" in verdict.message


def test_an_unknown_number_is_refused():
    with pytest.raises(ValueError, match="no exercise '99.9'; expected one of"):
        check("99.9", None)


def test_a_verdict_shows_its_message():
    assert repr(Verdict(True, "✓ fine")) == "✓ fine"


# ---------------------------------------------------------------- the exercises of the course


def test_the_exercises_of_each_lesson_are_numbered_from_one():
    names = [path.name for path in (Path(__file__).parents[1] / "notebooks").glob("[0-9]*.ipynb")]
    for notebook in {int(name[:2]) for name in names} - {0}:
        numbers = [number for number in IDS if number.startswith(f"{notebook}.")]
        assert numbers
        assert numbers == [f"{notebook}.{k}" for k in range(1, len(numbers) + 1)]


@each
def test_the_reference_passes(number, exercise):
    assert check(number, exercise.right).passed is True


@each
def test_at_least_three_wrong_answers_are_rejected_each_with_its_own_hint(number, exercise):
    assert len(exercise.mistakes) >= 3
    for hint, wrong in exercise.mistakes.items():
        verdict = check(number, wrong)
        assert verdict.passed is False, hint
        assert verdict.message.endswith(hint)


@each
def test_nothing_and_nonsense_do_not_pass(number, exercise):
    nonsense = [
        lambda *case: None,
        lambda *case: torch.zeros(1),
        lambda *case: case,
        lambda *case: 0,
    ]
    for attempt in [*nonsense, "", 0, (), torch.zeros(2, 2)]:
        assert check(number, attempt).passed is False


@each
def test_functions_are_tried_on_more_than_one_case(number, exercise):
    if callable(exercise.right):
        assert len(checks._cases(exercise)) >= 2


@each
def test_hints_are_sentences(number, exercise):
    assert all(hint.strip() == hint and hint[-1] in ".?" for hint in exercise.mistakes)
