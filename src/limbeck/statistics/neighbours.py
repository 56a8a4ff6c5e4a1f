"""Nearest neighbours by Euclidean distance."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

AT_ONCE = 512
"""Queries whose distances to all points are held at once."""


def nearest(
    queries: Float[Tensor, "query feature"],
    points: Float[Tensor, "point feature"],
    count: int,
    own: Int[Tensor, " query"] | None = None,
) -> tuple[Float[Tensor, "query near"], Int[Tensor, "query near"]]:
    """The distances and rows of the `count` points nearest to each query (fewer where there are fewer), nearest first.

    `own` names for each query a row that is not its neighbour: itself, where queries are among the points.
    """
    near = max(0, min(count, len(points) - (own is not None)))
    distances, rows = [queries.new_zeros(0, near)], [torch.zeros(0, near, dtype=torch.int64)]
    squares = points.square().sum(1)
    for start in range(0, len(queries), AT_ONCE):
        part = queries[start : start + AT_ONCE]
        # |q - p|^2 less |q|^2, which orders alike; the distances of those found are then taken exactly.
        order = squares - 2 * part @ points.T
        if own is not None:
            order[torch.arange(len(part)), own[start : start + AT_ONCE]] = math.inf
        found = order.topk(near, largest=False).indices
        exact = (part[:, None] - points[found]).square().sum(2).sqrt()
        exact, again = exact.sort(1)
        distances.append(exact)
        rows.append(found.gather(1, again))
    return torch.cat(distances), torch.cat(rows)


def agreement(
    queries: Float[Tensor, "query feature"],
    labels: Int[Tensor, " query"],
    points: Float[Tensor, "point feature"],
    classes: Int[Tensor, " point"],
    count: int,
    own: Int[Tensor, " query"] | None = None,
) -> Float[Tensor, " query"]:
    """The share of the `count` nearest points of each query that are of its class; NaN where there are no points."""
    rows = nearest(queries, points, count, own)[1]
    return (classes[rows] == labels[:, None]).to(torch.float64).mean(1)


def to_own_class(
    queries: Float[Tensor, "query feature"],
    labels: Int[Tensor, " query"],
    points: Float[Tensor, "point feature"],
    classes: Int[Tensor, " point"],
    own: Int[Tensor, " query"] | None = None,
) -> Float[Tensor, " query"]:
    """The distance of each query to the nearest point of its class, infinite where there is none (but itself)."""
    found = torch.full((len(queries),), math.inf, dtype=torch.float64)
    for label in labels.unique().tolist():
        mine, theirs = (labels == label).nonzero()[:, 0], (classes == label).nonzero()[:, 0]
        if not len(theirs):
            continue
        # Where a query is not among the points of its class, nothing is left out.
        themselves = None if own is None else torch.searchsorted(theirs, own[mine])
        distances = nearest(queries[mine], points[theirs], 1, themselves)[0]
        if distances.shape[1]:
            found[mine] = distances[:, 0].to(torch.float64)
    return found


def farther(distances: Float[Tensor, " query"], real: Float[Tensor, " other"], than: float) -> Bool[Tensor, " query"]:
    """Which distances are larger than a share `than` of others are, of those that are finite; none where none is.

    Of as many further draws of what the others are, a share 1 - than is, whatever they are distributed like.

    >>> farther(torch.tensor([1.0, 9.5]), torch.linspace(0, 10, 101), 0.9).tolist()
    [False, True]
    """
    known = real[real.isfinite()]
    return distances > known.quantile(than) if len(known) else torch.zeros(len(distances), dtype=torch.bool)
