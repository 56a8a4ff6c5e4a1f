"""Labels that stay as they are."""

from __future__ import annotations

from dataclasses import dataclass, field

from limbeck.core import tree
from limbeck.core.contracts import AbstractParameterization, Batch, Parameters, Problem
from limbeck.core.key import Key
from limbeck.parameterizations.around import AbstractAround
from limbeck.parameterizations.pixels import Pixels, unlabelled


@dataclass(frozen=True)
class FixedTargets(AbstractAround):
    """The items of another parameterization under the targets of the start, which are not learned (Cui et al. 2023)."""

    inner: AbstractParameterization = field(default_factory=Pixels)
    """The parameterization of the inputs."""

    def init(self, problem: Problem, start: Batch, key: Key) -> Parameters:
        """The parameters of the items, and the targets of the start."""
        items = self.inner.init(problem, unlabelled(start), key)
        targets = tree.map(lambda leaf: leaf.detach().clone(), start.targets)
        return Parameters(items.learned, {"items": items.fixed, "targets": targets})

    def render(self, params: Parameters, key: Key) -> Batch:
        """The items under the targets of the start."""
        return self.inner.render(self.items(params), key)._replace(targets=tree.widen(params.fixed["targets"]))

    def stored(self, params: Parameters) -> Parameters:
        """What `inner` stores of the items, and the targets: floats as floats, hard or soft."""
        items = self.inner.stored(self.items(params))
        return Parameters(items.learned, {"items": items.fixed, "targets": tree.compact(params.fixed["targets"])})

    def items(self, params: Parameters) -> Parameters:
        """What is learned is all of `inner`, and beside the targets lies what it keeps."""
        return Parameters(params.learned, params.fixed["items"])
