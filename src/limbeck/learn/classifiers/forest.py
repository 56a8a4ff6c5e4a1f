"""A random forest."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float
from torch import Tensor

from limbeck.core.expect import at_least
from limbeck.core.key import Key
from limbeck.learn.classifiers.contract import LEAST, AbstractClassifier, Examples
from limbeck.learn.classifiers.trees import Nodes, ensemble, nodes, summed


@dataclass(frozen=True)
class Forest(AbstractClassifier):
    """A random forest (Breiman, 2001), as scikit-learn grows it: each tree on rows drawn anew, to pure leaves."""

    trees: int = 100
    """Trees, whose shares of classes are averaged."""
    draws: ClassVar[bool] = True

    def __post_init__(self) -> None:
        at_least(self, 1, "trees")

    def fit(self, examples: Examples, key: Key) -> dict[str, Tensor]:
        """The trees, each leaf with the weights of its classes."""
        from sklearn.ensemble import RandomForestClassifier

        model = RandomForestClassifier(self.trees, random_state=key.seed % 2**32)
        model.fit(examples.rows, examples.labels, examples.weights)
        return ensemble([_nodes(each.tree_, model.classes_, examples.classes) for each in model.estimators_])

    def outputs(self, params: dict[str, Tensor], rows: Float[Tensor, "row number"]) -> Float[Tensor, "row class"]:
        """The logarithm of the mean share over trees."""
        return (summed(params, rows.float().double()) / len(params["left"])).clamp_min(LEAST).log()

    def flops(self, examples: int, read: int, numbers: int, classes: int) -> float:
        """Each tree is grown by sorting and is walked down."""
        depth = math.log2(examples + 2)
        return 20.0 * self.trees * (examples * depth**2 * math.sqrt(numbers) + read * (depth + classes))


def _nodes(grown: Any, present: np.ndarray, classes: int) -> Nodes:
    """A tree of scikit-learn's, of the classes that are present."""
    held = grown.value[:, 0, :]
    value = np.zeros((len(held), classes))
    value[:, present] = held / held.sum(1, keepdims=True)
    leaf = grown.children_left < 0
    return nodes(
        grown.feature,
        grown.threshold,
        grown.children_left,
        grown.children_right,
        leaf,
        value,
    )
