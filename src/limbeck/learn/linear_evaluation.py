"""Linear evaluation: features that a network learned from a set, and a linear layer fitted to a few labelled images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from limbeck.core.contracts import AbstractTask, Batch, Readout
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.compiled import Operations
from limbeck.learn.epochs import shuffled_epochs
from limbeck.learn.fitted import AbstractFitted
from limbeck.learn.losses import BySquaredError
from limbeck.learn.networks.network import Network, ending_in
from limbeck.learn.ridge import ridge_weights, with_ones
from limbeck.learn.rules import AbstractInnerOptimizer
from limbeck.learn.training import fit, row_loader

TRAINING, READING = 3, 1
"""Passes through a network, of the operations of one, to learn from an example and to read it."""


@final
@dataclass(frozen=True)
class LinearEvaluation(AbstractFitted):
    """The network learns the targets of a set by squared error; its features then get another last layer.

    outputs = W' (phi(x), 1), where W is ridge regression to y - 1/C on `labelled` real images of each of C classes, in
    float64. Its parameters are those of the "body", its running "statistics" and the "head" W (feature, class).
    """

    task: AbstractTask
    network: Network
    optimizer: AbstractInnerOptimizer
    steps: int
    learning_rate: float
    batch: int
    labelled: int
    ridge: float
    """In units of the mean of |(phi(x), 1)|^2 over the labelled images."""
    most: int
    draws = True

    @property
    def name(self) -> str:  # type: ignore[override]
        """That of the network."""
        return self.network.name

    @property
    def source(self) -> dict[str, str]:
        """That of the network."""
        return self.network.source

    def init(self, key: Key) -> Tree:
        """The network before it has learned, and a last layer that says nothing."""
        params, statistics = self.network.init(key), self.network.statistics()
        with torch.no_grad():
            features = self.network.apply(params, torch.zeros(1, *self.network.shape), statistics).features
        head = torch.zeros(features.shape[1] + 1, len(self.task.classes), dtype=torch.float64)
        return {"body": params, "head": head, "statistics": statistics}

    def fit(self, batch: Batch, key: Key) -> Tree:
        """The network that learned from a batch, and the last layer of its features.

        InputError for more items than `most`, and for targets that are no row of numbers for each.
        """
        count, targets = len(batch.classes), batch.targets
        if count > self.most or not isinstance(targets, Tensor) or targets.dim() != 2:
            shape = tuple(targets.shape) if isinstance(targets, Tensor) else "of several tensors"
            raise InputError(
                f"protocol linear: found {count:,} items under targets {shape}, expected at most {self.most:,} under a "
                "row of numbers each; choose another protocol"
            )
        network, device = ending_in(self.network, targets.shape[1]), targets.device
        rule, epochs = self.optimizer.rule(), max(1, -(-self.steps // -(-count // min(self.batch, count))))
        planned = shuffled_epochs(count, epochs, self.batch, self.learning_rate, rule, key.fold("order"))
        schedule = planned._replace(learning_rates=planned.learning_rates[: self.steps], loss=BySquaredError())
        params, statistics = fit(self.task, network, row_loader(self.task, batch), schedule, key, device)
        groups = self.task.groups("train")
        rows = [each[key.fold(label).permutation(len(each))[: self.labelled]] for label, each in enumerate(groups)]
        real = self.task.load_on(device, "train", torch.cat(rows))
        with torch.no_grad():
            features = with_ones(self.network.apply(params, real.inputs, statistics).features).double()
            weights = ridge_weights(features @ features.T, real.targets.double() - 1 / len(groups), self.ridge)
        return {"body": params, "head": features.T @ weights, "statistics": statistics}

    def flops(self, items: int, examples: int) -> float:
        """About how many operations it takes to learn from so many items and to read so many examples."""
        with torch.no_grad(), Operations() as counted:
            zeros = torch.zeros(1, *self.network.shape)
            self.network.apply(self.network.init(Key()), zeros, self.network.statistics())
        seen = TRAINING * self.steps * min(self.batch, items)
        return float(counted.count) * (seen + READING * (examples + self.labelled * len(self.task.classes)))

    def apply(self, params: Tree, inputs: Tree, statistics: Tree | None = None) -> Readout:
        """The features, and what the last layer says of them."""
        features = self.network.apply(params["body"], inputs, params.get("statistics")).features
        return Readout(features, with_ones(features).double() @ params["head"])

    def layers(self, params: Tree, inputs: Tree, statistics: Tree | None = None) -> tuple[Tensor, ...]:
        """Those of the network."""
        return self.network.layers(params["body"], inputs, params.get("statistics"))
