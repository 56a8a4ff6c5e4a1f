"""`limbeck list`: what parts there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from limbeck.cli.console import answer, parser, table
from limbeck.core.errors import unknown

KINDS = (
    "tasks",
    "networks",
    "starts",
    "parameterizations",
    "schedules",
    "objectives",
    "distances",
    "estimators",
    "optimizers",
    "probes",
    "recipes",
    "protocols",
    "augmentations",
    "codecs",
)


def run(words: list[str]) -> None:
    """List the parts of one kind, or of every kind."""
    arguments = parser("list", "Name the parts there are.")
    arguments.add_argument(
        "kind", type=str, nargs="?", default="", help=f"one of {', '.join(KINDS)}; all of them by default"
    )
    given = arguments.parse_args(words)
    if given.kind and given.kind not in KINDS:
        raise unknown("kind", given.kind, KINDS)
    kinds = [given.kind] if given.kind else list(KINDS)
    rows = {kind: parts(kind) for kind in kinds}
    tables = []
    for kind in kinds:
        tables.append(table(kind, ("name", "summary"), [(row["name"], row["summary"]) for row in rows[kind]]))
        deviations = [(row["name"], each) for row in rows[kind] for each in row.get("deviations", ())]
        if deviations and given.kind:
            tables.append(table("what differs from the sources", ("name", "deviation"), deviations))
    answer(rows[given.kind] if given.kind else rows, given.json, *tables)


def parts(kind: str) -> list[dict[str, Any]]:
    """[{name, summary}] of every part of a kind; of recipes also source and deviations."""
    from limbeck import recipes, tasks
    from limbeck.codecs import CODECS
    from limbeck.estimators import ESTIMATORS
    from limbeck.learn import networks
    from limbeck.learn.augment import AUGMENTATIONS
    from limbeck.learn.distances import DISTANCES
    from limbeck.learn.optim import OPTIMIZERS
    from limbeck.objectives import OBJECTIVES
    from limbeck.parameterizations import PARAMETERIZATIONS
    from limbeck.probes import PROBES
    from limbeck.protocols import protocols
    from limbeck.schedules import SCHEDULES
    from limbeck.starts import STARTS

    listings: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "tasks": tasks.names,
        "networks": networks.names,
        "starts": STARTS.summaries,
        "parameterizations": PARAMETERIZATIONS.summaries,
        "schedules": SCHEDULES.summaries,
        "objectives": OBJECTIVES.summaries,
        "distances": DISTANCES.summaries,
        "estimators": ESTIMATORS.summaries,
        "optimizers": OPTIMIZERS.summaries,
        "probes": PROBES.summaries,
        "recipes": recipes.summaries,
        "augmentations": AUGMENTATIONS.summaries,
        "codecs": CODECS.summaries,
        "protocols": lambda: [{"name": name, "summary": str(protocol)} for name, protocol in protocols().items()],
    }
    return listings[kind]()
