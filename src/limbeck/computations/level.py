"""When a training has levelled off."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from limbeck.core.expect import AbstractPart
from limbeck.core.family import VALUES
from limbeck.statistics.curves import slope


@VALUES.register
@dataclass(frozen=True)
class Level(AbstractPart):
    """When a training has levelled off: the rule that ends it.

    At each of its readings from step `first` on, its score (the first metric, on `examples` validation examples) is
    fitted by a straight line over the readings since half as many steps, against the logarithm of the step. It ends
    where that line rises, over the doubling, by less than the share `rise` of the span of all its scores so far.
    """

    rise: float = 0.05
    """The least rise over a doubling of the steps that goes on, as a share of the span so far."""
    first: int = 600
    """The first step at which it may end."""
    examples: int = 2000
    """Validation examples that are read."""

    def reached(self, steps: Sequence[int], scores: Sequence[float]) -> bool:
        """Whether a training that was read at those steps has levelled off; of scores more is better.

        >>> Level(0.05, 4).reached([0, 1, 2, 4, 8], [0.1, 0.5, 0.70, 0.71, 0.715])
        True
        >>> Level(0.05, 4).reached([0, 1, 2, 4, 8], [0.1, 0.5, 0.70, 0.71, 0.75])
        False
        """
        last = steps[-1]
        if last < self.first:
            return False
        since = [place for place, step in enumerate(steps) if 2 * step >= last and step]
        at = torch.tensor([math.log2(steps[place]) for place in since], dtype=torch.float64)
        values = torch.tensor([scores[place] for place in since], dtype=torch.float64)
        return len(since) > 1 and slope(at, values) <= self.rise * (max(scores) - min(scores))
