"""How long commands say that they will take, and how long they take; idle, or beside busy loops.

    python benchmarks/waits.py --out benchmarks/results/waits.json [--busy 3] [--only evaluate]

Every command runs in a run store of its own, so nothing is found. "told" is what it said first, when it said it, and
what was over by then; "taken" is the whole. A row is written as soon as it is known, and those that the file has for
as many busy loops are not run again. "silent" is the longest time between two lines of progress.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

MADE = "distill digits --recipe dm --ipc 1 --network convnet-w16 --steps 100 --out made.safetensors --quiet"
COMMANDS = {
    "distill a few steps": "distill digits --recipe dm --ipc 1 --network convnet-w16 --steps 400 --out a.safetensors",
    "distill, wider": "distill digits --recipe dm --ipc 10 --network convnet-w32 --steps 300 --out a.safetensors",
    "distill by unrolling": "distill digits --recipe bptt --ipc 1 --network convnet-w16 --steps 60 --out a.safetensors",
    "experts": "experts digits --network convnet-w32 --count 4 --epochs 10",
    "evaluate": "evaluate made.safetensors",
    "evaluate, other networks": "evaluate made.safetensors --network convnet-w32,lenet,mlp --repeats 3",
    "explain, two probes": "explain made.safetensors --probe substitution,mixing --effort quick",
    "explain, curvature": "explain made.safetensors --probe curvature,landscape --effort quick",
    "explain, one by one": "explain made.safetensors --probe cross-architecture,agreement --effort quick",
    "study": "study digits --recipes dm,random --ipc 1 --network convnet-w16 --steps 200 --probe substitution,"
    "learning-time --effort quick --out studied",
}
TOLD = re.compile(r"about ((?:\d+ (?:h|min|s) ?)+)")
LOOP = "while True: pass"


def main() -> None:
    """Run what is missing of the table."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--out", type=Path, required=True)
    arguments.add_argument("--busy", type=int, default=0, help="how many busy loops run beside")
    arguments.add_argument("--only", default="", help="commands whose name holds this")
    given = arguments.parse_args()
    rows: list[dict[str, Any]] = json.loads(given.out.read_text())["rows"] if given.out.exists() else []
    for name, words in COMMANDS.items():
        if given.only in name and not any((row["name"], row["busy"]) == (name, given.busy) for row in rows):
            row = {"name": name, "busy": given.busy, "command": f"limbeck {words}", **measure(words, given.busy)}
            rows.append(row)
            given.out.write_text(json.dumps({"cores": os.cpu_count(), "rows": rows}, indent=1) + "\n")
            print(f"{name}: told {row['told']} s, taken {row['taken']} s, silent {row['silent']} s", flush=True)


def measure(words: str, busy: int) -> dict[str, Any]:
    """What a command tells and takes, in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        run(MADE, folder)
        beside = [subprocess.Popen([sys.executable, "-c", LOOP]) for _ in range(busy)]
        try:
            return run(f"{words} --yes" if words.split(maxsplit=1)[0] != "describe" else words, folder)
        finally:
            for each in beside:
                each.kill()
                each.wait()


def run(words: str, folder: str) -> dict[str, Any]:
    """A command in a folder: what it first told of its time, what it took, and its longest silence."""
    environment = {**os.environ, "LIMBECK_RUNS": str(Path(folder, "runs"))}
    begun = last = time.monotonic()
    told, silent = None, 0.0
    process = subprocess.Popen(
        [sys.executable, "-m", "limbeck.cli", *words.split()],
        cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        now = time.monotonic()
        silent, last = max(silent, now - last), now
        found = TOLD.search(line)
        if found and told is None:
            told = now - begun + seconds(found.group(1))
    if process.wait():
        raise SystemExit(f"{words}: exit code {process.returncode}")
    taken = time.monotonic() - begun
    return {
        "told": told and round(told, 1),
        "taken": round(taken, 1),
        "silent": round(max(silent, taken + begun - last), 1),
    }


def seconds(text: str) -> int:
    """The seconds of a duration in words.

    >>> seconds("2 h 05 min"), seconds("1 min 40 s ")
    (7500, 100)
    """
    sizes = {"h": 3600, "min": 60, "s": 1}
    return sum(int(number) * sizes[unit] for number, unit in re.findall(r"(\d+) (h|min|s)", text))


if __name__ == "__main__":
    main()
