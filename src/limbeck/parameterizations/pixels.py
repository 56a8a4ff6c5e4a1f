"""Every number of every input is learned; labels are fixed."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractParameterization, Batch, Parameters
from limbeck.core.key import Key
from limbeck.core.tree import Tree


@dataclass(frozen=True)
class Pixels(AbstractParameterization):
    """Every number of every input is learned; each item keeps the label of its start (Wang et al. 2018).

    What is learned are the synthetic inputs themselves (group "inputs"), as a network sees them, and not confined to
    what real inputs could be. Inputs of another type than floating (tokens, an adjacency of integers) are kept.
    A label that is a class costs no more than the class: `outputs` has no numbers, its length is that of a target.
    Other targets of the start are kept as they are.
    """

    def init(self, start: Batch, key: Key) -> Parameters:
        """The start itself."""
        inputs, classes = tree.map(lambda leaf: leaf.detach().clone(), (start.inputs, start.classes))
        learned, kept = tree.select(inputs, torch.is_floating_point), tree.select(inputs, _is_kept)
        fixed: dict[str, Tree] = {"classes": classes}
        if isinstance(kept, Tensor) or kept:
            fixed["inputs"] = kept
        if is_hard(start):
            fixed["outputs"] = start.targets.new_empty(start.targets.shape[1], 0)
        else:
            fixed["targets"] = tree.map(lambda leaf: leaf.detach().clone(), start.targets)
        return Parameters({"inputs": learned}, fixed)

    def render(self, params: Parameters, key: Key) -> Batch:
        """The inputs as they are, under the labels of the start."""
        fixed = tree.widen(params.fixed)
        inputs = tree.merge(params.learned.get("inputs", {}), fixed.get("inputs", {}))
        if "targets" in fixed:
            return Batch(inputs, fixed["targets"], fixed["classes"])
        outputs, classes = fixed["outputs"], fixed["classes"]
        return Batch(inputs, one_hot(classes, len(outputs), outputs.dtype).to(outputs.device), classes)


def _is_kept(leaf: Tensor) -> bool:
    return not leaf.is_floating_point()


def one_hot(classes: Tensor, count: int, dtype: torch.dtype) -> Tensor:
    """The hard labels (item, output) of classes, where those are."""
    return (classes[:, None] == torch.arange(count, device=classes.device)).to(dtype)


def is_hard(batch: Batch) -> bool:
    """Whether each target of a batch says the item's class and nothing else."""
    targets = batch.targets
    if not isinstance(targets, Tensor) or not targets.is_floating_point() or targets.dim() != 2:
        return False
    hard = one_hot(batch.classes, targets.shape[1], targets.dtype).to(targets.device)
    return bool(tree.read((targets == hard).all()))


def unlabelled(start: Batch) -> Batch:
    """The start under labels that cost nothing to store: for a parameterization whose targets lie elsewhere."""
    count = int(start.classes.max()) + 1
    return start._replace(targets=one_hot(start.classes, count, torch.get_default_dtype()))
