"""Kernels of networks of infinite width, in closed form."""

from limbeck.core.family import Family
from limbeck.learn.kernels.activations import EXPECTATIONS
from limbeck.learn.kernels.contract import AbstractKernel
from limbeck.learn.kernels.images import (
    AveragedProcess,
    AveragedTangent,
    ConvolutionalProcess,
    ConvolutionalTangent,
    PooledProcess,
    PooledTangent,
)
from limbeck.learn.kernels.dense import GaussianProcess, NeuralTangent

KERNELS = Family(
    "kernel",
    AbstractKernel,
    GaussianProcess,
    NeuralTangent,
    ConvolutionalProcess,
    ConvolutionalTangent,
    PooledProcess,
    PooledTangent,
    AveragedProcess,
    AveragedTangent,
)
