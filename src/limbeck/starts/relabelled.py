"""Another start under the soft labels of an expert."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from limbeck.computations.experts import Experts
from limbeck.core.contracts import Batch, Problem
from limbeck.core.expect import at_least, expect
from limbeck.core.key import Key
from limbeck.learn.microbatches import microbatch_limit
from limbeck.starts.relabelling import AbstractRelabelling


@dataclass(frozen=True)
class Relabelled(AbstractRelabelling):
    """The items of another start under the soft labels that an expert gives them (Cui et al., ICML 2023).

    targets = softmax(outputs of the network at e), where e are the parameters of expert `number` after `epoch`
    epochs on the real data; classes stay as they were. The expert normalises by the batch of all items. The labels stay
    as they are with the parameterizations `pixels` and `fixed-targets`, and are learned with `soft-targets`.

    Published code labels the items anew at each step, as they then are, by the very snapshot that the student of
    the step is to reach, which is after at most 16 epochs where trajectory matching is left as it is. Labels that are
    given once, and the snapshot that gives them, are ours. Raises InputError where the expert has not been trained.
    """

    experts: Experts = field(default_factory=Experts)
    """The experts, and how they were trained."""
    number: int = 0
    """Which expert labels."""
    epoch: int = 16
    """After how many epochs it does."""
    taught = True

    def __post_init__(self) -> None:
        at_least(self, 0, "number", "epoch")
        expect(self, "number", self.number < self.experts.count, f"one of the {self.experts.count} experts, from 0 on")
        expect(self, "epoch", self.epoch <= self.experts.epochs, f"at most {self.experts.epochs}, the experts' epochs")

    def pick(self, problem: Problem, per_class: int, key: Key) -> Batch:
        """`per_class` items of every class as the other start gives them, softly labelled."""
        picked = self.start.pick(problem, per_class, key)
        params = self.experts.snapshot(problem, self.number, self.epoch)
        take, count = problem.task.take, len(picked.classes)
        parts = torch.arange(count).split(microbatch_limit(problem, count))
        with torch.no_grad():
            outputs = [problem.network.apply(params, take(picked, rows).inputs).outputs for rows in parts]
        return picked._replace(targets=torch.cat(outputs).softmax(1))
