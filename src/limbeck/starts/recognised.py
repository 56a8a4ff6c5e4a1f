"""Features of nodes that a teacher recognises."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from limbeck.computations.contract import ProbeContext
from limbeck.computations.teachers import Teacher
from limbeck.core.contracts import AbstractStart, Batch, Problem
from limbeck.core.expect import at_least, positive
from limbeck.core.key import Key
from limbeck.learn.graphs import EDGES, FEATURES, labelled_nodes
from limbeck.learn.optim import Adam


@dataclass(frozen=True)
class Recognised(AbstractStart):
    """Nodes without edges whose features a teacher names as their class (the start of GDEM, Liu et al., ICML 2024).

    Of N nodes with d numbers each, all are drawn from U(-a, a), a = sqrt(6 / (N + d)), and stepped by Adam down the
    mean of -log p(class), p the teacher's: a network trained on real training nodes and frozen, by default one that
    sees features alone. Rates and weight decay are in the units of the data. InputError where the data are no graph.
    """

    makes = True

    teacher: Teacher = field(default_factory=lambda: Teacher(network="mlp-w256", learning_rate=0.1, weight_decay=0.005))
    """The network that names; of weights that still are mostly as they were drawn, features would be so, too."""
    steps: int = 200
    """How often features are stepped."""
    learning_rate: float = 0.005
    """The length of a step."""
    weight_decay: float = 0.05
    """How strongly features are drawn to zero."""

    def __post_init__(self) -> None:
        at_least(self, 0, "steps", "weight_decay")
        positive(self, "learning_rate")

    def check(self, problem: Problem) -> None:
        """InputError where the data are no graph."""
        labelled_nodes(problem.task)

    def needs(self, problem: Problem) -> tuple[Any, ...]:
        """The training of the teacher."""
        return (self.teacher.training(),)

    def pick(self, problem: Problem, per_class: int, key: Key) -> Batch:
        """`per_class` nodes of every class."""
        whole, count = labelled_nodes(problem.task)[0], len(problem.task.classes)
        labels = torch.arange(count).repeat_interleave(per_class)
        numbers, learner = whole.features.shape[1], self.teacher.learner(problem)
        under, device = ProbeContext(problem).under(self.teacher.network).problem, problem.device
        bound = math.sqrt(6 / (len(labels) + numbers))
        features = (bound * (2 * key.fold("features").uniform(len(labels), numbers) - 1)).float().to(device)
        alone, wanted = features.new_zeros(len(labels), len(labels)), labels.to(device)
        optimizer = Adam(learning_rate=self.learning_rate, weight_decay=self.weight_decay)
        state = optimizer.init(features)
        for _ in range(self.steps):
            moved = features.requires_grad_()
            with torch.enable_grad():
                shown = {EDGES: alone, FEATURES: whole.scale * moved}
                outputs = under.network.apply(learner.params, shown, learner.statistics).outputs
                (slope,) = torch.autograd.grad(nn.functional.cross_entropy(outputs, wanted), [moved])
            features, state = optimizer.step(moved.detach(), slope, state)
        targets = nn.functional.one_hot(labels, count).float()
        return Batch({EDGES: alone, FEATURES: whole.scale * features.detach()}, targets, labels).to(device)
