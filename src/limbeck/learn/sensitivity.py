"""The primitive under every bilevel method: how a gradient moves with the parameters and the data it is taken at."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractNetwork, AbstractTask, Batch, ByTask, TrainingLoss
from limbeck.core.schedule import ReadingLoss
from limbeck.core.tree import Tree

BY_TASK = ByTask()

Loss = Callable[[Tree, Batch], Tensor]
"""loss(params, batch) -> a 0-d tensor, twice differentiable by torch."""


class Sensitivity(NamedTuple):
    """With g the gradient of a loss in the parameters, the derivatives of its inner product with a direction."""

    params: Tree
    """d<g, direction>/d params: the Hessian-vector product."""
    batch: Batch
    """d<g, direction>/d batch: mixed second derivatives; zeros for the leaves that do not require a gradient."""


class Differentiated(ABC):
    """A loss that brings derivatives of its own, equal to those below but for rounding."""

    @abstractmethod
    def __call__(self, params: Tree, batch: Batch) -> Tensor:
        """The loss."""

    @abstractmethod
    def value_and_gradient(self, params: Tree, batch: Batch) -> tuple[Tensor, Tree]:
        """As `value_and_gradient` of this module."""

    @abstractmethod
    def sensitivity(self, params: Tree, batch: Batch, direction: Tree) -> Sensitivity:
        """As `sensitivity` of this module."""


def mean_loss(task: AbstractTask, network: AbstractNetwork, goal: TrainingLoss = BY_TASK) -> Loss:
    """The mean over a batch of what training goes down; a network that normalises does so by the batch's statistics."""

    def loss(params: Tree, batch: Batch) -> Tensor:
        if isinstance(goal, ReadingLoss):
            return goal.read(task, network, params, batch).mean()
        return goal.each(task, network.apply(params, batch.inputs).outputs, batch.targets).mean()

    return loss


def value_and_gradient(loss: Loss, params: Tree, batch: Batch) -> tuple[Tensor, Tree]:
    """`loss` and its gradient in the parameters, cut from any graph; zeros for what the loss does not touch."""
    if isinstance(loss, Differentiated):
        return loss.value_and_gradient(params, batch)
    at = _variables(params)
    with torch.enable_grad():
        value = loss(at, tree.detach(batch))
    return value.detach(), vjp([value], [torch.ones_like(value)], at)


def gradient(loss: Loss, params: Tree, batch: Batch) -> Tree:
    """The gradient of `loss` in the parameters alone."""
    return value_and_gradient(loss, params, batch)[1]


def over_parts(loss: Loss, params: Tree, parts: Sequence[Batch]) -> tuple[Tensor, Tree]:
    """The mean loss over all items of `parts` and its gradient in the parameters; `loss` is the mean over one part."""
    count = sum(len(part.classes) for part in parts)
    # Part by part, so that one gradient is held beside the sum, however many parts there are.
    total: Any = None
    for part in parts:
        share = len(part.classes) / count
        weighed = tree.map(lambda leaf, share=share: share * leaf, value_and_gradient(loss, params, part))
        total = weighed if total is None else tree.map(torch.add, total, weighed)
    return total


def surrogate(value: Tensor, leaves: Tree, gradients: Tree) -> Tensor:
    """`value`, as a function of `leaves` of which only the derivative is known: `slopes`, of their shape.

    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> y = surrogate(torch.tensor(7.0), x, torch.tensor([3.0, 4.0]))
    >>> y.item(), torch.autograd.grad(y, x)[0].tolist()
    (7.0, [3.0, 4.0])
    """
    # Each term is zero and has its slope as derivative: the value stays as it is.
    return sum(
        (
            tree.leaves(
                tree.map(lambda leaf, gradient_of: ((leaf - leaf.detach()) * gradient_of).sum(), leaves, gradients)
            )
        ),
        value,
    )


def sensitivity(loss: Loss, params: Tree, batch: Batch, direction: Tree) -> Sensitivity:
    """With g = d loss / d params: d<g, direction>/d params and d<g, direction>/d batch, exactly.

    One reverse pass over another: about three times the time of the gradient alone. The direction has the
    shape of the parameters and is constant. Derivatives are taken in every leaf of the parameters and in
    those leaves of the batch that require a gradient; what the gradient does not depend on gets zeros.
    The results are cut from any graph. Where the loss is not twice differentiable (ReLU, max-pooling)
    they are what torch takes for its second derivative.

    >>> w, x, y = torch.tensor([2.0]), torch.tensor([[3.0]]), torch.tensor([[1.0]])
    >>> batch = Batch(x.requires_grad_(), y.requires_grad_(), torch.tensor([0]))
    >>> square = lambda w, batch: (w * batch.inputs - batch.targets).square().sum() / 2  # g = (w x - y) x
    >>> found = sensitivity(square, w, batch, torch.tensor([1.0]))
    >>> [leaf.item() for leaf in (found.params, found.batch.inputs, found.batch.targets)]
    [9.0, 11.0, -3.0]
    """
    if isinstance(loss, Differentiated):
        return loss.sensitivity(params, batch, direction)
    at = _variables(params)
    data = tree.map(lambda leaf: leaf.detach().requires_grad_(leaf.requires_grad), batch)
    with torch.enable_grad():
        value = loss(at, data)
        gradients = vjp([value], [torch.ones_like(value)], at, create_graph=True)
    return Sensitivity(*vjp(tree.leaves(gradients), tree.leaves(direction), (at, data)))


def vjp(
    outputs: Sequence[Tensor], weights: Sequence[Tensor], into: Tree, create_graph: bool = False, again: bool = False
) -> Tree:
    """sum_i d<output_i, weight_i>/d leaf for each leaf of `into` that requires a gradient; zeros elsewhere.

    With `again` the graph is kept for other weights.
    """
    flat = tree.flatten(into)
    learned = {path: leaf for path, leaf in flat.items() if leaf.requires_grad}
    # torch refuses outputs that depend on nothing at all.
    pairs = [pair for pair in zip(outputs, weights, strict=True) if pair[0].requires_grad]
    found = {path: torch.zeros_like(leaf) for path, leaf in flat.items() if not (pairs and leaf.requires_grad)}
    if pairs and learned:
        tied, along = zip(*pairs, strict=True)
        leaves, kept = list(learned.values()), create_graph or again
        gradients = torch.autograd.grad(
            tied, leaves, along, create_graph=create_graph, retain_graph=kept, materialize_grads=True
        )
        found.update(zip(learned, gradients, strict=True))
    return tree.unflatten(into, found)


def _variables(params: Tree) -> Tree:
    """The same numbers as leaves of a fresh graph."""
    return tree.map(lambda leaf: leaf.detach().requires_grad_(), params)
