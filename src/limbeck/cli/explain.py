"""`limbeck explain`: what a set is worth, what it holds, and where it must not be used."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.console import Group

from limbeck.api import explain
from limbeck.cli.console import Parser, answer, bar, duration, parser, table
from limbeck.cli.options import (
    COMPILE,
    add_compile,
    add_device,
    add_probes,
    add_quiet,
    add_root,
    add_runs,
    add_workers,
    budget_in,
    probes_of,
)
from limbeck.core.findings import Fact, Finding, Table


def run(words: list[str]) -> None:
    """Ask the probes of a budget about sets and print what they found."""
    budget = budget_in(words, "explain")
    made = _parser(budget)
    given = made.parse_args(words)
    try:
        with bar(given.quiet) as progress:
            found = explain(
                given.sets,
                probes=probes_of(made, given),
                budget=budget,
                network=given.network,
                attributes=given.attributes,
                annotator=given.annotator,
                data=given.data,
                data_root=given.data_root,
                runs=given.runs,
                workers=given.workers,
                device=given.device,
                compile=COMPILE[given.compile],
                watch=lambda done, total, doing: progress.update(round(done), round(total), doing),
                tell=lambda seconds: progress.say(f"about {duration(seconds)} of work"),
            )
    except KeyboardInterrupt as interrupt:
        raise KeyboardInterrupt(f"; go on with: limbeck explain {shlex.join(words)}") from interrupt
    document = {"budget": given.budget, "findings": [finding.document() for finding in found]}
    answer(document, given.json, *verdicts(found, given.tables), quiet=given.quiet)


MARKS = {"use": "use", "avoid": "DO NOT", "note": "note", "unknown": "?"}


def _parser(budget: str) -> Parser:
    made = parser("explain", "Tell what distilled sets are worth, what they hold, and where they must not be used.")
    made.add_argument(
        "sets", type=str, nargs="+", help="files of `limbeck distill` or `limbeck import`, of the same data"
    )
    add_probes(made, budget)
    made.add_argument("--network", type=str, default="", help="by default that of the first set")
    made.add_argument(
        "--attributes", type=str, default="", help="a parquet file: index (row of the test split), booleans or text"
    )
    made.add_argument(
        "--annotator", type=str, default="", help="a command that answers COMMAND IMAGE.png PROMPT on standard output"
    )
    made.add_argument("--tables", action="store_true", help="print the numbers behind each verdict too")
    made.add_argument("--data", type=str, default="", help="the data, where they are no longer where the sets say")
    add_workers(made)
    add_compile(made)
    add_device(made)
    add_quiet(made)
    add_root(made)
    add_runs(made)
    return made


def verdicts(found: Sequence[Finding], tables: bool) -> list[Group | str]:
    """For each set its verdicts, and the tables behind them where they are asked for."""
    parts: list[Group | str] = []
    for name in dict.fromkeys(finding.set for finding in found):
        of_set = [finding for finding in found if finding.set == name]
        rows = [(MARKS[finding.tone], finding.probe, finding.verdict) for finding in of_set]
        parts.append(table(Path(name).name, ("", "probe", "verdict"), rows))
        if tables:
            for finding in of_set:
                parts.append(f"\n{finding.probe}: {finding.question} {finding.method}")
                parts += [_numbers(each) for each in finding.tables]
    names = list(dict.fromkeys(finding.set for finding in found if finding.facts))
    if len(names) > 1:
        parts.append(_beside(found, names))
    return parts


def _beside(found: Sequence[Finding], names: list[str]) -> Group:
    """A row for each fact that more than one set has, a column for each set."""
    facts: dict[tuple[str, str], dict[str, Fact]] = {}
    for finding in found:
        for fact in finding.facts:
            facts.setdefault((finding.probe, fact.name), {})[finding.set] = fact
    rows = [(*name, *(_fact(by_set.get(each)) for each in names)) for name, by_set in facts.items() if len(by_set) > 1]
    columns = [Path(name).name for name in names]
    return table("side by side: value (95 % interval)", ("probe", "fact", *columns), rows, right=columns)


def _fact(fact: Fact | None) -> str:
    if fact is None:
        return ""
    return f"{fact.value:.3g}" + (f" ({fact.low:.3g} to {fact.high:.3g})" if fact.n > 1 else "")


def _numbers(found: Table) -> Group:
    title = f"{found.name} ({found.caption})" if found.caption else found.name
    rows = [tuple(_cell(value) for value in row) for row in found.rows]
    return table(title, found.columns, rows, right=found.columns)


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)
