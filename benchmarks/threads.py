"""When threads should share the work of a step, and how long they should wait for it before they sleep.

    python benchmarks/threads.py [--busy 0 2] [--out results.json]

A case is data (`@` and a side, where images are resized), network, and items. A round takes steps down the mean loss of
the items by one thread and by all, in turns; the two take turns in going first. The ratio of a round is the wall clock
time of one thread over that of all: above 1, sharing is faster. Reported are medians over rounds, after a first that
does not count. Every case is measured in a process of its own, with the threads of GNU's OpenMP sleeping as they do by
default and as soon as commands let them (`limbeck.core.threads.sleep_soon`), each beside no other program and beside
busy loops. "shared" is what the rule in `core/threads.py` decides.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

CASES = [
    *(f"digits:convnet-w{width}:{items}" for width, items in ((8, 10), (32, 10), (32, 100), (128, 20), (128, 100))),
    *(f"digits@32:convnet-w{width}:{items}" for width, items in ((16, 10), (16, 40), (32, 40), (32, 100), (128, 100))),
]
LENGTH, MOST = 0.2, 30
"""Seconds, about, that one way takes in a round on an idle machine, and its steps at most."""


def measure(case: str, rounds: int) -> dict[str, Any]:
    """One case, in this process."""
    import torch
    from populations import problem_of

    from limbeck.core.key import Key
    from limbeck.core.memory import keep_freed_memory
    from limbeck.core.threads import computing_by, threads_for
    from limbeck.learn.compiled import Operations
    from limbeck.learn.sensitivity import gradient, mean_loss

    keep_freed_memory()
    data, network, items = case.split(":")
    problem = problem_of(data, network)
    batch = problem.task.load("train", torch.arange(int(items)))
    params, loss = problem.network.init(Key(("threads",))), mean_loss(problem.task, problem.network)
    most = torch.get_num_threads()
    with Operations() as counted:
        gradient(loss, params, batch)
    steps = max(1, min(MOST, int(LENGTH * 2e10 / counted.count)))
    times: dict[int, list[float]] = {1: [], most: []}
    for index in range(rounds + 1):
        for threads in (1, most) if index % 2 else (most, 1):
            with computing_by(threads):
                begun = time.perf_counter()
                for _ in range(steps):
                    gradient(loss, params, batch)
                if index:
                    times[threads].append((time.perf_counter() - begun) / steps)
    one, all_of_them = (statistics.median(times[threads]) for threads in (1, most))
    return {
        "case": case,
        "operations of a product": round(counted.count / counted.products),
        "ms by one thread": round(1e3 * one, 2),
        f"ms by {most}": round(1e3 * all_of_them, 2),
        "ratio": round(statistics.median(a / b for a, b in zip(times[1], times[most], strict=True)), 2),
        "shared": threads_for(counted.count, counted.products) > 1,
    }


def apart(case: str, rounds: int, spins: str) -> dict[str, Any]:
    """One case, in a process whose threads look so often for work before they sleep; "" for the default."""
    environment = {
        name: value for name, value in os.environ.items() if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    }
    if spins:
        environment["GOMP_SPINCOUNT"] = spins
    command = [sys.executable, __file__, "--one", case, "--rounds", str(rounds)]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure every case in every way, beside every number of busy loops, and print and keep what came out."""
    from limbeck.core.threads import SPINS

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", default=CASES)
    parser.add_argument("--busy", type=int, nargs="+", default=[0, 2], help="how many busy loops run beside")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--one", help="measure this case alone, here, and print it as JSON")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one, given.rounds)))
        return
    rows = []
    for busy in given.busy:
        # In sessions of their own, as other programs are: the system shares its cores among sessions.
        loops = [
            subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True) for _ in range(busy)
        ]
        try:
            for case in given.cases:
                for spins in ("", SPINS):
                    row = {"busy loops": busy, "spins": spins or "default", **apart(case, given.rounds, spins)}
                    rows.append(row)
                    print(json.dumps(row), flush=True)
        finally:
            for loop in loops:
                loop.kill()
    if given.out:
        import torch

        document = {
            "command": f"python benchmarks/threads.py {' '.join(sys.argv[1:])}",
            "n": given.rounds,
            "torch": torch.__version__,
            "hardware": f"{platform.machine()}, {os.cpu_count()} cores",
            "rows": rows,
        }
        given.out.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
