"""What targets say of the classes."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from limbeck.core.tree import Tree

_SUM = 1e-3
"""How far from 1 the weights of an example may add up."""


def label_weights(targets: Tree, classes: int) -> Float[Tensor, "example class"] | None:
    """The weights over classes that targets stand for; None where they are no numbers for each class.

    Targets that are weights already, none below 0 and each example's together 1, are themselves; others are outputs
    that a learner is to have, and stand for their softmax.

    >>> import torch
    >>> label_weights(torch.tensor([[0.25, 0.75]]), 2).tolist(), label_weights(torch.tensor([[3.0, 3.0]]), 2).tolist()
    ([[0.25, 0.75]], [[0.5, 0.5]])
    """
    if classes < 2 or not isinstance(targets, Tensor) or targets.dim() != 2 or targets.shape[1] != classes:
        return None
    values = targets.double()
    weights = bool((values >= 0).all()) and bool(((values.sum(1) - 1).abs() <= _SUM).all())
    return values if weights else values.softmax(1)
