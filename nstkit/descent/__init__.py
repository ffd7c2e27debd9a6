"""The descent: the loop `optimize`, its optimizers, and the variables that they move."""

from nstkit.descent.loop import Record, Step, evaluate, optimize
from nstkit.descent.solver import DEFAULT_OPTIMIZER, OPTIMIZERS, Solver

__all__ = ["DEFAULT_OPTIMIZER", "OPTIMIZERS", "Record", "Solver", "Step", "evaluate", "optimize"]
