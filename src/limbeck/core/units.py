"""How values with a unit, their differences, and bytes are written: once, for every message, table and page.

The unit of a share in [0, 1] is "fraction", and it is written in per cent; "" is the unit of a bare number.
"""

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


def points(difference: float | int, signed: bool = False) -> str:
    """A difference of two shares, in percentage points.

    >>> points(0.0625), points(0.0625, signed=True)
    ('6.2 points', '+6.2 points')
    """
    return f"{100 * difference:{'+' if signed else ''}.1f} points"


def measured(value: float | int, unit: str) -> str:
    """A value with its unit.

    >>> measured(0.4328, "fraction"), measured(12.345, "kWh"), measured(2.0, "")
    ('43.3 %', '12.35 kWh', '2')
    """
    return percent(value) if unit == "fraction" else f"{bare(value, unit)} {unit}".rstrip()


def bare(value: float | int, unit: str, digits: int = 4) -> str:
    """The same without the unit, where a heading has it; `digits` significant ones of what is no share.

    >>> bare(0.4328, "fraction"), bare(12.345, "kWh"), bare(12.345, "kWh", 2)
    ('43.3', '12.35', '12')
    """
    return per_cent(value) if unit == "fraction" else f"{value:.{digits}g}"


def headed(name: str, unit: str) -> str:
    """A heading of bare values.

    >>> headed("accuracy", "fraction"), headed("work", "kWh"), headed("count", "")
    ('accuracy, %', 'work, kWh', 'count')
    """
    return f"{name}, {'%' if unit == 'fraction' else unit}" if unit else name


def measured_range(low: float | int, high: float | int, unit: str) -> str:
    """The two ends of an interval of values.

    >>> measured_range(0.4, 0.4567, "fraction"), measured_range(1.5, 2.0, "kWh")
    ('40.0 to 45.7 %', '1.5 to 2 kWh')
    """
    return f"{bare(low, unit)} to {measured(high, unit)}"


def apart(difference: float | int, unit: str) -> str:
    """A difference of two values: of shares, in percentage points.

    >>> apart(0.125, "fraction"), apart(0.5, "kWh")
    ('12.5 points', '0.5 kWh')
    """
    return points(difference) if unit == "fraction" else f"{bare(difference, unit, 3)} {unit}".rstrip()


def size(count: int) -> str:
    """Bytes in the unit in which they are readable; exact where they are few.

    >>> size(512), size(7700), size(82936), size(1229608)
    ('512 B', '7,700 B', '82.9 kB', '1.2 MB')
    """
    if count < 10_000:
        return f"{count:,} B"
    factor, unit = next(pair for pair in _UNITS if count >= pair[0])
    return f"{count / factor:,.1f} {unit}"


def duration(seconds: float | int) -> str:
    """A length of time that is known about.

    >>> duration(40.4), duration(240), duration(254), duration(597), duration(9000), duration(1e6)
    ('40 s', '4 min', '4 min 10 s', '10 min', '2 h 30 min', '12 days')
    """
    minutes, tens = round(seconds / 60), 10 * round(seconds / 10)
    if seconds < 100:
        return f"{round(seconds)} s"
    if tens < 600:
        return f"{tens // 60} min {tens % 60} s" if tens % 60 else f"{tens // 60} min"
    if minutes < 100:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h {minutes % 60:02d} min" if hours < 72 else f"{hours / 24:,.0f} days"


def within(least: float | int, most: float | int) -> str:
    """A length of time of which two bounds are known about.

    >>> within(180, 720), within(1800, 1805)
    ('between 3 min and 12 min', 'about 30 min')
    """
    low, high = duration(least), duration(most)
    return f"about {high}" if low == high else f"between {low} and {high}"


_UNITS = ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB"))
