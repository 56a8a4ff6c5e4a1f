"""Recipes x sizes x networks x any options x seeds: distilled side by side, scored, in one table and on one page."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from limbeck.api import evaluate, opened, task_of
from limbeck.comparison import matching
from limbeck.composition import Recipe
from limbeck.core.contracts import AbstractProtocol, AbstractTask
from limbeck.core.errors import InputError
from limbeck.core.expect import few_enough
from limbeck.core.files import check_writable, write_text
from limbeck.core.values import typed
from limbeck.distilled_set import DistilledSet
from limbeck.forecast import Measured, foretell
from limbeck.judging import protocol_of
from limbeck.options import compose
from limbeck.recipes import recipe_for
from limbeck.recipes.baselines import BASELINES, check_baselines
from limbeck.runs.distilling import distil_seeds
from limbeck.runs.plan import Plan
from limbeck.runs.session import Session
from limbeck.studies import Study, facts_of, keep, write_page

MOST = 1000
"""Distillations of a sweep: more are a slip of the pen."""


@dataclass(frozen=True)
class Cell:
    """One combination of what is varied."""

    recipe: str
    ipc: int
    network: str
    options: Mapping[str, str]
    """What is varied beside these, by option."""
    path: Path
    rows: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    """Its rows of `limbeck evaluate`: its own first, then those of real examples beside it."""
    validation: tuple[float, ...] = ()
    """The score of one fresh learner on validation examples at the end of each distillation: choose by these."""

    @property
    def score(self) -> dict[str, Any]:
        """Its own row."""
        return self.rows[0]


@dataclass(frozen=True)
class Sweep:
    """What was made, and the page that shows it."""

    report: Path
    cells: tuple[Cell, ...]


@typed
def sweep(
    task: AbstractTask | str | Path,
    recipes: Sequence[str] | Mapping[str, Recipe],
    *,
    out: str | Path,
    ipc: Sequence[int] = (1,),
    networks: Sequence[str] = ("convnet",),
    vary: Mapping[str, Sequence[Any]] | None = None,
    seeds: int = 3,
    steps: int | None = None,
    repeats: int = 5,
    protocol: str | AbstractProtocol = "",
    baselines: Sequence[str] = BASELINES,
    command: str = "",
    session: Session | None = None,
) -> Sweep:
    """Distil `task` in every combination of `recipes`, `ipc`, `networks` and options, with several seeds, and score it.

    `vary` has values by option, as {"optimizer.learning_rate": [0.1, 1.0]}, for all recipes, or for one alone as
    {"dm.optimizer.learning_rate": [0.1, 1.0]}. The distillations are done side by side by the session's executor, each
    kept as soon as it is done. A score is over the seeds, with `repeats` learners of each, under the network that it
    was distilled with, beside `baselines`. Written into the folder `out` are a set of each combination, of seed 0, with
    its score, sweep.json, and report.html.

    Test scores of many combinations say nothing of the best of them: choose by `Cell.validation`.

    Raises InputError for unknown names, for a combination that cannot be, and for more than 1,000 distillations, before
    anything is computed.
    """
    folder, task = Path(out), task_of(task, session)
    check_baselines(baselines)
    if seeds < 1 or repeats < 1:
        raise InputError(f"seeds {seeds}, repeats {repeats}: expected at least one of each")
    few_enough(repeats=repeats, seeds=seeds)
    plans = _plans(task, recipes, ipc, networks, vary or {}, steps)
    if len(plans) * seeds > MOST:
        raise InputError(
            f"{len(plans)} combinations, {seeds} seeds: expected at most {MOST:,} distillations; vary less"
        )
    check_writable(folder / "report.html")
    protocol = protocol_of((plan.recipe for _, plan in plans), protocol)
    seeded = {cell.path.name: [replace(plan, seed=seed) for seed in range(seeds)] for cell, plan in plans}
    with opened(session) as used:
        used.progress.notes(task.notes)
        foretell(used, seeded, Measured((), 0, protocol, baselines, repeats))
        phase = f"1 of 2: distil {len(plans)} combinations of {seeds} seeds"
        cells = _distilled(used, [cell for cell, _ in plans], seeded, folder, phase)
        used.progress.phase("2 of 2: evaluate")
        cells = _scored(used, cells, protocol, repeats, seeds, baselines)
    swept = Sweep(folder / "report.html", tuple(cells))
    write_text(folder / "sweep.json", json.dumps(document_of(swept), indent=2, allow_nan=False) + "\n")
    _write_page(swept, task, {"protocol": str(protocol), **facts_of(task, used.device, command)})
    return swept


def document_of(swept: Sweep) -> dict[str, Any]:
    """A sweep as JSON."""
    return {
        "report": str(swept.report),
        "cells": [
            {
                "set": str(cell.path), "recipe": cell.recipe, "ipc": cell.ipc, "network": cell.network,
                "options": dict(cell.options), "validation": list(cell.validation), "rows": list(cell.rows),
            }
            for cell in swept.cells
        ],
    }  # fmt: skip


def _plans(
    task: AbstractTask,
    recipes: Sequence[str] | Mapping[str, Recipe],
    sizes: Sequence[int],
    networks: Sequence[str],
    vary: Mapping[str, Sequence[Any]],
    steps: int | None,
) -> list[tuple[Cell, Plan]]:
    """Every combination, and how its set of seed 0 is made; InputError where one cannot be, or there is none."""
    names = list(recipes)
    if not (names and sizes and networks and all(vary.values())):
        raise InputError("nothing to vary over: expected at least one recipe, size, network, and value of each option")
    repeated = [each for each in (names, sizes, networks) if len(set(each)) < len(each)]
    if repeated:
        raise InputError(f"{', '.join(map(str, repeated[0]))}: expected each once")
    whitened, found = bool(task.reference.get("zca")), []
    for name, ipc, network in itertools.product(names, sizes, networks):
        given = recipes[name] if isinstance(recipes, Mapping) else recipe_for(name, task.name, ipc, whitened)
        if steps is not None and given.objective is not None:
            given = replace(given, steps=steps)
        mine = {option: values for at, values in vary.items() if (option := _option(at, name, names))}
        for chosen in itertools.product(*mine.values()):
            options = {option: str(value) for option, value in zip(mine, chosen, strict=True)}
            composed = compose(given, options, "--vary {}".format)
            plan = Plan(task, composed, task.network(network).name, ipc, checks=1 if composed.steps else 0)
            path = Path(_file(name, ipc, plan.network if len(networks) > 1 else "", options))
            found.append((Cell(name, ipc, plan.network, options, path), plan))
    return found


def _distilled(
    session: Session, cells: Sequence[Cell], seeded: Mapping[str, Sequence[Plan]], folder: Path, phase: str
) -> list[Cell]:
    """The cells with the files of their sets, and what these came to on validation examples."""
    made, found = distil_seeds(session, seeded, phase), []
    for cell in cells:
        name = cell.path.name
        mine = made[name]
        keep(mine[0], folder / name)
        checks = tuple(float(each.scores[-1]["mean"]) for each in mine if each.scores)
        found.append(replace(cell, path=folder / name, validation=checks))
    return found


def _write_page(swept: Sweep, task: AbstractTask, facts: dict[str, str]) -> None:
    """Write the page."""
    rows = tuple({json.dumps(row, sort_keys=True): row for cell in swept.cells for row in cell.rows}.values())
    shown = Study(swept.report, {cell.path.stem: cell.path for cell in swept.cells}, rows, ())
    named = [(str(cell.path), DistilledSet.load(cell.path)) for cell in swept.cells]
    write_page(f"{task.reference['name']}: {len(swept.cells)} combinations", named, shown, task, facts)


def _option(at: str, name: str, names: Sequence[str]) -> str:
    """The option of a recipe that is varied under a name such as "dm.steps" or "steps"; "" where it is another's."""
    first, dot, rest = at.partition(".")
    if dot and first in names:
        return rest if first == name else ""
    return at


def _file(name: str, ipc: int, network: str, options: Mapping[str, str]) -> str:
    """The name of the file of a combination, which no other has."""
    parts = [name, f"ipc{ipc}", *([network] if network else []), *(f"{at}={value}" for at, value in options.items())]
    return "-".join(each.replace("/", "_") for each in parts) + ".safetensors"


def _scored(
    session: Session,
    cells: Sequence[Cell],
    protocol: AbstractProtocol,
    repeats: int,
    seeds: int,
    baselines: Sequence[str],
) -> list[Cell]:
    """The cells with their rows."""
    found: dict[Path, Cell] = {}
    for network in dict.fromkeys(cell.network for cell in cells):
        mine = [cell for cell in cells if cell.network == network]
        scores = evaluate(
            [str(cell.path) for cell in mine], networks=(network,), protocol=protocol, repeats=repeats,
            baselines=baselines, seeds=seeds, session=session,
        )  # fmt: skip
        rows = [score.row() for score in scores]
        for cell in mine:
            (own,) = (row for row in rows if row["set"] == str(cell.path))
            keep(DistilledSet.load(cell.path).scored(own), cell.path)
            beside = [dict(other) for how in ("items", "bytes") for other in matching(own, rows, how)]
            full = [row for row in rows if not row["seeds"] and not row["matched"]]
            found[cell.path] = replace(cell, rows=(own, *beside, *full))
    return [found[cell.path] for cell in cells]
