"""When a training has levelled off."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from limbeck.core.family import VALUES
from limbeck.statistics.curves import slope


@VALUES.register
@dataclass(frozen=True)
class Level:
    """When a training has levelled off: the rule that ends it.

    At each of its readings from step `first` on, the first metric on `examples` validation examples is fitted by a
    straight line over the readings since half as many steps, against the logarithm of the step. Where that line rises
    by less than `rise` from end to end, the last doubling of the training has brought next to nothing, and it ends.
    """

    rise: float = 0.02
    first: int = 300
    examples: int = 2000

    def reached(self, steps: Sequence[int], scores: Sequence[float]) -> bool:
        """Whether a training that was read at those steps has levelled off; a lower score is better where it falls.

        >>> Level(0.02, 4).reached([0, 1, 2, 4, 8], [0.1, 0.5, 0.70, 0.71, 0.715])
        True
        >>> Level(0.02, 4).reached([0, 1, 2, 4, 8], [0.1, 0.5, 0.70, 0.71, 0.74])
        False
        """
        last = steps[-1]
        if last < self.first:
            return False
        since = [place for place, step in enumerate(steps) if 2 * step >= last and step]
        at = torch.tensor([math.log2(steps[place]) for place in since], dtype=torch.float64)
        values = torch.tensor([scores[place] for place in since], dtype=torch.float64)
        return len(since) > 1 and abs(slope(at, values)) * float(at[-1] - at[0]) < self.rise
