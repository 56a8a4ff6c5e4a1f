"""Every number of every input is learned; labels are fixed."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractParameterization, Batch, Parameters, Problem
from limbeck.core.key import Key
from limbeck.core.placing import onto
from limbeck.core.tree import Tree


@dataclass(frozen=True)
class Pixels(AbstractParameterization):
    """Every number of every input is learned; each item keeps the label of its start (Wang et al. 2018).

    What is learned are the synthetic inputs themselves (group "inputs"), as a network sees them, and not confined to
    what real inputs could be. Inputs of another type than floating (tokens, an adjacency of integers) are kept.
    A label that is a class costs no more than the class: `outputs` has no numbers, its length is that of a target.
    Other targets of the start are kept as they are.
    """

    def init(self, problem: Problem, start: Batch, key: Key) -> Parameters:
        """The start itself."""
        return held(start)

    def render(self, params: Parameters, key: Key) -> Batch:
        """The inputs as they are, under the labels of the start."""
        fixed = tree.widen(params.fixed)
        return labelled(tree.merge(params.learned.get("inputs", {}), fixed.get("inputs", {})), fixed)


def labels_of(start: Batch) -> dict[str, Tree]:
    """What is kept of the labels of a start: its classes, and where these do not say them its targets."""
    kept: dict[str, Tree] = {"classes": start.classes.detach().clone()}
    if is_hard(start):
        return {**kept, "outputs": start.targets.new_empty(start.targets.shape[1], 0)}
    return {**kept, "targets": tree.map(lambda leaf: leaf.detach().clone(), start.targets)}


def labelled(inputs: Tree, fixed: dict[str, Tree]) -> Batch:
    """Inputs under the labels that `labels_of` kept, in the types in which they are computed with."""
    if "targets" in fixed:
        return Batch(inputs, fixed["targets"], fixed["classes"])
    outputs, classes = fixed["outputs"], fixed["classes"]
    return Batch(inputs, onto(one_hot(classes, len(outputs), outputs.dtype), outputs.device), classes)


def held(batch: Batch) -> Parameters:
    """The parameters of plain pixels that render exactly a batch."""
    inputs = tree.map(lambda leaf: leaf.detach().clone(), batch.inputs)
    learned, kept = tree.select(inputs, torch.is_floating_point), tree.select(inputs, _is_kept)
    fixed = labels_of(batch)
    if isinstance(kept, Tensor) or kept:
        fixed["inputs"] = kept
    return Parameters({"inputs": learned}, fixed)


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
    hard = onto(one_hot(batch.classes, targets.shape[1], targets.dtype), targets.device)
    return bool(tree.read((targets == hard).all()))


def unlabelled(start: Batch) -> Batch:
    """The start under labels that cost nothing to store: for a parameterization whose targets lie elsewhere."""
    count = int(start.classes.max()) + 1
    return start._replace(targets=one_hot(start.classes, count, torch.get_default_dtype()))
