"""Two networks side by side, one for each part of an input that has two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from limbeck.core.contracts import AbstractNetwork, Readout
from limbeck.core.key import Key
from limbeck.core.tree import Tree

Params = dict[str, Tensor]


@final
@dataclass(frozen=True)
class Towers(AbstractNetwork):
    """A network for each part of an input: what they say stands side by side, (example, first's and second's outputs).

    Features stand side by side, too. Parameters and running statistics are those of both, by the name of the part that
    each of them sees, a dot and their own name.
    """

    name: str
    parts: tuple[tuple[str, AbstractNetwork], tuple[str, AbstractNetwork]]
    """What each network sees, and the network."""

    def init(self, key: Key) -> Params:
        """The parameters of both, drawn from keys of their own."""
        return _joined({part: network.init(key.fold(part)) for part, network in self.parts})

    def statistics(self) -> Params:
        """The running statistics of both; empty without any."""
        return _joined({part: network.statistics() for part, network in self.parts})

    def apply(self, params: Params, inputs: Tree, statistics: Params | None = None) -> Readout:
        """What both say of their parts."""
        return _beside(
            network.apply(_of(params, part), inputs[part], _of(statistics or {}, part)) for part, network in self.parts
        )

    def layers(self, params: Params, inputs: Tree, statistics: Params | None = None) -> tuple[Tensor, ...]:
        """The layers of the first, then of the second, and last the features of both."""
        found = [
            network.layers(_of(params, part), inputs[part], _of(statistics or {}, part)) for part, network in self.parts
        ]
        features = torch.cat([layers[-1] for layers in found], 1)
        return (*(layer for layers in found for layer in layers[:-1]), features)

    def entering(
        self, params: Params, inputs: Tree, statistics: Params | None = None
    ) -> tuple[Readout, tuple[Tensor, ...]]:
        """The readout, and what enters each normalisation of the first, then of the second."""
        found = [
            network.entering(_of(params, part), inputs[part], _of(statistics or {}, part))
            for part, network in self.parts
        ]
        return _beside(readout for readout, _ in found), tuple(each for _, entered in found for each in entered)

    def track(self, params: Params, inputs: Tree, statistics: Params) -> tuple[Readout, Params]:
        """The readout by the batch's own statistics, and the running statistics of both after seeing it."""
        found = {
            part: network.track(_of(params, part), inputs[part], _of(statistics, part)) for part, network in self.parts
        }
        return _beside(readout for readout, _ in found.values()), _joined(
            {part: each for part, (_, each) in found.items()}
        )


def _of(named: Params, part: str) -> Params:
    """What belongs to one network, by its own names."""
    return {name.removeprefix(f"{part}."): leaf for name, leaf in named.items() if name.startswith(f"{part}.")}


def _joined(named: dict[str, Params]) -> Params:
    return {f"{part}.{name}": leaf for part, leaves in named.items() for name, leaf in leaves.items()}


def _beside(readouts: Tree) -> Readout:
    return Readout(*(torch.cat(leaves, 1) for leaves in zip(*readouts, strict=True)))
