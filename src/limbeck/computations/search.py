"""A random search over how a network is trained, chosen on validation data."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import torch

from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.sources import Mixture
from limbeck.computations.steps import Steps
from limbeck.computations.training import Training
from limbeck.core.expect import AbstractPart
from limbeck.core.family import VALUES
from limbeck.core.key import Key
from limbeck.core.tree import Tree


@VALUES.register
@dataclass(frozen=True)
class Search(AbstractPart):
    """What a network is trained on, and the space of settings that draws are made from.

    Draw 0 is the default setting: SGD 0.01, momentum 0.9, no weight decay, all examples at once, for the most steps. Of
    every other draw the learning rate is log-uniform in `learning_rates` and the rest uniform among the values listed.
    A draw depends on the network and its number alone, so that all that is trained on is tried under the same settings.
    """

    on: Mixture = Mixture()
    network: str = ""
    learning_rates: tuple[float, float] = (1e-3, 1e-1)
    momenta: tuple[float, ...] = (0.0, 0.9)
    weight_decays: tuple[float, ...] = (0.0, 5e-4)
    steps: tuple[int, ...] = (100, 200, 300)
    batches: tuple[int, ...] = (0,)
    """How many examples a step sees; 0: all."""
    sample: int = 2000
    """How many validation examples a setting is chosen on."""

    def setting(self, index: int) -> dict[str, Any]:
        """The setting of a draw, as fields of `Training`."""
        if index == 0:
            return {"learning_rate": 0.01, "momentum": 0.9, "weight_decay": 0.0, "steps": max(self.steps), "batch": 0}
        key = Key(("search", self.network, index))
        low, high = map(math.log, self.learning_rates)
        size = math.exp(low + (high - low) * float(key.fold("learning rate").uniform(1)))
        drawn: dict[str, Any] = {
            name: values[int(key.fold(name).integers(len(values), 1))]
            for name, values in (
                ("momentum", self.momenta),
                ("weight_decay", self.weight_decays),
                ("steps", self.steps),
                ("batch", self.batches),
            )
        }
        return {**drawn, "learning_rate": float(f"{size:.3g}")}

    def training(self, context: ProbeContext, index: int, seed: int) -> Training:
        """The training of a seed by a draw, on real examples of its own where there are any."""
        setting, on = self.setting(index), replace(self.on, shuffle=seed)
        # A last batch of one example has no variance to normalise by.
        if setting["batch"] and on.count(context) % setting["batch"] == 1:
            setting["batch"] = 0
        return Training(on, seed, Steps(**setting), self.network, validation=self.sample)

    def measured(self, context: ProbeContext, training: Training) -> Tree:
        """{"validation", "accuracy"}: the first metric of a training on validation examples and on evaluation ones."""
        outcome = training.run(context)
        return {"validation": outcome["validation"], "accuracy": outcome[context.problem.task.metrics[0].name][-1]}

    def flops(self, context: ProbeContext, index: int = 0) -> float:
        """The operations of training by a draw and of reading it."""
        return self.training(context, index, 0).flops(context)


class AbstractTrial(AbstractComputation):
    """One training by a draw of a search."""

    search: Search
    index: int

    @abstractmethod
    def training(self, context: ProbeContext) -> Training:
        """The training."""

    @property
    def depends_on_set(self) -> bool:
        """Whether it is trained on items of the set."""
        return self.search.on.depends_on_set

    @property
    def other_network(self) -> str:
        """As its search says."""
        return self.search.network

    def passes(self, context: ProbeContext) -> float:
        """Those of the training."""
        return self.training(context).passes(context)

    def bytes(self, context: ProbeContext, together: int = 1) -> float:
        """Those of the training."""
        return self.training(context).bytes(context)

    def flops(self, context: ProbeContext) -> float:
        """The operations of training and reading."""
        return self.training(context).flops(context)

    def run(self, context: ProbeContext) -> Tree:
        """Train and read."""
        return self.search.measured(context, self.training(context))


@dataclass(frozen=True)
class Draw(AbstractTrial):
    """One draw of a search, by seed 0: its "validation" accuracy and its "accuracy" on evaluation examples."""

    doing = "trying training settings"

    search: Search
    index: int

    def training(self, context: ProbeContext) -> Training:
        """That of seed 0."""
        return self.search.training(context, self.index, 0)

    def bytes(self, context: ProbeContext, together: int = 1) -> float:
        """Those of the default setting, which sees all examples at once."""
        return self.search.training(context, 0, 0).bytes(context)


@dataclass(frozen=True)
class Chosen(AbstractComputation):
    """A fresh learner trained by the best of some draws of a search: "validation", "accuracy", and "index", the draw.

    The best has the highest validation accuracy, the first of equals. Evaluation examples have no say.
    """

    doing = "training by the best settings"

    search: Search
    draws: int
    seed: int

    @property
    def depends_on_set(self) -> bool:
        """Whether it is trained on items of the set."""
        return self.search.on.depends_on_set

    def needs(self) -> tuple[AbstractComputation, ...]:
        """All draws."""
        return tuple(Draw(self.search, index) for index in range(self.draws))

    def passes(self, context: ProbeContext) -> float:
        """Those of the default setting, which takes the most steps."""
        return self.search.training(context, 0, 0).passes(context)

    def bytes(self, context: ProbeContext, together: int = 1) -> float:
        """Those of a training."""
        return self.search.training(context, 0, 0).bytes(context)

    def flops(self, context: ProbeContext) -> float:
        """The operations of the default setting, which takes the most steps."""
        return self.search.flops(context)

    def run(self, context: ProbeContext) -> Tree:
        """Choose, train and read."""
        sign = 1 if context.problem.task.metrics[0].higher_is_better else -1
        index = best([sign * float(context.outcome(each, "validation")) for each in self.needs()])
        measured = self.search.measured(context, self.search.training(context, index, self.seed))
        return {**measured, "index": torch.tensor(index)}


def best(values: list[float]) -> int:
    """The place of the largest value, the first of equals.

    >>> best([0.1, 0.3, 0.3])
    1
    """
    return max(range(len(values)), key=lambda index: values[index])
