"""What a kernel is, and what the kernels of random networks of infinite width have in common."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, fields

from jaxtyping import Float
from torch import Tensor

from limbeck.core import tree
from limbeck.core.errors import unknown
from limbeck.core.expect import AbstractPart, at_least, positive
from limbeck.core.family import part_name
from limbeck.core.tree import Tree
from limbeck.learn.kernels.activations import EXPECTATIONS


class AbstractKernel(AbstractPart):
    """How alike two inputs are, as an inner product of features."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What a row of scores says, in a word; `str` spells it out."""

    @abstractmethod
    def between(self, left: Tree, right: Tree) -> Float[Tensor, "left right"]:
        """k(x, z) for every x of `left` and z of `right`: inputs (example, ...), floating; differentiable in both."""

    def check(self, shape: Tree) -> None:
        """InputError for inputs of a shape that the kernel is not of; by default it is of any."""
        return

    def flops(self, shape: Tree) -> float:
        """About how many floating point operations of matrix products take as long as one pair of inputs of a shape.

        By default those of their inner product.
        """
        return 2.0 * tree.numel(shape)


@dataclass(frozen=True)
class AbstractWideKernel(AbstractKernel):
    """A kernel of random networks of infinite width, whose weights and biases are standard normal.

    Each layer is weight / sqrt(numbers that an output is of) W times those numbers + bias b, and all but the last, of
    one output, are followed by an activation a.
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
        """The kind of kernel, and what is not the default: a number after the first letter of what it is."""
        default = type(self)()
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        changed = {field: value for field, value in values.items() if value != getattr(default, field)}
        tokens = [value if isinstance(value, str) else f"{field[0]}{value:g}" for field, value in changed.items()]
        return "-".join([part_name(type(self)), *tokens])
