"""Soft labels that are learned and stay such."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractParameterization, Batch, Parameters, Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.parameterizations.around import AbstractAround
from limbeck.parameterizations.pixels import Pixels, unlabelled

LEAST = 2.0**-126
"""What stands for a weight of nothing, which is the softmax of no numbers."""


@dataclass(frozen=True)
class SoftmaxTargets(AbstractAround):
    """The items of another parameterization under a softmax of learned numbers (Guo et al., ICLR 2024).

    Beside what `inner` learns there is the group "targets" (item, class), which starts at the logarithms of the targets
    of the start and may have an optimizer of its own: labels stay positive and sum to 1. Where those of the start are a
    network's, stepping them is stepping its logits, of which a constant makes no difference. Labels of one class alone
    hardly move from there, as the softmax is flat.
    """

    inner: AbstractParameterization = field(default_factory=Pixels)
    """The parameterization of the inputs."""

    def init(self, problem: Problem, start: Batch, key: Key) -> Parameters:
        """The parameters of the items, and the logarithms; InputError for targets that are not weights of classes."""
        targets = start.targets
        if not isinstance(targets, Tensor) or not targets.is_floating_point() or targets.dim() != 2:
            found = f"{targets.dtype} {tuple(targets.shape)}" if isinstance(targets, Tensor) else "a tree"
            raise InputError(
                f"softmax-targets: found targets {found}, expected a weight for each class; choose --parameterization "
                "soft-targets"
            )
        items = self.inner.init(problem, unlabelled(start), key)
        return items._replace(learned={**items.learned, "targets": targets.detach().clamp(min=LEAST).log()})

    def render(self, params: Parameters, key: Key) -> Batch:
        """The items under the softmax of what is learned."""
        return self.inner.render(params, key)._replace(targets=params.learned["targets"].softmax(1))

    def stored(self, params: Parameters) -> Parameters:
        """What `inner` stores of the items, and the learned numbers as floats."""
        items = self.inner.stored(params)
        return items._replace(learned={**items.learned, "targets": tree.compact(params.learned["targets"])})
