"""A network as a linear function of its parameters, around where they are."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractNetwork
from limbeck.core.tree import Tree


class Tangents:
    """How the outputs for some inputs change with the parameters of the body, to first order: J.

    The body is all parameters that features depend on, so all but those of the last layer. J is the derivative of
    outputs in them, (example, output, parameter), and is never written out. A change of the parameters is one vector,
    leaf by leaf in the order of `paths`. One pass forward serves all products.
    """

    def __init__(
        self,
        network: AbstractNetwork,
        params: Tree,
        inputs: Tree,
        statistics: Tree | None = None,
        paths: Sequence[str] | None = None,
    ) -> None:
        """`paths` are those of the body, where they are known; else they are found, which takes a pass back."""
        at = tree.map(lambda leaf: leaf.detach().requires_grad_(), params)
        with torch.enable_grad():
            readout = network.apply(at, inputs, statistics)
        self.features: Float[Tensor, "example feature"] = readout.features
        """With a graph in the inputs, where these have one."""
        self.outputs = readout.outputs
        self.paths = tuple(_entering(self.features, at) if paths is None else paths)
        flat = tree.flatten(at)
        self._leaves = [flat[path] for path in self.paths]

    def back(self, weights: Float[Tensor, "example output"]) -> Float[Tensor, " parameter"]:
        """J' weights: the gradient of the weighted sum of outputs."""
        slopes = [slope.flatten() for slope in self._gradient(weights, create_graph=False)]
        return torch.cat(slopes) if slopes else weights.new_zeros(0)

    def change(
        self, direction: Float[Tensor, " parameter"], create_graph: bool = False
    ) -> Float[Tensor, "example output"]:
        """J direction: how outputs change; with a graph in the inputs where asked for."""
        if not self._leaves:
            return torch.zeros_like(self.outputs)
        pieces = direction.split([leaf.numel() for leaf in self._leaves])
        shaped = [piece.view_as(leaf) for piece, leaf in zip(pieces, self._leaves, strict=True)]
        along, slopes = self._linear
        # J' weights is linear in the weights: its derivative in them, along a direction, is J direction.
        return torch.autograd.grad(slopes, along, shaped, retain_graph=True, create_graph=create_graph)[0]

    @functools.cached_property
    def _linear(self) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Weights of outputs, and J' weights as a function of them."""
        along = torch.zeros_like(self.outputs).requires_grad_()
        return along, self._gradient(along, create_graph=True)

    def _gradient(self, weights: Tensor, create_graph: bool) -> tuple[Tensor, ...]:
        if not self._leaves:
            return ()
        return torch.autograd.grad(self.outputs, self._leaves, weights, retain_graph=True, create_graph=create_graph)


def _entering(features: Tensor, params: Tree) -> list[str]:
    """The paths of the parameters that features depend on."""
    if not features.requires_grad:
        return []
    flat = tree.flatten(params)
    found = torch.autograd.grad(features.sum(), list(flat.values()), retain_graph=True, allow_unused=True)
    return [path for path, slope in zip(flat, found, strict=True) if slope is not None]
