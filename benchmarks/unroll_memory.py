"""What a hypergradient through a training costs: `unroll` beside double backward through every step.

    python benchmarks/unroll_memory.py [--threads 1] [--out results.json]

One hypergradient: the squared distance of the parameters after T steps of SGD with momentum on 100 images of
3 x 32 x 32 from their start, differentiated in images, soft targets and learning rates. Memory is the peak resident set
(ru_maxrss) of a process that computes one and nothing else, with that of the same process before it. Time is the median
over alternating pairs in one process, after one short run of each; where others use the machine too, read the processor
seconds. The agreement of both ways is measured as well.
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
from pathlib import Path

import torch
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import Batch, Schedule
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.networks import build
from limbeck.learn.rules import Momentum
from limbeck.learn.sensitivity import Loss
from limbeck.learn.unroll import initial_state, unroll

IMAGES, CLASSES, SHAPE = 100, 10, (3, 32, 32)
MEMORY = (("unroll", 20), ("double backward", 20), ("double backward", 100), ("unroll", 100), ("unroll", 200))
KEY = Key(("unroll-memory",))


def by_unroll(loss: Loss, params: Tree, batch: Batch, schedule: Schedule) -> Tree:
    """The end of the training by the primitive."""
    return unroll(loss, initial_state(params, schedule.rule), batch, schedule).params


def by_double_backward(loss: Loss, params: Tree, batch: Batch, schedule: Schedule) -> Tree:
    """The end of the training with a graph through all of it, as published code has it."""
    params = tree.map(lambda leaf: leaf.clone().requires_grad_(), params)
    velocity = tree.map(torch.zeros_like, params)
    for learning_rate in schedule.learning_rates:
        gradients = torch.autograd.grad(loss(params, batch), tree.leaves(params), create_graph=True)
        gradients = dict(zip(params, gradients, strict=True))
        params, velocity = schedule.rule.update(params, gradients, velocity, learning_rate)
    return params


WAYS = {"unroll": by_unroll, "double backward": by_double_backward}


def hypergradient(way: str, width: int, steps: int) -> list[Tensor]:
    """The hypergradients in images, targets and learning rates."""
    network = build(f"convnet-w{width}", SHAPE, CLASSES)
    classes = torch.arange(CLASSES).repeat_interleave(IMAGES // CLASSES)
    targets = torch.nn.functional.one_hot(classes, CLASSES).float().requires_grad_()
    batch = Batch(KEY.fold("images").normal(IMAGES, *SHAPE).requires_grad_(), targets, classes)
    sizes = torch.full((steps,), 0.01, requires_grad=True)
    schedule = Schedule(sizes, torch.arange(IMAGES)[None], Momentum(0.9, 0.0).rule())
    params = network.init(KEY.fold("init"))

    def loss(params: Tree, batch: Batch) -> Tensor:
        outputs = network.apply(params, batch.inputs).outputs
        return -(batch.targets * outputs.log_softmax(1)).sum(1).mean()

    end = WAYS[way](loss, params, batch, schedule)
    moved = tree.map(lambda after, before: after - before, end, params)
    return list(torch.autograd.grad(tree.dot(moved, moved), [batch.inputs, targets, sizes]))


def peak() -> float:
    """The peak resident set of this process so far, in GiB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def measure_memory(way: str, width: int, steps: int) -> dict:
    """Peak memory and time of one hypergradient."""
    before, wall, cpu = peak(), time.perf_counter(), time.process_time()
    hypergradient(way, width, steps)
    return {
        "way": way,
        "width": width,
        "steps": steps,
        "peak GiB": round(peak(), 3),
        "before GiB": round(before, 3),
        "wall s": round(time.perf_counter() - wall, 2),
        "cpu s": round(time.process_time() - cpu, 2),
    }


def measure_time(width: int, steps: int, pairs: int) -> dict:
    """Medians of alternating pairs, and the relative difference of the two ways' results."""
    for way in WAYS:
        hypergradient(way, width, 1)
    seconds: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    results = {}
    for _ in range(pairs):
        for way, taken in seconds.items():
            wall, cpu = time.perf_counter(), time.process_time()
            results[way] = hypergradient(way, width, steps)
            taken.append((time.perf_counter() - wall, time.process_time() - cpu))
    mine, plain = (results[way] for way in ("unroll", "double backward"))
    return {
        "width": width,
        "steps": steps,
        "pairs": pairs,
        "wall s": {way: round(statistics.median(wall for wall, _ in taken), 3) for way, taken in seconds.items()},
        "cpu s": {way: round(statistics.median(cpu for _, cpu in taken), 3) for way, taken in seconds.items()},
        "all": {way: [(round(wall, 3), round(cpu, 3)) for wall, cpu in taken] for way, taken in seconds.items()},
        "difference": {
            name: float((one - two).norm() / two.norm())
            for name, one, two in zip(("images", "targets", "learning rates"), mine, plain, strict=True)
        },
    }


def apart(function: Callable[..., dict], threads: int, *arguments: object) -> dict:
    """What `function` of this file measures in a process of its own."""
    command = [sys.executable, __file__, "--threads", str(threads), "--only", function.__name__, json.dumps(arguments)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    row = json.loads(found.stdout.splitlines()[-1])
    print(json.dumps(row), flush=True)
    return row


def table(memory: list[dict], times: list[dict]) -> str:
    """The figures for reading."""
    lines = ["", f"{'way':<16} {'width':>5} {'steps':>5} {'peak GiB':>9} {'cpu s':>7} {'wall s':>7}"]
    for row in memory:
        name = f"{row['way']:<16} {row['width']:>5} {row['steps']:>5}"
        lines.append(f"{name} {row['peak GiB']:>9.2f} {row['cpu s']:>7.1f} {row['wall s']:>7.1f}")
    lines += ["", f"{'width':>5} {'steps':>5} {'unit':<6} {'unroll':>8} {'double backward':>16} {'ratio':>6}"]
    for row in times:
        for unit in ("cpu s", "wall s"):
            mine, plain = row[unit]["unroll"], row[unit]["double backward"]
            name = f"{row['width']:>5} {row['steps']:>5} {unit:<6}"
            lines.append(f"{name} {mine:>8.2f} {plain:>16.2f} {mine / plain:>6.2f}")
    return "\n".join(lines)


def main() -> None:
    """Measure, print, and write where asked."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--pairs", type=int, default=3)
    options.add_argument("--widths", type=int, nargs="*", default=[32, 128], help="of the networks that are timed")
    options.add_argument("--out", type=Path)
    options.add_argument("--only", nargs=2, help=argparse.SUPPRESS)
    given = options.parse_args()
    torch.set_num_threads(given.threads)
    if given.only:
        name, arguments = given.only
        function = {"measure_memory": measure_memory, "measure_time": measure_time}[name]
        print(json.dumps(function(*json.loads(arguments))))
        return
    load = os.getloadavg()
    memory = [apart(measure_memory, given.threads, way, 32, steps) for way, steps in MEMORY]
    times = [apart(measure_time, given.threads, width, 10, given.pairs) for width in given.widths]
    report = {
        "command": f"python {' '.join(sys.argv)}",
        "hardware": f"{platform.machine()}, {os.cpu_count()} cores, {given.threads} thread(s)",
        "load average before and after": [load[0], os.getloadavg()[0]],
        "torch": torch.__version__,
        "memory": memory,
        "times": times,
    }
    print(table(memory, times))
    if given.out:
        given.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
