"""What the fields of a recipe may be."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any, get_args

from nstkit.descent.solver import OPTIMIZERS
from nstkit.losses import FORMS, REDUCTIONS
from nstkit.losses.statistics import STATISTICS, Gram, Hypercolumns, Moments, Statistic
from nstkit.options import check_weight, check_whole
from nstkit.pictures.color import COLORS
from nstkit.vgg import Padding, Pooling
from nstkit.vgg.names import BLOCKS
from nstkit.vgg.pretrained import PREPROCESSING

STARTS = ("content", "noise", "white", "gray", "style", "blend", "recolored")
GIVEN_START = "given"  # the start of a painting that began with a picture its painter supplied
STATISTIC_FIELDS = ("statistic", "finest_statistic")
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")

CHOICES: dict[str, Collection[object]] = {
    "content_reduce": REDUCTIONS,
    "tv_form": FORMS,
    "tv_reduce": ("mean", "sum"),
    "tv_values": ("image", "input"),
    "network": BLOCKS,
    "pooling": get_args(Pooling),
    "padding": get_args(Padding),
    "preprocessing": (None, *PREPROCESSING),
    "start": (*STARTS, GIVEN_START),
    "color": COLORS,
    "optimizer": OPTIMIZERS,
    "finer_optimizer": (None, *OPTIMIZERS),
}


class ReadOnly(dict):
    """A dict that cannot be changed: a recipe is shared, so a change would reach everybody."""

    def _refuse(self, *_: object, **__: object) -> None:
        raise TypeError("A recipe is read only; use recipe.replace(style_layers={...}).")

    __setitem__ = __delitem__ = __ior__ = update = setdefault = pop = popitem = clear = _refuse

    def __reduce__(self) -> tuple[type, tuple[dict]]:
        """Copy and pickle as a whole: entry by entry would be a change."""
        return ReadOnly, (dict(self),)


def rising(scales: int | Sequence[float]) -> int | tuple[float, ...]:
    """Return scales as a recipe keeps them.

    Raises:
        ValueError: Neither a number of scales, 1 or more, nor rising sides in px, nor rising shares
            of the size that end with 1.
    """
    if not isinstance(scales, list | tuple):
        return check_whole("scales", scales, 1)
    scales = tuple(scales)
    if scales and scales[-1] == 1:
        for share in scales:
            check_weight("each of scales", share, positive=True)
        scales = tuple(map(float, scales))
    else:
        scales = tuple(check_whole("each of scales", side, 32) for side in scales)
    if not scales or list(scales) != sorted(set(scales)):
        raise ValueError(
            f"scales are {list(scales)}; expected sides in px that rise, [256, 512], or shares of "
            "the size that rise to 1, [0.25, 0.5, 1]."
        )
    return scales


def in_px(scales: int | Sequence[float]) -> bool:
    """Tell whether scales, as a recipe keeps them, are sides in px."""
    return not isinstance(scales, int) and scales[-1] != 1


def count_of(scales: int | Sequence[float]) -> int:
    """Return how many scales there are, of their number, their sides in px or their shares."""
    return scales if isinstance(scales, int) else len(scales)


def steps_at(steps: int | Sequence[int], scales: int | Sequence[float]) -> int | tuple[int, ...]:
    """Return steps as a recipe with these scales keeps them: equal numbers as one number.

    Raises:
        ValueError: Neither a whole number, 0 or more, nor one such number for each scale.
    """
    if not isinstance(steps, list | tuple):
        return check_whole("steps", steps, 0)
    steps = [check_whole("each of steps", number, 0) for number in steps]
    if len(steps) != (count := count_of(scales)):
        raise ValueError(
            f"steps are {list(steps)}, and the number of scales is {count}; expected as many "
            "numbers, from coarse to fine, or a single one for all."
        )
    return steps[0] if len(set(steps)) == 1 else tuple(steps)


def refitted(steps: int | Sequence[int], count: int) -> int | tuple[int, ...]:
    """Return steps for another number of scales.

    The first scale paints from the start and needs the most steps, so the numbers begin with the
    coarsest scale, and the last one repeats: (40, 20, 10) becomes (40,), (40, 20) or
    (40, 20, 10, 10).
    """
    if not isinstance(steps, list | tuple):
        return steps
    return (*steps[:count], *[steps[-1]] * (count - len(steps)))


# ---------------------------------------------------------------- the statistic as plain data


def check_statistic(statistic: object) -> None:
    """Raise ValueError unless an object is a `Statistic` or `Hypercolumns` that a file can hold."""
    parts = ("degree", "tiled", "sums", "target", "distance")
    known = isinstance(statistic, Hypercolumns) or all(hasattr(statistic, part) for part in parts)
    if isinstance(statistic, type) or not known:
        raise ValueError(
            f"statistic is {statistic!r}; expected an object such as Gram(), Gram(reduce='rms') or "
            "Moments() of nstkit.losses.statistics."
        )
    if not is_dataclass(statistic):
        raise ValueError(
            f"The statistic {type(statistic).__name__} is no dataclass; make it one, so that "
            "recipes can compare and store its options."
        )
    try:
        json.dumps(statistic_data(statistic))
    except TypeError as error:
        raise ValueError(
            f"The options of {statistic!r} cannot be stored: {error}. Use numbers and texts."
        ) from error


def statistic_data(statistic: Statistic | None) -> dict[str, Any] | None:
    """Return a statistic as plain data: its name in ``STATISTICS``, and its options; None of None.

    Raises:
        ValueError: It is not in ``STATISTICS``, and another class has its name there.
    """
    if statistic is None:
        return None
    kind = type(statistic)
    name = next((name for name, known in STATISTICS.items() if known is kind), kind.__name__)
    if STATISTICS.get(name, kind) is not kind:
        raise ValueError(f"There is another statistic called {name}; give the class another name.")
    return {"kind": name, **asdict(statistic)}


def statistic_from(data: Mapping[str, Any]) -> Statistic:
    """Return the statistic that `statistic_data` wrote.

    Raises:
        ValueError: A class that is not in ``STATISTICS``, or options that it does not have.
    """
    options = dict(data)
    kind = options.pop("kind", None)
    if kind not in list(STATISTICS):  # a list, since a file may hold what has no hash
        raise ValueError(
            f"The statistic {kind!r} is not known; known are {', '.join(STATISTICS)}. Add its "
            "class to nstkit.losses.statistics.STATISTICS first."
        )
    try:
        return STATISTICS[kind](**options)
    except TypeError as error:
        raise ValueError(f"The statistic {kind} cannot be made of {options}: {error}.") from error


def from_earlier(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a recipe from those of earlier versions.

    These spread the statistic over four fields. Recipes travel inside paintings, so the old ones
    must stay readable.
    """
    values = dict(values)
    names = {"gram": "normalize", "style_reduce": "reduce", "style_divisor": "divisor"}
    kind = values.get("statistic", "gram")
    if kind in ("gram", "moments"):
        options = {new: values.pop(old) for old, new in names.items() if old in values}
        values["statistic"] = Moments() if kind == "moments" else Gram(**options)
    return values
