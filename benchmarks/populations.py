"""Where learners stacked are trained faster than one by one, and by how much.

    python benchmarks/populations.py [--cases digits:convnet-w16:20 ...] [--learners 4 20] [--out results.json]

A case is data (`@` and a side, where images are resized), network, and items of a learner. Each learner has initial
parameters and random training images of its own, and takes full-batch steps of SGD 0.01 with momentum 0.9. A round
trains the same learners one by one and in one stack, which holds no more inputs than the rule lets it, and reads them
on test images one by one and, by vmap, all at once; the two ways take turns in going first. The ratio of a round is
the processor seconds of the loop over those of the stack: above 1 the stack is faster. Reported are medians over
rounds, after a first that does not count. With `--compiled` the gradients of both are compiled, and nothing is read.
"stacks" is what the rule in `learn/stacked.py` decides.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch.func import vmap

from limbeck.core.contracts import NoCache, Problem
from limbeck.core.key import Key
from limbeck.core.memory import keep_freed_memory
from limbeck.learn.microbatches import microbatch_size
from limbeck.learn.population import operations, read, training
from limbeck.learn.stacked import STEP, Setup, stacked_training, stacks
from limbeck.learn.training import Learner, last, row_loader
from limbeck.protocols import Epochs
from limbeck.tasks import load

KEY = Key(("populations",))
CASES = [
    "digits:convnet-w8:20",
    *(f"digits:convnet-w16:{items}" for items in (20, 40)),
    *(f"digits:convnet-w32:{items}" for items in (20, 40, 100)),
    *(f"digits:{network}:10" for network in ("convnet-w128", "mlp", "lenet", "vit")),
    *(f"digits@32:convnet-w{width}:10" for width in (8, 16, 32, 64)),
]


def problem_of(data: str, network: str) -> Problem:
    """The problem of a case on the processor; after an `@` the data have the side that images are resized to."""
    name, _, side = data.partition("@")
    task = load(name, size=int(side) if side else None)
    return Problem(task, task.network(network), torch.device("cpu"), NoCache())


def setups_of(problem: Problem, items: int, learners: int, steps: int) -> list[Setup]:
    """Learners with data and initial parameters of their own."""
    task, count = problem.task, sum(map(len, problem.task.groups("train")))
    schedule = Epochs(epochs=steps).schedule(None, items, KEY)
    return [
        Setup(
            Learner(problem.network.init(KEY.fold(index)), {}),
            row_loader(task, task.load("train", KEY.fold("rows", index).permutation(count)[:items])),
            schedule,
        )
        for index in range(learners)
    ]


def ways_of(problem: Problem, setups: list[Setup]) -> dict[str, dict[str, Callable[[], Any]]]:
    """What is timed, each as a loop and as a stack."""
    inputs = problem.task.load("test").inputs[:1000]
    learners = [setup.learner for setup in setups]
    stack = next(iter(stacked_training(problem, setups))).params
    size = microbatch_size(problem.task.shape, problem.device)

    @torch.no_grad()
    def read_stacked() -> list[Any]:
        reading = vmap(lambda params, part: problem.network.apply(params, part).outputs, in_dims=(0, None))
        return [reading(stack, part) for part in inputs.split(max(1, size // len(setups)))]

    return {
        "training": {
            "loop": lambda: [last(training(problem, *setup, KEY)) for setup in setups],
            "stack": lambda: last(stacked_training(problem, setups)),
        },
        "reading": {"loop": lambda: [read(problem, learner, inputs) for learner in learners], "stack": read_stacked},
    }


def seconds(work: Callable[[], Any]) -> float:
    """The processor seconds that some work takes."""
    before = time.process_time()
    work()
    return time.process_time() - before


def measured(ways: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """The seconds of each way in each round."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for index in range(-1, rounds):
        for name in sorted(ways, reverse=bool(index % 2)):
            taken = seconds(ways[name])
            if index >= 0:
                found[name].append(taken)
    return found


def rows(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """What is measured of each case and number of learners."""
    for case in given.cases:
        data, network, items = case.split(":")
        problem = problem_of(data, network)
        most = max(2, microbatch_size(problem.task.shape, problem.device) // int(items))
        for learners in sorted({min(learners, most) for learners in given.learners}):
            setups = setups_of(problem, int(items), learners, given.steps)
            row = {
                "data": data,
                "network": network,
                "items": int(items),
                "learners": learners,
                "operations of a step": STEP * int(items) * operations(problem),
                "stacks": stacks(problem, int(items), learners),
            }
            shown = replace(problem, compiled=given.compiled)
            for name, ways in ways_of(shown, setups).items():
                if name == "reading" and given.compiled:
                    continue
                taken = measured(ways, given.rounds)
                each = [one / other for one, other in zip(taken["loop"], taken["stack"], strict=True)]
                row[f"{name} ratio"] = round(statistics.median(each), 2)
                row[f"{name} ratios"] = [round(ratio, 2) for ratio in each]
                row[f"{name} ms a learner"] = {
                    way: round(1000 * statistics.median(times) / learners, 3) for way, times in taken.items()
                }
            yield row


def main() -> None:
    """Measure, print and write."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cases", nargs="+", default=CASES)
    options.add_argument("--learners", nargs="+", type=int, default=[4, 20])
    options.add_argument("--steps", type=int, default=2)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--compiled", action="store_true")
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    before, measurements = os.getloadavg()[0], []
    for row in rows(given):
        measurements.append(row)
        print(json.dumps({name: value for name, value in row.items() if not name.endswith("ratios")}), flush=True)
        result = {
            "command": f"python {' '.join(sys.argv)}",
            "steps": given.steps,
            "n": given.rounds,
            "torch": torch.__version__,
            "hardware": f"{platform.machine()}, {os.cpu_count()} cores, 1 thread",
            "load average before and after": [round(before, 2), round(os.getloadavg()[0], 2)],
            "rows": measurements,
        }
        if given.out:
            given.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
