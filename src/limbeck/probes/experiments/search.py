"""A random search over how a network is trained, chosen on validation data."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import torch

from limbeck.core.key import Key
from limbeck.core.probing import AbstractExperiment, Case
from limbeck.core.tree import Tree
from limbeck.learn.population import operations
from limbeck.learn.training import Learner, last
from limbeck.probes.experiments.training import FORWARD, Mixture, Training, reading


@dataclass(frozen=True)
class Search:
    """What a network is trained on, and the space of settings that draws are made from.

    Draw 0 is the customary setting: SGD 0.01, momentum 0.9, no decay, all examples at once, for the most steps. Of
    every other draw the step size is log-uniform in `step_sizes` and the rest uniform among the values listed. A draw
    depends on the network and its number alone, so that all that is trained on is tried under the same settings.
    """

    on: Mixture = Mixture()
    network: str = ""
    step_sizes: tuple[float, float] = (1e-3, 1e-1)
    momenta: tuple[float, ...] = (0.0, 0.9)
    decays: tuple[float, ...] = (0.0, 5e-4)
    steps: tuple[int, ...] = (100, 200, 300)
    batches: tuple[int, ...] = (0,)
    """How many examples a step sees; 0: all."""
    sample: int = 2000
    """How many validation examples a setting is chosen on."""

    def setting(self, index: int) -> dict[str, Any]:
        """The setting of a draw, as fields of `Training`."""
        if index == 0:
            return {"step_size": 0.01, "momentum": 0.9, "decay": 0.0, "steps": max(self.steps), "batch": 0}
        key = Key(("search", self.network, index))
        low, high = map(math.log, self.step_sizes)
        size = math.exp(low + (high - low) * float(key.fold("step size").uniform(1)))
        drawn: dict[str, Any] = {
            name: values[int(key.fold(name).integers(len(values), 1))]
            for name, values in (
                ("momentum", self.momenta),
                ("decay", self.decays),
                ("steps", self.steps),
                ("batch", self.batches),
            )
        }
        return {**drawn, "step_size": float(f"{size:.3g}")}

    def training(self, case: Case, index: int, member: int) -> Training:
        """The training of member `member` by a draw, on real images of its own where there are any."""
        setting, on = self.setting(index), replace(self.on, shuffle=member)
        # A last batch of one example has no variance to normalise by.
        if setting["batch"] and on.count(case) % setting["batch"] == 1:
            setting["batch"] = 0
        return Training(on, member, network=self.network, reads=(), **setting)

    def measured(self, case: Case, training: Training) -> Tree:
        """{"validation", "accuracy"}: the accuracies of a training on validation examples and on judged ones."""
        learner: Learner = last(training.learners(case))
        problem = case.under(self.network).problem
        chosen_on = replace(case, split="validation", judged=self.sample)
        return {
            "validation": reading(problem, chosen_on, learner)["accuracy"],
            "accuracy": reading(problem, case, learner)["accuracy"],
        }

    def effort(self, case: Case, index: int = 0) -> float:
        """The operations of a draw and of judging it."""
        read = operations(case.under(self.network).problem) * FORWARD * (self.sample + len(case.rows))
        return self.training(case, index, 0).effort(case) + read


@dataclass(frozen=True)
class Draw(AbstractExperiment):
    """One draw of a search, by member 0: its "validation" accuracy and its "accuracy" on judged examples."""

    search: Search
    index: int

    @property
    def distilled(self) -> bool:
        """Whether it is trained on items of the set."""
        return self.search.on.distilled

    def effort(self, case: Case) -> float:
        """The operations of training and reading."""
        return self.search.effort(case, self.index)

    def run(self, case: Case) -> Tree:
        """Train and read."""
        return self.search.measured(case, self.search.training(case, self.index, 0))


@dataclass(frozen=True)
class Chosen(AbstractExperiment):
    """A fresh learner trained by the best of some draws of a search: "validation", "accuracy", and "index", the draw.

    The best has the highest validation accuracy, the first of equals. Judged examples have no say.
    """

    search: Search
    draws: int
    member: int

    @property
    def distilled(self) -> bool:
        """Whether it is trained on items of the set."""
        return self.search.on.distilled

    def needs(self) -> tuple[AbstractExperiment, ...]:
        """All draws."""
        return tuple(Draw(self.search, index) for index in range(self.draws))

    def effort(self, case: Case) -> float:
        """The operations of the customary setting, which takes the most steps."""
        return self.search.effort(case)

    def run(self, case: Case) -> Tree:
        """Choose, train and read."""
        index = best([float(case.outcome(each, "validation")) for each in self.needs()])
        measured = self.search.measured(case, self.search.training(case, index, self.member))
        return {**measured, "index": torch.tensor(index)}


def best(values: list[float]) -> int:
    """The place of the largest value, the first of equals.

    >>> best([0.1, 0.3, 0.3])
    1
    """
    return max(range(len(values)), key=lambda index: values[index])
