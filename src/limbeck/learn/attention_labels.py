"""Labels that say what a network is to attend to, beside those that say what it is to answer."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core.contracts import AbstractNetwork, AbstractTask, Batch, Problem
from limbeck.core.errors import InputError
from limbeck.core.later import without_gradients
from limbeck.core.tree import Tree

ATTENTION, WEIGHT, TARGETS = "attention", "weight", "targets"
"""What the labels are called in a schedule, what their part of the loss counts, and what the plain targets are called
beside them."""
LEAST = -1e30
"""What stands for the logarithm of nothing."""
Weights = Float[Tensor, "example layer head query seen"]
"""How much each place attends to each: rows sum to 1."""


class ByAttention(NamedTuple):
    """The task's loss, and how far what is attended to is from labels of it (Maekawa et al., ACL 2023).

    loss = loss of the task + weight * mean over layers, heads and queries of KL(label || attention), where a label is
    the softmax of what is learned of it; in nats. Targets without such labels leave the task's loss alone.
    """

    def each(self, task: AbstractTask, outputs: Tensor, targets: Tree) -> Tensor:
        """The loss of the task, which is all that outputs say."""
        return task.loss(outputs, targets[TARGETS] if _has_labels(targets) else targets)

    def read(self, task: AbstractTask, network: AbstractNetwork, params: Tree, batch: Batch) -> Tensor:
        """Both for each example (example,)."""
        if not _has_labels(batch.targets):
            return task.loss(network.apply(params, batch.inputs).outputs, batch.targets)
        readout, layers = network.attention(params, batch.inputs)
        apart = divergence(torch.stack(layers, 1), batch.targets[ATTENTION])
        return task.loss(readout.outputs, batch.targets[TARGETS]) + batch.targets[WEIGHT] * apart


def _has_labels(targets: Tree) -> bool:
    return isinstance(targets, dict) and ATTENTION in targets


def divergence(attention: Weights, raw: Float[Tensor, "example layer head asked seen"]) -> Float[Tensor, " example"]:
    """The mean over layers, heads and queries of KL(label || attention), where labels are softmax(raw) over places.

    Places of which there is nothing are never attended to: labels are confined to the others, as the attention is, and
    the queries of such places do not count. Where labels are of one query, the attention is the mean over queries.
    """
    there = (attention.detach().amax((1, 2, 3)) > 0)[:, None, None]
    seen, counts = there[:, :, :, None], there.to(attention)
    if raw.shape[3] == 1:
        total = (attention * counts[..., None]).sum(3, keepdim=True)
        attention = total / counts.sum(3).clamp(min=1)[..., None, None]
        counts = torch.ones_like(counts[..., :1])
    labels = raw.masked_fill(~seen, LEAST).log_softmax(4)
    # A place that is not there has a label of 0, and the log of a number above 0, so that no derivative is infinite.
    apart = labels.exp() * (labels - attention.clamp(min=torch.finfo(attention.dtype).tiny).log())
    each = (torch.where(seen, apart, 0.0).sum(4) * counts).sum(3) / counts.sum(3).clamp(min=1)
    return each.mean((1, 2))


@without_gradients
def shape_of(problem: Problem, params: Tree) -> tuple[int, int, int]:
    """(layers, heads, places) of what a problem's network attends to; InputError for one without attention."""
    example = problem.task.load_on(problem.device, "train", torch.tensor([0]))
    _, layers = problem.network.attention(params, example.inputs)
    shapes = {tuple(each.shape[1:]) for each in layers}
    if len(shapes) != 1:
        found = "no layer of attention" if not layers else f"layers of attention of the shapes {sorted(shapes)}"
        raise InputError(
            f"schedule attention-labels: network {problem.network.name} has {found}, expected some of one shape; "
            "choose --network transformer, or leave out the schedule"
        )
    ((heads, places, _),) = shapes
    return len(layers), heads, places
