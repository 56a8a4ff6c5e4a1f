"""What an executor adds to each job, and what becomes of jobs whose workers are killed.

    python benchmarks/executors.py overhead [--executors local,submitit,slurm,ray] [--jobs 1000] [--out FILE]
    python benchmarks/executors.py kills [--executors ...] [--jobs 200] [--kills 20] [--out FILE]

A job sleeps for a tenth of a second, so that cores are free for what is measured. `overhead`: wall seconds of all jobs
by two workers, less what they sleep, for each job; what goes by until the first job starts is told by itself. `kills`:
so many times a process is drawn from those that are at a job, and killed (SIGKILL) there. Then every job must be done,
and none twice at whose side nobody was killed. A job whose worker breaks down twice is given up by limbeck, so
the same command is given again until all is done, as its user would; how often is told.

`submitit` is its executor for one machine, `slurm` a Slurm of one node that is begun for it (Debian's slurmctld, slurmd
and munge), `ray` a Ray of its own on this machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path += [str(HERE), str(HERE.parent / "tests")]
NAPS, WORKERS = 0.1, 2


@contextmanager
def asked_of(name: str, folder: Path) -> Iterator[str]:
    """What --executor is to be, with whatever must run beside."""
    from one_node import cluster

    settings = folder / "settings.yaml"
    if name == "submitit":
        settings.write_text("cluster: local\nminutes: 60\njobs: 50\n")
        yield f"slurm:{settings}"
    elif name == "slurm":
        settings.write_text("partition: short\nminutes: 60\njobs: 50\n")
        with cluster(folder / "node") as environment:
            os.environ.update(environment)
            yield f"slurm:{settings}"
    else:
        yield name


def done_by(executor: str, count: int, runs: Path, log: Path) -> float:
    """The wall seconds of so many jobs; whatever fails is raised."""
    from naps import Nap

    import limbeck
    from limbeck.computations.contract import ProbeContext
    from limbeck.runs.graph import Graph, Request

    task = limbeck.load("digits")
    with limbeck.Session(runs, device="cpu", workers=WORKERS, executor=executor) as session:
        context = ProbeContext(session.problem(task, "mlp-w8"))
        asked = [Request(Nap(number, NAPS, str(log)), context) for number in range(count)]
        begun = time.perf_counter()
        Graph(asked, task.reference).complete(session)
        return time.perf_counter() - begun


def overhead(name: str, count: int) -> dict[str, Any]:
    """What is added to each job."""
    first: list[float] = []
    with tempfile.TemporaryDirectory() as where, asked_of(name, Path(where)) as asked:
        log, begun = Path(where, "log"), time.perf_counter()
        log.touch()
        watching = threading.Thread(target=lambda: _first(log, begun, first))
        watching.start()
        seconds = done_by(asked, count, Path(where, "runs"), log)
        watching.join()
        assert log.read_text().count("ended") == count
    slept = count * NAPS / WORKERS
    return {
        "executor": name, "jobs": count, "seconds": round(seconds, 2), "until the first job": round(first[0], 2),
        "added to a job, ms": round(1000 * (seconds - first[0] - slept) * WORKERS / count, 1),
    }  # fmt: skip


def _first(log: Path, begun: float, first: list[float]) -> None:
    while not log.stat().st_size:
        time.sleep(0.01)
    first.append(time.perf_counter() - begun)


def kills(name: str, count: int, most: int, seed: int = 0) -> dict[str, Any]:
    """What becomes of jobs whose workers are killed."""
    drawn, killed, over = random.Random(seed), Counter[int](), threading.Event()

    def at_work(log: Path) -> dict[int, int]:
        """{process: number} of those that began a job and did not end it, and live."""
        going: dict[int, int] = {}
        for line in log.read_text().splitlines():
            number, process, what = line.split()
            if what == "began":
                going[int(process)] = int(number)
            else:
                going.pop(int(process), None)
        return {process: number for process, number in going.items() if Path(f"/proc/{process}").exists()}

    def kill(log: Path) -> None:
        while killed.total() < most and not over.is_set():
            time.sleep(drawn.uniform(0.2, 1.2))
            going = at_work(log)
            if going:
                process = drawn.choice(sorted(going))
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
                    killed[going[process]] += 1

    with tempfile.TemporaryDirectory() as where, asked_of(name, Path(where)) as asked:
        log, again = Path(where, "log"), 0
        log.touch()
        killing = threading.Thread(target=kill, args=(log,))
        killing.start()
        while True:
            try:
                done_by(asked, count, Path(where, "runs"), log)
            except Exception as error:
                print(f"  given again after: {str(error)[:100]}", flush=True)
                again += 1
            else:
                break
        over.set()
        killing.join()
        ended = Counter(int(line.split()[0]) for line in log.read_text().splitlines() if line.endswith("ended"))
    lost = [number for number in range(count) if not ended[number]]
    twice = {number: times for number, times in ended.items() if times > 1}
    return {
        "executor": name, "jobs": count, "kills": killed.total(), "lost": len(lost), "done twice": len(twice),
        "done twice though never killed at it": len(set(twice) - set(killed)), "commands": 1 + again,
    }  # fmt: skip


def main() -> None:
    """Measure each executor in turn."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("what", choices=("overhead", "kills"))
    options.add_argument("--executors", default="local,submitit,slurm,ray")
    options.add_argument("--jobs", type=int, default=0)
    options.add_argument("--kills", type=int, default=20)
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    packages = Path(tempfile.mkdtemp())
    import naps

    naps.install(packages)
    os.environ["PYTHONPATH"] = f"{packages}:{os.environ.get('PYTHONPATH', '')}"
    sys.path.insert(0, str(packages))
    rows = []
    for name in given.executors.split(","):
        row = (
            overhead(name, given.jobs or 1000)
            if given.what == "overhead"
            else kills(name, given.jobs or 200, given.kills)
        )
        row |= {
            "load average": round(os.getloadavg()[0], 1),
            "hardware": f"{platform.machine()}, {os.cpu_count()} cores",
        }
        print(json.dumps(row), flush=True)
        rows.append(row)
        if given.out is not None:
            given.out.write_text("".join(json.dumps(each) + "\n" for each in rows))


if __name__ == "__main__":
    main()
