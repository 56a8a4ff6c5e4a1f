"""The best of a set function."""

from __future__ import annotations

from dataclasses import dataclass, field

from jaxtyping import Int
from torch import Tensor

from limbeck.core.key import Key
from limbeck.starts.seen import Seen
from limbeck.starts.selection import AbstractSelection
from limbeck.starts.set_functions import AbstractSetFunction, FacilityLocation, greedy
from limbeck.starts.similarities import AbstractSimilarity, FeatureCosine


@dataclass(frozen=True)
class Submodular(AbstractSelection):
    """Real images that are together worth most by a set function, each the one that adds most."""

    function: AbstractSetFunction = field(default_factory=FacilityLocation)
    """What some images are worth in place of all."""
    similarity: AbstractSimilarity = field(default_factory=FeatureCosine)
    """How much alike two images are."""

    def select(self, seen: Seen, count: int, key: Key) -> Int[Tensor, " item"]:
        """`count` examples, in the order they are chosen."""
        return greedy(self.function, self.similarity.of(seen), count)
