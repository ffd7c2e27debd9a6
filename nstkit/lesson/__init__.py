"""What the notebooks show things with: charts, heat maps, tables, animations, and a panel."""

from nstkit.lesson.charts import COLORS, chart, show_curves, show_matrices
from nstkit.lesson.maps import heat, overlay
from nstkit.lesson.page import colophon, explore, show_animation
from nstkit.lesson.tables import Table, show_table

__all__ = [
    "COLORS",
    "Table",
    "chart",
    "colophon",
    "explore",
    "heat",
    "overlay",
    "show_animation",
    "show_curves",
    "show_matrices",
    "show_table",
]
