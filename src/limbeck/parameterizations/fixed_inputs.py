"""Inputs that stay as they are, under labels that are learned."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from limbeck.core import tree
from limbeck.core.contracts import AbstractParameterization, Batch, Parameters, Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key


@dataclass(frozen=True)
class FixedInputs(AbstractParameterization):
    """The inputs of the start as they are, under learned targets (Bohdal et al., Flexible Dataset Distillation, 2020).

    What is learned are the targets alone (group "targets"), which start at those of the start. They are free numbers:
    the optimizer `on-simplex` keeps each row positive and its sum at 1.
    """

    def init(self, problem: Problem, start: Batch, key: Key) -> Parameters:
        """The targets of the start, and its inputs; InputError for targets that are not numbers."""
        if not all(map(torch.is_floating_point, tree.leaves(start.targets))):
            raise InputError(
                "fixed-inputs: found targets of another type than floating, expected floats, which can be learned; "
                "choose --parameterization pixels"
            )
        inputs, targets, classes = tree.map(lambda leaf: leaf.detach().clone(), tuple(start))
        return Parameters({"targets": targets}, {"inputs": inputs, "classes": classes})

    def render(self, params: Parameters, key: Key) -> Batch:
        """The inputs under the learned targets."""
        fixed = tree.widen(params.fixed)
        return Batch(fixed["inputs"], params.learned["targets"], fixed["classes"])
