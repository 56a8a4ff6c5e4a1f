"""The trace of a symmetric matrix that is known by its products, to a stated standard error."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core.findings import Fact
from limbeck.core.key import Key
from limbeck.core.progress import went
from limbeck.learn.spectra import Symmetric, signs
from limbeck.statistics.estimates import t_quantile


class Trace(NamedTuple):
    """An estimate of a trace: the mean of a number of `estimates`, its standard error, and the products it took."""

    value: float
    error: float
    estimates: int
    products: int

    def fact(self, name: str) -> Fact:
        """With its 95 % interval, value -+ t(0.975, estimates - 1) error."""
        half = t_quantile(self.estimates - 1) * self.error if self.estimates > 1 else 0.0
        return Fact(name, self.value, self.value - half, self.value + half, self.estimates)


@dataclass(frozen=True)
class Stop:
    """When an estimate is good enough: its standard error is at most `relative` |estimate|, or at most `floor`.

    It is looked at after every block of directions, first after `least` products and for the last time before there
    would be more than `most`. (PyHessian stops when the running mean moves by less than 0.1 %, which it does by chance
    long before it is as good as that.) That the error is looked at more than once makes it too small at the stop
    now and then: of intervals of 95 %, 94 in a hundred hold the trace where the number of products is fixed, and 90
    where it is not (200 keys, 5 large eigenvalues over a bulk of 80, either estimate).
    """

    relative: float = 0.03
    floor: float = 0.0
    least: int = 8
    most: int = 100
    block: int = 4
    """How many directions go through together."""

    def enough(self, found: Trace) -> bool:
        """Whether to stop."""
        good = found.error <= max(self.relative * abs(found.value), self.floor)
        return good and found.products >= self.least and found.estimates > 1


def hutchinson(operator: Symmetric, stop: Stop, key: Key) -> Trace:
    """The mean of v' A v over vectors v of independent signs (Hutchinson 1990), until its standard error is small.

    One product an estimate, of variance 2 (|A|_F^2 - sum_i A_ii^2).
    """
    found: list[float] = []
    while True:
        block = signs(key.fold(len(found)), min(stop.block, max(1, stop.most - len(found))), operator.dimension)
        images = operator(block.to(operator.like)).to("cpu", torch.float64)
        found += (images * block).sum(1).tolist()
        went(len(found), stop.most)
        trace = _mean(torch.tensor(found, dtype=torch.float64), len(found))
        if stop.enough(trace) or len(found) >= stop.most:
            return trace


def xtrace(operator: Symmetric, stop: Stop, key: Key) -> Trace:
    """XTrace (Epperly, Tropp, Webber, SIAM J. Matrix Anal. Appl. 2024), until its own estimate of the error is small.

    With Q an orthonormal basis of the images A w_j of all random directions but w_i,

        t_i = tr Q' A Q + (n - dim Q) / |r|^2  r' A r,    r = (1 - Q Q') w_i,

    estimates the trace without bias, and with little variance where few eigenvalues make most of it; the trace is the
    mean over i. Two products an estimate. All t_i come from one basis, which new directions lengthen, so that no
    product is lost on the way to the stop. The t_i share directions: their spread over the root of their number is
    the error that the authors state. Exact where the rank of A is less than the number of directions, and with as many
    directions as A has rows.
    """
    grown = _Range(operator)
    for number in range(10**9):
        room = min(stop.block, operator.dimension - grown.count, max(1, stop.most // 2 - grown.count))
        directions = key.fold(number).normal(room, operator.dimension).double()
        if not grown.grow(directions):
            value = float(torch.diagonal(grown.inner()).sum())
            return Trace(value, 0.0, max(2, grown.count), grown.products)
        went(grown.products, stop.most)
        trace = _mean(grown.estimates(), grown.products)
        if stop.enough(trace) or grown.products + 2 > stop.most or grown.count == operator.dimension:
            return trace
    raise AssertionError("the directions run out before the numbers do")


class _Range:
    """Directions w_j (rows of W), their images Y = W A, an orthonormal basis Q of the images, Z = Q A; all rows."""

    def __init__(self, operator: Symmetric) -> None:
        size = operator.dimension
        self.operator = operator
        self.W, self.Y, self.Q, self.Z = (torch.zeros(0, size, dtype=torch.float64) for _ in range(4))
        self.products = 0

    @property
    def count(self) -> int:
        return len(self.W)

    def _times(self, block: Tensor) -> Tensor:
        self.products += len(block)
        return self.operator(block.to(self.operator.like)).to("cpu", torch.float64)

    def grow(self, directions: Float[Tensor, "direction parameter"]) -> bool:
        """Add directions; False where their images add nothing: then Q holds all of A's range."""
        images = self._times(directions)
        rest = images
        for _ in range(2):
            rest = rest - (rest @ self.Q.T) @ self.Q
        limit = 100 * torch.finfo(self.operator.like.dtype).eps * float(images.norm(dim=1).max())
        basis, sizes, _ = torch.linalg.svd(rest.T, full_matrices=False)
        basis = basis[:, sizes > limit].T
        if len(basis):
            self.Q, self.Z = torch.cat([self.Q, basis]), torch.cat([self.Z, self._times(basis)])
        self.W, self.Y = torch.cat([self.W, directions]), torch.cat([self.Y, images])
        return len(basis) == len(directions)

    def inner(self) -> Float[Tensor, "direction other"]:
        """Q' A Q."""
        H = self.Q @ self.Z.T
        return (H + H.T) / 2

    def estimates(self) -> Float[Tensor, " direction"]:
        """t_i of every direction."""
        size, count, H = self.operator.dimension, self.count, self.inner()
        R = self.Q @ self.Y.T
        # Column i of S is normal to the images of all other directions, within the range of Q.
        S = torch.linalg.inv(R).T
        S = S / S.norm(dim=0)
        inside, across = self.Q @ self.W.T, self.Z @ self.W.T
        X = inside - S * (S * inside).sum(0)
        trace = H.diagonal().sum() - (S * (H @ S)).sum(0)
        bent = (self.W * self.Y).sum(1) - 2 * (X * across).sum(0) + (X * (H @ X)).sum(0)
        left = (self.W.square().sum(1) - X.square().sum(0)) / (size - count + 1)
        return trace + bent / left


def _mean(values: Tensor, products: int) -> Trace:
    count = len(values)
    error = float(values.std()) / math.sqrt(count) if count > 1 else math.inf
    return Trace(float(values.mean()), error, count, products)
