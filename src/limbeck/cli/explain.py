"""`limbeck explain`: what a set is worth, what it holds, and where it must not be used."""

from __future__ import annotations

from limbeck.api import explain
from limbeck.cli.console import Parser, answer, parser
from limbeck.cli.options import add_probes, add_tables, effort_in, probes_of
from limbeck.cli.tables import answers
from limbeck.cli.working import add_moved, add_session, add_since, add_time, session
from limbeck.opening import opening


def run(words: list[str]) -> None:
    """Ask the probes of a budget about sets and print what they found."""
    effort = effort_in(words, "explain")
    made = _parser(effort)
    given = made.parse_args(words)
    with session("explain", words, given, bounded=not given.until_decided) as used:
        findings = explain(
            given.sets,
            probes=probes_of(made, given),
            effort=effort,
            network=given.network,
            attributes=given.attributes,
            annotator=given.annotator,
            data=given.data,
            until_decided=given.until_decided,
            minutes=given.minutes if given.until_decided else None,
            session=used,
        )
    document = {"budget": given.effort, "findings": [finding.document() for finding in findings]}
    opened = opening((), findings, given.sets)
    answer(document, given, *answers(findings, opened, given.tables))


def _parser(effort: str) -> Parser:
    made = parser("explain", "Tell what distilled sets are worth, what they hold, and where they must not be used.")
    made.add_argument(
        "sets", type=str, nargs="+", help="files of `limbeck distill` or `limbeck import`, of the same data"
    )
    add_probes(made, effort)
    made.add_argument(
        "--network", type=str, default="", help="the network that is asked about; by default that of the first set"
    )
    made.add_argument(
        "--attributes", type=str, default="", help="a parquet file: index (row of the test split), booleans or text"
    )
    made.add_argument(
        "--annotator", type=str, default="", help="a command that answers COMMAND IMAGE.png PROMPT on standard output"
    )
    made.add_argument(
        "--until-decided",
        action="store_true",
        help="go on with more draws where a verdict is open, until it is decided or the time is up",
    )
    add_tables(made)
    add_moved(made)
    add_since(made)
    add_session(made, compiles=True, time=False)
    add_time(
        made,
        "stop after about so many minutes; the same command goes on. With --until-decided: how long, 10 by default",
    )
    return made
