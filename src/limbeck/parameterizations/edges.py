"""Graphs whose nodes are learned: without edges, or with those that a small network says of each pair of nodes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from limbeck.core import tree
from limbeck.core.contracts import AbstractParameterization, Batch, Parameters, Problem
from limbeck.core.errors import InputError
from limbeck.core.expect import at_least, fraction
from limbeck.core.family import part_name
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.graphs import EDGES, FEATURES
from limbeck.parameterizations.pixels import labelled, labels_of

NODES, SAYS = "inputs", "edges"
"""The groups: features of nodes, and the network that says their edges."""
EPSILON = 1e-5
"""Of the normalisation over all pairs, as torch has it."""


@dataclass(frozen=True)
class WithoutEdges(AbstractParameterization):
    """The features of nodes are learned (group "inputs"), and no two nodes are joined."""

    def init(self, problem: Problem, start: Batch, key: Key) -> Parameters:
        """The features of the start; InputError for what is no graph."""
        return Parameters({NODES: {FEATURES: features_of(start, self).detach().clone()}}, labels_of(start))

    def render(self, params: Parameters, key: Key) -> Batch:
        """The nodes as they are."""
        features = params.learned[NODES][FEATURES]
        edges = features.new_zeros(len(features), len(features))
        return labelled({EDGES: edges, FEATURES: features}, tree.widen(params.fixed))


@dataclass(frozen=True)
class PairwiseEdges(AbstractParameterization):
    """The features of nodes, and a network that says of each pair how strongly it is joined (Jin et al., ICLR 2022).

    They are the groups "inputs" and "edges". With x_i the features of node i,

        A_ij = sigmoid((m(x_i, x_j) + m(x_j, x_i)) / 2),  A_ii = 0,

    where m has three linear layers, the first two normalised over all pairs and followed by a ReLU. Weights of a set
    that is finished are stored in place of the network, and those below `least` are none. InputError for no graph.
    """

    width: int = 128
    """Of the network."""
    least: float = 0.5
    """The least weight of an edge of a finished set."""

    def __post_init__(self) -> None:
        at_least(self, 1, "width")
        fraction(self, "least")

    def init(self, problem: Problem, start: Batch, key: Key) -> Parameters:
        """The features of the start, and weights as torch draws those of linear layers."""
        features = features_of(start, self).detach().clone()
        sizes = (2 * features.shape[1], self.width, self.width, 1)
        made: Tree = {}
        for layer, (size, outputs) in enumerate(zip(sizes, sizes[1:], strict=False)):
            at, bound = key.fold("edges", layer), 1 / math.sqrt(size)
            for name, shape in (("weight", (outputs, size)), ("bias", (outputs,))):
                drawn = (2 * at.fold(name).uniform(*shape) - 1) * bound
                made[f"{name}{layer}"] = drawn.to(features)
        return Parameters({NODES: {FEATURES: features}, SAYS: made}, labels_of(start))

    def render(self, params: Parameters, key: Key) -> Batch:
        """The nodes, and their edges as the network says them, or as they are stored."""
        nodes, fixed = params.learned[NODES], tree.widen(params.fixed)
        edges = nodes[EDGES] if EDGES in nodes else joined(nodes[FEATURES], params.learned[SAYS])
        return labelled({EDGES: edges, FEATURES: nodes[FEATURES]}, fixed)

    def stored(self, params: Parameters) -> Parameters:
        """The features and the weights of edges, those below the least as none."""
        nodes = params.learned[NODES]
        if EDGES not in nodes:
            edges = joined(nodes[FEATURES], params.learned[SAYS])
            nodes = {EDGES: torch.where(edges < self.least, 0, edges), FEATURES: nodes[FEATURES]}
        return tree.compact(Parameters({NODES: nodes}, params.fixed))


def features_of(start: Batch, part: AbstractParameterization) -> Float[Tensor, "node number"]:
    """The features of the nodes of a start; InputError for what is no graph."""
    inputs = start.inputs
    if not isinstance(inputs, dict) or not {FEATURES, EDGES} <= inputs.keys():
        raise InputError(
            f"parameterization {part_name(type(part))}: found inputs that are no graph, expected features and edges of "
            "nodes; choose --parameterization pixels"
        )
    features: Tensor = inputs[FEATURES]
    return features


def joined(features: Float[Tensor, "node number"], says: Tree) -> Float[Tensor, "node node"]:
    """The weights of edges between nodes as a network says them of each pair."""
    # The first layer of a pair is a sum of one part of either node.
    left, right = says["weight0"].split(features.shape[1], 1)
    found = (features @ left.T)[:, None] + (features @ right.T)[None] + says["bias0"]
    for layer in (1, 2):
        found = nn.functional.linear(_normed(found).relu(), says[f"weight{layer}"], says[f"bias{layer}"])
    each = found[:, :, 0]
    weights = ((each + each.T) / 2).sigmoid()
    return weights * (1 - torch.eye(len(weights), dtype=weights.dtype, device=weights.device))


def _normed(pairs: Float[Tensor, "node other number"]) -> Float[Tensor, "node other number"]:
    """Numbers of mean 0 and variance 1 over all pairs."""
    variance, mean = torch.var_mean(pairs, (0, 1), correction=0)
    return (pairs - mean) * (variance + EPSILON).rsqrt()
