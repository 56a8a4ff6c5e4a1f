"""How much alike two images are, by what a network that has learned the real data makes of them."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from limbeck.core.expect import AbstractPart
from limbeck.starts.seen import Gradients, Seen


class AbstractSimilarity(AbstractPart):
    """How much alike two examples are: symmetric, and never below 0."""

    @abstractmethod
    def of(self, seen: Seen) -> Float[Tensor, "example example"]:
        """The similarity of each example of a class to each."""


@dataclass(frozen=True)
class FeatureCosine(AbstractSimilarity):
    """By the angle between features: (1 + cosine) / 2."""

    def of(self, seen: Seen) -> Float[Tensor, "example example"]:
        """From 0 for opposite features to 1 for those of one direction."""
        directions = nn.functional.normalize(seen.features.double())
        return ((1 + directions @ directions.T) / 2).clamp(min=0)


@dataclass(frozen=True)
class GradientNearness(AbstractSimilarity):
    """By how little the gradients in the last layer differ (Mirzasoleiman et al., ICML 2020).

    similarity(i, j) = max over pairs of |g_k - g_l| less |g_i - g_j|, with g the gradients of the loss.
    """

    def of(self, seen: Seen) -> Float[Tensor, "example example"]:
        """From 0 for the pair that differs most, to that difference for equal gradients."""
        distances = distances_of(seen.gradients)
        return distances.max() - distances


def distances_of(gradients: Gradients) -> Float[Tensor, "example example"]:
    """The Euclidean distance of each gradient from each."""
    products = gradients.products(gradients)
    squares = products.diagonal()
    return (squares[:, None] + squares - 2 * products).clamp(min=0).sqrt()
