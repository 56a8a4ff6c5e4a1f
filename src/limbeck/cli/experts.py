"""`limbeck experts`: learners of the real data, for trajectory matching to follow."""

from __future__ import annotations

import shlex
from dataclasses import fields

from limbeck.api import device_of, open_store
from limbeck.cli.console import answer, bar, parser, size, table
from limbeck.cli.options import add_data, add_device, add_quiet, add_runs, add_workers
from limbeck.core.family import to_spec
from limbeck.learn.experts import Experts
from limbeck.runs.executor import workers_on
from limbeck.runs.library import Library
from limbeck.tasks import load


def run(words: list[str]) -> None:
    """Train the experts that are missing, and say where they are."""
    made = parser("experts", "Train learners on the real data and keep every epoch, for trajectory matching to follow.")
    add_data(made)
    made.add_argument("--network", type=str, default="convnet", help="a network of `limbeck list networks`")
    add_workers(made)
    made.add_class_arguments(Experts, None)
    add_device(made)
    add_quiet(made)
    add_runs(made)
    given = made.parse_args(words)
    built = made.instantiate(given)
    experts = Experts(**{each.name: getattr(built, each.name) for each in fields(Experts)})
    task = load(given.data, root=given.data_root, zca=given.zca, size=given.size)
    library = Library(open_store(given.runs), task, task.network(given.network), experts)
    device = device_of(given.device)
    try:
        with bar(given.quiet) as progress:
            trained = library.complete(
                given.workers or workers_on(device),
                device,
                given.data_root,
                lambda done, count: progress.update(done, count, "training experts"),
            )
    except KeyboardInterrupt as interrupt:
        raise KeyboardInterrupt(f"; go on with: limbeck experts {shlex.join(words)}") from interrupt
    stored = sum(library.place(number).stat().st_size for number in range(experts.count))
    document = {
        "data": task.name,
        "network": library.network.name,
        "experts": to_spec(experts),
        "trained": trained,
        "folder": str(library.folder),
        "bytes": stored,
    }
    rows = [
        ("experts", f"{experts.count}, of which {trained} are new"),
        ("network", library.network.name),
        ("snapshots", f"{experts.epochs + 1} each"),
        ("folder", library.folder),
        ("size", size(stored)),
    ]
    answer(document, given.json, table(f"Experts of {task.name}", ("", ""), rows), quiet=given.quiet)
