"""Kernels of fully connected networks of infinite width, in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, final

from jaxtyping import Float
from torch import Tensor

from limbeck.core import tree
from limbeck.core.family import part_name
from limbeck.core.tree import Tree
from limbeck.learn.kernels.activations import EXPECTATIONS
from limbeck.learn.kernels.contract import AbstractWideKernel


class Covariances(NamedTuple):
    """E uu, E vv and E uv of what a layer of a random network gives, u under left inputs and v under right ones."""

    left: Float[Tensor, "left 1"]
    right: Float[Tensor, " right"]
    between: Float[Tensor, "left right"]


class Layer(NamedTuple):
    """A layer of a random network that another one comes before."""

    covariances: Covariances
    derivatives: Float[Tensor, "left right"]
    """E a'(u) a'(v) of what the one before gives."""


@dataclass(frozen=True)
class AbstractConnectedKernel(AbstractWideKernel):
    """A kernel of random fully connected networks, which see the numbers of an input in no order.

    Without hidden layers there is the first alone: the kernel is linear.
    """

    def __str__(self) -> str:
        hidden = f"{self.depth} hidden {self.activation} layer{'s' * (self.depth != 1)}"
        return f"{part_name(type(self))} of {hidden}, weights {self.weight:.4g}, biases {self.bias:g}"

    def layers(self, left: Tree, right: Tree) -> tuple[Covariances, list[Layer]]:
        """What the first layer of the network gives, and each further layer up to the output."""

        def mixed(*products: Tensor) -> Covariances:
            return Covariances(*(self.weight**2 * each + self.bias**2 for each in products))

        one, other = tree.flat_rows(left), tree.flat_rows(right)
        width = one.shape[1]
        own = one.square().sum(1)[:, None] / width, other.square().sum(1) / width
        first = at = mixed(*own, one @ other.T / width)
        expectation, further = EXPECTATIONS[self.activation], list[Layer]()
        for _ in range(self.depth):
            values, derivatives = expectation(*at)
            own = expectation(at.left, at.left, at.left).values, expectation(at.right, at.right, at.right).values
            at = mixed(*own, values)
            further.append(Layer(at, derivatives))
        return first, further


@final
@dataclass(frozen=True)
class GaussianProcess(AbstractConnectedKernel):
    """The covariance of the output of random networks of infinite width (Lee et al., ICLR 2018)."""

    def between(self, left: Tree, right: Tree) -> Float[Tensor, "left right"]:
        """E f(x) f(z)."""
        first, further = self.layers(left, right)
        return further[-1].covariances.between if further else first.between


@final
@dataclass(frozen=True)
class NeuralTangent(AbstractConnectedKernel):
    """The inner product of the gradients of a network of infinite width in its parameters (Jacot et al., NeurIPS 2018).

    T = S at the first layer, and T <- S + weight^2 E a'(u) a'(v) T at each further one, where S is the covariance of
    the layer. The parameters are W and b.

    >>> NeuralTangent().name, NeuralTangent(3, "erf", bias=0.0).name
    ('neural-tangent', 'neural-tangent-d3-erf-b0')
    """

    def between(self, left: Tree, right: Tree) -> Float[Tensor, "left right"]:
        """<df(x) / dp, df(z) / dp> over all parameters p."""
        first, further = self.layers(left, right)
        tangent = first.between
        for layer in further:
            tangent = layer.covariances.between + self.weight**2 * layer.derivatives * tangent
        return tangent
