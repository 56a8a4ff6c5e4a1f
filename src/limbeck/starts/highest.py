"""What has the highest scores."""

from __future__ import annotations

from dataclasses import dataclass, field

from jaxtyping import Int
from torch import Tensor

from limbeck.computations.features import Networks
from limbeck.core.contracts import Problem
from limbeck.core.key import Key
from limbeck.starts.scores import AbstractScore, Entropy
from limbeck.starts.seen import Seen
from limbeck.starts.selection import AbstractSelection


@dataclass(frozen=True)
class Highest(AbstractSelection):
    """Real images of the highest scores of their class."""

    score: AbstractScore = field(default_factory=Entropy)
    """How much an image is asked for."""

    @property
    def seen_by(self) -> Networks:
        """Those that the score is by."""
        return Networks(self.score.networks, self.score.readings)

    def check(self, problem: Problem) -> None:
        """InputError for a task that the score is not for."""
        self.score.check(problem.task)

    def select(self, seen: Seen, count: int, key: Key) -> Int[Tensor, " item"]:
        """`count` examples, by falling score; of equals as they come, which the key has drawn."""
        return self.score.of(seen).argsort(descending=True, stable=True)[:count]
