"""Kernels of convolutional networks beside random networks and their recursion written out, in bounded memory."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from limbeck.core import tree
from limbeck.core.contracts import NoCache, Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.distillation import Distillation
from limbeck.learn.kernels import (
    AveragedProcess,
    AveragedTangent,
    ConvolutionalProcess,
    ConvolutionalTangent,
    GaussianProcess,
    NeuralTangent,
    PooledProcess,
    PooledTangent,
    convolutional,
)
from limbeck.learn.kernels.activations import relu_products
from limbeck.learn.kernels.convolutional import AbstractConvolutionalKernel
from limbeck.learn.ridge import ridge_weights
from limbeck.options import compose
from limbeck.protocols import KernelRidge
from limbeck.recipes import recipe_for
from limbeck.tasks import load

KEY = Key(("convolutional kernels",))
CPU = torch.device("cpu")
PAIRS = (
    (ConvolutionalProcess, ConvolutionalTangent),
    (PooledProcess, PooledTangent),
    (AveragedProcess, AveragedTangent),
)
KINDS = tuple(kind for pair in PAIRS for kind in pair)
WEIGHT, BIAS = 1.3, 0.4
Kind = type[AbstractConvolutionalKernel]
kinds = pytest.mark.parametrize("kind", KINDS)
pairs = pytest.mark.parametrize("pair", PAIRS)


def images(count: int, shape: tuple[int, ...], *names: Any) -> Tensor:
    return KEY.fold(*names).normal(count, *shape).double()


def network(x: Tensor, kernel: AbstractConvolutionalKernel, width: int, key: Key) -> tuple[Tensor, Tensor]:
    """The outputs of a random network, and the inner products of their gradients in its standard normal parameters."""
    activation = {"relu": torch.relu, "erf": torch.erf}[kernel.activation]
    parameters: list[Tensor] = []

    def drawn(*shape: int) -> Tensor:
        parameters.append(key.fold(len(parameters)).normal(*shape).to(x.dtype).requires_grad_())
        return parameters[-1]

    at, size = x, kernel.filter
    for pools in kernel.pools:
        filters, shift = drawn(width, at.shape[1], size, size), drawn(width)
        scale = kernel.weight / math.sqrt(at.shape[1] * size**2)
        at = scale * functional.conv2d(at, filters, padding=size // 2) + kernel.bias * shift[:, None, None]
        at = activation(at)
        at = functional.avg_pool2d(at, 2) if pools else at
    at = at.mean((2, 3)) if isinstance(kernel, AveragedProcess | AveragedTangent) else at.flatten(1)
    last, shift = drawn(at.shape[1]), drawn()
    outputs = kernel.weight / math.sqrt(at.shape[1]) * at @ last + kernel.bias * shift
    rows = [torch.autograd.grad(each, parameters, retain_graph=True) for each in outputs]
    gram = torch.stack([torch.stack([tree.dot(row, other) for other in rows]) for row in rows])
    return outputs.detach(), gram


@pairs
@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_kernels_of_one_layer_are_the_means_of_those_of_random_networks(
    pair: tuple[Kind, Kind], activation: str
) -> None:
    """Exact at any width: the channels are independent and alike. Within four standard errors of 100 networks."""
    x = images(3, (2, 4, 4), "few")
    made = [kind(1, activation, WEIGHT, BIAS) for kind in pair]
    kernels = [replace(each, stem=0) if hasattr(each, "stem") else each for each in made]
    drawn = [network(x, kernels[0], 32, KEY.fold("drawn", draw)) for draw in range(100)]
    grams = [[outputs[:, None] * outputs for outputs, _ in drawn], [gram for _, gram in drawn]]
    for kernel, samples in zip(kernels, grams, strict=True):
        stacked = torch.stack(samples)
        error = stacked.std(0) / math.sqrt(len(stacked))
        found = kernel.between(x, x)
        assert float(error.max()) < 0.25 * float(found.abs().max())
        assert float(((stacked.mean(0) - found) / error).abs().max()) < 4


@pairs
def test_the_tangent_kernel_is_that_of_wide_networks_of_two_layers(pair: tuple[Kind, Kind]) -> None:
    """Of 1,000 channels, whose deviation is about 1 / sqrt(1,000): four such are allowed, and a layer fewer is off."""
    x = images(2, (1, 4, 4), "two").float()
    x[1] += x[0]
    kernel = pair[1](1 if pair[1] is PooledTangent else 2, "relu", 2.0, BIAS)
    _, gram = network(x, kernel, 1000, KEY.fold("wide"))
    found = kernel.between(x.double(), x.double())
    own = found.diagonal().sqrt()
    assert float(((gram - found) / (own[:, None] * own)).abs().max()) < 4 / math.sqrt(1000)
    fewer = replace(kernel, stem=0) if isinstance(kernel, PooledTangent) else replace(kernel, depth=1)
    off = (gram - fewer.between(x.double(), x.double())) / (own[:, None] * own)
    assert float(off.abs().max()) > 6 / math.sqrt(1000)


def written_out(kernel: AbstractConvolutionalKernel, x: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    """Both kernels of two images, from covariances of all pixels with all: of x and z, of x, and of z."""
    half, sides = kernel.filter // 2, x.shape[1:]

    def mixed(values: Tensor) -> Tensor:
        beyond = functional.pad(values, [half] * 8)
        total = torch.zeros_like(values)
        rows, columns = values.shape[:2]
        for down, across in product(range(kernel.filter), repeat=2):
            at = slice(down, down + rows), slice(across, across + columns)
            total += beyond[(*at, *at)]
        return kernel.weight**2 * total / kernel.filter**2

    def halved(values: Tensor) -> Tensor:
        rows, columns = (side // 2 * 2 for side in values.shape[:2])
        kept = values[:rows, :columns, :rows, :columns]
        halves = [side for each in kept.shape for side in (each // 2, 2)]
        return kept.reshape(halves).mean((1, 3, 5, 7))

    def diagonal(values: Tensor) -> Tensor:
        rows, columns = values.shape[:2]
        return values.reshape(rows * columns, -1).diagonal().reshape(rows, columns)

    at = {name: torch.einsum("chw,cij->hwij", *pair) / len(x) for name, pair in
          {"xz": (x, z), "xx": (x, x), "zz": (z, z)}.items()}  # fmt: skip
    within = torch.zeros(*sides, *sides, dtype=x.dtype)
    for pools in kernel.pools:
        at = {name: mixed(values) + kernel.bias**2 for name, values in at.items()}
        tangent = at["xz"] + mixed(within)
        own = {name: diagonal(at[name * 2]) for name in "xz"}
        made = {
            (a + b): relu_products(own[a][:, :, None, None], own[b][None, None], at[a + b])
            for a, b in ("xz", "xx", "zz")
        }
        at, within = {name: each.values for name, each in made.items()}, made["xz"].derivatives * tangent
        if pools:
            at, within = {name: halved(values) for name, values in at.items()}, halved(within)
    averaged = isinstance(kernel, AveragedProcess | AveragedTangent)
    seen = torch.Tensor.mean if averaged else lambda values: diagonal(values).mean()
    process = kernel.weight**2 * seen(at["xz"]) + kernel.bias**2
    return process, process + kernel.weight**2 * seen(within)


@pairs
@pytest.mark.parametrize(
    ("shape", "depth", "size"), [((2, 6, 5), 2, 3), ((1, 9, 4), 2, 3), ((1, 8, 8), 3, 3), ((2, 7, 6), 1, 5)]
)
def test_a_kernel_is_its_recursion_over_all_pairs_of_pixels(
    pair: tuple[Kind, Kind], shape: tuple[int, ...], depth: int, size: int
) -> None:
    """Also where sides are odd and unlike, and where only near pairs are followed."""
    left, right = images(2, shape, "left", *shape), images(3, shape, "right", *shape)
    left[1], right[1] = right[0], -right[2]
    process, tangent = (kind(depth, "relu", WEIGHT, BIAS, size) for kind in pair)
    expected = [[written_out(process, x, z) for z in right] for x in left]
    for kernel, index in ((process, 0), (tangent, 1)):
        literal = torch.stack([torch.stack([both[index] for both in row]) for row in expected])
        torch.testing.assert_close(kernel.between(left, right), literal, rtol=1e-11, atol=1e-12)


def test_only_pairs_are_followed_that_are_asked_for() -> None:
    """Of 32 x 32 pixels: each with itself; with those that pooling brings together; with all."""
    followed = [[layer.pairs for layer in kind(3).layers(32, 32)] for kind in KINDS[::2]]
    assert followed[0] == [32**2] * 3
    assert followed[1] == [32**2 * 15**2, 32**2 * 15**2, 16**2 * 7**2, 8**2 * 3**2]
    assert followed[2] == [32**4] * 3
    assert PooledTangent(2).layers(8, 8)[0].pairs == 8**2 * 7**2
    flops = [kind(3).flops((3, 32, 32)) for kind in KINDS[::2]]
    assert flops == [convolutional.PAIR * sum(each) for each in followed]


@pytest.mark.parametrize(("kind", "dense"), [(kind, dense) for pair in PAIRS[::2] for kind, dense in
                                             zip(pair, (GaussianProcess, NeuralTangent), strict=True)])  # fmt: skip
@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_of_one_pixel_and_filters_of_one_it_is_the_dense_kernel(kind: Kind, dense: type, activation: str) -> None:
    left, right = images(4, (6, 1, 1), "left"), images(3, (6, 1, 1), "right")
    found = kind(3, activation, WEIGHT, BIAS, 1).between(left, right)
    torch.testing.assert_close(found, dense(3, activation, WEIGHT, BIAS).between(left, right), rtol=1e-12, atol=1e-12)
    # The eight weights beyond the edge of one pixel see zeros.
    wider = kind(3, activation, 3 * WEIGHT, BIAS, 3)
    inner = wider.between(left, right) - BIAS**2
    torch.testing.assert_close(inner, 9 * (found - BIAS**2), rtol=1e-12, atol=1e-12)


@kinds
def test_a_kernel_is_symmetric_and_positive_definite(kind: Kind) -> None:
    x = images(12, (1, 4, 4), "many")
    gram = kind(2).between(x, x)
    torch.testing.assert_close(gram, gram.T, rtol=1e-12, atol=1e-12)
    assert float(torch.linalg.eigvalsh(gram)[0]) > 1e-6 * float(gram.diagonal().mean())


@kinds
def test_moving_what_an_image_shows_changes_an_averaged_kernel_alone(kind: Kind) -> None:
    """Of one image where all pixels are averaged; of both at once in every kernel, by as much as is pooled."""
    kernel = kind(2, "relu", WEIGHT, 0.0)
    inner = images(2, (1, 4, 4), "shown")
    at, moved = (functional.pad(inner, (by, 12 - by, 4, 8)) for by in (4, 8))
    expected = kernel.between(at, at)
    torch.testing.assert_close(kernel.between(moved, moved), expected, rtol=1e-12, atol=1e-12)
    apart = float((kernel.between(moved, at) - expected).abs().max() / expected.abs().max())
    assert apart < 1e-12 if kind in PAIRS[2] else apart > 0.1


@kinds
@pytest.mark.parametrize("shape", [(1, 4, 4), (2, 5, 3)])
def test_in_parts_it_is_the_same_also_where_it_is_derived(
    kind: Kind, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel, right = kind(1), images(4, shape, "right").requires_grad_()
    left, weights = images(5, shape, "left").requires_grad_(), images(5, (4,), "weights")
    room = max(each.pairs for each in kernel.layers(*shape[1:]))
    found = []
    for most in (1, 6 * room, 10**9):
        monkeypatch.setattr(convolutional, "AT_ONCE", most)
        gram = kernel.between(left, right)
        found.append([gram.detach(), *torch.autograd.grad((gram * weights).sum(), [left, right])])
    for parts in found[:2]:
        torch.testing.assert_close(parts, found[2], rtol=1e-12, atol=1e-13)
    assert kernel.between(left[:0], right).shape == (0, 4) and kernel.between(left, right[:0]).shape == (5, 0)


@kinds
@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_derivatives_are_those_by_differences_also_where_images_coincide(kind: Kind, activation: str) -> None:
    kernel, fixed = kind(1, activation), images(3, (1, 4, 3), "fixed")
    x = images(4, (1, 4, 3), "moved")
    x[1], x[2] = x[0], fixed[0]
    x[3, :, :2] = 0.0
    weights = images(4, (7,), "weights")

    def value(moved: Tensor) -> Tensor:
        return (weights * torch.cat([kernel.between(moved, moved), kernel.between(moved, fixed)], 1)).sum()

    moved = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(value(moved), moved)
    for draw in range(2):
        along, step = images(4, (1, 4, 3), "along", draw), 1e-5
        difference = float(value(x + step * along) - value(x - step * along)) / (2 * step)
        assert float((slope * along).sum()) == pytest.approx(difference, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("kind", [ConvolutionalTangent, PooledTangent])
def test_a_derivative_has_one_too(kind: Kind) -> None:
    kernel, x = kind(1, "erf"), images(2, (1, 2, 2), "twice").requires_grad_()
    assert torch.autograd.gradgradcheck(lambda moved: kernel.between(moved, moved), [x])


class Live(TorchDispatchMode):
    """The most bytes of new tensors that are held at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.most, self.known = 0, 0, set[int]()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if isinstance(made, Tensor):
            storage = made.untyped_storage()
            if storage._cdata not in self.known:
                self.known.add(storage._cdata)
                self.now += storage.nbytes()
                self.most = max(self.most, self.now)
                weakref.finalize(storage, self.freed, storage._cdata, storage.nbytes())
        return made

    def freed(self, address: int, size: int) -> None:
        self.known.discard(address)
        self.now -= size


@pytest.mark.parametrize("kind", [ConvolutionalTangent, PooledTangent])
def test_memory_does_not_grow_with_pairs_of_images(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = kind(1)
    room = 9 * max(each.pairs for each in kernel.layers(6, 6))
    monkeypatch.setattr(convolutional, "AT_ONCE", room)

    def most(count: int) -> int:
        left, right = (images(count, (1, 6, 6), side).requires_grad_() for side in ("left", "right"))
        with Live() as live:
            torch.autograd.grad(kernel.between(left, right).sum(), [left, right])
        return live.most

    few, many = most(3), most(9)
    assert many < 2 * few, "of nine times as many pairs, and three times as many images"
    # A part with its derivative is a few dozen numbers for each pair of pixels and layer.
    assert 8 * room < few < 60 * len(kernel.layers(6, 6)) * 8 * room
    monkeypatch.setattr(convolutional, "AT_ONCE", 10**9)
    assert most(9) > 4 * many


@pytest.mark.parametrize("kind", [ConvolutionalTangent, PooledTangent])
def test_a_set_learns_by_the_kernel_and_is_scored_by_it(kind: Kind) -> None:
    task = load("digits")
    problem = Problem(task, task.network("mlp-w4"), CPU, NoCache())
    kernel = kind(1)
    options = {"objective.kernel": kernel, "objective.per_class": 3, "steps": 8, "optimizer.learning_rate": 0.1}
    run = Distillation(problem, compose(recipe_for("kip", "digits", 1), options), 1, KEY, checks=0)
    before = state = run.begin()
    for _ in range(8):
        state = run.step(state)
    real = problem.real(KEY.fold("held"), 8)
    machine = KernelRidge(kernel).learner(task, problem.network)

    def right(learned: dict[str, Any]) -> float:
        batch = run.show(learned, before.fixed, KEY).batch
        said = machine.apply(machine.fit(batch, Key()), real.inputs).outputs
        items, targets = batch.inputs.double(), batch.targets.double() - 0.1
        weights = ridge_weights(kernel.between(items, items), targets, 1e-6)
        torch.testing.assert_close(said, kernel.between(real.inputs.double(), items) @ weights)
        return float((said.argmax(1) == real.classes).double().mean())

    assert right(state.learned) > right(before.learned) + 0.05
    assert state.losses[-1] < 0.9 * state.losses[0]


def test_images_of_which_two_are_more_than_the_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolutional, "memory", lambda: 8**4 * 500)
    with pytest.raises(InputError, match=r"averaged-tangent: found images of 8 x 8 .* take 3.7 MB, .* at most 2.0 MB"):
        AveragedTangent().check((1, 8, 8))
    ConvolutionalTangent().check((1, 8, 8))
    AveragedTangent().check((1, 6, 6))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ConvolutionalTangent(depth=0), "depth: found 0, expected a number of at least 1"),
        (lambda: AveragedProcess(filter=2), "filter: found 2, expected an odd number above 0"),
        (lambda: PooledTangent(stem=-1), "stem: found -1"),
        (
            lambda: PooledTangent(3).check((1, 7, 8)),
            "images of 7 x 8 pixels, expected a pixel or more after 3 poolings",
        ),
        (lambda: ConvolutionalProcess().check((4,)), r"found inputs \(4,\), expected images .* choose neural-tangent"),
        (lambda: ConvolutionalProcess().between({"a": torch.ones(2, 3)}, {}), "found inputs of several parts"),
        (lambda: ConvolutionalProcess().between(torch.ones(2, 1, 3, 3), torch.ones(2, 1, 4, 4)), r"\(1, 3, 3\) and"),
    ],
)
def test_nonsense_is_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()
