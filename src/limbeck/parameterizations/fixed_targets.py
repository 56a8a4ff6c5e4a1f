"""Labels that stay as they are."""

from __future__ import annotations

from dataclasses import dataclass, field

from limbeck.core import tree
from limbeck.core.contracts import AbstractParameterization, Batch, Parameters, Problem
from limbeck.core.key import Key
from limbeck.parameterizations.pixels import Pixels, unlabelled


@dataclass(frozen=True)
class FixedTargets(AbstractParameterization):
    """The items of another parameterization under the targets of the start, which are not learned (Cui et al. 2023)."""

    inner: AbstractParameterization = field(default_factory=Pixels)

    @property
    def views(self) -> bool:  # type: ignore[override]
        """As `inner`."""
        return self.inner.views

    def init(self, start: Batch, key: Key) -> Parameters:
        """The parameters of the items, and the targets of the start."""
        items = self.inner.init(unlabelled(start), key)
        targets = tree.map(lambda leaf: leaf.detach().clone(), start.targets)
        return Parameters(items.learned, {"items": items.fixed, "targets": targets})

    def render(self, params: Parameters, key: Key) -> Batch:
        """The items under the targets of the start."""
        return self.inner.render(self._items(params), key)._replace(targets=tree.widen(params.fixed["targets"]))

    def stored(self, params: Parameters) -> Parameters:
        """What `inner` stores of the items, and the targets: floats as floats, hard or soft."""
        items = self.inner.stored(self._items(params))
        return Parameters(items.learned, {"items": items.fixed, "targets": tree.compact(params.fixed["targets"])})

    def settled(self, params: Parameters, problem: Problem) -> Parameters:
        """As `inner`."""
        return params._replace(learned=self.inner.settled(self._items(params), problem).learned)

    def _items(self, params: Parameters) -> Parameters:
        return Parameters(params.learned, params.fixed["items"])
