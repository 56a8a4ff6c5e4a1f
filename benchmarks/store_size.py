"""How long does what a store is asked take where it keeps 100,000 results, and is work of many claimed once?

    python benchmarks/store_size.py [--results 100000] [--runs 1000] [--findings 1000] [--processes 200] [--out FILE]

A store is filled with small results, runs and findings in a temporary folder (or below --place, such as on the file
system that is asked about). Then the seconds are told of: listing all runs, finding one by the beginning of its id,
asking for a result that is there and for one that is not, remembering a new one, reading all findings, and telling what
`limbeck runs gc` would remove. The first three as commands, too, start-up included. Last, processes contend for pieces
of work that a dead process had claimed, each the same ten: how often each piece was done must be once.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from limbeck.core.documents import sealed
from limbeck.core.files import write_tensors, write_text
from limbeck.runs.claims import claimed
from limbeck.runs.owners import Owner
from limbeck.runs.store import SPEC, Store
from limbeck.runs.tidying import tidy

PIECES = 10
REPEATS = 20


def filled(store: Store, results: int, runs: int, findings: int) -> None:
    """Keep so many of each; no claim is made, and the disk is not waited for."""
    with mock.patch("os.fsync"):
        for number in range(results):
            address = {"number": number}
            write_tensors(store.place(address), {"x": torch.tensor([number])}, {"address": address})
        for number in range(runs):
            run, spec = store.at(asked(number)), asked(number)
            write_text(run.folder / SPEC, sealed(spec))
            run.finish(lambda path: write_tensors(path, {"x": torch.zeros(64)}, {}), {"threads": 1})
        for number in range(findings):
            store.note({"number": number}, {"verdict": "one", "rows": [[0.5] * 8] * 8})


def asked(seed: int) -> dict[str, Any]:
    """The spec of a run."""
    return {"seed": seed, "data": {"name": "digits"}, "network": "mlp-w8", "ipc": 1}


def seconds(work: Callable[[], object], repeats: int = 1) -> float:
    """How long some work takes, the mean of so many times."""
    begun = time.perf_counter()
    for _ in range(repeats):
        work()
    return (time.perf_counter() - begun) / repeats


def command(words: str, root: Path) -> float:
    """How long a command takes, start-up included."""
    line = [sys.executable, "-m", "limbeck.cli", *words.split(), "--runs", str(root)]
    return seconds(lambda: subprocess.run(line, check=True, stdout=subprocess.DEVNULL))


def contended(folder: Path, count: int) -> list[int]:
    """How often each piece of work was done by so many processes that begin together."""
    child = subprocess.Popen(["true"])
    child.wait()
    folder.mkdir()
    for piece in range(PIECES):
        (folder / f"{piece}.claim").write_text(json.dumps(vars(replace(Owner.new(), process=child.pid))))
    go, wait = os.pipe()
    children = []
    for _ in range(count):
        forked = os.fork()
        if not forked:
            os.close(wait)
            os.read(go, 1)
            for piece in range(PIECES):
                with claimed(folder / f"{piece}.claim", "", wait=True):
                    if not (folder / f"{piece}.done").exists():
                        with open(folder / f"{piece}.made", "a") as made:
                            made.write("x")
                        (folder / f"{piece}.done").touch()
            os._exit(0)
        children.append(forked)
    os.close(wait)
    assert not any(os.waitpid(forked, 0)[1] for forked in children)
    assert not list(folder.glob("*.claim*"))
    return [len((folder / f"{piece}.made").read_text()) for piece in range(PIECES)]


def measured(root: Path, given: argparse.Namespace) -> dict[str, float]:
    """Seconds by what is done."""
    store, new = Store(root), iter(range(given.results, given.results + REPEATS))
    told = {"filling": seconds(lambda: filled(store, given.results, given.runs, given.findings))}
    one = store.at(asked(0)).id
    there, missing = {"number": given.results // 2}, {"number": -1}
    assert store.holds(there) and not store.holds(missing)
    return {
        **told,
        "listing runs": seconds(lambda: [run.facts() for run in store.runs()]),
        "finding a run": seconds(lambda: store.find(one[:6]), REPEATS),
        "holds one that is there": seconds(lambda: store.holds(there), REPEATS),
        "holds one that is not": seconds(lambda: store.holds(missing), REPEATS),
        "remember a new one": seconds(
            lambda: store.remember({"number": next(new)}, lambda: {"x": torch.zeros(1)}), REPEATS
        ),
        "reading all findings": seconds(lambda: list(store.noted())),
        "gc, dry": seconds(lambda: tidy(store, dry=True)),
        "gc, dry, older than 30 days": seconds(lambda: tidy(store, 30 * 86_400, dry=True)),
        "`limbeck runs`": command("runs", root),
        "`limbeck runs show ID`": command(f"runs show {one}", root),
        "`limbeck runs gc --dry-run`": command("runs gc --dry-run", root),
    }


def main() -> int:
    """Measure; 0 where each piece of work was done once."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--results", type=int, default=100_000)
    options.add_argument("--runs", type=int, default=1000)
    options.add_argument("--findings", type=int, default=1000)
    options.add_argument("--processes", type=int, default=200)
    options.add_argument("--place", type=Path, help="a folder on the file system that is asked about")
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(dir=given.place) as name:
        told = measured(Path(name) / "store", given)
        begun = time.perf_counter()
        done = contended(Path(name) / "contended", given.processes)
        told[f"{given.processes} processes, {PIECES} pieces of work"] = time.perf_counter() - begun
    for what, took in told.items():
        print(f"{what:<36} {took:10.4f} s")
    print(f"each piece done once: {set(done) == {1}}")
    if given.out:
        document = {**{name: vars(given)[name] for name in ("results", "runs", "findings", "processes")}}
        write_text(given.out, json.dumps({**document, "seconds": told, "done": done}, indent=1) + "\n")
    return int(set(done) != {1})


if __name__ == "__main__":
    sys.exit(main())
