"""`limbeck evaluate`: sets beside honest baselines."""

from __future__ import annotations

from limbeck.api import evaluate
from limbeck.cli.console import Parser, answer, parser
from limbeck.cli.options import add_scoring, baselines_of, names_of
from limbeck.cli.tables import further, regret_in, scores, uses, verdicts
from limbeck.cli.working import add_moved, add_session, add_since, session
from limbeck.comparison import against_baselines, document_of
from limbeck.distilled_set import DistilledSet
from limbeck.judging import protocol_for
from limbeck.opening import opening

LINES = 2
"""How many the first sentence may take: the tables below it have all numbers."""


def run(words: list[str]) -> None:
    """Score sets and print one row for each set or baseline and network."""
    made = parser("evaluate", "Score distilled sets beside honest baselines.")
    made.add_argument("sets", type=str, nargs="+", help="files that `limbeck distill` wrote, all of the same data")
    made.add_argument(
        "--network", type=str, default="", help="one or more networks, by commas; by default the set's own"
    )
    add_scoring(made)
    _add_looks(made)
    made.add_argument("--record", action="store_true", help="write the sets' scores into their files")
    add_moved(made)
    add_since(made)
    add_session(made)
    given = made.parse_args(words)
    protocol, _ = protocol_for({path: DistilledSet.load(path) for path in given.sets}, given.protocol)
    with session("evaluate", words, given) as used:
        scored = evaluate(
            given.sets,
            networks=names_of(given.network),
            protocol=protocol,
            repeats=given.repeats,
            until_decided=given.until_decided,
            half_width=given.half_width,
            most=given.most,
            seeds=given.seeds,
            baselines=baselines_of(given.baselines),
            data=given.data,
            session=used,
        )
    rows = [score.row() for score in scored]
    if given.record:
        for path in given.sets:
            DistilledSet.load(path).scored(*(row for row in rows if row["set"] == path)).save(path)
    opened = opening(rows, (), given.sets)
    first = opened.within(LINES)
    tables = [
        *([first] if first and not given.quiet else []),
        scores(rows, str(protocol), ".safetensors"),
        *(further(rows, ".safetensors") if not given.csv else []),
        # Verdicts hold a set against real examples; this holds it against other sets. A spreadsheet has the numbers.
        *(uses(opened) if len(given.sets) > 1 and not given.csv else []),
        *verdicts(against_baselines(rows, given.sets)),
    ]
    regrets = {row["set"]: value for row in rows if (value := regret_in(rows)(row)) is not None}
    answer({**document_of(rows, given.sets, protocol), "relative_regret": regrets}, given, *tables)


def _add_looks(made: Parser) -> None:
    """Add whether learners are added until something is known."""
    made.add_argument(
        "--until-decided",
        action="store_true",
        help="begin with --repeats, and train more learners of those that are not told apart, until they are",
    )
    made.add_argument(
        "--half-width",
        type=float | None,
        default=None,
        help="or until the interval of each set is its score -+ so many points; of what is no share, in its unit",
    )
    made.add_argument(
        "--most",
        type=int | None,
        default=None,
        help="with either of these: how many learners of a row at most; 20 by default",
    )
