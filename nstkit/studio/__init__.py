"""A live panel in the notebook: sliders that steer a running painting.

`engine` paints while its settings change, and `worker` calls it from a thread. `reel` keeps earlier
pictures, `moves` earlier settings, and `jobs` paints large pictures and grids. None of these knows
widgets. `panel` shows it all: `controls` holds the sliders, `screen` the pictures, `film` what was
kept, `desk` the jobs. `kit` makes the widgets, and page.js does in the page what widgets cannot.
`instant` is another panel, whose pictures need no steps. Of the package, only `lesson` imports this
folder.
"""

from nstkit.studio.engine import Engine
from nstkit.studio.instant import Instant
from nstkit.studio.panel import Studio
from nstkit.studio.settings import Settings

__all__ = ["Engine", "Instant", "Settings", "Studio"]
