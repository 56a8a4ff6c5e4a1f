"""Decision trees as tensors: all trees of an ensemble at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

_AT_ONCE = 2**22
"""Pairs of a row and a tree that are walked at once."""


class Nodes(NamedTuple):
    """The nodes of one tree; those of a leaf's children are the leaf itself."""

    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    left: NDArray[np.int64]
    """Where rows go whose number is at most the threshold."""
    right: NDArray[np.int64]
    value: NDArray[np.float64]
    """(node, class)."""


def nodes(feature: NDArray, threshold: NDArray, left: NDArray, right: NDArray, leaf: NDArray, value: NDArray) -> Nodes:
    """The nodes of a tree whose leaves are as the mask says."""
    own = np.arange(len(leaf))
    return Nodes(
        np.where(leaf, 0, feature).astype(np.int64),
        np.where(leaf, 0.0, threshold).astype(np.float64),
        np.where(leaf, own, left).astype(np.int64),
        np.where(leaf, own, right).astype(np.int64),
        value,
    )


def ensemble(trees: Sequence[Nodes]) -> dict[str, Tensor]:
    """The trees side by side, (tree, node) and "value" (tree, node, class); short ones end in nodes nobody gets to.

    "levels" has no numbers: its shape says how many steps lead to the deepest leaf.
    """
    most = max(len(each.left) for each in trees)
    kinds = {"feature": torch.int32, "left": torch.int32, "right": torch.int32, "value": torch.float32}
    found = {}
    for name in Nodes._fields:
        arrays = [getattr(each, name) for each in trees]
        whole = np.zeros((len(trees), most, *arrays[0].shape[1:]), arrays[0].dtype)
        for at, each in enumerate(arrays):
            whole[at, : len(each)] = each
        found[name] = torch.from_numpy(whole).to(kinds.get(name, torch.float64))
    return {**found, "levels": torch.zeros(max(map(_levels, trees)), 0)}


def _levels(one: Nodes) -> int:
    """How many steps lead to the deepest leaf of a tree."""
    inner, steps = np.zeros(1, np.int64), 0
    while len(inner := inner[one.left[inner] != inner]):
        inner, steps = np.concatenate([one.left[inner], one.right[inner]]), steps + 1
    return steps


def summed(params: dict[str, Tensor], rows: Float[Tensor, "row number"]) -> Float[Tensor, "row class"]:
    """The values of the leaves that each row comes to, over all trees."""
    several = max(1, _AT_ONCE // len(params["left"]))
    return torch.cat([_summed(params, part) for part in rows.split(several)])


def _summed(params: dict[str, Tensor], rows: Float[Tensor, "row number"]) -> Float[Tensor, "row class"]:
    feature, left, right = (params[name].long() for name in ("feature", "left", "right"))
    at = torch.zeros(len(left), len(rows), dtype=torch.int64, device=rows.device)
    for _ in range(len(params["levels"])):
        number = torch.gather(rows.T, 0, torch.gather(feature, 1, at))
        below = number <= torch.gather(params["threshold"], 1, at)
        at = torch.where(below, torch.gather(left, 1, at), torch.gather(right, 1, at))
    total = torch.zeros(len(rows), params["value"].shape[2], dtype=torch.float64, device=rows.device)
    for value, leaf in zip(params["value"], at, strict=True):
        total += value[leaf]
    return total
