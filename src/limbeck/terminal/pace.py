"""How long work that is under way will go on."""

from __future__ import annotations

from collections import deque

PRIOR, MOST = 0.1, 20.0
"""How much of the work, and how many seconds of it at most, what was told before weighs as much as what was seen."""


class Pace:
    """The time left of work, from what was told before it began and from how far it came by when.

    What is seen is the pace of the later half of the time that is gone, so that a slow beginning (compiling, the first
    look at data) and other programs that came or went are soon forgotten.

    Args:
        told: Whether the work is counted in seconds that were told before: then one a second, until more is seen.
            Otherwise nothing is known before it came on `FEW` times.
    """

    FEW = 4

    def __init__(self, told: bool) -> None:
        self.told = told
        self._begun: float | None = None
        self._count = 0
        self._seen: deque[tuple[float, float]] = deque()

    def left(self, now: float, done: float, total: float) -> float | None:
        """About how many seconds are left at the time `now`, when `done` of `total` are done; None: nothing is known.

        >>> pace = Pace(told=False)
        >>> [pace.left(now, done, 100) for now, done in [(0, 0), (60, 1), (80, 21), (100, 41), (120, 61), (140, 81)]]
        [None, None, None, None, 39.0, 19.0]
        """
        self._begun = now if self._begun is None else self._begun
        self._seen.append((now, done))
        self._count += 1
        while len(self._seen) > 1 and self._seen[1][0] <= (self._begun + now) / 2:
            self._seen.popleft()
        since, before = self._seen[0]
        weight = min(MOST, PRIOR * total) if self.told else 0.0
        gone, came = now - since + weight, done - before + weight
        known = came > 0 and (self.told or self._count > self.FEW)
        return gone / came * (total - done) if known else None
