"""What several processes gain over one in the steps of one distillation.

    python benchmarks/ranks.py [--data cifar10] [--network convnet-w128] [--recipe dm] [--ipc 10] [--processes 2]

A round takes steps by one process and by several, each by one thread, which take turns in going first. Processes are
begun anew for each, as torchrun would; the first step, which is not shared, does not count. The ratio of a round is the
wall clock time of one over that of several; divided by how many there are it is the efficiency. Reported are the
medians over rounds. It says something on a machine with that many idle cores alone.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


def measure(given: argparse.Namespace) -> None:
    """The seconds of each step after the first, as this process sees them."""
    import torch

    from limbeck import distillation
    from limbeck.core import ranks
    from limbeck.core.contracts import NoCache, Problem
    from limbeck.core.key import Key
    from limbeck.core.memory import keep_freed_memory
    from limbeck.core.torchrun import started
    from limbeck.recipes import recipe_for
    from limbeck.tasks import load

    keep_freed_memory()
    torch.set_num_threads(1)
    task = load(given.data)
    problem = Problem(task, task.network(given.network), torch.device("cpu"), NoCache())
    recipe = recipe_for(given.recipe, given.data, given.ipc)
    run = distillation.Distillation(problem, recipe, given.ipc, Key(("ranks",)), checks=0, compile=False)
    with started(), ranks.together("ranks"):
        state = run.step(run.begin())
        times = []
        for _ in range(given.steps):
            begun = time.perf_counter()
            state = run.step(state)
            times.append(time.perf_counter() - begun)
        if ranks.leads():
            print(json.dumps(times))


def seconds(count: int, words: list[str]) -> float:
    """The median seconds of a step of so many processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    place = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "--worker", *words]
    begun = [
        subprocess.Popen(
            command, env={**os.environ, **place, "RANK": str(rank), "LOCAL_RANK": str(rank)}, stdout=subprocess.PIPE
        )
        for rank in range(count)
    ]
    said = [process.communicate()[0] for process in begun]
    return statistics.median(json.loads(said[0]))


def main() -> None:
    """Measure in turns, and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="cifar10")
    parser.add_argument("--network", default="convnet-w128")
    parser.add_argument("--recipe", default="dm")
    parser.add_argument("--ipc", type=int, default=10)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--worker", action="store_true")
    given = parser.parse_args()
    if given.worker:
        measure(given)
        return
    words = [f"--{name}={getattr(given, name)}" for name in ("data", "network", "recipe", "ipc", "steps")]
    counts = (1, given.processes)
    times: dict[int, list[float]] = {count: [] for count in counts}
    for index in range(given.rounds):
        for count in counts if index % 2 else counts[::-1]:
            times[count].append(seconds(count, words))
    ratios = [one / several for one, several in zip(*times.values(), strict=True)]
    found: dict[str, Any] = {
        "case": " ".join(words),
        "processes": given.processes,
        "seconds a step, one": round(statistics.median(times[1]), 4),
        "seconds a step, several": round(statistics.median(times[given.processes]), 4),
        "ratio": round(statistics.median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
        "efficiency": round(statistics.median(ratios) / given.processes, 3),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }
    print(json.dumps(found, indent=1))
    if given.out is not None:
        given.out.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
