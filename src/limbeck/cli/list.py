"""`limbeck list`: what parts there are."""

from __future__ import annotations

from limbeck.cli.console import answer, parser, table
from limbeck.core.errors import unknown

KINDS = (
    "tasks",
    "networks",
    "starts",
    "parameterizations",
    "schedules",
    "objectives",
    "probes",
    "recipes",
    "protocols",
    "augmentations",
    "codecs",
)


def run(words: list[str]) -> None:
    """List the parts of one kind, or of every kind."""
    made = parser("list", "Name the parts there are.")
    made.add_argument(
        "kind", type=str, nargs="?", default="", help=f"one of {', '.join(KINDS)}; all of them by default"
    )
    given = made.parse_args(words)
    if given.kind and given.kind not in KINDS:
        raise unknown("kind", given.kind, KINDS)
    kinds = [given.kind] if given.kind else list(KINDS)
    found = {kind: parts(kind) for kind in kinds}
    tables = [
        table(kind, ("name", "summary"), [(row["name"], row["summary"]) for row in found[kind]]) for kind in kinds
    ]
    answer(found[given.kind] if given.kind else found, given.json, *tables)


def parts(kind: str) -> list[dict[str, str]]:
    """[{name, summary}] of every part of a kind."""
    from limbeck import recipes, tasks
    from limbeck.codecs import CODECS
    from limbeck.learn import networks
    from limbeck.learn.augment import AUGMENTATIONS
    from limbeck.learn.protocol import PROTOCOLS
    from limbeck.objectives import OBJECTIVES
    from limbeck.parameterizations import PARAMETERIZATIONS
    from limbeck.probes import PROBES
    from limbeck.schedules import SCHEDULES
    from limbeck.starts import STARTS

    return {
        "tasks": tasks.names,
        "networks": networks.names,
        "starts": STARTS.summaries,
        "parameterizations": PARAMETERIZATIONS.summaries,
        "schedules": SCHEDULES.summaries,
        "objectives": OBJECTIVES.summaries,
        "probes": PROBES.summaries,
        "recipes": recipes.summaries,
        "augmentations": AUGMENTATIONS.summaries,
        "codecs": CODECS.summaries,
        "protocols": lambda: [{"name": name, "summary": str(protocol)} for name, protocol in PROTOCOLS.items()],
    }[kind]()
