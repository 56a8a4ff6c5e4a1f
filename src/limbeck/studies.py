"""From data to a page: distil, score, explain and report in one go, or a page of what was done before."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from limbeck import comparison, explanation
from limbeck.api import evaluate, explain, loaded, opened, size_of, task_of
from limbeck.composition import Recipe
from limbeck.core import tree
from limbeck.core.contracts import AbstractProtocol, AbstractTask
from limbeck.core.errors import InputError
from limbeck.core.expect import few_enough
from limbeck.core.files import check_writable, write_text
from limbeck.core.findings import Finding
from limbeck.core.text import per_class
from limbeck.core.values import typed
from limbeck.core.version import VERSION
from limbeck.distilled_set import DistilledSet
from limbeck.forecast import Measured, foretell
from limbeck.judging import protocol_of
from limbeck.probes.contract import AbstractProbe
from limbeck.recipes import recipe_for
from limbeck.recipes.baselines import BASELINES, check_baselines
from limbeck.report import ReportData, page, rows_needed, training_rows_needed
from limbeck.runs import archive
from limbeck.runs.distilling import distil_seeds
from limbeck.runs.plan import Plan
from limbeck.runs.scoring import one_reference
from limbeck.runs.session import Session
from limbeck.sizes import over_sizes
from limbeck.tasks import reload


@dataclass(frozen=True)
class Study:
    """What was made and found, and the page that shows it."""

    report: Path
    sets: Mapping[str, Path]
    """The file of each set: by the name of its recipe, or as it was asked for where it was made before."""
    rows: tuple[dict[str, Any], ...]
    """The rows of `limbeck evaluate`."""
    findings: tuple[Finding, ...]
    sources: tuple[str, ...] = ()
    """For each finding that was kept before, how thoroughly it was asked."""


@typed
def study(
    task: AbstractTask | str | Path,
    recipes: Sequence[str] | Mapping[str, Recipe],
    *,
    ipc: int | None = None,
    within: int | None = None,
    out: str | Path,
    network: str = "convnet",
    steps: int | None = None,
    seed: int = 0,
    checks: int | None = None,
    effort: str = "standard",
    probes: Sequence[str | AbstractProbe] = (),
    repeats: int = 5,
    seeds: int = 1,
    protocol: str | AbstractProtocol = "",
    baselines: Sequence[str] = BASELINES,
    command: str = "",
    session: Session | None = None,
) -> Study:
    """Distil `task` by each recipe, score and explain the sets, and write a page of it all into the folder `out`.

    The size is `ipc` items per class, as many as these store plainly, labels aside; or `within` so many bytes, with
    labels and whatever decodes a set. `task` may be the name of its data. `recipes` are names of published ones, or
    recipes of your own by names that files can have; `steps` is for those that step at all. Experts that they follow
    are trained first. Written are RECIPE.safetensors with its scores, rows.json and findings.json as `limbeck
    evaluate --json` and `limbeck explain --json` print them, and report.html. Called again after an interruption it
    goes on where it was, and after its end it reads what it kept and trains nothing. `command` is shown on the page
    as how to make it again; the session's progress is told of all phases. The rest is as in the other verbs; with
    several `seeds` each recipe is carried out with all of them, and the scores, but nothing else, are over these.

    Raises InputError for unknown names before anything is computed, for both sizes or neither, and whatever those
    functions raise it for.
    """
    folder = Path(out)
    task = task_of(task, session)
    size = size_of(task, ipc, within)
    given = recipes if isinstance(recipes, Mapping) else _published(recipes, task, size)
    whole = Plan(task, Recipe(), network, size, seed, checks, within)
    plans = {name: replace(whole, recipe=_stepped(each, steps)) for name, each in given.items()}
    protocol = protocol_of(given.values(), protocol)
    asked = explanation.effort_of(effort, tuple(probes))
    _check(folder, plans, repeats, seeds, baselines)
    under = task.network(network).name
    with opened(session) as used:
        every = [seed, *(other for other in range(seeds) if other != seed and seeds > 1)]
        seeded = {name: [replace(plan, seed=each) for each in every] for name, plan in plans.items()}
        foretell(used, seeded, Measured(asked.probes, asked.evaluation_size, protocol, baselines, repeats))
        paths = _distil(used, seeded, folder)
        names = [str(path) for path in paths.values()]
        used.progress.phase("2 of 3: evaluate")
        rows = _scored(used, paths.values(), under, protocol, repeats, baselines, seeds)
        used.progress.phase("3 of 3: explain")
        findings = explain(names, probes=probes, effort=effort, network=under, session=used)
    made = Study(folder / "report.html", paths, rows, tuple(findings))
    _write_documents(folder, made, protocol, effort)
    facts = {"effort": effort, "network": under, "protocol": str(protocol), **facts_of(task, used.device, command)}
    write_page(_title(task, size, within), [(name, DistilledSet.load(name)) for name in names], made, task, facts)
    return made


def _title(task: AbstractTask, size: int, within: int | None) -> str:
    """The data, and how much of them is stored."""
    return f"{task.reference['name']}, {f'at most {within:,} bytes' if within else per_class(size, len(task.classes))}"


def _distil(session: Session, seeded: Mapping[str, Sequence[Plan]], folder: Path) -> dict[str, Path]:
    """Carry out every recipe with all its seeds, and write the set of the first into a file; name the files."""
    seeds = len(next(iter(seeded.values())))
    phase = f"1 of 3: distil {', '.join(seeded)}" + (f", {seeds} seeds of each" if seeds > 1 else "")
    made = distil_seeds(session, seeded, phase)
    paths = {name: folder / f"{name}.safetensors" for name in seeded}
    for name, path in paths.items():
        keep(made[name][0], path)
    return paths


def _scored(
    session: Session,
    paths: Collection[Path],
    network: str,
    protocol: AbstractProtocol,
    repeats: int,
    baselines: Sequence[str],
    seeds: int,
) -> tuple[dict[str, Any], ...]:
    """The rows of sets and baselines; each file is given its own."""
    scores = evaluate(
        list(paths), networks=(network,), protocol=protocol, repeats=repeats, baselines=baselines, seeds=seeds,
        session=session,
    )  # fmt: skip
    rows = tuple(score.row() for score in scores)
    for path in paths:
        keep(DistilledSet.load(path).scored(*(row for row in rows if row["set"] == str(path))), path)
    return rows


def keep(made: DistilledSet, path: Path) -> None:
    """Write a set, unless the file has it with these scores or more: one that is the same stays untouched."""
    try:
        there = DistilledSet.load(path)
    except InputError:
        made.save(path)
        return
    same = (there.digest, there.spec, there.data) == (made.digest, made.spec, made.data)
    if not same or any(score not in there.scores for score in made.scores):
        made.save(path)


@typed
def write_report(
    sets: Sequence[str | Path],
    *,
    out: str | Path,
    network: str = "",
    data: str = "",
    command: str = "",
    session: Session | None = None,
) -> Study:
    """Write a page of what is known of sets to the file `out`: findings and scores in the run store. Computes none.

    Where a probe was asked more than once of a set, what the full effort found comes before what was measured on all
    test examples, that before the rest, and among equals the latest. Scores are those of all learners that were ever
    trained on the set or its baselines by a published protocol, and what the set's file carries where there are none.
    `network` is by default the one that the first set was distilled with; findings under another are left out.

    Raises InputError for sets of different data, and where there is neither a finding nor a score.
    """
    report = Path(out)
    check_page(report)
    with opened(session) as used:
        listed = loaded(sets, used)
        task = reload(one_reference(listed, data), used.data_root)
        under = task.network(network or listed[0][2].spec["network"]).name
        named_sets = [(name, distilled) for name, _, distilled in listed]
        kept = [each for of_set in archive.findings(used.store, named_sets, under, task.fingerprint) for each in of_set]
        rows = archive.scores(used, listed, task)
    if not kept and not any(row["set"] in dict(named_sets) for row in rows):
        words = " ".join(name for name, _ in named_sets)
        raise InputError(
            f"{used.store.root}: no finding (network {under}) and no score of {words}; run `limbeck evaluate {words}` "
            f"and `limbeck explain {words}`, or name the place of those that are finished with --runs"
        )
    findings = [each.finding for each in kept]
    by_size = over_sizes(findings, dict(named_sets))
    findings += [by_size] if by_size else []
    sources = tuple(each.thoroughness for each in kept)
    facts = {"effort": "; ".join(dict.fromkeys(sources)), "network": under, **facts_of(task, None, command)}
    paths = {name: path for name, path, _ in listed}
    made = Study(report, paths, tuple(rows), tuple(findings), sources)
    write_page(
        f"{task.reference['name']}: {', '.join(path.stem for path in paths.values())}", named_sets, made, task, facts
    )
    return made


def check_page(path: Path) -> None:
    """Refuse, before any work, a place that no page can be written to."""
    if path.suffix not in (".html", ".htm") or path.is_dir():
        raise InputError(f"--out {path}: expected a file name that ends in .html")
    check_writable(path)


def _published(names: Sequence[str], task: AbstractTask, ipc: int) -> dict[str, Recipe]:
    """The recipes of those names, as published for the task at that size or for what is nearest."""
    return {name: recipe_for(name, task.name, ipc, bool(task.reference.get("zca"))) for name in names}


def _stepped(recipe: Recipe, steps: int | None) -> Recipe:
    """The recipe at that many steps, where it steps at all."""
    return recipe if steps is None or recipe.objective is None else replace(recipe, steps=steps)


def _check(folder: Path, plans: Mapping[str, Plan], repeats: int, seeds: int, baselines: Sequence[str]) -> None:
    """Refuse, before any work, what no study can be made of."""
    check_baselines(baselines)
    if not plans or repeats < 1 or seeds < 1:
        raise InputError(f"{len(plans)} recipes, {repeats} repeats, {seeds} seeds: expected at least one of each")
    few_enough(repeats=repeats, seeds=seeds)
    for name in plans:
        if name != Path(name).name or name.startswith("."):
            raise InputError(f"recipe {name!r}: expected a name that a file can have")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--out {folder}: found a file, expected a folder; choose another place")
    check_writable(folder / "report.html")


def _write(path: Path, document: dict[str, Any]) -> None:
    write_text(path, json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _write_documents(folder: Path, made: Study, protocol: AbstractProtocol, effort: str) -> None:
    """Write what `limbeck evaluate --json` and `limbeck explain --json` would print."""
    scores = comparison.document_of(made.rows, [str(path) for path in made.sets.values()], protocol)
    _write(folder / "rows.json", scores)
    _write(folder / "findings.json", {"budget": effort, "findings": [each.document() for each in made.findings]})


def facts_of(task: AbstractTask, device: torch.device | None, command: str) -> dict[str, str]:
    """What a reader needs to make the page again."""
    facts = {
        "data": task.reference["name"],
        "fingerprint of the data": task.fingerprint,
        "limbeck": VERSION,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
    if device is not None:
        facts["hardware"] = f"{platform.machine()}, {os.cpu_count()} cores, device {device}"
    return {**facts, "command": command} if command else facts


def write_page(
    title: str,
    distilled_sets: Sequence[tuple[str, DistilledSet]],
    made: Study,
    task: AbstractTask,
    facts: dict[str, str],
) -> None:
    """Write the page.

    It says nothing of how long something would take here: it is read elsewhere, and equal studies are equal bytes.
    """
    findings = tuple(replace(each, seconds=None) for each in made.findings)
    examples = _pictures(task, explanation.SPLIT, rows_needed(findings))
    training = _pictures(task, "train", training_rows_needed(findings))
    shown = ReportData(title, tuple(distilled_sets), findings, made.rows, examples, facts, training)
    write_text(made.report, page(shown))


def _pictures(task: AbstractTask, split: str, rows: Sequence[int]) -> dict[int, Tensor]:
    """The pictures of some rows of a split, of those that have one."""
    native = task.native(split, torch.tensor(rows, dtype=torch.int64))
    pictures = {row: task.codec.picture(tree.row(native, index)) for index, row in enumerate(rows)}
    return {row: picture for row, picture in pictures.items() if picture is not None}
