"""Contexts whose computations come to what is known exactly, for tests of what probes make of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from limbeck.computations.contract import AbstractComputation, BatchSet, ProbeContext
from limbeck.core import tree
from limbeck.core.contracts import Batch, Problem
from limbeck.core.family import spec_id, to_spec
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.probes.contract import AbstractProbe
from limbeck.protocols import Epochs
from limbeck.tasks import load

KEY = Key(("test probes of learners",))
CPU = torch.device("cpu")
NETWORK = "convnet-w4-d1"
SET = "0" * 16
"""The digest of the set."""


@dataclass(frozen=True)
class Planted:
    """A memo that knows the outcomes of some computations, and computes the others once where it may."""

    outcomes: dict[str, Tree] = field(default_factory=dict)
    strict: bool = True

    def plant(self, computation: AbstractComputation, outcome: Tree, of: str = SET) -> None:
        """Keep an outcome, of the set or of another of that digest."""
        self.outcomes[name_of(computation, of if computation.depends_on_set else "")] = outcome

    def remember(self, address: dict[str, Any], make: Callable[[], Tree], branch: str = "") -> Tree:
        name = spec_id([address["computation"], address["set"]])
        if name not in self.outcomes:
            assert not self.strict, f"{address['computation']} was not planted"
            self.outcomes[name] = make()
        return tree.branch(self.outcomes[name], branch)

    def holds(self, address: dict[str, Any]) -> bool:
        return spec_id([address["computation"], address["set"]]) in self.outcomes


def name_of(computation: AbstractComputation, of: str) -> str:
    """What an outcome is kept under."""
    return spec_id([to_spec(computation), of])


def context_of(
    per_class: int = 1, cache: Planted | None = None, rows: slice = slice(None), network: str = NETWORK
) -> ProbeContext:
    """A set of real digits."""
    task = load("digits")
    problem = Problem(task, task.network(network), CPU, cache or Planted())
    batch = Batch(*(leaf[rows] for leaf in problem.real(KEY, per_class)))
    schedule = Epochs().schedule(None, len(batch.classes), KEY)
    return ProbeContext(problem, "set", BatchSet(SET, batch, schedule), "test")


def done(probe: AbstractProbe, context: ProbeContext) -> list[AbstractComputation]:
    """Do what a probe asks for, of the set and of its controls, until it asks for no more; what it asked of the set."""
    abouts = (context, *context.controls(probe.controls))
    asked: dict[str, AbstractComputation] = {}
    while True:
        wanted = [(about, each) for about in abouts for each in probe.computations(about)]
        asked.update({name_of(each, SET): each for about, each in wanted if about is context})
        missing = [(about, each) for about, each in wanted if not about.known(each)]
        if not missing:
            return list(asked.values())
        for about, each in missing:
            about.outcome(each)


def reading(context: ProbeContext, *predictions: torch.Tensor) -> Tree:
    """The outcome of a training that is read to predict so."""
    stacked = torch.stack(predictions)
    accuracy = (stacked == context.examples.classes).double().mean(1)
    return {"predictions": stacked.to(torch.int16), "losses": torch.zeros(stacked.shape), "accuracy": accuracy}


def worse(context: ProbeContext, predictions: torch.Tensor, count: int) -> torch.Tensor:
    """The same but for `count` more errors."""
    right = torch.nonzero(predictions == context.examples.classes)[:count, 0]
    changed = predictions.clone()
    changed[right] = (changed[right] + 1) % 10
    return changed


def mistaken(context: ProbeContext, predictions: torch.Tensor, count: int, key: Key) -> torch.Tensor:
    """Others that are right on as many examples, and disagree with them on `count`, where both are wrong."""
    wrong = torch.nonzero(predictions != context.examples.classes)[:, 0]
    some = wrong[key.permutation(len(wrong))[:count]]
    changed = predictions.clone()
    for example in some.tolist():
        barred = (int(predictions[example]), int(context.examples.classes[example]))
        changed[example] = next(other for other in range(10) if other not in barred)
    return changed


def half_right(context: ProbeContext) -> torch.Tensor:
    """Predictions that are right on half of the examples."""
    return worse(context, context.examples.classes, len(context.examples.classes) // 2)
