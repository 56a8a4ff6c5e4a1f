"""What helps on held-out images."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core.contracts import AbstractTask
from limbeck.core.expect import positive
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.starts.seen import Gradients, Seen, residuals
from limbeck.starts.selection import AbstractSelection


@dataclass(frozen=True)
class HeldOut(AbstractSelection):
    """Real images a step on which most lowers the loss of validation images (Killamsetty et al., AAAI 2021).

    The step is one of the last layer, and it is taken on all that are chosen before the next is. Where a class has
    no validation images, the images that are chosen from stand in for them.
    """

    rate: float = 0.01
    """The learning rate of the step on the summed loss of what is chosen."""

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(self, "rate")

    def select(self, seen: Seen, count: int, key: Key) -> Int[Tensor, " item"]:
        """`count` examples, in the order they are chosen."""
        held = seen.held_out
        outputs, features = (leaf.double() for leaf in (held.readout.outputs, held.readout.features))
        return ahead(seen.gradients, outputs, features, held.targets, seen.problem.task, self.rate, count)


def ahead(
    gradients: Gradients,
    outputs: Float[Tensor, "held output"],
    features: Float[Tensor, "held feature"],
    targets: Tree,
    task: AbstractTask,
    rate: float,
    count: int,
) -> Int[Tensor, " item"]:
    """`count` examples, each the one whose gradient has the largest product with that of the held-out mean loss.

    That loss is taken after a step of the last layer from where outputs and features are, by `rate`, down the sum of
    the gradients of all that are chosen before: to first order the product, times the rate, is what the example adds
    to how far a step on the whole set lowers it. Of equals it is the first.
    """
    left = torch.ones(len(gradients.features), dtype=torch.bool)
    chosen: list[int] = []
    for _ in range(count):
        now = outputs
        if chosen:
            before = Gradients(gradients.residuals[chosen], gradients.features[chosen])
            now = outputs - rate * ((features @ before.features.T + 1) @ before.residuals)
        pulls = Gradients(residuals(task, now, targets), features)
        best = int(mean_products(gradients, pulls).where(left, -torch.inf).argmax())
        chosen.append(best)
        left[best] = False
    return torch.tensor(chosen)


def mean_products(gradients: Gradients, others: Gradients) -> Float[Tensor, " example"]:
    """The product of each gradient with the mean of others; equal to the mean of their products, and far cheaper."""
    weights = others.residuals.T @ others.features / len(others.features)
    return ((gradients.features @ weights.T + others.residuals.mean(0)) * gradients.residuals).sum(1)
