"""Means of what belongs together."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core import tree
from limbeck.core.placing import onto
from limbeck.core.tree import Tree


def group_shares(groups: Int[Tensor, " example"], count: int, dtype: torch.dtype) -> Float[Tensor, "example group"]:
    """What each example weighs in the mean of each of `count` groups; every group must have an example.

    >>> group_shares(torch.tensor([0, 1, 1]), 2, torch.float32).tolist()
    [[1.0, 0.0], [0.0, 0.5], [0.0, 0.5]]
    """
    belongs = (groups[:, None] == torch.arange(count, device=groups.device)).to(dtype)
    return belongs / belongs.sum(0)


def group_means(values: Tree, groups: Int[Tensor, " example"], count: int) -> Tree:
    """The mean over the examples (the first axis of each leaf) of each of `count` groups.

    >>> group_means(torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([0, 1, 1]), 2).tolist()
    [[1.0], [3.0]]
    """

    def mean(leaf: Tensor) -> Tensor:
        shares = onto(group_shares(groups, count, leaf.dtype), leaf.device)
        return (shares.T @ leaf.reshape(len(leaf), -1)).reshape(count, *leaf.shape[1:])

    return tree.map(mean, values)
