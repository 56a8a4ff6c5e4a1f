"""Logistic regression."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core.expect import at_least, positive
from limbeck.core.key import Key
from limbeck.learn.classifiers.contract import AbstractClassifier, Examples


@dataclass(frozen=True)
class Logistic(AbstractClassifier):
    """Logistic regression with a penalty on the squares of its weights, as scikit-learn fits it."""

    inverse_penalty: float = 1.0
    """What the loss of all examples together is weighed by against half of the squares."""
    most_steps: int = 1000
    """Steps of L-BFGS at most."""

    def __post_init__(self) -> None:
        positive(self, "inverse_penalty")
        at_least(self, 1, "most_steps")

    def fit(self, examples: Examples, key: Key) -> dict[str, Tensor]:
        """ "weight" (class, number) and "bias" (class,); of a class without examples nothing is likely."""
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=self.inverse_penalty, max_iter=self.most_steps)
        model.fit(examples.rows, examples.labels, examples.weights)
        present, numbers = model.classes_, examples.rows.shape[1]
        weight = torch.zeros(examples.classes, numbers, dtype=torch.float64)
        bias = torch.full((examples.classes,), -1e3, dtype=torch.float64)
        bias[present] = 0.0
        # Of two classes there is one row of weights, of the second of them.
        own = present[1:] if len(present) == 2 else present
        weight[own], bias[own] = torch.from_numpy(model.coef_).double(), torch.from_numpy(model.intercept_).double()
        return {"weight": weight, "bias": bias}

    def outputs(self, params: dict[str, Tensor], rows: Float[Tensor, "row number"]) -> Float[Tensor, "row class"]:
        """The regression."""
        return rows @ params["weight"].T + params["bias"]

    def flops(self, examples: int, read: int, numbers: int, classes: int) -> float:
        """A hundred steps, and a product."""
        return 4.0 * numbers * classes * (100 * examples + read)
