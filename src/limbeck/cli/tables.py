"""Tables that more than one command prints: scores, and verdicts with the numbers behind them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from limbeck.cli.table import Table
from limbeck.comparison import (
    ACROSS,
    EVALUATION,
    basis,
    called,
    draws,
    matching,
    merged,
    of_facts,
    shared,
    short_names,
)
from limbeck.core.findings import Fact, Finding
from limbeck.core.findings import Table as Found
from limbeck.core.score import float32_of, tells_float32
from limbeck.core.units import bare, headed, measured, size
from limbeck.distilled_set import HARD, REAL
from limbeck.opening import Opening, grouped
from limbeck.statistics.regret import relative_regret

ALL = "all of them"
"""What a verdict across sets is of."""
RAW = (
    "set", "matched", "beside", "network", "split", "metric", "mean", "low", "high", "n", "seeds", "protocol",
    "per_class", "bytes", "float32", "labels", "about", "looks",
)  # fmt: skip
"""What a spreadsheet is given of a row of scores."""


def scores(rows: Sequence[dict[str, Any]], protocol: str, ending: str = "") -> Table:
    """A row for each set or baseline, and a column for each network: its 95 % interval and what that is over.

    Files are named without that ending.
    """
    networks = list(dict.fromkeys(row["network"] for row in rows))
    names = short_names((row["set"] for row in rows if not row["matched"]), ending)
    # Labels are told where some say more than a class.
    told = ("labels",) if any(row.get("labels", "") not in ("", HARD, REAL) for row in rows) else ()
    sizes = ("stored", "as float32") if tells_float32(rows) else ("stored",)
    lines: dict[tuple[object, ...], dict[str, dict[str, Any]]] = {}
    for row in merged(rows):
        about = row["about"] if row["seeds"] else ""
        labels = [row.get(name, "") for name in told]
        counted = (size(row["bytes"]), float32_of(row))[: len(sizes)]
        line = (called(row, rows, names), about, *labels, str(row["per_class"]), *counted)
        lines.setdefault(line, {})[row["network"]] = row
    cells = [(*line, *(_score(scored.get(each)) for each in networks)) for line, scored in lines.items()]
    first: dict[str, Any] = rows[0] if rows else {"metric": "score", "unit": "", "higher_is_better": True}
    named = headed(f"Test {first['metric']}", first["unit"])
    direction = "" if first["higher_is_better"] else ", lower is better"
    title = f"{named}{direction}, {basis(rows)}. Protocol {protocol}"
    columns = ("set", "of", *told, "per class", *sizes, *networks)
    numbers = Table(title, RAW, [[row.get(name, "") for name in RAW] for row in rows])
    return Table(title, columns, cells, right=("per class", *sizes, *networks), numbers=numbers)


def _score(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    mean, low, high = (bare(row[name], row["unit"]) for name in ("mean", "low", "high"))
    spread = f" ({low} to {high})" if len(row["values"]) > 1 else ""
    return f"{mean}{spread}, {draws(row)}"


def further(rows: Sequence[dict[str, Any]], ending: str = "") -> list[str]:
    """Lines on the other metrics of rows of scores, and on the relative regret of sets; none where there are none."""
    names = short_names((row["set"] for row in rows if not row["matched"]), ending)
    whose = [f"{called(row, rows, names)} ({row['network']})" for row in rows]
    lines = [
        f"{metric}, the mean over learners: "
        + ", ".join(f"{who} {measured(row['others'][place][1], unit)}" for who, row in zip(whose, rows, strict=True))
        for place, (metric, _, unit) in enumerate(rows[0].get("others", ()) if rows else ())
    ]
    regrets = [
        f"{who} {value:.3g}" for who, value in zip(whose, map(regret_in(rows), rows), strict=True) if value is not None
    ]
    told = "relative regret, 0 as good as all real data and 1 as random ones: "
    return [*lines, *([told + ", ".join(regrets)] if regrets else [])]


def regret_in(rows: Sequence[dict[str, Any]]) -> Callable[[dict[str, Any]], float | None]:
    """The relative regret of the row of a set among rows; None of others, and where it cannot be told."""

    def regret(row: dict[str, Any]) -> float | None:
        if not row["seeds"]:
            return None
        full = [each for each in matching(row, rows, "") if each["set"] == "full" and each["whole"]]
        random = [each for each in matching(row, rows, "items") if each["set"] == "random"]
        if not (full and random):
            return None
        value = relative_regret(full[0]["mean"], row["mean"], random[0]["mean"])
        return None if math.isnan(value) else value

    return regret


def answers(found: Sequence[Finding], opened: Opening, tables: bool = False) -> list[Table | str]:
    """What sets come to: a sentence and which to use for what, then the verdicts, then the numbers if asked for."""
    return [opened.sentence, *uses(opened), *verdicts(found, tables)]


def uses(opened: Opening) -> list[Table]:
    """Which set to use for what, where any use was measured."""
    drawn = opened.table
    rows = [tuple(map(str, row)) for row in drawn.rows]
    return [Table(f"{drawn.name} ({drawn.caption})", drawn.columns, rows)] if rows else []


def verdicts(found: Sequence[Finding], tables: bool = False) -> list[Table | str]:
    """Verdicts by what they come to, a row each: whole of one set, of several each one's first sentence.

    With `tables` all of them are whole, and the numbers behind each follow.
    """
    names = short_names((finding.set for finding in found if finding.probe != ACROSS), ".safetensors")
    several = len(names) > 1
    parts: list[Table | str] = []
    for heading, some in grouped(found).items():
        rows = [
            (
                *([names.get(each.set, ALL)] if several else []),
                each.probe,
                each.brief if several and not tables else each.words,
            )
            for each in some
        ]
        parts.append(Table(heading, (*(["set"] if several else []), "probe", "verdict"), rows))
    return [*parts, *_behind(found, names)] if tables else parts


def _behind(found: Sequence[Finding], names: Mapping[str, str]) -> list[Table | str]:
    """The numbers behind each verdict, and those of several sets side by side."""
    parts: list[Table | str] = []
    for finding in found:
        whose = f"{names.get(finding.set, ALL)}, " if len(names) > 1 else ""
        parts += ["", f"{whose}{finding.probe}: {finding.question} {finding.method}"]
        parts += [_numbers(each) for each in ([of_facts(finding)] if finding.facts else []) + list(finding.tables)]
    # Scores stand beside one another in their own table.
    asked = [finding for finding in found if finding.probe not in (EVALUATION, ACROSS)]
    having = {finding.set: names[finding.set] for finding in asked if finding.facts}
    return [*parts, _beside(asked, having)] if len(having) > 1 else parts


def _beside(found: Sequence[Finding], names: Mapping[str, str]) -> Table:
    """A row for each fact that more than one set has, a column for each of the sets, under its short name."""
    rows = [(*name, *(_fact(by_set.get(each)) for each in names)) for name, by_set in shared(found).items()]
    columns = list(names.values())
    return Table("side by side: value (95 % interval)", ("probe", "fact", *columns), rows, right=columns)


def _fact(fact: Fact | None) -> str:
    if fact is None:
        return ""
    return f"{fact.value:.3g}" + (f" ({fact.low:.3g} to {fact.high:.3g})" if fact.n > 1 else "")


def _numbers(found: Found) -> Table:
    title = f"{found.name} ({found.caption})" if found.caption else found.name
    rows = [tuple(_cell(value) for value in row) for row in found.rows]
    exact = [["" if value is None else value for value in row] for row in found.rows]
    return Table(title, found.columns, rows, right=found.columns, numbers=Table(title, found.columns, exact))


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)
