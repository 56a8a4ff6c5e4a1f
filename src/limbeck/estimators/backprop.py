"""The exact gradient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractEstimator
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.tree import Tree


@dataclass(frozen=True)
class Backprop(AbstractEstimator):
    """The exact gradient, by back-propagation through the loss, which must have a derivative."""

    def gradient(self, loss: Callable[[Tree], Tensor], learned: Tree, key: Key) -> tuple[Tensor, Tree]:
        """The loss and its gradient; zeros in what it does not depend on, InputError where it depends on nothing."""
        at = tree.map(lambda leaf: leaf.detach().requires_grad_(), learned)
        with torch.enable_grad():
            value = loss(at)
        if not value.requires_grad:
            raise InputError(
                "backprop: the loss has no derivative in anything that is learned, expected one; choose another "
                "objective or parameterization, or --estimator evolution where the loss is not differentiable"
            )
        gradients = torch.autograd.grad(value, tree.leaves(at), allow_unused=True, materialize_grads=True)
        return value.detach(), tree.unflatten(learned, dict(zip(tree.flatten(learned), gradients, strict=True)))
