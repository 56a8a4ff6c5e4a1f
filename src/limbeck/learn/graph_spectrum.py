"""Ends of the spectrum of a real graph, and edges by which networks see a matrix that was made of such a spectrum."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core.errors import InputError
from limbeck.learn.graphs import Whole

DENSE = 600
"""Up to so many nodes all eigenpairs are computed; of more the wanted ones alone."""
KEPT = 8
"""Of how many graphs and sizes the pairs are kept."""
DIAGONAL = 0.05
"""The least that a node takes from itself, where edges are found."""


class Ends(NamedTuple):
    """Eigenpairs of the normalised Laplacian I - D^-1/2 (A + I) D^-1/2 of the largest component, on the CPU."""

    nodes: Int[np.ndarray, " node"]
    """The numbers of the nodes of the component in the whole graph, ascending."""
    low: Float[Tensor, " pair"]
    """The lowest eigenvalues, ascending; float64."""
    high: Float[Tensor, " pair"]
    """The highest, ascending."""
    vectors: Float[Tensor, "node pair"]
    """Of unit norm: those of the lowest, then those of the highest. The sign of each is anything."""

    @property
    def values(self) -> Float[Tensor, " pair"]:
        """The eigenvalue of each vector."""
        return torch.cat([self.low, self.high])


def largest_component(whole: Whole) -> Int[np.ndarray, " node"]:
    """The nodes of the largest set of nodes that are joined, ascending; of equal ones that of the first node."""
    from scipy.sparse.csgraph import connected_components

    of = connected_components(whole.adjacency, directed=False)[1]
    return np.flatnonzero(of == np.bincount(of).argmax())


@functools.lru_cache(KEPT)
def ends(whole: Whole, low: int, high: int) -> Ends:
    """So many eigenpairs of either end; InputError where the largest component has fewer nodes."""
    nodes = largest_component(whole)
    if low + high > len(nodes):
        raise InputError(
            f"graph: found {len(nodes)} nodes in its largest component, expected {low + high} or more; take fewer nodes"
        )
    spread = whole.spreading()[nodes][:, nodes]
    if len(nodes) <= DENSE or low + high > len(nodes) // 4:
        values, vectors = np.linalg.eigh(np.eye(len(nodes)) - spread.toarray())
        order = np.r_[:low, len(nodes) - high : len(nodes)]
        values, vectors = values[order], vectors[:, order]
    else:
        parts = [_of_end(spread, count, which) for count, which in ((low, "LA"), (high, "SA")) if count]
        values, vectors = (np.concatenate(each, -1) for each in zip(*parts, strict=True))
    found = torch.from_numpy(np.ascontiguousarray(values)).double()
    return Ends(nodes, found[:low], found[low:], torch.from_numpy(np.ascontiguousarray(vectors)).double())


def _of_end(spread: Any, count: int, which: str) -> tuple[np.ndarray, np.ndarray]:
    """Some eigenvalues of I less a sparse matrix, ascending, and their vectors."""
    values, vectors = lanczos(spread, count, which=which)
    order = np.argsort(-values, kind="stable")
    return 1 - values[order], vectors[:, order]


def lanczos(matrix: Any, count: int, **asked: Any) -> tuple[np.ndarray, np.ndarray]:
    """Some eigenpairs of a sparse symmetric matrix, as `scipy.sparse.linalg.eigsh` is asked for.

    Lanczos begins at one place, so that equal runs find equal numbers.
    """
    from scipy.sparse.linalg import eigsh

    found: tuple[np.ndarray, np.ndarray] = eigsh(
        matrix, count, v0=1 + 0.5 * np.cos(np.arange(matrix.shape[0])), **asked
    )
    return found


def operator(basis: Float[Tensor, "node pair"], values: Float[Tensor, " pair"]) -> Float[Tensor, "node node"]:
    """I - U diag(values) U': what a node takes from each other one, where U are eigenvectors of the Laplacian."""
    return torch.eye(len(basis), dtype=basis.dtype, device=basis.device) - (basis * values) @ basis.T


def edges_of(spreads: Float[Tensor, "node node"]) -> Float[Tensor, "node node"]:
    """Weights of edges that networks, which add loops and normalise, see as a matrix B: B_ij / sqrt(B_ii B_jj).

    None joins a node with itself. For B = D^-1/2 (A + I) D^-1/2 it is A, as B_ii is then one over the degree. For any
    other B what is seen is B with rows and columns scaled. Where B_ii is below 0.05, it counts as that; where B_ij is
    negative, nothing is joined.

    >>> edges_of(torch.tensor([[0.5, 0.5], [0.5, 0.5]])).round(decimals=5).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    root = spreads.diagonal().clamp(min=DIAGONAL).rsqrt()
    joined = (root[:, None] * spreads * root).clamp(min=0)
    return joined * (1 - torch.eye(len(joined), dtype=joined.dtype, device=joined.device))
