"""Whether learners are right more often than by chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from jaxtyping import Int
from torch import Tensor

from limbeck.statistics.decisions import ABOVE, side
from limbeck.statistics.estimates import LEVEL, SHARE, estimate, share


class Chance(NamedTuple):
    """How often a learner that has learned nothing is right, and of how many evaluation examples that is told."""

    share: float
    """The share of the largest class: what always saying one class comes to at best; 1 / classes where all have as
    many."""
    examples: int

    @classmethod
    def of(cls, classes: Int[Tensor, " example"]) -> Chance:
        """That of evaluation examples of these classes.

        >>> import torch
        >>> Chance.of(torch.tensor([0, 0, 1, 1]))
        Chance(share=0.5, examples=4)
        """
        return cls(float(classes.bincount().max()) / len(classes), len(classes))

    def exceeded(self, accuracies: Sequence[float], level: float = LEVEL) -> bool:
        """Whether learners are shown to be right more often: three at least, by two intervals.

        One is over learners. The other is Wilson's over evaluation examples, for learners of one seed after another
        may all be right by the same luck.

        >>> Chance(0.1, 1000).exceeded([0.12, 0.13, 0.125]), Chance(0.1, 100).exceeded([0.12, 0.13, 0.125])
        (True, False)
        """
        over = estimate("", accuracies, level, SHARE)
        return side(over, self.share) == ABOVE and share("", over.value, self.examples, level).low > self.share
