"""`limbeck explain`: what a set is worth, what it holds, and where it must not be used."""

from __future__ import annotations

import shlex

from limbeck.api import explain
from limbeck.cli.console import Parser, answer, bar, duration, parser
from limbeck.cli.options import (
    COMPILE,
    add_compile,
    add_device,
    add_probes,
    add_quiet,
    add_root,
    add_runs,
    add_workers,
    effort_in,
    probes_of,
)
from limbeck.cli.tables import verdicts


def run(words: list[str]) -> None:
    """Ask the probes of a budget about sets and print what they found."""
    effort = effort_in(words, "explain")
    made = _parser(effort)
    given = made.parse_args(words)
    try:
        with bar(given.quiet) as progress:
            found = explain(
                given.sets,
                probes=probes_of(made, given),
                effort=effort,
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
    document = {"budget": given.effort, "findings": [finding.document() for finding in found]}
    answer(document, given.json, *verdicts(found, given.tables), quiet=given.quiet)


def _parser(effort: str) -> Parser:
    made = parser("explain", "Tell what distilled sets are worth, what they hold, and where they must not be used.")
    made.add_argument(
        "sets", type=str, nargs="+", help="files of `limbeck distill` or `limbeck import`, of the same data"
    )
    add_probes(made, effort)
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
