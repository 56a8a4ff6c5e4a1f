"""`limbeck experts`: learners of the real data, for trajectory matching to follow."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from limbeck.cli.console import answer, parser
from limbeck.cli.defaults import add_network, network_of
from limbeck.cli.help import documentation
from limbeck.cli.options import add_data, task_of
from limbeck.cli.table import Table
from limbeck.cli.working import add_session, session
from limbeck.computations.experts import Experts
from limbeck.core.family import to_spec
from limbeck.core.units import size
from limbeck.runs.experts import complete_experts, files_of, import_experts


def run(words: list[str]) -> None:
    """Train the experts that are missing, and say where they are."""
    made = parser("experts", "Train learners on the real data and keep every epoch, for trajectory matching to follow.")
    add_data(made)
    add_network(made)
    made.add_class_arguments(Experts, None)
    made.documented = documentation(Experts)
    made.add_argument(
        "--buffer",
        type=Path,
        nargs="+",
        default=[],
        help="replay_buffer_N.pt files of others, whose experts are put into the store in place of training any",
    )
    add_session(made, data_root=False)
    given = made.parse_args(words)
    built = made.instantiate(given)
    experts = Experts(**{each.name: getattr(built, each.name) for each in fields(Experts)})
    task = task_of(given)
    network = task.network(network_of(task, given.network)).name
    with session("experts", words, given) as used:
        if given.buffer:
            experts = import_experts(used, task, network, given.buffer)
        trained = complete_experts(used, task, network, [experts])
        files = files_of(used, task, network, experts)
    stored = sum(path.stat().st_size for path in files)
    document = {
        "data": task.name,
        "network": network,
        "experts": to_spec(experts),
        "trained": trained,
        "folder": str(files[0].parent),
        "bytes": stored,
    }
    rows = [
        ("experts", f"{experts.count}, {'imported' if experts.imported else f'of which {trained} are new'}"),
        ("network", network),
        ("snapshots", f"{experts.epochs + 1} each"),
        ("folder", files[0].parent),
        ("size", size(stored)),
    ]
    if experts.imported:
        asked = {name: getattr(experts, name) for name in ("imported", "count", "epochs")}
        rows.append(("followed by", " ".join(f"--objective.experts.{name} {value}" for name, value in asked.items())))
    answer(document, given, Table(f"Experts of {task.name}", ("", ""), rows), quiet=given.quiet)
