"""How verdicts write differences of accuracies with the intervals that decided them, and lists."""

from __future__ import annotations

from collections.abc import Iterable

from limbeck.core.findings import Fact
from limbeck.core.units import percent, points


def sized(change: Fact) -> str:
    """The size of a change whose direction is told in words, with its interval.

    >>> sized(Fact("gain", -0.09, -0.12, -0.06, 3))
    '9.0 points (6.0 to 12.0)'
    """
    low, high = sorted((abs(change.low), abs(change.high)))
    return f"{points(abs(change.value))} ({100 * low:.1f} to {100 * high:.1f})"


def signed(change: Fact) -> str:
    """A change whose direction is not decided, with its interval; one or two draws have none that is worth telling.

    >>> signed(Fact("gain", 0.012, -0.03, 0.054, 3)), signed(Fact("gain", 0.012, 0.012, 0.012, 1))
    ('+1.2 points (-3.0 to +5.4)', '+1.2 points')
    """
    spread = f" ({100 * change.low:+z.1f} to {100 * change.high:+z.1f})" if change.n > 2 else ""
    return points(change.value, signed=True) + spread


def listed(words: Iterable[str | int]) -> str:
    """Words one after another.

    >>> listed(["2", "10", "50"]), listed([2])
    ('2, 10 and 50', '2')
    """
    *some, last = map(str, words)
    return f"{', '.join(some)} and {last}" if some else last


def at_chance(who: str, accuracy: float, chance: float) -> str:
    """That learners are not shown to have learned anything; without an end, for what follows from it.

    >>> at_chance("the set", 0.11, 0.1)
    'Not known: learners of the set are not shown to be above chance (11.0 %; chance is 10.0 %)'
    """
    return (
        f"Not known: learners of {who} are not shown to be above chance ({percent(accuracy)}; chance is "
        f"{percent(chance)})"
    )


def seeds(count: int) -> str:
    """How many there are of them.

    >>> seeds(1), seeds(2)
    ('1 seed', '2 seeds')
    """
    return f"{count} seed{'' if count == 1 else 's'}"
