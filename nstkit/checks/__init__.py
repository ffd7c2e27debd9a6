"""Check the exercises of the notebooks at once: `nstkit.checks.check("3.1", my_function)`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Case = tuple[Any, ...]  # the arguments of one call


@dataclass(frozen=True)
class Verdict:
    """What `check` says, as text in a cell; ``passed`` is None where nothing was attempted."""

    passed: bool | None
    message: str

    def __repr__(self) -> str:
        """Return the message."""
        return self.message


@dataclass(frozen=True)
class Exercise:
    """A right answer, and wrong ones that readers really give.

    Attributes:
        right: the reference, a function of a case's arguments; or the answer itself.
        mistakes: {what to tell who made it: a wrong function or answer}.
        cases: makes the arguments of a few calls, from a seeded generator.
    """

    right: Any
    mistakes: Mapping[str, Any]
    cases: Callable[[torch.Generator], Sequence[Case]] = lambda generator: [()]


def check(number: str, attempt: Any) -> Verdict:
    """Compare an attempt with the reference; never raises for what the attempt does.

    Args:
        number: of the exercise, such as "3.1".
        attempt: the reader's function, or a plain answer; ``None``, ``...`` and a function that
            raises NotImplementedError count as not attempted.

    Raises:
        ValueError: There is no such exercise.
    """
    from nstkit.checks.exercises import EXERCISES  # here, for they are made of these classes

    if number not in EXERCISES:
        raise ValueError(f"no exercise {number!r}; expected one of {', '.join(EXERCISES)}")
    exercise = EXERCISES[number]
    if attempt is None or attempt is ...:
        return Verdict(None, f"○ {number} not attempted yet")
    try:
        complaint = next(_complaints(exercise, attempt), "")
    except NotImplementedError:
        return Verdict(None, f"○ {number} not attempted yet")
    except Exception as error:  # the reader's own mistake, which a traceback would bury
        return Verdict(False, f"✗ {number}: it raised {type(error).__name__}: {error}")
    if not complaint:
        return Verdict(True, f"✓ {number}: right")
    hints = (hint for hint, wrong in exercise.mistakes.items() if _alike(exercise, attempt, wrong))
    return Verdict(False, f"✗ {number}: {complaint}. {next(hints, '')}".rstrip())


def _complaints(exercise: Exercise, attempt: Any) -> Iterator[str]:
    """Yield what is wrong with an attempt, case by case."""
    if callable(exercise.right) != callable(attempt):
        yield f"expected a {'function' if callable(exercise.right) else 'plain value'}"
        return
    for case in _cases(exercise):
        given = _copy(case)
        got, want = _answer(attempt, given), _answer(exercise.right, _copy(case))
        told = ", ".join(str(tuple(a.shape)) if isinstance(a, Tensor) else repr(a) for a in case)
        if problem := _difference(got, want):
            yield problem + (f" for input {told}" if case else "")
        if any(isinstance(a, Tensor) and not a.equal(b) for a, b in zip(case, given, strict=True)):
            yield f"it changes its input {told} in place; make a new tensor"


def _alike(exercise: Exercise, attempt: Any, wrong: Any) -> bool:
    """Return whether an attempt answers like a known mistake in all cases."""
    try:
        return not any(
            _difference(_answer(attempt, _copy(case)), _answer(wrong, _copy(case)))
            for case in _cases(exercise)
        )
    except Exception:  # the mistake cannot do this case, or the attempt cannot
        return False


def _cases(exercise: Exercise) -> Sequence[Case]:
    return exercise.cases(torch.Generator().manual_seed(0))


def _copy(case: Case) -> Case:
    return tuple(a.clone() if isinstance(a, Tensor) else a for a in case)


def _answer(thing: Any, case: Case) -> Any:
    return thing(*case) if callable(thing) else thing


def _difference(got: Any, want: Any) -> str:
    """Return in words how two answers differ; empty if they agree to five digits."""
    if not isinstance(want, (Tensor, float, int)) or isinstance(want, bool):
        if isinstance(want, set) and not isinstance(got, set):
            return f"got {got!r}; expected a set, such as {{'A', 'C'}}"
        return "" if got == want else f"got {got!r}, which is not the answer"
    if not isinstance(got, (Tensor, float, int)):
        return f"got {type(got).__name__}; expected a {type(want).__name__}"
    got, want = (torch.as_tensor(a).detach().double() for a in (got, want))
    if got.shape != want.shape:
        return f"got shape {tuple(got.shape)}; expected {tuple(want.shape)}"
    if torch.allclose(got, want, rtol=1e-5, atol=1e-8, equal_nan=True):
        return ""
    if want.dim():
        return f"the largest difference is {(got - want).abs().max():.3g}; expected 0"
    return f"got {got:.5g}; the answer is another" + ("" if got.isfinite() else " and finite")


def normal(generator: torch.Generator, *shape: int) -> Tensor:
    """Return normally distributed numbers in float64, for cases."""
    return torch.randn(shape, generator=generator, dtype=torch.float64)
