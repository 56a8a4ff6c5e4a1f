"""Clusters of nodes of a graph, with the edges between them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import nn

from limbeck.core.contracts import AbstractStart, Batch, Problem
from limbeck.core.errors import InputError
from limbeck.core.expect import at_least
from limbeck.core.key import Key
from limbeck.learn.coarsening import Weights, clusters, members
from limbeck.learn.graph_spectrum import largest_component
from limbeck.learn.graphs import EDGES, FEATURES, labelled_nodes


@dataclass(frozen=True)
class Coarsened(AbstractStart):
    """Clusters of nodes of the largest component, found by local variation in neighbourhoods (Loukas 2019).

    With P (node, cluster) 1 where a node is in a cluster, edges are P'AP, which keeps the sum of all weights: of a
    cluster with itself there is the weight within it. Features are means over the cluster. Its class is the most
    frequent one of the training nodes in it, the first of equals; where there is none, of those in the clusters that
    are the fewest hops away. So classes have as many items as they come to have, some perhaps none, of which it warns.
    Nothing is drawn and nothing trained. InputError where the data are no graph, and for more items than nodes.
    """

    makes = True

    pairs: int = 10
    """How many smooth signals are to change little."""

    def __post_init__(self) -> None:
        at_least(self, 2, "pairs")

    def check(self, problem: Problem) -> None:
        """InputError where the data are no graph."""
        labelled_nodes(problem.task)

    def pick(self, problem: Problem, per_class: int, key: Key) -> Batch:
        """`per_class` clusters a class in all, in the order of their classes, large ones of a class first."""
        task = problem.task
        whole, nodes, classes = labelled_nodes(task)
        inside, count = largest_component(whole), per_class * len(task.classes)
        if count > len(inside):
            raise InputError(
                f"start coarsened: found {len(inside)} nodes in the largest component, expected {count} or more; "
                f"distil at most {len(inside) // len(task.classes)} of a class (--ipc)"
            )
        adjacency = whole.adjacency[inside][:, inside].tocsr()
        held = members(clusters(adjacency, count, self.pairs))
        edges = (held.T @ adjacency @ held).tocsr()
        votes = np.zeros((len(inside), len(task.classes)))
        known = np.isin(nodes.numpy(), inside)
        votes[np.searchsorted(inside, nodes.numpy()[known]), classes.numpy()[known]] = 1
        labels, sizes = majorities(edges, held.T @ votes), np.asarray(held.sum(0)).reshape(-1)
        order = np.lexsort((-sizes, labels))
        self._tell(labels, task.classes)
        features = (held.T @ whole.features[inside]) / sizes[:, None]
        features = np.asarray(features.todense() if hasattr(features, "todense") else features)[order]
        inputs = {
            EDGES: torch.from_numpy(edges.toarray()[order][:, order]).float(),
            FEATURES: torch.from_numpy(np.ascontiguousarray(features)).float(),
        }
        made = torch.from_numpy(labels[order])
        return Batch(inputs, nn.functional.one_hot(made, len(task.classes)).float(), made).to(problem.device)

    def _tell(self, labels: Int[np.ndarray, " cluster"], names: tuple[str, ...]) -> None:
        """Warn where a class has no cluster."""
        counts = np.bincount(labels, minlength=len(names))
        if not counts.all():
            each = ", ".join(f"{name} {count}" for name, count in zip(names, counts, strict=True))
            warnings.warn(f"start coarsened: found classes without a cluster ({each}); take more items", stacklevel=3)


def majorities(edges: Weights, votes: np.ndarray) -> Int[np.ndarray, " cluster"]:
    """The class with the most votes (cluster, class) of each cluster, or around it, by the fewest hops that have any.

    Raises InputError where there are none.
    """
    if not votes.any():
        raise InputError("start coarsened: found no training node in the largest component; choose another recipe")
    found, joined = votes.copy(), (edges.toarray() > 0).astype(float)
    near = joined
    while not (known := found.any(1)).all():
        found[~known] = near[~known] @ votes
        near = (near @ joined > 0).astype(float)
    return found.argmax(1).astype(np.int64)
