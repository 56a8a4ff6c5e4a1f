"""What commands say of their time at the very start and a quarter of the way on, beside what they take.

    python benchmarks/time_told.py --out benchmarks/results/time-told.json [--cpu] [--only study] [--busy 3]

Every command on digits runs in a run store of its own, so nothing is found. Each line in which it tells its time is
kept with the moment of it; what it told is that moment and the time that it said is to come, so that the start of
Python, the reading of data and trials count. "quarter" is the last that it told before a quarter of its time was over,
"silent" the longest time between two lines. With --busy so many endless loops run beside.

With --cpu every clock, those of the command too, is the processor time of the command and of its workers: on one core,
that is the time that it would take on an idle machine, whatever else runs on this one. Without, "cpu" is beside what it
took; where the two are far apart, other programs took the rest. Rows that the file has are not measured again.
"""

from __future__ import annotations

import argparse
import json
import operator
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from beside import loops

MADE = "distill digits --recipe dm --ipc 1 --network convnet-w16 --steps 100 --out made.safetensors --quiet"
COMMANDS = {
    "distill": "distill digits --recipe dm --ipc 10 --network convnet-w32 --steps 400 --out a.safetensors",
    "distill, draws again": "distill digits --recipe dm --ipc 10 --network convnet-w32 --objective.draws 150 "
    "--steps 3000 --out a.safetensors",
    "distill, draws again, minutes": "distill digits --recipe dm --ipc 10 --network convnet-w32 --objective.draws 150 "
    "--minutes 0.5 --out a.safetensors",
    "distill by unrolling": "distill digits --recipe bptt --ipc 1 --network convnet-w16 --steps 16 --out a.safetensors",
    "distill, compiled": "distill digits --recipe dm --ipc 10 --network convnet-w32 --compile always --steps 600 "
    "--out a.safetensors",
    "experts": "experts digits --network convnet-w32 --count 4 --epochs 10",
    "evaluate": "evaluate made.safetensors --repeats 3 --baselines random,herding,kmeans,full",
    "evaluate, seeds": "evaluate made.safetensors --repeats 2 --seeds 3 --baselines random",
    "explain": "explain made.safetensors --probe learning-time,agreement --effort quick",
    "study": "study digits --recipes dm,random --ipc 1 --network convnet-w16 --steps 100 --probe learning-time "
    "--effort quick --repeats 2 --out studied",
    "sweep": "sweep digits --recipes dm --ipc 1,2 --networks convnet-w16 --steps 100 --repeats 2 --out swept",
}
TOLD = re.compile(r"about ((?:\d+ (?:h|min|s) ?)+)of work|((?:\d+ (?:h|min|s) ?)+)left")


def main() -> None:
    """Run what is missing of the table."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--out", type=Path, default=Path("time-told.json"))
    arguments.add_argument("--only", default="", help="the name of one of them")
    arguments.add_argument("--busy", type=int, default=0, help="how many endless loops run beside")
    arguments.add_argument("--cpu", action="store_true", help="count processor time in place of time")
    arguments.add_argument("--words", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.words:
        by_processor_time(given.words.split())
    rows: list[dict[str, Any]] = json.loads(given.out.read_text())["rows"] if given.out.exists() else []
    for name, words in COMMANDS.items():
        if given.only not in ("", name) or (name, given.busy) in {(row["name"], row["busy"]) for row in rows}:
            continue
        row = {"name": name, "busy": given.busy, "command": f"limbeck {words}"}
        rows.append({**row, **measure(words, given.cpu, given.busy)})
        given.out.write_text(json.dumps({"cores": len(os.sched_getaffinity(0)), "rows": rows}, indent=1) + "\n")
        print(json.dumps({key: value for key, value in rows[-1].items() if key != "command"}), flush=True)


def measure(words: str, cpu: bool, beside: int) -> dict[str, Any]:
    """The row of a command, whose set is made before, beside so many loops."""
    with tempfile.TemporaryDirectory() as folder:
        if "made.safetensors" in words:
            run(MADE, folder, False)
        with loops(beside):
            told, taken, busy, silent = run(f"{words} --yes", folder, cpu)
    taken = busy if cpu else taken
    first = told[0] if told else None
    quarter = ([each for each in told if each[0] <= taken / 4] or [None])[-1]
    return {
        "clock": "processor" if cpu else "wall",
        "told": first and round(sum(first), 1),
        "told at": first and round(first[0], 1),
        "quarter": quarter and round(sum(quarter), 1),
        "taken": round(taken, 1),
        "cpu": round(busy, 1),
        "silent": round(silent, 1),
        "told / taken": first and round(sum(first) / taken, 2),
        "quarter / taken": quarter and round(sum(quarter) / taken, 2),
    }


def run(words: str, folder: str, cpu: bool) -> tuple[list[tuple[float, int]], float, float, float]:
    """A command in a folder: when it told how many seconds are to come, what it took by clock and cores, silence."""
    environment = {**os.environ, "LIMBECK_RUNS": str(Path(folder, "runs"))}
    command = [__file__, "--words", words] if cpu else ["-m", "limbeck.cli", *words.split()]
    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    told, lines, moments = list[tuple[float, int]](), list[str](), [begun]
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        lines.append(line)
        moments.append(time.monotonic())
        if found := TOLD.search(line):
            now = busy_of(process.pid) if cpu else time.monotonic() - begun
            told.append((now, seconds(found.group(1) or found.group(2))))
    if process.wait():
        raise SystemExit(f"{words}: exit code {process.returncode}\n{''.join(lines)}")
    moments.append(time.monotonic())
    after, silent = resource.getrusage(resource.RUSAGE_CHILDREN), max(map(operator.sub, moments[1:], moments))
    return told, moments[-1] - begun, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, silent


def seconds(text: str) -> int:
    """The seconds of a duration in words.

    >>> seconds("2 h 05 min"), seconds("1 min 40 s ")
    (7500, 100)
    """
    sizes = {"h": 3600, "min": 60, "s": 1}
    return sum(int(number) * sizes[unit] for number, unit in re.findall(r"(\d+) (h|min|s)", text))


def by_processor_time(words: list[str]) -> None:
    """Do a command whose clocks tell the processor time of this process and of its workers."""
    import queue  # noqa: F401 (with threading it keeps the clock by which it waits)
    import threading  # noqa: F401

    # What measures single steps does so by the latter, which is the finer one.
    time.monotonic = lambda: busy_of(os.getpid())
    time.perf_counter = time.process_time
    from limbeck.cli import main

    raise SystemExit(main(words))


def busy_of(process: int) -> float:
    """The seconds of a processor that a process had, and all that it began, ended or not, to a hundredth."""
    found, left = 0, [process]
    for each in left:
        try:
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            begun = [at.read_text() for at in Path(f"/proc/{each}/task").glob("*/children")]
        except OSError:  # It has ended.
            continue
        found += sum(int(ticks) for ticks in fields[11:15])
        left += [int(child) for children in begun for child in children.split()]
    return found / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
