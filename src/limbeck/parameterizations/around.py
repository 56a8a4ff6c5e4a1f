"""What parameterizations around another share: it makes the items, they make the targets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jaxtyping import Int
from torch import Tensor

from limbeck.core.contracts import (
    AbstractParameterization,
    AbstractTask,
    Budget,
    Counted,
    Parameters,
    Pictured,
    Problem,
)


class AbstractAround(AbstractParameterization):
    """The items of another parameterization, `inner`, under targets of one's own."""

    inner: AbstractParameterization

    @property
    def views(self) -> bool:  # type: ignore[override]
        """As `inner`."""
        return self.inner.views

    @property
    def shared(self) -> tuple[str, ...]:  # type: ignore[override]
        """As `inner`."""
        return self.inner.shared

    def needs(self, problem: Problem) -> tuple[Any, ...]:
        """As `inner`."""
        return self.inner.needs(problem)

    def cost(self, task: AbstractTask, per_class: int) -> int:
        """As `inner`."""
        return self.inner.cost(task, per_class)

    def items(self, params: Parameters) -> Parameters:
        """The parameters of `inner` among those of the whole; by default these."""
        return params

    def counted(self, params: Parameters) -> Counted:
        """As `inner`, and the targets beside it."""
        items, found = self.items(params), self.inner.counted(self.items(params))
        beside = {} if items.fixed is params.fixed else params.fixed["targets"]
        return found._replace(labels=found.labels.plus(Budget.of(beside)))

    def origins(self, params: Parameters) -> Int[Tensor, " item"] | None:
        """As `inner`."""
        return self.inner.origins(self.items(params))

    def pictured(self, params: Parameters, classes: Sequence[str]) -> tuple[Pictured, ...]:
        """As `inner`."""
        return self.inner.pictured(self.items(params), classes)

    def settled(self, params: Parameters, problem: Problem) -> Parameters:
        """As `inner`."""
        return params._replace(learned={**params.learned, **self.inner.settled(self.items(params), problem).learned})
