"""Networks that are fitted to a batch at once, and not stepped down a loss by whoever trains them."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from limbeck.core.contracts import AbstractNetwork, Batch, Readout
from limbeck.core.key import Key
from limbeck.core.tree import Tree


class AbstractFitted(AbstractNetwork):
    """A network that is fitted to a batch at once."""

    most: int
    """Items that it is fitted to at most."""
    draws: bool = False
    """Whether anything of the fit is drawn by its key."""

    @abstractmethod
    def fit(self, batch: Batch, key: Key) -> Tree:
        """The parameters that a batch leads to, where it lies; InputError for more items than `most`."""

    def statistics(self) -> Tree:
        """None: whatever it knows of a batch is among its parameters, as fitting gives them."""
        return {}

    def layers(self, params: Tree, inputs: Tree, statistics: Tree | None = None) -> tuple[Tensor, ...]:
        """The features alone, where it has no layers."""
        return (self.apply(params, inputs).features,)

    def track(self, params: Tree, inputs: Tree, statistics: Tree) -> tuple[Readout, Tree]:
        """As `apply`."""
        return self.apply(params, inputs), {}

    @abstractmethod
    def flops(self, items: int, examples: int) -> float:
        """About how many operations it takes to fit it to so many items and to read so many examples."""
