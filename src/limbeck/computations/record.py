"""What a training is read to be and keeps on its way."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from limbeck.computations.contract import ProbeContext
from limbeck.computations.level import Level
from limbeck.core import tree
from limbeck.core.contracts import Problem
from limbeck.core.key import Key
from limbeck.core.placing import cpu
from limbeck.core.tree import Tree
from limbeck.learn.population import losses_of, outputs_of
from limbeck.learn.training import Learner

END = -1
"""The step that stands for the last one."""


class Record:
    """What a training is read to be and keeps on its way."""

    def __init__(
        self,
        context: ProbeContext,
        problem: Problem,
        reads: Collection[int],
        keeps: Collection[int],
        validation: int = 0,
        until: Level | None = None,
    ) -> None:
        self.context, self.problem = context, problem
        self.reads, self.keeps, self.validation, self.until = reads, keeps, validation, until
        self.readings: list[dict[str, Tensor]] = []
        self.kept: dict[str, Any] = {"params": {}, "statistics": {}}
        self.steps: list[int] = []
        self.scores: list[float] = []
        """Those that say whether training has levelled off, where it may end so."""
        self.levelled = False

    def add(self, step: int, learner: Learner) -> None:
        """Read and keep the learner after a step, where that is asked for."""
        if step in self.reads:
            self.readings.append(reading(self.problem, self.context, learner))
            self.steps.append(step)
            if self.until is not None:
                sign = 1 if self.problem.task.metrics[0].higher_is_better else -1
                self.scores.append(sign * self._on_validation(learner, self.until.examples))
                self.levelled = self.until.reached(self.steps, self.scores)
        if step in self.keeps:
            for part, leaves in learner._asdict().items():
                self.kept[part][str(step)] = tree.move(leaves, cpu())

    def outcome(self, learner: Learner) -> Tree:
        """The outcome of the training, whose last learner this is."""
        self.add(END, learner)
        names = self.readings[0] if self.readings else ()
        outcome = {name: torch.stack([each[name] for each in self.readings]) for name in names}
        if self.validation:
            value = self._on_validation(learner, self.validation)
            outcome["validation"] = torch.tensor(value, dtype=torch.float64)
        if self.until is not None:
            outcome["steps"] = torch.tensor(self.steps)
            outcome["scores"] = torch.tensor(self.scores, dtype=torch.float64)
        return {**outcome, **{part: steps for part, steps in self.kept.items() if tree.leaves(steps)}}

    def _on_validation(self, learner: Learner, examples: int) -> float:
        """The first metric on so many validation examples."""
        chosen_on = replace(self.context, split="validation", evaluation_size=examples)
        return float(reading(self.problem, chosen_on, learner)[self.problem.task.metrics[0].name])


def reading(problem: Problem, context: ProbeContext, learner: Learner) -> dict[str, Tensor]:
    """What a learner says of the evaluation examples: "predictions", "losses" and each metric of the task.

    A metric that is not told from outputs alone is that of the whole split.
    """
    task, examples = problem.task, context.examples
    outputs = outputs_of(problem, learner, context.inputs)
    values = task.measure(outputs, examples)
    if values is None:
        values = task.evaluate(
            lambda inputs: outputs_of(problem, learner, inputs), context.split, Key(("evaluate", context.split))
        )
    return {
        "predictions": outputs.argmax(-1).to(torch.int16),
        "losses": losses_of(problem, outputs, examples.targets),
        **{name: torch.tensor(value, dtype=torch.float64) for name, value in values.items()},
    }
