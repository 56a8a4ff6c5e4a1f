"""Graphs whose nodes and eigenvectors are learned, under eigenvalues of the real graph."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractParameterization, Batch, Parameters, Problem
from limbeck.core.expect import expect
from limbeck.core.key import Key
from limbeck.core.placing import onto
from limbeck.learn.graph_spectrum import edges_of, ends, largest_component, operator
from limbeck.learn.graphs import BASIS, EDGES, FEATURES, HIGH, LOW, labelled_nodes, spreading
from limbeck.parameterizations.edges import NODES, SAYS, features_of
from limbeck.parameterizations.pixels import labelled, labels_of

RIVAL = 3
"""How many times likelier an edge within a class is than one between classes, at first (Liu et al., ICML 2024)."""


@dataclass(frozen=True)
class Eigenbasis(AbstractParameterization):
    """The features of nodes, and eigenvectors of a graph whose eigenvalues are real ones (Liu et al., ICML 2024).

    They are the groups "inputs" and "edges". With U (node, pair) the eigenvectors and l eigenvalues of the normalised
    Laplacian of the largest component of the real graph, as many pairs as nodes, a node takes from each other one

        B = I - U diag(l) U',  and edges are  A_ij = max(B_ij, 0) / sqrt(B_ii B_jj),  A_ii = 0,

    from which networks, which add loops and normalise, see B again (`learn/graph_spectrum.py`). A share `ratio` of the
    eigenvalues, rounded up, are the lowest of the real graph, the others its highest. At first U are the eigenvectors
    of a random graph in which nodes of one class are joined by a chance of one over the number of classes, others by a
    third of that. A finished set stores the weights of edges in place of the eigenvectors. InputError for no graph, and
    for more nodes than the largest component has.
    """

    ratio: float = 1.0
    """The share of pairs of lowest frequency, in [0, 1]."""

    def __post_init__(self) -> None:
        expect(self, "ratio", 0 <= self.ratio <= 1, "a share, from 0 to 1")

    def init(self, problem: Problem, start: Batch, key: Key) -> Parameters:
        """The features of the start, and the eigenvectors of a random graph of its classes."""
        features = features_of(start, self).detach().clone()
        whole = labelled_nodes(problem.task)[0]
        count = min(len(features), len(largest_component(whole)))
        # Of a share that is no fraction in binary the product may lie just above a whole number.
        low = math.ceil(round(count * self.ratio, 9))
        found = ends(whole, low, count - low)
        values = {LOW: found.low.to(features), HIGH: found.high.to(features)}
        basis = begun(start.classes, len(problem.task.classes), key.fold("basis"))[:, :count].to(features)
        learned = {NODES: {FEATURES: features}, SAYS: {BASIS: basis}}
        return Parameters(learned, {**labels_of(start), "values": values})

    def render(self, params: Parameters, key: Key) -> Batch:
        """The nodes and their edges; while they are learned, beside the eigenvectors and, by node, the eigenvalues."""
        nodes, fixed = params.learned[NODES], tree.widen(params.fixed)
        if EDGES in nodes:
            return labelled({EDGES: nodes[EDGES], FEATURES: nodes[FEATURES]}, fixed)
        basis = params.learned[SAYS][BASIS]
        values = {name: onto(leaf, basis.device).to(basis) for name, leaf in fixed["values"].items()}
        shown = {name: leaf.expand(len(basis), -1) for name, leaf in values.items()}
        edges = edges_of(operator(basis, torch.cat([values[LOW], values[HIGH]])))
        return labelled({EDGES: edges, FEATURES: nodes[FEATURES], BASIS: basis, **shown}, fixed)

    def stored(self, params: Parameters) -> Parameters:
        """The features and the weights of edges."""
        if EDGES in params.learned[NODES]:
            return tree.compact(params)
        shown = self.render(params, Key()).inputs
        kept = {name: leaf for name, leaf in params.fixed.items() if name != "values"}
        return tree.compact(Parameters({NODES: {EDGES: shown[EDGES], FEATURES: shown[FEATURES]}}, kept))


def begun(classes: Int[Tensor, " node"], count: int, key: Key) -> Float[Tensor, "node node"]:
    """The eigenvectors, those of low frequency first, of a random graph of nodes of some classes; float64."""
    same = classes[:, None] == classes[None]
    chance = torch.where(same, 1 / count, 1 / count / RIVAL)
    drawn = (key.uniform(len(classes), len(classes)) < chance).triu(1).double()
    return torch.linalg.eigh(torch.eye(len(classes)).double() - spreading(drawn + drawn.T)).eigenvectors
