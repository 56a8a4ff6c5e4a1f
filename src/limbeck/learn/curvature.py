"""The Hessian of a loss in the parameters of a network, by its products with blocks of directions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import Batch, Problem
from limbeck.core.tree import Tree
from limbeck.learn.compiled import training_loss
from limbeck.learn.microbatches import microbatch_limit, microbatches
from limbeck.learn.sensitivity import Differentiated, Loss, sensitivity, vjp
from limbeck.learn.spectra import Symmetric


def flat(params: Tree) -> Float[Tensor, " parameter"]:
    """All numbers of a tree in a row, in the order of its leaves.

    >>> flat({"a": torch.tensor([[1.0, 2.0]]), "b": torch.tensor(3.0)}).tolist()
    [1.0, 2.0, 3.0]
    """
    return torch.cat([leaf.flatten() for leaf in tree.leaves(params)])


def shaped(like: Tree, vector: Float[Tensor, " parameter"]) -> Tree:
    """The tree of the shapes of `like` with the numbers of `vector`: the inverse of `flat`."""
    found = tree.flatten(like)
    parts = vector.split([leaf.numel() for leaf in found.values()])
    shapes = {path: part.reshape(leaf.shape) for (path, leaf), part in zip(found.items(), parts, strict=True)}
    return tree.unflatten(like, shapes)


class Hessian(Symmetric):
    """H = d^2 L / d p d p' of a mean loss L over the examples of `parts`, as products with blocks of directions.

    H = sum_k (n_k / n) H_k with n_k examples in part k. One block costs one gradient of every part and then one
    backward pass per direction through the graph of it, which halves the time of a product. Where the loss brings
    compiled derivatives, each direction goes by itself. Measured at ConvNet width 16, 100 images, blocks of 8, one
    core, ms a product: each by itself 83, through one graph 46, vmap of it 52 (forward over reverse 63), compiled 29,
    vmap compiled 27. (torch's forward over reverse is wrong for batch norm besides.)
    """

    def __init__(self, loss: Loss, params: Tree, parts: Sequence[Batch]) -> None:
        self.loss = loss
        self.params = tree.detach(params)
        self.parts = tuple(parts)

    @property
    def dimension(self) -> int:
        """How many parameters there are."""
        return tree.count(self.params)

    @property
    def like(self) -> Tensor:
        """An empty tensor of the type, and on the device, of what it multiplies."""
        return tree.leaves(self.params)[0].new_empty(0)

    def __call__(self, block: Float[Tensor, "direction parameter"]) -> Float[Tensor, "direction parameter"]:
        """H v for every row v of a block."""
        count = sum(len(part.classes) for part in self.parts)
        found = torch.zeros_like(block)
        directions = [shaped(self.params, row) for row in block]
        products = _one_by_one if isinstance(self.loss, Differentiated) else _through_one_graph
        for part in self.parts:
            found += len(part.classes) / count * products(self.loss, self.params, part, directions)
        return found


def _one_by_one(loss: Loss, params: Tree, part: Batch, directions: Sequence[Tree]) -> Tensor:
    return torch.stack([flat(sensitivity(loss, params, part, direction).params) for direction in directions])


def _through_one_graph(loss: Loss, params: Tree, part: Batch, directions: Sequence[Tree]) -> Tensor:
    at = tree.map(lambda leaf: leaf.detach().requires_grad_(), params)
    with torch.enable_grad():
        value = loss(at, tree.detach(part))
    gradients = tree.leaves(vjp([value], [torch.ones_like(value)], at, create_graph=True))
    return torch.stack([flat(vjp(gradients, tree.leaves(each), at, again=True)) for each in directions])


def hessian(problem: Problem, params: Tree, batch: Batch) -> Hessian:
    """The Hessian of a problem's mean loss over a batch, in passes (`pieces`).

    In one pass where the network normalises by statistics of the batch, whose Hessian it then is as in training.
    """
    rows = torch.arange(len(batch.classes))
    parts = [
        problem.task.take(batch, part).to(problem.device)
        for part in microbatches(rows, microbatch_limit(problem, len(rows)))
    ]
    return Hessian(training_loss(problem), tree.move(params, problem.device), parts)
