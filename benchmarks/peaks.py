"""The most memory that a program held. Needs nothing but Python, so a test of it is quick."""

from __future__ import annotations

import resource
import sys
from pathlib import Path


def resident_peak() -> int:
    """Return the most bytes that this program held.

    Linux's ru_maxrss will not do: it begins at what the process held that started this one.
    """
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.is_file() else []
    for line in lines:
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    kilobyte = 1 if sys.platform == "darwin" else 1024  # its unit is the byte there
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kilobyte
