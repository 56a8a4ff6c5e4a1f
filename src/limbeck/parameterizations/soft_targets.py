"""Soft labels that are learned with the inputs."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from limbeck.core import tree
from limbeck.core.contracts import AbstractParameterization, Batch, Parameters, Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.parameterizations.around import AbstractAround
from limbeck.parameterizations.pixels import Pixels, unlabelled


@dataclass(frozen=True)
class SoftTargets(AbstractAround):
    """The items of another parameterization under learned targets (Sucholutsky & Schonlau, IJCNN 2021).

    Beside what `inner` learns there is the group "targets", which starts at the targets of the start and may have an
    optimizer of its own. They are free numbers: nothing keeps a row of weights positive or its sum at 1.
    """

    inner: AbstractParameterization = field(default_factory=Pixels)
    """The parameterization of the inputs."""

    def init(self, problem: Problem, start: Batch, key: Key) -> Parameters:
        """The parameters of the items, and the targets of the start; InputError for targets that are not numbers."""
        if not all(map(torch.is_floating_point, tree.leaves(start.targets))):
            raise InputError(
                "soft-targets: found targets of another type than floating, expected floats, which can be learned; "
                "choose --parameterization fixed-targets"
            )
        items = self.inner.init(problem, unlabelled(start), key)
        targets = tree.map(lambda leaf: leaf.detach().clone(), start.targets)
        return items._replace(learned={**items.learned, "targets": targets})

    def render(self, params: Parameters, key: Key) -> Batch:
        """The items under the learned targets."""
        return self.inner.render(params, key)._replace(targets=params.learned["targets"])

    def stored(self, params: Parameters) -> Parameters:
        """What `inner` stores of the items, and the targets as floats."""
        items = self.inner.stored(params)
        return items._replace(learned={**items.learned, "targets": tree.compact(params.learned["targets"])})
