"""Exact kernels of convolutional networks, by what follows their layers and by what is read of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from jaxtyping import Float
from torch import Tensor

from limbeck.core.expect import at_least
from limbeck.learn.kernels.convolutional import AbstractConvolutionalKernel, Step, pooled

EVERYWHERE = 2**20
"""An offset beyond any image."""


def process(kernel: AbstractConvolutionalKernel, steps: Iterator[Step]) -> Float[Tensor, "left right"]:
    """The covariance of the output."""
    for step in steps:
        values = step.values
    return kernel.weight**2 * values.mean((-2, -1)) + kernel.bias**2


def tangent(kernel: AbstractConvolutionalKernel, steps: Iterator[Step]) -> Float[Tensor, "left right"]:
    """The inner product of gradients of the output in all weights and biases."""
    within = None
    for step in steps:
        above = step.covariances if within is None else step.covariances + kernel.mixed(within, step.layer)
        within = pooled(step.derivatives * above, step.layer)
    assert within is not None, "there is a layer"
    return kernel.weight**2 * (step.values + within).mean((-2, -1)) + kernel.bias**2


@dataclass(frozen=True)
class AbstractFlattened(AbstractConvolutionalKernel):
    """Of networks whose last layer sees each pixel by weights of its own: pairs of one place alone are followed."""

    reach = 0

    @property
    def pools(self) -> tuple[bool, ...]:
        """None."""
        return (False,) * self.depth


@final
@dataclass(frozen=True)
class ConvolutionalProcess(AbstractFlattened):
    """The covariance of outputs of infinitely wide convolutional networks without pooling (Novak et al., ICLR 2019).

    >>> ConvolutionalProcess().name, ConvolutionalProcess(5, filter=5).name
    ('convolutional-process', 'convolutional-process-d5-f5')
    """

    read = process


@final
@dataclass(frozen=True)
class ConvolutionalTangent(AbstractFlattened):
    """The tangent kernel of infinitely wide convolutional networks without pooling (Arora et al., NeurIPS 2019)."""

    read = tangent


@dataclass(frozen=True)
class AbstractPooled(AbstractConvolutionalKernel):
    """Of the ConvNet: blocks of convolution, activation and 2 x 2 average pooling, and a dense layer of all pixels.

    Nguyen, Novak, Xiao & Lee (NeurIPS 2021) have a layer without pooling before the blocks.
    """

    depth: int = 3
    """Blocks."""
    stem: int = 1
    """Layers of convolution and activation before the blocks."""

    reach = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, 0, "stem")

    @property
    def pools(self) -> tuple[bool, ...]:
        """In each block."""
        return (False,) * self.stem + (True,) * self.depth


@final
@dataclass(frozen=True)
class PooledProcess(AbstractPooled):
    """The covariance of outputs of an infinitely wide ConvNet (Novak et al., ICLR 2019)."""

    read = process


@final
@dataclass(frozen=True)
class PooledTangent(AbstractPooled):
    """The tangent kernel of an infinitely wide ConvNet, by which Nguyen, Novak, Xiao & Lee distil (NeurIPS 2021)."""

    read = tangent


@dataclass(frozen=True)
class AbstractAveraged(AbstractConvolutionalKernel):
    """Of networks whose last layer sees the mean over all pixels: every pair of pixels is followed."""

    reach = EVERYWHERE

    @property
    def pools(self) -> tuple[bool, ...]:
        """None."""
        return (False,) * self.depth


@final
@dataclass(frozen=True)
class AveragedProcess(AbstractAveraged):
    """The covariance of outputs of infinitely wide convolutional networks, averaged over pixels (Novak et al. 2019)."""

    read = process


@final
@dataclass(frozen=True)
class AveragedTangent(AbstractAveraged):
    """The tangent kernel of infinitely wide convolutional networks with global average pooling (Arora et al. 2019)."""

    read = tangent
