"""Graphs as networks see them: small dense ones, whose edges may be learned, and a whole real one, which stays sparse.

A dense graph is {"features": (node, number), "edges": (node, node)}: a weight for each pair of nodes. Nodes of the real
graph, which are judged amid all others, are {"nodes": (node)}: their numbers in it.
"""

from __future__ import annotations

import functools
from collections import OrderedDict
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core.contracts import AbstractTask
from limbeck.core.errors import InputError
from limbeck.core.placing import cpu
from limbeck.core.tree import Tree

FEATURES, EDGES, NODES = "features", "edges", "nodes"
BASIS, LOW, HIGH = "basis", "low", "high"
"""While they are learned: eigenvectors of a graph (node, pair), and their lowest and highest eigenvalues, by node."""
NORMALISED, MEAN, WEIGHTS = "normalised", "mean", "weights"
"""How neighbours count: D^-1/2 (A + I) D^-1/2; as their mean, D^-1 A; by weight, A + I."""
KEPT = 8
"""How many neighbourhoods of the real graph are kept: those of test, validation and training nodes, by a few networks.
"""


def weights(edges: Float[Tensor, "node node"]) -> Float[Tensor, "node node"]:
    """How strongly nodes are tied: the mean of both directions, 0 where that is negative."""
    return ((edges + edges.T) / 2).clamp(min=0)


def spreading(edges: Float[Tensor, "node node"], by: str = NORMALISED) -> Float[Tensor, "node node"]:
    """What a node takes from each other one: differentiable in the weights of edges.

    "normalised" is D^-1/2 (A + I) D^-1/2 with D the row sums of A + I (Kipf & Welling, ICLR 2017); "mean" is D^-1 A,
    rows of zeros where a node has no neighbour; "weights" is A + I.

    >>> spreading(torch.tensor([[0.0, 1.0], [1.0, 0.0]])).tolist()
    [[0.4999999701976776, 0.4999999701976776], [0.4999999701976776, 0.4999999701976776]]
    """
    held = weights(edges)
    if by == MEAN:
        total = held.sum(1, keepdim=True)
        return held / torch.where(total > 0, total, 1)
    looped = held + torch.eye(len(held), dtype=held.dtype, device=held.device)
    if by == WEIGHTS:
        return looped
    root = looped.sum(1).rsqrt()
    return root[:, None] * looped * root


class Neighbourhood:
    """Nodes, those up to some hops around them, and what each takes from the next farther ones."""

    def __init__(self, features: Tensor, hops: tuple[Tensor, ...], inner: tuple[Tensor | None, ...]) -> None:
        self.features, self.hops, self.inner = features, hops, inner

    @functools.cached_property
    def spread(self) -> Float[Tensor, "inner number"]:
        """The features after the first hop."""
        return self.hops[0] @ self.features

    @functools.cached_property
    def far(self) -> Float[Tensor, "node number"]:
        """The features after all hops, at the nodes themselves."""
        found = self.spread
        for hop in self.hops[1:]:
            found = hop @ found
        return found

    @functools.cached_property
    def own(self) -> Float[Tensor, "node number"]:
        """The features of the nodes themselves."""
        return self.below(0, self.features)

    def below(self, hop: int, rows: Float[Tensor, "outer number"]) -> Float[Tensor, "node number"]:
        """Of rows of the nodes that a hop leads from, those of the nodes themselves."""
        for each in range(hop, len(self.hops)):
            rows = self.within(each, rows)
        return rows

    def within(self, hop: int, rows: Float[Tensor, "outer number"]) -> Float[Tensor, "inner number"]:
        """Of rows of the nodes that a hop leads from, those of the nodes that it leads to."""
        at = self.inner[hop]
        return rows if at is None else rows[at]


class Whole:
    """A real graph, in which nodes are judged; features and edges are sparse.

    Args:
        features: (node, number), a SciPy CSR matrix or a dense array of float32, as a network sees them.
        edges: (2, edge), the two nodes of each undirected edge, each once and without loops.
        scale: What the features of the data were multiplied by.
    """

    def __init__(self, features: Any, edges: Int[np.ndarray, "2 edge"], scale: float = 1.0) -> None:
        self.features, self.edges, self.scale = features, edges, scale
        self._kept: OrderedDict[Any, Neighbourhood] = OrderedDict()

    def __deepcopy__(self, memo: Any) -> Whole:
        # It is read alone, and large: copies of a network share it.
        return self

    @functools.cached_property
    def adjacency(self) -> Any:
        """(node, node): 1 at each edge, both ways; a SciPy CSR matrix of float64."""
        from scipy.sparse import csr_matrix

        count = self.features.shape[0]
        there = np.concatenate([self.edges, self.edges[::-1]], 1)
        return csr_matrix((np.ones(there.shape[1]), (there[0], there[1])), shape=(count, count))

    @functools.cache  # noqa: B019 (few are kept as long as the process lives)
    def spreading(self, by: str = NORMALISED) -> Any:
        """What each node takes from each other one, as `spreading` says of a dense graph: a CSR matrix of float64."""
        from scipy.sparse import diags_array, eye_array

        total = np.asarray(self.adjacency.sum(1)).reshape(-1)
        if by == MEAN:
            return (diags_array(1 / np.where(total > 0, total, 1)) @ self.adjacency).tocsr()
        looped = (self.adjacency + eye_array(len(total))).tocsr()
        if by == WEIGHTS:
            return looped
        root = diags_array((total + 1) ** -0.5)
        return (root @ looped @ root).tocsr()

    @functools.cache  # noqa: B019
    def spread(self, hops: int) -> Any:
        """The features of all nodes after so many normalised hops: sparse where they are, else dense; float32."""
        if not hops:
            return self.features
        found = self.spreading() @ self.spread(hops - 1)
        return found.astype(np.float32)

    def rows(self, nodes: Int[Tensor, " node"], hops: int = 0) -> Float[Tensor, "node number"]:
        """The features of some nodes after so many hops, dense, on the CPU."""
        return torch.from_numpy(dense(self.spread(hops)[nodes.numpy()]))

    def among(self, nodes: Int[Tensor, " node"]) -> Float[Tensor, "node node"]:
        """The edges among some nodes, dense, on the CPU."""
        at = nodes.numpy()
        return torch.from_numpy(dense(self.adjacency[at][:, at]))

    def around(self, nodes: Int[Tensor, " node"], hops: int, by: str, gain: float, like: Tensor) -> Neighbourhood:
        """The neighbourhood of some nodes, of the type and on the device of `like`; the last few are kept.

        Features are multiplied by `gain`.
        """
        # Within a derivative even a move that moves nothing would wrap the numbers.
        at = (nodes if nodes.device.type == "cpu" else nodes.cpu()).numpy()
        key = (at.tobytes(), hops, by, gain, like.device, like.dtype)
        if key not in self._kept:
            self._kept[key] = self._around(at, hops, by, gain, like)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def _around(self, at: Int[np.ndarray, " node"], hops: int, by: str, gain: float, like: Tensor) -> Neighbourhood:
        matrix, inner, steps, places = self.spreading(by), at, [], []
        for _ in range(hops):
            taken = matrix[inner]
            outer = np.union1d(taken.indices, inner)
            steps.append(_sparse(taken[:, outer], like))
            places.append(torch.from_numpy(np.searchsorted(outer, inner)).to(like.device))
            inner = outer
        features = gain * torch.from_numpy(dense(self.features[inner])).to(like)
        return Neighbourhood(features, tuple(reversed(steps)), tuple(reversed(places)))


def dense(rows: Any) -> Any:
    """Rows of a SciPy matrix, or of an array, as an array of float32."""
    return np.ascontiguousarray(rows.toarray() if hasattr(rows, "toarray") else rows, dtype=np.float32)


def _sparse(matrix: Any, like: Tensor) -> Tensor:
    """A SciPy matrix as a sparse tensor."""
    coordinates = matrix.tocsr().sorted_indices().tocoo()
    places = torch.from_numpy(np.stack([coordinates.row, coordinates.col]).astype(np.int64))
    data = torch.from_numpy(coordinates.data).to(like)
    return torch.sparse_coo_tensor(
        places.to(like.device), data, matrix.shape, is_coalesced=True, check_invariants=False
    )


def neighbourhood(inputs: Tree, whole: Whole | None, hops: int, by: str, gain: float, like: Tensor) -> Neighbourhood:
    """What a network of so many hops sees: all of a dense graph, or what lies around nodes of the real one.

    Features are multiplied by `gain`. Raises InputError for nodes of a real graph that is not there.
    """
    if NODES not in inputs:
        steps = (spreading(inputs[EDGES], by),) * hops if hops else ()
        return Neighbourhood(gain * inputs[FEATURES], steps, (None,) * hops)
    if whole is None:
        raise InputError("nodes of a real graph were given to a network that knows none; make it by the task")
    return whole.around(inputs[NODES], hops, by, gain, like)


def labelled_nodes(task: AbstractTask) -> tuple[Whole, Int[Tensor, " node"], Int[Tensor, " node"]]:
    """The real graph of a task, the numbers of its training nodes, and the class of each; InputError for no graph."""
    whole = getattr(task, "whole", None)
    if not isinstance(whole, Whole):
        raise InputError(
            f"{task.name}: it is no graph, expected one, such as cora or graph:FILE.npz; choose another recipe"
        )
    batch = task.in_place(cpu(), "train")
    return whole, batch.inputs[NODES], batch.classes


__all__ = ["Neighbourhood", "Whole", "labelled_nodes", "neighbourhood", "spreading", "weights"]
