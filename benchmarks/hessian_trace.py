"""What the trace of a Hessian costs at one standard error: limbeck's estimates beside the plain one.

    python benchmarks/hessian_trace.py [--data DIR] [--widths 16 32] [--relative 0.02] [--runs 5] [--compile] [--out F]

The Hessian of the mean loss of a ConvNet in all parameters on 100 real images (CIFAR-10 where DIR or LIMBECK_DATA holds
it, else digits), after --steps full-batch steps of SGD 0.01 with momentum 0.9 on the same images. The plain estimate
takes one vector of signs at a time through a gradient of its own, all images at once, differentiated again, and adds
up v'Hv until the standard error of the mean is small. Beside it: the same estimate from blocks of vectors that
share the graph of one gradient, in passes that stay in the cache; and XTrace on the same products. With --compile the
products are compiled. The first call of each way is apart: it compiles, and does what torch does once in a process.

Every run of every way has a key of its own and stops by the same rule, at --relative of its estimate; the ways take
turns in one process. Seconds are the processor's, of this one thread. As runs stop where chance has them stop, the
seconds of a way are also given for an error of exactly --relative: seconds * (error / (relative |value|))^2.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from limbeck.core import tree
from limbeck.core.contracts import Batch, NoCache, Problem
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.curvature import hessian
from limbeck.learn.population import training
from limbeck.learn.sensitivity import mean_loss
from limbeck.learn.traces import Stop, Trace, hutchinson, xtrace
from limbeck.learn.training import fresh, last, row_loader
from limbeck.protocols import Epochs
from limbeck.tasks import load

IMAGES, LEAST, MOST = 100, 16, 4000
KEY = Key(("hessian-trace",))
Way = Callable[[Key], Trace]


def plainly(problem: Problem, params: Tree, batch: Batch, relative: float) -> Way:
    """One vector at a time, each through a gradient of its own, differentiated again."""
    loss = mean_loss(problem.task, problem.network)

    def estimate(key: Key) -> Trace:
        found: list[float] = []
        while True:
            leaves = {name: leaf.clone().requires_grad_() for name, leaf in params.items()}
            gradients = torch.autograd.grad(loss(leaves, batch), list(leaves.values()), create_graph=True)
            signs = [
                2.0 * key.fold(len(found), index).integers(2, *each.shape) - 1 for index, each in enumerate(gradients)
            ]
            products = torch.autograd.grad(gradients, list(leaves.values()), signs)
            found.append(float(sum((sign * one).sum() for sign, one in zip(signs, products, strict=True))))
            if len(found) >= LEAST:
                error = statistics.stdev(found) / math.sqrt(len(found))
                if error <= relative * abs(statistics.mean(found)) or len(found) >= MOST:
                    return Trace(statistics.mean(found), error, len(found), len(found))

    return estimate


def ways(problem: Problem, params: Tree, batch: Batch, relative: float) -> dict[str, Way]:
    """Every way, the plain one first."""
    stop = Stop(relative, least=LEAST, most=MOST, block=8)
    operator = hessian(problem, params, batch)
    return {
        "plain": plainly(problem, params, batch, relative),
        "hutchinson": lambda key: hutchinson(operator, stop, key),
        "exchanged": lambda key: xtrace(operator, stop, key),
    }


def measured(name: str, root: Path | None, width: int, given: argparse.Namespace) -> dict[str, Any]:
    """The row of a width."""
    task = load(name, root=root)
    problem = Problem(task, task.network(f"convnet-w{width}"), torch.device("cpu"), NoCache(), given.compile)
    batch = problem.real(KEY.fold("images"), IMAGES // len(task.classes))
    schedule = Epochs(epochs=given.steps).schedule(None, len(batch.classes), KEY.fold("order"))
    learner = last(
        training(
            problem,
            fresh(problem.network, KEY.fold("init"), problem.device),
            row_loader(problem.task, batch),
            schedule,
            KEY,
        )
    )
    found = ways(problem, learner.params, batch, given.relative)
    begun = time.process_time()
    for estimate in found.values():
        estimate(KEY.fold("warm"))
    first = time.process_time() - begun
    runs: dict[str, list[dict[str, float]]] = {way: [] for way in found}
    for run in range(given.runs):
        for way, estimate in found.items():
            begun = time.process_time()
            trace = estimate(KEY.fold("run", run))
            seconds = time.process_time() - begun
            matched = seconds * (trace.error / (given.relative * abs(trace.value))) ** 2
            runs[way].append({**trace._asdict(), "cpu s": seconds, "cpu s at the error": matched})
    return {
        "data": name,
        "width": width,
        "parameters": tree.count(learner.params),
        "steps": given.steps,
        "relative": given.relative,
        "compiled": given.compile,
        "first cpu s": round(first, 2),
        "runs": runs,
        "median": {way: _medians(found) for way, found in runs.items()},
        "torch": torch.__version__,
        "hardware": f"{platform.machine()}, {os.cpu_count()} cores, 1 thread",
        "load average": round(os.getloadavg()[0], 2),
    }


def _medians(runs: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(run[name] for run in runs), 4) for name in runs[0]}


def table(rows: list[dict[str, Any]]) -> str:
    """The medians for reading, and how many times as long the plain way takes."""
    head = f"{'width':>5} {'way':<12} {'trace':>9} {'error':>8} {'products':>8} {'cpu s':>8} {'ratio':>6}"
    lines = ["", f"{head} {'s at error':>11} {'ratio':>6} {'ms/product':>11}"]
    for row in rows:
        plain = row["median"]["plain"]
        for way, one in row["median"].items():
            line = f"{row['width']:>5} {way:<12} {one['value']:>9.1f} {one['error']:>8.2f} {one['products']:>8.0f}"
            for unit in ("cpu s", "cpu s at the error"):
                line += f" {one[unit]:>{8 if unit == 'cpu s' else 11}.3f} {plain[unit] / one[unit]:>6.2f}"
            lines.append(f"{line} {1000 * one['cpu s'] / one['products']:>11.1f}")
    return "\n".join([*lines, "", "ratio: the plain way's processor seconds over this way's"])


def main() -> None:
    """Measure every width and print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, help="the folder of CIFAR-10")
    options.add_argument("--widths", type=int, nargs="*", default=[16, 32])
    options.add_argument("--steps", type=int, default=60)
    options.add_argument("--relative", type=float, default=0.02, help="standard error over the estimate")
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--compile", action="store_true")
    options.add_argument("--out", type=Path, help="a file for the results as JSON")
    given = options.parse_args()
    torch.set_num_threads(1)
    root = given.data or (Path(os.environ["LIMBECK_DATA"]) if os.environ.get("LIMBECK_DATA") else None)
    rows = [measured("cifar10" if root else "digits", root, width, given) for width in given.widths]
    if given.out:
        given.out.write_text(json.dumps({"command": f"python {' '.join(sys.argv)}", "rows": rows}, indent=1) + "\n")
    print(table(rows))


if __name__ == "__main__":
    main()
