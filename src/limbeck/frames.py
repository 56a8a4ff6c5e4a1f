"""Scores and findings as data frames."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from limbeck.core.errors import InputError
from limbeck.core.findings import Finding, Table
from limbeck.core.score import Score

if TYPE_CHECKING:
    import pandas

EXPECTED = "expected scores that `evaluate` gives, findings that `explain` gives, or a table of a finding"


def frame(rows: Score | Finding | Table | Iterable[Score] | Iterable[Finding]) -> pandas.DataFrame:
    """A pandas data frame: a row for each score, or for each number of each finding; a table as it is.

    Columns of scores are the fields of `Score`, shares as fractions. Columns of findings are set, probe, tone, name,
    value, low, high, n, and random_value, random_low, random_high: the same number of as many random real examples,
    NaN where that was not measured; verdict is the sentence of the whole finding.

    Raises InputError for anything else, and where pandas is not installed (`pip install 'limbeck[frames]'`).
    """
    try:
        import pandas
    except ImportError as error:
        raise InputError("pandas is not installed; run pip install 'limbeck[frames]'") from error
    if isinstance(rows, Table):
        return pandas.DataFrame(list(rows.rows), columns=list(rows.columns))
    listed = [rows] if isinstance(rows, Score | Finding) else list(rows) if isinstance(rows, Iterable) else [rows]
    strange = [each for each in listed if not isinstance(each, Score | Finding)]
    if strange or len({type(each) for each in listed}) > 1:
        kinds = ", ".join(dict.fromkeys(type(each).__name__ for each in listed))
        raise InputError(f"rows: found {kinds}, {EXPECTED}")
    documents = [each.row() for each in listed if isinstance(each, Score)]
    documents += [row for each in listed if isinstance(each, Finding) for row in _numbers(each)]
    return pandas.DataFrame(documents)


def _numbers(finding: Finding) -> list[dict[str, Any]]:
    """A row for each number of a finding."""
    control = {fact.name: fact for fact in finding.control}
    whose = {"set": finding.set, "probe": finding.probe, "tone": finding.tone}
    rows = []
    for fact in finding.facts:
        beside = control[fact.name][1:4] if fact.name in control else (float("nan"),) * 3
        random = dict(zip(("random_value", "random_low", "random_high"), beside, strict=True))
        rows.append({**whose, **fact._asdict(), **random, "verdict": finding.verdict})
    return rows
