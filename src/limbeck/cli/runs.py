"""`limbeck runs`: the runs that are kept."""

from __future__ import annotations

import json
import re
import time
from typing import Any

from limbeck.cli.console import answer, parser
from limbeck.cli.table import Table
from limbeck.cli.working import add_runs
from limbeck.core.errors import InputError, unknown
from limbeck.core.text import counted
from limbeck.core.units import size
from limbeck.runs.store import Store, root_of
from limbeck.runs.tidying import KINDS, tidy
from limbeck.terminal.said import say

ACTIONS = ("list", "show", "clean", "gc")
UNITS = {"m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
"""Seconds of each unit of time."""
SHORT = 12
"""Letters of an id in a table: `show` and `clean` take the beginning of one."""


def run(words: list[str]) -> None:
    """List, show or clean runs, or remove from their store what nothing needs."""
    made = parser("runs", "List the runs that are kept, show one, clean up, or (gc) remove what nothing needs.")
    made.add_argument("action", type=str, nargs="?", default="list", help=f"one of {', '.join(ACTIONS)}")
    made.add_argument("id", type=str, nargs="?", default="", help="the beginning of a run's id")
    made.add_argument("--all", action="store_true", help="clean: finished runs and kept results too")
    made.add_argument(
        "--older-than", type=str, default="", help="gc: also kept results that were not used for so long, such as 30d"
    )
    made.add_argument("--dry-run", action="store_true", help="gc: remove nothing, tell what would be")
    add_runs(made)
    given = made.parse_args(words)
    if given.action not in ACTIONS:
        raise unknown("action", given.action, ACTIONS)
    store = Store(root_of(given.runs))
    if given.action == "show":
        if not given.id:
            raise InputError("runs show: expected the id of a run; see `limbeck runs list`")
        facts = store.find(given.id).facts()
        answer(facts, given, *json.dumps(facts, indent=2).splitlines())
    elif given.action == "clean":
        _clean(store, given)
    elif given.action == "gc":
        _tidy(store, given)
    else:
        rows = [found.facts() for found in store.runs()]
        answer(rows, given, _table(store, rows))


def _clean(store: Store, given: Any) -> None:
    chosen = [store.find(given.id)] if given.id else store.runs()
    unwanted = [run for run in chosen if given.id or given.all or not run.result.exists()]
    for run in unwanted:
        store.remove(run)
    forgotten = store.forget() if given.all and not given.id else 0
    results = counted(forgotten, "remembered result")
    document = {"removed": [run.id for run in unwanted], "forgotten": forgotten}
    answer(document, given, f"removed {counted(len(unwanted), 'run')} and {results} from {store.root}")


def _tidy(store: Store, given: Any) -> None:
    if given.id:
        raise InputError(f"runs gc {given.id}: it takes no id; `limbeck runs clean {given.id}` removes a run")
    unneeded = tidy(store, _seconds(given.older_than) if given.older_than else None, given.dry_run, say)
    document, lines = {}, []
    for kind in KINDS:
        sizes = [each.bytes for each in unneeded if each.kind == kind]
        document[kind] = {"count": len(sizes), "bytes": sum(sizes)}
        if sizes:
            lines.append(f"{'would remove' if given.dry_run else 'removed'} {len(sizes):,} {kind}, {size(sum(sizes))}")
    lines = lines or [f"nothing to remove from {store.root}"]
    answer({"dry_run": given.dry_run, "removed": document}, given, *lines)


def _seconds(text: str) -> float:
    """A length of time as it is given: a number and its unit."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([mhdw])", text)
    if found is None:
        raise InputError(f"--older-than {text}: expected a number of minutes, hours, days or weeks, such as 30d or 12h")
    return float(found[1]) * UNITS[found[2]]


def _table(store: Store, rows: list[dict[str, Any]]) -> Any:
    cells = [
        (
            row["id"][:SHORT],
            row["state"],
            _text(row["spec"], "data", "name"),
            _method(row["spec"]),
            _text(row["spec"], "network"),
            _text(row["spec"], "ipc"),
            _text(row["spec"], "seed"),
            _text(row["spec"], "recipe", "steps"),
            time.strftime("%Y-%m-%d", time.localtime(row["changed"])),
        )
        for row in rows
    ]
    columns = ("id", "state", "data", "method", "network", "ipc", "seed", "steps", "changed")
    title = f"Runs in {store.root}, {size(sum(row['bytes'] for row in rows))} in all"
    return Table(title, columns, cells, right=("ipc", "seed", "steps"))


def _method(spec: Any) -> str:
    """What a run goes by: its objective, of a selection of real examples its start."""
    whole = _text(spec, "recipe", "objective", "part")
    return (whole if whole != "?" else _text(spec, "recipe", "start", "part")).rpartition("/")[2]


def _text(spec: Any, *path: str) -> str:
    for name in path:
        spec = spec.get(name, "?") if isinstance(spec, dict) else "?"
    return str(spec)
