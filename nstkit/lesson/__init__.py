"""What the notebooks show things with: charts, heat maps, matrices, animations, and a panel."""

from nstkit.lesson.charts import COLORS, chart, show_curves, show_matrices
from nstkit.lesson.maps import heat, overlay
from nstkit.lesson.page import colophon, explore, show_animation

__all__ = [
    "COLORS",
    "chart",
    "colophon",
    "explore",
    "heat",
    "overlay",
    "show_animation",
    "show_curves",
    "show_matrices",
]
