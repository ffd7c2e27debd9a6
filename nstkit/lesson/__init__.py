"""What the notebooks show: diagrams, charts, heat maps, tables, animations and measurements."""

from nstkit.lesson.charts import COLORS, chart, show_bars, show_curves, show_matrices, show_shares
from nstkit.lesson.choice import Choice
from nstkit.lesson.crops import framed, part, trimmed
from nstkit.lesson.draft import quality, size, steps
from nstkit.lesson.drawn import diagram, still
from nstkit.lesson.features import show_boxes, show_lit, show_maps
from nstkit.lesson.maps import heat, overlay
from nstkit.lesson.page import colophon, explore, show_animation
from nstkit.lesson.painted import show_painting
from nstkit.lesson.piece import show_piece
from nstkit.lesson.reference import reference_table
from nstkit.lesson.search import Patch, best_patches
from nstkit.lesson.stored import estimated, measured, show_equal_loss, show_plan, stored_table
from nstkit.lesson.tables import Table, show_table
from nstkit.lesson.waves import from_waves, grow, random_waves

__all__ = [
    "COLORS",
    "Choice",
    "Patch",
    "Table",
    "best_patches",
    "chart",
    "colophon",
    "diagram",
    "estimated",
    "explore",
    "framed",
    "from_waves",
    "grow",
    "heat",
    "measured",
    "overlay",
    "part",
    "quality",
    "random_waves",
    "reference_table",
    "show_animation",
    "show_bars",
    "show_boxes",
    "show_curves",
    "show_equal_loss",
    "show_lit",
    "show_maps",
    "show_matrices",
    "show_painting",
    "show_piece",
    "show_plan",
    "show_shares",
    "show_table",
    "size",
    "steps",
    "still",
    "stored_table",
    "trimmed",
]
