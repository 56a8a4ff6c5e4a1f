"""The public verbs: they put tasks, recipes, the loop and the run store together."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from limbeck import comparison, distillation, explanation
from limbeck.composition import Recipe
from limbeck.core.contracts import Problem
from limbeck.core.errors import InputError
from limbeck.core.findings import Finding
from limbeck.core.probing import AbstractProbe
from limbeck.distilled_set import DistilledSet
from limbeck.evaluation import BASELINES, Score
from limbeck.learn.protocol import Protocol, named
from limbeck.recipes import published
from limbeck.runs.contest import Contest, one_source
from limbeck.runs.examination import Examination
from limbeck.runs.executor import workers_on
from limbeck.runs.plan import Plan, carry_out
from limbeck.runs.store import Store
from limbeck.tasks import ImageTask, reload


def device_of(name: str = "") -> torch.device:
    """The device of that name; where none is named, a CUDA device if there is one, else the processor.

    Raises InputError for a device that is not there.
    """
    if not name:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            f"device {name!r}: {str(error).splitlines()[0]}; expected cpu, or a device that is here"
        ) from error
    return device


def _silent(*_news: object) -> None:
    """Tell nobody."""


def open_store(runs: str | Path | None = None) -> Store:
    """The run store at `runs`, else at the environment's LIMBECK_RUNS, else in ./runs."""
    return Store(Path(runs or os.environ.get("LIMBECK_RUNS") or "runs"))


def distill(
    task: ImageTask,
    recipe: str | Recipe = "dm",
    *,
    ipc: int,
    network: str = "convnet",
    steps: int | None = None,
    seed: int = 0,
    checks: int = 4,
    runs: str | Path | None = None,
    device: str = "",
    compile: bool | None = None,
    watch: distillation.Watcher = _silent,
) -> DistilledSet:
    """Distil `ipc` synthetic examples of every class of `task`.

    A run is kept under `runs` (else LIMBECK_RUNS, else ./runs) by all that determines it: called again
    after an interruption it goes on where it was, and called again after its end it computes nothing.
    `device` is by default a CUDA device if there is one, else the processor; draws are the same on all.
    `compile` says whether to run as compiled code, the same but for rounding; by default where the run is
    long enough for that to pay. `watch(step, steps, loss, validation accuracy)` is told of every step.

    Raises InputError for unknown names, for a class with fewer than `ipc` images, for a run that another
    process holds, and where the loss diverges.
    """
    composed = published(recipe).recipe if isinstance(recipe, str) else recipe
    if steps is not None:
        composed = replace(composed, steps=steps)
    plan = Plan(task=task, recipe=composed, network=network, ipc=ipc, seed=seed, checks=checks)
    return carry_out(plan, open_store(runs), device_of(device), watch, compile=compile)[0]


def evaluate(
    sets: DistilledSet | str | Path | Sequence[DistilledSet | str | Path],
    *,
    networks: Sequence[str] = (),
    protocol: str | Protocol = "paper",
    repeats: int = 5,
    baselines: Sequence[str] = BASELINES,
    data: str = "",
    data_root: str | Path | None = None,
    runs: str | Path | None = None,
    workers: int | None = None,
    device: str = "",
    watch: Callable[[int, int, str], None] = _silent,
) -> list[Score]:
    """Score sets on the test split beside their baselines: one row for each set or baseline and network.

    `networks` is by default the one that the first set was distilled with. All sets must be of the same
    data. Baselines are coreset recipes, or "full" for all real training data, made at the stored size of
    each set. `data` names the data where they are no longer where the set says. `workers` processes train
    side by side, by default one for each core, or one where `device` is not the processor. Each learner's score is
    remembered, so an evaluation that was interrupted, or asked for more members, goes on where it was.
    `watch(done, total, doing)` is told of every learner. Raises InputError for unknown names, other data, or
    members < 1.
    """
    listed = [sets] if isinstance(sets, DistilledSet | str | Path) else list(sets)
    if not listed or repeats < 1:
        raise InputError(f"{len(listed)} sets, {repeats} members: expected at least one of each")
    if isinstance(protocol, str):
        protocol = named(protocol)
    store = open_store(runs)
    with TemporaryDirectory() as folder:
        distilled_sets = [_loaded(one, Path(folder) / f"{index}.safetensors") for index, one in enumerate(listed)]
        contest = Contest.of(distilled_sets, networks, protocol, repeats, baselines, data, _path(data_root))
        place = device_of(device)
        return contest.hold(store, _workers(workers, place), place, watch)


def explain(
    sets: DistilledSet | str | Path | Sequence[DistilledSet | str | Path],
    *,
    probes: Sequence[str | AbstractProbe] = (),
    effort: str = "standard",
    network: str = "",
    attributes: str | Path = "",
    annotator: str | Callable[[Path, str], str] = "",
    data: str = "",
    data_root: str | Path | None = None,
    runs: str | Path | None = None,
    workers: int | None = None,
    device: str = "",
    compile: bool | None = None,
    watch: Callable[[float, float, str], None] = _silent,
    tell: Callable[[float], None] = _silent,
) -> list[Finding]:
    """What each set is worth, what it holds and where it must not be used: a finding of each probe on each set.

    Where sets differ in how many items a class has, one more, of the name "budget", tells what that changes.

    `probes`, by name or with fields of your own, are by default all; `budget` (quick, standard or full) says how
    thoroughly those by name ask, full by the sizes of Yang et al. (ICML 2024). `network` is by default the one that the
    first set was distilled with. What was computed for one probe or set is found again by the others, and by a call
    after an interruption. `tell(seconds)` is told first about how long it will take; `watch(done, total, doing)` of the
    work, in about seconds. `data`, `workers`, `device` and `compile` are as in `evaluate` and `distill`.

    The attributes that the probe semantics looks for are by default measured of the pixels. `attributes` is a parquet
    file that has them: a column `index`, the row in the test split, and columns of booleans or text. `annotator`
    answers annotator(path of a PNG file, prompt) in words that become attributes: a function, or a command line to
    which the path and the prompt are added, without a shell; answers of a command are remembered.

    Raises InputError for unknown names, for sets of different data, for data other than those a set was made from, for
    a file without such columns, and for a command that fails.
    """
    listed = [sets] if isinstance(sets, DistilledSet | str | Path) else list(sets)
    if not listed:
        raise InputError("no sets: expected at least one")
    given = explanation.attributes_of(attributes, annotator)
    asked = explanation.effort_of(effort, tuple(probes), given)
    store = open_store(runs)
    with TemporaryDirectory() as folder:
        distilled_sets = [_loaded(one, Path(folder) / f"{index}.safetensors") for index, one in enumerate(listed)]
        source = one_source(distilled_sets, data)
        task = reload(source, _path(data_root))
        place = device_of(device)
        problem = Problem(task, task.network(network or distilled_sets[0][2].spec["network"]), place, store)
        contexts = tuple(
            (explanation.context_of(problem, name, one, asked.judged), path) for name, path, one in distilled_sets
        )
        examination = Examination(contexts, asked.probes, source, _path(data_root))
        examination.carry_out(store, _workers(workers, place), watch, tell, compile)
        found = list(examination.findings(store, watch))
        by_size = comparison.over_sizes(
            found, {context.distilled.name: context.distilled.per_class for context, _ in contexts}
        )
        return [*found, by_size] if by_size else found


def _loaded(one: DistilledSet | str | Path, place: Path) -> tuple[str, Path, DistilledSet]:
    """A set with its name and a file that workers can read it from."""
    if isinstance(one, DistilledSet):
        one.save(place)
        return "set", place, one
    return str(one), Path(one), DistilledSet.load(one)


def _workers(asked: int | None, place: torch.device) -> int:
    if asked is not None and asked < 1:
        raise InputError(f"{asked} workers: expected at least one")
    return asked or workers_on(place)


def _path(place: str | Path | None) -> Path | None:
    return None if place is None else Path(place)
