"""`limbeck list`: what parts there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from limbeck.cli.console import answer, parser
from limbeck.cli.table import Table
from limbeck.core.errors import InputError, unknown
from limbeck.core.units import per_cent

KINDS = (
    "tasks",
    "networks",
    "starts",
    "scores",
    "set-functions",
    "similarities",
    "parameterizations",
    "schedules",
    "objectives",
    "distances",
    "kernels",
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
    arguments.add_argument(
        "--published", action="store_true", help="of recipes: the runs that were published, by data and size"
    )
    given = arguments.parse_args(words)
    if given.kind and given.kind not in KINDS:
        raise unknown("kind", given.kind, KINDS)
    if given.published:
        _published(given)
        return
    kinds = [given.kind] if given.kind else list(KINDS)
    rows = {kind: parts(kind) for kind in kinds}
    tables = []
    for kind in kinds:
        tables.append(_recipes(rows[kind]) if kind == "recipes" else _listed(kind, rows[kind]))
        deviations = [(row["name"], each) for row in rows[kind] for each in row.get("deviations", ())]
        if deviations and given.kind:
            tables.append(Table("what differs from the sources", ("name", "deviation"), deviations))
        options = [(row["name"], row["options"]) for row in rows[kind] if row.get("options")]
        if options and given.kind:
            title = "what a name may hold, joined by -, for images of 32 x 32; as in convnet-w32-d3-bf16"
            tables.append(Table(title, ("name", "options"), options))
    answer(rows[given.kind] if given.kind else rows, given, *tables)


def _listed(kind: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    return Table(kind, ("name", "summary"), [(row["name"], row["summary"]) for row in rows])


def _recipes(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Recipes, and whether each is the published one: once in a column, not in front of every summary."""
    from limbeck.recipes.contract import MANNER

    cells = [
        (row["name"], "in part" if row["summary"].startswith(MANNER) else "yes", row["summary"].removeprefix(MANNER))
        for row in rows
    ]
    return Table("recipes", ("name", "as published", "summary"), cells)


def _published(given: Any) -> None:
    """List the runs that were published, what they scored, and in what recipes differ from their sources."""
    from limbeck.recipes import RECIPES, published_runs

    if given.kind != "recipes":
        raise InputError("--published: expected it of recipes; say `limbeck list recipes --published`")
    runs, methods = published_runs(), [RECIPES[name] for name in RECIPES]
    columns = ("recipe", "data", "IPC", "whitened", "steps", "accuracy", "what data and size change")
    rows = [
        (
            run["recipe"],
            run["data"],
            run["ipc"],
            "yes" if run["whitened"] else "",
            f"{run['steps']:,}",
            " or ".join(f"{per_cent(each['mean'])} % ({each['protocol']})" for each in run["expected"]),
            ", ".join(f"{path} {_written(value)}" for path, value in run["options"].items() if path != "steps"),
        )
        for run in runs
    ]
    sources = [(each.name, each.settings_from) for each in methods if each.published]
    deviations = [(each.name, one) for each in methods for one in each.deviations]
    answer(
        runs,
        given,
        Table("published runs", columns, rows),
        Table("where their settings were read", ("recipe", "read from"), sources),
        Table("what differs from the sources", ("recipe", "deviation"), deviations),
    )


def _written(value: Any) -> str:
    """A setting; of many numbers, how many and how they begin; of a part, its name."""
    if isinstance(value, dict):
        return str(value["part"]).rpartition("/")[2]
    if isinstance(value, list):
        return f"{value[0]:,} and so on, {len(value)} times"
    return f"{value:,g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value).lower()


def parts(kind: str) -> list[dict[str, Any]]:
    """[{name, summary}] of every part of a kind; of recipes also source and deviations."""
    from limbeck import recipes, tasks
    from limbeck.codecs import CODECS
    from limbeck.estimators import ESTIMATORS
    from limbeck.learn import networks
    from limbeck.learn.augment import AUGMENTATIONS
    from limbeck.learn.classifiers import CLASSIFIERS
    from limbeck.learn.distances import DISTANCES
    from limbeck.learn.kernels import KERNELS
    from limbeck.learn.optim import OPTIMIZERS
    from limbeck.objectives import OBJECTIVES
    from limbeck.parameterizations import PARAMETERIZATIONS
    from limbeck.probes import PROBES
    from limbeck.protocols import protocols
    from limbeck.schedules import SCHEDULES
    from limbeck.starts import SCORES, SET_FUNCTIONS, SIMILARITIES, SPACES, STARTS

    listings: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "tasks": tasks.names,
        "networks": networks.names,
        "starts": STARTS.summaries,
        "scores": SCORES.summaries,
        "set-functions": SET_FUNCTIONS.summaries,
        "similarities": SIMILARITIES.summaries,
        "spaces": SPACES.summaries,
        "parameterizations": PARAMETERIZATIONS.summaries,
        "schedules": SCHEDULES.summaries,
        "objectives": OBJECTIVES.summaries,
        "distances": DISTANCES.summaries,
        "kernels": KERNELS.summaries,
        "classifiers": CLASSIFIERS.summaries,
        "estimators": ESTIMATORS.summaries,
        "optimizers": OPTIMIZERS.summaries,
        "probes": PROBES.summaries,
        "recipes": recipes.summaries,
        "augmentations": AUGMENTATIONS.summaries,
        "codecs": CODECS.summaries,
        "protocols": lambda: [{"name": name, "summary": str(protocol)} for name, protocol in protocols().items()],
    }
    return listings[kind]()
