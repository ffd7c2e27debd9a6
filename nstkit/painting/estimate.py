"""How long a painting will take, told before it begins."""

from __future__ import annotations

from time import perf_counter

from torch import Tensor

from nstkit.descent import optimize
from nstkit.objective import Objective
from nstkit.painting.plan import Plan
from nstkit.pictures.scene import Scene
from nstkit.pictures.sizes import resize

SIDE = 64  # px of the long side of the first trial
SHORTEST = 32  # px of its short side: the deepest layers need 16
ENOUGH = 0.1  # seconds: a step that takes as long is no longer about overheads
STEPS = 3  # timed of each trial


def seconds_needed(plan: Plan) -> float:
    """Return about how many seconds a plan will take, from a few steps at a small size.

    The trial doubles its size while a step takes less than a tenth of a second, since on a fast
    device small pictures cost more a pixel. Most of the second that it takes is the first step's,
    which prepares the network and is spent once.
    """
    full, side = max(plan.content.shape[-2:]), SIDE
    while True:
        small = _smaller(plan.scene, side / full)
        took = _step(plan, small)
        if took >= ENOUGH or side >= full:
            break
        side *= 2
    pixels = small.content.shape[-2] * small.content.shape[-1]
    return took / pixels * sum(scale.pixels for scale in plan.scales())


def _step(plan: Plan, scene: Scene) -> float:
    """Return the seconds of a step with these pictures."""
    count = len(plan.scales())
    recipe = plan.recipe.at_scale(count - 1, count)  # the finest, where most time is spent
    objective = Objective.of_scene(scene, plan.vgg, recipe, tile=None)
    run = optimize(objective, scene.content, recipe.optimizer, recipe.learning_rate, STEPS)
    next(run)  # the start: it alone prepares the network for this size
    took, before = [], perf_counter()
    for _ in run:
        took.append(perf_counter() - before)
        before = perf_counter()
    return min(took)  # what else the machine does only adds to it


def _smaller(scene: Scene, factor: float) -> Scene:
    def _resized(picture: Tensor) -> Tensor:
        height, width = picture.shape[-2:]
        share = min(max(factor, SHORTEST / min(height, width)), 1)
        return resize(picture, round(height * share), round(width * share))

    return scene.mapped(_resized)


def in_words(seconds: float) -> str:
    """Return a duration as one would say it: about 25 s, about 4 min, about 1.5 h."""
    if seconds < 1:
        return "about a second"
    if seconds < 90:
        return f"about {_rounded(seconds)} s"
    if seconds < 90 * 60:
        return f"about {_rounded(seconds / 60)} min"
    return f"about {seconds / 3600:.1f} h"


def _rounded(number: float) -> int:
    """Round to what an estimate can know: 1 to 9, then fives."""
    return round(number) if number < 10 else 5 * round(number / 5)
