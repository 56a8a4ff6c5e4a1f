"""The plane through three points of parameter space."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core.key import Key

PARALLEL = 1e-6
"""The share of a side off the other side up to which three points lie on a line."""


@dataclass(frozen=True)
class Plane:
    """The points origin + x first + y second, with orthonormal directions, so that distances are those of parameters.

    Vectors are in double precision, so that a point given in the plane's coordinates is the point but for rounding.
    """

    origin: Float[Tensor, " parameter"]
    first: Float[Tensor, " parameter"]
    second: Float[Tensor, " parameter"]

    @classmethod
    def through(
        cls, origin: Float[Tensor, " parameter"], along: Float[Tensor, " parameter"], other: Float[Tensor, " parameter"]
    ) -> Plane:
        """The plane that holds three points; the first direction points from `origin` to `along`.

        With u = along - origin and v = other - origin: first = u / |u|, second = v - <v, first> first over its norm. So
        the corners are (0, 0), (|u|, 0) and (<v, first>, <v, second>). Of three points on a line, or two, the plane is
        one of many: what is missing is drawn at random.
        """
        origin, along, other = (point.double() for point in (origin, along, other))
        spans: list[Tensor] = []
        for index, side in enumerate((along - origin, other - origin)):
            rest = _off(side, spans)
            if not rest.norm() > PARALLEL * side.norm():
                rest = _off(Key(("plane", index)).normal(len(origin)).to(origin), spans)
            spans.append(_off(rest / rest.norm(), spans))
        first, second = (span / span.norm() for span in spans)
        return cls(origin, first, second)

    def place(self, x: float, y: float) -> Float[Tensor, " parameter"]:
        """The point at two coordinates."""
        return self.origin + x * self.first + y * self.second

    def project(self, point: Float[Tensor, " parameter"]) -> tuple[float, float, float]:
        """The coordinates of the nearest point of the plane, and the distance from it."""
        away = point.double() - self.origin
        x, y = float(away @ self.first), float(away @ self.second)
        return x, y, float((away - x * self.first - y * self.second).norm())


def _off(vector: Tensor, spans: list[Tensor]) -> Tensor:
    """What of a vector is orthogonal to orthonormal directions."""
    for span in spans:
        vector = vector - (vector @ span) * span
    return vector


def centred(radius: float, size: int) -> list[float]:
    """Equally spaced numbers from -radius to radius whose middle is exactly 0; of an even size one more.

    >>> centred(1.0, 5), centred(1.0, 2)
    ([-1.0, -0.5, 0.0, 0.5, 1.0], [-1.0, 0.0, 1.0])
    """
    half = size // 2
    return [radius * step / half for step in range(-half, half + 1)]


def grid(low: float, high: float, size: int) -> list[float]:
    """Equally spaced numbers from `low` to `high`.

    >>> grid(0.0, 1.0, 3)
    [0.0, 0.5, 1.0]
    """
    return torch.linspace(low, high, size, dtype=torch.float64).tolist()


def covering(spots: Float[Tensor, "spot axis"], margin: float, size: int) -> list[list[float]]:
    """For each axis `size` equally spaced numbers over some spots, and beyond them by `margin` of their extent.

    >>> covering(torch.tensor([[0.0, 0.0], [2.0, 4.0]]), 0.5, 3)
    [[-1.0, 1.0, 3.0], [-2.0, 2.0, 6.0]]
    """
    low, high = spots.min(0).values, spots.max(0).values
    room = margin * (high - low).clamp_min(1e-3 * float((high - low).max()) or 1.0)
    return [grid(float(a), float(b), size) for a, b in zip(low - room, high + room, strict=True)]
