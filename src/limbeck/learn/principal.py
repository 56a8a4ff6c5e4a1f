"""The plane in which a trajectory of parameters varies most."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core.tree import Tree
from limbeck.learn.curvature import flat, shaped


class Principal(NamedTuple):
    """Two orthonormal directions through the last point of a trajectory."""

    origin: Float[Tensor, " parameter"]
    directions: Float[Tensor, "direction parameter"]
    explained: Float[Tensor, " direction"]
    """The share that each has of the squared distances from the last point."""
    path: Float[Tensor, "kept direction"]
    """The points of the trajectory in the plane, on the CPU; the last is (0, 0)."""

    def place(self, x: float, y: float, like: Tree) -> Tree:
        """The parameters at two coordinates."""
        point = self.origin + x * self.directions[0] + y * self.directions[1]
        return shaped(like, point.to(flat(like)))


def principal(points: Float[Tensor, "kept parameter"]) -> Principal:
    """The plane of a trajectory: rows w_i - w_n, and their first two right singular vectors.

    Not centred, so that the plane holds the last point (Li et al., NeurIPS 2018). Of a trajectory on a line the second
    direction is any other. At least two points are asked for.

    >>> found = principal(torch.tensor([[0.0, 3.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]))
    >>> found.explained.tolist(), found.path.abs().tolist()
    ([0.9, 0.1], [[3.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    """
    points = points.double()
    away = points - points[-1]
    values, directions = _leading(away)
    squared = values.square()
    whole = away.square().sum().clamp_min(torch.finfo(torch.float64).tiny)
    return Principal(points[-1], directions, (squared / whole).cpu(), (away @ directions.T).cpu())


def _leading(away: Float[Tensor, "kept parameter"]) -> tuple[Tensor, Tensor]:
    """The first two singular values and right singular vectors; zeros and any direction where there are none."""
    _, values, right = torch.linalg.svd(away, full_matrices=False)
    if len(values) < 2:
        values = torch.cat([values, values.new_zeros(2 - len(values))])
        other = torch.zeros_like(right[0])
        other[int(right[0].abs().argmin())] = 1.0
        other = other - (other @ right[0]) * right[0]
        right = torch.stack([right[0], other / other.norm()])
    return values[:2], right[:2]
