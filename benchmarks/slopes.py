"""How costs grow: processor seconds and peak memory against sizes, as slopes on a log-log plot.

    python benchmarks/slopes.py --out slopes.json [--only classes]

Each figure is of a process of its own, which does the work once and is timed from where torch is imported to its end,
with workers that it starts. Data are random images in a folder that is made for it, in so many examples and classes. A
slope is log(cost of one size / cost of the size before) / log(the sizes' ratio): 0 costs the same whatever the size, 1
grows with it. Rows are added to --out, and what it holds is not measured again.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from steps import Bench, Cell

import limbeck
from limbeck.core.files import write_text
from limbeck.options import compose
from limbeck.recipes import recipe_for
from limbeck.runs.session import Session

STEPS, SIDE = 20, 16
Work = Callable[[int, Path], Callable[[], object]]
"""Of a size and a folder, what is timed; what it needs is made before."""


@dataclass(frozen=True)
class Growth:
    """One kind of work, the sizes that it is done at, and the most that its costs should grow."""

    work: Work
    sizes: tuple[int, ...]
    about: str


def step(method: str, width: int = 16) -> Work:
    """A step of a method, eager, by its items per class."""

    def prepared(ipc: int, folder: Path) -> Callable[[], object]:
        bench = Bench(Cell(method, width, ipc, 10, 10), ("eager",))
        bench.step("eager", 0)
        return lambda: [bench.step("eager", number) for number in range(1, 4)]

    return prepared


def unrolled(steps: int, folder: Path) -> Callable[[], object]:
    """A step of bptt through so many of the learner's."""
    bench = Bench(Cell("bptt", 16, 1, steps, 0), ("eager",))
    return lambda: bench.step("eager", 0)


def data(folder: Path, examples: int, classes: int, side: int = SIDE) -> str:
    """Random images of so many classes and of so many pixels a side, a tenth of them test images."""
    draws, held = np.random.default_rng(0), {}
    for end, count in (("", examples), ("_test", max(examples // 10, 2 * classes))):
        held[f"x{end}"] = draws.integers(0, 256, (count, side, side, 3), dtype=np.uint8)
        held[f"y{end}"] = np.arange(count) % classes
    np.savez(folder / "data.npz", **held)
    return f"npz:{folder / 'data.npz'}"


def distilled(recipe: str, **options: Any) -> Callable[[str, Path], Callable[[], object]]:
    """A distillation of some data, whole: reading them, steps, and writing the set."""

    def prepared(name: str, folder: Path) -> Callable[[], object]:
        def work() -> object:
            with Session(folder / "runs", workers=1) as session:
                task = limbeck.load(name)
                made = compose(recipe_for(recipe, task.name, 1), options)
                return limbeck.distill(
                    task, made, ipc=1, network="convnet-w8", steps=made.steps and STEPS, checks=0, session=session
                )

        return work

    return prepared


def by_examples(recipe: str, **options: Any) -> Work:
    """The same by training examples, of ten classes."""
    return lambda examples, folder: distilled(recipe, **options)(data(folder, examples, 10), folder)


def by_classes(recipe: str, **options: Any) -> Work:
    """The same by classes, of fifty training examples each."""
    return lambda classes, folder: distilled(recipe, **options)(data(folder, 50 * classes, classes), folder)


def by_pixels(recipe: str, **options: Any) -> Work:
    """The same by the pixels of an image, of 2,000 training examples of ten classes."""
    return lambda pixels, folder: distilled(recipe, **options)(data(folder, 2_000, 10, math.isqrt(pixels)), folder)


def evaluated(name: str, folder: Path, ipc: int = 1, repeats: int = 1) -> Callable[[], object]:
    """The score of random images of some data."""
    with Session(folder / "runs", workers=1) as session:
        made = limbeck.distill(name, "random", ipc=ipc, network="convnet-w8", checks=0, session=session)

    def work() -> object:
        with Session(folder / "runs", workers=1) as session:
            return limbeck.evaluate(made, repeats=repeats, baselines=(), session=session)

    return work


IPC, EXAMPLES, CLASSES, PIXELS = (1, 10, 50), (1_000, 10_000, 50_000), (10, 100, 200), (16**2, 32**2, 64**2)
GROWTHS = {
    "items a class: dm": Growth(step("dm"), IPC, "three steps, w16, 256 real images a class"),
    "items a class: dsa": Growth(step("dsa"), IPC, "three steps, w16, 256 real images a class, 10 epochs between"),
    "items a class: mtt": Growth(step("mtt"), IPC, "three steps, w16, 10 student steps"),
    "items a class: bptt": Growth(step("bptt"), IPC, "three steps, w16, 10 learner steps"),
    "items a class: evaluate": Growth(
        lambda ipc, folder: evaluated(data(folder, 2_000, 10), folder, ipc), IPC, "one learner, w8, 300 steps"
    ),
    "unroll length": Growth(unrolled, (20, 200), "one step of bptt, w16, one image a class"),
    "seeds": Growth(lambda seeds, folder: evaluated("digits", folder, 1, seeds), (1, 8, 64), "digits, w8, evaluate"),
    **{
        f"training examples: {recipe}": Growth(by_examples(recipe), EXAMPLES, "one image a class, w8, whole")
        for recipe in ("dm", "random", "herding", "kmeans", "kcenter")
    },
    **{
        f"classes: {recipe}": Growth(by_classes(recipe), CLASSES, "one image a class, w8, whole")
        for recipe in ("dm", "dsa", "kmeans")
    },
    "classes: evaluate": Growth(
        lambda classes, folder: evaluated(data(folder, 50 * classes, classes), folder), CLASSES, "one learner, w8"
    ),
    **{
        f"pixels: {recipe}": Growth(by_pixels(recipe), PIXELS, "one image a class, w8, 2,000 examples, whole")
        for recipe in ("dm", "kmeans")
    },
    "pixels: evaluate": Growth(
        lambda pixels, folder: evaluated(data(folder, 2_000, 10, math.isqrt(pixels)), folder, 10),
        PIXELS,
        "one learner, w8, ten images a class",
    ),
}


def used() -> tuple[float, float]:
    """Processor seconds and peak memory (MiB) of this process and of those that it started."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in both), max(each.ru_maxrss for each in both) / 1024


def alone(name: str, size: int) -> dict[str, float]:
    """What a size costs, in this process."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        work = GROWTHS[name].work(size, Path(folder))
        begun, clock = used()[0], time.perf_counter()
        work()
        return {
            "cpu s": round(used()[0] - begun, 3), "wall s": round(time.perf_counter() - clock, 3),
            "peak MiB": round(used()[1]),
        }  # fmt: skip


def slopes(found: dict[str, dict[str, float]], unit: str) -> list[float]:
    """From each size to the next."""
    costs = [(int(size), each[unit]) for size, each in found.items()]
    return [
        round(math.log(cost / before) / math.log(size / smaller), 2)
        for (smaller, before), (size, cost) in zip(costs, costs[1:], strict=False)
    ]


def table(rows: list[dict[str, Any]]) -> str:
    """What is there, as Markdown."""
    lines = ["| against | of | sizes | processor s | slopes | peak MiB | slopes |", "| " + "--- | " * 7]
    for row in rows:
        found = row["found"]
        costs, peaks = (", ".join(f"{each[unit]:g}" for each in found.values()) for unit in ("cpu s", "peak MiB"))
        grown = (", ".join(f"{each:g}" for each in slopes(found, unit)) for unit in ("cpu s", "peak MiB"))
        said = (row["name"], row["about"], ", ".join(found), costs, next(grown), peaks, next(grown))
        lines.append(f"| {' | '.join(said)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure what is not there, and print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", default="", help="rows whose name holds this")
    options.add_argument("--out", type=Path)
    options.add_argument("--alone", nargs=2, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.alone:
        print(json.dumps(alone(given.alone[0], int(given.alone[1]))))
        return
    rows = json.loads(given.out.read_text())["rows"] if given.out and given.out.exists() else []
    for name, growth in GROWTHS.items():
        if given.only not in name or any(row["name"] == name for row in rows):
            continue
        found = {}
        for size in growth.sizes:
            command = [sys.executable, __file__, "--alone", name, str(size)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            found[str(size)] = json.loads(done.stdout.splitlines()[-1])
            print(f"{name}, {size}: {found[str(size)]}", flush=True)
        rows.append({"name": name, "about": growth.about, "found": found})
        if given.out:
            kept = {
                "command": f"python {' '.join(sys.argv)}", "torch": torch.__version__,
                "hardware": f"{platform.machine()}, {os.cpu_count()} cores", "rows": rows,
            }  # fmt: skip
            write_text(given.out, json.dumps(kept, indent=1) + "\n")
    print(table(rows))


if __name__ == "__main__":
    main()
