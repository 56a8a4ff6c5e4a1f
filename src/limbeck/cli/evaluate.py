"""`limbeck evaluate`: sets beside honest baselines."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Group

from limbeck.api import evaluate
from limbeck.cli.console import answer, bar, parser, percent, size, table
from limbeck.cli.options import (
    add_device,
    add_quiet,
    add_root,
    add_runs,
    add_scoring,
    add_workers,
    baselines_of,
    names_of,
)
from limbeck.core.family import to_spec
from limbeck.distilled_set import DistilledSet
from limbeck.learn.protocol import named


def run(words: list[str]) -> None:
    """Score sets and print one row for each set or baseline and network."""
    made = parser("evaluate", "Score distilled sets beside honest baselines.")
    made.add_argument("sets", type=str, nargs="+", help="files that `limbeck distill` wrote, all of the same data")
    made.add_argument("--network", type=str, default="", help="one or more, by commas; by default the set's own")
    add_scoring(made)
    made.add_argument("--record", action="store_true", help="write the sets' scores into their files")
    add_workers(made)
    made.add_argument("--data", type=str, default="", help="the data, where they are no longer where the set says")
    add_device(made)
    add_quiet(made)
    add_root(made)
    add_runs(made)
    given = made.parse_args(words)
    protocol = named(given.protocol)
    try:
        with bar(given.quiet) as progress:
            found = evaluate(
                given.sets,
                networks=names_of(given.network),
                protocol=protocol,
                members=given.members,
                baselines=baselines_of(given.baselines),
                data=given.data,
                data_root=given.data_root,
                device=given.device,
                runs=given.runs,
                workers=given.workers,
                watch=lambda done, total, doing: progress.update(done, total, doing),
            )
    except KeyboardInterrupt as interrupt:
        raise KeyboardInterrupt(f"; go on with: limbeck evaluate {shlex.join(words)}") from interrupt
    rows = [score.row() for score in found]
    if given.record:
        for path in given.sets:
            DistilledSet.load(path).scored(*(row for row in rows if row["set"] == path)).save(path)
    document = {"rows": rows, "protocols": {protocol.name: {"text": str(protocol), **to_spec(protocol)}}}
    answer(document, given.json, scores(rows, str(protocol)), quiet=given.quiet)


def scores(rows: Sequence[dict[str, Any]], protocol: str) -> Group:
    """A row for each set or baseline: one column for each network, its 95 % interval and number of learners."""
    networks = list(dict.fromkeys(row["network"] for row in rows))
    found = {(row["set"], row["bytes"], row["network"]): row for row in rows}
    sets = list(dict.fromkeys((row["set"], row["bytes"]) for row in rows))
    cells = [
        (Path(name).name, size(stored), *(_cell(found[name, stored, each]) for each in networks))
        for name, stored in sets
    ]
    title = f"Test accuracy in %, 95 % interval, n learners. Protocol {protocol}"
    return table(title, ("set", "stored", *networks), cells, right=("stored", *networks))


def _cell(row: dict[str, Any]) -> str:
    spread = f" ({percent(row['low'])} to {percent(row['high'])})" if row["n"] > 1 else ""
    return f"{percent(row['mean'])}{spread}, n {row['n']}"
