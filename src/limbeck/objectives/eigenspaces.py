"""Matching what features are along the eigenvectors of a graph."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from limbeck.core.contracts import AbstractObjective, AbstractTask, Problem, Synthetic
from limbeck.core.errors import InputError
from limbeck.core.expect import at_least
from limbeck.core.key import Key
from limbeck.core.placing import onto
from limbeck.core.tree import Tree
from limbeck.learn.graph_spectrum import KEPT, ends
from limbeck.learn.graphs import BASIS, FEATURES, HIGH, LOW, labelled_nodes


class Aims(NamedTuple):
    """What of the real graph is matched, float64 on the CPU."""

    spaces: Float[Tensor, "pair number"]
    """The features along each eigenvector, of unit norm."""
    means: Float[Tensor, "class number"]
    """The mean of the filtered features of each class, of unit norm."""


@dataclass(frozen=True)
class Eigenspaces(AbstractObjective):
    """The distance of features along eigenvectors from those along real ones (GDEM, Liu et al., ICML 2024).

    With V (node, pair) eigenvectors of the normalised Laplacian of the largest component of the real graph, l their
    eigenvalues, X features, and U, Y those of the set, u_k and v_k the rows of U' Y and V' X brought to unit norm,
    K pairs, d numbers of a node and C classes,

        loss = spaces / (K d d) * sum over k of |u_k u_k' - v_k v_k'|^2
               + classes / (C C) * |M(V, X) M(U, Y)' - I|^2 + orthogonality / (K K) * |U' U - I|^2,

    where M (class, number) are the means by class of rows of U diag(1 - l) U' Y, each brought to unit norm; of the real
    graph those of its training nodes. Of unit vectors |u u' - v v'|^2 = 2 - 2 (u'v)^2, so no matrix of d by d is made,
    and a step takes as much as K d numbers do. The signs of eigenvectors and the scale of features make no difference.

    It asks for eigenvectors beside the features: the parameterization `eigenbasis`, which says how many pairs of either
    end there are. InputError for others, and where no training node of a class is in the largest component.
    """

    spaces: float = 1.0
    """The weight of features along eigenvectors."""
    classes: float = 1e-5
    """The weight of the means of classes."""
    orthogonality: float = 1.0
    """The weight of how far the eigenvectors of the set are from orthonormal."""

    def __post_init__(self) -> None:
        at_least(self, 0, "spaces", "classes", "orthogonality")

    def init(self, problem: Problem, key: Key) -> Tree:
        """Nothing is kept; InputError where the data are no graph."""
        labelled_nodes(problem.task)
        return {}

    def loss(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Float[Tensor, ""]:
        """The weighted sum of the three terms."""
        inputs, classes = synthetic.batch.inputs, synthetic.batch.classes
        if not isinstance(inputs, dict) or BASIS not in inputs:
            raise InputError(
                "objective eigenspaces: found a set without eigenvectors, expected those that are learned with it; "
                "choose --parameterization eigenbasis"
            )
        basis, features, values = inputs[BASIS], inputs[FEATURES], torch.cat([inputs[LOW][0], inputs[HIGH][0]])
        real = aims(problem.task, inputs[LOW].shape[1], inputs[HIGH].shape[1])
        wanted, means = (onto(leaf, basis.device).to(basis) for leaf in real)
        found = nn.functional.normalize(basis.T @ features, dim=1)
        named = means_of((basis * (1 - values)) @ (basis.T @ features), classes, len(means))
        return (
            self.spaces * outer_distance(found, wanted)
            + self.classes * _from_identity(means @ named.T)
            + self.orthogonality * _from_identity(basis.T @ basis)
        )

    def advance(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Tree:
        """As it was."""
        return state


@functools.lru_cache(KEPT)
def aims(task: AbstractTask, low: int, high: int) -> Aims:
    """What of the real graph is matched, of so many pairs of either end."""
    whole, nodes, classes = labelled_nodes(task)
    found = ends(whole, low, high)
    features = whole.features[found.nodes].astype(np.float64)
    along = torch.from_numpy(np.ascontiguousarray(features.T @ found.vectors.numpy()).T.copy())
    at = np.searchsorted(found.nodes, nodes.numpy()).clip(max=len(found.nodes) - 1)
    within = torch.from_numpy(found.nodes[at]) == nodes
    counts = classes[within].bincount(minlength=len(task.classes))
    if not counts.all():
        raise InputError(
            f"{task.name}: found no training node of class {task.classes[int(counts.argmin())]!r} in the largest "
            "component of the graph, expected one of each; choose another recipe, such as cgc"
        )
    rows = (found.vectors[torch.from_numpy(at)[within]] * (1 - found.values)) @ along
    means = means_of(rows, classes[within], len(task.classes))
    return Aims(nn.functional.normalize(along, dim=1), means)


def means_of(
    rows: Float[Tensor, "node number"], classes: Int[Tensor, " node"], count: int
) -> Float[Tensor, "class number"]:
    """The means of the rows of each class, brought to unit norm; zeros of a class without any."""
    of = onto(classes, rows.device)[:, None] == torch.arange(count, device=rows.device)
    return nn.functional.normalize(of.to(rows).T @ rows, dim=1)


def outer_distance(left: Float[Tensor, "pair number"], right: Float[Tensor, "pair number"]) -> Float[Tensor, ""]:
    """The mean of the squares of all numbers of u u' - v v', for rows u of one and v of the other.

    >>> outer_distance(torch.eye(2), torch.eye(2).flip(0)).item()
    0.5
    """
    size = left.square().sum(1).square() + right.square().sum(1).square()
    apart = size - 2 * (left * right).sum(1).square()
    return apart.mean() / left.shape[1] ** 2


def _from_identity(matrix: Float[Tensor, "row column"]) -> Float[Tensor, ""]:
    """The mean of the squares of all numbers of a matrix less the identity."""
    return (matrix - torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)).square().mean()
