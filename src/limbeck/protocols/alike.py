"""Training of pairs on how alike they are said to be."""

from __future__ import annotations

from dataclasses import dataclass, fields

from limbeck.core.contracts import AbstractNetwork, AbstractProtocol, AbstractTask, Schedule
from limbeck.core.errors import InputError
from limbeck.core.expect import at_least
from limbeck.core.key import Key
from limbeck.learn.losses import ByLikeness
from limbeck.learn.rules import AbstractInnerOptimizer, Momentum
from limbeck.protocols.epochs import Epochs


@dataclass(frozen=True)
class Alike(AbstractProtocol):
    """Epochs down the training loss `likeness`, at the learned rate of a set: as LoRS is scored (Xu et al., ICML 2024).

    The similarity that a set carries is what its learners are trained to; of real pairs, and of sets without one, it is
    that of each pair to itself. The rate is the mean of those of the set, and falls to a tenth after 51 epochs. Real
    pairs, and all real data, are trained on in the same way. Published scores are those of the epoch that was best on
    the test pairs; here it is the last epoch.
    """

    epochs: int = 100
    """Epochs on a set."""
    batch: int = 128
    """How many pairs a step sees; 0: all."""
    learning_rate: float = 0.0
    """0: the mean of those that the set was distilled with."""
    optimizer: AbstractInnerOptimizer = Momentum(0.9, 5e-4)
    """What steps the parameters of a learner."""
    drop_after: int = 51
    """After how many epochs the rate falls to a tenth; 0: never."""
    augment = None

    def __post_init__(self) -> None:
        at_least(self, 1, "epochs")
        at_least(self, 0, "batch", "drop_after", "learning_rate")

    @property
    def name(self) -> str:
        """ "lors", and the fields that are not as published.

        >>> Alike().name, Alike(epochs=3).name
        ('lors', 'lors with epochs 3')
        """
        default = type(self)()
        changed = [each.name for each in fields(self) if getattr(self, each.name) != getattr(default, each.name)]
        return "lors" + (f" with {', '.join(map(self._said, changed))}" if changed else "")

    def _said(self, field: str) -> str:
        value = getattr(self, field)
        return value.describe(self._rate) if isinstance(value, AbstractInnerOptimizer) else f"{field} {value}"

    @property
    def _rate(self) -> str:
        return f"{self.learning_rate:g}" if self.learning_rate else "at the set's own mean learning rate"

    @property
    def _epochs(self) -> Epochs:
        """The training, but for its loss."""
        return Epochs(
            epochs=self.epochs,
            batch=self.batch,
            learning_rate=self.learning_rate,
            optimizer=self.optimizer,
            drop_after=self.drop_after,
        )

    @property
    def uses_own(self) -> bool:
        """Where the learning rate is the set's."""
        return self._epochs.uses_own

    def learner(self, task: AbstractTask, network: AbstractNetwork) -> AbstractNetwork:
        """The network; InputError where these are no pairs."""
        if not task.tied:
            raise InputError(f"protocol lors trains on pairs, and {task.name} has none; take another, such as dc")
        return network

    def schedule(self, own: Schedule | None, count: int, key: Key) -> Schedule:
        """The schedule over a set of `count` pairs, its order shuffled by `key`."""
        return self._epochs.schedule(own, count, key)._replace(loss=ByLikeness())

    def full_schedule(self, own: Schedule | None, count: int, steps: int, key: Key) -> Schedule:
        """The schedule over `count` real pairs where a distilled set gets `steps` steps."""
        return self._epochs.full_schedule(own, count, steps, key)._replace(loss=ByLikeness())

    def __str__(self) -> str:
        batch = f"batches of {self.batch}" if self.batch else "full batch"
        drop = f", a tenth of the learning rate after {self.drop_after}" if self.drop_after else ""
        return (
            f"{self.name}: {self.epochs} epochs of {self.optimizer.describe(self._rate)}, {batch}{drop}, to the "
            "similarity that a set carries (real pairs: each like itself alone), no augmentation"
        )
