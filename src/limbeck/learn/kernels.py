"""Kernels of fully connected networks of infinite width, in closed form."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core import tree
from limbeck.core.errors import unknown
from limbeck.core.expect import AbstractPart, at_least, positive
from limbeck.core.family import Family, part_name
from limbeck.core.tree import Tree

COINCIDING = 32
"""Within how many roundings of 1 the cosine of two inputs is that of one input with itself. The sums of 3,072 products
that make it round to about ten; in float64 it is an angle of 1e-7."""


class Products(NamedTuple):
    """What is expected of an activation a, where u and v are jointly normal of mean 0."""

    values: Tensor
    """E a(u) a(v)."""
    derivatives: Tensor
    """E a'(u) a'(v)."""


Expectation = Callable[[Tensor, Tensor, Tensor], Products]
"""expectation(E uu, E vv, E uv), of shapes that go together."""


def relu_products(left: Tensor, right: Tensor, between: Tensor) -> Products:
    """Those of max(0, u): the arc-cosine kernels of degree 1 and 0 (Cho & Saul, NeurIPS 2009).

    With cos t = E uv / sqrt(E uu E vv): sqrt(E uu E vv) (sin t + (pi - t) cos t) / (2 pi), and (pi - t) / (2 pi). The
    latter has a kink where two inputs coincide. Its derivative is taken to be 0 there: as on the diagonal, where both
    are one, and as it is by central differences.
    """
    least = torch.finfo(between.dtype).tiny ** 0.5
    scale = left.clamp_min(least).sqrt() * right.clamp_min(least).sqrt()
    cosine = between / scale
    # Of t and sin t alone the derivative is infinite at 0, and would make no numbers of zeros.
    apart = cosine.abs() < 1 - COINCIDING * torch.finfo(cosine.dtype).eps
    inner = torch.where(apart, cosine, 0)
    angle = torch.where(apart, inner.arccos(), torch.where(cosine > 0, 0.0, math.pi))
    sine = torch.where(apart, ((1 - inner) * (1 + inner)).sqrt(), 0)
    share = (math.pi - angle) / (2 * math.pi)
    return Products(scale * (sine / (2 * math.pi) + share * cosine), share)


def erf_products(left: Tensor, right: Tensor, between: Tensor) -> Products:
    """Those of erf(u) (Williams, NeurIPS 1996).

    With s^2 = (1 + 2 E uu) (1 + 2 E vv): 2 / pi arcsin(2 E uv / s), and 4 / (pi sqrt(s^2 - 4 (E uv)^2)).
    """
    squared = (1 + 2 * left) * (1 + 2 * right)
    values = (2 / math.pi) * (2 * between * squared.rsqrt()).arcsin()
    return Products(values, (4 / math.pi) * (squared - 4 * between.square()).rsqrt())


EXPECTATIONS: dict[str, Expectation] = {"relu": relu_products, "erf": erf_products}


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


class AbstractKernel(AbstractPart):
    """How alike two inputs are, as an inner product of features."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What a row of scores says, in a word; `str` spells it out."""

    @abstractmethod
    def between(self, left: Tree, right: Tree) -> Float[Tensor, "left right"]:
        """k(x, z) for every x of `left` and z of `right`: inputs (example, ...), floating; differentiable in both."""


@dataclass(frozen=True)
class AbstractWideKernel(AbstractKernel):
    """A kernel of random fully connected networks of infinite width.

    Weights W and biases b are standard normal. The first layer is weight / sqrt(numbers of an input) W x + bias b, each
    further one weight / sqrt(width) W a(u) + bias b of the one before, u, and the last has one output. Without hidden
    layers there is the first alone: the kernel is linear.
    """

    depth: int = 1
    """Hidden layers."""
    activation: str = "relu"
    """a: relu or erf."""
    weight: float = 2**0.5
    """The scale of weights, sigma_w."""
    bias: float = 0.1
    """The scale of biases, sigma_b."""

    def __post_init__(self) -> None:
        at_least(self, 0, "depth", "bias")
        positive(self, "weight")
        if self.activation not in EXPECTATIONS:
            raise unknown("activation of a kernel", self.activation, EXPECTATIONS)

    @property
    def name(self) -> str:
        """The kind of kernel, and what is not the default.

        >>> NeuralTangent().name, NeuralTangent(3, "erf", bias=0.0).name
        ('neural-tangent', 'neural-tangent-d3-erf-b0')
        """
        default = type(self)()
        tokens = {
            "depth": f"d{self.depth}",
            "activation": self.activation,
            "weight": f"w{self.weight:g}",
            "bias": f"b{self.bias:g}",
        }
        changed = [token for field, token in tokens.items() if getattr(self, field) != getattr(default, field)]
        return "-".join([part_name(type(self)), *changed])

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
class GaussianProcess(AbstractWideKernel):
    """The covariance of the output of random networks of infinite width (Lee et al., ICLR 2018)."""

    def between(self, left: Tree, right: Tree) -> Float[Tensor, "left right"]:
        """E f(x) f(z)."""
        first, further = self.layers(left, right)
        return further[-1].covariances.between if further else first.between


@final
@dataclass(frozen=True)
class NeuralTangent(AbstractWideKernel):
    """The inner product of the gradients of a network of infinite width in its parameters (Jacot et al., NeurIPS 2018).

    T = S at the first layer, and T <- S + weight^2 E a'(u) a'(v) T at each further one, where S is the covariance of
    the layer. The parameters are W and b.
    """

    def between(self, left: Tree, right: Tree) -> Float[Tensor, "left right"]:
        """<df(x) / dp, df(z) / dp> over all parameters p."""
        first, further = self.layers(left, right)
        tangent = first.between
        for layer in further:
            tangent = layer.covariances.between + self.weight**2 * layer.derivatives * tangent
        return tangent


KERNELS = Family("kernel", AbstractKernel, GaussianProcess, NeuralTangent)
