"""Training for a number of steps, and training on all real data: protocols that computations ask for."""

from __future__ import annotations

from dataclasses import dataclass

from limbeck.core.contracts import AbstractAugmentation, Schedule
from limbeck.core.errors import InputError
from limbeck.core.family import VALUES
from limbeck.core.key import Key
from limbeck.learn.protocol import Protocol


@VALUES.register
@dataclass(frozen=True)
class Steps:
    """So many steps of SGD; by default 300 on all items at once, as Yang et al. (ICML 2024) train on a set."""

    steps: int = 300
    batch: int = 0
    """How many examples a step sees, in shuffled order; 0 for all at once."""
    learning_rate: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 0:
            raise InputError(f"steps: found {self.steps} steps, batches of {self.batch}; expected steps from 1 on")

    @property
    def augment(self) -> AbstractAugmentation | None:
        """None."""
        return None

    def schedule(self, own: Schedule | None, count: int, key: Key) -> Schedule:
        """The schedule over `count` examples, its order shuffled by the key."""
        batch = min(self.batch or count, count)
        per_epoch = -(-count // batch)
        epochs = -(-self.steps // per_epoch)
        whole = Protocol("steps", epochs, batch, self.learning_rate, self.momentum, self.weight_decay)
        found = whole.schedule(count, key)
        return found._replace(learning_rates=found.learning_rates[: self.steps])


@VALUES.register
@dataclass(frozen=True)
class OfAllData:
    """A protocol as it trains on all real data, where a distilled set gets `steps` steps."""

    protocol: Protocol
    steps: int

    @property
    def augment(self) -> AbstractAugmentation | None:
        """That of the protocol."""
        return self.protocol.augment

    def schedule(self, own: Schedule | None, count: int, key: Key) -> Schedule:
        """The protocol's schedule over all `count` real examples."""
        return self.protocol.full_schedule(count, self.steps, key)
