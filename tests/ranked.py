"""Processes as torchrun starts them, each a copy of one that has loaded torch: `python ranked.py FOLDER`.

It writes what runs of one, two and four processes come to, and what commands of two say where one of them dies.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.distributed import TCPStore  # type: ignore[attr-defined]

from limbeck import distillation
from limbeck.cli import main
from limbeck.composition import Recipe
from limbeck.core import ranks, tree
from limbeck.core.contracts import NoCache, Problem
from limbeck.core.files import write_tensors
from limbeck.core.key import Key
from limbeck.core.torchrun import started
from limbeck.learn.compiled import Operations
from limbeck.learn.optim import SGD
from limbeck.objectives import Distribution, Gradient, PooledRidge, RandomFeatureRidge, Unrolled
from limbeck.parameterizations import SoftTargets
from limbeck.runs.store import Store
from limbeck.schedules import Fixed
from limbeck.starts import Real
from limbeck.state import State, steps_in
from limbeck.tasks import load

OBJECTIVES = {
    "dm": Distribution(per_class=7),
    "dsa": Gradient(per_class=3, inner=1, outer=2),
    "bptt": Unrolled(per_class=3),
    "frepo": PooledRidge(per_class=3, pool=2, longest=2),
    "rfad": RandomFeatureRidge(per_class=3, networks=2, judged=2),
}
IN = {1: tuple(OBJECTIVES), 2: tuple(OBJECTIVES), 4: ("dm", "dsa")}
"""What so many processes make."""
STEPS, DIES = 3, 2
COMMAND = ["distill", "digits", "--recipe", "dm", "--network", "convnet-w4-d1", "--steps", "4", "--checks", "0"]


def processes(count: int, does: Callable[[int], int], said: Path) -> list[int]:
    """What each of so many processes that find one another came to; what each says on standard error is kept."""
    # As with torchrun, where they meet outlives them.
    meeting = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    begun = []
    for rank in range(count):
        child = os.fork()
        if not child:
            place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(meeting.port), "LOCAL_RANK": str(rank)}
            os.environ.update({"TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": "0"})
            os.environ.update({"RANK": str(rank), "WORLD_SIZE": str(count), **place})
            os.dup2(os.open(said.with_suffix(f".{rank}"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
            code = 1
            try:
                code = does(rank)
            except SystemExit as ended:
                code = ended.code if isinstance(ended.code, int) else 1
            except BaseException:
                traceback.print_exc()
            sys.stderr.flush()
            os._exit(code)
        begun.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in begun]


def distil(folder: Path, count: int) -> Callable[[int], int]:
    """Take a few steps of every objective in float64, and keep what is learned and how many operations a step took."""

    def does(rank: int) -> int:
        torch.set_default_dtype(torch.float64)
        task = load("digits")
        problem = Problem(task, task.network("convnet-w4-d1"), torch.device("cpu"), NoCache())
        with started(), ranks.together("ranks"):
            for name in IN[count]:
                recipe = Recipe(
                    start=Real(),
                    parameterization=SoftTargets(),
                    objective=OBJECTIVES[name],
                    schedule=Fixed(steps=2, learning_rate=0.1),
                    optimizer=SGD(learning_rate=0.1),
                    steps=STEPS,
                )
                steps = distillation.Distillation(problem, recipe, 1, Key(("ranks",)), checks=0, compile=False)
                with Operations() as operations:
                    state = steps.begin()
                    while int(state.step) < STEPS:
                        state = steps.step(state)
                held = {**tree.flatten(state.learned), "operations": torch.tensor(operations.count)}
                write_tensors(folder / f"{name}-{count}-{rank}.safetensors", held, {})
        return 0

    return does


def command(words: list[str], dies: bool = False) -> Callable[[int], int]:
    """A command of the command line, of which the second process is killed at a step."""

    def does(rank: int) -> int:
        if dies and rank:
            stepped = distillation.Distillation._stepped

            def once(self: distillation.Distillation, problem: Problem, state: State) -> State:
                if int(state.step) == DIES:
                    os.kill(os.getpid(), signal.SIGKILL)
                return stepped(self, problem, state)

            distillation.Distillation._stepped = once  # type: ignore[method-assign]
        sys.argv = ["limbeck", *words]
        return main(words)

    return does


def run(folder: Path) -> dict[str, Any]:
    """Everything, in turn: the exit codes by what was done."""
    os.environ["LIMBECK_RUNS"] = str(folder / "runs")
    codes: dict[str, Any] = {str(count): processes(count, distil(folder, count), folder / f"{count}") for count in IN}
    words = [*COMMAND, "--out", str(folder / "set.safetensors")]
    for name, dies in (("dead", True), ("again", False)):
        codes[name] = processes(2, command(words, dies), folder / name)
        if dies:
            (run,) = Store(folder / "runs").runs()
            codes["kept"] = steps_in(run.read() or {})
    os.environ["LIMBECK_RUNS"] = str(folder / "alone")
    codes["whole"] = processes(1, command([*COMMAND, "--out", str(folder / "whole.safetensors")]), folder / "whole")
    codes["refused"] = processes(2, command([*COMMAND, "--objective", "kernel-ridge"]), folder / "refused")
    os.environ["LIMBECK_RUNS"] = str(folder / "others")
    codes["apart"] = processes(2, lambda rank: command([*COMMAND, f"--seed={7 + rank}"])(rank), folder / "apart")
    return codes


if __name__ == "__main__":
    torch.set_num_threads(1)
    place = Path(sys.argv[1])
    (place / "codes.json").write_text(json.dumps(run(place)))
