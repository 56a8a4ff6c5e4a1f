"""Gradient-boosted trees."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core.expect import at_least, positive
from limbeck.core.key import Key
from limbeck.learn.classifiers.contract import AbstractClassifier, Examples
from limbeck.learn.classifiers.trees import Nodes, ensemble, nodes, summed


@dataclass(frozen=True)
class Boosted(AbstractClassifier):
    """Gradient-boosted trees over histograms (Ke et al., NeurIPS 2017), as scikit-learn grows them."""

    rounds: int = 100
    """Trees of each class."""
    learning_rate: float = 0.1
    """The share of itself that each tree adds."""
    leaves: int = 31
    """Leaves of a tree, at most."""
    least: int = 1
    """Rows of a leaf, at least: few, as a distilled set has few."""

    def __post_init__(self) -> None:
        at_least(self, 1, "rounds", "least")
        at_least(self, 2, "leaves")
        positive(self, "learning_rate")

    def fit(self, examples: Examples, key: Key) -> dict[str, Tensor]:
        """The trees, and "base", what is said before the first (class,)."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        model = HistGradientBoostingClassifier(
            max_iter=self.rounds, learning_rate=self.learning_rate, max_leaf_nodes=self.leaves,
            min_samples_leaf=self.least, early_stopping=False, random_state=0,
        )  # fmt: skip
        model.fit(examples.rows, examples.labels, examples.weights)
        present = model.classes_
        # Of two classes there is one tree a round, for the second of them.
        own = present[1:] if len(present) == 2 else present
        base = torch.full((examples.classes,), -torch.inf, dtype=torch.float64)
        base[present] = 0.0
        base[own] = torch.from_numpy(np.asarray(model._baseline_prediction, np.float64).ravel())
        grown = [
            _nodes(each.nodes, int(label), examples.classes)
            for each_round in model._predictors
            for each, label in zip(each_round, own, strict=True)
        ]
        return {**ensemble(grown), "base": base.clamp_min(-1e3)}

    def outputs(self, params: dict[str, Tensor], rows: Float[Tensor, "row number"]) -> Float[Tensor, "row class"]:
        """What all trees add up to."""
        return params["base"] + summed(params, rows)

    def flops(self, examples: int, read: int, numbers: int, classes: int) -> float:
        """Each tree is grown by sums over all examples, and is walked down."""
        trees = self.rounds * (1 if classes == 2 else classes)
        return 10.0 * trees * (examples * numbers + read * (math.log2(self.leaves) + classes))


def _nodes(held: Any, label: int, classes: int) -> Nodes:
    """A tree of scikit-learn's that is of one class."""
    value = np.zeros((len(held), classes))
    value[:, label] = held["value"]
    return nodes(
        held["feature_idx"], held["num_threshold"], held["left"], held["right"], held["is_leaf"].astype(bool), value
    )
