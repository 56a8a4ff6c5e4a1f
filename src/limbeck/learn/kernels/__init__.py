"""Kernels of networks of infinite width, in closed form, under their names."""

from limbeck.core.family import Family
from limbeck.learn.kernels.activations import EXPECTATIONS as EXPECTATIONS
from limbeck.learn.kernels.contract import AbstractKernel as AbstractKernel
from limbeck.learn.kernels.dense import GaussianProcess as GaussianProcess
from limbeck.learn.kernels.dense import NeuralTangent as NeuralTangent
from limbeck.learn.kernels.images import AveragedProcess as AveragedProcess
from limbeck.learn.kernels.images import AveragedTangent as AveragedTangent
from limbeck.learn.kernels.images import ConvolutionalProcess as ConvolutionalProcess
from limbeck.learn.kernels.images import ConvolutionalTangent as ConvolutionalTangent
from limbeck.learn.kernels.images import PooledProcess as PooledProcess
from limbeck.learn.kernels.images import PooledTangent as PooledTangent

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
