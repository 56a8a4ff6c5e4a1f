"""How many examples a learner needs for an accuracy, from learners of other numbers of examples."""

from __future__ import annotations

import math
from collections.abc import Sequence

from limbeck.statistics.estimates import crossing

Tried = Sequence[tuple[int, float]]
"""Numbers of examples, and the accuracies that learners of them reach."""


def aim(pilots: Tried, drawn: Tried, wanted: float, within: float = 0.0) -> float | None:
    """About how many examples a learner needs for an accuracy; None where that is out of reach.

    `pilots` are over a range, in order. Their accuracies, made to rise (each is the best so far), are joined by
    straight lines over the logarithm of the number, and the answer is where these cross what is wanted, at the ends of
    the range at most. Where more were `drawn` near by, each says where it would have reached it by that slope, and the
    answer is the mean of these. Out of reach is what lies further than `within` beyond the least or the best pilot.

    >>> round(aim([(1, 0.1), (10, 0.3), (100, 0.5)], [], 0.4), 1), aim([(1, 0.1), (10, 0.3)], [], 0.4)
    (31.6, None)
    """
    at = [math.log(count) for count, _ in pilots]
    best = [max(accuracy for _, accuracy in pilots[: place + 1]) for place in range(len(pilots))]
    if not best[0] - within <= wanted <= best[-1] + within:
        return None
    first = min(crossing(wanted, at, best), at[-1])
    if not drawn or at[-1] == at[0]:
        return math.exp(first)
    place = min(sum(each < first for each in at), len(at) - 1) or 1
    local = (best[place] - best[place - 1]) / (at[place] - at[place - 1])
    # A flat piece is chance: a learner of more examples is better by some part of what the whole range says.
    slope = max(local, (best[-1] - best[0]) / (at[-1] - at[0]) / 2)
    if not slope:
        return math.exp(first)
    meant = sum(math.log(count) + (wanted - accuracy) / slope for count, accuracy in drawn) / len(drawn)
    return math.exp(min(max(meant, at[0]), at[-1]))


def wanting(matching: int, near: int, tried: int, hit: int) -> int:
    """How many more to try until `matching` are near enough: `near` are, and `hit` of the last `tried` were.

    As many as are missing where nothing was tried yet; never more than four for each that is missing.

    >>> wanting(20, 2, 0, 0), wanting(20, 15, 18, 12), wanting(20, 2, 18, 0)
    (18, 8, 72)
    """
    rate = hit / tried if tried else 1.0
    return math.ceil(max(matching - near, 0) / max(rate, 0.25))
