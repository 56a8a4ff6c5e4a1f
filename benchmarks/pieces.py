"""Long work in pieces of some minutes: stages in a folder, each done once, and what a call must know to go on.

A stage is a function whose result is JSON. It lies in FOLDER/results once it is there, and with it the stage is done.
A stage that is stopped goes on from the run store in FOLDER/runs, as any command of limbeck does. FOLDER/state.json
holds the settings, which are those of the first call for all, and how long each stage took.

A machine that is lent for minutes gives few and small files back. `pack` puts what lies in the folder into a few of
them, what matters most first; what has no room is computed again. `unpack` is the way back.
"""

from __future__ import annotations

import json
import math
import platform
import shutil
import signal
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch

from limbeck.core.errors import InputError
from limbeck.core.files import write_text
from limbeck.core.interruptions import between_imports
from limbeck.runs.allowance import TimeIsUp
from limbeck.runs.executors import WorkerFailedError

DONE, MORE, STUCK = 0, 75, 1
"""Exit codes of a call: all is done; the same command goes on; nothing was kept of these minutes, or a stage failed."""
PART, PARTS = 15 * 2**20, 4
"""The bytes of a packed file, and how many there are, at most."""
SIGNALS = (signal.SIGALRM, signal.SIGTERM, signal.SIGINT)


class Stage(NamedTuple):
    """A part of the work, by its name, and what comes of it."""

    name: str
    do: Callable[[], dict[str, Any]]


class Folder:
    """Where the work lies: results, state, and the run store."""

    def __init__(self, place: Path) -> None:
        self.place = place
        (place / "results").mkdir(parents=True, exist_ok=True)

    @property
    def runs(self) -> Path:
        """The run store."""
        return self.place / "runs"

    @property
    def state(self) -> dict[str, Any]:
        """What is kept from call to call."""
        path = self.place / "state.json"
        return json.loads(path.read_text()) if path.exists() else {"settings": None, "seconds": {}}

    def settle(self, asked: Mapping[str, Any], usual: Mapping[str, Any]) -> dict[str, Any]:
        """The settings of the first call, which took what was asked and else the usual; InputError for other ones."""
        state = self.state
        if state["settings"] is None:
            state["settings"] = {**usual, **asked}
            self._keep(state)
        kept = state["settings"]
        for name, value in asked.items():
            if kept.get(name) != value:
                raise InputError(
                    f"{name} {value!r}: {self.place} was begun with {kept.get(name)!r}; leave it out, or take another "
                    "folder"
                )
        return kept

    def spent(self, stage: str, seconds: float) -> None:
        """A stage took so many more seconds."""
        state = self.state
        state["seconds"][stage] = round(state["seconds"].get(stage, 0.0) + seconds, 3)
        self._keep(state)

    def _keep(self, state: dict[str, Any]) -> None:
        write_text(self.place / "state.json", json.dumps(state, indent=1) + "\n")

    def result(self, stage: str) -> dict[str, Any] | None:
        """What came of a stage; None where it is not done."""
        path = self._result(stage)
        return json.loads(path.read_text()) if path.exists() else None

    def results(self) -> dict[str, dict[str, Any]]:
        """What came of all stages that are done, by their names."""
        read = [json.loads(path.read_text()) for path in sorted((self.place / "results").glob("*.json"))]
        return {each["stage"]: each for each in read}

    def keep(self, stage: str, result: Mapping[str, Any], device: torch.device) -> None:
        """Put down what came of a stage, and where it was done."""
        named = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
        about = {"device": named, "torch": torch.__version__, "python": platform.python_version()}
        write_text(self._result(stage), json.dumps({"stage": stage, "made on": about, **result}, indent=1) + "\n")

    def _result(self, stage: str) -> Path:
        return self.place / "results" / f"{stage.replace(' ', '-').replace(':', '-')}.json"

    def files(self) -> list[Path]:
        """What must be there to go on, that first without which most is lost: results, sets, runs, then what is small.

        Without locks and files in the making.
        """
        found = [path for path in self.place.rglob("*") if path.is_file() and path.suffix in (".json", ".safetensors")]
        places = {"": 0, "results": 0, "sets": 1, "runs/distillations": 2}

        def rank(path: Path) -> tuple[int, int, str]:
            parts = path.relative_to(self.place).parts[:-1]
            return places.get("/".join(parts[:2]), 3), path.stat().st_size, str(path)

        return sorted(found, key=rank)

    def traces(self) -> set[tuple[str, int, int]]:
        """What tells a folder in which something was kept from the same one before."""
        return {(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in self.files()}


def pack(folder: Folder, into: Path, part: int = PART, parts: int = PARTS) -> list[Path]:
    """Put what lies in a folder into files `state-N.tar`, and list what had no room in them.

    One file is filled after the other, what matters most first; where they were before, they are replaced.
    """
    into.mkdir(parents=True, exist_ok=True)
    for old in into.glob("state-*.tar"):
        old.unlink()
    left, number, files = [], 0, folder.files()
    while files and number < parts:
        with tarfile.open(into / f"state-{number}.tar", "w") as archive:
            room, over = part - 2 * tarfile.RECORDSIZE, []
            for path in files:
                # A header, perhaps one for a long name, and whole blocks.
                size = 4 * tarfile.BLOCKSIZE + math.ceil(path.stat().st_size / tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
                if size > part - 2 * tarfile.RECORDSIZE:
                    left.append(path)
                elif size > room:
                    over.append(path)
                else:
                    archive.add(path, path.relative_to(folder.place))
                    room -= size
        files, number = over, number + 1
    return [*left, *files]


def unpack(packed: Path, place: Path) -> None:
    """Put what was packed back where it lay; what lies there already is left as it is, as it may be further."""
    for each in sorted(packed.glob("state-*.tar")):
        with tarfile.open(each) as archive:
            for member in archive.getmembers():
                target = place / member.name
                source = archive.extractfile(member) if target.resolve().is_relative_to(place.resolve()) else None
                if source is not None and not target.exists():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with source, target.open("wb") as file:
                        shutil.copyfileobj(source, file)


@contextmanager
def at_most(minutes: float) -> Iterator[None]:
    """Raise TimeIsUp in the block once so many minutes are over, and where the process is asked to end."""

    def stop(_number: int, _frame: object) -> None:
        raise TimeIsUp(f"{minutes:g} minutes are over")

    before = {each: signal.getsignal(each) for each in SIGNALS}
    handler = between_imports(stop)
    for each in SIGNALS[1:]:
        signal.signal(each, handler)
    signal.setitimer(signal.ITIMER_REAL, 60 * minutes)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for each, old in before.items():
            signal.signal(each, old)


def go_on(folder: Folder, stages: Sequence[Stage], minutes: float, device: torch.device) -> int:
    """Do the stages that are not done, in their order, for so many minutes; an exit code.

    One that is refused, or whose worker fails, is told and left; the others are done.
    """
    left = [stage for stage in stages if folder.result(stage.name) is None]
    print(f"{len(stages) - len(left)} of {len(stages)} stages are done", flush=True)
    before, refused = folder.traces(), list[str]()
    try:
        with at_most(minutes):
            for stage in left:
                print(f"{stage.name}:", flush=True)
                begun = time.monotonic()
                try:
                    folder.keep(stage.name, stage.do(), device)
                except (InputError, WorkerFailedError) as error:
                    refused.append(stage.name)
                    print(f"{stage.name}: {error}", flush=True)
                    continue
                finally:
                    folder.spent(stage.name, time.monotonic() - begun)
                print(f"{stage.name}: done, {folder.state['seconds'][stage.name]:.0f} s in all", flush=True)
    except TimeIsUp:
        # The state alone is new at every call.
        if not {name for name, *_ in folder.traces() - before if not name.endswith("state.json")}:
            print(f"nothing was finished in {minutes:g} minutes: give more, or more workers", flush=True)
            return STUCK
        print(f"{minutes:g} minutes are over; the same command goes on", flush=True)
        return MORE
    print(f"not done: {', '.join(refused)}" if refused else "all is done", flush=True)
    return STUCK if refused else DONE
