"""A live panel in the notebook: sliders that steer a running painting.

`engine` paints while its settings change, `worker` calls it from a thread, `panel` shows it and
`controls` holds the sliders. Only the last two know widgets. `instant` is another panel, whose
pictures need no steps. Nothing else imports this folder.
"""

from nstkit.studio.engine import Engine
from nstkit.studio.instant import Instant
from nstkit.studio.panel import Studio
from nstkit.studio.settings import Settings

__all__ = ["Engine", "Instant", "Settings", "Studio"]
