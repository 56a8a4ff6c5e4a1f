"""`Network`: any factory of an `nn.Module` as pure functions of its parameters."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from limbeck.core.contracts import AbstractNetwork, Readout
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.networks.anatomy import Anatomy, activations, channel_axis, normalisations, split_off_head

Params = dict[str, Tensor]
See = Callable[["nn.Module", Tensor, Tensor], None]


@final
@dataclass(frozen=True)
class Ending:
    """A factory of the modules of another one, whose last layer has another number of outputs."""

    factory: Callable[[], nn.Module]
    head: str
    """The name of the last layer; empty where it is the module."""
    outputs: int

    def __call__(self) -> nn.Module:
        """A module; what it draws for its own last layer is drawn, too."""
        module = self.factory()
        last: nn.Linear = module.get_submodule(self.head)  # type: ignore[assignment]
        other = nn.Linear(last.in_features, self.outputs, last.bias is not None, last.weight.device, last.weight.dtype)
        if not self.head:
            return other
        module.set_submodule(self.head, other)
        return module


@final
@dataclass(frozen=True)
class Network(AbstractNetwork):
    """The module that `factory` builds, without state: parameters and running statistics are arguments and results.

    Dropout is always off: a learner's randomness is its initialisation and its data. Parameters that require no
    gradient are constants, the same in every learner. The features of a readout are what enters the module's last
    layer, an `nn.Linear`. Everything is transparent to `torch.func.grad`, to `vmap` over stacked parameters and to
    double backward, and keeps the type and device of the parameters.
    """

    name: str
    shape: Tree = field(hash=False)
    """One input: (channel, height, width) in pixels, (number,), or a dict of shapes."""
    outputs: int
    factory: Callable[[], nn.Module]
    foreign: dict[str, str] = field(default_factory=dict, hash=False)
    """The source of what `factory` calls, where that is not limbeck's."""

    @property
    def source(self) -> dict[str, str]:
        """Where the module comes from."""
        return self.foreign

    @functools.cached_property
    def anatomy(self) -> Anatomy:
        """The module taken apart; InputError where it does not end in an `nn.Linear`."""
        with Key().governing():
            module = self.factory()
        return split_off_head(self.name, module, self.shape, self.outputs)

    def init(self, key: Key) -> Params:
        """The parameters of one learner by name, on the CPU, from the module's own initialisers under `key`."""
        with key.governing():
            module = self.factory()
        every = module.named_parameters()
        return {name: parameter.detach().cpu() for name, parameter in every if parameter.requires_grad}

    def statistics(self) -> Params:
        """The running means and variances of a learner that has seen nothing; empty without running statistics."""
        return {name: statistic.clone() for name, statistic in self.anatomy.statistics.items()}

    @property
    def keeps_statistics(self) -> bool:
        """Whether a layer keeps running statistics."""
        return bool(self.anatomy.statistics)

    def apply(self, params: Params, inputs: Tree, statistics: Params | None = None) -> Readout:
        """The readout of `inputs`, normalised by running `statistics` where given, else by the batch's own."""
        if not statistics:
            return self._read(self.anatomy.by_batch, params, inputs, {})
        return self._read(self.anatomy.by_running, params, inputs, statistics)

    def layers(
        self, params: Params, inputs: Tree, statistics: Params | None = None
    ) -> tuple[Float[Tensor, "example ..."], ...]:
        """What each activation function gives, in the order of computation, and last the features.

        Found by type, as the modules of `anatomy.activations` in the body; one that is called twice gives twice.
        An activation that a module calls as a plain function is not seen, so that with no other there are the
        features alone. Where the last activation is itself what enters the last layer, it is given once.
        """
        found: list[Tensor] = []
        see: See = lambda _part, _given, result: found.append(result)  # noqa: E731
        features = self._watched(params, inputs, statistics, activations(), see).features
        if found and found[-1] is features:
            found.pop()
        return (*found, features)

    def entering(
        self, params: Params, inputs: Tree, statistics: Params | None = None
    ) -> tuple[Readout, tuple[Float[Tensor, "example channel ..."], ...]]:
        """The readout, and what enters each normalisation, in the order of computation; none where there is none.

        Found by type, as the modules of `anatomy.normalisations`; one that is called twice gives twice. Channels are
        the first of the axes that a layer norm normalises, else the second axis.
        """
        found: list[Tensor] = []
        see: See = lambda part, given, _result: found.append(given.movedim(channel_axis(part), 1))  # noqa: E731
        readout = self._watched(params, inputs, statistics, normalisations(), see)
        return readout, tuple(found)

    def attention(
        self, params: Params, inputs: Tree, statistics: Params | None = None
    ) -> tuple[Readout, tuple[Float[Tensor, "example head place seen"], ...]]:
        """The readout, and the weights of each attention, in the order of computation; none where there is none.

        Found by type, as limbeck's own layers of attention.
        """
        from limbeck.learn.networks.transformer import Attention

        found: list[Tensor] = []
        see: See = lambda _part, _given, result: found.append(result)  # noqa: E731
        readout = self._watched(params, inputs, statistics, (Attention,), see)
        return readout, tuple(found)

    def _watched(
        self, params: Params, inputs: Tree, statistics: Params | None, kinds: tuple[type[nn.Module], ...], see: See
    ) -> Readout:
        """The readout; `see` is shown every module of some kinds as it is called, what it is given, and its result."""
        body = self.anatomy.by_running if statistics else self.anatomy.by_batch

        def hook(part: nn.Module, given: tuple[Tensor, ...], named: dict[str, Tensor], result: Tensor) -> None:
            see(part, next(iter((*given, *named.values()))), result)

        watched = [part for part in body.modules() if isinstance(part, kinds)]
        hooks = [part.register_forward_hook(hook, with_kwargs=True) for part in watched]
        try:
            return self._read(body, params, inputs, statistics or {})
        finally:
            for each in hooks:
                each.remove()

    def track(self, params: Params, inputs: Tree, statistics: Params) -> tuple[Readout, Params]:
        """The readout by the batch's own statistics, and the running statistics after seeing the batch.

        running <- (1 - momentum) running + momentum batch, with the momentum of each layer and the
        unbiased variance, as `nn.BatchNorm2d` does. The statistics given are left as they are.
        """
        if not statistics:
            return self.apply(params, inputs), {}
        # The layers update what they are given in place.
        updated = {name: statistic.clone() for name, statistic in statistics.items()}
        readout = self._read(self.anatomy.tracking, params, inputs, updated)
        return readout, {name: statistic.detach() for name, statistic in updated.items()}

    def _read(self, body: nn.Module, params: Params, inputs: Tree, statistics: Params) -> Readout:
        anatomy, like = self.anatomy, next(iter(params.values()))
        tensors = {
            name: constant.to(like.device, like.dtype if constant.is_floating_point() else constant.dtype)
            for name, constant in anatomy.constants.items()
        } | {name: params[name] for name in anatomy.trained}
        weight = tensors.pop(anatomy.weight)
        bias = None if anatomy.bias is None else tensors.pop(anatomy.bias)
        features = torch.func.functional_call(body, {**tensors, **statistics}, (inputs,))
        return Readout(features, nn.functional.linear(features, weight, bias))


@functools.lru_cache(maxsize=8)
def ending_in(network: AbstractNetwork, outputs: int) -> Network:
    """The network with another number of outputs; InputError for one that was not made of a module."""
    if not isinstance(network, Network):
        raise InputError(
            f"network {network.name}: found {type(network).__name__}, expected a network of modules, whose last layer "
            "can have other outputs; choose one of `limbeck list networks`"
        )
    head = network.anatomy.weight.removesuffix("weight").removesuffix(".")
    return replace(network, outputs=outputs, factory=Ending(network.factory, head, outputs))


def copies(network: AbstractNetwork, count: int) -> tuple[AbstractNetwork, ...]:
    """The network and others that do the same, so many in all, each for a thread of its own.

    Parameters lie in a module for as long as it is called. Of a network that was not made of a module there is one.
    """
    return (network, *_copied(network, count - 1)) if isinstance(network, Network) else (network,)


@functools.lru_cache(maxsize=4)
def _copied(network: Network, count: int) -> tuple[Network, ...]:
    # The module is built once, before it is copied: it has no numbers of its own.
    network.statistics()
    return tuple(copy.deepcopy(network) for _ in range(count))
