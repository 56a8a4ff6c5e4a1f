"""Does a run that is killed and resumed end with the bytes of one that was not?

    python benchmarks/kill_and_resume.py --trials 20 [--out results.json]

Each trial begins one and the same run in an empty store, kills it (SIGKILL) at a moment drawn uniformly over the time
that the unbroken run took, start-up included, resumes it with the same command, and compares the files' bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def command(folder: Path, options: str) -> list[str]:
    """One run of `limbeck distill`, with a checkpoint every few steps."""
    words = f"distill digits --ipc 1 --network convnet-w16-d2 {options} --checkpoint-seconds 0.2"
    places = ["--out", str(folder / "set.safetensors"), "--runs", str(folder / "runs")]
    return [sys.executable, "-m", "limbeck.cli", *words.split(), *places]


def begin(folder: Path, options: str) -> subprocess.Popen:
    """The run, in a process of its own."""
    return subprocess.Popen(command(folder, options), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def digest(folder: Path) -> str:
    """The SHA-256 of the set's file."""
    return hashlib.sha256((folder / "set.safetensors").read_bytes()).hexdigest()


def trial(moment: float, options: str) -> dict:
    """Kill at `moment` seconds, resume, and tell what came of it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process = begin(folder, options)
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        killed = process.wait() == -signal.SIGKILL
        checkpoint = any(folder.glob("runs/distillations/*/*/checkpoint.safetensors"))
        resumed = begin(folder, options).wait()
        return {
            "killed after s": round(moment, 2),
            "killed": killed,
            "had a checkpoint": checkpoint,
            "exit code of the resumed run": resumed,
            "sha256": digest(folder) if resumed == 0 else None,
            "left over": [path.name for path in folder.rglob("*.part")],
        }


def main() -> int:
    """Run the trials; 0 where every file is the same."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--trials", type=int, default=20)
    options.add_argument("--steps", type=int, default=400)
    options.add_argument("--compile", default="auto", help="as of limbeck distill")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    run = f"--steps {given.steps} --compile {given.compile}"
    with tempfile.TemporaryDirectory() as name:
        started = time.monotonic()
        assert begin(Path(name), run).wait() == 0
        whole, seconds = digest(Path(name)), time.monotonic() - started
    draw = random.Random(given.seed)
    found: list[dict] = []
    while len(found) < given.trials:
        one = trial(draw.uniform(0, seconds), run)
        if one["killed"]:  # Else the run had ended before its moment came: another moment is drawn.
            found.append(one)
            print(json.dumps(one), flush=True)
    same = sum(one["sha256"] == whole for one in found)
    report = {
        "command": f"python benchmarks/kill_and_resume.py --trials {given.trials} {run}",
        "hardware": f"{platform.machine()}, {os.cpu_count()} cores",
        "unbroken": {"seconds": round(seconds, 2), "sha256": whole},
        "identical": same,
        "trials": found,
    }
    print(f"{same} of {given.trials} files are bit-identical to the unbroken run's")
    if given.out:
        given.out.write_text(json.dumps(report, indent=1) + "\n")
    return int(same != given.trials)


if __name__ == "__main__":
    sys.exit(main())
