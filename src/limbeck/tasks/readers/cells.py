"""What the columns of a table hold: numbers, dates or categories, as the codec of rows has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from limbeck.codecs.columns import CATEGORY, DATE, MISSING, NUMBER, WHOLE, YES_NO, Column
from limbeck.core.errors import InputError
from limbeck.tasks.readers.labels import class_name, ordered
from limbeck.tasks.readers.rows import EMPTY
from limbeck.tasks.readers.source import Array

if TYPE_CHECKING:
    import pyarrow

MOST = 200
"""Categories of a column; rarer ones are put together."""
OTHERS = "(others)"
KNOTS = 65
"""Numbers between which quantiles lie on lines, at most."""
STANDARD, QUANTILES = "standard", "quantiles"
SCALES = (STANDARD, QUANTILES)
"""How numbers are seen: in standard deviations from the mean, or by their quantiles as those of a normal."""
ONE = "left out, as one value alone is in the training rows"
_MOSTLY = 0.9
"""The share of numbers among cells of text from which the others are taken to be slips."""
_WORDS = {("false", "true"), ("no", "yes"), ("n", "y"), ("f", "t"), ("0", "1")}


class Found(NamedTuple):
    """A column as it was understood."""

    column: Column | None
    """None where it is left out."""
    native: Array
    """(row, field), float64, of all splits; empty where it is left out."""
    notes: tuple[str, ...] = ()
    """What is to be said of the column after its name."""


def found(name: str, parts: Sequence[pyarrow.ChunkedArray], scale: str) -> Found:
    """What the cells of a column are, those of the training rows coming first, which alone say how it is scaled.

    Raises InputError for a number that is infinite, and for cells of which most are numbers and some are not.
    """
    import pyarrow

    try:
        joined = pyarrow.concat_tables([pyarrow.table({"it": each}) for each in parts], promote_options="permissive")[
            "it"
        ]
    except pyarrow.ArrowException as error:
        kinds = ", ".join(dict.fromkeys(str(each.type) for each in parts))
        raise InputError(
            f"column {name!r}: found cells of the types {kinds}, expected one; save its files alike"
        ) from error
    train, types = len(parts[0]), pyarrow.types
    if types.is_dictionary(joined.type):
        joined = joined.cast(joined.type.value_type)
    kind = joined.type
    if types.is_null(kind) or joined.null_count == len(joined):
        return _left("left out, as all cells are empty")
    if types.is_date(kind) or types.is_timestamp(kind):
        return _dates(name, joined, train, scale)
    if types.is_boolean(kind):
        texts = np.array([None if each is None else ("no", "yes")[each] for each in joined.to_pylist()], object)
        return _categories(name, texts, train)
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return _numbers(name, joined.cast(pyarrow.float64(), safe=False), train, scale)
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        stripped = (None if each is None else class_name(each).strip() for each in joined.to_pylist())
        texts = np.array([None if each is None or each in EMPTY else each for each in stripped], object)
        return _texts(name, texts, train)
    return _left(f"left out, as neither numbers, dates nor text but {kind}")


def _left(why: str) -> Found:
    return Found(None, np.empty((0, 0)), (why,))


def _dates(name: str, joined: pyarrow.ChunkedArray, train: int, scale: str) -> Found:
    """Days since 1970."""
    import pyarrow

    days = np.array(joined.cast(pyarrow.date32(), safe=False).cast(pyarrow.int32()).to_numpy(), np.float64)
    told = "read as days, without times of day" if pyarrow.types.is_timestamp(joined.type) else "read as days"
    made = _scaled(name, DATE, days, train, scale)
    return made if made.column is None else made._replace(notes=(told, *made.notes))


def _numbers(name: str, joined: pyarrow.ChunkedArray, train: int, scale: str) -> Found:
    values = np.asarray(joined.to_numpy(), np.float64)
    wrong = np.flatnonzero(np.isinf(values))
    if len(wrong):
        raise InputError(
            f"column {name!r} row {wrong[0]}: found {values[wrong[0]]:g}, expected a finite number; correct the cell "
            "or leave it empty"
        )
    known = values[~np.isnan(values)]
    whole = bool((known == np.round(known)).all())
    if whole and not set(np.unique(known)) - {0.0, 1.0} and len(set(known)) == 2:
        texts = np.array([None if np.isnan(each) else str(int(each)) for each in values], object)
        return _categories(name, texts, train)
    if whole and len(known) == len(values) > 2 and bool((np.diff(values[:train]) == 1).all()):
        return _left("left out, as it counts the rows")
    return _scaled(name, WHOLE if whole else NUMBER, values, train, scale)


def _scaled(name: str, kind: str, values: Array, train: int, scale: str) -> Found:
    """Numbers and how they are seen; where some are missing, a second field says so, and the median stands there."""
    gone = np.isnan(values)
    known = values[:train][~gone[:train]]
    if len(known) == 0 or (known.min() == known.max() and not gone.any()):
        return _left(ONE if len(known) else "left out, as all training cells are empty")
    knots = standard(known) if scale == STANDARD else quantiles(known)
    fill = float(np.quantile(known, 0.5, method="lower"))
    filled = np.where(gone, fill, values)
    fields = [filled, gone.astype(np.float64)] if gone.any() else [filled]
    notes = ("some numbers are missing, which a 1 beside them says",) if gone.any() else ()
    column = Column(name, kind, (), *knots, float(filled.min()), float(filled.max()), fill, bool(gone.any()))
    return Found(column, np.stack(fields, 1), notes)


def standard(known: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Two numbers, and what is seen of them: one standard deviation below the mean is -1, one above it 1."""
    mean, spread = float(known.mean()), float(known.std())
    low, high = mean - spread, mean + spread
    # Of what never varies, or by less than rounding, one unit is one.
    return ((low, high) if low < high else (mean - 1, mean + 1)), (-1.0, 1.0)


def quantiles(known: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Some of the numbers, and what is seen of each: the quantile of a normal as much of which lies below.

    What lies below a number is counted to the middle of those that are equal to it.
    """
    from scipy.special import ndtri

    values, counts = np.unique(known, return_counts=True)
    if len(values) < 2:
        return standard(known)
    below = (np.cumsum(counts) - counts / 2) / len(known)
    seen = ndtri(below)
    near = np.searchsorted(seen, np.linspace(seen[0], seen[-1], KNOTS)).clip(max=len(values) - 1)
    chosen = np.unique([0, *near.tolist(), len(values) - 1])
    return tuple(values[chosen].tolist()), tuple(seen[chosen].tolist())


def _texts(name: str, texts: Array, train: int) -> Found:
    said = [each for each in texts if each is not None]
    different, numbers = set(said), [_is_number(each) for each in said]
    share = sum(numbers) / max(len(said), 1)
    if _MOSTLY < share < 1 and len(different) > KNOTS:
        row = next(at for at, each in enumerate(texts) if each is not None and not _is_number(each))
        raise InputError(
            f"column {name!r} row {row}: found {texts[row]!r} among numbers, expected numbers alone; correct the cell "
            "or leave it empty"
        )
    if len(different) == len(said) > 2 or len(different) > max(20, len(said) / 2):
        return _left("left out, as text that is different in most rows")
    return _categories(name, texts, train)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _categories(name: str, texts: Array, train: int) -> Found:
    """Categories in order, an empty cell one of its own; of very many, the rarest in training together."""
    notes = []
    said = np.array([MISSING if each is None else each for each in texts], object)
    values, counts = np.unique(said[:train].astype(str), return_counts=True)
    if len(values) < 2:
        return _left(ONE)
    if len(values) > MOST:
        kept = set(values[np.argsort(-counts, kind="stable")[: MOST - 1]].tolist())
        said = np.array([each if each in kept else OTHERS for each in said], object)
        notes.append(f"the rarest of more than {MOST} categories are put together")
        values = np.unique(said[:train].astype(str))
    unseen = sorted(set(said[train:].tolist()) - set(values.tolist()))
    if unseen:
        notes.append("some categories are in no training row")
    apart = [each for each in (OTHERS, MISSING) if each in said]
    names = (*ordered([each for each in {*values.tolist(), *unseen} if each not in apart]), *apart)
    if MISSING in apart:
        notes.append("empty cells are a category of their own")
    number = {each: place for place, each in enumerate(names)}
    truth = tuple(each.lower() for each in names if each != MISSING) in _WORDS
    native = np.array([number[each] for each in said], np.float64)[:, None]
    return Found(Column(name, YES_NO if truth else CATEGORY, names), native, tuple(notes))
