"""Linear evaluation of the features that a network learns from a set."""

from __future__ import annotations

from dataclasses import dataclass, fields

from limbeck.core.contracts import AbstractNetwork, AbstractTask
from limbeck.core.errors import InputError
from limbeck.core.expect import at_least, positive
from limbeck.learn.kernel_machine import check
from limbeck.learn.linear_evaluation import LinearEvaluation
from limbeck.learn.networks.network import Network
from limbeck.learn.rules import AbstractInnerOptimizer, Adam
from limbeck.protocols.fitted import AbstractFitting


@dataclass(frozen=True)
class Linear(AbstractFitting):
    """A network learns from the set, and is scored by a linear layer on its features (Lee et al., ICLR 2024).

    It goes down the squared error of the targets, whatever these are, for `steps` steps. Then its features stay as they
    are, and ridge regression from these names the classes: it is fitted to `labelled` real images of each class, drawn
    for each learner and the same for all sets. At 0 steps it scores the features of a network that has learned nothing,
    which is what a set is to be held against. All real data are learned from by their labels in the same way, unless
    they are more than `most`: then they are no baseline.
    """

    steps: int = 300
    """Steps of a learner on a set."""
    learning_rate: float = 0.001
    """Of those steps."""
    optimizer: AbstractInnerOptimizer = Adam()
    """What steps a learner."""
    batch: int = 256
    """Items that a step sees; all, where there are fewer."""
    labelled: int = 5
    """Real images of each class that the linear layer is fitted to; all, where a class has fewer."""
    ridge: float = 0.01
    """In units of the mean squared norm of their features."""
    most: int = 5000
    """Items that are learned from at most, as all are held in memory."""
    augment = None

    def __post_init__(self) -> None:
        at_least(self, 0, "steps")
        at_least(self, 1, "batch", "labelled", "most")
        positive(self, "learning_rate", "ridge")

    @property
    def name(self) -> str:
        """ "linear", and the fields that are not the default.

        >>> Linear().name, Linear(steps=0, labelled=10).name
        ('linear', 'linear with steps 0, labelled 10')
        """
        changed = [field.name for field in fields(self) if getattr(self, field.name) != field.default]
        return "linear" + (f" with {', '.join(map(self._said, changed))}" if changed else "")

    def _said(self, field: str) -> str:
        """A field and its value in a few words."""
        value = getattr(self, field)
        if isinstance(value, AbstractInnerOptimizer):
            return value.describe(f"{self.learning_rate:g}")
        return f"{field} {value:g}" if isinstance(value, float) else f"{field} {value}"

    def learner(self, task: AbstractTask, network: AbstractNetwork) -> AbstractNetwork:
        """The network with a last layer of its own; InputError for a task that is not to name classes.

        And for a network whose last layer cannot have other outputs.
        """
        check(task, f"protocol {self.name}")
        if not isinstance(network, Network):
            raise InputError(
                f"protocol {self.name}: found network {network.name}, expected one of modules, that ends in a linear "
                "layer; choose one of `limbeck list networks`"
            )
        return LinearEvaluation(
            task, network, self.optimizer, self.steps, self.learning_rate, self.batch, self.labelled, self.ridge,
            self.most,
        )  # fmt: skip

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.steps} steps of {self.optimizer.describe(f'{self.learning_rate:g}')} down the squared "
            f"error of the targets, batches of {self.batch}; then ridge regression on the features of {self.labelled} "
            f"real images of each class, ridge {self.ridge:g}; no augmentation"
        )
