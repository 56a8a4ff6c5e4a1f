"""Kernels of convolutional networks with infinitely many channels, exactly: what they have in common."""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core.errors import InputError
from limbeck.core.expect import at_least, expect
from limbeck.core.memory import memory
from limbeck.core.tree import Tree
from limbeck.core.units import size
from limbeck.learn.kernels.activations import EXPECTATIONS
from limbeck.learn.kernels.contract import AbstractWideKernel
from limbeck.learn.kernels.lines import Line, convolved, halved, lines, places, same

AT_ONCE, AT_ONCE_ELSEWHERE = 2**17, 2**22
"""How many pairs of pixels are followed at once, on a processor and on another device, or those of two images."""
HELD = 900
"""Bytes that a pair of pixels takes in float64 with its derivative, in all layers."""
PAIR = 1500.0
"""Floating point operations of matrix products in about whose time one pair of pixels goes through one layer."""


class Layer(NamedTuple):
    """The pairs of rows and of columns that a layer is of, and those of what it gives."""

    rows: Line
    columns: Line
    rows_after: Line
    columns_after: Line

    @property
    def pairs(self) -> int:
        """Pairs of pixels that are followed."""
        return self.rows.pairs * self.columns.pairs


class Step(NamedTuple):
    """What a layer makes of pairs of pixels (..., row pair, column pair)."""

    layer: Layer
    covariances: Tensor
    """E uv of what the filters give."""
    derivatives: Tensor
    """E a'(u) a'(v)."""
    values: Tensor
    """E a(u) a(v), pooled where the layer pools."""


Around = Callable[[int, Layer, Tensor], tuple[Tensor, Tensor]]
"""around(index of a layer, the layer, its E uv) -> E uu and E vv of its pairs of pixels."""


@dataclass(frozen=True)
class AbstractConvolutionalKernel(AbstractWideKernel):
    """A kernel of random convolutional networks, whose inputs are images (channel, row, column).

    In each layer a square filter moves over the image, beyond whose edge all is 0, an activation follows, and in some
    layers average pooling; the last layer is dense. With c the mean over the places of a filter that moves over two
    images at once, S the covariance and T the tangent kernel of a pixel of one and a pixel of the other,

        S = weight^2 c[V] + bias^2,  T = S + weight^2 c[D],  V <- E a(u) a(v),  D <- E a'(u) a'(v) T,

    where u and v have covariance S; pooling makes V and D their means over the places that become one. At first V is
    the mean product of pixels over channels, and D is 0 (Novak et al., ICLR 2019; Arora et al., NeurIPS 2019). Only
    pairs of pixels are followed that a later layer asks for.

    The work is done in parts of at most `AT_ONCE` pairs of pixels, or those of two images where they have more, so that
    memory is bounded, also where there is a derivative: for that each part is done twice. A pair holds about `HELD`
    bytes then, and a third of that without: 120 MB on a processor, and 0.9 GB for two averaged images of 32 x 32.
    """

    depth: int = 3
    """Layers of convolution and activation."""
    filter: int = 3
    """Rows and columns of a filter, an odd number."""

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, 1, "depth")
        expect(self, "filter", self.filter > 0 and self.filter % 2 == 1, "an odd number above 0")

    @property
    @abstractmethod
    def pools(self) -> tuple[bool, ...]:
        """Of each layer whether 2 x 2 average pooling follows."""

    @property
    @abstractmethod
    def reach(self) -> int:
        """Up to which offset pairs of pixels of the last layer are followed: the output is made of their mean."""

    @abstractmethod
    def read(self, steps: Iterator[Step]) -> Float[Tensor, "left right"]:
        """What the kernel makes of the layers of a network under all pairs of some images."""

    def __str__(self) -> str:
        return (
            f"{self.name}, of {len(self.pools)} layers of {self.filter} x {self.filter} filters and {self.activation}, "
            f"{sum(self.pools)} of them pooled, weights {self.weight:.4g}, biases {self.bias:g}"
        )

    def check(self, shape: Tree) -> None:
        """InputError for inputs that are no images, that are pooled below one pixel, or of which two take too much."""
        if isinstance(shape, dict) or len(shape) != 3:
            found = "inputs of several parts" if isinstance(shape, dict) else f"inputs {tuple(shape)}"
            raise InputError(
                f"kernel {self.name}: found {found}, expected images (channel, row, column); choose neural-tangent or "
                "gaussian-process"
            )
        if min(shape[1:]) >> sum(self.pools) == 0:
            raise InputError(
                f"kernel {self.name}: found images of {shape[1]} x {shape[2]} pixels, expected a pixel or more after "
                f"{sum(self.pools)} poolings; choose a smaller depth"
            )
        taken = HELD * max(each.pairs for each in self.layers(*shape[1:]))
        if taken > memory():
            raise InputError(
                f"kernel {self.name}: found images of {shape[1]} x {shape[2]} pixels, of which two take {size(taken)}, "
                f"expected at most {size(memory())}, all of the memory here; choose smaller images, or a kernel that "
                "averages over fewer pixels"
            )

    def flops(self, shape: Tree) -> float:
        """In proportion to the pairs of pixels that are followed; InputError as `check`."""
        self.check(shape)
        return PAIR * sum(each.pairs for each in self.layers(*shape[1:]))

    def layers(self, rows: int, columns: int) -> list[Layer]:
        """The layers of the network, of images of so many rows and columns."""
        down, across = (lines(side, self.reach, self.pools) for side in (rows, columns))
        return [Layer(*each) for each in zip(down, across, down[1:], across[1:], strict=False)]

    def between(self, left: Tree, right: Tree) -> Float[Tensor, "left right"]:
        """As ever, of images (image, channel, row, column); InputError for others, and as `check`."""
        for each in (left, right):
            self.check({} if isinstance(each, dict) else each.shape[1:])
        if left.shape[1:] != right.shape[1:]:
            found = " and ".join(str(tuple(each.shape[1:])) for each in (left, right))
            raise InputError(f"kernel {self.name}: found images {found}, expected those of one shape")
        layers = self.layers(*left.shape[2:])
        most = AT_ONCE if left.device.type == "cpu" else AT_ONCE_ELSEWHERE
        room = max(1, most // max(each.pairs for each in layers))
        wide = max(1, min(room, len(right)))
        columns = [(part, _bounded(self._variances, layers, part)) for part in right.split(wide)]
        rows = []
        for part in left.split(room // wide):
            own = _bounded(self._variances, layers, part)
            rows.append(torch.cat([_bounded(self._part, layers, part, it, *own, *its) for it, its in columns], 1))
        return torch.cat(rows)

    def mixed(self, values: Tensor, layer: Layer) -> Tensor:
        """weight^2 times the mean over the places of a filter in both images."""
        for axis, line in ((-2, layer.rows), (-1, layer.columns)):
            values = convolved(values, line, self.filter, axis)
        return values * (self.weight / self.filter) ** 2

    def _steps(self, layers: Sequence[Layer], values: Tensor, around: Around) -> Iterator[Step]:
        """Layer by layer, what becomes of the mean products of pixels over channels."""
        expectation = EXPECTATIONS[self.activation]
        for index, layer in enumerate(layers):
            covariances = self.mixed(values, layer) + self.bias**2
            products = expectation(*around(index, layer, covariances), covariances)
            values = pooled(products.values, layer)
            yield Step(layer, covariances, products.derivatives, values)

    def _part(self, layers: Sequence[Layer], left: Tensor, right: Tensor, *variances: Tensor) -> Tensor:
        """The kernel between some images, whose variances are given, those of the left ones first."""
        own, its = variances[: len(layers)], variances[len(layers) :]

        def around(index: int, layer: Layer, _: Tensor) -> tuple[Tensor, Tensor]:
            return at_pairs(own[index][:, None], layer)[0], at_pairs(its[index][None], layer)[1]

        first, second = at_pairs(left, layers[0])[0], at_pairs(right, layers[0])[1]
        # One product of matrices would leave pairs of pixels first, which costs all that follows more.
        products = [first[:, None, each] * second[None, :, each] for each in range(left.shape[1])]
        return self.read(self._steps(layers, sum(products[1:], products[0]) / len(products), around))

    def _variances(self, layers: Sequence[Layer], images: Tensor) -> tuple[Tensor, ...]:
        """E uu of every pixel in each layer, (image, row, column), by the pairs of pixels of each image with itself."""
        found: list[Tensor] = []

        def around(_: int, layer: Layer, covariances: Tensor) -> tuple[Tensor, Tensor]:
            for axis, line in ((-2, layer.rows), (-1, layer.columns)):
                covariances = covariances.index_select(axis, same(line, images.device))
            found.append(covariances)
            return at_pairs(covariances, layer)

        first, second = at_pairs(images, layers[0])
        for _ in self._steps(layers, (first * second).mean(1), around):
            pass
        return tuple(found)


def pooled(values: Tensor, layer: Layer) -> Tensor:
    """What a layer hands on of values of its pairs."""
    for axis, line, after in ((-2, layer.rows, layer.rows_after), (-1, layer.columns, layer.columns_after)):
        values = values if line.side == after.side else halved(values, line, after, axis)
    return values


def at_pairs(images: Tensor, layer: Layer) -> tuple[Tensor, Tensor]:
    """What images (..., row, column) have at the first, and at the second, pixel of every pair of a layer."""
    rows, columns = places(layer.rows, images.device), places(layer.columns, images.device)
    first = images.index_select(-2, rows.first).index_select(-1, columns.first)
    return first, images.index_select(-2, rows.second).index_select(-1, columns.second)


def _bounded(function: Callable[..., Any], layers: Sequence[Layer], *tensors: Tensor) -> Any:
    """`function(layers, *tensors)`, which is done again for a derivative instead of being remembered."""
    return _done_again().apply(lambda *given: function(layers, *given), *tensors)


@functools.cache
def _done_again() -> Any:
    """A function of tensors that is done again where its derivative is asked for, so that only those are kept.

    It is a `torch.autograd.Function`. torch's own checkpoint loads a compiler first, which takes seconds.
    """

    class DoneAgain(torch.autograd.Function):
        forward = staticmethod(_forth)
        backward = staticmethod(_back)

    return DoneAgain


def _forth(ctx: Any, function: Callable[..., Any], *tensors: Tensor) -> Any:
    """The function."""
    ctx.function = function
    ctx.save_for_backward(*tensors)
    return function(*tensors)


def _back(ctx: Any, *slopes: Tensor) -> Any:
    """Its derivative, which has one too where that is asked for."""
    further, wanted = torch.is_grad_enabled(), ctx.needs_input_grad[1:]
    with torch.enable_grad():
        # Some of them are made of others, which is no concern of this function.
        given = [each.view_as(each) for each in ctx.saved_tensors]
        made = ctx.function(*given)
    moved = [each for each, asked in zip(given, wanted, strict=True) if asked]
    found = iter(torch.autograd.grad(made, moved, slopes, create_graph=further, materialize_grads=True))
    return None, *(next(found) if asked else None for asked in wanted)
