"""How far one gradient of a network is from another."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core import tree
from limbeck.core.errors import InputError
from limbeck.core.expect import AbstractPart, at_least, expect
from limbeck.core.family import Family
from limbeck.core.tree import Tree

EPSILON = 1e-6
"""What is added to the product of two norms, so that zeros are at distance 1 from everything, themselves included."""


class AbstractDistance(AbstractPart):
    """How far one gradient is from another, which are trees of one structure."""

    @abstractmethod
    def distance(self, real: Tree, synthetic: Tree) -> Float[Tensor, ""]:
        """The distance, differentiable in both."""


@dataclass(frozen=True)
class RowCosine(AbstractDistance):
    """One minus the cosine, summed over the output rows of every weight (Zhao et al., ICLR 2021).

    D(a, b) = sum over weights W, rows r of W of 1 - <a_r, b_r> / (|a_r| |b_r| + 1e-6)

    A row is all that enters one output: a tensor of shape (out, ...) has `out` of them. Tensors with
    fewer than two axes (biases, the scale and shift of most norms) are left out. Blind to the length of each
    row; a row of zeros, such as that of a dead filter, counts 1 whatever the other side.
    """

    def distance(self, real: Tree, synthetic: Tree) -> Float[Tensor, ""]:
        """The distance, at most twice the number of rows."""
        pairs = zip(tree.leaves(real), tree.leaves(synthetic), strict=True)
        return torch.stack([(1 - _cosines(a.flatten(1), b.flatten(1))).sum() for a, b in pairs if a.dim() > 1]).sum()


@dataclass(frozen=True)
class RowAngleAndMagnitude(AbstractDistance):
    """One minus the cosine plus the length of the difference, summed over output rows (Jiang et al., COINS 2023).

    D(a, b) = sum over weights W, rows r of W of angle (1 - <a_r, b_r> / (|a_r| |b_r| + 1e-6)) + magnitude |a_r - b_r|

    Rows are those of `RowCosine`, and tensors with fewer than two axes are left out here too. Unlike it, it sees
    how long each row is. Of that work this is the distance, with the weights of its published code, 1 and 1;
    what it proposes besides is not here: matching the mean gradient over all classes beside that of each,
    and more training of the network at its beginning. The length of no difference has derivative zero.
    """

    angle: float = 1.0
    """The weight of one minus the cosine."""
    magnitude: float = 1.0
    """The weight of the length of the difference."""

    def __post_init__(self) -> None:
        at_least(self, 0, "angle", "magnitude")
        expect(self, "angle", self.angle + self.magnitude > 0, "a number above 0 where magnitude is 0")

    def distance(self, real: Tree, synthetic: Tree) -> Float[Tensor, ""]:
        """The distance; its second part is in units of the gradient."""
        pairs = zip(tree.leaves(real), tree.leaves(synthetic), strict=True)
        rows = [(a.flatten(1), b.flatten(1)) for a, b in pairs if a.dim() > 1]
        angles = torch.stack([(1 - _cosines(a, b)).sum() for a, b in rows]).sum()
        lengths = torch.stack([torch.linalg.vector_norm(a - b, dim=1).sum() for a, b in rows]).sum()
        return self.angle * angles + self.magnitude * lengths


@dataclass(frozen=True)
class SquaredError(AbstractDistance):
    """The sum of squared differences over all parameters: D(a, b) = |a - b|^2."""

    def distance(self, real: Tree, synthetic: Tree) -> Float[Tensor, ""]:
        """The distance, in squared units of the gradient."""
        difference = tree.map(lambda a, b: a - b, real, synthetic)
        return tree.dot(difference, difference)


@dataclass(frozen=True)
class AbsoluteError(AbstractDistance):
    """The sum of absolute differences over all parameters: D(a, b) = |a - b|_1."""

    def distance(self, real: Tree, synthetic: Tree) -> Float[Tensor, ""]:
        """The distance, in units of the gradient."""
        pairs = zip(tree.leaves(real), tree.leaves(synthetic), strict=True)
        return torch.stack([(a - b).abs().sum() for a, b in pairs]).sum()


@dataclass(frozen=True)
class Filters(AbstractDistance):
    """Another distance, of the filters of convolutions alone (Kim et al., ICML 2022).

    A filter is what has three axes or more. Biases, norms and linear layers are left out.
    """

    inner: AbstractDistance = SquaredError()
    """The distance that is taken of these."""

    def distance(self, real: Tree, synthetic: Tree) -> Float[Tensor, ""]:
        """The distance; InputError where there are no filters."""
        left, right = (_filters(side) for side in (real, synthetic))
        if not left:
            raise InputError(
                "filters: found a network without convolutions, expected one with some; choose --objective.distance "
                "squared-error"
            )
        return self.inner.distance(left, right)


@dataclass(frozen=True)
class GlobalCosine(AbstractDistance):
    """One minus the cosine of all parameters taken as one vector: D(a, b) = 1 - <a, b> / (|a| |b| + 1e-6)."""

    def distance(self, real: Tree, synthetic: Tree) -> Float[Tensor, ""]:
        """The distance, in [0, 2]."""
        a, b = (torch.cat([leaf.flatten() for leaf in tree.leaves(gradient)]) for gradient in (real, synthetic))
        return 1 - _cosines(a[None], b[None])[0]


def _filters(gradient: Tree) -> dict[str, Tensor]:
    """The leaves of three axes or more, by path."""
    return {path: leaf for path, leaf in tree.flatten(gradient).items() if leaf.dim() > 2}


def _cosines(left: Float[Tensor, "row entry"], right: Float[Tensor, "row entry"]) -> Float[Tensor, " row"]:
    """The cosine between the rows of two matrices."""
    # vector_norm has derivative zero at zero, where the root of a sum of squares has none.
    lengths = torch.linalg.vector_norm(left, dim=1) * torch.linalg.vector_norm(right, dim=1)
    return (left * right).sum(1) / (lengths + EPSILON)


DISTANCES = Family(
    "distance", AbstractDistance, RowCosine, RowAngleAndMagnitude, SquaredError, AbsoluteError, GlobalCosine, Filters
)
