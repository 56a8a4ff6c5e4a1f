"""The density of the eigenvalues of a symmetric matrix that is known by its products: stochastic Lanczos quadrature."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core.key import Key
from limbeck.core.progress import went


class Symmetric(ABC):
    """A symmetric real matrix A, known by its products."""

    @property
    @abstractmethod
    def dimension(self) -> int:
        """How many rows it has."""

    @property
    @abstractmethod
    def like(self) -> Tensor:
        """A tensor of the type, and on the device, of what it multiplies."""

    @abstractmethod
    def __call__(self, block: Float[Tensor, "direction parameter"]) -> Float[Tensor, "direction parameter"]:
        """A v for every row v of a block."""


class Quadrature(NamedTuple):
    """Nodes t and weights w of one measure per start vector v: v' f(A) v is about sum_i w_i f(t_i), with |v| = 1."""

    nodes: Float[Tensor, "start node"]
    weights: Float[Tensor, "start node"]
    bounds: Float[Tensor, "start node"]
    """How far a node is from an eigenvalue at most; infinite for those that only fill a row."""

    def ends(self, count: int) -> Float[Tensor, "end bound"]:
        """The `count` smallest and largest nodes of the first start with their bounds, ascending, as far as there are.

        The ends of a spectrum are what Lanczos steps find first, from within.
        """
        real = ~self.bounds[0].isinf()
        found = torch.stack([self.nodes[0][real], self.bounds[0][real]], 1)
        found = found[found[:, 0].argsort()]
        return found if len(found) <= 2 * count else torch.cat([found[:count], found[-count:]])

    def moment(self, power: int) -> Float[Tensor, " start"]:
        """sum_i w_i t_i^power of each start; times the dimension an unbiased estimate of tr A^power."""
        return (self.weights * self.nodes**power).sum(1)


def signs(key: Key, rows: int, size: int) -> Float[Tensor, "direction parameter"]:
    """Independent signs -1 and 1 (Rademacher), in double precision."""
    return torch.stack([2.0 * key.fold(row).integers(2, size).double() - 1.0 for row in range(rows)])


def lanczos(
    operator: Symmetric, start: Float[Tensor, "start parameter"], steps: int
) -> tuple[Float[Tensor, "start node"], Float[Tensor, "start node"], list[int]]:
    """The Lanczos tridiagonals of A, one for each row of `start`: diagonals a, off-diagonals b, and their sizes.

    b_j q_(j+1) = A q_j - a_j q_j - b_(j-1) q_(j-1), every q re-orthogonalised twice against all before. A row whose
    Krylov space is exhausted (b is zero but for rounding) ends there: its size is less than `steps`. The rows step
    together, so that they share what a block of products shares.
    """
    count, size = start.shape
    steps = min(steps, size)
    like, rounding = operator.like, torch.finfo(operator.like.dtype).eps
    basis = torch.zeros(count, steps, size, dtype=like.dtype, device=like.device)
    q = (start / start.norm(dim=1, keepdim=True)).to(like)
    diagonals, beside = torch.zeros(count, steps).double(), torch.zeros(count, steps).double()
    sizes, scale = [steps] * count, torch.zeros(count).double()
    for step in range(steps):
        went(step, steps)
        basis[:, step] = q
        image = operator(q)
        diagonals[:, step] = (image * q).sum(1).cpu().double()
        scale = torch.maximum(scale, image.norm(dim=1).cpu().double())
        rest = image
        for _ in range(2):
            inner = torch.einsum("bkp,bp->bk", basis[:, : step + 1], rest)
            rest = rest - torch.einsum("bkp,bk->bp", basis[:, : step + 1], inner)
        length = rest.norm(dim=1)
        beside[:, step] = length.cpu().double()
        ended = beside[:, step] <= 100 * rounding * scale
        sizes = [min(held, step + 1) if done else held for held, done in zip(sizes, ended.tolist(), strict=True)]
        if max(sizes) <= step + 1:
            break
        # A row that has ended is carried along as zeros.
        q = torch.where(
            ended.to(like.device)[:, None], 0.0, rest / length.clamp_min(torch.finfo(like.dtype).tiny)[:, None]
        )
    return diagonals, beside, sizes


def quadrature(operator: Symmetric, starts: int, steps: int, key: Key) -> Quadrature:
    """Stochastic Lanczos quadrature: Gauss quadrature of the spectral measures of random unit vectors.

    From signs over sqrt(n), the nodes are the eigenvalues of the Lanczos tridiagonal and the weights the squared first
    entries of its eigenvectors (Golub and Welsch, Math. Comp. 1969; Ghorbani et al., ICML 2019). Exact in the start's
    measure for polynomials of degree up to 2 steps - 1; in expectation over starts f gives tr f(A) / n. Where a row
    ends early, nodes of weight zero fill it up. A node with eigenvector s of the tridiagonal is within b_k |s_k| of
    an eigenvalue of A (Paige 1971).
    """
    from scipy.linalg import eigh_tridiagonal

    diagonals, beside, sizes = lanczos(operator, signs(key, starts, operator.dimension), steps)
    nodes, weights = torch.zeros_like(diagonals), torch.zeros_like(diagonals)
    bounds = torch.full_like(diagonals, torch.inf)
    for row, size in enumerate(sizes):
        a, b = diagonals[row, :size].numpy(), beside[row, : size - 1].numpy()
        values, vectors = eigh_tridiagonal(a, b)
        nodes[row, :size], weights[row, :size] = torch.from_numpy(values), torch.from_numpy(vectors[0] ** 2)
        bounds[row, :size] = beside[row, size - 1] * torch.from_numpy(vectors[-1]).abs()
        nodes[row, size:] = nodes[row, size - 1]
    return Quadrature(nodes, weights, bounds)


def smoothed(
    found: Quadrature, points: int = 512, width: float = 0.01
) -> tuple[Float[Tensor, " point"], Float[Tensor, " point"]]:
    """A grid of eigenvalues and their density there: normal bumps of each node's weight, averaged over starts.

    The standard deviation of a bump is `width` times the range of the nodes (at least 1e-6 of their size), and the grid
    reaches five of them beyond the nodes, so that the density integrates to 1. (PyHessian has a variance of 1e-5 times
    the range, and so another smoothing for the same matrix in other units.)
    """
    low, high = found.nodes.min(), found.nodes.max()
    spread = float(width * torch.maximum(high - low, 1e-6 * found.nodes.abs().max()).clamp_min(1e-12))
    grid = torch.linspace(float(low) - 5 * spread, float(high) + 5 * spread, points, dtype=torch.float64)
    away = (grid[:, None, None] - found.nodes) / spread
    bumps = torch.exp(-away.square() / 2) / (spread * (2 * torch.pi) ** 0.5)
    return grid, (bumps * found.weights).sum(2).mean(1)


NEGLIGIBLE = 0.01
"""The share of the largest eigenvalue up to which a negative one is counted as zero."""


def negative_share(found: Quadrature) -> Float[Tensor, " start"]:
    """How much of the size of a spectrum is negative, in [0, 1]: one estimate for each start.

    The sum of |t| w over the nodes t below -1 % of the largest |t|, over the sum of |t| w over all; 0 of a matrix that
    is zero. The starts of one matrix are estimates of one number: they say nothing of other matrices.

    >>> found = Quadrature(torch.tensor([[-2.0, 0.0, 3.0]]), torch.tensor([[0.25, 0.25, 0.5]]), torch.zeros(1, 3))
    >>> negative_share(found).tolist()
    [0.25]
    """
    sizes = found.weights * found.nodes.abs()
    counted = sizes * (found.nodes < -NEGLIGIBLE * found.nodes.abs().max())
    return counted.sum(1) / sizes.sum(1).clamp_min(1e-300)
