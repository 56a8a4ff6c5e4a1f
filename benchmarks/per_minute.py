"""What each method comes to in so many minutes of one core: the measurements that `limbeck distill --minutes` goes by.

    python benchmarks/per_minute.py cifar10 --network convnet-w32 --ipc 10 --minutes 10 [--methods dm,rfad] --out FILE

A distillation has as many steps as fit into the minutes, on one thread. What is scored is the set under five fresh
learners, by the protocol that `limbeck evaluate` takes for it: on validation examples, by which methods are chosen, and
on test examples, which are reported alone; a row has the score of each learner. A selection takes what it takes.
"seconds" are of the processor, "clock" by the clock; "passes" is how many examples the network reads in a second of one
thread here, so that minutes of this machine and this network can be told in those of others. FILE has one JSON row a
line; what it holds is not made again.

Settings are the published ones, but for what SHORT says: published rates are for a thousand times as many steps.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import sys
import time
from pathlib import Path
from typing import Any

import torch

import limbeck
from limbeck.computations import Mixture, Training
from limbeck.computations.contract import ProbeContext
from limbeck.core import tree
from limbeck.judging import protocol_for
from limbeck.learn.population import operations
from limbeck.options import compose
from limbeck.recipes import recipe_for
from limbeck.runs.graph import Graph, Request, network_pace
from limbeck.runs.plan import Plan, run_plan
from limbeck.runs.session import Session
from limbeck.runs.trial import fitting
from limbeck.statistics.estimates import interval

LEARNERS = 5
TEACHER = {"epochs": 1, "batch": 64, "learning_rate": 0.01, "momentum": 0.9, "augment": None}
"""A teacher of less than a minute, which on CIFAR-10 comes to 57 %."""


def taught(*places: str) -> dict[str, Any]:
    """The options by which that teacher stands at some places of a recipe."""
    return {f"{place}.teacher.{name}": value for place in places for name, value in TEACHER.items()}


SHORT: dict[str, tuple[str, dict[str, Any]]] = {
    "frepo": ("frepo", {"optimizer.learning_rate": 0.01, "objective.ridge": 0.01, "schedule.learning_rate": 0.003}),
    "rfad": (
        "rfad",
        {"optimizer.learning_rate": 0.03, "objective.per_class": 16, "objective.networks": 4, "objective.judged": 8},
    ),
    "random-soft": ("random-soft", taught("start")),
    # Crops are chosen by the teacher that gives their labels.
    "rded": ("rded", taught("start", "start.start")),
    "sre2l": ("sre2l", taught("objective", "parameterization")),
    "sre2l-plain": (
        "sre2l",
        {**taught("objective", "parameterization"), "objective.augment": None, "objective.statistics": 1.0},
    ),
}
"""Settings that are not the published ones, by what a method is called here: its recipe, and options of that."""


def seconds() -> float:
    """Seconds of the processor so far, of this process and of those that ended."""
    own, done = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + done.ru_utime + done.ru_stime


def plan_of(given: argparse.Namespace, method: str, options: dict[str, Any]) -> Plan:
    """The plan of a method, of all its steps."""
    task = limbeck.load(given.data)
    recipe = compose(recipe_for(SHORT.get(method, (method, {}))[0], task.name, given.ipc), options)
    return Plan(task, recipe, given.network, given.ipc, given.seed, checks=0)


def measured(
    given: argparse.Namespace, method: str, options: dict[str, Any], minutes: float, learners: int = LEARNERS
) -> dict[str, Any]:
    """The row of a method: how long it took, and what its set scores."""
    torch.set_num_threads(1)
    plan, clock, cpu = plan_of(given, method, options), time.monotonic(), seconds()
    with Session(given.runs, workers=1, data_root=given.data_root) as session:
        plan = fitting(plan, session, minutes, fresh=True)
        made, run = run_plan(plan, session)
    took, cpu = time.monotonic() - clock, seconds() - cpu
    with Session(given.runs, workers=1, data_root=given.data_root) as session:
        chosen, _ = protocol_for({method: made}, given.protocol)
        context = ProbeContext(session.problem(plan.task, given.network), method, made, "test")
        pace = network_pace(context, session).rate / operations(context.problem)
        many = sum(map(len, plan.task.groups("validation")))
        asked = [Training(Mixture(), seed, chosen, validation=many) for seed in range(learners)]
        Graph([Request(each, context, run.result) for each in asked], plan.task.reference).complete(session)
        found = [context.outcome(each, "validation") for each in asked]
        tested = [context.outcome(each, plan.task.metrics[0].name)[-1] for each in asked]
    return {
        "data": given.data, "numbers": tree.numel(plan.task.shape), "network": given.network, "ipc": given.ipc,
        "minutes": minutes, "method": method,
        "recipe": SHORT.get(method, (method, {}))[0], "options": options,
        "steps": plan.recipe.steps, "seconds": round(cpu, 1), "clock": round(took, 1), "seed": given.seed,
        "protocol": chosen.name, "labels": made.label_kind, "bytes": made.budget.bytes, "items": made.per_class,
        "validation": [round(float(value), 5) for value in found], "test": [round(float(value), 5) for value in tested],
        "passes": round(pace), "machine": platform.machine(),
    }  # fmt: skip


def main() -> None:
    """Make the rows that are not there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--network", default="convnet-w32")
    parser.add_argument("--ipc", type=int, default=10)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--methods", default="random,kmeans,facility-location,random-soft,rded,dm,rfad,frepo,kip")
    parser.add_argument("--set", type=json.loads, default={}, help="options of all methods, as JSON")
    parser.add_argument("--protocol", default="")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", default="per-minute-runs")
    parser.add_argument("--data-root", default=None)
    parser.add_argument("--out", type=Path, default=Path("per-minute.jsonl"))
    given = parser.parse_args()
    there = [json.loads(line) for line in given.out.read_text().splitlines()] if given.out.exists() else []
    same = ("data", "network", "ipc", "minutes", "seed")
    ours = [each for each in there if all(each[key] == getattr(given, key) for key in same)]
    done = [(each["method"], each["options"]) for each in ours]
    for method in given.methods.split(","):
        options = {**SHORT.get(method, ("", {}))[1], **given.set}
        if (method, options) in done:
            continue
        try:
            row = measured(given, method, options, given.minutes)
        except limbeck.InputError as error:
            print(f"{method}: {error}", file=sys.stderr)
            continue
        with given.out.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(
            method,
            row["steps"],
            f"{row['seconds']} s",
            *(interval(row[each]) for each in ("validation", "test")),
            flush=True,
        )


if __name__ == "__main__":
    main()
