"""How much of what random examples miss a set misses, too."""

from __future__ import annotations

import math


def relative_regret(full: float, made: float, random: float) -> float:
    """(full - made) / (full - random): 0 for a set that does as all real data do, 1 as random ones (Kang et al., 2025).

    Not a number where random examples do no worse than all.

    >>> relative_regret(0.9, 0.8, 0.7), relative_regret(0.9, 0.6, 0.9)
    (0.5, nan)
    """
    return round((full - made) / (full - random), 12) if full > random else math.nan
