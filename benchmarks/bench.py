"""What limbeck costs beside what people would do without it, and beside its first version: one table of ratios.

    python benchmarks/bench.py FOLDER [--only step] [--busy 3] [--table FILE.md]

`make bench` runs it. Every cell takes turns: a round is one run of the way beside, then one of ours, and its ratio is
theirs over ours, so above 1 ours is cheaper; a row tells the median over rounds with the lowest and the highest. Unless
a row says otherwise a round counts processor seconds, of a command with all its processes; `--busy N` runs it beside N
endless loops. FOLDER keeps a file for each cell and load, so a bench that was interrupted goes on by the same command;
the table is made of all that are there. The whole takes about two hours idle, and longer busy.

"The first version" is commit 48160d7, taken out of the project's history into FOLDER/first. Data of CIFAR-10 are found
by LIMBECK_DATA; without them, and without that history, the cells that need them are told as not run.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from beside import SkippedError, checkout, loops
from time_told import COMMANDS

from limbeck.core.files import write_text

HERE = Path(__file__).parent


def at_least(aim: float) -> tuple[float, float]:
    """The bounds of a ratio that is to be so large."""
    return aim, math.inf


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    work: str
    beside: str
    aims: Mapping[str, tuple[float, float]]
    """Between which bounds the ratio of each cell is to lie."""
    measure: Callable[[Path, str], list[float]]
    """The ratio of each round of one cell, of a folder for what is kept, and the cell's name."""


def costs(words: Sequence[str], environment: Mapping[str, str], folder: Path) -> float:
    """The processor seconds of a command with all its processes."""
    before = _children()
    done = subprocess.run(words, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    return _children() - before


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def limbeck(words: str, tree: Path, folder: Path) -> float:
    """The processor seconds of a command of limbeck, as the sources in a tree have it."""
    given = [sys.executable, "-m", "limbeck.cli", *words.split()]
    return costs(given, {"PYTHONPATH": str(tree / "src"), "LIMBECK_RUNS": str(folder / "runs")}, folder)


def turns(rounds: int, theirs: Callable[[Path], float], ours: Callable[[Path], float]) -> list[float]:
    """The ratio of each of some rounds, in which both take turns, each in a new folder."""
    found = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
            taken = theirs(Path(one)), ours(Path(other))
        print(f"  {taken[0]:.2f} s beside, {taken[1]:.2f} s ours", flush=True)
        found.append(taken[0] / taken[1])
    return found


def script(name: str, *words: object, out: Path) -> Any:
    """What another script of this folder writes as JSON to a file that it goes on with."""
    command = [sys.executable, str(HERE / name), *map(str, words), "--out", str(out)]
    environment = {**os.environ, "PYTHONPATH": f"{HERE.parent / 'src'}:{HERE}"}
    if subprocess.run(command, env=environment, stdout=sys.stderr).returncode:
        raise SystemExit(f"{name} ended with an error")
    return json.loads(out.read_text())


def demo(folder: Path, cell: str) -> list[float]:
    """`make demo` after it is installed, whole."""
    first = checkout(folder.parent)
    one, other = _on_path(folder / "first-bin", first), _on_path(folder / "ours-bin", HERE.parent)

    def run(tree: Path, path: str) -> Callable[[Path], float]:
        return lambda where: costs(["sh", str(tree / "examples/demo.sh")], {"PATH": path}, where)

    return turns(2, run(first, one), run(HERE.parent, other))


def _on_path(folder: Path, tree: Path) -> str:
    """A PATH whose `limbeck` is that of the sources in a tree."""
    folder.mkdir(exist_ok=True)
    command = folder / "limbeck"
    command.write_text(f'#!/bin/sh\nPYTHONPATH={tree / "src"} exec {sys.executable} -m limbeck.cli "$@"\n')
    command.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


DISTILL = "distill digits --recipe dm --ipc 1 --network convnet-w16 --steps 100 --out a.safetensors --quiet"


def digits(folder: Path, cell: str) -> list[float]:
    """A short distillation as a newcomer types it: wall seconds, which threads that fight for cores cost."""
    first = checkout(folder.parent)

    def run(tree: Path) -> Callable[[Path], float]:
        def wall(where: Path) -> float:
            begun = time.perf_counter()
            limbeck(DISTILL, tree, where)
            return time.perf_counter() - begun

        return wall

    return turns(3, run(first), run(HERE.parent))


def start(folder: Path, cell: str) -> list[float]:
    """Commands that say what is there."""
    first, ours = checkout(folder.parent), HERE.parent
    with tempfile.TemporaryDirectory() as kept:
        at: dict[Path, Path] = {}
        for name, tree in (("first", first), ("ours", ours)):
            at[tree] = Path(kept, name)
            at[tree].mkdir()
            limbeck(DISTILL, tree, at[tree])
        words = {"describe": "describe digits", "show": "show a.safetensors --out a.png", "runs": "runs"}[cell]

        def run(tree: Path) -> Callable[[Path], float]:
            return lambda _: limbeck(words, tree, at[tree])

        return turns(7, run(first), run(ours))


def step(folder: Path, cell: str) -> list[float]:
    """A step of a method, compiled, beside its published loop."""
    method, width, ipc = cell.split(", ")
    out = folder / f"step-{method}-{width}-{ipc}.json"
    found = script(
        "objective_step.py", "--methods", method, "--widths", width[1:], "--ipc", ipc[4:], "--pairs", 5, out=out
    )["rows"][0]["all"]
    return [one[1] / other[1] for one, other in zip(found["literal"], found["compiled"], strict=True)]


def memory(folder: Path, cell: str) -> list[float]:
    """The peak of a step of mtt with 50 inner steps, beyond what a process has before it."""
    out = folder / f"memory-{cell}.json"
    words = ("--methods", "mtt", "--widths", 128, "--ipc", cell[4:], "--steps", 50, "--pairs", 1)
    found = script("objective_step.py", *words, out=out)["rows"][0]["memory GiB"]
    return [found["compiled"]["peak"] / found["literal"]["peak"]]


def convolutions(folder: Path, cell: str) -> list[float]:
    """The share of what convolutions come to alone."""
    found = script("convolution_share.py", "--width", cell[1:], out=folder / f"convolutions-{cell}.json")
    return found["share"]


LEARNERS = {
    "100 on CIFAR-10, w16": "--data cifar10 --network convnet-w16 --ipc 10 --count 100 --rounds 2",
    "20 on digits, w8": "--data digits --network convnet-w8 --ipc 2 --count 20 --rounds 5",
    "20 on digits, w8, started before": "--data digits --network convnet-w8 --ipc 2 --count 20 --rounds 5 --workers 0",
}


def leave_one_out(folder: Path, cell: str) -> list[float]:
    """Trainings without one item each."""
    out = folder / f"{cell.replace(' ', '-')}.json"
    return script("learners.py", "--work", "leave-one-out", *LEARNERS[cell].split(), out=out)["ratios"]


def evaluation(folder: Path, cell: str) -> list[float]:
    """Fresh networks trained on one set."""
    words = "--work evaluation --data cifar10 --network convnet-w32 --ipc 10 --count 8 --plain 2 --rounds 3"
    return script("learners.py", *words.split(), out=folder / "evaluation.json")["ratios"]


def trace(folder: Path, cell: str) -> list[float]:
    """A Hessian's trace at a standard error of 2 %, scaled to exactly that."""
    out = folder / f"trace-{cell}.json"
    row = script("hessian_trace.py", "--widths", cell[1:], "--runs", 3, "--compile", out=out)["rows"][0]
    name = "cpu s at the error"
    pairs = zip(row["runs"]["plain"], row["runs"]["exchanged"], strict=True)
    return [one[name] / other[name] for one, other in pairs]


def explain(folder: Path, cell: str) -> list[float]:
    """Every probe of one set of CIFAR-10."""
    first = checkout(folder.parent)

    def run(tree: Path) -> Callable[[Path], float]:
        def whole(where: Path) -> float:
            made = "distill cifar10 --recipe dm --ipc 10 --network convnet-w16 --steps 20 --out a.safetensors --quiet"
            limbeck(made, tree, where)
            # The first version called an effort a budget, and asked nobody before long work.
            asked = "--budget quick" if tree == first else "--effort quick --yes"
            return limbeck(f"explain a.safetensors --network convnet-w16 {asked} --quiet", tree, where)

        return whole

    return turns(1, run(first), run(HERE.parent))


def told(folder: Path, cell: str) -> list[float]:
    """The time told over that taken, of a command."""
    rows = script("time_told.py", "--only", cell, out=folder / "told.json")["rows"]
    return [row["told / taken"] for row in rows if row["name"] == cell]


METHODS = ("dm", "dsa", "mtt", "bptt")
STEPS = {
    f"{method}, w{width}, IPC {ipc}": at_least(aim)
    for width, aims in {32: (3.0, 2.5, 2.0, 2.0), 128: (2.5, 2.2, 2.0, 2.0)}.items()
    for method, aim in zip(METHODS, aims, strict=True)
    for ipc in (1, 10)
} | {"mtt, w128, IPC 1": at_least(1.5)}
STARTS = dict.fromkeys(("describe", "show", "runs"), at_least(2.0))
SHARES = {"w128": at_least(0.85), "w32": at_least(0.65)}
LEFT_OUT = dict(zip(LEARNERS, map(at_least, (3.0, 8.0, 8.0)), strict=True))
ROWS = (
    Row("demo", "`make demo`, whole", "first version", {"": at_least(3.0)}, demo),
    Row("digits", "digits dm, 100 steps, by the clock", "first version", {"": at_least(8.0)}, digits),
    Row("start", "a command's start", "first version", STARTS, start),
    Row("step", "one step", "published loop", STEPS, step),
    Row("share", "convolutions of a dm step, at their peak", "the step", SHARES, convolutions),
    Row("leave-one-out", "leave-one-out, by the clock", "plain eager loop", LEFT_OUT, leave_one_out),
    Row(
        "evaluation",
        "8 networks at w32, IPC 10, by the clock",
        "plain eager loop",
        {"": at_least(3.0)},
        evaluation,
    ),
    Row("trace", "Hessian trace at 2 %", "Rademacher probes", {"w16": at_least(6.0), "w32": at_least(5.0)}, trace),
    Row("explain", "`explain --effort quick`, CIFAR-10, w16", "first version", {"": at_least(2.0)}, explain),
    Row(
        "memory",
        "peak of mtt, 50 inner steps, w128",
        "published loop",
        {"IPC 10": (0, 0.1), "IPC 1": (0, 0.25)},
        memory,
    ),
    Row("told", "time told", "time taken", dict.fromkeys(COMMANDS, (0.75, 1.25)), told),
)


def measured(row: Row, cell: str, folder: Path, busy: int) -> dict[str, Any]:
    """What a cell comes to, with the state of the machine."""
    load, begun = os.getloadavg()[0], time.perf_counter()
    with loops(busy):
        ratios = row.measure(folder, cell)
    return {
        "row": row.name, "cell": cell, "busy": busy, "ratios": [round(each, 4) for each in ratios],
        "seconds": round(time.perf_counter() - begun), "load average before": round(load, 2),
        "torch": torch.__version__, "hardware": f"{platform.machine()}, {os.cpu_count()} cores",
    }  # fmt: skip


def table(found: Sequence[Mapping[str, Any]]) -> str:
    """All cells that are there, idle and busy side by side, as Markdown."""
    known = {(each["row"], each["cell"], bool(each["busy"])): each for each in found}
    lines = ["| work | beside | aim | idle | busy |", "| --- | --- | --- | --- | --- |"]
    for row in ROWS:
        for cell, aim in row.aims.items():
            shown = [_said(known.get((row.name, cell, busy)), aim) for busy in (False, True)]
            work = ": ".join(filter(None, (row.work, cell)))
            lines.append(f"| {work} | {row.beside} | {_bounds(aim)} | {shown[0]} | {shown[1]} |")
    return "\n".join(lines) + "\n"


def _said(found: Mapping[str, Any] | None, aim: tuple[float, float]) -> str:
    """The median of a cell in bold where it is what was aimed at, with the lowest and the highest of its rounds."""
    if found is None:
        return "not run"
    ratios = found["ratios"]
    middle = statistics.median(ratios)
    said = f"**{middle:.2f}**" if aim[0] <= middle <= aim[1] else f"{middle:.2f}"
    return f"{said} ({min(ratios):.2f} to {max(ratios):.2f})" if len(ratios) > 1 else said


def _bounds(aim: tuple[float, float]) -> str:
    if math.isinf(aim[1]):
        return f"{aim[0]:g}"
    return f"{aim[0]:g} to {aim[1]:g}" if aim[0] else f"at most {aim[1]:g}"


def main() -> None:
    """Measure what is not there yet, and write the table of all that is."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("--only", default="", help="names of rows, with commas between them")
    options.add_argument("--cells", default="", help="cells whose name holds this")
    options.add_argument("--busy", type=int, default=0, help="how many endless loops run beside")
    options.add_argument("--table", type=Path, help="a file for the table, which is printed too")
    given = options.parse_args()
    cells, wanted = (
        given.folder.resolve() / "cells",
        given.only.split(",") if given.only else [row.name for row in ROWS],
    )
    if unknown := set(wanted) - {row.name for row in ROWS}:
        raise SystemExit(f"no row {', '.join(sorted(unknown))}; there are {', '.join(row.name for row in ROWS)}")
    cells.mkdir(parents=True, exist_ok=True)
    for row in (each for each in ROWS if each.name in wanted):
        for number, cell in enumerate(row.aims):
            out = cells / f"{row.name}-{number}{'-busy' if given.busy else ''}.json"
            if out.exists() or given.cells not in cell:
                continue
            print(f"{row.work} {cell}", flush=True)
            kept = given.folder.resolve() / ("busy" if given.busy else "idle")
            kept.mkdir(exist_ok=True)
            try:
                write_text(out, json.dumps(measured(row, cell, kept, given.busy)) + "\n")
            except SkippedError as error:
                print(f"  not run: {error}", flush=True)
    said = table([json.loads(path.read_text()) for path in sorted(cells.glob("*.json"))])
    if given.table:
        write_text(given.table, said)
    print(said)


if __name__ == "__main__":
    main()
