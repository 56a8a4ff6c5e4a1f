"""What one step of each method costs: limbeck's objectives beside the published loops, written out in `literal.py`.

    python benchmarks/objective_step.py --out results.json [--methods mtt dm] [--widths 32 128] [--ipc 1 10]

A step is one evaluation of the loss with its gradient in the synthetic images (for mtt in the learning rate too), and
for
gradient matching the training of the network that follows. Both ways get the same numbers: networks, real images and
augmentations are drawn inside the step by the same keys, from random images of 3 x 32 x 32 in 10 classes that lie in
memory. The difference of the two results, as a share of the literal one's norm, is recorded for each step; it must be
below 10 % in the median (in single precision ReLUs that tip over move a slope by some percent, see `rounding.py`), and
at width 8 in double precision below 1e-9: that is what holds the ways to one mathematics.

mtt takes --steps student steps towards an expert two epochs ahead; bptt --steps steps of momentum SGD, then the loss on
64 real images per class; dc and dsa match gradients at 256 real images per class, then train for --inner epochs (0: as
published for the number of items per class, so at one item per class a fresh network and no training); dm matches
means of 256 per class. The literal loop of bptt holds one graph through all steps; that of bptt-stored stores the
weights and walks back by hand, as the method's own authors do. limbeck's side of both is one and the same.

Times are medians over alternating pairs in one process, after a first call of each way, whose time is apart (that of
the literal loop, which comes first, holds what torch does once in a process); where others use the machine too, read
the processor seconds. Memory is the peak resident set (ru_maxrss) of a process that takes one step and nothing else,
with that of the same process before it. Each row is written as soon as it is there, and what is in --out already is not
measured again, so a benchmark that was interrupted goes on by the same command.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import torch
from literal import Found
from steps import LITERAL, METHODS, VARIANTS, WAYS, Bench, Cell
from torch import Tensor

FURTHEST, FURTHEST_DOUBLE = 0.1, 1e-9
"""The largest relative difference of two ways of the same mathematics, in single and in double precision."""


def differences(mine: Found, plain: Found) -> dict[str, float]:
    """The norm of the difference of each part of two results, as a share of the norm of the second."""

    def apart(one: Tensor, two: Tensor) -> float:
        return float((one - two).norm() / two.norm())

    found = {"loss": apart(mine.loss, plain.loss)}
    found |= {f"slope in {name}": apart(mine.gradients[name], plain.gradients[name]) for name in plain.gradients}
    if plain.network:
        one, two = (torch.cat([leaf.flatten() for leaf in side.network]) for side in (mine, plain))
        found["network"] = apart(one, two)
    return found


def peak() -> float:
    """The peak resident set of this process so far, in GiB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def measure_memory(cell: Cell, way: str) -> dict[str, float]:
    """Peak memory of one step."""
    bench = Bench(cell, (way,))
    before = peak()
    bench.step(way, 0)
    return {"peak": round(peak(), 3), "before": round(before, 3)}


def measure_agreement(cell: Cell) -> dict[str, dict[str, float]]:
    """How far two steps of each way are from the literal ones at most, in double precision at width 8."""
    torch.set_default_dtype(torch.float64)
    bench = Bench(replace(cell, width=8))
    found: dict[str, dict[str, float]] = {way: {} for way in VARIANTS}
    for number in range(2):
        plain = bench.step(LITERAL, number)[0]
        for way, known in found.items():
            for name, value in differences(bench.step(way, number)[0], plain).items():
                assert value < FURTHEST_DOUBLE, f"{way} and the literal loop are {value:.2g} apart in {name}: {cell}"
                known[name] = max(value, known.get(name, 0.0))
    return found


def measure_time(cell: Cell, pairs: int) -> dict[str, Any]:
    """First calls, medians of alternating pairs, and how far the results are apart."""
    bench, first = Bench(cell), dict[str, float]()
    seconds: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    far: dict[str, dict[str, list[float]]] = {way: {} for way in VARIANTS}
    for number in range(pairs + 1):
        found = {}
        for way in WAYS:
            found[way], wall, cpu = bench.step(way, number)
            if number:
                seconds[way].append((wall, cpu))
            else:
                first[way] = round(wall, 3)
        for way, known in far.items():
            for name, value in differences(found[way], found[LITERAL]).items():
                known.setdefault(name, []).append(float(f"{value:.2g}"))
    for way, known in far.items():
        for name, values in known.items():
            assert statistics.median(values) < FURTHEST, (
                f"{way} and the literal loop differ in {name}: {values}, {cell}"
            )
    return {
        "first call s": first,
        **{
            unit: {way: round(statistics.median(one[place] for one in taken), 4) for way, taken in seconds.items()}
            for place, unit in enumerate(("wall s", "cpu s"))
        },
        "all": {way: [(round(wall, 4), round(cpu, 4)) for wall, cpu in taken] for way, taken in seconds.items()},
        "difference of each step": far,
    }


MEASURES: dict[str, Callable[..., dict[str, Any]]] = {
    "agreement": measure_agreement,
    "memory": measure_memory,
    "time": measure_time,
}


def apart(threads: int, measure: str, cell: Cell, *arguments: object) -> dict[str, Any]:
    """What a measure comes to in a process of its own."""
    given = json.dumps([astuple(cell), *arguments])
    command = [sys.executable, __file__, "--threads", str(threads), "--only", measure, given]
    found = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if found.returncode:
        raise SystemExit(f"{measure} of {cell} ended with code {found.returncode}; what was measured before is kept")
    return json.loads(found.stdout.splitlines()[-1])


def measured(cell: Cell, pairs: int, threads: int) -> dict[str, Any]:
    """The row of a cell."""
    load = os.getloadavg()[0]
    agreement = apart(threads, "agreement", cell)
    row = apart(threads, "time", cell, pairs)
    memory = {way: apart(threads, "memory", cell, way) for way in WAYS}
    return {
        **identity(cell, pairs, threads),
        **row,
        "largest difference in double precision at width 8": agreement,
        "memory GiB": memory,
        "torch": torch.__version__,
        "hardware": f"{platform.machine()}, {os.cpu_count()} cores, {threads} thread(s)",
        "load average before and after": [round(load, 2), round(os.getloadavg()[0], 2)],
    }


def identity(cell: Cell, pairs: int, threads: int) -> dict[str, Any]:
    """What tells one row from another."""
    return {**cell.describe(), "pairs": pairs, "threads": threads, "ways": list(WAYS)}


def read(out: Path | None) -> list[dict[str, Any]]:
    """The rows that are there."""
    return json.loads(out.read_text())["rows"] if out and out.exists() else []


def write(out: Path, rows: list[dict[str, Any]]) -> None:
    """All rows, in place of what was there."""
    part = out.with_name(f"{out.name}.part")
    part.write_text(json.dumps({"command": f"python {' '.join(sys.argv)}", "rows": rows}, indent=1) + "\n")
    os.replace(part, out)


def table(rows: list[dict[str, Any]]) -> str:
    """The figures for reading: times and memory of each way, and the literal loop's times over them."""
    head = f"{'method':<12} {'width':>5} {'IPC':>4} {'way':<14} {'wall s':>8} {'ratio':>6} {'cpu s':>8} {'ratio':>6}"
    lines = ["", f"{head} {'peak GiB':>9} {'before':>7} {'first s':>8} {'difference':>11}"]
    for row in rows:
        for way in row["ways"]:
            line = f"{row['method']:<12} {row['width']:>5} {row['ipc']:>4} {way:<14}"
            for unit in ("wall s", "cpu s"):
                line += f" {row[unit][way]:>8.3f} {row[unit][LITERAL] / row[unit][way]:>6.2f}"
            memory, far = row["memory GiB"][way], row["difference of each step"].get(way)
            line += f" {memory['peak']:>9.2f} {memory['before']:>7.2f} {row['first call s'][way]:>8.2f}"
            lines.append(line + (f" {max(map(statistics.median, far.values())):>11.1e}" if far else ""))
    return "\n".join([*lines, "", "ratio: literal over this way; difference: the median step's, of loss and gradients"])


def main() -> None:
    """Measure what is not there yet, write each row as it comes, and print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--methods", nargs="*", choices=METHODS, default=METHODS)
    options.add_argument("--widths", type=int, nargs="*", default=[32, 128], help="of the networks")
    options.add_argument("--ipc", type=int, nargs="*", default=[1, 10], help="synthetic images per class")
    options.add_argument("--pairs", type=int, default=5)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--steps", type=int, default=10, help="of the learner in mtt and bptt")
    options.add_argument("--inner", type=int, default=10, help="epochs between steps in dc and dsa; 0: as published")
    options.add_argument("--out", type=Path, help="results.json, to which rows are added")
    options.add_argument("--only", nargs=2, help=argparse.SUPPRESS)
    given = options.parse_args()
    torch.set_num_threads(given.threads)
    if given.only:
        measure, (cell, *arguments) = given.only[0], json.loads(given.only[1])
        print(json.dumps(MEASURES[measure](Cell(*cell), *arguments)))
        return
    cells = [
        Cell(method, width, ipc, given.steps, given.inner)
        for width in given.widths
        for ipc in given.ipc
        for method in given.methods
    ]
    rows = read(given.out)

    def known(cell: Cell) -> dict[str, Any] | None:
        mine = identity(cell, given.pairs, given.threads)
        return next((row for row in rows if mine.items() <= row.items()), None)

    todo = [cell for cell in cells if not known(cell)]
    print(f"{len(cells) - len(todo)} of {len(cells)} cells are there already", flush=True)
    started, weights = time.monotonic(), [cell.weight() for cell in todo]
    for done, cell in enumerate(todo, 1):
        rows.append(measured(cell, given.pairs, given.threads))
        if given.out:
            write(given.out, rows)
        left = (time.monotonic() - started) * sum(weights[done:]) / sum(weights[:done])
        name = f"{cell.method}, width {cell.width}, IPC {cell.ipc}"
        print(f"[{done} of {len(todo)}] {name}: about {left / 60:.1f} minutes left", flush=True)
    print(table([row for row in map(known, cells) if row]))


if __name__ == "__main__":
    main()
