"""Centres of clusters, of which classes have as many as they need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from limbeck.core.contracts import Batch, Problem
from limbeck.core.expect import at_least
from limbeck.core.key import Key
from limbeck.starts.centroids import AbstractCentroids, clustered
from limbeck.starts.spaces import AbstractSpace, EmbeddedCategories

Cost = Callable[[int, int], float]
"""cost(class, items) -> what so many items of a class leave unsaid of it."""


@dataclass(frozen=True)
class AllocatedCentroids(AbstractCentroids):
    """The k-means centres of each class, as many in all as asked for, of each as many as pay (as in C2TC).

    How many a class has is found by local search: minimise the sum over classes c of SSD_c(k_c) / n_c^gamma, where
    SSD_c(k) is the sum of squared distances of its n_c examples from the nearest of k centres.
    """

    space: AbstractSpace = field(default_factory=EmbeddedCategories)
    """Where examples are near one another."""
    gamma: float = 1.0
    """How much classes count by themselves: 0: by their examples, 1: all alike."""

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, 0, "gamma")

    def pick(self, problem: Problem, per_class: int, key: Key) -> Batch:
        """`per_class` centres a class in all; at least one of each, those of large clusters first."""
        parts, ways = self.placed(problem, per_class, key)
        known: dict[tuple[int, int], tuple[Tensor, float]] = {}

        def found(label: int, count: int) -> tuple[Tensor, float]:
            if (label, count) not in known:
                known[label, count] = clustered(parts[label], count, key.fold("clusters", label))
            return known[label, count]

        def cost(label: int, count: int) -> float:
            return found(label, count)[1] / len(parts[label]) ** self.gamma

        sizes = [len(part) for part in parts]
        counts = allocated(sizes, per_class * len(parts), cost)
        return self.made(problem, [found(label, count)[0] for label, count in enumerate(counts)], ways)


def allocated(sizes: Sequence[int], total: int, cost: Cost) -> list[int]:
    """How many of `total` items each class has, at least one and at most as many as it has examples.

    It begins with shares of the sizes. Then items go from one class to another where that lowers the summed cost the
    most, at first as many as the standard deviation of the counts, and half as many whenever none pays, down to one. Of
    costs that fall by less with each further item, what it ends with is the best there is.

    >>> allocated([30, 30], 6, lambda label, count: (1, 9)[label] / count)
    [2, 4]
    """
    counts = _shares(sizes, total)
    step = max(1, round(float(torch.tensor(counts, dtype=torch.float64).std(correction=0))))
    while step:
        # What each class loses by giving so many items away, and gains by being given them.
        least = [label for label, count in enumerate(counts) if count > step]
        room = [label for label, count in enumerate(counts) if count + step <= sizes[label]]
        loses = {label: cost(label, counts[label] - step) - cost(label, counts[label]) for label in least}
        gains = {label: cost(label, counts[label]) - cost(label, counts[label] + step) for label in room}
        moves = [(gains[to] - loses[of], -of, -to) for of in least for to in room if of != to]
        best = max(moves, default=(0.0, 0, 0))
        # A gain that rounding may have made is none, so that the sum falls with every move and the search ends.
        if best[0] <= 1e-9 * sum(abs(cost(label, count)) for label, count in enumerate(counts)):
            step //= 2
            continue
        counts[-best[1]] -= step
        counts[-best[2]] += step
    return counts


def _shares(sizes: Sequence[int], total: int) -> list[int]:
    """`total` in proportion to sizes, at least one and at most its size each."""
    counts = [1] * len(sizes)
    for _ in range(total - len(sizes)):
        wanting = [(size / count, -label) for label, (size, count) in enumerate(zip(sizes, counts, strict=True))]
        counts[-max(each for each, size, count in zip(wanting, sizes, counts, strict=True) if count < size)[1]] += 1
    return counts
