"""Training on a condensed graph, as its literature does."""

from __future__ import annotations

from dataclasses import dataclass

from limbeck.core import tree
from limbeck.core.contracts import AbstractNetwork, AbstractProtocol, AbstractTask, Schedule
from limbeck.core.errors import InputError
from limbeck.core.expect import at_least, positive
from limbeck.core.key import Key
from limbeck.learn.epochs import shuffled_epochs
from limbeck.learn.rules import AbstractInnerOptimizer, Adam

NATIVE = "native"
"""The option of a network's name by which it sees features in the units of the data."""


@dataclass(frozen=True)
class CondensedGraph(AbstractProtocol):
    """Epochs of Adam on all of a graph, at a tenth of the rate from the middle on (Jin et al., ICLR 2022).

    The network sees features in the units of the data: rows that add up to 1 in the published ones. All real data are
    the labelled nodes amid the whole graph, for as many epochs. Published scores are those of the epoch that was best
    on validation nodes, and trained with dropout; here it is the last epoch, without.
    """

    epochs: int = 600
    """Epochs, each a step on all nodes; of real data in batches of `full_batch` nodes."""
    learning_rate: float = 0.01
    """Of the first half."""
    optimizer: AbstractInnerOptimizer = Adam(weight_decay=5e-4)
    """What steps the parameters of a learner."""
    full_batch: int = 4096
    """Labelled nodes a step, of all real data."""
    augment = None

    def __post_init__(self) -> None:
        at_least(self, 1, "epochs", "full_batch")
        positive(self, "learning_rate")

    @property
    def name(self) -> str:
        """What a row says: that of the published one, and the number of epochs where that is another."""
        return "gcond" if self == type(self)() else f"gcond with {self.epochs} epochs of {self._steps}"

    @property
    def _steps(self) -> str:
        return self.optimizer.describe(f"{self.learning_rate:g}")

    def learner(self, task: AbstractTask, network: AbstractNetwork) -> AbstractNetwork:
        """The network on features in the units of the data; InputError where these are no graph."""
        if not tree.joined(task.shape):
            raise InputError(f"protocol gcond trains on graphs, and {task.name} is none; take another, such as dc")
        return network if NATIVE in network.name.split("-") else task.network(f"{network.name}-{NATIVE}")

    def schedule(self, own: Schedule | None, count: int, key: Key) -> Schedule:
        """The schedule over all `count` nodes at once."""
        return self._schedule(count, 0, key)

    def full_schedule(self, own: Schedule | None, count: int, steps: int, key: Key) -> Schedule:
        """The schedule over all labelled nodes, for as many epochs."""
        return self._schedule(count, self.full_batch, key)

    def _schedule(self, count: int, batch: int, key: Key) -> Schedule:
        schedule = shuffled_epochs(count, self.epochs, batch, self.learning_rate, self.optimizer.rule(), key)
        schedule.learning_rates[len(schedule.learning_rates) // 2 :] *= 0.1
        return schedule

    def __str__(self) -> str:
        return f"{self.name}: {self.epochs} epochs of {self._steps}, full batch, a tenth of the rate after half of them"
