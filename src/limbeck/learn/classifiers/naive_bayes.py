"""Naive Bayes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core.expect import positive
from limbeck.core.key import Key
from limbeck.learn.classifiers.contract import LEAST, AbstractClassifier, Examples


@dataclass(frozen=True)
class NaiveBayes(AbstractClassifier):
    """A normal distribution of each number in each class, as if numbers had nothing to do with one another."""

    smoothing: float = 1e-9
    """What is added to every variance, as a share of the largest variance of all."""

    def __post_init__(self) -> None:
        positive(self, "smoothing")

    def fit(self, examples: Examples, key: Key) -> dict[str, Tensor]:
        """ "mean" and "variance" (class, number) and "prior" (class,), the logarithm of the share of each class."""
        rows, labels, weights = (torch.from_numpy(each) for each in examples[:3])
        whose = torch.nn.functional.one_hot(labels, examples.classes).double() * weights[:, None]
        total = whose.sum(0).clamp_min(LEAST)[:, None]
        mean = whose.T @ rows / total
        variance = torch.stack(
            [(whose[:, at, None] * (rows - mean[at]).square()).sum(0) / total[at] for at in range(examples.classes)]
        )
        largest = (rows - rows.mean(0)).square().mean(0).max()
        return {
            "mean": mean,
            "variance": variance + self.smoothing * largest.clamp_min(LEAST),
            "prior": (total[:, 0] / total.sum()).log(),
        }

    def outputs(self, params: dict[str, Tensor], rows: Float[Tensor, "row number"]) -> Float[Tensor, "row class"]:
        """The logarithm of the prior and of each number's density."""
        said = [
            prior - ((rows - mean).square() / variance + variance.log()).sum(1) / 2
            for mean, variance, prior in zip(params["mean"], params["variance"], params["prior"], strict=True)
        ]
        return torch.stack(said, 1)

    def flops(self, examples: int, read: int, numbers: int, classes: int) -> float:
        """A density of each number in each class."""
        return 5.0 * numbers * classes * (examples + read)
