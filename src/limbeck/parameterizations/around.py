"""What parameterizations around another share: it makes the items, they make the targets."""

from __future__ import annotations

from typing import Any

from limbeck.core.contracts import AbstractParameterization, AbstractTask, Parameters, Problem


class AbstractAround(AbstractParameterization):
    """The items of another parameterization, `inner`, under targets of one's own."""

    inner: AbstractParameterization

    @property
    def views(self) -> bool:  # type: ignore[override]
        """As `inner`."""
        return self.inner.views

    def needs(self, problem: Problem) -> tuple[Any, ...]:
        """As `inner`."""
        return self.inner.needs(problem)

    def cost(self, task: AbstractTask, per_class: int) -> int:
        """As `inner`."""
        return self.inner.cost(task, per_class)

    def items(self, params: Parameters) -> Parameters:
        """The parameters of `inner` among those of the whole; by default these."""
        return params

    def settled(self, params: Parameters, problem: Problem) -> Parameters:
        """As `inner`."""
        return params._replace(learned={**params.learned, **self.inner.settled(self.items(params), problem).learned})
