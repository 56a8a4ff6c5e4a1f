"""A classifier that is no network in place of one in training."""

from __future__ import annotations

from dataclasses import dataclass

from limbeck.core.contracts import AbstractNetwork, AbstractTask
from limbeck.core.expect import at_least
from limbeck.learn.classifiers import AbstractClassifier, Logistic
from limbeck.learn.classifiers.machine import Machine
from limbeck.learn.kernel_machine import check
from limbeck.protocols.fitted import AbstractFitting


@dataclass(frozen=True)
class Classifier(AbstractFitting):
    """Trees, a regression or neighbours, fitted to the rows of a set at once and by the weights of soft labels.

    It takes the place of whatever network is asked for, and reads the numbers that a network would see. Where nothing
    is drawn, there is one learner of a set, and no interval. All real data are fitted, too, unless they are more than
    `most`: then they are no baseline.
    """

    classifier: AbstractClassifier = Logistic()
    """What is fitted."""
    most: int = 50_000
    """Items that are fitted at most."""
    augment = None

    def __post_init__(self) -> None:
        at_least(self, 1, "most")

    @property
    def name(self) -> str:
        """That of the classifier, and how many items at most where that is not the default.

        >>> Classifier().name, Classifier(most=100).name
        ('logistic', 'logistic with most 100')
        """
        return f"{self.classifier.name} with most {self.most}" if self.most != Classifier.most else self.classifier.name

    def learner(self, task: AbstractTask, network: AbstractNetwork) -> AbstractNetwork:
        """The classifier; InputError for a task that is not to name classes of rows of numbers."""
        check(task, f"protocol {self.name}")
        return Machine(task, self.classifier, self.most)

    def __str__(self) -> str:
        alone = "" if self.classifier.draws else "; nothing is drawn, so one learner of a set and no interval"
        return f"{self.name}: {self.classifier.name} fitted to at most {self.most:,} items by weights of labels{alone}"
