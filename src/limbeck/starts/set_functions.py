"""What some of the examples of a class are worth in place of all, and the greedy way to the best of so many."""

from __future__ import annotations

import heapq
from abc import abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core.expect import AbstractPart, at_least


class AbstractSetFunction(AbstractPart):
    """What a set of examples is worth: submodular, so that one more adds the less, the more there are.

    All that a gain depends on of what is chosen is one number for each example, which starts at 0.
    """

    @abstractmethod
    def gains(
        self,
        similarity: Float[Tensor, "example example"],
        reached: Float[Tensor, " example"],
        items: Int[Tensor, " item"],
    ) -> Float[Tensor, " item"]:
        """What each of some examples that are not chosen would add."""

    @abstractmethod
    def reached(self, before: Float[Tensor, " example"], row: Float[Tensor, " example"]) -> Float[Tensor, " example"]:
        """The number for each example once one more is chosen, to which their similarities are `row`."""


@dataclass(frozen=True)
class FacilityLocation(AbstractSetFunction):
    """How well each example is stood for by the one of the set that is most like it (Iyer et al., ALT 2021).

    F(S) = sum over all i of max over j in S of similarity(i, j), and 0 of none. It grows with every further example.
    """

    def gains(
        self,
        similarity: Float[Tensor, "example example"],
        reached: Float[Tensor, " example"],
        items: Int[Tensor, " item"],
    ) -> Float[Tensor, " item"]:
        """By how much each would raise the largest similarities."""
        return (similarity[items] - reached).clamp(min=0).sum(1)

    def reached(self, before: Float[Tensor, " example"], row: Float[Tensor, " example"]) -> Float[Tensor, " example"]:
        """The largest similarity to any that is chosen."""
        return torch.maximum(before, row)


@dataclass(frozen=True)
class GraphCut(AbstractSetFunction):
    """How like the set is to all examples, less how like its own are to one another (Iyer et al., ALT 2021).

    F(S) = sum over all i, j in S of similarity(i, j) - redundancy * sum over i, j in S of similarity(i, j). Up to a
    redundancy of 1/2 it grows with every further example.
    """

    redundancy: float = 1.0
    """How much being like one another counts."""

    def __post_init__(self) -> None:
        at_least(self, 0, "redundancy")

    def gains(
        self,
        similarity: Float[Tensor, "example example"],
        reached: Float[Tensor, " example"],
        items: Int[Tensor, " item"],
    ) -> Float[Tensor, " item"]:
        """How like each is to all, less what is counted twice."""
        return similarity[items].sum(1) - self.redundancy * (2 * reached[items] + similarity[items, items])

    def reached(self, before: Float[Tensor, " example"], row: Float[Tensor, " example"]) -> Float[Tensor, " example"]:
        """The sum of similarities to all that are chosen."""
        return before + row


def greedy(
    function: AbstractSetFunction, similarity: Float[Tensor, "example example"], count: int
) -> Int[Tensor, " item"]:
    """`count` examples, each the one that adds most to those before it, the first of equals.

    Of a function that grows with every further example they are worth at least 1 - 1/e of the best `count`
    (Nemhauser, Wolsey and Fisher, 1978). What an example added once bounds what it adds later, so only those whose
    bound is the highest are looked at again (Minoux, 1978): the result is that of looking at all each time.
    """
    every = torch.arange(len(similarity))
    reached = similarity.new_zeros(len(similarity))
    bounds = [(-gain, item) for item, gain in enumerate(function.gains(similarity, reached, every).tolist())]
    heapq.heapify(bounds)
    chosen: list[int] = []
    while len(chosen) < count:
        _, item = heapq.heappop(bounds)
        found = (-float(function.gains(similarity, reached, every[item : item + 1])), item)
        if bounds and bounds[0] < found:
            heapq.heappush(bounds, found)
            continue
        chosen.append(item)
        reached = function.reached(reached, similarity[item])
    return torch.tensor(chosen)
