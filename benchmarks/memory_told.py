"""What limbeck says that work takes of memory, beside what it takes.

    python benchmarks/memory_told.py --out FILE [--cells training,experts] [--minutes 2]

Each cell is a process of one thread that does one piece of work, as a worker does, and tells the most memory that it
ever held; decoded data that lie in it as a file do not count, since they give way. FILE has one JSON row a line: "told"
and "taken" in bytes, and told / taken. A cell that is there is not measured again, and none is begun after so many
minutes.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

import limbeck
from limbeck.computations import AllReal, Mixture, Steps, Training
from limbeck.computations.contract import AbstractComputation, BatchSet, ProbeContext
from limbeck.computations.curvature import HessianTrace, Spectrum
from limbeck.computations.experts import Experts
from limbeck.computations.nearness import Nearness
from limbeck.computations.recognition import Surroundings
from limbeck.core.key import Key
from limbeck.core.memory import keep_freed_memory
from limbeck.distillation import Distillation
from limbeck.options import compose
from limbeck.recipes import recipe_for
from limbeck.runs import room
from limbeck.runs.graph import compute
from limbeck.runs.session import Session

Done = tuple[Callable[[], object], Callable[[], float]]
"""What is done, and what says how many bytes it takes beside the code of a worker."""
FEW = Training(Mixture((), 10), protocol=Steps(2), keeps=(-1,))
PLANS = {
    "dm": {},
    "dsa": {"objective.inner": 1, "objective.per_class": 32},
    "idc": {"objective.inner": 1, "objective.per_class": 32},
    "kip": {},
}
"""Recipes, and what of them is made less so that a step is short: real images, which take no more at once."""
CELLS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "training, digits w32": ("training", "convnet-w32", {}),
    "training, digits 64 px w32": ("training", "convnet-w32", {"size": 64}),
    "training, CIFAR-10 w128": ("training", "convnet-w128", {"data": "cifar10", "evaluation": 500}),
    "training, CIFAR-10 w32, batch norm": (
        "training", "convnet-w32-batch", {"data": "cifar10", "evaluation": 500},
    ),
    "training, digits ResNet-18": ("training", "resnet18", {}),
    "stack of 30, digits w8": ("stack", "convnet-w8", {}),
    "experts, digits w128": ("experts", "convnet-w128", {}),
    "reading 10,000, CIFAR-10 w32": ("reading", "convnet-w32", {"data": "cifar10"}),
    "Hessian's trace, digits w128": ("trace", "convnet-w128", {}),
    "Hessian's spectrum, digits w128": ("spectrum", "convnet-w128", {}),
    "surroundings, CIFAR-10 w32": ("surroundings", "convnet-w32", {"data": "cifar10", "evaluation": 3000}),
    "nearness, CIFAR-10": ("nearness", "convnet-w32", {"data": "cifar10", "evaluation": 2000}),
    **{
        f"step of {name}, {items} a class, {data} w{width}": (name, f"convnet-w{width}", {"data": data, "items": items})
        for name in PLANS
        for data, items, width in (("digits", 25, 32), ("cifar10", 10, 32))
    },
}  # fmt: skip
"""By what a cell is called: what is done, the network, and what of it is not as usual."""


def work_of(kind: str, network: str, session: Session, options: dict[str, Any]) -> Done:
    """The work of a cell."""
    task = limbeck.load(options.get("data", "digits"), size=options.get("size"))
    problem = session.problem(task, network)
    if kind in PLANS:
        recipe = compose(recipe_for(kind, task.name, 10), PLANS[kind])
        run = Distillation(problem, recipe, options["items"], Key(("told",)), 0, None, False)
        return lambda: run.step(run.begin()), lambda: room.step_bytes(run, run.count)
    rows = task.groups("train")
    items = task.load("train", torch.cat([each[:10] for each in rows]))
    ours = BatchSet("told", items, Steps().schedule(None, len(items.classes), Key()))
    context = ProbeContext(problem, set=ours, evaluation_size=options.get("evaluation", 0))
    asked = computations_of(kind, context)
    told = asked[0].bytes(context, len(asked))
    return lambda: compute([(each, context) for each in asked], session.store), lambda: told


def computations_of(kind: str, context: ProbeContext) -> list[AbstractComputation]:
    """The computations of a cell, those that are done together."""
    trace = HessianTrace(FEW, -1, real=10, least=16, most=16)
    made: dict[str, Callable[[], list[AbstractComputation]]] = {
        "training": lambda: [FEW],
        "reading": lambda: [Training(AllReal(), protocol=Steps(1, 32))],
        "stack": lambda: [Training(Mixture((), 1), seed, Steps(20)) for seed in range(30)],
        "experts": lambda: [Experts(epochs=4).training(context.problem, 0)],
        "trace": lambda: [trace],
        "spectrum": lambda: [Spectrum((-1,), trace, real=10, starts=1, iterations=10)],
        "surroundings": lambda: [Surroundings(FEW)],
        "nearness": lambda: [Nearness()],
    }
    return made[kind]()


def measured(name: str) -> dict[str, Any]:
    """The row of a cell, measured in this process."""
    torch.set_num_threads(1)
    keep_freed_memory()
    kind, network, options = CELLS[name]
    with TemporaryDirectory() as folder, Session(folder, workers=1) as session:
        begun = time.monotonic()
        do, tell = work_of(kind, network, session, options)
        do()
        taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - _mapped()
        seconds, told = time.monotonic() - begun, room.WORKER + room.held_bytes(tell())
    return {
        "cell": name, "told": round(told), "taken": taken, "ratio": round(told / taken, 2),
        "seconds": round(seconds, 1),
    }  # fmt: skip


def _mapped() -> int:
    """The bytes of decoded data that lie in memory as a file."""
    parts = re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", Path("/proc/self/smaps").read_text(), flags=re.MULTILINE)
    held = [re.search(r"^Rss: +(\d+) kB", part, re.MULTILINE) for part in parts if ".npy" in part.partition("\n")[0]]
    return sum(1024 * int(each[1]) for each in held if each)


def main() -> None:
    """Measure the cells that are not there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--cells", default="", help="those alone whose names begin so, by commas")
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--one", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measured(given.one)))
        return
    end, wanted = time.monotonic() + 60 * given.minutes, tuple(given.cells.split(","))
    rows = [json.loads(line) for line in given.out.read_text().splitlines()] if given.out.exists() else []
    for name in CELLS:
        if not name.startswith(wanted) or name in {row["cell"] for row in rows} or time.monotonic() > end:
            continue
        done = subprocess.run([sys.executable, __file__, "--one", name], capture_output=True, text=True, check=True)
        with given.out.open("a") as file:
            file.write(done.stdout.splitlines()[-1] + "\n")
        print(done.stdout.splitlines()[-1], flush=True)


if __name__ == "__main__":
    main()
