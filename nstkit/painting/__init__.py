"""From two pictures to a painting: `stylize`, its `Result`, and painting coarse to fine."""

from nstkit.painting.quality import QUALITIES, Quality
from nstkit.painting.repaint import repaint
from nstkit.painting.result import Result
from nstkit.painting.strokes import mix_strokes
from nstkit.painting.stylize import stylize
from nstkit.painting.sweep import Swept, sweep

__all__ = ["QUALITIES", "Quality", "Result", "Swept", "mix_strokes", "repaint", "stylize", "sweep"]
