"""Does a command that is stopped at any moment, and given again, end with the bytes of one that was not?

    python benchmarks/kills.py --count 12 [--first 0] [--out results.json]

Each number is one trial, drawn from it alone: one of the commands that write (distill, evaluate, explain, study,
experts, import, export, show) on digits, one of SIGKILL, SIGTERM and SIGINT, and a moment within the time that the
unbroken command took, start-up included. The command is begun in an empty place, stopped, and given again. Then what
it wrote (the set, the JSON it prints, the files of the study, and all that its run store keeps but what says when and
how fast) is compared with that of the unbroken command, and no process and no half of a file may be left. Of experts
nothing printed is compared, as they tell how many of them are new.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SMALL = "digits --recipe dm --ipc 1 --network mlp-w8"
PROBE = "--probe mixing --mixing.repeats 3 --mixing.added [1] --effort quick"
COMMANDS = {
    "distill": f"distill {SMALL} --steps 400 --checkpoint-seconds 0.2 --out set.safetensors --json",
    "evaluate": "evaluate ../set.safetensors --repeats 4 --baselines random --workers 2 --json",
    "explain": f"explain ../set.safetensors {PROBE} --workers 2 --json",
    "study": "study digits --recipes random,dm --ipc 1 --network mlp-w8 --steps 20 --repeats 2 --baselines random "
    f"{PROBE} --workers 2 --out study --json",
    "experts": "experts digits --network mlp-w8 --count 4 --epochs 3 --workers 2 --quiet",
    "import": "import ../set.npz --data digits --out imported.safetensors --yes --json",
    "export": "export ../set.safetensors --format hf --scored --repeats 2 --out exported --json",
    "show": "show ../set.safetensors --out set.png --json",
}
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
TIMED = ("record.json",)
"""Names of what says when, how fast and by whom."""
WAIT = 60.0
"""Seconds in which what was stopped must be gone."""


def begin(words: str, folder: Path) -> subprocess.Popen[bytes]:
    """A command in a folder of its own, in a session of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "printed.json", "wb") as printed:
        return subprocess.Popen(
            [sys.executable, "-m", "limbeck.cli", *words.split()], env={**os.environ, "LIMBECK_RUNS": "runs"},
            cwd=folder, stdout=printed, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip


def contents(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file that a command left, by its place."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name not in TIMED)
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def left(session: int) -> list[int]:
    """The processes of a session that still run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def gone(session: int) -> tuple[list[int], float]:
    """The processes of a session that are left after it had time to end, and how long it took."""
    began = time.monotonic()
    while (found := left(session)) and time.monotonic() - began < WAIT:
        time.sleep(0.05)
    return found, time.monotonic() - began


def trial(number: int, folder: Path, whole: dict[str, tuple[dict[str, str], float]]) -> dict[str, Any]:
    """Stop a command and give it again; what came of it."""
    draw = random.Random(number)
    name, stop = draw.choice(sorted(COMMANDS)), draw.choice(SIGNALS)
    expected, seconds = whole[name]
    moment = draw.uniform(0, seconds)
    process = begin(COMMANDS[name], folder)
    try:
        ended: int | None = process.wait(moment)
    except subprocess.TimeoutExpired:
        process.send_signal(stop)
        ended = None
    stopped, code = ended is None, process.wait()
    processes, took = gone(process.pid)
    again = begin(COMMANDS[name], folder).wait()
    found = contents(folder)
    differ = sorted(place for place in expected.keys() | found.keys() if expected.get(place) != found.get(place))
    return {
        "number": number, "command": name, "signal": stop.name, "after s": round(moment, 2), "stopped": stopped,
        "exit code": code, "gone after s": round(took, 2), "processes left": processes,
        "exit code of the second": again, "files that differ": differ,
    }  # fmt: skip


def main() -> int:
    """Run the trials; 0 where nothing differs and nothing is left."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--count", type=int, default=12)
    options.add_argument("--first", type=int, default=0, help="the first number; go on with the last one plus one")
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    root = Path(tempfile.mkdtemp())
    try:
        made = root / "made"
        assert begin(f"distill {SMALL} --steps 2 --out ../set.safetensors --json", made).wait() == 0
        assert begin("export ../set.safetensors --format npz --out ../set.npz --json", made).wait() == 0
        whole = {}
        for name, words in COMMANDS.items():
            began = time.monotonic()
            assert begin(words, root / name).wait() == 0, f"the unbroken {name} failed"
            whole[name] = contents(root / name), time.monotonic() - began
        found = []
        for number in range(given.first, given.first + given.count):
            folder = root / f"trial{number}"
            found.append(trial(number, folder, whole))
            print(json.dumps(found[-1]), flush=True)
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    wrong = [
        one for one in found if one["files that differ"] or one["processes left"] or one["exit code of the second"]
    ]
    summary = {"trials": len(found), "stopped": sum(one["stopped"] for one in found), "wrong": len(wrong), "all": found}
    print(f"{summary['trials']} trials, {summary['stopped']} stopped, {len(wrong)} wrong")
    if given.out:
        given.out.write_text(json.dumps(summary, indent=2) + "\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
