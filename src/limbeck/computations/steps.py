"""Training for a number of steps, and training on all real data: protocols that computations ask for."""

from __future__ import annotations

from dataclasses import dataclass

from limbeck.core.contracts import (
    AbstractAugmentation,
    AbstractNetwork,
    AbstractProtocol,
    AbstractTask,
    Schedule,
    Teaching,
)
from limbeck.core.errors import InputError
from limbeck.core.family import VALUES
from limbeck.core.key import Key
from limbeck.learn.epochs import shuffled_epochs
from limbeck.learn.rules import Momentum

LEAST_STEPS = 150
"""Small data sets are seen more often by networks that others go by, until those have had this many steps."""


@VALUES.register
@dataclass(frozen=True)
class Steps(AbstractProtocol):
    """So many steps of SGD; by default 300 on all items at once, as Yang et al. (ICML 2024) train on a set."""

    steps: int = 300
    """Steps, all items at once."""
    batch: int = 0
    """How many examples a step sees, in shuffled order; 0 for all at once."""
    learning_rate: float = 0.01
    """The length of a step."""
    momentum: float = 0.9
    """The share of the last step that the next one keeps."""
    weight_decay: float = 0.0
    """How strongly parameters are drawn to zero."""
    augment = None

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 0:
            raise InputError(f"steps: found {self.steps} steps, batches of {self.batch}; expected steps from 1 on")

    @property
    def name(self) -> str:
        """How many steps."""
        return f"{self.steps} steps"

    def schedule(self, own: Schedule | None, count: int, key: Key) -> Schedule:
        """The schedule over `count` examples, its order shuffled by the key."""
        epochs = -(-self.steps // -(-count // min(self.batch or count, count)))
        rule = Momentum(self.momentum, self.weight_decay).rule()
        whole = shuffled_epochs(count, epochs, self.batch, self.learning_rate, rule, key)
        return whole._replace(learning_rates=whole.learning_rates[: self.steps])

    def full_schedule(self, own: Schedule | None, count: int, steps: int, key: Key) -> Schedule:
        """As over a set: all real data are seen in as many steps."""
        return self.schedule(own, count, key)


@VALUES.register
@dataclass(frozen=True)
class OfAllData(AbstractProtocol):
    """A protocol as it trains on all real data, where a distilled set gets `steps` steps."""

    protocol: AbstractProtocol
    steps: int

    @property
    def augment(self) -> AbstractAugmentation | None:  # type: ignore[override]
        """That of the protocol."""
        return self.protocol.augment

    @property
    def average(self) -> float:  # type: ignore[override]
        """That of the protocol."""
        return self.protocol.average

    @property
    def name(self) -> str:
        """That of the protocol."""
        return self.protocol.name

    @property
    def teaching(self) -> Teaching | None:
        """That of the protocol."""
        return self.protocol.teaching

    @property
    def uses_own(self) -> bool:
        """Where the protocol does."""
        return self.protocol.uses_own

    def learner(self, task: AbstractTask, network: AbstractNetwork) -> AbstractNetwork:
        """That of the protocol."""
        return self.protocol.learner(task, network)

    def schedule(self, own: Schedule | None, count: int, key: Key) -> Schedule:
        """The protocol's schedule over all `count` real examples."""
        return self.protocol.full_schedule(own, count, self.steps, key)

    def full_schedule(self, own: Schedule | None, count: int, steps: int, key: Key) -> Schedule:
        """The protocol's own."""
        return self.protocol.full_schedule(own, count, steps, key)
