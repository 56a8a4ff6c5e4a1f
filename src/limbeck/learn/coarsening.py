"""A graph made of clusters of nodes of another, such that smooth signals change little."""

from __future__ import annotations

import heapq
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from limbeck.learn.graph_spectrum import DENSE, lanczos

Weights = Any
"""A SciPy CSR matrix (node, node) of float64: symmetric weights of edges, without loops."""


class Candidate(NamedTuple):
    """Nodes that may become one."""

    cost: float
    centre: int
    nodes: tuple[int, ...]
    """The centre first."""


def clusters(weights: Weights, count: int, pairs: int = 10) -> Int[np.ndarray, " node"]:
    """The cluster of each node of a connected graph, of `count`, by local variation in neighbourhoods (Loukas 2019).

    A signal x is smooth where x'Lx is small, L the Laplacian. All nodes of a cluster C take the mean over C. With U
    the `pairs` eigenvectors of L of lowest frequency and l their eigenvalues, A = U diag(l)^-1/2 (0 where l is 0),
    the neighbourhood C of a node, itself included, costs

        tr(B' L_C B) / (|C| - 1),  B = the rows of A in C less their mean,

    where L_C is the Laplacian of the edges within C, those that leave C counted twice on the diagonal. The cheapest
    become clusters, level by level; what overlaps a chosen one goes on without it, if its node is left. On the graph
    of the clusters A is (B' L B)^-1/2 applied to the means B of the rows before (JMLR 20, 2019).
    """
    of, signals = np.arange(weights.shape[0]), smooth(weights, pairs)
    while weights.shape[0] > count:
        level = one_level(weights, signals, weights.shape[0] - count)
        sums = members(level)
        weights = (sums.T @ weights @ sums).tolil()
        weights.setdiag(0)
        weights = weights.tocsr()
        weights.eliminate_zeros()
        signals = whitened(weights, (sums.T @ signals) / np.bincount(level)[:, None])
        of = level[of]
    return of


def members(of: Int[np.ndarray, " node"]) -> Any:
    """(node, cluster): 1 where a node is in a cluster; a SciPy CSR matrix."""
    from scipy.sparse import csr_matrix

    return csr_matrix((np.ones(len(of)), (np.arange(len(of)), of)))


def laplacian(weights: Weights) -> Any:
    """D - W, D the sums of rows; a SciPy CSR matrix."""
    from scipy.sparse import diags_array

    return (diags_array(np.asarray(weights.sum(1)).reshape(-1)) - weights).tocsr()


def smooth(weights: Weights, pairs: int) -> Float[np.ndarray, "node pair"]:
    """U diag(l)^-1/2 of the eigenvectors of lowest frequency, the constant one left out."""
    matrix, size = laplacian(weights), weights.shape[0]
    wanted = min(pairs, size)
    if size <= DENSE:
        values, vectors = np.linalg.eigh(matrix.toarray())
        values, vectors = values[:wanted], vectors[:, :wanted]
    else:
        # The inverse is of a matrix that is positive definite.
        values, vectors = lanczos(matrix.tocsc(), wanted, sigma=-1e-3, which="LM")
    return vectors * _inverse_root(values)


def whitened(weights: Weights, signals: Float[np.ndarray, "node pair"]) -> Float[np.ndarray, "node pair"]:
    """S (S' L S)^-1/2, the pseudo-inverse where that is singular."""
    values, vectors = np.linalg.eigh(signals.T @ (laplacian(weights) @ signals))
    return signals @ (vectors * _inverse_root(values)) @ vectors.T


def _inverse_root(values: Float[np.ndarray, " pair"]) -> Float[np.ndarray, " pair"]:
    large = values > 1e-10 * max(1.0, float(np.abs(values).max(initial=0)))
    return np.where(large, np.where(large, values, 1) ** -0.5, 0)


def variation(weights: Weights, signals: Float[np.ndarray, "node pair"], nodes: tuple[int, ...]) -> float:
    """tr(B' L_C B) / (|C| - 1) of some nodes, as `clusters` says."""
    at = list(nodes)
    within = weights[at][:, at].toarray()
    degrees = np.asarray(weights[at].sum(1)).reshape(-1)
    tied = np.diag(2 * degrees - within.sum(1)) - within
    off = signals[at] - signals[at].mean(0)
    return float(np.sum(off * (tied @ off))) / (len(at) - 1)


def one_level(weights: Weights, signals: Float[np.ndarray, "node pair"], fewer: int) -> Int[np.ndarray, " node"]:
    """The cluster of each node after one pass, which leaves at most `fewer` nodes fewer, and at least one."""
    size, given = weights.shape[0], fewer
    heap = []
    for node in range(size):
        others = weights.indices[weights.indptr[node] : weights.indptr[node + 1]].tolist()
        if others:
            nodes = (node, *sorted(others))
            heap.append(Candidate(variation(weights, signals, nodes), node, nodes))
    cheapest = min(heap)
    heapq.heapify(heap)
    of = np.full(size, -1)
    while heap and fewer:
        each = heapq.heappop(heap)
        left = tuple(node for node in each.nodes if of[node] < 0)
        # Without its centre a neighbourhood may fall apart; each of the others has one of its own.
        if of[each.centre] >= 0 or len(left) < 2 or (len(left) - 1 > fewer and left == each.nodes):
            continue
        if left != each.nodes:
            heapq.heappush(heap, Candidate(variation(weights, signals, left), each.centre, left))
            continue
        of[list(left)] = each.centre
        fewer -= len(left) - 1
    if fewer == given:
        # All are too large: of the cheapest as many as there may be.
        of[list(cheapest.nodes[: fewer + 1])] = cheapest.centre
    return np.unique(np.where(of < 0, np.arange(size), of), return_inverse=True)[1]
