"""From two pictures to a painting: `stylize`, its `Result`, and painting coarse to fine."""

from nstkit.painting.quality import QUALITIES, Quality
from nstkit.painting.result import Result
from nstkit.painting.stylize import stylize

__all__ = ["QUALITIES", "Quality", "Result", "stylize"]
