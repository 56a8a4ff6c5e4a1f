"""A classifier of rows, as a network that is fitted and not stepped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import torch

from limbeck.core import tree
from limbeck.core.contracts import AbstractTask, Batch, Readout
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.classifiers.contract import LEAST, AbstractClassifier, Examples
from limbeck.learn.fitted import AbstractFitted
from limbeck.statistics.labels import label_weights

NEGLIGIBLE = 1e-4
"""The weight of a class in a soft label below which it is none: it would be one more row for what says nothing."""
ALONE = "alone"
"""What is kept of a fit to one class: how likely it is."""


@final
@dataclass(frozen=True)
class Machine(AbstractFitted):
    """A classifier of all numbers of an input side by side; its outputs are logarithms of chances, in float64.

    A soft label is a row for each of its classes, of that weight. Fitted to one class alone, or to nothing, it says the
    same of all.
    """

    task: AbstractTask
    classifier: AbstractClassifier
    most: int
    """Items that it is fitted to at most."""

    @property
    def name(self) -> str:  # type: ignore[override]
        """That of the classifier."""
        return self.classifier.name

    @property
    def draws(self) -> bool:  # type: ignore[override]
        """Whether the classifier draws."""
        return self.classifier.draws

    def init(self, key: Key) -> Tree:
        """All classes are alike."""
        return {ALONE: torch.zeros(len(self.task.classes), dtype=torch.float64)}

    def fit(self, batch: Batch, key: Key) -> Tree:
        """The parameters of the classifier fitted to a batch.

        InputError for more items than `most`, and for targets that say no weights of classes.
        """
        if len(batch.classes) > self.most:
            raise InputError(
                f"classifier {self.name}: found {len(batch.classes):,} items, expected at most {self.most:,}; choose "
                "another protocol"
            )
        examples, device = weighted(batch, len(self.task.classes), f"classifier {self.name}"), batch.targets.device
        present = np.unique(examples.labels)
        if len(present) == 1:
            chances = torch.full((examples.classes,), LEAST, dtype=torch.float64)
            chances[present] = 1.0
            return {ALONE: chances.log().to(device)}
        return tree.move(self.classifier.fit(examples, key), device)

    def flops(self, items: int, examples: int) -> float:
        """About how many operations it takes to fit it to so many items and to read so many examples."""
        return self.classifier.flops(items, examples, tree.numel(self.task.shape), len(self.task.classes))

    def apply(self, params: Tree, inputs: Tree, statistics: Tree | None = None) -> Readout:
        """What it says, which the features are, too."""
        rows = tree.flat_rows(inputs).double()
        said = params[ALONE].expand(len(rows), -1) if ALONE in params else self.classifier.outputs(params, rows)
        return Readout(said, said)


def weighted(batch: Batch, classes: int, asked_by: str) -> Examples:
    """The items of a batch, a row for each class that a label gives weight; InputError, which says who asked.

    Labels that are outputs and no weights stand for their softmax.
    """
    weights = label_weights(batch.targets, classes)
    if weights is None or not all(map(torch.is_floating_point, tree.leaves(batch.inputs))):
        raise InputError(
            f"{asked_by}: found targets that are no weights of {classes} classes, or inputs that are no numbers; "
            "choose another protocol"
        )
    kept = torch.where(weights < NEGLIGIBLE, 0.0, weights.detach()).cpu()
    kept = kept / kept.sum(1, keepdim=True)
    item, label = kept.nonzero(as_tuple=True)
    rows = tree.flat_rows(batch.inputs).detach().double().cpu()
    return Examples(rows[item].numpy(), label.numpy(), kept[item, label].numpy(), classes)
