"""The label of the nearest items in place of a network in training."""

from __future__ import annotations

from dataclasses import dataclass

from limbeck.core.contracts import AbstractNetwork, AbstractTask
from limbeck.core.expect import at_least
from limbeck.learn.neighbours import Neighbours, check_series
from limbeck.learn.warping import AbstractSeriesDistance, Euclidean
from limbeck.protocols.fitted import AbstractFitting


@dataclass(frozen=True)
class Nearest(AbstractFitting):
    """The label of the nearest items, as the archives of series are judged by (Dau et al., 2019).

    It takes the place of whatever network is asked for. Nothing is drawn, so that there is one learner of a set, and no
    interval; of random real series each learner still has series of its own. All real data are items, too, unless they
    are more than `most`: then they are no baseline.
    """

    distance: AbstractSeriesDistance = Euclidean()
    """How far series are from one another."""
    count: int = 1
    """How many nearest items say the label together."""
    most: int = 10_000
    """Items that it is fitted to at most."""
    augment = None

    def __post_init__(self) -> None:
        at_least(self, 1, "count", "most")

    @property
    def name(self) -> str:
        """The number of neighbours and the distance.

        >>> from limbeck.learn.warping import Warped
        >>> Nearest().name, Nearest(Warped(0.05), count=3).name
        ('1nn', '3nn-dtw0.05')
        """
        return f"{self.count}nn{self.distance.suffix}" + (f" of at most {self.most:,}" if self.most != 10_000 else "")

    def learner(self, task: AbstractTask, network: AbstractNetwork) -> AbstractNetwork:
        """The neighbours; InputError for a task that is not to name classes of series."""
        check_series(task, f"protocol {self.name}")
        return Neighbours(task, self.distance, self.count, self.most)

    def __str__(self) -> str:
        what = "nearest item" if self.count == 1 else f"{self.count} nearest items, in the mean"
        return (
            f"{self.name}: the label of the {what} by {self.distance}, of at most {self.most:,}; nothing is drawn, so "
            "one learner of a set and no interval"
        )
