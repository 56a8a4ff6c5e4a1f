"""`limbeck explain`: what a set is worth, what it holds, and where it must not be used."""

from __future__ import annotations

import shlex
from argparse import ArgumentError
from argparse import ArgumentParser as PlainParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Group

from limbeck.api import explain
from limbeck.cli.console import (
    COMPILE,
    Parser,
    add_compile,
    add_device,
    add_quiet,
    add_root,
    add_runs,
    answer,
    bar,
    defaults_of,
    duration,
    parser,
    table,
)
from limbeck.core.family import part_name
from limbeck.core.findings import Fact, Finding, Table
from limbeck.core.probing import AbstractProbe
from limbeck.core.refusal import Refusal, unknown
from limbeck.explanation import BUDGETS


def run(words: list[str]) -> None:
    """Ask the probes of a budget about sets and print what they found."""
    budget = _budget(words)
    made = _parser(budget)
    given = made.parse_args(words)
    try:
        with bar(given.quiet) as progress:
            found = explain(
                given.sets,
                probes=_probes(budget, made, given),
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


def _budget(words: list[str]) -> str:
    """The budget that --budget names. It comes first since it says what the options of each probe are by default."""
    first = PlainParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    first.add_argument("--budget", default="standard")
    try:
        name: str = first.parse_known_args(words)[0].budget
    except ArgumentError as error:
        raise Refusal(f"{error}; see `limbeck explain --help`") from error
    if name not in BUDGETS:
        raise unknown("budget", name, BUDGETS)
    return name


def _parser(budget: str) -> Parser:
    made = parser("explain", "Tell what distilled sets are worth, what they hold, and where they must not be used.")
    made.add_argument(
        "sets", type=str, nargs="+", help="files of `limbeck distill` or `limbeck import`, of the same data"
    )
    made.add_argument("--probe", type=str, default="", help="one or more of `limbeck list probes`, by commas; or all")
    made.add_argument("--budget", type=str, default="standard", help=f"how thoroughly: {', '.join(BUDGETS)}")
    made.add_argument("--network", type=str, default="", help="by default that of the first set")
    made.add_argument(
        "--attributes", type=str, default="", help="a parquet file: index (row of the test split), booleans or text"
    )
    made.add_argument(
        "--annotator", type=str, default="", help="a command that answers COMMAND IMAGE.png PROMPT on standard output"
    )
    made.add_argument("--tables", action="store_true", help="print the numbers behind each verdict too")
    made.add_argument("--workers", type=int | None, default=None, help="processes side by side; by default one a core")
    made.add_argument("--data", type=str, default="", help="the data, where they are no longer where the sets say")
    add_compile(made)
    add_device(made)
    add_quiet(made)
    add_root(made)
    add_runs(made)
    for probe in BUDGETS[budget].probes:
        made.add_class_arguments(type(probe), part_name(type(probe)), default=defaults_of(probe))
    return made


def _probes(budget: str, made: Parser, given: Any) -> tuple[str | AbstractProbe, ...]:
    """The probes that --probe names, or all, each with its own options."""
    built = made.instantiate(given)
    own = {part_name(type(probe)): None for probe in BUDGETS[budget].probes}
    own = {name: getattr(built, name.replace("-", "_")) for name in own}
    names = [name for name in given.probe.split(",") if name] or list(own)
    return tuple(own.get(name, name) for name in names)


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
