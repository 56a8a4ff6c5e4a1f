"""The recipes of sets, carried out again with other seeds, so that a score is of the recipe and not of one set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from limbeck.core.contracts import AbstractTask
from limbeck.core.errors import InputError
from limbeck.core.provenance import unchanged
from limbeck.core.text import counted
from limbeck.evaluation import Again
from limbeck.runs.distilling import distil_together
from limbeck.runs.plan import Plan, finished
from limbeck.runs.scoring import NamedSet
from limbeck.runs.session import Session


def distilled_again(
    session: Session, task: AbstractTask, sets: Sequence[NamedSet], seeds: int
) -> dict[str, tuple[Again, ...]]:
    """For each set, by its name, its recipe carried out with seeds 0, 1, ... up to `seeds` of them; none for one seed.

    The set itself is the one of its own seed. What was done before is found in the store; what is left is done side by
    side, and told of before. Raises InputError for a set that has no recipe, or whose recipe was carried out by other
    code than is here, before anything is done.
    """
    if seeds < 2:
        return {}
    plans = {name: plan_of(task, (name, path, made)) for name, path, made in sets}
    missing: dict[str, tuple[str, Plan]] = {}
    for name, others in other_seeds(task, sets, seeds).items():
        for plan in others:
            run = session.store.at(plan.spec_on(session.device))
            if finished(run) is None:
                missing.setdefault(run.id, (f"{name}, seed {plan.seed}", plan))
    if missing:
        phase = f"1 of 2: distil {counted(len(missing), 'set')}, as {seeds} seeds of each set are scored"
        distil_together(session, dict(missing.values()), phase)
        session.progress.phase("2 of 2: evaluate")
    return {each[0]: _of(session, plans[each[0]], each, seeds) for each in sets}


def other_seeds(task: AbstractTask, sets: Sequence[NamedSet], seeds: int) -> dict[str, list[Plan]]:
    """For each set, by its name, the plans of its recipe with the other seeds of 0, 1, ...; InputError as above."""
    found = {}
    for each in sets:
        name, _, made = each
        plan = plan_of(task, each)
        found[name] = [replace(plan, seed=seed) for seed in range(seeds) if seed != made.spec["seed"]]
    return found


def known_again(
    session: Session, task: AbstractTask, sets: Sequence[NamedSet], device: torch.device
) -> dict[str, tuple[Again, ...]]:
    """The same as far as it was done on a device: seeds 0, 1, ... up to the first whose run is not finished."""
    found = {}
    for each in sets:
        try:
            plan = plan_of(task, each)
        except InputError:
            continue
        done: list[Again] = []
        while (made := _found(session, plan, each, len(done), device)) is not None:
            done.append(made)
        found[each[0]] = tuple(done)
    return found


def plan_of(task: AbstractTask, named: NamedSet) -> Plan:
    """The plan that a set was made by; InputError for one that was imported, or made otherwise."""
    name, _, distilled = named
    if "compressed" in distilled.spec:
        raise InputError(
            f"{name}: found a set that was compressed ({distilled.spec['compressed']}), which its recipe alone does "
            "not make again; leave --seeds out"
        )
    if not {"recipe", "ipc", "seed", "checks"} <= distilled.spec.keys():
        raise InputError(f"{name}: found no recipe to distil it again by, as in imported sets; leave --seeds out")
    # Seeds by another code would be another method's, under the name of this one.
    with unchanged(f"leave --seeds out, or distil {name} again by the code that is here"):
        return Plan.on(task, distilled.spec)


def _of(session: Session, plan: Plan, named: NamedSet, seeds: int) -> tuple[Again, ...]:
    """The distillations of all seeds, which are done."""
    found = [_found(session, plan, named, seed, session.device) for seed in range(seeds)]
    return tuple(each for each in found if each is not None)


def _found(session: Session, plan: Plan, named: NamedSet, seed: int, device: torch.device) -> Again | None:
    """The distillation of a seed that was done on a device; None where it was not."""
    _, path, distilled = named
    if seed == distilled.spec["seed"]:
        return Again(seed, path, distilled)
    run = session.store.at(replace(plan, seed=seed).spec_on(device))
    made = finished(run)
    return None if made is None else Again(seed, run.result, made)
