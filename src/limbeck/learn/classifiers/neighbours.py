"""The nearest neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core.expect import at_least
from limbeck.core.key import Key
from limbeck.learn.classifiers.contract import LEAST, AbstractClassifier, Examples

_AT_ONCE = 2**24
"""Distances that are held at once."""


@dataclass(frozen=True)
class Neighbours(AbstractClassifier):
    """The weights of classes of the k nearest items, averaged (Cover & Hart, 1967)."""

    nearest: int = 5
    """k; all items, where there are fewer."""

    def __post_init__(self) -> None:
        at_least(self, 1, "nearest")

    def fit(self, examples: Examples, key: Key) -> dict[str, Tensor]:
        """Different "items" (item, number) and the "weights" of classes (item, class) of each, as they came."""
        rows, labels = torch.from_numpy(examples.rows), torch.from_numpy(examples.labels)
        # The rows of one soft label follow one another, and are one neighbour: their weights add up to 1.
        number = (torch.from_numpy(examples.weights).cumsum(0) - 1e-6).floor().long()
        weights = torch.zeros(int(number[-1]) + 1, examples.classes, dtype=torch.float64)
        weights.index_put_((number, labels), torch.from_numpy(examples.weights), accumulate=True)
        items = torch.zeros(len(weights), rows.shape[1], dtype=torch.float64)
        items[number] = rows
        return {"items": items, "weights": weights}

    def outputs(self, params: dict[str, Tensor], rows: Float[Tensor, "row number"]) -> Float[Tensor, "row class"]:
        """The logarithm of the mean weights of the nearest; of equally near ones the first."""
        items, nearest = params["items"], min(self.nearest, len(params["items"]))
        found = []
        for part in rows.split(max(1, _AT_ONCE // len(items))):
            which = torch.cdist(part, items).topk(nearest, largest=False).indices
            found.append(params["weights"][which].mean(1))
        return torch.cat(found).clamp_min(LEAST).log()

    def flops(self, examples: int, read: int, numbers: int, classes: int) -> float:
        """A distance of each row from each item."""
        return 3.0 * numbers * examples * read
