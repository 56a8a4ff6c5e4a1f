"""Classes read off a few prototypes with soft labels."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def soft_nearest(
    queries: Float[Tensor, "query number"],
    prototypes: Float[Tensor, "item number"],
    targets: Float[Tensor, "item output"],
    nearest: int,
) -> Float[Tensor, "query output"]:
    """The targets of the nearest prototypes of each query, each over its distance, summed (Sucholutsky et al., 2021).

    So two prototypes can tell any number of classes apart on the line through them. A query on a prototype has the
    targets of that alone, times infinity.

    >>> soft_nearest(torch.tensor([[0.25]]), torch.tensor([[0.0], [1.0]]), torch.tensor([[0.6, 0.4], [0.0, 0.4]]), 2)
    tensor([[2.4000, 2.1333]])
    """
    distances = torch.cdist(queries, prototypes)
    near, which = distances.topk(nearest, largest=False)
    weights = (1 / near)[..., None]
    chosen = targets[which]
    return torch.where(chosen == 0, torch.zeros_like(chosen), chosen * weights).sum(1)
