"""How shares, differences of shares, and bytes are written: once, for every message, table and page."""

from __future__ import annotations


def percent(share: float | int, digits: int = 1) -> str:
    """A share in per cent.

    >>> percent(0.4328), percent(0.4328, 0)
    ('43.3 %', '43 %')
    """
    return f"{per_cent(share, digits)} %"


def per_cent(share: float | int, digits: int = 1) -> str:
    """The same without the sign, where a heading has it.

    >>> per_cent(0.4328)
    '43.3'
    """
    return f"{100 * share:.{digits}f}"


def percent_range(low: float | int, high: float | int) -> str:
    """The two ends of an interval of shares.

    >>> percent_range(0.4, 0.4567)
    '40.0 to 45.7 %'
    """
    return f"{per_cent(low)} to {percent(high)}"


def points(difference: float | int, signed: bool = False) -> str:
    """A difference of two shares, in percentage points.

    >>> points(0.0625), points(0.0625, signed=True)
    ('6.2 points', '+6.2 points')
    """
    return f"{100 * difference:{'+' if signed else ''}.1f} points"


def size(count: int) -> str:
    """Bytes in the unit in which they are readable.

    >>> size(512), size(7700), size(1229608)
    ('512 B', '7.7 kB', '1.2 MB')
    """
    for factor, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} B"
